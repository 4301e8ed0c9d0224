# sem.c: a cancelled waiter keeps the wake that it may have consumed
/^static void cancelled_wait(/,/^}/s/    if (.*)/    if (false)/
