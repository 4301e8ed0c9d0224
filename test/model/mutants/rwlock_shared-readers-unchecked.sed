# rwlock/shared.c: a writer does not look through the words after LOOKING
# caught by rwlock_shared-other
/^static inline int try_write/,/^}/s/\*word = any_reader(lock);/*word = 0;/
