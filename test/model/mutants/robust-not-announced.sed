# mutex/lock.c: the mutex is not announced before it is locked
# caught by mutex-robust
/^FAST bool fast_acquire_robust/,/^}/s/robust_announce(robust_link(mutex, ROBUST_PLAIN))/NULL/
