/*
 * Mutexes.
 *
 * A mutex is of one of three classes, by how its word works.
 *
 * Plain: private ones, and process-shared normal ones, neither robust nor priority-inheriting.
 *
 *      +------+     lock      +------+    a waiter    +-----------+  an old   +---------+
 *      |  0   | ------------> |  1   | -------------> |     2     |  waiter   |    3    |
 *      | free | <------------ | held |                | held, and | --------> | claimed |
 *      +------+    unlock     +------+                | sleepers  | <-------- |         |
 *        |  ^                                         | perhaps   | deadline  +---------+
 *        |  +---------- unlock, then wake one --------+-----------+             unlock, |
 *        +------------- lock by one that has waited ------^  ^                 wake one |
 *                                                            |     +--------+           |
 *                               one that has waited takes it +---- |   6    | <---------+
 *                                                                  | passed |
 *                                                                  +--------+
 *
 *   A thread that has slept takes the word with 2, because it cannot know whether it was the last
 *   sleeper. So whenever a thread sleeps, the word is 2, 3 or 6, or a thread woken by an unlock is
 *   on its way to make it 2. Recursive and errorcheck ones record the owner's id beside the word.
 *
 *   A free mutex is for whoever comes first, mostly a thread that runs: so most threads find it free
 *   most of the time, and nobody waits for a sleeper to arrive. But a thread that has waited for a
 *   millisecond, and slept, claims it: the unlock then passes it on to those who have slept. The
 *   claim's other bits are the fork generation: in a child there is nobody who made it. One who has
 *   claimed does not give up without taking the claim back or the mutex with it. Process-shared ones
 *   are not claimed, since the claimant may be killed.
 *
 *   With FURWOCK=asymmetric a private mutex that one thread locks many times in a row is biased to it,
 *   once in its life, and costs that thread neither an atomic operation nor a fence:
 *
 *      +------+  CAS, by the holder,   +-------------+  <-- sequence --  +-------------+
 *      |  1   | ---------------------> |      5      |                   |      4      |
 *      | held |  after bias = its id   | biased, held|  -- sequence -->  | biased, free|
 *      +------+                        +-------------+                   +-------------+
 *          ^                                  |  CAS, after bias = REVOKED      |
 *          +----------------------------------+  and a membarrier               +---> 0
 *
 *   A sequence stores the word if bias is still the thread's id and the word what it was, and is
 *   restartable, that is, aborted by the membarrier. After that none can be under way, nor succeed.
 *   The owner itself changes 4 and 5 by CAS as well, when a sequence of its own was aborted. bias
 *   goes 0, id, REVOKED, and never back, so that an old sequence never finds what it looks for.
 *   Waiters go from what they have seen, by CAS: to exchange the word for 2 would be overwritten by
 *   the store of a sequence under way. Others than the owner see a lock that is held and revoke it.
 *
 * Owned: robust ones, and process-shared ones that check their owner. The word is in the format of
 * the kernel's robust list, and the kernel marks it if the owner dies.
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
#include "asymmetric.h"
#include "ceiling.h"
#include "checked.h"
#include "host.h"
#include "self.h"

#include <arch_rseq.h>
#include <errno.h>

enum plain_state {
    FREE = 0,
    HELD = 1,
    CONTENDED = 2,
    CLAIMED = 3,
    BIASED_FREE = 4,
    BIASED_HELD = 5,
    PASSED = 6,
    STATE = 7,
    GENERATION_SHIFT = 3,
};
#define REVOKED UINT64_MAX
enum recovery { CONSISTENT = 0, INCONSISTENT = 1, NOT_RECOVERABLE = 2 };

static bool is_typed(uint32_t kind)
{
    return (kind & MUTEX_TYPE) == MUTEX_RECURSIVE || (kind & MUTEX_TYPE) == MUTEX_ERRORCHECK;
}

/*
 * On the robust list. A mutex that checks its owner by the tid is there even if it is not robust,
 * so that no thread that is given a dead owner's tid becomes the owner.
 */
