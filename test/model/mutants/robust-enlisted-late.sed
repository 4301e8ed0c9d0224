# mutex/lock.c: the announcement is withdrawn before the mutex is on the list
# caught by mutex-robust
/^FAST bool fast_acquire_robust/,/^}/s/    if (likely(acquired))/    robust_done(before);\n    if (likely(acquired))/
