# rwlock/wait.c: a writer that gives up does not let others look again
/^COLD int acquire_write/,/^}/s/        let_all_look(rwlock);/        (void)0;/
