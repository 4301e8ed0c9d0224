/* Waiting and waking: park.h has the contract. */
#include "park.h"
#include "host.h"
#include "self.h"

#include <arch_syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

/* futex(2), from the kernel's interface. */
enum {
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_LOCK_PI = 6,
    FUTEX_UNLOCK_PI = 7,
    FUTEX_TRYLOCK_PI = 8,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_WAIT_REQUEUE_PI = 11,
    FUTEX_CMP_REQUEUE_PI = 12,
    FUTEX_LOCK_PI2 = 13,
    FUTEX_PRIVATE_FLAG = 128,
    FUTEX_CLOCK_REALTIME = 256,
};

/* `call` makes the system call, if it is not null. */
static inline long futex_by(system_call *call, const uint32_t *word, int operation,
                            enum scope scope, uint32_t value, const void *time_or_count,
                            const void *word2, uint32_t value3)
{
    if (scope == PRIVATE)
        operation |= FUTEX_PRIVATE_FLAG;
    return (call ? call : arch_syscall)(SYS_futex, (long)word, operation, value,
                                        (long)time_or_count, (long)word2, value3);
}

static long futex(const uint32_t *word, int operation, enum scope scope, uint32_t value,
                  const void *time_or_count, const void *word2, uint32_t value3)
{
    return futex_by(NULL, word, operation, scope, value, time_or_count, word2, value3);
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

static inline int park_by(system_call *call, const uint32_t *word, uint32_t expected,
                          const struct deadline *deadline, enum scope scope, uint32_t classes)
{
    if (unlikely(deadline_check(deadline)))
        return EINVAL;
    long result = futex_by(call, word, FUTEX_WAIT_BITSET | clock_flag(deadline), scope, expected,
                           kernel_time(deadline), NULL, classes);
    switch (result) {
    case 0:
    case -EINTR:
    case -ETIMEDOUT:
        return -result;
    default:
        return EAGAIN;
    }
}

int park(const uint32_t *word, uint32_t expected, const struct deadline *deadline, enum scope scope,
         uint32_t classes)
{
    return park_by(NULL, word, expected, deadline, scope, classes);
}

enum { ASIDE = 60 * 1000, ASIDE_MOST = 32, SECOND = 1000 * 1000 * 1000 };

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

int nap(const uint32_t *word, uint32_t expected, long nanoseconds, const struct deadline *deadline)
{
    struct timespec then = {0};
    struct deadline over = {deadline ? deadline->clock : CLOCK_MONOTONIC, &then};
    if (unlikely(deadline_check(deadline)))
        return EINVAL;
    arch_syscall(SYS_clock_gettime, over.clock, (long)&then, 0, 0, 0, 0);
    then.tv_nsec += nanoseconds;
    if (then.tv_nsec >= SECOND) {
        then.tv_nsec -= SECOND;
        then.tv_sec++;
    }
    if (!deadline || is_before(&then, deadline->time)) {
        park(word, expected, &over, PRIVATE, ANY);
        return 0;
    }
    return park(word, expected, deadline, PRIVATE, ANY) == ETIMEDOUT ? ETIMEDOUT : 0;
}

void stand_aside(uint32_t *learned, enum scope scope)
{
    static const uint32_t nothing;
    /* of other processes, who may be killed meanwhile, nobody counts */
    uint32_t uncounted = 0, *aside = scope == PRIVATE ? learned : &uncounted;
    uint32_t others = arch_fetch_add(aside, ASIDE_ONE) / ASIDE_ONE;
    nap(&nothing, 0, ASIDE * (1 + (others < ASIDE_MOST ? others : ASIDE_MOST)), NULL);
    arch_fetch_add(aside, -ASIDE_ONE);
}

int unpark(const uint32_t *word, int count, enum scope scope, uint32_t classes)
{
    long woken = futex(word, FUTEX_WAKE_BITSET, scope, count, NULL, NULL, classes);
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
    /* sleepers waiting for a priority-inheriting word refuse to be moved like this */
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

bool park_has_pi(void)
{
    uint32_t word = 0;
    return park_trylock_pi(&word, PRIVATE) == 0;
}

static int park_pi_by(system_call *call, const uint32_t *word, uint32_t expected,
                      const struct deadline *deadline, const uint32_t *target)
{
    long result = futex_by(call, word, FUTEX_WAIT_REQUEUE_PI | clock_flag(deadline), PRIVATE,
                           expected, kernel_time(deadline), target, ANY);
    switch (result) {
    case 0:
    case -ENOSYS:
    case -ETIMEDOUT:
        return -result;
    default:
        return EAGAIN;
    }
}

int unpark_pi(const uint32_t *word, uint32_t expected, uint32_t *target, int others)
{
    return futex(word, FUTEX_CMP_REQUEUE_PI, PRIVATE, 1, (void *)(long)others, target, expected);
}

/* Moving no sleeper compares the word. Where the kernel cannot compare, nobody was ever moved. */
bool parked_unchanged(const uint32_t *word, uint32_t expected, enum scope scope)
{
    static const uint32_t nowhere;
    long result = futex(word, FUTEX_CMP_REQUEUE, scope, 0, NULL, &nowhere, expected);
    return result == 0 || result == -ENOSYS;
}

/* The kernel copies the word into a pipe, and refuses if there is no memory to copy from. */
bool parked_word(const uint32_t *word, uint32_t *value)
{
    int ends[2];
    if (arch_syscall(SYS_pipe2, (long)ends, O_CLOEXEC, 0, 0, 0, 0) != 0) {
        *value = arch_load_relaxed(word);
        return true;
    }
    bool read = arch_syscall(SYS_write, ends[1], (long)word, sizeof *word, 0, 0, 0) > 0 &&
                arch_syscall(SYS_read, ends[0], (long)value, sizeof *value, 0, 0, 0) > 0;
    arch_syscall(SYS_close, ends[0], 0, 0, 0, 0, 0);
    arch_syscall(SYS_close, ends[1], 0, 0, 0, 0, 0);
    return read;
}

/* Cancellation points. */

struct wait_closure {
    const uint32_t *word;
    uint32_t expected;
    const struct deadline *deadline;
    enum scope scope;
    const uint32_t *target;
};

static int wait_plain(void *argument, system_call *call)
{
    struct wait_closure *c = argument;
    return park_by(call, c->word, c->expected, c->deadline, c->scope, ANY);
}

static int wait_pi(void *argument, system_call *call)
{
    struct wait_closure *c = argument;
    return park_pi_by(call, c->word, c->expected, c->deadline, c->target);
}

int park_cancellable(const uint32_t *word, uint32_t expected, const struct deadline *deadline,
                     enum scope scope, void (*cancelled)(void *), void *argument)
{
    struct wait_closure c = {word, expected, deadline, scope, NULL};
    return host_wait_cancellable(wait_plain, &c, cancelled, argument);
}

int park_pi_cancellable(const uint32_t *word, uint32_t expected, const struct deadline *deadline,
                        const uint32_t *target, void (*cancelled)(void *), void *argument)
{
    struct wait_closure c = {word, expected, deadline, PRIVATE, target};
    return host_wait_cancellable(wait_pi, &c, cancelled, argument);
}

/*
 * Adaptive spinning.
 *
 * Whom a thread waits for runs on another processor, or does not run because the waiter does. So a
 * spin looks at the word for two microseconds, and from then on gives its processor away between two
 * looks, now and then; if somebody took it, it goes on to give it away at once, since that costs less
 * than half of a sleep and a wake. If nobody did, it tries once more before it looks for longer: the
 * scheduler may give a thread back the turn that it is owed for one given away before. It gives up
 * after 30 microseconds that it had for itself, or 16 others' turns, or when those have taken so long
 * that a sleeper would have been woken by then.
 *
 * The bound exceeds what a wake takes. Otherwise two threads that hand a token back and forth, each
 * asleep while the other is being woken, would both always give up just too early.
 *
 * The learned word holds, as an offset from its start so that zero is a new object, a credit
 * between 1 and 64 that begins at 32. While the credit is at least 16, waiters spin. A spin that
 * ends soon earns, one that is slow or fails pays: one failure at the start is enough to switch
 * spinning off. When off, one wait in 16 probes, and fewer after each failed probe, down to one in
 * 2048; a probe that succeeds switches spinning on again. A bit says that it was others' turns which
 * brought success: then there is nothing to look at before. The word is a hint: updates may be lost.
 * An object without a history goes by that of the thread, which learns in the same way from all the
 * objects it waits for: programs exist that make a new semaphore for every wait.
 */
enum {
    CREDIT_START = 32,
    CREDIT_ON = 16,
    CREDIT_MAX = 64,
    CREDIT_BITS = 0xff,
    INTERVAL_SHIFT = 8,
    INTERVAL_BITS = 7,
    INTERVAL_FIRST = 4,
    INTERVAL_LAST = 11,
    CROWDED = 1 << 11,
    LEARNED_BITS = SPIN_OTHER_BIT - 1,
    SOON = 4 * ARCH_TICKS_PER_US,
    SOON_TURNS = 3,
    /* between two looks at the clock nothing but preemption takes this long */
    JUMP = 5 * ARCH_TICKS_PER_US,
    LOOK = 2 * ARCH_TICKS_PER_US,
    BOUND = 30 * ARCH_TICKS_PER_US,
    /* a call that comes back at once is shorter */
    TURN = ARCH_TICKS_PER_US * 7 / 10,
    TURNS = 16,
    EAGER = 2,
    LATE = 100 * ARCH_TICKS_PER_US,
};

static int learned_credit(uint32_t learned)
{
    return CREDIT_START + (int8_t)(learned & CREDIT_BITS);
}

static unsigned learned_interval(uint32_t learned)
{
    return INTERVAL_FIRST + (learned >> INTERVAL_SHIFT & INTERVAL_BITS);
}

static uint32_t next_random(void)
{
    return (self.random = self.random * 1664525 + 1013904223) >> 16;
}

bool spin_wanted(struct spin *spin, uint32_t *learned)
{
    uint32_t now = arch_load_relaxed(learned) & LEARNED_BITS;
    if (now == 0)
        now = self.spin;
    spin->probe = learned_credit(now) < CREDIT_ON;
    if (spin->probe && (next_random() & ((1u << learned_interval(now)) - 1)) != 0)
        return false;
    spin->learned = learned;
    spin->eager = now & CROWDED ? EAGER : 0;
    spin->turns = 0;
    spin->given = 0;
    spin->start = spin->last = spin->yielded = arch_ticks();
    return true;
}

static bool had_its_time(const struct spin *spin, uint64_t now)
{
    return now - spin->start - spin->given > BOUND;
}

/* Let others have the processor. Counts their turn, if anyone took it. */
static bool yield(struct spin *spin)
{
    arch_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
    uint64_t now = arch_ticks();
    if (now - spin->last > TURN) {
        spin->given += now - spin->last;
        spin->turns++;
        spin->eager = EAGER;
    } else if (spin->eager > 0) {
        spin->eager--;
    }
    spin->last = spin->yielded = now;
    return spin->turns < TURNS && now - spin->start < LATE && !had_its_time(spin, now);
}

bool spin_goes_on(struct spin *spin)
{
    arch_pause();
    if (spin->eager > 0 || spin->last - spin->yielded > LOOK)
        return yield(spin);
    uint64_t now = arch_ticks();
    if (now - spin->last > JUMP || had_its_time(spin, now))
        return false;
    spin->last = now;
    return true;
}

static uint32_t learn(uint32_t now, const struct spin *spin, bool success, bool soon)
{
    int credit = learned_credit(now);
    unsigned interval = learned_interval(now);
    if (!success) {
        credit = credit > 17 ? credit - 17 : 1;
        if (spin->probe && interval < INTERVAL_LAST)
            interval++;
    } else if (spin->probe) {
        credit = CREDIT_START;
        interval = INTERVAL_FIRST;
    } else if (soon) {
        credit = credit + 4 < CREDIT_MAX ? credit + 4 : CREDIT_MAX;
    } else if (credit > 1) {
        credit--;
    }
    return (uint8_t)(credit - CREDIT_START) | (interval - INTERVAL_FIRST) << INTERVAL_SHIFT |
           (spin->turns ? CROWDED : 0);
}

void spin_report(struct spin *spin, bool success)
{
    uint64_t time = arch_ticks() - spin->start;
    bool soon = spin->turns ? spin->turns <= SOON_TURNS : time < SOON;
    success = success && time < LATE;
    uint32_t word = arch_load_relaxed(spin->learned), now = word & LEARNED_BITS;
    uint32_t then = learn(now, spin, success, soon);
    if (then != now)
        arch_cas(spin->learned, word, word - now + then);
    self.spin = learn(self.spin, spin, success, soon);
}
