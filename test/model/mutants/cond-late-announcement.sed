# cond.c: the bit is set after the mutex was unlocked
# caught by cond-signal
s/^        word = announce(cond, SLEEPERS, step);/        ;/
s/^    waiter.depth = mutex_release(mutex);/&\n    if (!watches) word = announce(cond, SLEEPERS, step);/
