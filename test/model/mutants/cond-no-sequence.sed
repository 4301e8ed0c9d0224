# cond.c: a signal does not change the sequence
s/(word + SEQUENCE) & ~bits/word \& ~bits/
s/uint32_t now = before + SEQUENCE;/uint32_t now = before;/
