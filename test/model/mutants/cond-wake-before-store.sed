# cond.c: the wake comes before the sequence changes
/^static COLD void signal_waiters/,/^}/{
s/    struct mutex \*target;/    struct mutex *target;\n    wake(cond, 1);/
s/    if (wake(cond, 1) == 0 .*/    if (now == 0)/
}
