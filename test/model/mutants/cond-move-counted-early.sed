# cond.c: the broadcast is counted before its addition, when others may still come
# caught by cond-other-mutex-2
/^static COLD void broadcast_waiters/,/^}/{
    s/^    watch_count_move(cond);/    (void)0;/
    s/^    hints_set_used(&cond->hints);/&\n    watch_count_move(cond);/
}
