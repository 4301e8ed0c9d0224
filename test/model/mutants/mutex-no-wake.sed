# mutex/plain.c: a release wakes nobody
/^COLD int plain_release_slow/,/^}/s/unpark(.*);/(void)scope;/
