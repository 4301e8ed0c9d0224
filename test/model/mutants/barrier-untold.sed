# barrier.c: the last to arrive wakes sleepers, and tells nobody who watches
# caught by barrier-slot-lent
s|bool told = scope == PRIVATE && .*|bool told = true;|
