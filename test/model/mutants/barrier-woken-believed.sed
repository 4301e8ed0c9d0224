# barrier.c: one that is woken takes that for the end of its round
# caught by barrier-2
s/if (error == 0 && scope == PRIVATE && watch_was_told(barrier, sequence_of(state)))/if (error == 0)/
