/*
 * The hints of an object: a word by which those who wait decide how. Nothing but speed depends on
 * it: an update may be lost, and all bits zero is an object without a history.
 *
 *      31          28 27        16    15     14    11 10       8 7          0
 *      +--------------+------------+--------+--------+----------+------------+
 *      |  generation  |  awaiting  |  USED  | unused | interval |   credit   |
 *      +--------------+------------+--------+--------+----------+------------+
 *            the object's own                 spinning.c, learned from each spin
 *
 *   credit    how much spinning has paid, as an offset from its start, signed
 *   interval  while spinning is off: one wait in 2^(interval + 4) tries it again
 *   USED      mutex: condition variables are used with it (mutex/plain.c)
 *             condition variable: its last wake was a broadcast (cond.c)
 *   awaiting  mutex: how many threads wait for conditions with it, for who destroys it; 4095 are
 *             as many as can be told. They are of the process that the generation, the fork's
 *             (self.h), tells: in a child nobody is
 */
#ifndef FURWOCK_HINTS_H
#define FURWOCK_HINTS_H

#include "compiler.h"

#include <arch_atomic.h>
#include <stdbool.h>
#include <stdint.h>

enum hints {
    HINTS_CREDIT = 0xff,
    HINTS_INTERVAL_SHIFT = 8,
    HINTS_INTERVAL = 7,
    HINTS_USED = 1 << 15,
    HINTS_LEARNED = HINTS_USED - 1,
    HINTS_AWAITING_SHIFT = 16,
    HINTS_AWAITING_MOST = 0xfff,
    HINTS_GENERATION_SHIFT = 28,
};

static inline bool hints_used(const uint32_t *hints)
{
    return arch_load_relaxed(hints) & HINTS_USED;
}

static inline void hints_set_used(uint32_t *hints)
{
    uint32_t now = arch_load_relaxed(hints);
    if (unlikely(!(now & HINTS_USED)))
        arch_cas(hints, now, now | HINTS_USED);
}

static inline void hints_clear_used(uint32_t *hints)
{
    uint32_t now = arch_load_relaxed(hints);
    if (unlikely(now & HINTS_USED))
        arch_cas(hints, now, now & ~(uint32_t)HINTS_USED);
}

static inline uint32_t hints_learned(const uint32_t *hints)
{
    return arch_load_relaxed(hints) & HINTS_LEARNED;
}

/* Replace what was learned, unless another hint has changed since it was looked up. */
static inline void hints_learn(uint32_t *hints, uint32_t then)
{
    uint32_t now = arch_load_relaxed(hints), learned = now & HINTS_LEARNED;
    if (then != learned)
        arch_cas(hints, now, now - learned + then);
}

static inline uint32_t hints_awaiting(uint32_t hints, uint32_t generation)
{
    return hints >> HINTS_GENERATION_SHIFT == (generation & 0xf)
               ? hints >> HINTS_AWAITING_SHIFT & HINTS_AWAITING_MOST
               : 0;
}

/* One more thread waits for a condition with the mutex, or one less. */
static inline void hints_change_awaiting(uint32_t *hints, int by, uint32_t generation)
{
    uint32_t now = arch_load_relaxed(hints), next;
    do {
        uint32_t count = hints_awaiting(now, generation);
        if (by < 0 ? count > 0 : count < HINTS_AWAITING_MOST)
            count += by;
        next = generation << HINTS_GENERATION_SHIFT | count << HINTS_AWAITING_SHIFT |
               (now & (HINTS_USED | HINTS_LEARNED));
    } while (!arch_cas_fetch(hints, &now, next));
}

#endif
