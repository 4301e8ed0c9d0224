# once.c: a sleeper does not set the bit
# caught by once-cancel
s/if ((word & ASLEEP) || arch_cas(&once->word, word, word | ASLEEP))/if (true)/
s/word | ASLEEP, NULL/word, NULL/
