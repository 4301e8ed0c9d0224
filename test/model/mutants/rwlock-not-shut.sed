# rwlock/wait.c: a writer lets readers enter rows while it looks through them
# caught by rwlock-visible-other
s/while ((\*state & IN_ROWS) && (\*state & (SHUT | ASYMMETRIC)) != SHUT)/while (false)/
