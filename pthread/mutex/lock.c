/*
 * Locking and unlocking mutexes: the fast paths, the public names, and the door for condition
 * variables.
 *
 * A fast path is what an uncontended lock or unlock of each kind takes, tried before anything is
 * asked; on failure the general functions of any.h start afresh. They end in tail calls, so that no
 * stack frame is set up. Normal mutexes are told by `kind` being zero, which shares the word's line.
 */
#include "../asymmetric.h"
#include "../checked.h"
#include "../host.h"
#include "any.h"
#include "../spinning.h"
#include "contention.h"
#include "mutex.h"
#include "owned.h"
#include "plain.h"

#include <errno.h>

static COLD int lock_slow(struct mutex *mutex)
{
    return mutex_lock_any(mutex, (struct attempt){0});
}

static COLD int trylock_slow(struct mutex *mutex)
{
    return mutex_lock_any(mutex, (struct attempt){.try = true});
}

/* The fast path of a normal mutex has failed, but there is more than one way to be free. */
static int trylock_normal(struct mutex *mutex)
{
    return likely(is_held(arch_load_relaxed(&mutex->word))) ? EBUSY : trylock_slow(mutex);
}

FAST bool fast_acquire(struct mutex *mutex)
{
    if (alone() && likely(arch_cas_alone(&mutex->word, FREE, HELD)))
        return true;
    if (unlikely(asymmetric_may_exist(SEQUENCES)))
        return is_biased_to_me(mutex) &&
               arch_store_if(&mutex->bias, self.id, &mutex->word, BIASED_FREE, BIASED_HELD);
    return likely(arch_cas(&mutex->word, FREE, HELD));
}

FAST int fast_release(struct mutex *mutex)
{
    /* nobody but the holder, not even its signal handlers, can change a held word */
    if (alone() && likely(arch_load_relaxed(&mutex->word) == HELD)) {
        arch_store_release(&mutex->word, FREE);
        return 0;
    }
    if (unlikely(asymmetric_may_exist(SEQUENCES)) && is_biased_to_me(mutex) &&
        arch_store_if(&mutex->bias, self.id, &mutex->word, BIASED_HELD, BIASED_FREE))
        return 0;
    return likely(arch_cas(&mutex->word, HELD, FREE)) ? 0 : plain_release_slow(mutex, PRIVATE);
}

FAST bool fast_acquire_robust(struct mutex *mutex)
{
    if (!robust_ready())
        return false;
    void *before = robust_announce(robust_link(mutex, ROBUST_PLAIN));
    bool acquired = arch_cas(&mutex->word, 0, self.name.tid);
    if (likely(acquired))
        robust_enlist(mutex, ROBUST_PLAIN);
    robust_done(before);
    return acquired;
}

/* True if a mutex of any kind but normal was acquired at once. */
FAST bool fast_acquire_kind(struct mutex *mutex, uint32_t kind)
{
    if (likely(kind == MUTEX_RECURSIVE || kind == MUTEX_ERRORCHECK)) {
        if (!self_tid_known() || !fast_acquire(mutex))
            return false;
        arch_store64_relaxed(&mutex->owner.whole, self.name.whole);
        return true;
    }
    switch (kind) {
    case MUTEX_ADAPTIVE:
        return fast_acquire(mutex);
    case MUTEX_SHARED:
    case MUTEX_SHARED | MUTEX_ADAPTIVE:
        return arch_cas(&mutex->word, FREE, HELD);
    case MUTEX_INHERIT:
    case MUTEX_INHERIT | MUTEX_SHARED:
        return self_tid_known() && arch_cas(&mutex->word, 0, self.name.tid);
    default:
        return false;
    }
}

static bool is_robust(uint32_t kind)
{
    return (kind & ~(uint32_t)MUTEX_SHARED) == MUTEX_ROBUST;
}

/* A robust mutex that is lost for good was acquired: nobody may have it. */
static COLD int give_up_lost(struct mutex *mutex)
{
    mutex_release_word(mutex, arch_load_relaxed(&mutex->kind));
    return ENOTRECOVERABLE;
}

/* A robust mutex was acquired at once, and not from a dead owner. */
static int robust_result(struct mutex *mutex)
{
    return likely(arch_load_relaxed(&mutex->recovery) == CONSISTENT) ? 0 : give_up_lost(mutex);
}

static int lock_kind(struct mutex *mutex, uint32_t kind)
{
    if (unlikely(is_robust(kind)))
        return fast_acquire_robust(mutex) ? robust_result(mutex) : lock_slow(mutex);
    return likely(fast_acquire_kind(mutex, kind)) ? 0 : lock_slow(mutex);
}

static int trylock_kind(struct mutex *mutex, uint32_t kind)
{
    if (unlikely(is_robust(kind)))
        return fast_acquire_robust(mutex) ? robust_result(mutex) : trylock_slow(mutex);
    return likely(fast_acquire_kind(mutex, kind)) ? 0 : trylock_slow(mutex);
}

