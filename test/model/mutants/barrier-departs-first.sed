# barrier.c: a waiter counts itself as departed before it has looked
s/^        wait_for_round(barrier, state);/        depart(barrier, scope), wait_for_round(barrier, state);/
s/^    depart(barrier, scope);/    if (last)\n        depart(barrier, scope);/
