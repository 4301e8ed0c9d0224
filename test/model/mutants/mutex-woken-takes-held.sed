# mutex/plain.c: one that has slept takes the word as if nobody else slept
# caught by mutex-claim
s/next = waiter->slept ? CONTENDED : HELD;/next = HELD;/
