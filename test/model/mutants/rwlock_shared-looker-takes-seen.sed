# rwlock/shared.c: LOOKING that another has ended is taken for the lock
# caught by rwlock_shared-writers
/^static inline int try_write/,/^}/s/if (likely(change(lock, state, next)))/arch_store64_relaxed(\&lock->state.whole, next.whole); if (1)/
