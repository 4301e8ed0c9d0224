# mutex/plain.c: the wake comes before the store that releases
# caught by mutex-claim
/^COLD int plain_release_slow/,/^}/s/    uint32_t word = arch_load_relaxed(&mutex->word);/    uint32_t word = arch_load_relaxed(\&mutex->word);\n    unpark(\&mutex->word, 1, scope, ANY);/
/^COLD int plain_release_slow/,/^}/s/    if (word == CONTENDED .*/    if (false)/
