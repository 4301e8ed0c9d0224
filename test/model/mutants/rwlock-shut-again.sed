# rwlock/wait.c: rows that are shut a second time look as the first time
/^static void shut_rows/,/^}/s/later(\*state | SHUT)/(*state | SHUT)/
