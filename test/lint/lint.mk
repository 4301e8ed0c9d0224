# Included by the top Makefile: how sources are laid out, and what compilers find without running them.

SOURCES = $(shell find arch include pthread test -name '*.[ch]' -o -name '*.cc')

.PHONY: format format-check analyze
format:
	@clang-format -i $(SOURCES)

format-check:
	@status=0; for file in $(SOURCES); do \
		clang-format $$file | cmp -s - $$file || { echo "$$file: not as .clang-format says: 'make format'"; status=1; }; \
	done; exit $$status

# Every source of each form of the library, by both compilers. A finding is an error.
ANALYZED_dynamic = $(DYNAMIC_OBJECTS:$(BUILD)/dynamic/%.o=%)
ANALYZED_musl = $(patsubst %,%,$(foreach family,$(FAMILIES_musl),$(FAMILY_$(family))) $(COMMON) $(HOST_musl))
analyzed = $(wildcard $(ANALYZED_$(1):%=%.c))
ANALYZED_FLAGS = $(filter-out -MMD -MP,$(LIBRARY_FLAGS)) $(FLAGS_$(1)) -O2 -Wshadow
# clang's own headers; what it warns of besides is gcc's to say
CLANG_HEADERS = $(shell clang -print-file-name=include)

analyze:
	@$(foreach form,dynamic musl,for file in $(call analyzed,$(form)); do \
		echo "  GCC   $$file, $(form)"; \
		gcc $(call ANALYZED_FLAGS,$(form)) -fanalyzer -Werror -c -o /dev/null $$file || exit 1; \
		echo "  CLANG $$file, $(form)"; \
		clang $(subst $(COMPILER_HEADERS),$(CLANG_HEADERS),$(call ANALYZED_FLAGS,$(form))) -w --analyze \
			-Xanalyzer -analyzer-werror -Xanalyzer -analyzer-output=text $$file || exit 1; \
	done;)
