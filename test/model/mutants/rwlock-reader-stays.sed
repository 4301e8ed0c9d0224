# rwlock/wait.c: a reader does not see a writer
# caught by rwlock-claim-dropped
/^static bool may_read/,/^}/s/    if (state & WRITE)/    if (false)/
