# cond.c: a signal leaves the bit of the spinner that it has woken
/^static COLD void signal_waiters/,/^}/s/advance(cond, SPINNER, &target)/advance(cond, 0, \&target)/
