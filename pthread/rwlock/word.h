/*
 * The state of a read-write lock that one process uses.
 *
 *    63   52 51     32 31      9    8        7       6       5       4       3      2     1     0
 *   +-------+---------+----------+-----+-------+-------+-------+-------+------+-------+------+-----+
 *   | given | readers | sequence |OFFER| CLAIM | CLAIM | SLEEP | SLEEP | SHUT |ASYMME|FENCED|WRITE|
 *   | back  |         |          | ED  |  _W   |  _R   |  _W   |  _R   |      | TRIC |      |     |
 *   +-------+---------+----------+-----+-------+-------+-------+-------+------+-------+------+-----+
 *
 *   WRITE      a writer holds it. Once set it stays until that writer unlocks
 *   FENCED, ASYMMETRIC    readers enter rows (rows.h), in one of two ways, and are not counted here
 *   SHUT       with one of these: no longer, but some who came earlier may be in rows
 *   SLEEP_R/W  readers, writers sleep, perhaps; dropped by the release that wakes them
 *   CLAIM_R/W  with SLEEP_R/W: one of them has waited for long, or was outrun when it was woken
 *   OFFERED    the lock was released to one that claimed it: who comes now lets it go first, once
 *   sequence   changes with each SHUT, with each wake, and when all are to look again
 *   readers    how many hold the lock for reading and are counted
 *   given back how many that are in rows do not hold it any more: another thread unlocked for them
 *
 * The lock is held for reading readers + rows - given back times, and each of the three is at least
 * zero. (Rows are left by plain instructions of their owners, so that another thread cannot take
 * a slot out of one: the owner may be about to. It is counted here until a writer has the lock. Then
 * nobody is about to do anything with it, and slots that are left are cleared.)
 *
 *   from                          to                        by
 *   ----------------------------  ------------------------  ---------------------------------------
 *   no WRITE                      readers + 1               a reader, as its kind has it; drops
 *                                                           OFFERED, and CLAIM_W after it has stood
 *                                                           aside for it
 *   readers > 0                   readers - 1               an unlock by one who is in no row; one that
 *                                                           leaves no more than were given back wakes,
 *                                                           see below
 *   readers = 0, rows > given     given + 1                 the same
 *   readers > 0, COUNTED or SHUT  FENCED or ASYMMETRIC      a counted reader, now and then, unless a
 *                                                           writer waits
 *   FENCED, ASYMMETRIC            SHUT, sequence + 1        a writer
 *   ASYMMETRIC SHUT               FENCED SHUT               a writer, after a membarrier
 *   COUNTED, readers = 0          WRITE                     a writer; drops OFFERED
 *   FENCED SHUT, all three        WRITE, COUNTED, given 0   a writer that has looked through the rows
 *   add up to zero                                          since it read this very state
 *   WRITE                         no WRITE                  its unlock; wakes, see below
 *   any                           SLEEP_x, CLAIM_x          one that is about to sleep
 *   held                          SLEEP_W                   a writer that was woken in vain, and stands
 *                                                           aside: others may sleep
 *   SLEEP_x                       no SLEEP_x, sequence + 1  the unlock that frees the lock and wakes
 *   SLEEP_x, CLAIM_x              OFFERED, without them,    them: then it is for whoever comes
 *                                 sequence + 1
 *   no WRITE, SLEEP_R             no SLEEP_R, CLAIM_R,      a reader of the kind PREFER_READER that
 *                                 sequence + 1              comes in: it wakes the others
 *   any                           sequence + 1              a writer that is preferred and gives up, or
 *                                                           was woken and has to wait for rows: it wakes
 *                                                           all
 *
 *   (COUNTED is the absence of FENCED and ASYMMETRIC.) While SHUT nobody enters a row and stays, and
 *   the next time rows are entered ends with another sequence; so rows that were looked through under
 *   a state are empty still when a compare-and-swap of that state succeeds.
 *
 * Everybody sleeps on the low half, with a SLEEP bit set there. What ends a wait takes that bit away
 * and changes the sequence, so that who has not fallen asleep by then does not, even if another one has
 * set the bit again. Readers that come and go change the high half alone, and keep nobody from falling
 * asleep. Who has slept does not know whether others sleep still, and when it takes the
 * lock it sets its SLEEP bit again. So whenever a thread sleeps, its bit is set, or one that was woken
 * is on its way to set it.
 */
#ifndef FURWOCK_RWLOCK_WORD_H
#define FURWOCK_RWLOCK_WORD_H

#include "../layout.h"
#include "kind.h"
#include <arch_atomic.h>

#define WRITE 0x001ul
#define FENCED 0x002ul
#define ASYMMETRIC 0x004ul
#define SHUT 0x008ul
#define SLEEP_R 0x010ul
#define SLEEP_W 0x020ul
#define CLAIM_R 0x040ul
#define CLAIM_W 0x080ul
#define OFFERED 0x100ul
#define ONE_LATER 0x200ul
#define LATER 0xfffffe00ul
#define READER (1ul << 32)
#define GIVEN (1ul << 52)
#define MAX_READERS 0xffffful

#define IN_ROWS (FENCED | ASYMMETRIC)
#define ASLEEP (SLEEP_R | SLEEP_W)
#define CLAIMS (CLAIM_R | CLAIM_W)

static inline unsigned long readers_of(uint64_t state)
{
    return state >> 32 & MAX_READERS;
}

static inline unsigned long given_of(uint64_t state)
{
    return state >> 52;
}

/* Do readers enter rows? */
static inline bool is_visible(uint64_t state)
{
    return (state & IN_ROWS) && !(state & SHUT);
}

static inline uint64_t later(uint64_t state)
{
    return (state & ~LATER) | ((state + ONE_LATER) & LATER);
}

static inline uint64_t state_of(const struct rwlock *rwlock)
{
    return arch_load64_acquire(&rwlock->state);
}

static inline bool transition(struct rwlock *rwlock, uint64_t *state, uint64_t next)
{
    return arch_cas64_fetch(&rwlock->state, state, next);
}

static inline const uint32_t *sleep_word(const struct rwlock *rwlock)
{
    const uint32_t *halves = (const uint32_t *)&rwlock->state;
    return &halves[__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__];
}

/* Classes of sleepers. */
enum { READERS = 1, WRITERS = 2 };

#endif
