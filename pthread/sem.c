/*
 * Semaphores.
 *
 *      31       30                  0
 *      +--------+-------------------+
 *      | ASLEEP |       value       |   word
 *      +--------+-------------------+
 *
 *   post   adds one; if ASLEEP is set, wakes one sleeper. It keeps the bit, so that the next post
 *          wakes another and does not depend on the first one's running. A thread whose post has woken
 *          nobody asks the kernel before the next one whether anybody sleeps, and now and then before
 *          one of another semaphore (self.h); if not, that post clears the bit and wakes everyone who
 *          came meanwhile.
 *   wait   takes one; if there is none, sets ASLEEP and sleeps on the word.
 *
 * So whenever a thread sleeps, either ASLEEP is set or the post that has cleared it is about to wake
 * everyone. One that times out or is interrupted was not woken; one that is cancelled may have been,
 * and wakes another one if there is a permit. The addition is post's last touch, and the subtraction wait's: the wake
 * goes by address.
 *
 * post is async-signal-safe. libc's sem_open may have made the semaphore, so only a third value of
 * `shared`, which no libc writes, says that it is private to the process, and a fourth that it is one
 * of undo.c's: its word is ASLEEP for good, so that every fast path fails.
 */
#include "checked.h"
#include "host.h"
#include "layout.h"
#include "self.h"
#include "spinning.h"
#include "undo.h"

#include <errno.h>
#include <limits.h>

#define ASLEEP 0x80000000u
#define VALUE 0x7fffffffu
/* "priv" */
#define IS_PRIVATE 0x70726976u

