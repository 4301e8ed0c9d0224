# readers.c: a reader does not look at the mode again
s/return likely(arch_load_acquire(&rwlock->mode) == mode);/return true;/
