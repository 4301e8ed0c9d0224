# readers.c: a reader takes any visible mode for the one that it acted under
s/if (likely(arch_load_acquire(&rwlock->mode) == mode))/if (readers_visible(arch_load_acquire(\&rwlock->mode)))/
