# mutex/any.c: the heir has the mutex as deep as the dead had it
# caught by mutex-recover-deep
/^static int recover/,/^}/s/mutex->depth = 0;//
