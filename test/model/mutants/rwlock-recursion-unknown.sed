# rwlock/rows.c: a thread that reads is not known to
# caught by rwlock-writer-nested
s/return name && ((self.row/return name \&\& false \&\& ((self.row/
