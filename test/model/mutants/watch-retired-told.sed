# watch.c: a signal takes one who has gone to sleep for one who watches
# caught by watch-2-conditions
/^bool watch_signal/,/^}/s/return is_of(state, name) && .*/return is_of(state, name);/
