# rwlock/shared.c: a reader does not look again after it has added itself
# caught by rwlock_shared-read-write
s/return likely(is_quiet(state)) ? 0 : .*/return 0;/
