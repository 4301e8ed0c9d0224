# Included by the top Makefile: make checkers.

# valgrind's tools want a library that tells them; it has a build of its own unless this one does.
CHECKED = $(if $(VALGRIND),$(BUILD),$(if $(VALGRIND_HEADERS),$(BUILD)/checkers))

.PHONY: checkers
checkers: $(BUILD)/libfurwock.so
	@$(if $(filter %/checkers,$(CHECKED)),$(MAKE) -s BUILD=$(CHECKED) VALGRIND=yes $(CHECKED)/libfurwock.so)
	@test/checkers/run --build $(BUILD) $(if $(CHECKED),--checked $(CHECKED)/libfurwock.so)
