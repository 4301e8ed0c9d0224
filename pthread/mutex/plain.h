/*
 * The word of plain mutexes: private ones, and process-shared normal ones, neither robust nor
 * priority-inheriting. plain.c and bias.c have the operations.
 *
 *      +------+     lock      +------+    a waiter    +-----------+  an old   +---------+
 *      | FREE | ------------> | HELD | -------------> | CONTENDED |  waiter   | CLAIMED |
 *      |      | <------------ |      |                |           | --------> |         |
 *      +------+    unlock     +------+                |           | <-------- |         |
 *        |  ^                                         |           | deadline  +---------+
 *        |  +---------- unlock, then wake one --------+-----------+             unlock, |
 *        +------------- lock by one that has waited ------^  ^                 wake one |
 *                                                            |     +--------+           |
 *                               one that has waited takes it +---- | PASSED | <---------+
 *                                                                  +--------+
 *
 *   HELD       held, and nobody sleeps
 *   CONTENDED  held, and somebody may sleep
 *   CLAIMED    the same, and one that has waited for long wants it next
 *   PASSED     not held: for one of those who have slept
 *
 *   A thread that has slept takes the word with CONTENDED, because it cannot know whether it was the
 *   last sleeper. So whenever a thread sleeps, the word is CONTENDED, CLAIMED or PASSED, or a thread
 *   woken by an unlock is on its way to make it CONTENDED. Recursive and errorcheck mutexes record
 *   the owner's id beside the word.
 *
 *   A free mutex is for whoever comes first, mostly a thread that runs: so most threads find it free
 *   most of the time, and nobody waits for a sleeper to arrive. But a thread that has waited for a
 *   millisecond, and slept, claims it: the unlock then passes it on to those who have slept. The
 *   claim's other bits are the fork generation: in a child there is nobody who made it. One who has
 *   claimed does not give up without taking the claim back or the mutex with it. Process-shared ones
 *   are not claimed, since the claimant may be killed.
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
    PASSED = 6,
    STATE = 7,
    GENERATION_SHIFT = 3,
};

static inline bool is_biased(uint32_t word)
{
    return word == BIASED_FREE || word == BIASED_HELD;
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
