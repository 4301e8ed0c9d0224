# rwlock/wait.c: a release that wakes leaves the word on which others fall asleep
s/    return later(state & ~bits);/    return state \& ~bits;/
