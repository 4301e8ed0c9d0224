# sem.c: one that takes a permit drops the bit of those who sleep
# caught by sem-cancel
s/change(sem, word, word - 1)/change(sem, word, (word - 1) \& VALUE)/
