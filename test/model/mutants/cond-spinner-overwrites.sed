# cond.c: a spinner that gives up stores the word instead of exchanging it
s/if (arch_cas_fetch(&cond->word, &now, asleep)) {/if (arch_store_relaxed(\&cond->word, asleep), true) {/