static bool is_listed(uint32_t kind)
{
    return (kind & MUTEX_ROBUST) || ((kind & (MUTEX_SHARED | MUTEX_INHERIT)) && is_typed(kind));
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
        robust_known();
        robust_enlist(mutex, kind & MUTEX_INHERIT);
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

/*
 * A thread that has to wait for a mutex again right after it has waited for one meets others all the
 * time, and has little to do in between. Spinning would have them pass the mutex to and fro with
 * every section, and cache lines each time, which takes longer than what they do meanwhile; asleep,
 * it lets another one work alone for a while.
 *
 * Right after is: before four times as much time has passed as it had waited. (Measured: with once as
 * much, threads that do twice as much between sections as within them still fight side by side, and
 * take a fifth longer, and more CPU time.) What a hand-over takes, one CPU tells another in 50
 * nanoseconds or in 500, shows in how long a wait is. Of a wait that was longer than any hand-over it
 * is not known; then it is only what a few instructions take.
 */
enum {
    JUST_NOW = ARCH_TICKS_PER_US / 5,
    HAND_OVER_MOST = 2 * ARCH_TICKS_PER_US,
    TIMES_THE_WAIT = 4,
};

static bool has_just_waited(void)
{
    return arch_ticks() < self.rests_until;
}

static void note_wait(uint64_t start)
{
    uint64_t now = arch_ticks(), waited = now - start;
    self.rests_until = now + (waited < HAND_OVER_MOST ? TIMES_THE_WAIT * waited : JUST_NOW);
}

/*
 * But if condition variables are used with it, the mutex guards what threads do for one another: if
 * one is asleep for long, the others soon have to wait for it. So it only looks away for as long as
 * another one needs to fill or empty a queue, say; and not if it has been waiting for a condition
 * meanwhile, which it may have been told by one who waits for the answer.
 */
enum { CONDITIONS = SPIN_OTHER_BIT, A_MOMENT = 5 * ARCH_TICKS_PER_US };

static bool has_conditions(const struct mutex *mutex)
{
    return arch_load_relaxed(&mutex->spin) & CONDITIONS;
}

static void note_conditions(struct mutex *mutex)
{
    uint32_t spin = arch_load_relaxed(&mutex->spin);
    if (unlikely(!(spin & CONDITIONS)))
        arch_cas(&mutex->spin, spin, spin | CONDITIONS);
}

static void look_away(void)
{
    uint64_t start = arch_ticks();
    while (arch_ticks() - start < A_MOMENT)
        arch_pause();
}

static bool spin_for_free(struct mutex *mutex)
{
    struct spin spin;
    if (has_just_waited()) {
        if (!has_conditions(mutex))
            return false;
        look_away();
    }
    if (!spin_wanted(&spin, &mutex->spin))
        return false;
    bool found;
    do
        found = (arch_load_relaxed(&mutex->word) & ~WORD_WAITERS) == FREE;
    while (!found && spin_goes_on(&spin));
    spin_report(&spin, found);
    return found;
}

/* Biased. */

/* How often one thread is to lock a mutex in a row, and nobody else, until it is biased to it. */
enum { TIMES_IN_A_ROW = 1 << 14, TICKS_SAVED = ARCH_TICKS_PER_US / 100, REVOCATIONS_WORTH = 20 };
static uint32_t times_in_a_row = TIMES_IN_A_ROW;

static bool is_biased(uint32_t word)
{
    return word == BIASED_FREE || word == BIASED_HELD;
}

static bool is_biased_to_me(const struct mutex *mutex)
{
    uint64_t id = arch_load64_relaxed(&mutex->bias);
    return id != 0 && id == self.id;
}

/* The caller has just locked it; it does not wait for anyone to try. */
static COLD void bias(struct mutex *mutex)
{
    if (!arch_rseq_ready())
        return;
    arch_store64_relaxed(&mutex->bias, self_id());
    if (!arch_cas(&mutex->word, HELD, BIASED_HELD))
        arch_store64_relaxed(&mutex->bias, 0);
}

static inline void earn_bias(struct mutex *mutex)
{
    uint32_t me = self_id();
    if (arch_load64_relaxed(&mutex->bias) != 0)
        return;
    if (mutex->candidate != me) {
        mutex->candidate = me;
        mutex->in_a_row = 0;
    } else if (unlikely(++mutex->in_a_row >= arch_load_relaxed(&times_in_a_row))) {
        mutex->in_a_row = 0;
        bias(mutex);
    }
}

/*
 * The dearer a revocation is, the more has to be saved before there may be one. But one that was only
 * preempted says little: what has to be saved doubles at most.
 */
static void learn_price(uint64_t ticks)
{
    uint32_t known = arch_load_relaxed(&times_in_a_row);
    uint64_t times = REVOCATIONS_WORTH * ticks / TICKS_SAVED;
    if (times > 2 * (uint64_t)known)
        times = 2 * (uint64_t)known;
    if (times < TIMES_IN_A_ROW)
        times = TIMES_IN_A_ROW;
    if (times != known && times <= INT32_MAX)
        arch_store_relaxed(&times_in_a_row, times);
}

/* Afterwards the mutex is one as any other, and stays that. */
static COLD void revoke_bias(struct mutex *mutex)
{
    bool mine = is_biased_to_me(mutex);
    arch_store64_relaxed(&mutex->bias, REVOKED);
    /* the caller is in no sequence itself */
    if (!mine)
        asymmetric_barrier(SEQUENCES);
    uint32_t word = arch_load_relaxed(&mutex->word);
    while (is_biased(word) &&
           !arch_cas_fetch(&mutex->word, &word, word == BIASED_HELD ? HELD : FREE))
        ;
    learn_price(asymmetric_price());
}

/* Plain. */

enum { PATIENCE = 1000 * ARCH_TICKS_PER_US, CROWD = 8 };

/* zero where fork cannot be noticed */
static uint32_t claim_of_this_process(void)
{
    uint32_t generation = self_generation();
    return generation ? CLAIMED | generation << GENERATION_SHIFT : 0;
}

/* One that waits for a plain mutex. */
struct waiter {
    uint64_t start;
    /* it has slept or claimed, so that others may sleep still */
    bool slept, claimed;
};

/* Where there is a crowd, everybody's turn takes longer to come. */
static bool claims(const struct mutex *mutex, const struct waiter *waiter, enum scope scope)
{
    uint64_t patience = PATIENCE + PATIENCE / CROWD * (arch_load_relaxed(&mutex->spin) / ASIDE_ONE);
    return scope == PRIVATE && arch_ticks() - waiter->start > patience &&
           claim_of_this_process() != 0;
}

/* The mutex, if it can be had. Else *word becomes what the waiter may sleep on. */
static bool take_or_announce(struct mutex *mutex, enum scope scope, struct waiter *waiter,
                             uint32_t *word)
{
    for (;;) {
        uint32_t next, state = *word & STATE;
        bool mine = false;
        if (is_biased(state)) {
            if (state == BIASED_FREE && is_biased_to_me(mutex) && !waiter->slept) {
                mine = true;
                next = BIASED_HELD;
            } else {
                revoke_bias(mutex);
                *word = arch_load_relaxed(&mutex->word);
                continue;
            }
        } else if (state == FREE || (state == PASSED && waiter->slept)) {
            mine = true;
            next = waiter->slept ? CONTENDED : HELD;
        } else if (state != PASSED && state != CLAIMED && claims(mutex, waiter, scope)) {
            waiter->slept = waiter->claimed = true;
            next = claim_of_this_process();
        } else {
            next = state == HELD ? CONTENDED : *word;
        }
        if (next != *word && !arch_cas_fetch(&mutex->word, word, next))
            continue;
        *word = next;
        return mine;
    }
}

/* A holder that runs is soon through. */
static void watch_claim(struct mutex *mutex, uint32_t *word)
{
    uint32_t claim = *word;
    uint64_t start = arch_ticks();
    while (*word == claim && arch_ticks() - start < A_MOMENT) {
        arch_pause();
        *word = arch_load_relaxed(&mutex->word);
    }
}

/* The deadline has passed. False if the mutex was passed on meanwhile: then the caller takes it. */
static bool take_claim_back(struct mutex *mutex)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    while ((word & STATE) == CLAIMED)
        if (arch_cas_fetch(&mutex->word, &word, CONTENDED))
            return true;
    return word != PASSED;
}

