# rwlock/wait.c: a writer that has slept does not mark the lock for the others
# caught by rwlock-timed-in-rows
s/waiter->slept ? SLEEP_W : 0/0/
