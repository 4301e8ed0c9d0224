/* Read-write locks off the fast paths: releasing to those who wait, and waiting. */
#ifndef FURWOCK_RWLOCK_WAIT_H
#define FURWOCK_RWLOCK_WAIT_H

#include "rows.h"

/* Does the calling thread hold it for writing? */
static inline bool is_writer(const struct rwlock *rwlock)
{
    return self_is(arch_load64_relaxed(&rwlock->writer.whole));
}

/* Release a lock that others wait for, perhaps, or that another thread may have taken. 0, or EPERM. */
int release_write(struct rwlock *rwlock, uint64_t state, uint32_t kind);
int release_read(struct rwlock *rwlock, uint64_t state, uint32_t kind);

/* Take the lock, or wait for it. 0, EBUSY, EAGAIN, EDEADLK, or the deadline's ETIMEDOUT or EINVAL. */
int acquire(struct rwlock *rwlock, uint32_t kind, struct wish wish, bool writes);

/* The caller holds a read lock that is counted: let later readers enter rows, if it is time for that. */
void open_rows(struct rwlock *rwlock);

/* The same, now and then. */
static inline void count_read(struct rwlock *rwlock)
{
    enum { READS_BETWEEN = 16 };
    uint32_t reads = arch_load_relaxed(&rwlock->reads) + 1;
    arch_store_relaxed(&rwlock->reads, reads);
    if (unlikely(reads % READS_BETWEEN == 0))
        open_rows(rwlock);
}

/* Does anybody hold it? */
bool is_held(struct rwlock *rwlock);

#endif
