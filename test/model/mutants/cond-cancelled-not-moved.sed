# cond.c: a cancelled waiter takes the mutex as if it could not have been moved to it
# caught by cond-cancel-moves
/^static void cancelled_wait(/,/^}/s/waiter->depth, OTHERS_MOVED/waiter->depth, NOBODY_MOVED/
