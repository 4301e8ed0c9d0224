# mutex/plain.c: a holder whose sequence was aborted releases by a store
# caught by bias-revoked
s/        return BIASED_FREE;/        return arch_store_relaxed((uint32_t *)\&mutex->word, BIASED_FREE), BIASED_FREE;/
