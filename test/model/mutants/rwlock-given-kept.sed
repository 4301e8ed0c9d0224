# rwlock/wait.c: what was given back is so once more for the next readers
# caught by rwlock-visible-other-reads
s/next = (\*state & (ASLEEP | CLAIMS | LATER) & ~waiter->used_up)/next = (*state \& (ASLEEP | CLAIMS | LATER | -GIVEN) \& ~waiter->used_up)/
