# rwlock/wait.c: what was given back is so once more for the next readers
s/next = (\*state & (ASLEEP | CLAIM_R | CLAIM_W | LATER) & ~drops)/next = (*state \& (ASLEEP | CLAIM_R | CLAIM_W | LATER | -GIVEN) \& ~drops)/
