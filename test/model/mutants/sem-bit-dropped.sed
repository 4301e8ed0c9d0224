# sem.c: one that takes a permit drops the bit of those who sleep
s/change(sem, word, word - 1)/change(sem, word, (word - 1) \& VALUE)/
