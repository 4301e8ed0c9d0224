# rwlock/wait.c: a release that has woken nobody does not try the other class
# caught by rwlock-freeze-nonrecursive
s/    if (woken == 0 && (left & ASLEEP))/    if (woken < 0)/
