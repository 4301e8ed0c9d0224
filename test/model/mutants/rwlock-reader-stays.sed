# rwlock.c: a reader that has found a writer believes that it holds the lock
s/if (!(state & WRITE) && !many)/if (!many)/
