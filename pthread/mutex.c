/*
 * Mutexes.
 *
 * A mutex is of one of three classes, by how its word works.
 *
 * Plain: private ones, and process-shared normal ones, neither robust nor priority-inheriting.
 *
 *      +------+   lock: 0->1    +------+    a waiter: xchg 2    +-----------+
 *      |  0   | --------------> |  1   | ---------------------> |     2     |
 *      | free | <-------------- | held |                        | held, and |
 *      +------+  unlock: xchg 0 +------+                        | sleepers  |
 *         |  ^                                                  | perhaps   |
 *         |  +------------- unlock: xchg 0, then wake one ------+-----------+
 *         +---------------- lock by one that has waited: xchg 2 ----^
 *
 *   A thread that has slept takes the word with 2, because it cannot know whether it was the last
 *   sleeper. So whenever a thread sleeps, either the word is 2, or a thread woken by an unlock is
 * on its way to make it 2. Recursive and errorcheck ones record the owner's id beside the word.
 *
 * Owned: robust ones, and process-shared ones that check their owner. The kernel's robust list
 * format; the kernel marks the word if the owner dies.
 *
 *      31        30           29                0
 *      +---------+------------+-----------------+    0                free
 *      | WAITERS | OWNER_DIED | tid of owner    |    tid              held
 *      +---------+------------+-----------------+    OWNER_DIED       its owner died
 *
 *   WAITERS is kept through an unlock while anybody sleeps, unlike the 2 above: a sleeper that was
 *   woken may be killed before it takes the word, and the next unlock must wake another. When an
 *   unlock finds nobody asleep, it clears the bit and wakes everyone who came meanwhile.
 *
 * Inheriting: PTHREAD_PRIO_INHERIT. The same format, but whoever finds the word not free leaves it
 * to the kernel, which queues the waiters, lends the owner their priority and passes the word on.
 *
 * PTHREAD_PRIO_PROTECT goes with the first two classes: ceiling.c.
 *
 * A robust mutex's `owner` holds its recovery state instead of an id; it is read and written by the
 * owner of the word, and NOT_RECOVERABLE is final.
 */
#include "mutex.h"
#include "ceiling.h"
#include "host.h"
#include "self.h"

#include <errno.h>

enum { FREE = 0, HELD = 1, CONTENDED = 2 };
enum recovery { CONSISTENT = 0, INCONSISTENT = 1, NOT_RECOVERABLE = 2 };

static bool is_typed(uint32_t kind)
{
    return (kind & MUTEX_TYPE) == MUTEX_RECURSIVE || (kind & MUTEX_TYPE) == MUTEX_ERRORCHECK;
}

/* On the robust list. A stalled shared mutex is there so that no reused tid ever owns it. */
static bool is_listed(uint32_t kind)
{
    return (kind & MUTEX_ROBUST) ||
           ((kind & MUTEX_SHARED) && is_typed(kind) && !(kind & MUTEX_INHERIT));
}

/* The kernel wakes the heirs of a listed mutex as sleepers in shared memory, wherever it lies. */
static enum scope scope_of(uint32_t kind)
{
    bool shared = (kind & MUTEX_SHARED) || (is_listed(kind) && !(kind & MUTEX_INHERIT));
    return shared ? SHARED : PRIVATE;
}

/* Does the word hold the owner's tid? */
static bool has_tid(uint32_t kind)
{
    return (kind & MUTEX_INHERIT) || is_listed(kind);
}

static bool is_valid(uint32_t kind)
{
    return (kind & ~(uint32_t)MUTEX_KNOWN) == 0;
}

/* In the child of a fork: make a private mutex that the forking thread held the child's. */
static COLD bool adopt(struct mutex *mutex, uint32_t kind, uint32_t word)
{
    if ((kind & MUTEX_SHARED) || !self_inherits(word & WORD_TID))
        return false;
    do {
        /* the kernel has given this one's waiters to the parent */
        if ((kind & MUTEX_INHERIT) && (word & WORD_WAITERS))
            return false;
    } while (!arch_cas_fetch(&mutex->word, &word, self_tid() | (word & ~(uint32_t)WORD_TID)));
    if (is_listed(kind)) {
        robust_announce(mutex);
        robust_enlist(mutex, kind & MUTEX_INHERIT);
        robust_done();
    }
    return true;
}

bool mutex_owned(struct mutex *mutex, uint32_t kind)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    if ((word & WORD_TID) == self_tid())
        return true;
    return unlikely(word != 0) && adopt(mutex, kind, word);
}

