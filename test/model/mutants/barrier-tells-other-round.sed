# barrier.c: a sleeper looks for whether the next round is over
# caught by barrier-2-again
s/watch_was_told(barrier, sequence_of(state))/watch_was_told(barrier, sequence_of(state) - 8)/
