# mutex/lock.c: the release reads and then stores, instead of comparing and swapping
# caught by mutex-claim
s/return likely(arch_cas(&mutex->word, HELD, FREE)) ? 0 : plain_release_slow(mutex, PRIVATE);/return ({ uint32_t was = arch_load_relaxed(\&mutex->word); arch_store_release(\&mutex->word, FREE); was == HELD; }) ? 0 : plain_release_slow(mutex, PRIVATE);/
