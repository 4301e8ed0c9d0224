# mutex.c: the wake comes before the store that releases
/^FAST int fast_release/,/^}/s/    if (likely(arch_exchange(&mutex->word, FREE) != CONTENDED))/    if (arch_load_relaxed(\&mutex->word) == CONTENDED)\n        wake_cold(mutex);\n    arch_exchange(\&mutex->word, FREE);\n    if (true)/
