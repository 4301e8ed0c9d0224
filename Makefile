# ./configure writes config.mk; 'make help' lists what there is to make.

BUILD = build
ifneq ($(filter-out deps deps-programs deps-cross cross cross-units help clean format format-check,$(or $(MAKECMDGOALS),all)),)
include config.mk
endif

# Every build and test package, by Debian's names.
PACKAGES = gcc g++ clang clang-format libclang-rt-dev make binutils musl-dev musl-tools pkg-config check \
	valgrind strace gdb gnuplot-nox python3 redis-server redis-tools memcached libmemcached-tools xz-utils \
	zstd pigz sqlite3 libsqlite3-dev faketime stress-ng sysbench rt-tests libnsync-dev firefox-esr

NEUTRAL = -nostdinc -isystem $(MUSL_HEADERS) -isystem $(COMPILER_HEADERS) -idirafter include \
	-I. -Iarch/$(ARCH) -Iarch/generic -D_GNU_SOURCE
# valgrind 3.19 cannot read the debugging information of clang's default version.
VALGRIND_FLAGS = -DFURWOCK_VALGRIND -gdwarf-4 -idirafter $(VALGRIND_HEADERS)
# Most functions of a fast path fit a cache line: then they take one fetch.
ONE_LINE = -falign-functions=64
# The user's flags may say otherwise than what is wanted. What is needed stands after them: no libc is
# there to report a smashed stack, checked calls are libc's, and an archive's members are objects.
USER_FLAGS = -Wall -Wextra -Wshadow $(ONE_LINE) $(CPPFLAGS) $(CFLAGS)
NEEDED_FLAGS = -std=gnu11 -ffreestanding -fno-builtin -fno-stack-protector -U_FORTIFY_SOURCE -fno-lto \
	-fasynchronous-unwind-tables -fvisibility=hidden -fno-common -ftls-model=initial-exec $(MACHINE_FLAGS) $(NEUTRAL) \
	$(if $(VALGRIND),$(VALGRIND_FLAGS))
LIBRARY_FLAGS = $(USER_FLAGS) $(NEEDED_FLAGS) -MMD -MP

# The library is built three times: as a shared object for any libc, and as an archive for each.
FORMS = dynamic glibc musl
FLAGS_dynamic = -fPIC
FLAGS_glibc = -fPIE -ffunction-sections -fdata-sections -ftls-model=local-exec -DFURWOCK_ARCHIVE
FLAGS_musl = $(FLAGS_glibc) -DFURWOCK_MUSL

# What a folder of arch/ lacks, generic has.
of_arch = $(basename $(firstword $(wildcard $(foreach folder,$(ARCH) generic,arch/$(folder)/$(1).[cS]))))

