# rwlock.c: a release does not pass the lock on to a writer with a claim, nor wake it
/^static uint64_t after_read/,/^}/s/state & CLAIM_W ? pass_to_writer(state, wake) : //
