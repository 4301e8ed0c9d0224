# rwlock/shared.c: a reader does not look again after it has added itself
s/return likely(is_quiet(state)) ? 0 : .*/return 0;/
