# barrier.c: the last to arrive wakes one
s/unpark(round_word(barrier), EVERYONE/unpark(round_word(barrier), 1/
