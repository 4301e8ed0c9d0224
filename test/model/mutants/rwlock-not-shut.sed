# rwlock/wait.c: a writer lets readers enter rows while it looks through them
# caught by rwlock-visible-other
/^static void shut_rows/,/^}/s/later(\*state | SHUT)/later(*state)/
s/ && (\*state & (SHUT | ASYMMETRIC)) != SHUT)/ \&\& (*state \& ASYMMETRIC))/
