# rwlock.c: a read lock given back for another thread is refused
s/if (!has_readers(state) && !has_visible_readers(rwlock, &row))/if (!has_readers(state))/
