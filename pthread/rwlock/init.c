/* Making and destroying read-write locks. */
#include "../checked.h"
#include "shared.h"
#include "wait.h"

#include <errno.h>

PUBLIC int pthread_rwlock_init(pthread_rwlock_t *object, const pthread_rwlockattr_t *attributes)
{
    uint32_t kind = attributes ? *(const uint32_t *)attributes : PREFER_READER;
    if (!is_private(kind))
        return shared_init((struct rwlock *)object, kind);
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
    if (is_private(kind) ? is_held(rwlock) : shared_is_held(rwlock))
        return EBUSY;
    if (is_private(kind) && rows_name(rwlock))
        rows_clear(rows_name(rwlock));
    arch_store_relaxed(&rwlock->kind, DESTROYED);
    return checked_gone(rwlock, sizeof *rwlock, 0);
}

ALIAS(pthread_rwlock_init, __pthread_rwlock_init);
ALIAS(pthread_rwlock_destroy, __pthread_rwlock_destroy);
