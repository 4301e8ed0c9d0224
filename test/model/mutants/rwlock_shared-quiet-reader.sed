# rwlock/shared.c: the last reader of a process wakes nobody
/^static inline bool leave_word/,/^}/s/wake_all(word);/;/
