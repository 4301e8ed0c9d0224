# mutex/plain.c: a claimed mutex is released without a wake
s/ || word == CLAIMED)$/)/