static bool owns(struct mutex *mutex, uint32_t kind)
{
    if (has_tid(kind))
        return mutex_owned(mutex, kind);
    return is_typed(kind) && arch_load64_relaxed(&mutex->owner) == self_id();
}

/* Sleep until the deadline, if there is one: what POSIX calls a deadlock. */
static int wait_for_nothing(const struct deadline *deadline)
{
    static const uint32_t nothing;
    for (;;) {
        int error = park(&nothing, 0, deadline, PRIVATE, ANY);
        if (error == ETIMEDOUT || error == EINVAL)
            return error;
    }
}

/* Plain. */

static bool spin_for_free(struct mutex *mutex)
{
    struct spin spin;
    if (!spin_wanted(&spin, &mutex->spin))
        return false;
    bool found;
    do
        found = (arch_load_relaxed(&mutex->word) & ~WORD_WAITERS) == FREE;
    while (!found && spin_goes_on(&spin));
    spin_report(&spin, found);
    return found;
}

/* `moved` as for mutex_reacquire. */
static COLD int plain_wait(struct mutex *mutex, uint32_t kind, const struct deadline *deadline,
                           bool moved)
{
    if (spin_for_free(mutex) && arch_cas(&mutex->word, FREE, moved ? CONTENDED : HELD))
        return 0;
    while (arch_exchange(&mutex->word, CONTENDED) != FREE) {
        int error = park(&mutex->word, CONTENDED, deadline, scope_of(kind), ANY);
        if (error == ETIMEDOUT || error == EINVAL)
            return error;
    }
    return 0;
}

static int plain_acquire(struct mutex *mutex, uint32_t kind, const struct deadline *deadline,
                         bool moved)
{
    if (arch_cas(&mutex->word, FREE, moved ? CONTENDED : HELD))
        return 0;
    return plain_wait(mutex, kind, deadline, moved);
}

static void plain_release(struct mutex *mutex, enum scope scope)
{
    /* after this exchange the mutex may be gone: the wake goes by its address alone */
    if (unlikely(arch_exchange(&mutex->word, FREE) == CONTENDED))
        unpark(&mutex->word, 1, scope, ANY);
}

/* Owned. */

static COLD int owned_wait(struct mutex *mutex, uint32_t kind, const struct deadline *deadline)
{
    uint32_t word, tid = self_tid(), mark = 0;
    spin_for_free(mutex);
    for (;;) {
        word = arch_load_relaxed(&mutex->word);
        bool died = word & WORD_OWNER_DIED;
        if ((word & WORD_TID) == 0 && (!died || (kind & MUTEX_ROBUST))) {
            if (arch_cas(&mutex->word, word, tid | mark | (word & WORD_WAITERS)))
                return died ? EOWNERDEAD : 0;
            continue;
        }
        if (!(word & WORD_WAITERS) && !arch_cas(&mutex->word, word, word | WORD_WAITERS))
            continue;
        int error = park(&mutex->word, word | WORD_WAITERS, deadline, scope_of(kind), ANY);
        if (error == ETIMEDOUT || error == EINVAL)
            return error;
        mark = WORD_WAITERS;
    }
}

static int owned_acquire(struct mutex *mutex, uint32_t kind, const struct deadline *deadline,
                         bool try)
{
    uint32_t word = 0, tid = self_tid();
    while (!arch_cas_fetch(&mutex->word, &word, tid | (word & WORD_WAITERS))) {
        if ((word & (WORD_TID | WORD_OWNER_DIED)) == 0)
            continue;
        if (!try)
            return owned_wait(mutex, kind, deadline);
        if ((word & WORD_TID) != 0 || !(kind & MUTEX_ROBUST))
            return EBUSY;
        if (arch_cas_fetch(&mutex->word, &word, tid | (word & WORD_WAITERS)))
            return EOWNERDEAD;
    }
    return 0;
}

static void owned_release(struct mutex *mutex, enum scope scope)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    if (likely(!(word & WORD_WAITERS)) && arch_cas(&mutex->word, word, 0))
        return;
    /* both stores release the mutex, and the wakes go by its address alone */
    if (parked(&mutex->word, scope)) {
        arch_exchange(&mutex->word, WORD_WAITERS);
        unpark(&mutex->word, 1, scope, ANY);
    } else {
        arch_exchange(&mutex->word, 0);
        unpark(&mutex->word, EVERYONE, scope, ANY);
    }
}

/* Inheriting. */

