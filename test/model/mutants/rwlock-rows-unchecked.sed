# rwlock/lock.c: a reader does not look at the state again
# caught by rwlock-visible
s/if (unlikely((state_of(rwlock) ^ state) & (IN_ROWS | SHUT | LATER)))/if (false)/
