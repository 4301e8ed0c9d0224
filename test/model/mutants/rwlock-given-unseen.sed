# rwlock/wait.c: nobody knows what was given back
# caught by rwlock-visible-other
/^static bool is_read(/,/^}/s/return readers > given_of(state);/return readers > 0;/
