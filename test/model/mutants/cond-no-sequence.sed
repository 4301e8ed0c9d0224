# cond.c: a signal does not change the sequence
# caught by cond-signal
s/sequence_of(word) + SEQUENCE + bits_left/sequence_of(word) + bits_left/
s/uint32_t now = sequence_of(before) + SEQUENCE;/uint32_t now = sequence_of(before);/
