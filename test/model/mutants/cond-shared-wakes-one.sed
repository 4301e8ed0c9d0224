# cond.c: a broadcast across processes wakes one
/^static COLD void broadcast_waiters/,/^}/s/wake(cond, EVERYONE);/wake(cond, 1);/
