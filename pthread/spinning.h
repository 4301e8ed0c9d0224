/* Waiting awake, or for a set time: what a thread does before it sleeps until it is woken. */
#ifndef FURWOCK_SPINNING_H
#define FURWOCK_SPINNING_H

#include "hints.h"
#include "park.h"

/*
 * Adaptive spinning. A sleep and a wake cost as much as a hundred transfers of a cache line, so a
 * waiter first watches the word for a while. Whether that pays is learned for each object in its
 * hints (hints.h): see spinning.c. spin_wanted says whether to try; the caller then
 * loops while spin_goes_on, and reports the outcome.
 */
/*
 * What waiters may do before they sleep. Spins give the processor away by sched_yield(2) only if
 * FURWOCK=yield says so, since a sandbox may kill for any system call but futex.
 */
enum spinning { SPIN_NEVER = 1, SPIN_YIELDS = 2 };
void spinning_choose(enum spinning choice);

struct spin {
    uint32_t *hints;
    uint64_t start, last, yielded;
    /* how long others' turns on this processor took, and how many there were */
    uint64_t given;
    uint32_t turns;
    /* so many times yet the processor is given away without a look before */
    uint32_t eager;
    bool probe;
};
bool spin_wanted(struct spin *spin, uint32_t *hints);
bool spin_goes_on(struct spin *spin);
void spin_report(struct spin *spin, bool success);

/*
 * Stand aside: sleep for a tenth of a millisecond, nearly half of which is the slack of the kernel's
 * timers, which a real-time thread does not have; nobody wakes the thread before. If others do the
 * same it is longer, up to two milliseconds, so that no more threads come back in a tenth of a
 * millisecond than one. They are counted in the object's hints, if its scope is PRIVATE.
 */
void stand_aside(uint32_t *hints, enum scope scope);

#endif