/* The word was got through the kernel, which leaves the mark of a death in it. */
static int inheriting_got(struct mutex *mutex)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    if (likely(!(word & WORD_OWNER_DIED)))
        return 0;
    while (!arch_cas_fetch(&mutex->word, &word, word & ~WORD_OWNER_DIED))
        ;
    return EOWNERDEAD;
}

static int inheriting_acquire(struct mutex *mutex, uint32_t kind, const struct deadline *deadline,
                              bool try)
{
    if (likely(arch_cas(&mutex->word, 0, self_tid())))
        return 0;
    int error;
    if (try) {
        if (!(arch_load_relaxed(&mutex->word) & WORD_OWNER_DIED))
            return EBUSY;
        error = park_trylock_pi(&mutex->word, scope_of(kind));
        if (error)
            return EBUSY;
    } else {
        error = park_lock_pi(&mutex->word, deadline, scope_of(kind));
        /* the owner is gone for ever, or in the parent of this process, or the caller */
        if (error == ESRCH || error == EDEADLK || error == EPERM)
            return wait_for_nothing(deadline);
        if (error)
            return error;
    }
    error = inheriting_got(mutex);
    return kind & MUTEX_ROBUST ? error : 0;
}

static void inheriting_release(struct mutex *mutex, enum scope scope)
{
    if (!arch_cas(&mutex->word, self_tid(), 0))
        park_unlock_pi(&mutex->word, scope);
}

/* Any class. */

static void release_word(struct mutex *mutex, uint32_t kind)
{
    bool listed = is_listed(kind);
    if (listed) {
        if (kind & MUTEX_INHERIT)
            robust_announce_pi(mutex);
        else
            robust_announce(mutex);
        robust_delist(mutex);
    }
    if (kind & MUTEX_INHERIT)
        inheriting_release(mutex, scope_of(kind));
    else if (listed)
        owned_release(mutex, scope_of(kind));
    else
        plain_release(mutex, scope_of(kind));
    if (listed)
        robust_done();
}

/* After a word on the list was acquired, or was not: the rest of a robust mutex's protocol. */
static int listed_got(struct mutex *mutex, uint32_t kind, int error)
{
    if (error && error != EOWNERDEAD) {
        robust_done();
        return error;
    }
    robust_enlist(mutex, kind & MUTEX_INHERIT);
    robust_done();
    if (!(kind & MUTEX_ROBUST))
        return 0;
    uint64_t recovery = arch_load64_relaxed(&mutex->owner);
    if (recovery == NOT_RECOVERABLE) {
        release_word(mutex, kind);
        return ENOTRECOVERABLE;
    }
    if (error == EOWNERDEAD) {
        arch_store64_relaxed(&mutex->owner, INCONSISTENT);
        mutex->depth = 0;
    }
    return error;
}

static int acquire_word(struct mutex *mutex, uint32_t kind, const struct deadline *deadline,
                        bool try, bool moved)
{
    if (!has_tid(kind)) {
        if (!try)
            return plain_acquire(mutex, kind, deadline, moved);
        return arch_cas(&mutex->word, FREE, HELD) ? 0 : EBUSY;
    }
    if (!is_listed(kind))
        return inheriting_acquire(mutex, kind, deadline, try);
    if ((kind & MUTEX_ROBUST) && arch_load64_relaxed(&mutex->owner) == NOT_RECOVERABLE)
        return ENOTRECOVERABLE;
    int error;
    if (kind & MUTEX_INHERIT) {
        robust_announce_pi(mutex);
        error = inheriting_acquire(mutex, kind, deadline, try);
    } else {
        robust_announce(mutex);
        error = owned_acquire(mutex, kind, deadline, try);
    }
    return listed_got(mutex, kind, error);
}

static int relock(struct mutex *mutex, uint32_t kind, const struct deadline *deadline, bool try)
{
    switch (kind & MUTEX_TYPE) {
    case MUTEX_RECURSIVE:
        if (mutex->depth == UINT32_MAX)
            return EAGAIN;
        mutex->depth++;
        return 0;
    case MUTEX_ERRORCHECK:
        return try ? EBUSY : EDEADLK;
    default:
        return try ? EBUSY : wait_for_nothing(deadline);
    }
}

