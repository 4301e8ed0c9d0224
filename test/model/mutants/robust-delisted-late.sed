# mutex/lock.c: the mutex is taken off the list after it was released
# caught by mutex-robust-thief
/^static int unlock_robust/,/^}/{
/    robust_delist(mutex);/d
s/    robust_done(before);/    robust_delist(mutex);\n    robust_done(before);/
}
