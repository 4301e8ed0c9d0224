# rwlock/wait.c: a read lock given back for another thread is refused
s/            return in_rows;/            return false;/
