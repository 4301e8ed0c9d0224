# mutex/owned.c: the waiters bit is lost when a waiter takes the word
s/tid | mark | (word & WORD_WAITERS)/tid/
