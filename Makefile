# ./configure writes config.mk; 'make help' lists what there is to make.

BUILD = build
ifneq ($(filter-out deps help clean,$(or $(MAKECMDGOALS),all)),)
include config.mk
endif

# Every build and test package, by Debian's names.
PACKAGES = gcc g++ clang libclang-rt-dev make binutils musl-dev musl-tools pkg-config check valgrind \
	strace gdb gnuplot-nox python3 redis-server redis-tools memcached libmemcached-tools xz-utils zstd pigz \
	sqlite3 libsqlite3-dev stress-ng sysbench rt-tests libnsync-dev

NEUTRAL = -nostdinc -isystem $(MUSL_HEADERS) -isystem $(COMPILER_HEADERS) -idirafter include \
	-I. -Iarch/$(ARCH) -D_GNU_SOURCE
# valgrind 3.19 cannot read the debugging information of clang's default version.
VALGRIND_FLAGS = -DFURWOCK_VALGRIND -gdwarf-4 -idirafter $(VALGRIND_HEADERS)
# Most functions of a fast path fit a cache line: then they take one fetch.
ONE_LINE = -falign-functions=64
LIBRARY_FLAGS = -std=gnu11 -Wall -Wextra -ffreestanding -fno-builtin -fno-stack-protector \
	-fasynchronous-unwind-tables -fvisibility=hidden -fno-common -ftls-model=initial-exec \
	$(ONE_LINE) $(NEUTRAL) $(if $(VALGRIND),$(VALGRIND_FLAGS)) -MMD -MP

# The library is built three times: as a shared object for any libc, and as an archive for each.
FORMS = dynamic glibc musl
FLAGS_dynamic = -fPIC
FLAGS_glibc = -fPIE -ffunction-sections -fdata-sections -ftls-model=local-exec -DFURWOCK_ARCHIVE
FLAGS_musl = $(FLAGS_glibc) -DFURWOCK_MUSL

# Objects of the libc's own that programs see are one family or another; in an archive a family is
# one member, so that no object is ever shared between libc's code and Furwock's. The other members
# are what families have in common.
FAMILY_mutex = $(basename $(wildcard pthread/mutex/*.c)) pthread/cond pthread/c11 pthread/once
FAMILY_rwlock = pthread/rwlock pthread/readers
FAMILY_barrier = pthread/barrier
FAMILY_sem = pthread/sem
FAMILY_spin = pthread/spin
FAMILY_key = pthread/key
# libc's own code on threads uses semaphores, barriers and rwlocks.
FAMILY_thread = $(basename $(wildcard pthread/thread/*.c)) $(FAMILY_rwlock) $(FAMILY_barrier) $(FAMILY_sem) \
	arch/$(ARCH)/thread
COMMON = pthread/park pthread/spinning pthread/self pthread/options pthread/asymmetric
FAMILIES_glibc = mutex rwlock barrier sem spin key
FAMILIES_musl = mutex thread spin key

HOST_glibc = pthread/host/libc pthread/host/scheduling arch/$(ARCH)/landing
HOST_musl = pthread/host/musl $(basename $(wildcard arch/$(ARCH)/rseq.c))
DYNAMIC_OBJECTS = $(patsubst %,$(BUILD)/dynamic/%.o,$(basename $(wildcard pthread/*.c pthread/mutex/*.c)) $(HOST_glibc))
archive_members = $(patsubst %,$(BUILD)/$(1)/%.o,$(FAMILIES_$(1))) \
	$(patsubst %,$(BUILD)/$(1)/%.o,$(COMMON) $(HOST_$(1)))

LIBRARIES = $(BUILD)/libfurwock.so $(patsubst %,$(BUILD)/%/libfurwock.a,$(ARCHIVES))

.DELETE_ON_ERROR:
.PHONY: all help deps install uninstall clean check check-host check-host-musl memcheck apps bench growth bench-programs nsync_peer plot demo have_check

all: $(LIBRARIES)

help:
	@echo "make            build/libfurwock.so, build/glibc/libfurwock.a, build/musl/libfurwock.a"
	@echo "make deps       install every build and test package (Debian, as root)"
	@echo "make check      the tests: dynamic and static programs of glibc and of musl"
	@echo "make check-host the same tests on glibc alone; check-host-musl: on musl alone"
	@echo "make memcheck   the tests under valgrind, beside libc's own run"
	@echo "make checkers   races found and not found by helgrind, drd and the sanitizers"
	@echo "make model      every interleaving of small programs on the real sources; mutants of them"
	@echo "make conformance  POSIX, assertion by assertion, on libc and on Furwock; SUITE=DIR adds a suite"
	@echo "make stress     random stress of every object for SECONDS=60"
	@echo "make fault      killed processes, refused system calls, bad input"
	@echo "make apps       real programs on libc and on Furwock"
	@echo "make bench      measure, beside libc; 'make plot' draws it, and makes the README's tables"
	@echo "make growth     measure as threads, mutexes and waiters grow in number"
	@echo "make bench-programs  the throughput of real programs on libc and on Furwock"
	@echo "make demo       an unmodified threaded program, and what changes"
	@echo "make install    to $(PREFIX) (DESTDIR is honoured)"

config.mk:
	@echo "Run ./configure first (and before that, as root on Debian, 'make deps')." >&2; exit 1

define rules_of_form
$(BUILD)/$(1)/%.o: %.c config.mk
	@mkdir -p $$(@D)
	@echo "  CC    $$<"
	@$(CC) $(LIBRARY_FLAGS) $(CFLAGS) $(FLAGS_$(1)) -c -o $$@ $$<

$(BUILD)/$(1)/%.o: %.S config.mk
	@mkdir -p $$(@D)
	@echo "  AS    $$<"
	@$(CC) $(CFLAGS) $(FLAGS_$(1)) -c -o $$@ $$<
endef
$(foreach form,$(FORMS),$(eval $(call rules_of_form,$(form))))

define rule_of_family
$(BUILD)/$(1)/$(2).o: $(patsubst %,$(BUILD)/$(1)/%.o,$(FAMILY_$(2)))
	@echo "  LD    $$@"
	@$(CC) $(CFLAGS) -nostdlib -r -o $$@ $$^
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
	@$(CC) $(CFLAGS) $(LDFLAGS) -shared -nostdlib -Wl,-soname,libfurwock.so -Wl,-z,relro -Wl,-z,now \
		-Wl,-z,noexecstack -Wl,-z,nodelete -Wl,-z,text -Wl,-Bsymbolic -Wl,--hash-style=both \
		-o $@ $(DYNAMIC_OBJECTS)

-include $(foreach form,$(FORMS),$(wildcard $(BUILD)/$(form)/*/*.d $(BUILD)/$(form)/*/*/*.d))

