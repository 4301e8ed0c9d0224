/*
 * Condition variables.
 *
 *      31                                   2      1         0
 *      +------------------------------------+---------+----------+
 *      |              sequence              | SPINNER | SLEEPERS |   word
 *      +------------------------------------+---------+----------+
 *
 *   wait       reads the sequence and sets SLEEPERS while it holds the mutex, unlocks, and sleeps
 *              while the word is still what it left. However it wakes, it has been unblocked.
 *   signal     if a bit is set: adds one to the sequence, then wakes one sleeper.
 *   broadcast  if a bit is set: adds one to the sequence, clears the bits, wakes a few sleepers and
 *              moves the others to the mutex's word, where each unlock wakes the next.
 *
 * Why no signal is lost. Take a thread blocked when signal is called: it has read the sequence
 * before signal's addition. Either it is not asleep yet, and the kernel, which compares the word,
 * will not put it to sleep; or it sleeps, and so the wake finds at least one sleeper. That one may
 * have come after the addition, but then it was blocked when the wake was made, within the call of
 * signal, and that is all that POSIX asks of the choice. No signal is assigned to a thread in
 * memory, so none dies with a killed process, and a thread that times out has not been woken: the
 * kernel decides which of the two it was.
 *
 * A cancelled waiter cannot know whether it was woken as well. It passes the wake on, which needs
 * only the address of the word: threads that were blocked with it are asleep, or find the sequence
 * changed.
 *
 * Once unblocked a waiter does not touch the condition variable, whose memory may be gone: SLEEPERS
 * is cleared by a signal that wakes nobody, which changes the sequence again and wakes whoever has
 * come meanwhile and found the bit set. It is a hint that costs two system calls when stale. Only
 * those who watch the word read it after their wait may have ended; they count themselves in
 * `users`, and destroy waits for them. They run, or are about to.
 *
 * The spinner is one waiter that watches the word for a while instead of sleeping at once (private
 * ones only). It sets SPINNER; a signal that finds the bit clears it and is done, since the spinner
 * sees the sequence change. The spinner gives up by exchanging SPINNER for SLEEPERS in the word,
 * which fails if the sequence has changed.
 *
 * Where the last wake was a broadcast, others watch with the spinner: they find SPINNER set, and do
 * all that it does. While they watch one of the bits is set, since whoever clears SPINNER changes
 * the sequence or sets SLEEPERS. A signal unblocks them all, which is mostly too many, and so the
 * first one has the next waiters sleep at once again.
 *
 * Waiters with a priority-inheriting mutex do not watch: they sleep, the kernel wakes the one of the
 * highest priority, and that one queues for the mutex, where it lends the owner its priority. The
 * kernel could queue it there itself (FUTEX_WAIT_REQUEUE_PI), but a sleeper of that kind can be
 * reached by nothing else, and the kernel refuses where it would close a circle of waits, as long as
 * that lasts, and where memory is short. So it would miss a signal.
 *
 * A waiter that was unblocked before it had fallen asleep must not fall asleep on what the memory
 * has become since, a new condition variable perhaps. So the sequence of each begins somewhere
 * else, chosen by the first waiter, far from those of the ones before.
 *
 * The sequence wraps after 2^30 signals that found waiters: a thread would have to be stopped
 * between reading the word and sleeping for exactly a multiple of that many.
 */
#include "checked.h"
#include "host.h"
#include "hints.h"
#include "mutex/mutex.h"
#include "spinning.h"

#include <errno.h>

enum word { SLEEPERS = 1, SPINNER = 2, SEQUENCE = 4, BITS = SLEEPERS | SPINNER };

enum { CLOCK_IS_MONOTONIC = 1, COND_SHARED = 2, KNOWN_FLAGS = 3 };

/*
 * How many sleepers a broadcast wakes instead of moving them. One would do; with a few, one is on
 * its way to the mutex while another holds it (measured: 1 is a third slower than 3).
 */
enum { WOKEN_AT_ONCE = 3 };

/* How many waiters watch the word at most: more would only stand in each other's way at the mutex. */
enum { WATCHERS = 16 };

/* In `users`: pthread_cond_destroy sleeps until the others are gone. */
#define DESTROYING 0x80000000u

