# cond.c: the sequence of every condition variable begins at the same place
s/step = first_sequence(waiter.scope);/first_sequence(waiter.scope);/
