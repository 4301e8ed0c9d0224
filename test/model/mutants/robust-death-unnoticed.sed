# mutex/owned.c: a waiter is not told that the owner has died
s/return died ? EOWNERDEAD : 0;/return 0;/
