# sem.c: one that has slept does not mark the word for the others
s/arch_cas_fetch(&sem->word, &word, left | ASLEEP)/arch_cas_fetch(\&sem->word, \&word, left)/
