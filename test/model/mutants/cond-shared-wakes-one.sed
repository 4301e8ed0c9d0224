# cond.c: a broadcast across processes wakes one
# caught by cond-broadcast-shared
/^static COLD void broadcast_waiters/,/^}/s/unpark(\&cond->word, EVERYONE/unpark(\&cond->word, 1/
