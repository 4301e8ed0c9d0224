# rwlock/shared.c: a reader leaves LOOKING as it is
/^static inline bool may_stay/,/^}/s/if (change(lock, state, next))/if (1)/
