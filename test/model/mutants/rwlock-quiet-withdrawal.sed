# rwlock.c: a waiter that gives up does not let others look again
s/^    if (state & hints)$/    if (false)/
