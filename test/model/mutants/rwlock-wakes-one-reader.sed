# rwlock/wait.c: one reader is woken instead of all
s/wake == READERS ? EVERYONE : 1/1/
