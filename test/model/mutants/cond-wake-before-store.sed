# cond.c: the wake comes before the sequence changes
/^static COLD void signal_waiters/,/^}/{
s/    uint32_t before = advance/    wake(cond, arch_load_pointer(\&cond->mutex), 1, scope);\n&/
s/    int woken = wake(.*/    int woken = 1;/
}
