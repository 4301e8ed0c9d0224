# cond.c: the bit is set after the mutex was unlocked
/^        word = announce(cond, SLEEPERS, step);/d
s/^    if (!watched)$/    if (!watched)\n        waiter.depth = mutex_release(mutex), word = announce(cond, SLEEPERS, step);\n    else/