/* `moved` as for mutex_reacquire. */
static COLD int plain_wait(struct mutex *mutex, uint32_t kind, const struct deadline *deadline,
                           bool moved)
{
    struct waiter waiter = {.start = arch_ticks(), .slept = moved};
    enum scope scope = scope_of(kind);
    if (!is_biased(arch_load_relaxed(&mutex->word)))
        spin_for_free(mutex);
    uint32_t word = arch_load_relaxed(&mutex->word);
    while (!take_or_announce(mutex, scope, &waiter, &word)) {
        if (waiter.claimed && (word & STATE) == CLAIMED) {
            watch_claim(mutex, &word);
            if ((word & STATE) != CLAIMED)
                continue;
        }
        int error = park(&mutex->word, word, deadline, scope, ANY);
        if ((error == ETIMEDOUT || error == EINVAL) && (!waiter.claimed || take_claim_back(mutex)))
            return error;
        if (error == EAGAIN && !waiter.claimed && !has_conditions(mutex))
            stand_aside(&mutex->spin, scope);
        if (error == 0)
            waiter.slept = true;
        word = arch_load_relaxed(&mutex->word);
    }
    note_wait(waiter.start);
    return 0;
}

/* Of those who come for it themselves, how often each does is counted. */
static bool plain_take(struct mutex *mutex, uint32_t kind)
{
    bool taken = arch_cas(&mutex->word, FREE, HELD);
    if (taken && unlikely(asymmetric()) && !(kind & MUTEX_SHARED))
        earn_bias(mutex);
    return taken;
}

