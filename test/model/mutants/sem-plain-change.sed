# sem.c: the word is compared and stored, instead of exchanged
# caught by sem-cancel
/^static inline bool change/,/^}/s/arch_cas(&sem->word, word, next);/(arch_load_relaxed(\&sem->word) == word \&\& (arch_store_relaxed(\&sem->word, next), true));/
