# rwlock/wait.c: a reader does not see a writer
/^static bool may_read/,/^}/s/    if (state & WRITE)/    if (false)/
