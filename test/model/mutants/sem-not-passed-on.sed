# sem.c: one that has slept leaves permits behind, and wakes nobody
s/if (left > 0)/if (false)/
