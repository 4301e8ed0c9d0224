# mutex.c: a mutex that was passed on is free for all
s/(state == PASSED \&\& waiter->slept)/state == PASSED/
