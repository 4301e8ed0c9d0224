/*
 * The word of plain mutexes: private ones, and process-shared normal ones, neither robust nor
 * priority-inheriting. plain.c and bias.c have the operations.
 *
 *      +------+     lock      +------+    a waiter    +-----------+  an old   +---------+
 *      | FREE | ------------> | HELD | -------------> | CONTENDED | --------> | CLAIMED |
 *      |      | <------------ |      |                |           |  waiter   |         |
 *      +------+    unlock     +------+                |           |           |         |
 *        |  ^                                         |           |           |         |
 *        |  +---------- unlock, then wake one --------+-----------+             unlock, |
 *        +------------- lock by one that has waited ------^  ^                 wake one |
 *                                                            |     +---------+          |
 *                  one that has waited, or anybody who tries +---- | OFFERED | <--------+
 *                  or has stood aside once                         +---------+
 *
 *   HELD       held, and nobody sleeps
 *   CONTENDED  held, and somebody may sleep
 *   CLAIMED    the same, and one that has waited for long wants it next
 *   OFFERED    not held: as FREE, but whoever comes stands aside once before it takes it
 *
 *   A thread that has slept takes the word with CONTENDED, because it cannot know whether it was the
 *   last sleeper. So whenever a thread sleeps, the word is CONTENDED, CLAIMED or OFFERED, or a thread
 *   woken by an unlock is on its way to make it CONTENDED. Recursive and errorcheck mutexes record
 *   the owner's id beside the word.
 *
 *   A free mutex is for whoever comes first, mostly a thread that runs: so most threads find it free
 *   most of the time, and nobody waits for a sleeper to arrive. But a thread that has waited for a
 *   millisecond claims it: the unlock then offers it to those who have waited. That is a courtesy
 *   and no assignment. If the claimant never runs again, was jumped out of its wait, has timed out,
 *   or is in the parent of a fork, then the next to come stands aside once, for a tenth of a
 *   millisecond at most, and takes the mutex; a trylock and a timed lock take it at once.
 *
 *   With FURWOCK=asymmetric a private mutex that one thread locks many times in a row is biased to
 *   it, once in its life, and costs that thread neither an atomic operation nor a fence:
 *
 *      +------+  CAS, by the holder,   +-------------+  <-- sequence --  +-------------+
 *      | HELD | ---------------------> | BIASED_HELD |                   | BIASED_FREE |
 *      |      |  after bias = its id   |             |  -- sequence -->  |             |
 *      +------+                        +-------------+                   +-------------+
 *          ^                                  |  CAS, after bias = REVOKED      |
 *          +----------------------------------+  and a membarrier               +---> FREE
 *
 *   A sequence stores the word if bias is still the thread's id and the word what it was, and is
 *   restartable, that is, aborted by the membarrier. After that none can be under way, nor succeed.
 *   The owner itself changes the two by CAS as well, when a sequence of its own was aborted. bias
 *   goes 0, id, REVOKED, and never back, so that an old sequence never finds what it looks for.
 *   Waiters go from what they have seen, by CAS: an exchange for CONTENDED would be overwritten by
 *   the store of a sequence under way. Others than the owner see a lock that is held and revoke it.
 */
#ifndef FURWOCK_MUTEX_PLAIN_H
#define FURWOCK_MUTEX_PLAIN_H

#include "bias.h"
#include "kind.h"

enum plain_state {
    FREE = 0,
    HELD = 1,
    CONTENDED = 2,
    CLAIMED = 3,
    BIASED_FREE = 4,
    BIASED_HELD = 5,
    OFFERED = 6,
};

static inline bool is_biased(uint32_t word)
{
    return word == BIASED_FREE || word == BIASED_HELD;
}

/* Held as far as the word says: one that is biased may be free all the same. */
static inline bool is_held(uint32_t word)
{
    return word == HELD || word == CONTENDED || word == CLAIMED;
}

/* A normal, private mutex whose word the fast path has not found free: 0. */
COLD int plain_lock_normal(struct mutex *mutex);
/* A word that is not simply held is released, and a sleeper woken. 0. */
COLD int plain_release_slow(struct mutex *mutex, enum scope scope);

/* 0, ETIMEDOUT, EINVAL or EBUSY. */
int plain_acquire(struct mutex *mutex, uint32_t kind, struct attempt how);

static inline void plain_release(struct mutex *mutex, enum scope scope)
{
    if (unlikely(!arch_cas(&mutex->word, HELD, FREE)))
        plain_release_slow(mutex, scope);
}

#endif