static enum scope scope_of(const struct cond *cond)
{
    return arch_load_relaxed(&cond->flags) & COND_SHARED ? SHARED : PRIVATE;
}

static bool is_valid(const struct cond *cond)
{
    return (arch_load_relaxed(&cond->flags) & ~(uint32_t)KNOWN_FLAGS) == 0;
}

/* Returns how many there were before. */
static uint32_t enter(struct cond *cond)
{
    return arch_fetch_add(&cond->users, 1);
}

static void leave(struct cond *cond)
{
    if (arch_fetch_add(&cond->users, -1u) == (DESTROYING | 1))
        unpark(&cond->users, 1, PRIVATE, ANY);
}

/* Was the last wake a broadcast? */
static bool has_broadcasts(const struct cond *cond)
{
    return hints_used(&cond->hints);
}

/* Waiting. */

struct waiter {
    struct cond *cond;
    struct mutex *mutex;
    /* the recursion that was released with the mutex */
    uint32_t depth;
    enum scope scope;
    /* the cancel type of the caller */
    int cancel_type;
};

/* Where a broadcast may move sleepers that wait with this mutex, as kept in cond->mutex. */
static struct mutex *target_of(struct mutex *mutex)
{
    return kind_takes_sleepers(arch_load_relaxed(&mutex->kind)) ? mutex : NULL;
}

static bool same_sequence(uint32_t a, uint32_t b)
{
    return ((a ^ b) & ~(uint32_t)BITS) == 0;
}

/*
 * Where the sleepers of a private condition can be moved. A new place changes the sequence, so that
 * whoever wakes does not combine the former place with a word that counts this waiter in.
 */
static uint32_t set_target(struct cond *cond, void *target)
{
    if (likely(arch_load_pointer(&cond->mutex) == target))
        return 0;
    arch_store_pointer(&cond->mutex, target);
    return SEQUENCE;
}

/*
 * Where the sequence begins: within a process, successive ones are a golden section of all apart.
 */
static uint32_t first_sequence(enum scope scope)
{
    static uint32_t conditions;
    uint32_t number = arch_fetch_add(&conditions, 1);
    if (scope == SHARED)
        number += arch_ticks();
    return number * 0x9e3779b1u * SEQUENCE | SEQUENCE;
}

/* Set `bit` in the word, and add `step`; returns the word with it. */
static uint32_t announce(struct cond *cond, uint32_t bit, uint32_t step)
{
    uint32_t word = arch_load_relaxed(&cond->word);
    while ((!(word & bit) || step) && !arch_cas_fetch(&cond->word, &word, (word | bit) + step))
        ;
    return (word | bit) + step;
}

/*
 * Become the spinner if there is none, or watch with it where broadcasts are expected. On success
 * *word is the word since then.
 */
static bool announce_watcher(struct cond *cond, uint32_t step, uint32_t *word)
{
    bool room = enter(cond) < WATCHERS;
    *word = arch_load_relaxed(&cond->word);
    while (room && (!(*word & SPINNER) || has_broadcasts(cond))) {
        uint32_t next = (*word | SPINNER) + step;
        if (next == *word || arch_cas_fetch(&cond->word, word, next)) {
            *word = next;
            return true;
        }
    }
    leave(cond);
    return false;
}

/* Watch the word. True if signalled; else *word is the word under which to sleep. */
static bool watch_for_signal(struct cond *cond, struct spin *spin, uint32_t *word)
{
    uint32_t now;
    bool signalled;
    do {
        now = arch_load_acquire(&cond->word);
        signalled = !same_sequence(now, *word);
    } while (!signalled && spin_goes_on(spin));
    spin_report(spin, signalled);
    while (!signalled) {
        uint32_t asleep = (now & ~(uint32_t)SPINNER) | SLEEPERS;
        if (arch_cas_fetch(&cond->word, &now, asleep)) {
            *word = asleep;
            break;
        }
        signalled = !same_sequence(now, *word);
    }
    leave(cond);
    return signalled;
}

static void cancelled_wait(void *argument)
{
    struct waiter *waiter = argument;
    unpark(&waiter->cond->word, 1, waiter->scope, ANY);
    mutex_reacquire(waiter->mutex, waiter->depth, OTHERS_MOVED);
    host_restore_cancel(waiter->cancel_type);
}

