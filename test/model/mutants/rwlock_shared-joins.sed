# rwlock/shared.c: a reader joins others although a writer waits
/^static inline bool writer_is_first/,/^}/s/return (kind .*/return false;/
