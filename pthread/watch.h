/*
 * Watching: a waiter of a private condition variable or barrier looks out for the end of its wait
 * before it sleeps. It does not look at the object, whose memory may be gone once the waiter is
 * unblocked, but at a slot of a table that belongs to the library. An object's address says which.
 *
 *      63              32 31                3       2           1         0
 *      +-----------------+-------------------+-----------+---------+---------+
 *      |   object / 8    |     sequence      | SIGNALLED | RETIRED | WATCHED |
 *      +-----------------+-------------------+-----------+---------+---------+
 *
 *      anything --watch_begin--> WATCHED ----it gives up---> WATCHED | RETIRED
 *         |                         |                            |
 *         +------------------------ + ----- watch_signal --------+--> SIGNALLED
 *          (unless another object's watcher may look at it)
 *
 *   A waiter that has begun looks until the slot is SIGNALLED. If it gives up, it retires and sleeps
 *   on the object's word: the signal then finds RETIRED, and wakes a sleeper as well. Several may
 *   watch for one sequence.
 *
 *   One that has not looked when the same object's next watcher takes the slot finds a sequence that is
 *   up to 16 later, and is told by that.
 *
 *   The slot is nobody's. Another object's watcher may take it over at any moment: those who had
 *   begun before see it, and sleep; their signal sees it, too, and wakes a sleeper. Should one of the
 *   same object take it over again meanwhile, it says for them that they may sleep. So nothing waits
 *   for a watcher. If it never runs again, was jumped out of its wait, or is in the parent of a fork,
 *   where the table is the parent's and the child's is empty, the slot is taken over by the second
 *   that wants it. (The first makes a note, and sleeps: of two objects that have the same slot one
 *   keeps it.)
 *
 *   Two objects that are a multiple of 8 TiB apart have the same slot, and would be taken for one if
 *   they had the same sequence, too. Their sequences begin a golden section of 2^29 apart for that
 *   reason as well.
 */
#ifndef FURWOCK_WATCH_H
#define FURWOCK_WATCH_H

#include "spinning.h"

#include <stdbool.h>
#include <stdint.h>

#ifndef WATCH_SLOTS
#define WATCH_SLOTS 256
#endif
enum watch_state { WATCHED = 1, RETIRED = 2, SIGNALLED = 4, WATCH_STATES = 7 };

struct watch_slot {
    uint64_t state;
    /* what spinning here has paid: hints.h */
    uint32_t hints;
    /* the state, folded, that kept somebody else's watcher away: the next one takes it over */
    uint32_t stranger;
    /* how often sleepers of an object with this slot were moved elsewhere (cond.c) */
    uint32_t moves;
    uint32_t unused[11];
};

/* One that watches. */
struct watch {
    struct watch_slot *slot;
    uint64_t name;
    struct spin spin;
};

/* Is an object to be watched before the caller sleeps? Then watch_begin or watch_joins come next. */
bool watch_wanted(struct watch *watch, const void *object);
/*
 * Before the object's word says so. `sequence` has the lowest three bits clear. AMONG_OTHERS: the word
 * says already that somebody watches. False: sleep.
 */
enum watch_company { AS_THE_FIRST, AMONG_OTHERS };
bool watch_begin(struct watch *watch, const void *object, uint32_t sequence,
                 enum watch_company company);
/* Is the slot the object's, with somebody who watches? Then the caller may watch, too. */
bool watch_joins(struct watch *watch, const void *object, uint32_t sequence);
/* Watch until told; false if it gives up, or has lost the slot, and has to sleep. */
bool watch_goes_well(struct watch *watch);

/*
 * Tell all who watch, and who is about to begin. False if there may be somebody who has begun and
 * sleeps.
 */
bool watch_signal(const void *object, uint32_t sequence);
/* The number of times that sleepers may have been moved so far; and whether there were none since. */
uint32_t watch_moves(const void *object);
bool watch_unmoved(const void *object, uint32_t moves);
/* Sleepers of this object are about to be moved. */
void watch_count_move(const void *object);
/* Nobody watches an object that is being made: what stands there is a former one's. */
void watch_forget(const void *object);
/* Has it been told that this sequence is over? False if that cannot be seen, the slot being another's. */
bool watch_was_told(const void *object, uint32_t sequence);
/* Does anybody watch, as far as can be seen? */
bool watch_is_on(const void *object, uint32_t sequence);

#endif
