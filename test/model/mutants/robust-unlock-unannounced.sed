# mutex/lock.c: the mutex is not announced before it is unlocked
# caught by mutex-robust
/^static int unlock_robust/,/^}/s/robust_announce(robust_link(mutex, ROBUST_PLAIN))/NULL/
