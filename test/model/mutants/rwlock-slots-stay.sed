# rwlock/wait.c: slots of what was given back are not cleared
# caught by rwlock-writer-other
s/^        rows_clear(rows_name(rwlock));$/        (void)0;/
