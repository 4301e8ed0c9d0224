# rwlock.c: the mode is not turned off for readers that come meanwhile
s/arch_exchange(&rwlock->mode, mode | READERS_LEAVING);/(void)0;/
