# rwlock/wait.c: a read lock given back for another thread is refused
# caught by rwlock-visible-other
s/        held = is_read(rwlock, state, false, &row) || counted;/        held = counted, row = NULL;/
