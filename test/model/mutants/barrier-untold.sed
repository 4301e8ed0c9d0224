# barrier.c: the last to arrive wakes sleepers, and tells nobody who watches
# caught by barrier-slot-lent
s/bool told = !(state & WATCHED_TOO) || .*/bool told = true;/
