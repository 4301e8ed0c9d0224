# rwlock.c: a waiter that gives up does not notice that it was given the lock
/^static bool withdraw/,/^}/s/if (served(waiter, state))/if (false)/
