# sem.c: a post waits until a waiter that watches has seen it
s/^static COLD int post_slow(/static uint32_t watching;\n&/
s/^static bool spin_for_value(/static uint32_t watching;\n&/
s/^    bool taken;/    arch_fetch_add(\&watching, 1); &/
s/^    spin_report(&spin, taken);/    arch_fetch_add(\&watching, -1u); &/
s/^    checked_before(sem);/    while (arch_load_relaxed(\&watching) > 0 \&\& arch_load_relaxed(\&sem->word) > 0) arch_pause();/
