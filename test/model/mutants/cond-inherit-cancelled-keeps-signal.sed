# cond.c: a cancelled waiter does not pass the signal on that it may have consumed
s/while (done == -EAGAIN && parked_word(word, &now)/while (false \&\& parked_word(word, \&now)/
