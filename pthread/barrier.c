/*
 * Barriers.
 *
 *      63        33   32      31       0
 *      +-----------+--------+-----------+
 *      |   round   | ASLEEP |  arrived  |   state
 *      +-----------+--------+-----------+
 *
 * The last to arrive makes {round, arrived = count - 1} into {round + 1, 0} in one step, clears
 * ASLEEP, and wakes everyone if it was set. The others watch the half with the round, and sleep on
 * it after setting ASLEEP.
 *
 * Every thread counts itself in `departed` as its last touch, and pthread_barrier_destroy waits
 * until all that were let through have departed: it may be called as soon as one has returned.
 */
#include "checked.h"
#include "layout.h"
#include "spinning.h"

#include <errno.h>

#define ARRIVED 0xfffffffful
#define ASLEEP (1ul << 32)
#define ROUND (1ul << 33)

/* `departed` counts in twos; the odd one says that pthread_barrier_destroy sleeps on it. */
enum { DESTROYING = 1, DEPARTURE = 2 };

/* The half of the state with the round, as one word. */
static const uint32_t *round_word(const struct barrier *barrier)
{
    const uint32_t *halves = (const uint32_t *)&barrier->state;
    return &halves[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__];
}

static bool same_round(uint64_t a, uint64_t b)
{
    return a / ROUND == b / ROUND;
}

static enum scope scope_of(const struct barrier *barrier)
{
    return barrier->shared ? SHARED : PRIVATE;
}

static bool spin_for_round(struct barrier *barrier, uint64_t round)
{
    struct spin spin;
    if (!spin_wanted(&spin, &barrier->hints))
        return false;
    bool over;
    do
        over = !same_round(arch_load64_acquire(&barrier->state), round);
    while (!over && spin_goes_on(&spin));
    spin_report(&spin, over);
    return over;
}

static void wait_for_round(struct barrier *barrier, uint64_t round)
{
    if (spin_for_round(barrier, round))
        return;
    uint64_t state = arch_load64_acquire(&barrier->state);
    while (same_round(state, round)) {
        if (!(state & ASLEEP) && !arch_cas64_fetch(&barrier->state, &state, state | ASLEEP))
            continue;
        park(round_word(barrier), (state | ASLEEP) >> 32, NULL, scope_of(barrier), ANY);
        state = arch_load64_acquire(&barrier->state);
    }
}

static void depart(struct barrier *barrier, enum scope scope)
{
    if (arch_fetch_add(&barrier->departed, DEPARTURE) & DESTROYING)
        unpark(&barrier->departed, EVERYONE, scope, ANY);
}

PUBLIC int pthread_barrier_wait(pthread_barrier_t *object)
{
    struct barrier *barrier = (struct barrier *)object;
    uint32_t count = barrier->count;
    enum scope scope = scope_of(barrier);
    if (unlikely(count == 0))
        return EINVAL;
    uint64_t state = arch_load64_acquire(&barrier->state), next;
    bool last;
    checked_before(barrier);
    do {
        last = (state & ARRIVED) + 1 == count;
        next = last ? (state & ~(ARRIVED | ASLEEP)) + ROUND : state + 1;
    } while (!arch_cas64_fetch(&barrier->state, &state, next));
    if (!last)
        wait_for_round(barrier, state);
    else if (state & ASLEEP)
        unpark(round_word(barrier), EVERYONE, scope, ANY);
    depart(barrier, scope);
    checked_after(barrier, 0);
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

PUBLIC int pthread_barrier_init(pthread_barrier_t *object, const pthread_barrierattr_t *attributes,
                                unsigned count)
{
    int shared = attributes ? *(const int *)attributes : PTHREAD_PROCESS_PRIVATE;
    if (count == 0 || (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED))
        return EINVAL;
    *(struct barrier *)object = (struct barrier){.count = count, .shared = shared};
    return 0;
}

PUBLIC int pthread_barrier_destroy(pthread_barrier_t *object)
{
    struct barrier *barrier = (struct barrier *)object;
    if (barrier->count == 0)
        return EINVAL;
    uint64_t state = arch_load64_acquire(&barrier->state);
    if (state & ARRIVED)
        return EBUSY;
    uint32_t expected = (uint32_t)(state / ROUND) * barrier->count * DEPARTURE;
    for (;;) {
        uint32_t departed = arch_load_acquire(&barrier->departed);
        if ((departed & ~(uint32_t)DESTROYING) == expected)
            break;
        if ((departed & DESTROYING) ||
            arch_cas(&barrier->departed, departed, departed | DESTROYING))
            park(&barrier->departed, departed | DESTROYING, NULL, scope_of(barrier), ANY);
    }
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
