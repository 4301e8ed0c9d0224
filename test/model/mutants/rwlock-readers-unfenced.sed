# rwlock.c: a reader enters its slot without a fence
s/if (mode == READERS_ASYMMETRIC || alone())/if (true)/
