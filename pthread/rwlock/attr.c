/* Attributes of read-write locks: the kind of what is made from them. */
#include "kind.h"

#include <errno.h>

/* A field of the kind, as a number. 0 or EINVAL. */
static int get(const pthread_rwlockattr_t *attributes, uint32_t field, int *value)
{
    uint32_t kind = *(const uint32_t *)attributes;
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    *value = (kind & field) / (field & -field);
    return 0;
}

static int set(pthread_rwlockattr_t *attributes, uint32_t field, int value)
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
    return set(attributes, PREFERENCE, preference);
}

PUBLIC int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *attributes, int *preference)
{
    return get(attributes, PREFERENCE, preference);
}

_Static_assert(PTHREAD_PROCESS_PRIVATE == 0 && PTHREAD_PROCESS_SHARED == 1, "a field of one bit");
PUBLIC int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attributes, int shared)
{
    return set(attributes, RWLOCK_SHARED, shared);
}

PUBLIC int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *restrict attributes,
                                         int *restrict shared)
{
    return get(attributes, RWLOCK_SHARED, shared);
}

_Static_assert(PTHREAD_MUTEX_STALLED == 0 && PTHREAD_MUTEX_ROBUST == 1, "a field of one bit");
PUBLIC int pthread_rwlockattr_setrobust_np(pthread_rwlockattr_t *attributes, int robust)
{
    return set(attributes, RWLOCK_ROBUST, robust);
}

PUBLIC int pthread_rwlockattr_getrobust_np(const pthread_rwlockattr_t *attributes, int *robust)
{
    return get(attributes, RWLOCK_ROBUST, robust);
}
