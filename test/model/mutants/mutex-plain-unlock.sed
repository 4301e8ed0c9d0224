# mutex.c: the release reads and then stores, instead of exchanging
/^FAST int fast_release/,/^}/s/arch_exchange(&mutex->word, FREE) != CONTENDED/({ uint32_t was = arch_load_relaxed(\&mutex->word); arch_store_release(\&mutex->word, FREE); was; }) != CONTENDED/
