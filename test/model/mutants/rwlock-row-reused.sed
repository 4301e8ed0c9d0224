# rwlock/rows.c: a row is given back with read locks in it
s/is_empty(row) ? 0 : ORPHANED/0/
