# cond.c: a broadcast leaves one sleeper of a mutex that inherits priority
s/unpark_pi(&cond->word, arch_load_relaxed(&cond->word), &mutex->word, count - 1)/unpark_pi(\&cond->word, arch_load_relaxed(\&cond->word), \&mutex->word, count > 1 ? 0 : 0)/
