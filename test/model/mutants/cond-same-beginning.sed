# cond.c: the sequence of every condition variable begins at the same place
# caught by cond-reuse
s/step = first_sequence(waiter.scope);/first_sequence(waiter.scope);/
