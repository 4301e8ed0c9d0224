# cond.c: the wake comes before the sequence changes
/^static COLD void signal_waiters/,/^}/{
s/    void \*target;/    void *target = arch_load_pointer(\&cond->mutex);\n    wake(cond, target, 1);/
s/    if (wake(cond, target, 1) == 0 .*/    if (now == 0)/
}
