# cond.c: the broadcast is counted before its addition, and who comes in between is woken, but sees no new count
# caught by cond-broadcast-moves-beside
/^static COLD void broadcast_waiters/,/^}/{
    s/^        watch_count_move(cond);/        (void)0;/
    s/^    uint32_t before = advance/    watch_count_move(cond);\n    uint32_t before = advance/
}
