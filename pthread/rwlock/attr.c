/* Making and destroying read-write locks, and their attributes: the kind of what is made from them. */
#include "../checked.h"
#include "shared.h"
#include "wait.h"

#include <errno.h>

PUBLIC int pthread_rwlock_init(pthread_rwlock_t *object, const pthread_rwlockattr_t *attributes)
{
    uint32_t kind = attributes ? *(const uint32_t *)attributes : PREFER_READER;
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    if ((kind & RWLOCK_ROBUST) && !(kind & RWLOCK_SHARED))
        return ENOTSUP;
    if (kind & RWLOCK_SHARED)
        shared_init((struct rwlock *)object, kind);
    else
        *(struct rwlock *)object = (struct rwlock){.kind = kind};
    return 0;
}

PUBLIC int pthread_rwlock_destroy(pthread_rwlock_t *object)
{
    struct rwlock *rwlock = (struct rwlock *)object;
    if (!rwlock)
        return 0;
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    if (kind & RWLOCK_SHARED ? shared_is_held(rwlock) : is_held(rwlock))
        return EBUSY;
    if (!(kind & RWLOCK_SHARED) && rows_name(rwlock))
        rows_clear(rows_name(rwlock));
    arch_store_relaxed(&rwlock->kind, DESTROYED);
    return checked_gone(rwlock, sizeof *rwlock, 0);
}

PUBLIC int pthread_rwlock_consistent_np(pthread_rwlock_t *object)
{
    struct rwlock *rwlock = (struct rwlock *)object;
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (!rwlock_kind_valid(kind) || !(kind & RWLOCK_ROBUST))
        return EINVAL;
    return shared_consistent(rwlock, kind);
}

/* Attributes: the kind of the lock that will be made from them. */

PUBLIC int pthread_rwlockattr_init(pthread_rwlockattr_t *attributes)
{
    *(uint32_t *)attributes = PREFER_READER;
    return 0;
}

PUBLIC int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attributes)
{
    (void)attributes;
    return 0;
}

PUBLIC int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attributes, int shared)
{
    uint32_t *kind = (uint32_t *)attributes;
    if (!rwlock_kind_valid(*kind) ||
        (shared != PTHREAD_PROCESS_SHARED && shared != PTHREAD_PROCESS_PRIVATE))
        return EINVAL;
    *kind =
        (*kind & ~(uint32_t)RWLOCK_SHARED) | (shared == PTHREAD_PROCESS_SHARED ? RWLOCK_SHARED : 0);
    return 0;
}

PUBLIC int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *restrict attributes,
                                         int *restrict shared)
{
    uint32_t kind = *(const uint32_t *)attributes;
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    *shared = kind & RWLOCK_SHARED ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    return 0;
}

PUBLIC int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *attributes, int preference)
{
    uint32_t *kind = (uint32_t *)attributes;
    if (!rwlock_kind_valid(*kind) || preference < 0 || preference >= PREFERENCES)
        return EINVAL;
    *kind = (*kind & ~(uint32_t)PREFERENCE) | preference;
    return 0;
}

PUBLIC int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *attributes, int *preference)
{
    uint32_t kind = *(const uint32_t *)attributes;
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    *preference = kind & PREFERENCE;
    return 0;
}

PUBLIC int pthread_rwlockattr_setrobust_np(pthread_rwlockattr_t *attributes, int robust)
{
    uint32_t *kind = (uint32_t *)attributes;
    if (!rwlock_kind_valid(*kind) ||
        (robust != PTHREAD_MUTEX_ROBUST && robust != PTHREAD_MUTEX_STALLED))
        return EINVAL;
    *kind =
        (*kind & ~(uint32_t)RWLOCK_ROBUST) | (robust == PTHREAD_MUTEX_ROBUST ? RWLOCK_ROBUST : 0);
    return 0;
}

PUBLIC int pthread_rwlockattr_getrobust_np(const pthread_rwlockattr_t *attributes, int *robust)
{
    uint32_t kind = *(const uint32_t *)attributes;
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    *robust = kind & RWLOCK_ROBUST ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED;
    return 0;
}

/* Other names under which programs know these. */
ALIAS(pthread_rwlock_init, __pthread_rwlock_init);
ALIAS(pthread_rwlock_destroy, __pthread_rwlock_destroy);
