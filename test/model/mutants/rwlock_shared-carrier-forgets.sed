# rwlock/shared.c: a writer that was woken does not mark the lock for the others
# caught by rwlock_shared-writers
s/waiter.others = SLEEP_W;/waiter.others = 0;/
