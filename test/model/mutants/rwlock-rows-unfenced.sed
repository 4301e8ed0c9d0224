# rwlock/lock.c: a reader enters its slot without a fence
s/if ((state & ASYMMETRIC) || alone())/if (true)/
