# mutex/plain.c: a claimed mutex is released without a wake
# caught by mutex-claim
s/ || word == CLAIMED)$/)/
