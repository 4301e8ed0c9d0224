# rwlock/shared.c: a writer sleeps on a word without saying so
# caught by rwlock_shared-read-write
s/(!(found \& bit) \&\& !arch_cas(word, found, found | bit))/0/;s/sleep_on(waiter, word, found | bit, ANY)/sleep_on(waiter, word, found, ANY)/
