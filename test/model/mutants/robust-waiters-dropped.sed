# mutex/owned.c: the waiters bit is lost when a waiter takes the word
# caught by mutex-robust
s/tid | mark | (word & WORD_WAITERS)/tid/
