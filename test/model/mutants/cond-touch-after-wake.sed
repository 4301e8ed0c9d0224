# cond.c: a waiter reads the word again when it has been woken
s/result == ETIMEDOUT && parked_unchanged(&waiter->cond->word, word, waiter->scope);/arch_load_relaxed(\&waiter->cond->word) == word \&\& result == ETIMEDOUT;/
