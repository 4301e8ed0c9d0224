/* Waiting awake, or for a set time: what a thread does before it sleeps until it is woken. */
#ifndef FURWOCK_SPINNING_H
#define FURWOCK_SPINNING_H

#include "hints.h"
#include "park.h"
#include "ticks.h"

/*
 * Adaptive spinning. A sleep and a wake cost as much as a hundred transfers of a cache line, so a
 * waiter first watches the word for a while. Whether that pays is learned for each object in its
 * hints (hints.h): see spinning.c. spin_wanted says whether to try; the caller then
 * loops while spin_goes_on, and reports the outcome.
 */
struct spin {
    uint32_t *hints;
    /* on arch_ticks' clock, when it began, looked last, and ends */
    uint64_t start, last, end;
    /* a time that is too long between two looks, in ticks */
    uint64_t jump;
    bool probe;
};
bool spin_wanted(struct spin *spin, uint32_t *hints);
bool spin_goes_on(struct spin *spin);
void spin_report(struct spin *spin, bool success);

/* The caller has waited for a lock, and has it now: for a while it has just waited. */
void note_wait(void);
bool has_just_waited(void);
/* The caller waits for a condition: what it does next is not for the lock. */
void forget_wait(void);
/* Another thread changed the word of a lock that both can have: who meets others all the time stands aside. */
void note_collision(void);

/* FURWOCK=nospin: nobody spins, and nobody stands aside. While the library is loaded. */
void spinning_never(void);

/*
 * Stand aside: sleep for a tenth of a millisecond, or more, up to one and a half, if the thread does so
 * again and again; nobody wakes it before. A real-time thread does not, but for some ten microseconds four
 * times in its life, and ten times a second.
 */
void stand_aside(void);

#endif
