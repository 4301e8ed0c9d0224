# Included by the top Makefile: make cross, cross-units, deps-cross.

# By Debian's names: a compiler and its libc for each architecture, and what runs its programs. The run
# makes musl itself, from Debian's source, unless it is installed.
CROSS_PACKAGES = gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross \
	gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user-static

.PHONY: cross cross-units deps-cross
cross:
	@test/cross/run

cross-units:
	@test/cross/run --units

deps-cross:
	@$(MAKE) -s deps PACKAGES="$(CROSS_PACKAGES)"
