# rwlock/wait.c: what was given back is so once more for the next readers
# caught by rwlock-visible-other-reads
s/next = (\*state & (ASLEEP | CLAIM_R | CLAIM_W | LATER) & ~drops)/next = (*state \& (ASLEEP | CLAIM_R | CLAIM_W | LATER | -GIVEN) \& ~drops)/