static int wait_asleep(struct waiter *waiter, uint32_t word, const struct deadline *deadline)
{
    int result = park_cancellable(&waiter->cond->word, word, deadline, waiter->scope,
                                  cancelled_wait, waiter);
    /*
     * A sleeper that a broadcast has moved to the mutex can still time out there. It was unblocked
     * if the sequence has changed. Interrupted is a wakeup without cause: to sleep again would need
     * the word's memory alive.
     */
    bool late = result == ETIMEDOUT && parked_unchanged(&waiter->cond->word, word, waiter->scope);
    return late ? ETIMEDOUT : 0;
}

static int wait_on(struct cond *cond, struct mutex *mutex, const struct deadline *deadline)
{
    int error = is_valid(cond) ? mutex_check_held(mutex) : EINVAL;
    if (!error)
        error = deadline_check(deadline);
    if (error)
        return error;
    host_test_cancel();
    struct waiter waiter = {.cond = cond, .mutex = mutex, .scope = scope_of(cond)};
    waiter.cancel_type = host_defer_cancel();

    struct spin spin;
    uint32_t word, step = 0;
    bool watches = false;
    if (unlikely(same_sequence(arch_load_relaxed(&cond->word), 0)))
        step = first_sequence(waiter.scope);
    if (waiter.scope == PRIVATE) {
        step += set_target(cond, target_of(mutex));
        if (!mutex_inherits(mutex) && spin_wanted(&spin, &cond->hints))
            watches = announce_watcher(cond, step, &word);
    }
    if (!watches)
        word = announce(cond, SLEEPERS, step);
    waiter.depth = mutex_release(mutex);

    enum reacquire others = NOBODY_MOVED;
    if (!watches || !watch_for_signal(cond, &spin, &word)) {
        error = wait_asleep(&waiter, word, deadline);
        others = OTHERS_MOVED;
    }
    int relocked = mutex_reacquire(mutex, waiter.depth, others);
    error = relocked ? relocked : error;
    host_restore_cancel(waiter.cancel_type);
    return error;
}

/* Waking. */

/*
 * Add one to the sequence and clear `bits`. Returns the word from before, with *target as it was
 * then; zero if there was no bit, and nothing to do.
 */
static uint32_t advance(struct cond *cond, uint32_t bits, struct mutex **target)
{
    for (;;) {
        uint32_t word = arch_load_acquire(&cond->word);
        if (!(word & BITS))
            return 0;
        *target = arch_load_pointer(&cond->mutex);
        if (arch_cas(&cond->word, word, (word + SEQUENCE) & ~bits))
            return word;
    }
}

/* Wake up to `count` sleepers. */
static int wake(struct cond *cond, int count)
{
    return unpark(&cond->word, count, scope_of(cond), ANY);
}

static COLD void signal_waiters(struct cond *cond)
{
    struct mutex *target;
    hints_clear_used(&cond->hints);
    uint32_t before = advance(cond, SPINNER, &target);
    if (!before || (before & SPINNER))
        return;
    /*
     * Whoever has relied on the bit since: if asleep, it wakes without cause; if not yet, it must
     * not fall asleep when the bit is set again, so the sequence changes once more.
     */
    uint32_t now = before + SEQUENCE, clear = (now + SEQUENCE) & ~(uint32_t)SLEEPERS;
    if (wake(cond, 1) == 0 && arch_cas(&cond->word, now, clear))
        wake(cond, EVERYONE);
}

static COLD void broadcast_waiters(struct cond *cond)
{
    struct mutex *target;
    hints_set_used(&cond->hints);
    uint32_t before = advance(cond, BITS, &target);
    if (!(before & SLEEPERS))
        return;
    /* whoever has come since may wait with another mutex: then none are moved */
    uint32_t now = (before + SEQUENCE) & ~(uint32_t)BITS;
    if (scope_of(cond) == PRIVATE && target)
        unpark_some_move_rest(&cond->word, now, WOKEN_AT_ONCE, &target->word);
    else
        wake(cond, EVERYONE);
}

PUBLIC int pthread_cond_signal(pthread_cond_t *object)
{
    struct cond *cond = (struct cond *)object;
    if (unlikely(arch_load_relaxed(&cond->word) & BITS))
        signal_waiters(cond);
    return 0;
}

