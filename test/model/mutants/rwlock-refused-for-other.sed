# rwlock/wait.c: a read lock given back for another thread is refused
# caught by rwlock-visible-other
s/            return in_rows;/            return false;/
