# mutex.c: the mutex is read after it was released
s/^    return wake_cold(mutex);/    return arch_load_relaxed(\&mutex->kind) ? 0 : wake_cold(mutex);/
