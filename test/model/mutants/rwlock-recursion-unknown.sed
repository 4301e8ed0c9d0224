# rwlock/wait.c: a thread that reads is not known to
s/return name && (rows_have(name) || /return name \&\& (false \&\& /
