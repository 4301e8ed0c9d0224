# readers.c: a reader takes any visible mode for the one that it acted under
s/return likely(arch_load_acquire(&rwlock->mode) == mode);/return (void)mode, readers_visible(arch_load_acquire(\&rwlock->mode));/
