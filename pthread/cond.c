/*
 * Condition variables.
 *
 *      31                            3      2         1         0
 *      +-----------------------------+------+---------+----------+
 *      |          sequence           | MANY | WATCHER | SLEEPERS |   word
 *      +-----------------------------+------+---------+----------+
 *
 *   wait       reads the sequence and sets SLEEPERS while it holds the mutex, unlocks, and sleeps
 *              while the word has this sequence. However it wakes, it has been unblocked.
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
 * Once unblocked a waiter does not touch the condition variable, whose memory may be gone; nor does
 * a signal or broadcast after its addition, by which waiters may be unblocked and leave. So nobody
 * who wakes in vain may clear SLEEPERS. A thread whose signal has woken nobody asks the kernel before
 * the next one whether there are sleepers, and if there are none, it makes that a broadcast, which
 * clears the bit and wakes whoever has come meanwhile. SLEEPERS is a hint that costs three system
 * calls when stale, and some more where a thread signals several conditions in turn (self.h).
 *
 * Within one sequence bits are only added to the word. So whether it still has the sequence under
 * which a waiter has slept can be asked of the kernel without touching the memory: there are at most
 * four values to compare it with.
 *
 * The watcher is one waiter that looks out for the signal for a while instead of sleeping at once
 * (private conditions only), in a slot of a table (watch.h), and so not in the object. It sets
 * WATCHER. A signal that finds the bit clears it and tells the watcher; if there is no other bit and
 * nobody has begun to watch and gone to sleep, it is done. Else it wakes a sleeper as well, so that
 * nobody who sleeps waits for a watcher to run: the two are unblocked, and whoever comes first has
 * what the signal was for.
 *
 * Where the last wake was a broadcast, others watch with the watcher, and set MANY. A signal unblocks
 * them all, which is mostly too many, and so the first one has the next waiters sleep at once again.
 * Some of them may have gone to sleep by WATCHER alone, and one of these is woken; for the others the
 * signal sets SLEEPERS, since MANY said that there may be some.
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
 * Whoever a moving broadcast has woken takes the mutex as one for which others sleep. Broadcasts are
 * counted in the table after their addition, when all for whom they are have looked there, and before
 * they move anybody. So one who was woken by a signal, and by no broadcast as far as it can tell, takes
 * the mutex plainly, and its unlock needs no system call.
 *
 * If a thread never runs again: one that waits has changed nothing but the bits, which cost others a
 * system call, and a slot that is taken over. One that a broadcast has moved to the mutex sleeps
 * there as any other, until somebody unlocks it: mostly one of the three that were woken. If none of
 * these has a processor, it waits for the next to come, as behind any that the kernel has chosen.
 *
 * The sequence wraps after 2^29 signals that found waiters: a thread would have to be stopped
 * between reading the word and sleeping for exactly a multiple of that many.
 */
#include "checked.h"
#include "host.h"
#include "hints.h"
#include "mutex/mutex.h"
#include "self.h"
#include "watch.h"

#include <errno.h>

enum word { SLEEPERS = 1, WATCHER = 2, MANY = 4, SEQUENCE = 8, BITS = SLEEPERS | WATCHER | MANY };

enum { CLOCK_IS_MONOTONIC = 1, COND_SHARED = 2, KNOWN_FLAGS = 3 };

/*
 * How many sleepers a broadcast wakes instead of moving them. One would do; with a few, one is on
 * its way to the mutex while another holds it (measured: 1 is a third slower than 3).
 */
enum { WOKEN_AT_ONCE = 3 };

static enum scope scope_of(const struct cond *cond)
{
    return arch_load_relaxed(&cond->flags) & COND_SHARED ? SHARED : PRIVATE;
}

static bool is_valid(const struct cond *cond)
{
    return (arch_load_relaxed(&cond->flags) & ~(uint32_t)KNOWN_FLAGS) == 0;
}

static uint32_t sequence_of(uint32_t word)
{
    return word & ~(uint32_t)BITS;
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
};

/* Where a broadcast may move sleepers that wait with this mutex, as kept in cond->mutex. */
static struct mutex *target_of(struct mutex *mutex)
{
    return kind_takes_sleepers(arch_load_relaxed(&mutex->kind)) ? mutex : NULL;
}

