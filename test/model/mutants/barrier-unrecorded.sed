# barrier.c: a sleeper does not set the bit
s/(watches ? WATCHED_TOO : ASLEEP)/(watches ? WATCHED_TOO : 0)/
