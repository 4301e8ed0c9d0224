# rwlock/wait.c: a thread that reads is not known to
# caught by rwlock-writer-nested
s/return name && (rows_have(name) || /return name \&\& (false \&\& /
