# rwlock/wait.c: one reader is woken instead of all
# caught by rwlock-claim-dropped
s/wake == READERS ? EVERYONE : 1/1/
