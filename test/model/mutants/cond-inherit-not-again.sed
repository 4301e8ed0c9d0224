# cond.c: a signal finds the word changed, and does not try again
s/while (done == -EAGAIN || done == -EINTR);/while (done == -EINTR);/
