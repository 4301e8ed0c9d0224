# mutex.c: one that has slept takes the word as if nobody else slept
s/while (arch_exchange(&mutex->word, CONTENDED) != FREE)/while (!arch_cas(\&mutex->word, FREE, HELD) \&\& arch_exchange(\&mutex->word, CONTENDED) != FREE)/
