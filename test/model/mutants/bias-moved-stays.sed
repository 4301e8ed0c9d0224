# mutex.c: one whose fellow sleepers were moved takes the mutex by its bias
s/is_biased_to_me(mutex) && !waiter->slept/is_biased_to_me(mutex)/
