# cond.c: a condition variable is destroyed while a waiter watches
# caught by cond-destroy-watched
s/if ((word \& WATCHER) \&\& watch_is_on(cond, sequence_of(word)))/if (false)/
