# spin.c: the lock is tested and then set
# caught by spin-2
/^PUBLIC int pthread_spin_lock/,/^}/s/arch_exchange(word, HELD) == FREE/(arch_load_relaxed(word) == FREE \&\& (arch_store_relaxed(word, HELD), true))/
