# barrier.c: the last to arrive wakes one
# caught by barrier-slot-lent
s/unpark(round_word(barrier), EVERYONE/unpark(round_word(barrier), 1/
