# barrier.c: a sleeper does not set the bit
# caught by barrier-2
s/(watches ? WATCHED_TOO : ASLEEP)/(watches ? WATCHED_TOO : 0)/
