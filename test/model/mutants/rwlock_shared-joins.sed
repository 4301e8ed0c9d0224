# rwlock/shared.c: a reader joins others although a writer waits
# caught by rwlock_shared-no-joining
/^static inline bool writer_is_first/,/^}/s/return (kind .*/return false;/
