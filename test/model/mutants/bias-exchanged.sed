# mutex/plain.c: a waiter puts its mark by an exchange
# caught by bias-earned
s/        if (next != \*word && !arch_cas_fetch(&mutex->word, word, next))/        if (next == CONTENDED \&\& !mine) {\n            if (*word != next \&\& (*word = arch_exchange(\&mutex->word, next)) == FREE) {\n                mine = true;\n            }\n        } else if (next != *word \&\& !arch_cas_fetch(\&mutex->word, word, next))/
