# rwlock.c: one reader is woken instead of all
s/woken = unpark(word, EVERYONE, scope, READERS);/woken = unpark(word, 1, scope, READERS);/
