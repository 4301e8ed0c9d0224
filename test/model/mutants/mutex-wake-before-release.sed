# mutex.c: the wake comes before the store that releases
/^static COLD void plain_release_any/,/^}/s/    uint32_t word = arch_load_relaxed(&mutex->word);/    uint32_t word = arch_load_relaxed(\&mutex->word);\n    unpark(\&mutex->word, 1, scope, ANY);/
/^static COLD void plain_release_any/,/^}/s/    if (word == CONTENDED .*/    if (false)/
