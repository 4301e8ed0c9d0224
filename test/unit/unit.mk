# Included by the top Makefile: make check, check-host, check-host-musl, memcheck.

# Every file is a program of its own, compiled for each libc and linked in two forms: dynamic, to run
# with the library preloaded, and static, with the archive. Where a program has no sense in a form,
# test/run says why.

UNIT_FORMS = glibc $(if $(wildcard $(MUSL_LIBRARY)/libc.so),musl) $(ARCHIVES:%=static-%)
C_UNITS = $(patsubst test/unit/%.c,%,$(wildcard test/unit/*.c))
CXX_UNITS = $(patsubst test/unit/%.cc,%,$(wildcard test/unit/*.cc))
UNITS_glibc = $(patsubst %,$(BUILD)/test/unit/%,$(C_UNITS) $(CXX_UNITS) plugin.so)
UNITS_musl = $(patsubst %,$(BUILD)/test/unit/musl/%,$(filter-out thread%,$(C_UNITS)) plugin.so)
UNITS_static-glibc = $(patsubst %,$(BUILD)/test/unit/static-glibc/%,$(filter-out loader,$(C_UNITS) $(CXX_UNITS)))
UNITS_static-musl = $(patsubst %,$(BUILD)/test/unit/static-musl/%,$(filter-out loader,$(C_UNITS)))
UNITS = $(foreach form,$(UNIT_FORMS),$(UNITS_$(form)))

CXX = $(if $(findstring clang,$(CC)),clang++,g++)
UNIT_FLAGS = -g -O2 $(MACHINE_FLAGS) -Wall -Wextra -Itest/unit -Iarch/$(ARCH) -Iarch/generic
UNIT_CHECK = -fPIE $(shell pkg-config --cflags check 2>/dev/null)
UNIT_LIBS = $(shell pkg-config --libs check 2>/dev/null) -pthread -ldl
# There is no Check for musl, but a header that stands in for it; and what musl's headers lack is
# declared by Furwock's.
UNIT_MUSL = -nostdinc -Iinclude -isystem $(MUSL_HEADERS) -isystem $(COMPILER_HEADERS)
UNIT_MUSL_LINK = -nostdlib -Wl,-dynamic-linker,/lib/ld-musl-$(MACHINE).so.1
UNIT_MUSL_LIBS = -L$(MUSL_LIBRARY) -lc $(filter-out %/libc.a,$(MUSL_LIBS))

.PHONY: have_check
have_check:
	@pkg-config --exists check 2>/dev/null || { \
		echo "The tests need Check: 'make deps' as root, or apt-get install check pkg-config" >&2; \
		exit 1; }

# Objects serve both forms of their libc, and are kept for that.
.SECONDARY: $(patsubst %,$(BUILD)/test/unit/%.o,$(C_UNITS) $(CXX_UNITS) $(C_UNITS:%=musl/%))

$(BUILD)/test/unit/%.o: test/unit/%.c $(wildcard test/unit/*.h) config.mk | have_check
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) -std=gnu11 $(UNIT_FLAGS) $(UNIT_CHECK) -c -o $@ $<

$(BUILD)/test/unit/%.o: test/unit/%.cc $(wildcard test/unit/*.h) config.mk | have_check
	@mkdir -p $(@D)
	@echo "  CXX   $<"
	@$(CXX) -std=gnu++17 $(UNIT_FLAGS) $(UNIT_CHECK) -c -o $@ $<

$(BUILD)/test/unit/musl/%.o: test/unit/%.c $(wildcard test/unit/*.h) test/compat/check.h config.mk
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

# The tests of once again, in code that no unwinder finds its way through.
$(BUILD)/test/unit/once_nounwind.o $(BUILD)/test/unit/musl/once_nounwind.o: test/unit/once.c
$(BUILD)/test/unit/once_nounwind.o $(BUILD)/test/unit/musl/once_nounwind.o: \
	UNIT_FLAGS += -fno-asynchronous-unwind-tables -fno-unwind-tables

$(BUILD)/test/unit/%.so: test/unit/plugin/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) -std=gnu11 $(UNIT_FLAGS) -shared -fPIC -o $@ $< -pthread

$(BUILD)/test/unit/musl/%.so: test/unit/plugin/%.c config.mk
	@mkdir -p $(@D)
	@echo "  CC    $<, musl"
	@$(CC) -std=gnu11 $(UNIT_FLAGS) $(UNIT_MUSL) -nostdlib -shared -fPIC -o $@ $< $(UNIT_MUSL_LIBS)

.PHONY: check check-host check-host-musl memcheck
check: all $(UNITS)
	@$(foreach form,$(filter-out $(UNIT_FORMS),musl static-musl),\
		echo "No tests of the form $(form): not asked for, or configure has found no such library of musl's.";)
	@test/run --build $(BUILD) $(UNIT_FORMS:%=--form %) --form scripts

check-host: $(UNITS_glibc)
	@test/run --build $(BUILD) --host --form glibc

# musl's own threads fail some: this is for reading.
check-host-musl: $(UNITS_musl)
	@test/run --build $(BUILD) --host --form musl || true

memcheck: all $(UNITS_glibc)
	@test/memcheck --build $(BUILD) --lib $(BUILD)/libfurwock.so
