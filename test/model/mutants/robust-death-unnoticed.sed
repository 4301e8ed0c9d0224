# mutex/owned.c: a waiter is not told that the owner has died
# caught by mutex-robust
s/return word & WORD_OWNER_DIED ? EOWNERDEAD : 0;/return 0;/
