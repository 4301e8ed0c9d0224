# rwlock/wait.c: a writer does not look through the rows
# caught by rwlock-timed-in-rows
/^static bool is_read_by_any/,/^}/s/bool read = is_read(rwlock, \*state, true, row);/bool read = (*row = NULL, readers_of(*state) > given_of(*state));/
