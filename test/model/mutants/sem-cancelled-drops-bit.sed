# sem.c: a cancelled waiter forgets that others may be asleep
/^static void cancelled_wait(/,/^}/s/    arch_or(.*);/    ;/
