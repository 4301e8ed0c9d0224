# Included by the top Makefile: make conformance; SUITE=DIR adds an Open POSIX Test Suite.

CONFORM_SOURCES = $(wildcard test/conformance/*.c)
CONFORM_FLAGS = -std=gnu11 -g -O1 -Wall -Wextra -fPIE -Itest/compat -Itest/unit
CONFORM_FORMS = glibc $(if $(filter glibc,$(ARCHIVES)),static-glibc) \
	$(if $(filter musl,$(ARCHIVES)),musl static-musl)
CONFORM = $(CONFORM_FORMS:%=$(BUILD)/conformance/%/conform)
conform_objects = $(patsubst test/conformance/%.c,$(BUILD)/conformance/$(1)/%.o,$(CONFORM_SOURCES))

$(BUILD)/conformance/glibc/%.o: test/conformance/%.c $(wildcard test/conformance/*.h) test/unit/unit.h config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CONFORM_FLAGS) -c -o $@ $<

$(BUILD)/conformance/musl/%.o: test/conformance/%.c $(wildcard test/conformance/*.h) test/unit/unit.h config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<, musl"
	@$(CC) $(CONFORM_FLAGS) $(UNIT_MUSL) -c -o $@ $<

# The same objects serve libc alone and Furwock.
$(BUILD)/conformance/glibc/conform: $(call conform_objects,glibc)
	@$(CC) -pie -o $@ $^ -pthread

$(BUILD)/conformance/static-glibc/conform: $(call conform_objects,glibc) $(BUILD)/glibc/libfurwock.a
	@mkdir -p $(@D)
	@$(CC) -static -o $@ $^ -pthread

$(BUILD)/conformance/musl/conform: $(call conform_objects,musl)
	@$(CC) $(MUSL_LINK) -o $@ $^ $(MUSL_LIBS)

$(BUILD)/conformance/static-musl/conform: $(call conform_objects,musl) $(BUILD)/musl/libfurwock.a
	@mkdir -p $(@D)
	@$(CC) $(MUSL_LINK) -o $@ $^ $(MUSL_LIBS)

.PHONY: conformance
conformance: all $(CONFORM)
	@test/conformance/run --build $(BUILD) $(if $(SUITE),--suite "$(SUITE)")
