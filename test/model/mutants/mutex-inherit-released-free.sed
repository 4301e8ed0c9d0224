# mutex/inheriting.c: the word is freed though others are queued for it
# caught by mutex-inherit
s/park_unlock_pi(&mutex->word, scope)/(void)scope, arch_exchange(\&mutex->word, 0)/
