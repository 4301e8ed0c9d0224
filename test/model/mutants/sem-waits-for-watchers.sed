# sem.c: a post waits until a waiter that watches has seen it
# caught by sem-freeze-spins
/^static bool spin_for_value/,/^}/{
    s/^    bool seen = false;/    arch_fetch_add(\&watching, 1);\n&/
    s/^            return true;/            return arch_fetch_add(\&watching, -1u), true;/
    s/^    spin_report(&spin, false);/    arch_fetch_add(\&watching, -1u);\n&/
}
s/^static COLD bool take_slow(/static uint32_t watching;\n&/
s/^    checked_before(sem);/    while (arch_load_relaxed(\&watching) > 0 \&\& arch_load_relaxed(\&sem->word) > 0) arch_pause();/
