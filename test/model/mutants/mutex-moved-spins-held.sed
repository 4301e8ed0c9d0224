# mutex.c: the same, for one that has seen the word free while it spun
/^static COLD int plain_wait/,/^}/s/moved ? CONTENDED : HELD/HELD/