static int lock_any(struct mutex *mutex, const struct deadline *deadline, bool try, bool moved)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!is_valid(kind))
        return EINVAL;
    if (owns(mutex, kind))
        return relock(mutex, kind, deadline, try);
    unsigned ceiling = kind >> MUTEX_CEILING_SHIFT;
    int error = kind & MUTEX_PROTECT ? ceiling_raise(ceiling) : 0;
    if (error)
        return error;
    error = acquire_word(mutex, kind, deadline, try, moved);
    if (error && error != EOWNERDEAD) {
        if (kind & MUTEX_PROTECT)
            ceiling_drop(ceiling);
        return error;
    }
    if (is_typed(kind) && !has_tid(kind))
        arch_store64_relaxed(&mutex->owner, self_id());
    return error;
}

static COLD int lock_cold(struct mutex *mutex, const struct deadline *deadline, bool try)
{
    return lock_any(mutex, deadline, try, false);
}

/* Release a mutex that the caller may unlock, whatever its depth. */
static void unlock_whole(struct mutex *mutex, uint32_t kind)
{
    if (is_typed(kind) && !has_tid(kind))
        arch_store64_relaxed(&mutex->owner, 0);
    if ((kind & MUTEX_ROBUST) && arch_load64_relaxed(&mutex->owner) == INCONSISTENT)
        arch_store64_relaxed(&mutex->owner, NOT_RECOVERABLE);
    release_word(mutex, kind);
    if (kind & MUTEX_PROTECT)
        ceiling_drop(kind >> MUTEX_CEILING_SHIFT);
}

static int unlock_any(struct mutex *mutex)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!is_valid(kind))
        return EINVAL;
    if (is_typed(kind) || has_tid(kind)) {
        if (!owns(mutex, kind))
            return EPERM;
        if (mutex->depth > 0) {
            mutex->depth--;
            return 0;
        }
    }
    unlock_whole(mutex, kind);
    return 0;
}

static COLD int unlock_cold(struct mutex *mutex)
{
    return unlock_any(mutex);
}

static COLD void wake_one(struct mutex *mutex)
{
    unpark(&mutex->word, 1, PRIVATE, ANY);
}

/* The fast paths. Normal ones are told by `kind` being zero, which shares the word's cache line. */

static inline bool fast_acquire(struct mutex *mutex)
{
    if (alone())
        return arch_cas_alone(&mutex->word, FREE, HELD);
    return arch_cas(&mutex->word, FREE, HELD);
}

static inline void fast_release(struct mutex *mutex)
{
    if (alone() && arch_cas_alone(&mutex->word, HELD, FREE))
        return;
    if (unlikely(arch_exchange(&mutex->word, FREE) == CONTENDED))
        wake_one(mutex);
}

/* Private recursive, errorcheck and adaptive ones without further attributes. */
static int lock_typed(struct mutex *mutex, uint32_t kind, bool try)
{
    if (kind == MUTEX_ADAPTIVE) {
        if (likely(fast_acquire(mutex)))
            return 0;
    } else {
        uint64_t id = self_id();
        if (arch_load64_relaxed(&mutex->owner) != id && likely(fast_acquire(mutex))) {
            arch_store64_relaxed(&mutex->owner, id);
            return 0;
        }
    }
    return lock_cold(mutex, NULL, try);
}

static int unlock_typed(struct mutex *mutex, uint32_t kind)
{
    if (kind != MUTEX_ADAPTIVE) {
        if (unlikely(arch_load64_relaxed(&mutex->owner) != self_id() || mutex->depth != 0))
            return unlock_cold(mutex);
        arch_store64_relaxed(&mutex->owner, 0);
    }
    fast_release(mutex);
    return 0;
}

PUBLIC int pthread_mutex_lock(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (likely(kind == MUTEX_NORMAL)) {
        if (likely(fast_acquire(mutex)))
            return 0;
        return plain_wait(mutex, MUTEX_NORMAL, NULL, false);
    }
    if (likely(kind <= MUTEX_TYPE))
        return lock_typed(mutex, kind, false);
    return lock_cold(mutex, NULL, false);
}

PUBLIC int pthread_mutex_trylock(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (likely(kind == MUTEX_NORMAL))
        return fast_acquire(mutex) ? 0 : EBUSY;
    if (likely(kind <= MUTEX_TYPE))
        return lock_typed(mutex, kind, true);
    return lock_cold(mutex, NULL, true);
}

PUBLIC int pthread_mutex_unlock(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (likely(kind == MUTEX_NORMAL)) {
        fast_release(mutex);
        return 0;
    }
    if (likely(kind <= MUTEX_TYPE))
        return unlock_typed(mutex, kind);
    return unlock_cold(mutex);
}

PUBLIC int pthread_mutex_clocklock(pthread_mutex_t *object, clockid_t clock,
                                   const struct timespec *time)
{
    struct deadline deadline = {clock, time};
    int error = deadline_clock(clock);
    return error ? error : lock_cold((struct mutex *)object, &deadline, false);
}

