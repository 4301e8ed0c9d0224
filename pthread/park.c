/* Waiting and waking: park.h has the contract. */
#include "park.h"
#include "compiler.h"
#include "host.h"

#include <arch_syscall.h>
#include <errno.h>
#include <sys/syscall.h>

/* futex(2), from the kernel's interface. */
enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_LOCK_PI = 6,
    FUTEX_UNLOCK_PI = 7,
    FUTEX_TRYLOCK_PI = 8,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_LOCK_PI2 = 13,
    FUTEX_PRIVATE_FLAG = 128,
    FUTEX_CLOCK_REALTIME = 256,
};

static int scoped(int operation, enum scope scope)
{
    return scope == PRIVATE ? operation | FUTEX_PRIVATE_FLAG : operation;
}

static inline long futex(const uint32_t *word, int operation, enum scope scope, uint32_t value,
                         const void *time_or_count, const void *word2, uint32_t value3)
{
    return arch_syscall(SYS_futex, (long)word, scoped(operation, scope), value, (long)time_or_count,
                        (long)word2, value3);
}

int deadline_clock(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC ? 0 : EINVAL;
}

int deadline_check(const struct deadline *deadline)
{
    if (deadline && (uint64_t)deadline->time->tv_nsec >= 1000000000)
        return EINVAL;
    return 0;
}

/* The kernel takes no time before the epoch; the epoch has passed as well. */
static const struct timespec *kernel_time(const struct deadline *deadline)
{
    static const struct timespec epoch;
    if (!deadline)
        return NULL;
    return deadline->time->tv_sec < 0 ? &epoch : deadline->time;
}

static int clock_flag(const struct deadline *deadline)
{
    return deadline && deadline->clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0;
}

/* In place of a clock: the time counts from the call on. */
enum { FROM_NOW = -1 };

/*
 * The first futex operations are the ones that tracing tools know. They do where there is no class and
 * no deadline: FUTEX_WAIT's time is relative.
 */
static int wait_operation(const struct deadline *deadline, uint32_t classes)
{
    if (deadline && deadline->clock == FROM_NOW)
        return FUTEX_WAIT;
    return deadline || classes != ANY ? FUTEX_WAIT_BITSET | clock_flag(deadline) : FUTEX_WAIT;
}

static int outcome(long result)
{
    return result == 0 || result == -EINTR || result == -ETIMEDOUT ? -result : EAGAIN;
}

int park(const uint32_t *word, uint32_t expected, const struct deadline *deadline, enum scope scope,
         uint32_t classes)
{
    if (unlikely(deadline_check(deadline)))
        return EINVAL;
    return outcome(futex(word, wait_operation(deadline, classes), scope, expected,
                         kernel_time(deadline), NULL, classes));
}

enum { SECOND = 1000 * 1000 * 1000 };

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/*
 * Where a sandbox refuses the clock the times cannot be compared, but the kernel counts from now on,
 * though for all classes of sleepers.
 */
bool deadline_within(const struct deadline *deadline, long nanoseconds, struct deadline *sooner,
                     struct timespec *then)
{
    clockid_t clock = deadline ? deadline->clock : CLOCK_MONOTONIC;
    *then = (struct timespec){0, 0};
    if (unlikely(arch_syscall(SYS_clock_gettime, clock, (long)then, 0, 0, 0, 0) != 0))
        clock = FROM_NOW;
    *sooner = (struct deadline){clock, then};
    then->tv_nsec += nanoseconds;
    if (then->tv_nsec >= SECOND) {
        then->tv_nsec -= SECOND;
        then->tv_sec++;
    }
    if (!deadline || (clock != FROM_NOW && is_before(then, deadline->time)))
        return false;
    *sooner = *deadline;
    return true;
}

int park_for(const uint32_t *word, uint32_t expected, long nanoseconds,
             const struct deadline *deadline, enum scope scope, uint32_t classes)
{
    struct timespec then;
    struct deadline sooner;
    if (unlikely(deadline_check(deadline)))
        return EINVAL;
    bool last = deadline_within(deadline, nanoseconds, &sooner, &then);
    int error = park(word, expected, &sooner, scope, classes);
    return error == ETIMEDOUT && !last ? PARK_OVER : error;
}

int nap(const uint32_t *word, uint32_t expected, long nanoseconds, const struct deadline *deadline)
{
    struct timespec then = {0, nanoseconds};
    struct deadline from_now = {FROM_NOW, &then};
    int error = deadline ? park_for(word, expected, nanoseconds, deadline, PRIVATE, ANY)
                         : park(word, expected, &from_now, PRIVATE, ANY);
    bool over = error == PARK_OVER || error == EINTR || (error == ETIMEDOUT && !deadline);
    return over ? 0 : error;
}

int unpark(const uint32_t *word, int count, enum scope scope, uint32_t classes)
{
    int operation = classes == ANY ? FUTEX_WAKE : FUTEX_WAKE_BITSET;
    long woken = futex(word, operation, scope, count, NULL, NULL, classes);
    return woken > 0 ? woken : 0;
}