/* Announced, and off the list: others wait. */
static COLD int release_robust_cold(struct mutex *mutex, void *before)
{
    owned_release(mutex);
    robust_done(before);
    return 0;
}

static int unlock_robust(struct mutex *mutex)
{
    if (!robust_ready() || (arch_load_relaxed(&mutex->word) & WORD_TID) != self.name.tid ||
        arch_load_relaxed(&mutex->recovery) != CONSISTENT)
        return mutex_unlock_any(mutex);
    void *before = robust_announce(robust_link(mutex, ROBUST_PLAIN));
    robust_delist(mutex);
    if (unlikely(!arch_cas(&mutex->word, self.name.tid, 0)))
        return release_robust_cold(mutex, before);
    robust_done(before);
    return 0;
}

static int unlock_kind(struct mutex *mutex, uint32_t kind)
{
    if (unlikely(is_robust(kind)))
        return unlock_robust(mutex);
    if (likely(kind == MUTEX_RECURSIVE || kind == MUTEX_ERRORCHECK)) {
        uint64_t owner = arch_load64_relaxed(&mutex->owner.whole);
        if (unlikely(owner == 0 || owner != self.name.whole || mutex->depth != 0))
            return mutex_unlock_any(mutex);
        arch_store64_relaxed(&mutex->owner.whole, 0);
        return fast_release(mutex);
    }
    switch (kind) {
    case MUTEX_ADAPTIVE:
        return fast_release(mutex);
    case MUTEX_SHARED:
    case MUTEX_SHARED | MUTEX_ADAPTIVE:
        plain_release(mutex, SHARED);
        return 0;
    case MUTEX_INHERIT:
    case MUTEX_INHERIT | MUTEX_SHARED:
        if (self_tid_known() && likely(arch_cas(&mutex->word, self.name.tid, 0)))
            return 0;
        break;
    }
    return mutex_unlock_any(mutex);
}

PUBLIC int pthread_mutex_lock(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (unlikely(kind != MUTEX_NORMAL))
        return checked_mutex_locked(mutex, lock_kind(mutex, kind));
    return checked_mutex_locked(mutex, likely(fast_acquire(mutex)) ? 0 : plain_lock_normal(mutex));
}

PUBLIC int pthread_mutex_trylock(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (unlikely(kind != MUTEX_NORMAL))
        return checked_mutex_locked(mutex, trylock_kind(mutex, kind));
    return checked_mutex_locked(mutex, likely(fast_acquire(mutex)) ? 0 : trylock_normal(mutex));
}

PUBLIC int pthread_mutex_unlock(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    checked_mutex_unlock(mutex);
    if (unlikely(kind != MUTEX_NORMAL))
        return unlock_kind(mutex, kind);
    return fast_release(mutex);
}

PUBLIC int pthread_mutex_clocklock(pthread_mutex_t *object, clockid_t clock,
                                   const struct timespec *time)
{
    struct mutex *mutex = (struct mutex *)object;
    struct deadline deadline = {clock, time};
    int error = deadline_clock(clock);
    return error ? error
                 : checked_mutex_locked(
                       mutex, mutex_lock_any(mutex, (struct attempt){.deadline = &deadline}));
}

PUBLIC int pthread_mutex_timedlock(pthread_mutex_t *object, const struct timespec *time)
{
    return pthread_mutex_clocklock(object, CLOCK_REALTIME, time);
}

/* For condition variables: mutex.h. */

int mutex_check_held(struct mutex *mutex)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!kind_is_valid(kind))
        return EINVAL;
    return (kind_is_typed(kind) || kind_has_tid(kind)) && !mutex_is_mine(mutex, kind) ? EPERM : 0;
}

/* Of other processes, who may be killed meanwhile, nobody counts. */
static void await_condition(struct mutex *mutex, int by)
{
    if (!(arch_load_relaxed(&mutex->kind) & MUTEX_SHARED))
        hints_change_awaiting(&mutex->hints, by, self_generation());
}

uint32_t mutex_release(struct mutex *mutex)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind), depth = mutex->depth;
    mutex->depth = 0;
    hints_set_used(&mutex->hints);
    await_condition(mutex, 1);
    forget_wait();
    checked_mutex_unlock(mutex);
    mutex_unlock_whole(mutex, kind);
    return depth;
}

int mutex_reacquire(struct mutex *mutex, uint32_t depth, enum reacquire others)
{
    int error = checked_mutex_locked(
        mutex, mutex_lock_any(mutex, (struct attempt){.moved = others == OTHERS_MOVED}));
    await_condition(mutex, -1);
    /* who is told of a death has the mutex, as deep as before */
    if (!error || error == EOWNERDEAD)
        mutex->depth = depth;
    return error;
}

/* Other names under which programs know these. */
ALIAS(pthread_mutex_lock, __pthread_mutex_lock);
ALIAS(pthread_mutex_trylock, __pthread_mutex_trylock);
ALIAS(pthread_mutex_unlock, __pthread_mutex_unlock);
