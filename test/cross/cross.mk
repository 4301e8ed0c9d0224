# Included by the top Makefile: make cross, cross-units, deps-cross.

# By Debian's names: a compiler and its libc for each architecture, musl of that architecture, and what
# runs its programs. (There is no musl for riscv64 before Debian 13.)
CROSS_PACKAGES = gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross \
	gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user-static
CROSS_MUSL = $(foreach architecture,arm64 ppc64el s390x,musl-dev:$(architecture))

.PHONY: cross cross-units deps-cross
cross:
	@test/cross/run

cross-units:
	@test/cross/run --units

deps-cross:
	@for architecture in $(CROSS_MUSL:musl-dev:%=%); do dpkg --add-architecture $$architecture; done
	@$(MAKE) -s deps PACKAGES="$(CROSS_PACKAGES) $(CROSS_MUSL)"
