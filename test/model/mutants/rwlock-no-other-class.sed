# rwlock.c: a release that has woken nobody does not try the other class
s/^    if (woken == 0 && (state & (SLEEP_R | SLEEP_W)))/    if (woken < 0)/
