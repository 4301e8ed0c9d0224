# cond.c: the broadcast is counted when it has moved them
# caught by cond-broadcast-moves
/^static COLD void broadcast_waiters/,/^}/{
    s/^    watch_count_move(cond);/    (void)0;/
    s/^    unpark_some_move_rest(&cond->word, now, WOKEN_AT_ONCE, &target->word);/&\n    watch_count_move(cond);/
}
