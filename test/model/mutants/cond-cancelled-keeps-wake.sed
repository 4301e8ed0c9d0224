# cond.c: a cancelled waiter keeps the wake that it may have consumed
# caught by cond-cancel-last-signal
/^static void cancelled_wait(/,/^}/s/    unpark(.*);/    ;/
