#ifndef X
#define X
#include "wait.h"
static inline int shared_read(struct rwlock *r, uint32_t k, struct wish w)
{
    return acquire_read(r, k & PREFERENCE, w);
}
static inline int shared_write(struct rwlock *r, uint32_t k, struct wish w)
{
    return acquire_write(r, k & PREFERENCE, w);
}
static inline int shared_unlock(struct rwlock *r, uint32_t k)
{
    uint64_t s = state_of(r);
    if (s & WRITE) {
        if (!is_writer(r))
            return 1;
        arch_store64_relaxed(&r->writer.whole, 0);
        return release_write(r, s, k);
    }
    return unlock_read_kind(r, k & PREFERENCE);
}
static inline bool shared_is_held(struct rwlock *r)
{
    return is_held(r);
}
#endif
