# rwlock.c: a writer that has slept does not mark the lock for the others
s/others = SLEEP_W;/others = 0;/
