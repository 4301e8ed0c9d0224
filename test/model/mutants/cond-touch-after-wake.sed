# cond.c: a waiter that has timed out reads the word itself
# caught by cond-timed-nobody-spins
s/return unchanged(address, word, waiter->scope)/return arch_load_relaxed(address) == word/