void unpark_some_move_rest(const uint32_t *word, uint32_t expected, int count,
                           const uint32_t *target)
{
    long done =
        futex(word, FUTEX_CMP_REQUEUE, PRIVATE, count, (void *)(long)EVERYONE, target, expected);
    if (unlikely(done < 0))
        unpark(word, EVERYONE, PRIVATE, ANY);
}

/* Moving the sleepers of a word to where they are counts them. */
bool parked(const uint32_t *word, enum scope scope)
{
    long count = futex(word, FUTEX_REQUEUE, scope, 0, (void *)(long)EVERYONE, word, 0);
    /* those who wait for a priority-inheriting word refuse to be moved like this */
    return count > 0 || count == -EINVAL;
}

/* Priority inheritance. The kernel reads and writes these words itself. */

/* Older kernels wait for such a word on CLOCK_REALTIME only: the same moment on that clock. */
static struct timespec as_realtime(const struct timespec *monotonic)
{
    const time_t far = (time_t)1 << 40;
    struct timespec mono = {0}, real = {0}, then = *monotonic;
    if (then.tv_sec > far)
        then.tv_sec = far;
    arch_syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&mono, 0, 0, 0, 0);
    arch_syscall(SYS_clock_gettime, CLOCK_REALTIME, (long)&real, 0, 0, 0, 0);
    then.tv_sec += real.tv_sec - mono.tv_sec;
    then.tv_nsec += real.tv_nsec - mono.tv_nsec;
    if (then.tv_nsec < 0) {
        then.tv_nsec += 1000000000;
        then.tv_sec--;
    } else if (then.tv_nsec >= 1000000000) {
        then.tv_nsec -= 1000000000;
        then.tv_sec++;
    }
    return then;
}

static long lock_pi_once(uint32_t *word, const struct deadline *deadline, enum scope scope)
{
    const struct timespec *time = kernel_time(deadline);
    if (!deadline || deadline->clock == CLOCK_REALTIME)
        return futex(word, FUTEX_LOCK_PI, scope, 0, time, NULL, 0);
    long result = futex(word, FUTEX_LOCK_PI2, scope, 0, time, NULL, 0);
    /* a sandbox may refuse what it does not know by EPERM; if it was about the word it comes again */
    if (result != -ENOSYS && result != -EPERM)
        return result;
    struct timespec real = as_realtime(time);
    return futex(word, FUTEX_LOCK_PI, scope, 0, &real, NULL, 0);
}

int park_lock_pi(uint32_t *word, const struct deadline *deadline, enum scope scope)
{
    if (unlikely(deadline_check(deadline)))
        return EINVAL;
    long result;
    do
        result = lock_pi_once(word, deadline, scope);
    while (result == -EAGAIN || result == -EINTR);
    return -result;
}

int park_trylock_pi(uint32_t *word, enum scope scope)
{
    return -futex(word, FUTEX_TRYLOCK_PI, scope, 0, NULL, NULL, 0);
}

int park_unlock_pi(uint32_t *word, enum scope scope)
{
    long result;
    do
        result = futex(word, FUTEX_UNLOCK_PI, scope, 0, NULL, NULL, 0);
    while (result == -EAGAIN || result == -EINTR);
    return -result;
}

/* What it locks for nobody to wait for, it does not remember. */
uint32_t park_tid(void)
{
    uint32_t word = 0;
    return park_trylock_pi(&word, PRIVATE) == 0 ? arch_load_relaxed(&word) : 0;
}

/* Moving no sleeper compares the word. Where the kernel cannot compare, nobody was ever moved. */
bool parked_unchanged(const uint32_t *word, uint32_t expected, enum scope scope)
{
    static const uint32_t nowhere;
    long result = futex(word, FUTEX_CMP_REQUEUE, scope, 0, NULL, &nowhere, expected);
    return result == 0 || result == -ENOSYS;
}

/* Cancellation points. */

struct wait_closure {
    const uint32_t *word;
    uint32_t expected;
    const struct deadline *deadline;
    enum scope scope;
};

/* Make the call by `call`, if that is not null. */
static int wait_plain(void *argument, system_call *call)
{
    const struct wait_closure *c = argument;
    if (deadline_check(c->deadline))
        return EINVAL;
    return outcome((call ? call : arch_syscall)(
        SYS_futex, (long)c->word, scoped(wait_operation(c->deadline, ANY), c->scope), c->expected,
        (long)kernel_time(c->deadline), 0, ANY));
}

int park_cancellable(const uint32_t *word, uint32_t expected, const struct deadline *deadline,
                     enum scope scope, void (*cancelled)(void *), void *argument)
{
    struct wait_closure c = {word, expected, deadline, scope};
    return host_wait_cancellable(wait_plain, &c, cancelled, argument);
}
