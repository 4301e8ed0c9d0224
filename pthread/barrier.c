/*
 * Barriers.
 *
 *      63        34     33        32     31          24 23        0
 *      +-----------+---------+----------+--------------+-----------+
 *      |   round   | WATCHED |  ASLEEP  |  generation  |  arrived  |   state
 *      +-----------+---------+----------+--------------+-----------+
 *
 * The last to arrive makes {round, arrived = count - 1} into {round + 1, 0} in one step, tells those
 * who watch (watch.h), if there are any, and wakes the others. A thread arrives with its decision: to
 * watch a slot of the table, or to sleep while the half with the round stays what it is. The first that
 * watches takes the slot once in a round, after it has arrived; others join while the slot is the
 * barrier's. So a slot that was lost does not come back in that round, and the last to arrive, who does
 * not find it, wakes those who have lost it.
 *
 * Once the round is over nobody touches the barrier: those who watch look at the slot, sleepers have
 * the kernel compare the half with the round, to which in one round only the two bits are added, and
 * the last one's wake goes by address. So pthread_barrier_destroy waits for nobody. A sleeper that
 * comes too late must not fall asleep on what the memory has become, another barrier perhaps, and so
 * the rounds of each begin somewhere else.
 *
 * In a child of fork the threads that have arrived are the parent's. The state's generation, the
 * fork's (self.h), says so, and the first to arrive begins the round anew. A process-shared barrier
 * has none. (More than 2^22 threads do not exist, so 24 bits can count them.)
 *
 * With a deadline, pthread_barrier_clockwait_np:
 *
 *      {round, arrived} --the time is over, and the round is not--> {round, arrived - 1}, ETIMEDOUT
 *      {round + n, ...} --the time is over, as the round is-------> unchanged, 0
 *
 * Both ends of a round are one step on the same word, so it is either complete with the thread or
 * incomplete without it. ASLEEP and WATCHED stay: the last one's wake may find nobody, and in the slot
 * that was taken the next of the round joins, or loses it, as after anybody else. This look at the word
 * is the one that comes when the round may be over, so whoever destroys the barrier waits for calls with
 * a deadline to return. One that is woken, or told, before its time does not look. A process that is
 * killed in its wait stays counted.
 */
#include "checked.h"
#include "layout.h"
#include "self.h"
#include "watch.h"

#include <errno.h>

#define ARRIVED 0xfffffful
#define GENERATION 0xff000000ul
#define ASLEEP (1ul << 32)
#define WATCHED_TOO (1ul << 33)
#define ROUND (1ul << 34)

enum { GENERATION_SHIFT = 24 };

/* The half of the state with the round, as one word. */
static const uint32_t *round_word(const struct barrier *barrier)
{
    const uint32_t *halves = (const uint32_t *)&barrier->state;
    return &halves[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__];
}

/* As a watcher's sequence, whose lowest three bits are clear. */
static uint32_t sequence_of(uint64_t state)
{
    return (uint32_t)(state / ROUND) << 3;
}

static enum scope scope_of(const struct barrier *barrier)
{
    return barrier->shared ? SHARED : PRIVATE;
}

/* A private barrier's state, without those who have arrived in the parent of a fork. */
static uint64_t without_ghosts(uint64_t state, enum scope scope)
{
    uint64_t generation =
        scope == PRIVATE ? (uint64_t)self_generation() << GENERATION_SHIFT & GENERATION : 0;
    if (likely((state & GENERATION) == generation))
        return state;
    return (state & ~(ROUND - 1)) + ROUND + generation;
}

/*
 * The state was this. What wakes a sleeper may have been meant for others, and so it asks: the slot, or
 * the kernel. An error is the deadline's: whether the round is over is not known then.
 */
static int sleep_through(const struct barrier *barrier, uint64_t state, enum scope scope,
                         const struct deadline *deadline)
{
    const uint32_t least = state >> 32, most = least | (ASLEEP | WATCHED_TOO) >> 32;
    for (uint32_t word = least;;) {
        int error = park(round_word(barrier), word, deadline, scope, ANY);
        if (deadline && (error == ETIMEDOUT || error == EINVAL))
            return error;
        if (error == 0 && scope == PRIVATE && watch_was_told(barrier, sequence_of(state)))
            return 0;
        if (error != EAGAIN)
            continue;
        if (word == most)
            break;
        word = (word + 1) | least;
    }
    /* what the others did before they arrived is seen now, since the kernel has seen their arrival */
    arch_fence_after_load();
    return 0;
}

