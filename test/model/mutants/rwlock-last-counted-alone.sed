# rwlock/wait.c: an unlock wakes when none are counted any more, but not if those who are had been given back
# caught by rwlock-freeze-given-back
/^COLD int release_read(/,/^}/s/readers_of(next) <= given_of(next)/readers_of(next) == 0/
