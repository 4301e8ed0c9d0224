/* Making and destroying read-write locks, and their attributes: the kind of what is made from them. */
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

/* Attributes. */

int rwlockattr_get(const pthread_rwlockattr_t *attributes, uint32_t field, int *value)
{
    uint32_t kind = *(const uint32_t *)attributes;
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    *value = (kind & field) / (field & -field);
    return 0;
}

int rwlockattr_set(pthread_rwlockattr_t *attributes, uint32_t field, int value)
{
    uint32_t *kind = (uint32_t *)attributes, one = field & -field;
    uint32_t next = (*kind & ~field) | (value * one & field);
    if (!rwlock_kind_valid(*kind) || (uint32_t)value > field / one || !rwlock_kind_valid(next))
        return EINVAL;
    *kind = next;
    return 0;
}

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

PUBLIC int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *attributes, int preference)
{
    return rwlockattr_set(attributes, PREFERENCE, preference);
}

PUBLIC int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *attributes, int *preference)
{
    return rwlockattr_get(attributes, PREFERENCE, preference);
}

/* Other names under which programs know these. */
ALIAS(pthread_rwlock_init, __pthread_rwlock_init);
ALIAS(pthread_rwlock_destroy, __pthread_rwlock_destroy);
