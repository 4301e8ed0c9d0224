# Included by the top Makefile: make fault, with KILLS=n processes killed.

KILLS = 1000
FAULT_FLAGS = -std=gnu11 -g -O2 -Wall -Wextra -fPIE
FAULT_PROGRAMS = kill badinput smoke shut refuse
FAULT_HEADERS = $(wildcard test/fault/*.h)
FAULTS = $(FAULT_PROGRAMS:%=$(BUILD)/fault/%) \
	$(if $(filter musl,$(ARCHIVES)),$(patsubst %,$(BUILD)/fault/%-musl,$(filter-out refuse,$(FAULT_PROGRAMS))))

$(BUILD)/fault/%-musl: test/fault/%.c $(FAULT_HEADERS) config.mk $(BUILD)/musl/libfurwock.a
	@mkdir -p $(@D)
	@echo "  CC    $<, static"
	@$(CC) $(FAULT_FLAGS) -nostdinc -Iinclude -isystem $(MUSL_HEADERS) -isystem $(COMPILER_HEADERS) \
		$(MUSL_LINK) -o $@ $< $(BUILD)/musl/libfurwock.a $(MUSL_LIBS)

$(BUILD)/fault/%: test/fault/%.c $(FAULT_HEADERS) config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(FAULT_FLAGS) -pie -o $@ $< -pthread

# The unit tests that test/fault/run wants are built by unit.mk.
.PHONY: fault
fault: all $(FAULTS) $(UNITS_glibc)
	@status=0; preload="env LD_PRELOAD=$(abspath $(BUILD)/libfurwock.so)"; \
	echo "== kill"; $$preload $(BUILD)/fault/kill --kills $(KILLS) || status=1; \
	echo "== badinput"; $$preload $(BUILD)/fault/badinput || status=1; \
	echo "== refusal"; test/fault/run --build $(BUILD) || status=1; \
	if [ -n "$(filter musl,$(ARCHIVES))" ]; then \
		echo "== kill, static, musl"; $(BUILD)/fault/kill-musl --kills $(KILLS) || status=1; \
		echo "== badinput, static, musl"; $(BUILD)/fault/badinput-musl || status=1; \
		echo "== refusal, static, musl"; test/fault/run --build $(BUILD) --musl || status=1; \
	fi; exit $$status
