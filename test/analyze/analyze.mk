# Included by the top Makefile: make analyze, format, format-check.

# Every source of the library is read by two analyzers, in each form that it is compiled for: by gcc's
# as this machine compiles it, and by clang's with arch/generic, since it takes what a system call in
# assembly has written for uninitialised.
ANALYZE_HEADERS = $(wildcard include/*.h arch/*.h arch/*/*.h pthread/*.h pthread/*/*.h)
analyze_compiled = $(COMMON) $(HOST_$(1)) $(foreach family,$(FAMILIES_$(1)),$(FAMILY_$(family))) \
	$(if $(filter dynamic,$(1)),$(DYNAMIC_OBJECTS:$(BUILD)/dynamic/%.o=%))
# The sources of a form, by analyzer: what is assembly on this machine is C in arch/generic.
analyze_sources_gcc = $(wildcard $(addsuffix .c,$(sort $(call analyze_compiled,$(1)))))
analyze_sources_clang = $(wildcard $(addsuffix .c,$(sort \
	$(patsubst arch/$(ARCH)/%,arch/generic/%,$(call analyze_compiled,$(1))))))
analyze_flags = -O2 -Wall -Wextra -Wshadow -Werror $(FLAGS_$(1)) $(subst -isystem $(COMPILER_HEADERS),\
	-isystem $(shell $(2) -print-file-name=include),$(NEEDED_FLAGS))

define rules_of_analysis
$(BUILD)/analyze/$(1)/%.gcc: %.c $(ANALYZE_HEADERS) config.mk
	@mkdir -p $$(@D)
	@echo "  GCC   $$<, $(1)"
	@gcc $$(call analyze_flags,$(1),gcc) -fanalyzer -c -o $$@ $$<

$(BUILD)/analyze/$(1)/%.clang: %.c $(ANALYZE_HEADERS) config.mk
	@mkdir -p $$(@D)
	@echo "  CLANG $$<, $(1)"
	@clang $$(subst -Iarch/$(ARCH),-Iarch/generic,$$(call analyze_flags,$(1),clang)) \
		--analyze --analyzer-output text -Xclang -analyzer-werror -o $$@ $$<
	@touch $$@
endef
$(foreach form,$(FORMS),$(eval $(call rules_of_analysis,$(form))))

.PHONY: analyze
analyze: $(foreach form,$(FORMS),$(foreach analyzer,gcc clang,$(patsubst %.c,\
	$(BUILD)/analyze/$(form)/%.$(analyzer),$(call analyze_sources_$(analyzer),$(form)))))

# Without git too.
FORMATTED = $(sort $(shell find arch include pthread test -name '*.[ch]' -o -name '*.cc'))
HAVE_FORMAT = command -v clang-format >/dev/null || { \
	echo "$@ needs clang-format: 'make deps' as root, or apt-get install clang-format" >&2; exit 1; }

.PHONY: format format-check
format:
	@$(HAVE_FORMAT)
	@clang-format -i $(FORMATTED)

format-check:
	@$(HAVE_FORMAT)
	@clang-format --dry-run -Werror $(FORMATTED)