PUBLIC int pthread_mutex_timedlock(pthread_mutex_t *object, const struct timespec *time)
{
    return pthread_mutex_clocklock(object, CLOCK_REALTIME, time);
}

PUBLIC int pthread_mutex_init(pthread_mutex_t *object, const pthread_mutexattr_t *attributes)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = attributes ? *(const uint32_t *)attributes : MUTEX_NORMAL;
    if (!is_valid(kind))
        return EINVAL;
    if ((kind & MUTEX_INHERIT) && !park_has_pi())
        return ENOTSUP;
    if ((kind & MUTEX_PROTECT) && !(kind & MUTEX_CEILING))
        kind |= (uint32_t)ceiling_minimum() << MUTEX_CEILING_SHIFT;
    *mutex = (struct mutex){.kind = kind};
    return 0;
}

PUBLIC int pthread_mutex_destroy(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind), word = arch_load_relaxed(&mutex->word);
    if (!is_valid(kind))
        return EINVAL;
    if (has_tid(kind) ? (word & WORD_TID) != 0 : word != FREE)
        return EBUSY;
    arch_store_relaxed(&mutex->kind, DESTROYED);
    return 0;
}

PUBLIC int pthread_mutex_consistent(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!is_valid(kind) || !(kind & MUTEX_ROBUST) || !mutex_owned(mutex, kind) ||
        arch_load64_relaxed(&mutex->owner) != INCONSISTENT)
        return EINVAL;
    arch_store64_relaxed(&mutex->owner, CONSISTENT);
    return 0;
}

PUBLIC int pthread_mutex_getprioceiling(const pthread_mutex_t *object, int *ceiling)
{
    uint32_t kind = arch_load_relaxed(&((const struct mutex *)object)->kind);
    if (!is_valid(kind) || !(kind & MUTEX_PROTECT))
        return EINVAL;
    *ceiling = kind >> MUTEX_CEILING_SHIFT;
    return 0;
}

/* The new ceiling is set under the mutex, which is taken without raising the caller to the old. */
PUBLIC int pthread_mutex_setprioceiling(pthread_mutex_t *object, int ceiling, int *former)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!is_valid(kind) || !(kind & MUTEX_PROTECT))
        return EINVAL;
    if (ceiling < ceiling_minimum() || ceiling > ceiling_maximum())
        return EINVAL;
    bool held = owns(mutex, kind);
    if (held && (kind & MUTEX_TYPE) != MUTEX_RECURSIVE)
        return relock(mutex, kind, NULL, false);
    int error = held ? 0 : acquire_word(mutex, kind, NULL, false, false);
    kind = arch_load_relaxed(&mutex->kind);
    int before = kind >> MUTEX_CEILING_SHIFT;
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
        release_word(mutex, kind);
    return error;
}

/* Condition variables. */

int mutex_check_held(struct mutex *mutex)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (!is_valid(kind))
        return EINVAL;
    return (is_typed(kind) || has_tid(kind)) && !owns(mutex, kind) ? EPERM : 0;
}

uint32_t mutex_release(struct mutex *mutex)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind), depth = mutex->depth;
    mutex->depth = 0;
    unlock_whole(mutex, kind);
    return depth;
}

int mutex_reacquire(struct mutex *mutex, uint32_t depth, bool moved)
{
    int error = lock_any(mutex, NULL, false, moved);
    if (!error)
        mutex->depth = depth;
    return error;
}

void mutex_expect(struct mutex *mutex)
{
    self_tid();
    if (arch_load_relaxed(&mutex->kind) & MUTEX_ROBUST)
        robust_announce_pi(mutex);
}

int mutex_given(struct mutex *mutex, uint32_t depth)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    int error = inheriting_got(mutex);
    error = kind & MUTEX_ROBUST ? listed_got(mutex, kind, error) : 0;
    if (!error)
        mutex->depth = depth;
    return error;
}

/* Other names under which programs know these. */
ALIAS(pthread_mutex_lock, __pthread_mutex_lock);
ALIAS(pthread_mutex_trylock, __pthread_mutex_trylock);
ALIAS(pthread_mutex_unlock, __pthread_mutex_unlock);
ALIAS(pthread_mutex_init, __pthread_mutex_init);
ALIAS(pthread_mutex_destroy, __pthread_mutex_destroy);
ALIAS(pthread_mutex_consistent, pthread_mutex_consistent_np);
