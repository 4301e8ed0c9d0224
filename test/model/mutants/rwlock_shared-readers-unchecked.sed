# rwlock/shared.c: a writer does not look through the words after LOOKING
/^static inline int try_write/,/^}/s/\*word = occupied(lock);/*word = 0;/
