# readers.c: a reader does not look at the mode again
s/if (likely(arch_load_acquire(&rwlock->mode) == mode))/if (true)/