# Objects of the libc's own that programs see are one family or another; in an archive a family is
# one member, so that no object is ever shared between libc's code and Furwock's. The other members
# are what families have in common.
FAMILY_mutex = $(basename $(wildcard pthread/mutex/*.c)) pthread/cond pthread/c11 pthread/once
FAMILY_rwlock = $(basename $(wildcard pthread/rwlock/*.c))
FAMILY_barrier = pthread/barrier
FAMILY_sem = pthread/sem pthread/undo
FAMILY_spin = pthread/spin
FAMILY_key = pthread/key
# libc's own code on threads uses semaphores, barriers and rwlocks.
FAMILY_thread = $(basename $(wildcard pthread/thread/*.c)) $(FAMILY_rwlock) $(FAMILY_barrier) $(FAMILY_sem) \
	$(call of_arch,thread)
COMMON = pthread/park pthread/ticks pthread/spinning pthread/watch pthread/self pthread/options pthread/asymmetric pthread/alive
FAMILIES_glibc = mutex rwlock barrier sem spin key
FAMILIES_musl = mutex thread spin key

ARCH_PARTS = $(basename $(wildcard arch/$(ARCH)/clock.c arch/$(ARCH)/start.c))
HOST_glibc = pthread/host/libc pthread/host/scheduling $(call of_arch,landing) $(ARCH_PARTS)
HOST_musl = pthread/host/musl $(ARCH_PARTS) $(basename $(wildcard arch/$(ARCH)/rseq.c))
HOST_dynamic = $(HOST_glibc) pthread/host/dlopen $(call of_arch,dlopen)
DYNAMIC_OBJECTS = $(patsubst %,$(BUILD)/dynamic/%.o,$(basename $(wildcard pthread/*.c pthread/mutex/*.c pthread/rwlock/*.c)) $(HOST_dynamic))
archive_members = $(patsubst %,$(BUILD)/$(1)/%.o,$(FAMILIES_$(1))) \
	$(patsubst %,$(BUILD)/$(1)/%.o,$(COMMON) $(HOST_$(1)))

LIBRARIES = $(BUILD)/libfurwock.so $(patsubst %,$(BUILD)/%/libfurwock.a,$(ARCHIVES))

.DELETE_ON_ERROR:
.PHONY: all help deps install uninstall clean

all: $(LIBRARIES)

help:
	@echo "make            build/libfurwock.so, build/glibc/libfurwock.a, build/musl/libfurwock.a"
	@echo "make deps       install every build and test package (Debian, as root)"
	@echo "make check      the tests: dynamic and static programs of glibc and of musl"
	@echo "make check-host the same tests on glibc alone; check-host-musl: on musl alone"
	@echo "make analyze    the library's sources by gcc's and clang's analyzers, without a finding"
	@echo "make format     every source as .clang-format says; format-check: only look"
	@echo "make memcheck   the tests under valgrind, beside libc's own run"
	@echo "make checkers   races found and not found by helgrind, drd and the sanitizers"
	@echo "make orders     of these: the order that the library's atomic operations declare"
	@echo "make model      every interleaving of small programs on the real sources; mutants of them"
	@echo "make model-transfers  how often cache lines change CPUs, by threads, beside plain algorithms"
	@echo "make conformance  POSIX, assertion by assertion, on libc and on Furwock; SUITE=DIR adds a suite"
	@echo "make stress     random stress of every object for SECONDS=60"
	@echo "make fault      killed processes, refused system calls, bad input"
	@echo "make apps       real programs on libc and on Furwock"
	@echo "make bench      measure, beside libc; 'make plot' draws it, and makes the README's tables"
	@echo "make growth     measure as threads, mutexes and waiters grow in number"
	@echo "make sweep      kinds, threads, lengths inside and outside of sections: point by point beside libc"
	@echo "make bench-programs  the throughput of real programs; as root, 'make deps-programs' installs them"
	@echo "make cross      other architectures, by cross compilers and qemu-user; as root, 'make deps-cross' installs them"
	@echo "make demo       an unmodified threaded program, and what changes"
	@echo "make install    to $(PREFIX) (DESTDIR is honoured)"

config.mk:
	@echo "Run ./configure first (and before that, as root on Debian, 'make deps')." >&2; exit 1

define rules_of_form
$(BUILD)/$(1)/%.o: %.c config.mk
	@mkdir -p $$(@D)
	@echo "  CC    $$<"
	@$(CC) $(LIBRARY_FLAGS) $(FLAGS_$(1)) -c -o $$@ $$<

$(BUILD)/$(1)/%.o: %.S config.mk
	@mkdir -p $$(@D)
	@echo "  AS    $$<"
	@$(CC) $(USER_FLAGS) -fno-lto $(FLAGS_$(1)) -c -o $$@ $$<
endef
$(foreach form,$(FORMS),$(eval $(call rules_of_form,$(form))))

define rule_of_family
$(BUILD)/$(1)/$(2).o: $(patsubst %,$(BUILD)/$(1)/%.o,$(FAMILY_$(2)))
	@echo "  LD    $$@"
	@$(CC) $(CFLAGS) -fno-lto -nostdlib -r -o $$@ $$^
endef
$(foreach form,glibc musl,$(foreach family,$(FAMILIES_$(form)),\
	$(eval $(call rule_of_family,$(form),$(family)))))

define rule_of_archive
$(BUILD)/$(1)/libfurwock.a: $(call archive_members,$(1))
	@echo "  AR    $$@"
	@rm -f $$@
	@$(AR) rcsD $$@ $$^
endef
$(foreach form,glibc musl,$(eval $(call rule_of_archive,$(form))))

$(BUILD)/libfurwock.so: $(DYNAMIC_OBJECTS)
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -fno-lto -shared -nostdlib -Wl,-soname,libfurwock.so -Wl,-z,relro -Wl,-z,now \
		-Wl,-z,noexecstack -Wl,-z,nodelete -Wl,-z,text -Wl,-Bsymbolic -Wl,--hash-style=both \
		-o $@ $(DYNAMIC_OBJECTS)

-include $(foreach form,$(FORMS),$(wildcard $(BUILD)/$(form)/*/*.d $(BUILD)/$(form)/*/*/*.d))

deps:
	@test "$$(id -u)" = 0 || { echo "make deps needs root: it runs apt-get install" >&2; exit 1; }
	@command -v apt-get >/dev/null || { echo "make deps knows Debian only: install $(PACKAGES)" >&2; exit 1; }
	@echo "  APT   $(PACKAGES)"
	@apt-get update -qq
	@DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null

# The headers have names of libc's, and a folder of Furwock's own wherever others lie.
INSTALLED_HEADERS = $(DESTDIR)$(INCLUDEDIR)/furwock
INSTALLED = $(DESTDIR)$(LIBDIR)/furwock

install: all
	install -d $(INSTALLED_HEADERS) $(INSTALLED) $(DESTDIR)$(PKGCONFIGDIR)
	install -m 755 $(BUILD)/libfurwock.so $(DESTDIR)$(LIBDIR)/
	for libc in $(ARCHIVES); do \
		install -d $(INSTALLED)/$$libc && \
		install -m 644 $(BUILD)/$$libc/libfurwock.a $(INSTALLED)/$$libc/ || exit 1; \
	done
	install -m 644 packaging/furwock.supp $(INSTALLED)/
	install -m 644 include/*.h $(INSTALLED_HEADERS)/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e "s|@VERSION@|$$(sed -n 's/#define FURWOCK_VERSION_[A-Z]* //p' include/furwock.h | paste -sd.)|" \
		packaging/furwock.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/furwock.pc

# Folders of Furwock's own go too, unless somebody else has put something there.
uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/libfurwock.so $(DESTDIR)$(PKGCONFIGDIR)/furwock.pc
	rm -f $(INSTALLED)/glibc/libfurwock.a $(INSTALLED)/musl/libfurwock.a $(INSTALLED)/furwock.supp
	rm -f $(patsubst include/%,$(INSTALLED_HEADERS)/%,$(wildcard include/*.h))
	for folder in $(INSTALLED)/glibc $(INSTALLED)/musl $(INSTALLED) $(INSTALLED_HEADERS); do \
		test ! -d $$folder || rmdir $$folder 2>/dev/null || echo "left, not empty: $$folder"; \
	done

clean:
	rm -rf $(BUILD)

include test/cross/cross.mk test/analyze/analyze.mk test/unit/unit.mk test/bench/bench.mk test/apps/apps.mk \
	test/stress/stress.mk test/fault/fault.mk test/model/model.mk test/conformance/conformance.mk \
	test/checkers/checkers.mk
