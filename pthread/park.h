/*
 * Waiting and waking: every thread that Furwock makes wait, waits here, on a futex word; every
 * thread that it makes run, runs from here. Nothing else calls the kernel's futex.
 *
 * Words are passed by address, and the kernel alone reads them: a wake, and the comparison that
 * precedes a sleep, are safe on memory that its owner has freed meanwhile.
 */
#ifndef FURWOCK_PARK_H
#define FURWOCK_PARK_H

#include <arch_atomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Whose sleepers a futex call reaches: this process's, or everyone's who maps the memory. */
enum scope { PRIVATE, SHARED };

/* Sleepers of one word may be told apart by class: a wake names the classes it reaches. */
#define ANY 0xffffffffu
#define EVERYONE 0x7fffffff

/* An absolute time on a clock; a null pointer to one means for ever. */
struct deadline {
    clockid_t clock;
    const struct timespec *time;
};

/* 0 for a clock that can be waited on, else EINVAL. */
int deadline_clock(clockid_t clock);
/* 0 for a well-formed time (or none), else EINVAL: for callers about to wait. */
int deadline_check(const struct deadline *deadline);

/*
 * The deadline, or so many nanoseconds from now, less than a second, if that is sooner; `then` keeps
 * the time. True if it is the deadline, and so if a sandbox does not tell the time.
 */
bool deadline_within(const struct deadline *deadline, long nanoseconds, struct deadline *sooner,
                     struct timespec *then);

/*
 * Sleep while *word is `expected`. Returns 0 when woken; EAGAIN when *word had another value (or
 * its memory is gone); EINTR when a signal handler ran; ETIMEDOUT; EINVAL for an ill-formed time.
 */
int park(const uint32_t *word, uint32_t expected, const struct deadline *deadline, enum scope scope,
         uint32_t classes);

/*
 * The same as a cancellation point: a cancelled thread runs `cancelled(argument)` and goes on to
 * its cleanup handlers, and does not come back. Cancellation is deferred outside of this call.
 */
int park_cancellable(const uint32_t *word, uint32_t expected, const struct deadline *deadline,
                     enum scope scope, void (*cancelled)(void *), void *argument);

/* Wake up to `count` sleepers of the given classes. Returns how many there were. */
int unpark(const uint32_t *word, int count, enum scope scope, uint32_t classes);

/*
 * Wake `count` sleepers of `word` and move the others to sleep on `target`; if *word is not
 * `expected`, wake them all. Private words only.
 */
void unpark_some_move_rest(const uint32_t *word, uint32_t expected, int count,
                           const uint32_t *target);

/*
 * Sleep in this process while *word is `expected`, but for so many nanoseconds at most, less than a
 * second: for when no wake is certain to come. 0 also when that time is over; EAGAIN as park;
 * ETIMEDOUT and EINVAL are the deadline's.
 */
int nap(const uint32_t *word, uint32_t expected, long nanoseconds, const struct deadline *deadline);

/* park, but for so many nanoseconds at most, less than a second: PARK_OVER when that time is over. */
enum { PARK_OVER = -1 };
int park_for(const uint32_t *word, uint32_t expected, long nanoseconds,
             const struct deadline *deadline, enum scope scope, uint32_t classes);

/* Are there sleepers on `word`? False where the kernel cannot tell. */
bool parked(const uint32_t *word, enum scope scope);

/* Words that the kernel owns: priority inheritance (mutex.c). 0 or an errno value. */
int park_lock_pi(uint32_t *word, const struct deadline *deadline, enum scope scope);
int park_trylock_pi(uint32_t *word, enum scope scope);
int park_unlock_pi(uint32_t *word, enum scope scope);
/* The caller's tid, by which the kernel would lock such a word; 0 if it has none of this. */
uint32_t park_tid(void);

/* Is *word still `expected`, as the kernel sees it? False if its memory is gone. */
bool parked_unchanged(const uint32_t *word, uint32_t expected, enum scope scope);

#endif
