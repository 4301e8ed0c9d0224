# rwlock/lock.c: an unlock in a handler takes an attempt for a lock
s/TRYING = 2/TRYING = 0/