/* Be counted no longer, if the round in which the state became `arrived` is not over. */
static COLD bool give_up(struct barrier *barrier, uint64_t arrived)
{
    uint64_t found = arch_load64_acquire(&barrier->state);
    do {
        if (found / ROUND != arrived / ROUND)
            return false;
    } while (!arch_cas64_fetch(&barrier->state, &found, found - 1));
    return true;
}

static void wake_all(const struct barrier *barrier, uint64_t state, enum scope scope)
{
    bool told = scope == PRIVATE && watch_signal(barrier, sequence_of(state));
    if ((state & ASLEEP) || ((state & WATCHED_TOO) && !told))
        unpark(round_word(barrier), EVERYONE, scope, ANY);
}

FAST int wait_until(struct barrier *barrier, const struct deadline *deadline)
{
    uint32_t count = barrier->count;
    enum scope scope = scope_of(barrier);
    struct watch watch;
    bool last, watches = false, asked = false, first = false;
    if (unlikely(count == 0))
        return EINVAL;
    uint64_t found = arch_load64_acquire(&barrier->state), state, next;
    checked_before(barrier);
    do {
        state = without_ghosts(found, scope);
        last = (state & ARRIVED) + 1 == count;
        if (last) {
            next = (state & ~(ROUND - 1)) + ROUND + (state & GENERATION);
            continue;
        }
        if (deadline && deadline_check(deadline))
            return EINVAL;
        if (!asked) {
            watches = scope == PRIVATE && watch_wanted(&watch, barrier);
            asked = true;
        }
        /* the first takes the slot when the state says so, once in a round; others join, or sleep */
        first = !(state & WATCHED_TOO);
        watches = watches && (first || watch_joins(&watch, barrier, sequence_of(state)));
        next = (state + 1) | (watches ? WATCHED_TOO : ASLEEP);
    } while (!arch_cas64_fetch(&barrier->state, &found, next));
    if (!last && watches && first)
        watches = watch_begin(&watch, barrier, sequence_of(state), AS_THE_FIRST);
    int error = 0;
    if (last)
        wake_all(barrier, state, scope);
    else if (!watches || !watch_goes_well(&watch))
        error = sleep_through(barrier, next, scope, deadline);
    if (deadline && error && give_up(barrier, next))
        return error;
    checked_after(barrier, 0);
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

PUBLIC int pthread_barrier_wait(pthread_barrier_t *object)
{
    return wait_until((struct barrier *)object, NULL);
}

PUBLIC int pthread_barrier_clockwait_np(pthread_barrier_t *object, clockid_t clock,
                                        const struct timespec *time)
{
    struct deadline deadline = {clock, time};
    return deadline_clock(clock) ? EINVAL : wait_until((struct barrier *)object, &deadline);
}

PUBLIC int pthread_barrier_init(pthread_barrier_t *object, const pthread_barrierattr_t *attributes,
                                unsigned count)
{
    int shared = attributes ? *(const int *)attributes : PTHREAD_PROCESS_PRIVATE;
    if (count == 0 || (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED))
        return EINVAL;
    static uint32_t barriers;
    uint64_t first = (uint64_t)(arch_fetch_add(&barriers, 1) * 0x9e3779b1u) * ROUND;
    watch_forget(object);
    *(struct barrier *)object = (struct barrier){.state = first, .count = count, .shared = shared};
    return 0;
}

PUBLIC int pthread_barrier_destroy(pthread_barrier_t *object)
{
    struct barrier *barrier = (struct barrier *)object;
    if (barrier->count == 0)
        return EINVAL;
    if (without_ghosts(arch_load64_acquire(&barrier->state), scope_of(barrier)) & ARRIVED)
        return EBUSY;
    barrier->count = 0;
    return checked_gone(barrier, sizeof *barrier, 0);
}

PUBLIC int pthread_barrierattr_init(pthread_barrierattr_t *attributes)
{
    *(int *)attributes = PTHREAD_PROCESS_PRIVATE;
    return 0;
}

PUBLIC int pthread_barrierattr_destroy(pthread_barrierattr_t *attributes)
{
    (void)attributes;
    return 0;
}

PUBLIC int pthread_barrierattr_setpshared(pthread_barrierattr_t *attributes, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    *(int *)attributes = shared;
    return 0;
}

PUBLIC int pthread_barrierattr_getpshared(const pthread_barrierattr_t *restrict attributes,
                                          int *restrict shared)
{
    *shared = *(const int *)attributes;
    return 0;
}
