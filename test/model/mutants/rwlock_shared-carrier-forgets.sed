# rwlock/shared.c: a writer that was woken does not mark the lock for the others
s/waiter.others = SLEEP_W;/waiter.others = 0;/
