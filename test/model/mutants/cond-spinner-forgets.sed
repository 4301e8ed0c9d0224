# cond.c: a spinner that gives up does not look whether it was signalled
s/^        signalled = !same_sequence(now, \*word);/        signalled = false;/
