# mutex/plain.c: the mutex is read after it was released
# caught by mutex-claim-destroy
/^COLD int plain_release_slow/,/^}/s/        unpark(&mutex->word, 1, scope, ANY);/        unpark(\&mutex->word, 1, arch_load_relaxed(\&mutex->kind) \& MUTEX_SHARED ? SHARED : scope, ANY);/
