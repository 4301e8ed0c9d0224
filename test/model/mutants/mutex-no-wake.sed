# mutex.c: a release wakes nobody
/^static COLD void plain_release_any/,/^}/s/unpark(.*);/(void)scope;/
