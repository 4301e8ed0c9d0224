# sem.c: a waiter stores the bit without comparing
# caught by sem-cancel-last-post
s/!arch_cas(&sem->word, 0, ASLEEP)/(arch_store_relaxed(\&sem->word, ASLEEP), false)/
