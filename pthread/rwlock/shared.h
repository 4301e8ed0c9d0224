/* Read-write locks between processes, which outlive those who hold them: shared.c. */
#ifndef FURWOCK_RWLOCK_SHARED_H
#define FURWOCK_RWLOCK_SHARED_H

#include "../layout.h"
#include "kind.h"

/* As pthread_rwlock_*, for a lock whose kind is no private one. EINVAL if it is none at all. */
int shared_read(struct rwlock *rwlock, uint32_t kind, struct wish wish);
int shared_write(struct rwlock *rwlock, uint32_t kind, struct wish wish);
int shared_unlock(struct rwlock *rwlock, uint32_t kind);
int shared_init(struct rwlock *rwlock, uint32_t kind);
bool shared_is_held(const struct rwlock *rwlock);

#endif
