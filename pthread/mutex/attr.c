/* Mutex attributes: the kind of the mutex that will be made from them (enum mutex_kind). */
#include "ceiling.h"
#include "../layout.h"

#include <errno.h>

static uint32_t *kind_of(const pthread_mutexattr_t *attributes)
{
    return (uint32_t *)attributes;
}

static int get(const pthread_mutexattr_t *attributes, uint32_t *kind)
{
    *kind = *kind_of(attributes);
    return *kind & ~(uint32_t)MUTEX_KNOWN ? EINVAL : 0;
}

/* Replace the bits of `mask` by `bits`, unless the attributes are none or the value is `bad`. */
static int set(pthread_mutexattr_t *attributes, uint32_t mask, uint32_t bits, int bad)
{
    uint32_t kind;
    if (bad || get(attributes, &kind))
        return EINVAL;
    *kind_of(attributes) = (kind & ~mask) | bits;
    return 0;
}

PUBLIC int pthread_mutexattr_init(pthread_mutexattr_t *attributes)
{
    *kind_of(attributes) = MUTEX_NORMAL;
    return 0;
}

PUBLIC int pthread_mutexattr_destroy(pthread_mutexattr_t *attributes)
{
    (void)attributes;
    return 0;
}

PUBLIC int pthread_mutexattr_gettype(const pthread_mutexattr_t *attributes, int *type)
{
    uint32_t kind;
    int error = get(attributes, &kind);
    if (!error)
        *type = kind & MUTEX_TYPE;
    return error;
}

PUBLIC int pthread_mutexattr_settype(pthread_mutexattr_t *attributes, int type)
{
    return set(attributes, MUTEX_TYPE, type, type < 0 || type > MUTEX_TYPE);
}

PUBLIC int pthread_mutexattr_getpshared(const pthread_mutexattr_t *attributes, int *shared)
{
    uint32_t kind;
    int error = get(attributes, &kind);
    if (!error)
        *shared = kind & MUTEX_SHARED ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    return error;
}

PUBLIC int pthread_mutexattr_setpshared(pthread_mutexattr_t *attributes, int shared)
{
    return set(attributes, MUTEX_SHARED, shared == PTHREAD_PROCESS_SHARED ? MUTEX_SHARED : 0,
               shared != PTHREAD_PROCESS_SHARED && shared != PTHREAD_PROCESS_PRIVATE);
}

PUBLIC int pthread_mutexattr_getrobust(const pthread_mutexattr_t *attributes, int *robust)
{
    uint32_t kind;
    int error = get(attributes, &kind);
    if (!error)
        *robust = kind & MUTEX_ROBUST ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED;
    return error;
}

PUBLIC int pthread_mutexattr_setrobust(pthread_mutexattr_t *attributes, int robust)
{
    return set(attributes, MUTEX_ROBUST, robust == PTHREAD_MUTEX_ROBUST ? MUTEX_ROBUST : 0,
               robust != PTHREAD_MUTEX_ROBUST && robust != PTHREAD_MUTEX_STALLED);
}

PUBLIC int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *attributes, int *protocol)
{
    uint32_t kind;
    int error = get(attributes, &kind);
    if (!error)
        *protocol = kind & MUTEX_INHERIT   ? PTHREAD_PRIO_INHERIT
                    : kind & MUTEX_PROTECT ? PTHREAD_PRIO_PROTECT
                                           : PTHREAD_PRIO_NONE;
    return error;
}

PUBLIC int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attributes, int protocol)
{
    uint32_t bits = protocol == PTHREAD_PRIO_INHERIT   ? MUTEX_INHERIT
                    : protocol == PTHREAD_PRIO_PROTECT ? MUTEX_PROTECT
                                                       : 0;
    return set(attributes, MUTEX_INHERIT | MUTEX_PROTECT, bits,
               bits == 0 && protocol != PTHREAD_PRIO_NONE);
}

/* Until it is set the ceiling is the lowest priority of SCHED_FIFO. */
PUBLIC int pthread_mutexattr_getprioceiling(const pthread_mutexattr_t *attributes, int *ceiling)
{
    uint32_t kind;
    int error = get(attributes, &kind);
    if (error)
        return error;
    *ceiling = kind >> MUTEX_CEILING_SHIFT;
    if (*ceiling == 0)
        *ceiling = ceiling_minimum();
    return 0;
}

PUBLIC int pthread_mutexattr_setprioceiling(pthread_mutexattr_t *attributes, int ceiling)
{
    return set(attributes, MUTEX_CEILING, (uint32_t)ceiling << MUTEX_CEILING_SHIFT,
               ceiling < ceiling_minimum() || ceiling > ceiling_maximum());
}

/* Names from before the functions were standard. */
ALIAS(pthread_mutexattr_init, __pthread_mutexattr_init);
ALIAS(pthread_mutexattr_destroy, __pthread_mutexattr_destroy);
ALIAS(pthread_mutexattr_settype, __pthread_mutexattr_settype);
ALIAS(pthread_mutexattr_settype, pthread_mutexattr_setkind_np);
ALIAS(pthread_mutexattr_gettype, pthread_mutexattr_getkind_np);
ALIAS(pthread_mutexattr_setrobust, pthread_mutexattr_setrobust_np);
ALIAS(pthread_mutexattr_getrobust, pthread_mutexattr_getrobust_np);