static bool same_sequence(uint32_t a, uint32_t b)
{
    return sequence_of(a) == sequence_of(b);
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

/* Does nobody else wait? Of a bit that may be stale the kernel knows. */
static bool nobody_waits(const struct cond *cond, uint32_t word)
{
    uint32_t bits = word & BITS;
    return bits == 0 || (bits == SLEEPERS && !parked(&cond->word, PRIVATE));
}

/*
 * Become the watcher if nobody else waits, or watch with others where broadcasts are expected. On
 * success *word is the word since then.
 */
static bool announce_watcher(struct cond *cond, uint32_t step, uint32_t *word, struct watch *watch)
{
    *word = arch_load_relaxed(&cond->word);
    while (has_broadcasts(cond) || nobody_waits(cond, *word)) {
        bool others = *word & WATCHER;
        uint32_t next = (*word | WATCHER | (others ? MANY : 0)) + step;
        if (!watch_begin(watch, cond, sequence_of(next), others ? AMONG_OTHERS : AS_THE_FIRST))
            return false;
        if (next == *word || arch_cas_fetch(&cond->word, word, next)) {
            *word = next;
            return true;
        }
    }
    return false;
}

/*
 * The next word of the same sequence, with bits that may have been added to `least` since; false if
 * there are no more. One that has been met before cannot come again.
 */
static bool next_word(uint32_t *word, uint32_t least)
{
    while ((*word & BITS) != BITS) {
        ++*word;
        if ((*word & least) == least && (*word & (WATCHER | MANY)) != MANY)
            return true;
    }
    return false;
}

/* Is the sequence still what it was with `word`? */
static bool unchanged(const uint32_t *address, uint32_t word, enum scope scope)
{
    uint32_t least = word;
    do
        if (parked_unchanged(address, word, scope))
            return true;
    while (next_word(&word, least));
    return false;
}

static void cancelled_wait(void *argument)
{
    struct waiter *waiter = argument;
    unpark(&waiter->cond->word, 1, waiter->scope, ANY);
    mutex_reacquire(waiter->mutex, waiter->depth, OTHERS_MOVED);
}

/*
 * Sleep until the sequence changes. What a signal handler interrupts goes on. A sleeper that a
 * broadcast has moved to the mutex can still time out there, or be interrupted: it was unblocked.
 */
static int wait_asleep(struct waiter *waiter, uint32_t word, const struct deadline *deadline)
{
    const uint32_t *address = &waiter->cond->word, least = word;
    for (;;) {
        int result =
            park_cancellable(address, word, deadline, waiter->scope, cancelled_wait, waiter);
        if (result == ETIMEDOUT)
            return unchanged(address, word, waiter->scope) ? ETIMEDOUT : 0;
        if (result == 0 || (result == EAGAIN && !next_word(&word, least)))
            return 0;
    }
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
    int type = host_defer_cancel();

    struct watch watch;
    uint32_t word, step = 0, moves = watch_moves(cond);
    bool watches = false;
    if (unlikely(same_sequence(arch_load_relaxed(&cond->word), 0)))
        step = first_sequence(waiter.scope);
    if (waiter.scope == PRIVATE) {
        step += set_target(cond, target_of(mutex));
        if (!mutex_inherits(mutex) && watch_wanted(&watch, cond))
            watches = announce_watcher(cond, step, &word, &watch);
    }
    if (!watches)
        word = announce(cond, SLEEPERS, step);
    waiter.depth = mutex_release(mutex);

    enum reacquire others = NOBODY_MOVED;
    if (!watches || !watch_goes_well(&watch)) {
        error = wait_asleep(&waiter, word, deadline);
        if (waiter.scope == PRIVATE && !watch_unmoved(cond, moves))
            others = OTHERS_MOVED;
    }
    int relocked = mutex_reacquire(mutex, waiter.depth, others);
    error = relocked ? relocked : error;
    host_restore_cancel(type);
    return error;
}

/* Waking. */

enum wakes { ONE, ALL };

/* The bits that are left when one, or all, of those are unblocked for whom there were `bits`. */
static uint32_t bits_left(uint32_t bits, enum wakes wakes)
{
    if (wakes == ALL)
        return 0;
    return bits & (SLEEPERS | MANY) ? SLEEPERS : 0;
}

/*
 * Add one to the sequence. Returns the word from before, with *target as it was then; zero if there
 * was no bit, and nothing to do.
 */
static uint32_t advance(struct cond *cond, enum wakes wakes, struct mutex **target)
{
    for (;;) {
        uint32_t word = arch_load_acquire(&cond->word);
        if (!(word & BITS))
            return 0;
        *target = arch_load_pointer(&cond->mutex);
        if (arch_cas(&cond->word, word, sequence_of(word) + SEQUENCE + bits_left(word, wakes)))
            return word;
    }
}

/* After the addition: has everybody been told for whom there were bits in the word? */
static bool all_told(const struct cond *cond, uint32_t before)
{
    bool told = (before & WATCHER) && watch_signal(cond, sequence_of(before));
    return told && !(before & SLEEPERS);
}

static COLD void signal_waiters(struct cond *cond)
{
    struct mutex *target;
    enum scope scope = scope_of(cond);
    bool nobody = self_doubts(cond) && !parked(&cond->word, scope);
    enum wakes wakes = nobody ? ALL : ONE;
    hints_clear_used(&cond->hints);
    uint32_t before = advance(cond, wakes, &target);
    if (!before || all_told(cond, before))
        return;
    int woken = unpark(&cond->word, wakes == ALL ? EVERYONE : 1, scope, ANY);
    if (woken == 0 && bits_left(before, wakes))
        self.woke_nobody = cond;
}

static COLD void broadcast_waiters(struct cond *cond)
{
    struct mutex *target;
    enum scope scope = scope_of(cond);
    hints_set_used(&cond->hints);
    uint32_t before = advance(cond, ALL, &target);
    if (!before || all_told(cond, before))
        return;
    /* whoever has come since may wait with another mutex: then none are moved */
    uint32_t now = sequence_of(before) + SEQUENCE;
    if (scope == SHARED || !target) {
        unpark(&cond->word, EVERYONE, scope, ANY);
        return;
    }
    watch_count_move(cond);
    unpark_some_move_rest(&cond->word, now, WOKEN_AT_ONCE, &target->word);
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
    if ((word & WATCHER) && watch_is_on(cond, sequence_of(word)))
        return EBUSY;
    if ((word & BITS) && parked(&cond->word, scope_of(cond)))
        return EBUSY;
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
    (void)attributes;
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
