# cond.c: the wake comes before the sequence changes
# caught by cond-signal
/^static COLD void signal_waiters/,/^}/{
s/    uint32_t before = advance/    unpark(\&cond->word, 1, scope, ANY);\n&/
s/    int woken = unpark(.*/    int woken = 1;/
}
