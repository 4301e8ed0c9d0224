# once.c: the first caller stores the word without comparing
# caught by once-cancel
s/if (!arch_cas(&once->word, word, running))/if (arch_store_relaxed(\&once->word, running), false)/