static int plain_acquire(struct mutex *mutex, uint32_t kind, const struct deadline *deadline,
                         bool moved)
{
    if (moved ? arch_cas(&mutex->word, FREE, CONTENDED) : plain_take(mutex, kind))
        return 0;
    return plain_wait(mutex, kind, deadline, moved);
}

static bool plain_try(struct mutex *mutex, uint32_t kind)
{
    if (plain_take(mutex, kind))
        return true;
    if (!is_biased(arch_load_relaxed(&mutex->word)))
        return false;
    if (is_biased_to_me(mutex) && arch_cas(&mutex->word, BIASED_FREE, BIASED_HELD))
        return true;
    revoke_bias(mutex);
    return arch_cas(&mutex->word, FREE, HELD);
}

/* Of what an unlock finds that is not simply held, the word that it leaves. */
static uint32_t after_release(const struct mutex *mutex, uint32_t word)
{
    if (word == BIASED_HELD && is_biased_to_me(mutex))
        return BIASED_FREE;
    if ((word & STATE) == CLAIMED && word == claim_of_this_process())
        return PASSED;
    return FREE;
}

static COLD void plain_release_any(struct mutex *mutex, enum scope scope)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    while (!arch_cas_fetch(&mutex->word, &word, after_release(mutex, word)))
        ;
    /* now the mutex may be gone: the wake goes by its address alone */
    if (word == CONTENDED || (word & STATE) == CLAIMED)
        unpark(&mutex->word, 1, scope, ANY);
}

