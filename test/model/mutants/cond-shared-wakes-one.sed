# cond.c: a broadcast across processes wakes one
/^static COLD void broadcast_waiters/,/^}/s/wake(cond, target, EVERYONE, scope);/wake(cond, target, 1, scope);/
