# cond.c: a signal that woke nobody clears the bit of a waiter who has come meanwhile
/^static COLD void signal_waiters/,/^}/s/        wake(cond, EVERYONE);/        ;/
