# rwlock/wait.c: an unlock takes a reader that is trying for one that holds the lock
# caught by rwlock-unlock-attempt
s/is_read(rwlock, state, false, &row)/is_read(rwlock, state, true, \&row)/
