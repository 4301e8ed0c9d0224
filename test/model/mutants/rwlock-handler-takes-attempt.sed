# rwlock/lock.c: an unlock in a handler takes an attempt for a lock
# caught by rwlock-handler-visible
s/TRYING = 2/TRYING = 0/
