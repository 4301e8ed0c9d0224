# mutex.c: the release within a condition wait wakes nobody
/^static void plain_release/,/^}/s/unpark(.*);/(void)scope;/
