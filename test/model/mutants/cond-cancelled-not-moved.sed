# cond.c: a cancelled waiter takes the mutex as if it could not have been moved to it
/^static void cancelled_wait(/,/^}/s/waiter->depth, true/waiter->depth, false/
