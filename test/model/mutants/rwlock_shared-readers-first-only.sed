# rwlock/shared.c: a release wakes the readers, and forgets the writers
# caught by rwlock_shared-2-writers
s/\*writers = sleep_w;/*writers = sleep_w \&\& !sleep_r;/
