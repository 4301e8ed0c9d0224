# cond.c: a signal that clears the bit does not wake those who have come meanwhile
# caught by cond-stale-bit
s/    int woken = unpark(.*/    int woken = wakes == ALL ? 0 : unpark(\&cond->word, 1, scope, ANY);/
