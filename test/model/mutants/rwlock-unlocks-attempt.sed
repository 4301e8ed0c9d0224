# rwlock/wait.c: an unlock takes a reader that is trying for one that holds the lock
# caught by rwlock-unlock-attempt
s/rows_count(rows_name(rwlock), false, row)/rows_count(rows_name(rwlock), true, row)/
