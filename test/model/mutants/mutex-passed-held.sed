# mutex/plain.c: who is given the mutex forgets the sleepers
s/next = waiter->slept ? CONTENDED : HELD;/next = waiter->slept \&\& state != PASSED ? CONTENDED : HELD;/
