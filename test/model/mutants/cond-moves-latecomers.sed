# park.c: a broadcast moves those who have come since, to a mutex that may not be theirs
# caught by cond-other-mutex-2
/^void unpark_some_move_rest/,/^}/s/FUTEX_CMP_REQUEUE/FUTEX_REQUEUE/