PUBLIC int pthread_cond_broadcast(pthread_cond_t *object)
{
    struct cond *cond = (struct cond *)object;
    if (unlikely(arch_load_relaxed(&cond->word) & BITS))
        broadcast_waiters(cond);
    return 0;
}

PUBLIC int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return wait_on((struct cond *)cond, (struct mutex *)mutex, NULL);
}

PUBLIC int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                                  const struct timespec *time)
{
    struct deadline deadline = {clock, time};
    int error = deadline_clock(clock);
    return error ? error : wait_on((struct cond *)cond, (struct mutex *)mutex, &deadline);
}

PUBLIC int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *time)
{
    uint32_t flags = arch_load_relaxed(&((struct cond *)cond)->flags);
    clockid_t clock = flags & CLOCK_IS_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    return pthread_cond_clockwait(cond, mutex, clock, time);
}

PUBLIC int pthread_cond_init(pthread_cond_t *object, const pthread_condattr_t *attributes)
{
    struct cond *cond = (struct cond *)object;
    uint32_t flags = attributes ? *(const uint32_t *)attributes : 0;
    if (flags & ~(uint32_t)KNOWN_FLAGS)
        return EINVAL;
    *cond = (struct cond){.flags = flags};
    return 0;
}

PUBLIC int pthread_cond_destroy(pthread_cond_t *object)
{
    struct cond *cond = (struct cond *)object;
    if (!is_valid(cond))
        return EINVAL;
    uint32_t word = arch_load_acquire(&cond->word);
    if ((word & SPINNER) || ((word & SLEEPERS) && parked(&cond->word, scope_of(cond))))
        return EBUSY;
    for (;;) {
        uint32_t users = arch_load_acquire(&cond->users);
        if ((users & ~DESTROYING) == 0)
            break;
        if ((users & DESTROYING) || arch_cas(&cond->users, users, users | DESTROYING))
            park(&cond->users, users | DESTROYING, NULL, PRIVATE, ANY);
    }
    arch_store_relaxed(&cond->flags, DESTROYED);
    return checked_gone(cond, sizeof *cond, 0);
}

/* Attributes: the flags of the condition variable that will be made from them. */

static int set_flag(pthread_condattr_t *attributes, uint32_t flag, bool on, bool bad)
{
    uint32_t *flags = (uint32_t *)attributes;
    if (bad || (*flags & ~(uint32_t)KNOWN_FLAGS))
        return EINVAL;
    *flags = on ? *flags | flag : *flags & ~flag;
    return 0;
}

static int get_flag(const pthread_condattr_t *attributes, uint32_t flag, bool *on)
{
    uint32_t flags = *(const uint32_t *)attributes;
    *on = flags & flag;
    return flags & ~(uint32_t)KNOWN_FLAGS ? EINVAL : 0;
}

PUBLIC int pthread_condattr_init(pthread_condattr_t *attributes)
{
    *(uint32_t *)attributes = 0;
    return 0;
}

PUBLIC int pthread_condattr_destroy(pthread_condattr_t *attributes)
{
    *(uint32_t *)attributes = DESTROYED;
    return 0;
}

PUBLIC int pthread_condattr_setclock(pthread_condattr_t *attributes, clockid_t clock)
{
    return set_flag(attributes, CLOCK_IS_MONOTONIC, clock == CLOCK_MONOTONIC,
                    deadline_clock(clock) != 0);
}

PUBLIC int pthread_condattr_getclock(const pthread_condattr_t *restrict attributes,
                                     clockid_t *restrict clock)
{
    bool monotonic;
    int error = get_flag(attributes, CLOCK_IS_MONOTONIC, &monotonic);
    if (!error)
        *clock = monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    return error;
}

PUBLIC int pthread_condattr_setpshared(pthread_condattr_t *attributes, int shared)
{
    return set_flag(attributes, COND_SHARED, shared == PTHREAD_PROCESS_SHARED,
                    shared != PTHREAD_PROCESS_SHARED && shared != PTHREAD_PROCESS_PRIVATE);
}

PUBLIC int pthread_condattr_getpshared(const pthread_condattr_t *restrict attributes,
                                       int *restrict shared)
{
    bool on;
    int error = get_flag(attributes, COND_SHARED, &on);
    if (!error)
        *shared = on ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    return error;
}
