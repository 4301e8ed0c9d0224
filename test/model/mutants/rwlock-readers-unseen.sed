# rwlock.c: a writer does not look through the rows
s/bool gone = !has_visible_readers(rwlock, row);/bool gone = true;/
