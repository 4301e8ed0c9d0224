# rwlock/shared.c: the last reader of a process wakes nobody
# caught by rwlock_shared-read-write
/^static inline bool leave_word/,/^}/s/wake_all(word);/;/
