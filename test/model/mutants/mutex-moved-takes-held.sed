# mutex/plain.c: one that was moved here does not mark the word for the others
# caught by cond-broadcast-moves
/^int plain_acquire/,/^}/s/FREE, CONTENDED/FREE, HELD/