deps:
	@test "$$(id -u)" = 0 || { echo "make deps needs root: it runs apt-get install" >&2; exit 1; }
	@command -v apt-get >/dev/null || { echo "make deps knows Debian only: install $(PACKAGES)" >&2; exit 1; }
	@echo "  APT   $(PACKAGES)"
	@apt-get update -qq
	@DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null

install: all
	install -d $(DESTDIR)$(LIBDIR) $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(PKGCONFIGDIR)
	install -m 755 $(BUILD)/libfurwock.so $(DESTDIR)$(LIBDIR)/
	for libc in $(ARCHIVES); do \
		install -d $(DESTDIR)$(LIBDIR)/furwock/$$libc && \
		install -m 644 $(BUILD)/$$libc/libfurwock.a $(DESTDIR)$(LIBDIR)/furwock/$$libc/ || exit 1; \
	done
	install -m 644 pthread/furwock.supp $(DESTDIR)$(LIBDIR)/furwock/
	install -m 644 include/*.h $(DESTDIR)$(INCLUDEDIR)/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e "s|@VERSION@|$$(sed -n 's/#define FURWOCK_VERSION_[A-Z]* //p' include/furwock.h | paste -sd.)|" \
		pthread/furwock.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/furwock.pc

uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/libfurwock.so $(DESTDIR)$(PKGCONFIGDIR)/furwock.pc
	rm -rf $(DESTDIR)$(LIBDIR)/furwock
	rm -f $(patsubst include/%,$(DESTDIR)$(INCLUDEDIR)/%,$(wildcard include/*.h))

clean:
	rm -rf $(BUILD)

# Tests. Every file of test/unit is a program of its own, compiled for each libc and linked in two
# forms: dynamic, to run with the library preloaded, and static, with the archive. Where a program has
# no sense in a form, test/run says why.

UNIT_FORMS = glibc $(if $(wildcard $(MUSL_LIBRARY)/libc.so),musl) $(ARCHIVES:%=static-%)
C_UNITS = $(patsubst test/unit/%.c,%,$(wildcard test/unit/*.c))
CXX_UNITS = $(patsubst test/unit/%.cc,%,$(wildcard test/unit/*.cc))
UNITS_glibc = $(patsubst %,$(BUILD)/test/unit/%,$(C_UNITS) $(CXX_UNITS) plugin.so)
UNITS_musl = $(patsubst %,$(BUILD)/test/unit/musl/%,$(filter-out thread%,$(C_UNITS)) plugin.so)
UNITS_static-glibc = $(patsubst %,$(BUILD)/test/unit/static-glibc/%,$(filter-out loader,$(C_UNITS) $(CXX_UNITS)))
UNITS_static-musl = $(patsubst %,$(BUILD)/test/unit/static-musl/%,$(filter-out loader,$(C_UNITS)))
UNITS = $(foreach form,$(UNIT_FORMS),$(UNITS_$(form)))

CXX = $(if $(findstring clang,$(CC)),clang++,g++)
UNIT_FLAGS = -g -O2 -Wall -Wextra -Itest/unit
UNIT_CHECK = -fPIE $(shell pkg-config --cflags check 2>/dev/null)
UNIT_LIBS = $(shell pkg-config --libs check 2>/dev/null) -pthread -ldl
# There is no Check for musl, but a header that stands in for it; and what musl's headers lack is
# declared by Furwock's.
UNIT_MUSL = -nostdinc -Iinclude -isystem $(MUSL_HEADERS) -isystem $(COMPILER_HEADERS)
UNIT_MUSL_LINK = -nostdlib -Wl,-dynamic-linker,/lib/ld-musl-$(MACHINE).so.1
UNIT_MUSL_LIBS = -L$(MUSL_LIBRARY) -lc $(filter-out %/libc.a,$(MUSL_LIBS))

have_check:
	@pkg-config --exists check 2>/dev/null || { \
		echo "The tests need Check: 'make deps' as root, or apt-get install check pkg-config" >&2; \
		exit 1; }

# Objects serve both forms of their libc, and are kept for that.
.SECONDARY: $(patsubst %,$(BUILD)/test/unit/%.o,$(C_UNITS) $(CXX_UNITS) $(C_UNITS:%=musl/%))

$(BUILD)/test/unit/%.o: test/unit/%.c test/unit/unit.h config.mk | have_check
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) -std=gnu11 $(UNIT_FLAGS) $(UNIT_CHECK) -c -o $@ $<

$(BUILD)/test/unit/%.o: test/unit/%.cc test/unit/unit.h config.mk | have_check
	@mkdir -p $(@D)
	@echo "  CXX   $<"
	@$(CXX) -std=gnu++17 $(UNIT_FLAGS) $(UNIT_CHECK) -c -o $@ $<

$(BUILD)/test/unit/musl/%.o: test/unit/%.c test/unit/unit.h test/compat/check.h config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<, musl"
	@$(CC) -std=gnu11 $(UNIT_FLAGS) -fPIE -Itest/compat $(UNIT_MUSL) -c -o $@ $<

UNIT_LINK = $(CC)
$(foreach unit,$(CXX_UNITS),$(BUILD)/test/unit/$(unit) $(BUILD)/test/unit/static-glibc/$(unit)): UNIT_LINK = $(CXX)

$(BUILD)/test/unit/%: $(BUILD)/test/unit/%.o
	@$(UNIT_LINK) -pie -o $@ $< $(UNIT_LIBS)

$(BUILD)/test/unit/musl/%: $(BUILD)/test/unit/musl/%.o
	@$(CC) $(UNIT_MUSL_LINK) -pie -o $@ $(MUSL_LIBRARY)/Scrt1.o $(MUSL_LIBRARY)/crti.o $< $(UNIT_MUSL_LIBS)

$(BUILD)/test/unit/static-glibc/%: $(BUILD)/test/unit/%.o $(BUILD)/glibc/libfurwock.a
	@mkdir -p $(@D)
	@$(UNIT_LINK) -static -o $@ $^ $(UNIT_LIBS)

$(BUILD)/test/unit/static-musl/%: $(BUILD)/test/unit/musl/%.o $(BUILD)/musl/libfurwock.a
	@mkdir -p $(@D)
	@$(CC) $(MUSL_LINK) -o $@ $^ $(MUSL_LIBS)

$(BUILD)/test/unit/%.so: test/unit/plugin/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) -std=gnu11 $(UNIT_FLAGS) -shared -fPIC -o $@ $< -pthread

$(BUILD)/test/unit/musl/%.so: test/unit/plugin/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<, musl"
	@$(CC) -std=gnu11 $(UNIT_FLAGS) $(UNIT_MUSL) -nostdlib -shared -fPIC -o $@ $< $(UNIT_MUSL_LIBS)

check: all $(UNITS)
	@$(foreach form,$(filter-out $(UNIT_FORMS),musl static-musl),\
		echo "No tests of the form $(form): configure has found no such library of musl's.";)
	@test/run --build $(BUILD) $(UNIT_FORMS:%=--form %) --form scripts

check-host: $(UNITS_glibc)
	@test/run --build $(BUILD) --host --form glibc

# musl's own threads fail some: this is for reading.
check-host-musl: $(UNITS_musl)
	@test/run --build $(BUILD) --host --form musl || true

memcheck: all $(UNITS_glibc)
	@test/memcheck --build $(BUILD) --lib $(BUILD)/libfurwock.so

apps: all
	@test/apps/run --install --lib $(BUILD)/libfurwock.so

# Measures.

BENCH_FLAGS = -std=gnu11 -O2 -Wall -Wextra
BENCH_SOURCES = $(filter-out %/nsync.c,$(wildcard test/bench/*.c))
# Expanded by the targets that measure, and by no other.
HAVE_NSYNC = $(shell echo '\#include <nsync.h>' | $(CC) -E - >/dev/null 2>&1 && echo yes)
NSYNC_PEER = $(if $(HAVE_NSYNC),$(BUILD)/bench-nsync.so)
BENCH_PEERS = --peer asymmetric=$(BUILD)/libfurwock.so,FURWOCK=asymmetric \
	$(if $(HAVE_NSYNC),--peer nsync=$(NSYNC_PEER))
MUSL_BENCHES = $(if $(filter musl,$(ARCHIVES)),$(BUILD)/musl/bench $(BUILD)/musl/bench-furwock)

$(BUILD)/bench: $(BENCH_SOURCES) test/bench/bench.h config.mk
	@mkdir -p $(@D)
	@echo "  CC    test/bench"
	@$(CC) $(BENCH_FLAGS) -o $@ $(BENCH_SOURCES) -pthread -lm -ldl

$(MUSL_BENCHES): $(BENCH_SOURCES) test/bench/bench.h config.mk $(BUILD)/musl/libfurwock.a
	@echo "  CC    test/bench, static"
	@$(CC) $(BENCH_FLAGS) -DBENCH_STATIC -nostdinc -Iinclude -isystem $(MUSL_HEADERS) \
		-isystem $(COMPILER_HEADERS) $(MUSL_LINK) -o $@ $(BENCH_SOURCES) \
		$(if $(findstring furwock,$(@F)),$(BUILD)/musl/libfurwock.a) $(MUSL_LIBS)

$(BUILD)/bench-nsync.so: test/bench/nsync.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(BENCH_FLAGS) -fPIC -fvisibility=hidden -shared -o $@ $< -lnsync -pthread

nsync_peer:
	@$(if $(HAVE_NSYNC),$(MAKE) -s $(BUILD)/bench-nsync.so,\
		echo "no figures of nsync, which is not installed: 'make deps' as root, or apt-get install libnsync-dev")

bench: all $(BUILD)/bench $(MUSL_BENCHES) nsync_peer
	@$(BUILD)/bench $(BENCH_PEERS) --out $(BUILD)/bench.tsv
	@$(if $(MUSL_BENCHES),echo; $(BUILD)/musl/bench --out $(BUILD)/musl/bench.tsv,echo "no static section: configure says why")

growth: all $(BUILD)/bench nsync_peer
	@$(BUILD)/bench --growth --rounds 5 $(BENCH_PEERS) --out $(BUILD)/growth.tsv

bench-programs: all
	@test/bench/programs/run --lib $(BUILD)/libfurwock.so --out $(BUILD)/programs.tsv

plot:
	@command -v gnuplot >/dev/null || { echo "plot needs gnuplot: 'make deps' as root, or apt-get install gnuplot-nox" >&2; exit 1; }
	@test -f $(BUILD)/bench.tsv || { echo "no $(BUILD)/bench.tsv: 'make bench' first" >&2; exit 1; }
	gnuplot -c test/bench/plot.gp $(BUILD)/bench.tsv $(BUILD)/bench.svg
	@awk -f test/bench/table.awk $(BUILD)/bench.tsv $(wildcard $(BUILD)/musl/bench.tsv) | tee $(BUILD)/bench.md

demo: all
	@test/demo $(BUILD)/libfurwock.so

include test/stress/stress.mk test/fault/fault.mk test/model/model.mk test/conformance/conformance.mk test/checkers/checkers.mk
