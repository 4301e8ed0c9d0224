# mutex/bias.c: the id is stored after the word when bias is earned
# caught by bias-earned buffered
/^static COLD void begin(/,/^}/{s/    arch_store64_relaxed(&mutex->bias, self_id());//;s/    if (!arch_cas(&mutex->word, HELD, BIASED_HELD))/    if (arch_cas(\&mutex->word, HELD, BIASED_HELD))/;s/        arch_store64_relaxed(&mutex->bias, 0);/        arch_store64_relaxed(\&mutex->bias, self_id());/}
