# rwlock/wait.c: a writer does not look through the rows
# caught by rwlock-timed-in-rows
s/            in_rows = rows_count(rows_name(rwlock), true, row);/            in_rows = 0;/