static void plain_release(struct mutex *mutex, enum scope scope)
{
    if (unlikely(!arch_cas(&mutex->word, HELD, FREE)))
        plain_release_any(mutex, scope);
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
    for (;;) {
        bool died = word & WORD_OWNER_DIED;
        if ((word & WORD_TID) != 0 || (died && !(kind & MUTEX_ROBUST)))
            return try ? EBUSY : owned_wait(mutex, kind, deadline);
        if (arch_cas_fetch(&mutex->word, &word, tid | (word & WORD_WAITERS)))
            return died ? EOWNERDEAD : 0;
    }
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
    uint32_t word = arch_load_relaxed(&mutex->word);
    bool died = word & WORD_OWNER_DIED;
    /* with waiters or an owner besides, the kernel passes it on; the new owner clears the mark */
    if (died && (word & (WORD_TID | WORD_WAITERS)) == 0 && !(kind & MUTEX_ROBUST))
        return try ? EBUSY : wait_for_nothing(deadline);
    if (try) {
        if (!died)
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

static void *announce(struct mutex *mutex, uint32_t kind)
{
    robust_known();
    return robust_announce(robust_link(mutex, kind & MUTEX_INHERIT));
}

static void release_word(struct mutex *mutex, uint32_t kind)
{
    if (!is_listed(kind)) {
        if (kind & MUTEX_INHERIT)
            inheriting_release(mutex, scope_of(kind));
        else
            plain_release(mutex, scope_of(kind));
        return;
    }
    void *before = announce(mutex, kind);
    robust_delist(mutex);
    if (kind & MUTEX_INHERIT)
        inheriting_release(mutex, scope_of(kind));
    else
        owned_release(mutex, scope_of(kind));
    robust_done(before);
}

/*
 * A word on the list was acquired, or was not, since it was announced: the rest of a robust mutex's
 * protocol.
 */
static int listed_got(struct mutex *mutex, uint32_t kind, int error, void *before)
{
    if (error && error != EOWNERDEAD) {
        robust_done(before);
        return error;
    }
    robust_enlist(mutex, kind & MUTEX_INHERIT);
    robust_done(before);
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
        return plain_try(mutex, kind) ? 0 : EBUSY;
    }
    if (!is_listed(kind))
        return inheriting_acquire(mutex, kind, deadline, try);
    if (kind & MUTEX_ROBUST) {
        if (arch_load64_relaxed(&mutex->owner) == NOT_RECOVERABLE)
            return ENOTRECOVERABLE;
        if (!robust_known())
            return ENOTSUP;
    }
    void *before = announce(mutex, kind);
    int error = kind & MUTEX_INHERIT ? inheriting_acquire(mutex, kind, deadline, try)
                                     : owned_acquire(mutex, kind, deadline, try);
    return listed_got(mutex, kind, error, before);
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

/* The ceiling may have been changed while the caller waited, raised to the former one. */
static int follow_ceiling(struct mutex *mutex, unsigned raised, int error)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    unsigned ceiling = kind >> MUTEX_CEILING_SHIFT;
    if (likely(ceiling == raised))
        return error;
    int refused = ceiling_change(raised, ceiling);
    if (!refused)
        return error;
    ceiling_drop(raised);
    /* an heir keeps what it was told to repair */
    if (error == EOWNERDEAD)
        return error;
    release_word(mutex, kind);
    return refused;
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
    if (kind & MUTEX_PROTECT) {
        error = follow_ceiling(mutex, ceiling, error);
        if (error && error != EOWNERDEAD)
            return error;
    }
    if (is_typed(kind) && !has_tid(kind))
        arch_store64_relaxed(&mutex->owner, self_id());
    return error;
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

/*
 * The fast paths: what an uncontended lock or unlock of each kind takes, tried before anything is
 * asked; on failure the general functions above start afresh. They end in tail calls, so that no
 * stack frame is set up. Normal mutexes are told by `kind` being zero, which shares the word's
 * line.
 */

static COLD int lock_cold(struct mutex *mutex)
{
    return lock_any(mutex, NULL, false, false);
}

static COLD int trylock_cold(struct mutex *mutex)
{
    return lock_any(mutex, NULL, true, false);
}

/* Of a normal mutex that was not free, or that the fast path leaves alone. */
static int trylock_late(struct mutex *mutex)
{
    return unlikely(asymmetric()) ? trylock_cold(mutex) : EBUSY;
}

static COLD int unlock_cold(struct mutex *mutex)
{
    return unlock_any(mutex);
}

static COLD int wait_cold(struct mutex *mutex)
{
    if (unlikely(asymmetric()))
        return plain_acquire(mutex, MUTEX_NORMAL, NULL, false);
    return plain_wait(mutex, MUTEX_NORMAL, NULL, false);
}

static COLD int release_cold(struct mutex *mutex)
{
    plain_release_any(mutex, PRIVATE);
    return 0;
}

#define FAST static inline __attribute__((always_inline))

FAST bool fast_acquire(struct mutex *mutex)
{
    if (alone() && likely(arch_cas_alone(&mutex->word, FREE, HELD)))
        return true;
    if (unlikely(asymmetric()))
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
    if (unlikely(asymmetric()) && is_biased_to_me(mutex) &&
        arch_store_if(&mutex->bias, self.id, &mutex->word, BIASED_HELD, BIASED_FREE))
        return 0;
    return likely(arch_cas(&mutex->word, HELD, FREE)) ? 0 : release_cold(mutex);
}

FAST bool fast_acquire_robust(struct mutex *mutex)
{
    if (!robust_ready())
        return false;
    void *before = robust_announce(robust_link(mutex, false));
    bool acquired = arch_cas(&mutex->word, 0, self.tid);
    if (likely(acquired))
        robust_enlist(mutex, false);
    robust_done(before);
    return acquired;
}

/* True if a mutex of any kind but normal was acquired at once. */
FAST bool fast_acquire_kind(struct mutex *mutex, uint32_t kind)
{
    if (likely(kind == MUTEX_RECURSIVE || kind == MUTEX_ERRORCHECK)) {
        uint64_t id = self.id;
        if (unlikely(id == 0) || !fast_acquire(mutex))
            return false;
        arch_store64_relaxed(&mutex->owner, id);
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
        return self_tid_known() && arch_cas(&mutex->word, 0, self.tid);
    default:
        return false;
    }
}

static bool is_robust(uint32_t kind)
{
    return (kind & ~(uint32_t)MUTEX_SHARED) == MUTEX_ROBUST;
}

/* What has become of a robust mutex that was acquired at once, though not from a dead owner. */
static COLD int found_lost(struct mutex *mutex)
{
    release_word(mutex, arch_load_relaxed(&mutex->kind));
    return ENOTRECOVERABLE;
}

static int found(struct mutex *mutex)
{
    return likely(arch_load64_relaxed(&mutex->owner) == CONSISTENT) ? 0 : found_lost(mutex);
}

static int lock_kind(struct mutex *mutex, uint32_t kind)
{
    if (unlikely(is_robust(kind)))
        return fast_acquire_robust(mutex) ? found(mutex) : lock_cold(mutex);
    return likely(fast_acquire_kind(mutex, kind)) ? 0 : lock_cold(mutex);
}

static int trylock_kind(struct mutex *mutex, uint32_t kind)
{
    if (unlikely(is_robust(kind)))
        return fast_acquire_robust(mutex) ? found(mutex) : trylock_cold(mutex);
    return likely(fast_acquire_kind(mutex, kind)) ? 0 : trylock_cold(mutex);
}

/* Announced, and off the list: others wait. */
static COLD int release_robust_cold(struct mutex *mutex, void *before)
{
    owned_release(mutex, SHARED);
    robust_done(before);
    return 0;
}

static int unlock_robust(struct mutex *mutex)
{
    if (!robust_ready() || (arch_load_relaxed(&mutex->word) & WORD_TID) != self.tid ||
        arch_load64_relaxed(&mutex->owner) != CONSISTENT)
        return unlock_cold(mutex);
    void *before = robust_announce(robust_link(mutex, false));
    robust_delist(mutex);
    if (unlikely(!arch_cas(&mutex->word, self.tid, 0)))
        return release_robust_cold(mutex, before);
    robust_done(before);
    return 0;
}

static int unlock_kind(struct mutex *mutex, uint32_t kind)
{
    if (unlikely(is_robust(kind)))
        return unlock_robust(mutex);
    if (likely(kind == MUTEX_RECURSIVE || kind == MUTEX_ERRORCHECK)) {
        uint64_t owner = arch_load64_relaxed(&mutex->owner);
        if (unlikely(owner == 0 || owner != self.id || mutex->depth != 0))
            return unlock_cold(mutex);
        arch_store64_relaxed(&mutex->owner, 0);
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
        if (self_tid_known() && likely(arch_cas(&mutex->word, self.tid, 0)))
            return 0;
        break;
    }
    return unlock_cold(mutex);
}

PUBLIC int pthread_mutex_lock(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (unlikely(kind != MUTEX_NORMAL))
        return checked_mutex_locked(mutex, lock_kind(mutex, kind));
    return checked_mutex_locked(mutex, likely(fast_acquire(mutex)) ? 0 : wait_cold(mutex));
}

PUBLIC int pthread_mutex_trylock(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    if (unlikely(kind != MUTEX_NORMAL))
        return checked_mutex_locked(mutex, trylock_kind(mutex, kind));
    return checked_mutex_locked(mutex, likely(fast_acquire(mutex)) ? 0 : trylock_late(mutex));
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
    return error ? error : checked_mutex_locked(mutex, lock_any(mutex, &deadline, false, false));
}

PUBLIC int pthread_mutex_timedlock(pthread_mutex_t *object, const struct timespec *time)
{
    return pthread_mutex_clocklock(object, CLOCK_REALTIME, time);
}

static COLD int init_kind(struct mutex *mutex, uint32_t kind)
{
    if (!is_valid(kind))
        return EINVAL;
    if ((kind & MUTEX_INHERIT) && !park_has_pi())
        return ENOTSUP;
    if ((kind & MUTEX_PROTECT) && !(kind & MUTEX_CEILING))
        kind |= (uint32_t)ceiling_minimum() << MUTEX_CEILING_SHIFT;
    if ((kind & MUTEX_ROBUST) && !robust_known())
        return ENOTSUP;
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
    if (!is_valid(kind))
        return EINVAL;
    if (has_tid(kind) ? (word & WORD_TID) != 0 : word != FREE && word != BIASED_FREE)
        return EBUSY;
    return gone(mutex);
}

PUBLIC int pthread_mutex_destroy(pthread_mutex_t *object)
{
    struct mutex *mutex = (struct mutex *)object;
    uint32_t kind = arch_load_relaxed(&mutex->kind), word = arch_load_relaxed(&mutex->word);
    return likely((kind | word) == 0) ? gone(mutex) : destroy_kind(mutex, kind, word);
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
    note_conditions(mutex);
    self.rests_until = 0;
    checked_mutex_unlock(mutex);
    unlock_whole(mutex, kind);
    return depth;
}

int mutex_reacquire(struct mutex *mutex, uint32_t depth, bool moved)
{
    int error = checked_mutex_locked(mutex, lock_any(mutex, NULL, false, moved));
    if (!error)
        mutex->depth = depth;
    return error;
}

void *mutex_expect(struct mutex *mutex)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    self_tid();
    return is_listed(kind) ? announce(mutex, kind) : NULL;
}

int mutex_given(struct mutex *mutex, uint32_t depth, void *before)
{
    uint32_t kind = arch_load_relaxed(&mutex->kind);
    int error = inheriting_got(mutex);
    error =
        checked_mutex_locked(mutex, is_listed(kind) ? listed_got(mutex, kind, error, before) : 0);
    if (!error)
        mutex->depth = depth;
    return error;
}

void mutex_not_given(struct mutex *mutex, void *before)
{
    if (is_listed(arch_load_relaxed(&mutex->kind)))
        robust_done(before);
}

/* Other names under which programs know these. */
ALIAS(pthread_mutex_lock, __pthread_mutex_lock);
ALIAS(pthread_mutex_trylock, __pthread_mutex_trylock);
ALIAS(pthread_mutex_unlock, __pthread_mutex_unlock);
ALIAS(pthread_mutex_init, __pthread_mutex_init);
ALIAS(pthread_mutex_destroy, __pthread_mutex_destroy);
ALIAS(pthread_mutex_consistent, pthread_mutex_consistent_np);
