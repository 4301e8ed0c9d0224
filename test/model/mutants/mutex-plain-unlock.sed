# mutex.c: the release reads and then stores, instead of exchanging
/^static COLD void plain_release_any/,/^}/s/while (!arch_cas_fetch(&mutex->word, &word, after_release(mutex, word)))/arch_store_release(\&mutex->word, FREE);\n    if (false)/
