# rwlock/lock.c: a reader enters its slot without a fence
# caught by rwlock-visible buffered
s/if ((state & ASYMMETRIC) || alone())/if (true)/
