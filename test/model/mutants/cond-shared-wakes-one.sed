# cond.c: a broadcast across processes wakes one
/^static COLD void broadcast_waiters/,/^}/s/unpark(\&cond->word, EVERYONE/unpark(\&cond->word, 1/
