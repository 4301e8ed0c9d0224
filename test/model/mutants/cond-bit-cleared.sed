# cond.c: a signal that clears the bit does not wake those who have come meanwhile
s/    int woken = wake(.*/    int woken = wakes == ALL ? 0 : wake(cond, target, 1, scope);/
