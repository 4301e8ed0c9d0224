# Included by the top Makefile: make bench, growth, sweep, bench-programs, plot.

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

.PHONY: nsync_peer
nsync_peer:
	@$(if $(HAVE_NSYNC),$(MAKE) -s $(BUILD)/bench-nsync.so,\
		echo "no figures of nsync, which is not installed: 'make deps' as root, or apt-get install libnsync-dev")

.PHONY: bench growth sweep bench-programs deps-programs plot
# SWEEP has options of its run: make sweep SWEEP="--kind mutex --turns 0,500"
sweep: all $(BUILD)/bench $(MUSL_BENCHES) nsync_peer
	@test/bench/sweep/run --build $(BUILD) --out $(BUILD)/sweep.tsv $(SWEEP)
	@$(if $(MUSL_BENCHES),echo; test/bench/sweep/run --static --build $(BUILD) --out $(BUILD)/musl/sweep.tsv \
		$(SWEEP),echo "no static programs: configure says why")

bench: all $(BUILD)/bench $(MUSL_BENCHES) nsync_peer
	@$(BUILD)/bench $(BENCH_PEERS) --out $(BUILD)/bench.tsv
	@$(if $(MUSL_BENCHES),echo; $(BUILD)/musl/bench --out $(BUILD)/musl/bench.tsv,echo "no static section: configure says why")

growth: all $(BUILD)/bench nsync_peer
	@$(BUILD)/bench --growth --rounds 5 $(BENCH_PEERS) --out $(BUILD)/growth.tsv

# What bench-programs runs, and no test: Debian's names.
PROGRAM_PACKAGES = redis-server redis-tools memcached libmemcached-tools libsqlite3-dev xz-utils python3 \
	mariadb-server-core sysbench bind9 unbound dnsperf rocksdb-tools ffmpeg qemu-system-x86 nodejs \
	default-jdk-headless git clang lld

deps-programs:
	@$(MAKE) -s deps PACKAGES="$(PROGRAM_PACKAGES)"

bench-programs: all
	@test/bench/programs/run --lib $(BUILD)/libfurwock.so --out $(BUILD)/programs.tsv

plot:
	@command -v gnuplot >/dev/null || { echo "plot needs gnuplot: 'make deps' as root, or apt-get install gnuplot-nox" >&2; exit 1; }
	@test -f $(BUILD)/bench.tsv || { echo "no $(BUILD)/bench.tsv: 'make bench' first" >&2; exit 1; }
	gnuplot -c test/bench/plot.gp $(BUILD)/bench.tsv $(BUILD)/bench.svg
	$(if $(wildcard $(BUILD)/sweep.tsv),gnuplot -c test/bench/sweep/heat.gp $(BUILD)/sweep.tsv $(BUILD)/sweep.svg)
	@awk -f test/bench/table.awk $(BUILD)/bench.tsv $(wildcard $(BUILD)/musl/bench.tsv) | tee $(BUILD)/bench.md
