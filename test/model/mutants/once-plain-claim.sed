# once.c: the first caller stores the word without comparing
s/if (!arch_cas(&once->word, word, running))/if (arch_store_relaxed(\&once->word, running), false)/
