# rwlock/shared.c: the death of a writer is not asked for
# caught by rwlock_shared-writer-dies
s/!alive_thread_is_gone(state.tid)/1/
