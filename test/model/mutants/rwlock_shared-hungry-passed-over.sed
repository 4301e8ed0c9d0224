# rwlock/shared.c: a release passes hungry readers over
# caught by rwlock_shared-hungry-reader
/^static union shared_state released/,/^}/s/prefers_readers(kind) || (state.control & HUNGRY_R)/prefers_readers(kind)/
