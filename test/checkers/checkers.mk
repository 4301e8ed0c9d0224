# Included by the top Makefile: make checkers.

# valgrind's tools want a library that tells them; it has a build of its own unless this one does.
CHECKED = $(if $(VALGRIND),$(BUILD),$(if $(VALGRIND_HEADERS),$(BUILD)/checkers))

# orders.c is linked with the library's own objects, compiled by clang for ThreadSanitizer in a build of
# their own. Their atomic operations are the compiler's, and their names none that the sanitizer knows:
# it would take the functions' word for the order that is to be shown.
ORDERS = $(BUILD)/checkers/orders
$(BUILD)/orders: test/checkers/orders.c $(DYNAMIC_OBJECTS)
	@ld -r -o $@-library.o $(DYNAMIC_OBJECTS)
	@nm -g --defined-only $@-library.o | awk 'NF == 3 { print $$3, "furwock_" $$3 }' >$@-names
	@$(CC) -std=gnu11 $(CFLAGS) -Wall -Wextra -c -o $@-program.o $<
	@objcopy --redefine-syms=$@-names --redefine-sym syscall=ordered_syscall $@-library.o
	@objcopy --redefine-syms=$@-names $@-program.o
	@$(CC) $(CFLAGS) -o $@ $@-program.o $@-library.o -pthread -ldl

# The threads of static programs on musl are Furwock's own.
STATIC_CHECKED = $(if $(filter static-musl,$(UNIT_FORMS)),key thread_attr_sched thread_join thread_life thread_signal)

.PHONY: checkers orders
checkers: $(BUILD)/libfurwock.so $(STATIC_CHECKED:%=$(BUILD)/test/unit/static-musl/%)
	@$(if $(filter %/checkers,$(CHECKED)),$(MAKE) -s BUILD=$(CHECKED) VALGRIND=yes $(CHECKED)/libfurwock.so)
	@status=0; $(MAKE) -s orders || status=1; \
	test/checkers/run --build $(BUILD) $(if $(CHECKED),--checked $(CHECKED)/libfurwock.so) || status=1; \
	$(if $(STATIC_CHECKED),test/checkers/static --build $(BUILD) $(STATIC_CHECKED),\
		echo "skipped - static programs on musl: not asked for, or no library of musl's") || status=1; \
	exit $$status

orders:
	@rm -f $(ORDERS)/orders
	@! echo 'int main(void) { return 0; }' | clang -fsanitize=thread -xc -o /dev/null - 2>/dev/null || \
		$(MAKE) -s BUILD=$(ORDERS) ARCH=generic VALGRIND= CC=clang CFLAGS='-g -O1 -fsanitize=thread' \
			COMPILER_HEADERS=$$(clang -print-file-name=include) $(ORDERS)/orders
	@test/checkers/orders --build $(ORDERS)
