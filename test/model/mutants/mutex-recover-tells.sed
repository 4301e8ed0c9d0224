# mutex/any.c: the heir of a mutex that recovers is told
s/alive_report("mutex", mutex, .*/{}/; /^static int recover/,/^}/s/return 0;/return error;/
