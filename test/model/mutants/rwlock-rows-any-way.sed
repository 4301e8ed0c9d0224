# rwlock/lock.c: a reader takes any open rows for those that it entered
# caught by rwlock-asymmetric-another buffered
s/if (unlikely((state_of(rwlock) ^ state) & (IN_ROWS | SHUT | LATER)))/if (!is_visible(state_of(rwlock)))/