static enum scope scope_of(const struct semaphore *sem)
{
    return arch_load_relaxed(&sem->shared) == IS_PRIVATE ? PRIVATE : SHARED;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static int outcome(int error)
{
    return error ? fail(error) : 0;
}

/* Change the word, by plain instructions where no other thread can see it. */
static inline bool change(struct semaphore *sem, uint32_t word, uint32_t next)
{
    bool unseen = alone() && arch_load_relaxed(&sem->shared) == IS_PRIVATE;
    return unseen ? arch_cas_alone(&sem->word, word, next) : arch_cas(&sem->word, word, next);
}

static COLD bool take_slow(struct semaphore *sem)
{
    uint32_t word;
    while ((word = arch_load_relaxed(&sem->word)) & VALUE)
        if (change(sem, word, word - 1))
            return true;
    return false;
}

static inline bool take(struct semaphore *sem)
{
    uint32_t word = arch_load_relaxed(&sem->word);
    if (likely(word & VALUE) && likely(change(sem, word, word - 1)))
        return true;
    return take_slow(sem);
}

static void cancelled_wait(void *argument)
{
    struct semaphore *sem = argument;
    if (arch_load_relaxed(&sem->word) & VALUE)
        unpark(&sem->word, 1, scope_of(sem), ANY);
}

/*
 * Taking is the last touch: whoever sees that the permit is gone may destroy the semaphore. So the
 * spin is a success when it sees a permit, and one more is reported, a failure, if others took that.
 */
static bool spin_for_value(struct semaphore *sem)
{
    struct spin spin;
    if (!spin_wanted(&spin, &sem->hints))
        return false;
    bool seen = false;
    do {
        if (!(arch_load_relaxed(&sem->word) & VALUE))
            continue;
        if (!seen)
            spin_report(&spin, seen = true);
        if (take(sem))
            return true;
    } while (spin_goes_on(&spin));
    spin_report(&spin, false);
    return false;
}

static int wait_deferred(struct semaphore *sem, const struct deadline *deadline)
{
    enum scope scope = scope_of(sem);
    if (spin_for_value(sem))
        return 0;
    for (;;) {
        if (take(sem))
            return 0;
        uint32_t word = arch_load_relaxed(&sem->word);
        if (word & VALUE)
            continue;
        if (word == 0 && !arch_cas(&sem->word, 0, ASLEEP))
            continue;
        int error = park_cancellable(&sem->word, ASLEEP, deadline, scope, cancelled_wait, sem);
        if (error == ETIMEDOUT || error == EINTR || error == EINVAL)
            return fail(error);
    }
}

static COLD int wait_slow(struct semaphore *sem, const struct deadline *deadline)
{
    bool undo = undo_is(sem);
    if (!undo && deadline_check(deadline))
        return fail(EINVAL);
    int type = host_defer_cancel();
    int result = undo ? outcome(undo_wait(sem, deadline)) : wait_deferred(sem, deadline);
    host_restore_cancel(type);
    return result;
}

PUBLIC int sem_wait(sem_t *object)
{
    struct semaphore *sem = (struct semaphore *)object;
    host_test_cancel();
    return checked_after(sem, likely(take(sem)) ? 0 : wait_slow(sem, NULL));
}

PUBLIC int sem_clockwait(sem_t *object, clockid_t clock, const struct timespec *time)
{
    struct semaphore *sem = (struct semaphore *)object;
    struct deadline deadline = {clock, time};
    if (deadline_clock(clock))
        return fail(EINVAL);
    host_test_cancel();
    return checked_after(sem, take(sem) ? 0 : wait_slow(sem, &deadline));
}

PUBLIC int sem_timedwait(sem_t *object, const struct timespec *time)
{
    return sem_clockwait(object, CLOCK_REALTIME, time);
}

static COLD int try_slow(struct semaphore *sem)
{
    return undo_is(sem) ? outcome(undo_try(sem)) : fail(EAGAIN);
}

PUBLIC int sem_trywait(sem_t *object)
{
    struct semaphore *sem = (struct semaphore *)object;
    return checked_after(sem, take(sem) ? 0 : try_slow(sem));
}

static COLD int post_slow(struct semaphore *sem)
{
    enum scope scope = scope_of(sem);
    uint32_t word, keep;
    if (undo_is(sem))
        return outcome(undo_post(sem));
    bool stale = (arch_load_relaxed(&sem->word) & ASLEEP) && self_doubts(sem);
    bool nobody = stale && !parked(&sem->word, scope);
    do {
        word = arch_load_relaxed(&sem->word);
        if ((word & VALUE) == SEM_VALUE_MAX)
            return fail(EOVERFLOW);
        keep = nobody ? 0 : word & ASLEEP;
    } while (!change(sem, word, ((word & VALUE) + 1) | keep));
    int woken = 1;
    if (word & ASLEEP)
        woken = unpark(&sem->word, keep ? 1 : EVERYONE, scope, ANY);
    if (woken == 0 && keep)
        self.woke_nobody = sem;
    return 0;
}

PUBLIC int sem_post(sem_t *object)
{
    struct semaphore *sem = (struct semaphore *)object;
    uint32_t word = arch_load_relaxed(&sem->word);
    checked_before(sem);
    /* neither asleep nor full */
    if (likely(word < SEM_VALUE_MAX) && likely(change(sem, word, word + 1)))
        return 0;
    return post_slow(sem);
}

PUBLIC int sem_getvalue(sem_t *restrict object, int *restrict value)
{
    const struct semaphore *sem = (struct semaphore *)object;
    *value = undo_is(sem) ? undo_value(sem) : arch_load_relaxed(&sem->word) & VALUE;
    return 0;
}

PUBLIC int sem_init(sem_t *object, int shared, unsigned value)
{
    if (value > SEM_VALUE_MAX)
        return fail(EINVAL);
    struct semaphore *sem = (struct semaphore *)object;
    *sem = (struct semaphore){.word = value, .shared = shared ? 0 : IS_PRIVATE};
    return 0;
}

PUBLIC int sem_init_undo_np(sem_t *object, unsigned value)
{
    return outcome(undo_init(object, value));
}

/* With threads asleep it is undefined; it refuses, and they go on sleeping. */
PUBLIC int sem_destroy(sem_t *object)
{
    struct semaphore *sem = (struct semaphore *)object;
    if (!sem)
        return 0;
    bool asleep = arch_load_relaxed(&sem->word) & ASLEEP;
    asleep = asleep && (undo_is(sem) ? undo_parked(sem) : parked(&sem->word, scope_of(sem)));
    return checked_gone(sem, sizeof *sem, asleep ? fail(EBUSY) : 0);
}
