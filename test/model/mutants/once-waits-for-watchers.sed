# once.c: who has run the routine waits until those who watch have seen it
# caught by once-freeze-spins
s/^static void finish(/static uint32_t watching;\n&/
s/^    bool ended;/    arch_fetch_add(\&watching, 1); &/
s/^    spin_report(&spin, ended);/    arch_fetch_add(\&watching, -1u); &/
s/^    if (arch_exchange(&once->word, word) & ASLEEP)/    uint32_t before = arch_exchange(\&once->word, word); while (arch_load_relaxed(\&watching)) arch_pause();\n    if (before \& ASLEEP)/
