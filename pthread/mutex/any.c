/* Mutexes of any kind: any.h has the contract. */
#include "any.h"
#include "../alive.h"
#include "ceiling.h"
#include "owned.h"
#include "plain.h"

#include <errno.h>

bool mutex_is_mine(struct mutex *mutex, uint32_t kind)
{
    if (kind_has_tid(kind))
        return owned_by_me(mutex, kind);
    if (!kind_notes_owner(kind) || !kind_is_me(kind, arch_load64_relaxed(&mutex->owner.whole)))
        return false;
    /* in a child of fork, under another tid now */
    arch_store64_relaxed(&mutex->owner.whole, kind_me(kind));
    return true;
}

static void release_class(struct mutex *mutex, uint32_t kind)
{
    switch (class_of(kind)) {
    case PLAIN:
        plain_release(mutex, kind_scope(kind));
        break;
    case OWNED:
        owned_release(mutex);
        break;
    case INHERITING:
        inheriting_release(mutex, kind_scope(kind));
        break;
    }
}

static int acquire_class(struct mutex *mutex, uint32_t kind, struct attempt how)
{
    switch (class_of(kind)) {
    case PLAIN:
        return plain_acquire(mutex, kind, how);
    case OWNED:
        return owned_acquire(mutex, how);
    default:
        return inheriting_acquire(mutex, kind, how);
    }
}

void mutex_release_word(struct mutex *mutex, uint32_t kind)
{
    if (!(kind & MUTEX_ROBUST)) {
        release_class(mutex, kind);
        return;
    }
    if (kind & MUTEX_RECOVERS)
        arch_store_relaxed(&mutex->holder, 0);
    void *before = robust_announce(robust_link(mutex, kind_on_list(kind)));
    robust_delist(mutex);
    release_class(mutex, kind);
    robust_done(before);
}

/* A mutex that recovers was acquired: what a dead owner has left of it is reported, and forgotten. */
static int recover(struct mutex *mutex, int error)
{
    if (error == EOWNERDEAD)
        alive_report("mutex", mutex, arch_load_relaxed(&mutex->holder));
    arch_store_relaxed(&mutex->holder, self_tid());
    mutex->depth = 0;
    return 0;
}

static int acquire_robust(struct mutex *mutex, uint32_t kind, struct attempt how)
{
    if (arch_load_relaxed(&mutex->recovery) == NOT_RECOVERABLE)
        return ENOTRECOVERABLE;
    if (!robust_known())
        return ENOTSUP;
    void *before = robust_announce(robust_link(mutex, kind_on_list(kind)));
    int error = acquire_class(mutex, kind, how);
    if (!error || error == EOWNERDEAD)
        robust_enlist(mutex, kind_on_list(kind));
    robust_done(before);
    if (error && error != EOWNERDEAD)
        return error;
    if (kind & MUTEX_RECOVERS)
        return recover(mutex, error);
    uint32_t recovery = arch_load_relaxed(&mutex->recovery);
    if (recovery == NOT_RECOVERABLE) {
        mutex_release_word(mutex, kind);
        return ENOTRECOVERABLE;
    }
    if (error == EOWNERDEAD) {
        arch_store_relaxed(&mutex->recovery, INCONSISTENT);
        mutex->depth = 0;
    }
    return error;
}

int mutex_acquire_word(struct mutex *mutex, uint32_t kind, struct attempt how)
{
    if (kind_has_tid(kind) && self_tid() == 0)
        return ENOTSUP;
    return kind & MUTEX_ROBUST ? acquire_robust(mutex, kind, how) : acquire_class(mutex, kind, how);
}

int mutex_relock(struct mutex *mutex, uint32_t kind, struct attempt how)
{
    switch (kind & MUTEX_TYPE) {
    case MUTEX_RECURSIVE:
        if (mutex->depth == UINT32_MAX)
            return EAGAIN;
        mutex->depth++;
        return 0;
    case MUTEX_ERRORCHECK:
        return how.try ? EBUSY : EDEADLK;
    default:
        return how.try ? EBUSY : wait_for_nothing(how.deadline);
    }
}

/* The ceiling may have been changed while the caller waited, raised to the former one. */
static int follow_ceiling(struct mutex *mutex, unsigned raised, int error)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    unsigned ceiling = kind_ceiling(kind);
    if (likely(ceiling == raised))
        return error;
    int refused = ceiling_change(raised, ceiling);
    if (!refused)
        return error;
    ceiling_drop(raised);
    /* an heir keeps what it was told to repair */
    if (error == EOWNERDEAD)
        return error;
    mutex_release_word(mutex, kind);
    return refused;
}

static void note_owner(struct mutex *mutex, uint32_t kind)
{
    arch_store64_relaxed(&mutex->owner.whole, kind_me(kind));
    /* the kernel may have passed it on from an owner that died deep in it */
    mutex->depth = 0;
}

int mutex_lock_any(struct mutex *mutex, struct attempt how)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!kind_is_valid(kind))
        return EINVAL;
    if (mutex_is_mine(mutex, kind))
        return mutex_relock(mutex, kind, how);
    unsigned ceiling = kind_ceiling(kind);
    int error = kind & MUTEX_PROTECT ? ceiling_raise(ceiling) : 0;
    if (error)
        return error;
    error = mutex_acquire_word(mutex, kind, how);
    if (error && error != EOWNERDEAD) {
        if (kind & MUTEX_PROTECT)
            ceiling_drop(ceiling);
        return error;
    }
    if (kind & MUTEX_PROTECT) {
        error = follow_ceiling(mutex, ceiling, error);
        if (error && error != EOWNERDEAD)
            return error;
    }
    if (kind_notes_owner(kind))
        note_owner(mutex, kind);
    return error;
}

void mutex_unlock_whole(struct mutex *mutex, uint32_t kind)
{
    if (kind_notes_owner(kind))
        arch_store64_relaxed(&mutex->owner.whole, 0);
    if ((kind & MUTEX_ROBUST) && arch_load_relaxed(&mutex->recovery) == INCONSISTENT)
        arch_store_relaxed(&mutex->recovery, NOT_RECOVERABLE);
    mutex_release_word(mutex, kind);
    if (kind & MUTEX_PROTECT)
        ceiling_drop(kind_ceiling(kind));
}

int mutex_unlock_any(struct mutex *mutex)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!kind_is_valid(kind))
        return EINVAL;
    if (kind_is_typed(kind) || kind_has_tid(kind)) {
        if (!mutex_is_mine(mutex, kind))
            return EPERM;
        if (mutex->depth > 0) {
            mutex->depth--;
            return 0;
        }
    }
    mutex_unlock_whole(mutex, kind);
    return 0;
}
