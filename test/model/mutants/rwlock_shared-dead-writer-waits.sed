# rwlock/shared.c: the mark of a dead waiting writer stays
# caught by rwlock_shared-writer-dies-writer-2
/^static void forget_writers/,/^}/s/change(lock, &state, next);/;/
