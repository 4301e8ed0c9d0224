# rwlock/shared.c: the mark of a dead waiting writer stays
/^static void forget_writers/,/^}/s/change(lock, &state, next);/;/
