# sem.c: a post is a load and a store, between which a signal handler may post
# caught by sem-cancel-last-post
s/if (likely(word < SEM_VALUE_MAX) && likely(change(sem, word, word + 1)))/if (word < SEM_VALUE_MAX \&\& (arch_store_relaxed(\&sem->word, word + 1), true))/
