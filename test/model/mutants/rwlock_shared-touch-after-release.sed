# rwlock/shared.c: a writer looks at the lock after its release
# caught by rwlock_shared-destroy
/^static inline bool release_write/,/^}/s/return true;/return arch_load_relaxed(\&lock->kind) != 0;/
