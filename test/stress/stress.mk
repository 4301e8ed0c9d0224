# Included by the top Makefile: make stress, for SECONDS seconds.

SECONDS = 60
STRESS_SOURCES = $(wildcard test/stress/*.c)
STRESS_FLAGS = -std=gnu11 -g -O2 -Wall -Wextra
STRESS = $(BUILD)/stress/stress $(if $(filter musl,$(ARCHIVES)),$(BUILD)/stress/stress-musl)

$(BUILD)/stress/stress: $(STRESS_SOURCES) test/stress/stress.h config.mk
	@mkdir -p $(@D)
	@echo "  CC    test/stress"
	@$(CC) $(STRESS_FLAGS) -o $@ $(STRESS_SOURCES) -pthread

$(BUILD)/stress/stress-musl: $(STRESS_SOURCES) test/stress/stress.h config.mk $(BUILD)/musl/libfurwock.a
	@mkdir -p $(@D)
	@echo "  CC    test/stress, static"
	@$(CC) $(STRESS_FLAGS) -nostdinc -Iinclude -isystem $(MUSL_HEADERS) -isystem $(COMPILER_HEADERS) \
		$(MUSL_LINK) -o $@ $(STRESS_SOURCES) $(BUILD)/musl/libfurwock.a $(MUSL_LIBS)

# Threads that live at random: on Furwock's, and for comparison on musl's.
LIVES = $(if $(filter musl,$(ARCHIVES)),$(BUILD)/stress/lives)
LIVES_FLAGS = $(STRESS_FLAGS) -nostdinc -Iinclude -isystem $(MUSL_HEADERS) -isystem $(COMPILER_HEADERS)

$(BUILD)/stress/lives: test/stress/lives/lives.c config.mk $(BUILD)/musl/libfurwock.a
	@mkdir -p $(@D)
	@echo "  CC    test/stress/lives"
	@$(CC) $(LIVES_FLAGS) -DFURWOCK_THREADS $(MUSL_LINK) -o $@ $< $(BUILD)/musl/libfurwock.a $(MUSL_LIBS)

$(BUILD)/stress/lives-host: test/stress/lives/lives.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    test/stress/lives, on musl's threads"
	@$(CC) $(LIVES_FLAGS) $(MUSL_LINK) -o $@ $< $(MUSL_LIBS)

.PHONY: stress lives-host
stress: all $(STRESS) $(LIVES)
	@status=0; \
	LD_PRELOAD=$(abspath $(BUILD)/libfurwock.so) $(BUILD)/stress/stress --seconds $(SECONDS) || status=1; \
	for program in $(filter %-musl,$(STRESS)); do \
		echo "== static, musl"; $$program --seconds $(SECONDS) || status=1; \
	done; \
	for program in $(LIVES); do \
		echo "== lives of threads, static, musl"; $$program --seconds $(SECONDS) || status=1; \
	done; exit $$status

# musl's own threads stand still soon: this is for reading.
lives-host: $(BUILD)/stress/lives-host
	@$< --seconds $(SECONDS) --without users,limits,timers || true
