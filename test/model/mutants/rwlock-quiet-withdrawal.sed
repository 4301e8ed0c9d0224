# rwlock/wait.c: a writer that gives up does not let readers look again
s/^    if (state & SLEEP_R)$/    if (false)/
