# cond.c: a cancelled waiter takes the mutex as if it could not have been moved to it
/^static void cancelled_wait(/,/^}/s/waiter->depth, OTHERS_MOVED/waiter->depth, NOBODY_MOVED/
