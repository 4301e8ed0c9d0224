# sem.c: one that has slept does not mark the word for the others
s/(word - 1) | ASLEEP)/(word - 1) \& VALUE)/
