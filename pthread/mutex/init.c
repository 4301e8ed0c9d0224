/* Mutexes made and destroyed, repaired, and given another ceiling. */
#include "../alive.h"
#include "../checked.h"
#include "../hints.h"
#include "../self.h"
#include "any.h"
#include "ceiling.h"
#include "owned.h"
#include "plain.h"

#include <errno.h>

/*
 * With FURWOCK=recover a process-shared mutex is robust, and says so itself: to all who share it, with
 * the option or without. Where that cannot be had it is what it would be without the option.
 */
static bool is_to_recover(uint32_t kind)
{
    return alive_recovers && (kind & (MUTEX_SHARED | MUTEX_ROBUST)) == MUTEX_SHARED &&
           robust_known();
}

static COLD int init_kind(struct mutex *mutex, uint32_t kind)
{
    if (kind & ~(uint32_t)MUTEX_KNOWN)
        return EINVAL;
    if ((kind & MUTEX_INHERIT) && park_tid() == 0)
        return ENOTSUP;
    if ((kind & MUTEX_PROTECT) && !(kind & MUTEX_CEILING))
        kind |= (uint32_t)ceiling_minimum() << MUTEX_CEILING_SHIFT;
    if ((kind & MUTEX_ROBUST) && !robust_known())
        return ENOTSUP;
    if (is_to_recover(kind))
        kind |= MUTEX_ROBUST | MUTEX_RECOVERS;
    *mutex = (struct mutex){.kind = kind};
    return 0;
}

PUBLIC int pthread_mutex_init(pthread_mutex_t *object, const pthread_mutexattr_t *attributes)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = attributes ? *(const uint32_t *)attributes : MUTEX_NORMAL;
    if (unlikely(kind != MUTEX_NORMAL))
        return init_kind(mutex, kind);
    /* in as few stores as there can be */
    __builtin_memset(mutex, 0, sizeof *mutex);
    return 0;
}

static int gone(struct mutex *mutex)
{
    arch_store_relaxed(&mutex->kind, DESTROYED);
    return checked_gone(mutex, sizeof *mutex, 0);
}

static COLD int destroy_kind(struct mutex *mutex, uint32_t kind, uint32_t word)
{
    if (!kind_is_valid(kind))
        return EINVAL;
    if (kind_has_tid(kind) ? (word & WORD_TID) != 0 : is_held(word) || word == BIASED_HELD)
        return EBUSY;
    /* as in glibc: they would take it again */
    if (hints_awaiting(arch_load_relaxed(&mutex->hints), self_generation()) > 0)
        return EBUSY;
    return gone(mutex);
}

PUBLIC int pthread_mutex_destroy(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind), word = arch_load_relaxed(&mutex->word);
    uint32_t hints = arch_load_relaxed(&mutex->hints) >> HINTS_AWAITING_SHIFT;
    return likely((kind | word | hints) == 0) ? gone(mutex) : destroy_kind(mutex, kind, word);
}

PUBLIC int pthread_mutex_consistent(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!kind_is_valid(kind) || !(kind & MUTEX_ROBUST) || !owned_by_me(mutex, kind) ||
        arch_load_relaxed(&mutex->recovery) != INCONSISTENT)
        return EINVAL;
    arch_store_relaxed(&mutex->recovery, CONSISTENT);
    return 0;
}

PUBLIC int pthread_mutex_getprioceiling(const pthread_mutex_t *object, int *ceiling)
{
    uint32_t kind = arch_load_relaxed(&((const struct mutex *)object)->kind);
    if (!kind_is_valid(kind) || !(kind & MUTEX_PROTECT))
        return EINVAL;
    *ceiling = kind_ceiling(kind);
    return 0;
}

/* The new ceiling is set under the mutex, which is taken without raising the caller to the old. */
PUBLIC int pthread_mutex_setprioceiling(pthread_mutex_t *object, int ceiling, int *former)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!kind_is_valid(kind) || !(kind & MUTEX_PROTECT))
        return EINVAL;
    if (ceiling < ceiling_minimum() || ceiling > ceiling_maximum())
        return EINVAL;
    bool held = mutex_is_mine(mutex, kind);
    if (held && (kind & MUTEX_TYPE) != MUTEX_RECURSIVE)
        return mutex_relock(mutex, kind, (struct attempt){0});
    int error = held ? 0 : mutex_acquire_word(mutex, kind, (struct attempt){0});
    kind = arch_load_relaxed(&mutex->kind);
    int before = kind_ceiling(kind);
    if (error) {
        /* the caller has the lock, and learns of the death as from pthread_mutex_lock */
        if (error == EOWNERDEAD)
            ceiling_raise(before);
        return error;
    }
    if (held)
        error = ceiling_change(before, ceiling);
    if (!error) {
        if (former)
            *former = before;
        kind = (kind & ~(uint32_t)MUTEX_CEILING) | (uint32_t)ceiling << MUTEX_CEILING_SHIFT;
        arch_store_relaxed(&mutex->kind, kind);
    }
    if (!held)
        mutex_release_word(mutex, kind);
    return error;
}

ALIAS(pthread_mutex_init, __pthread_mutex_init);
ALIAS(pthread_mutex_destroy, __pthread_mutex_destroy);
ALIAS(pthread_mutex_consistent, pthread_mutex_consistent_np);
