/*
 * Read-write locks between processes.
 *
 *      63        8 7     6     5     4     3     2     1     0        31                    0
 *      +----------+-----+-----+-----+-----+-----+-----+-----+-----+   +---------------------+
 *      | sequence | NOT | INC | FOR | LOO | HUN | HUN | SLE | SLE |   |         tid         |  state
 *      |          | _RE | ONS | EIGN| KING| GRY | GRY | EP  | EP  |   |                     |
 *      |          | COV | IST |     |     | _W  | _R  | _W  | _R  |   |                     |
 *      +----------+-----+-----+-----+-----+-----+-----+-----+-----+   +---------------------+
 *        control, at byte 28                                            at byte 24
 *
 *   tid              who holds the lock for writing; with LOOKING, who would like to
 *   SLEEP_R/W        readers, writers sleep on `control`, perhaps; in the kinds that prefer writers
 *                    SLEEP_W says also that one waits for readers
 *   HUNGRY_R/W       a reader, a writer has waited for a millisecond: who comes stands aside once
 *   LOOKING          `tid` looks whether there are readers
 *   FOREIGN          `tid` is a mark with the uppermost bit, and no tid: the thread is of another pid
 *                    namespace than the lock, or has no known one; nobody judges it
 *   INCONSISTENT     robust: it was held by one who died, and has not been declared consistent since
 *   NOT_RECOVERABLE  robust: it was unlocked like that
 *   sequence         of writers that have looked, and of releases with sleepers
 *
 *      31                  10     9        8     7           0
 *      +---------------------+---------+-------+-------------+
 *      |     process id      | AWAITED | DOUBT |    count    |   nine words of readers; 0: nobody's
 *      +---------------------+---------+-------+-------------+
 *
 *   count    how many read locks there are by the name of this process, which may have several words
 *   AWAITED  a writer sleeps on this word until it is empty
 *   DOUBT    somebody has asked since the last change whether the process is alive
 *
 * Readers that find no room there, or may not be named, are a plain number with AWAITED on top of
 * it, in `others`.
 *
 * Taking.
 *
 *   found                  a reader                          a writer
 *   free, tid 0            adds itself, looks again: holds   LOOKING with its tid; looks through the
 *                                                            words; all empty: drops LOOKING, holds
 *   readers in the words   the same                          sleeps on a word, which it makes AWAITED
 *   SLEEP_W, in the kinds  sleeps on control; tryrdlock      as else
 *   that prefer writers    only if there are readers
 *   LOOKING                adds itself, and makes it free    takes LOOKING over
 *   held for writing       sleeps on control                 sleeps on control
 *   added itself, finds    takes itself off, sleeps          -
 *   held
 *   its LOOKING is gone    -                                 begins again
 *
 *      reader                                         writer
 *      its word + 1       | these two in              state: LOOKING        | these two in
 *      state?             | this order                the words?            | this order
 *
 * So a reader that a writer has not seen sees the writer's LOOKING, or that it holds. LOOKING holds
 * nothing: it is for any reader, and any writer, to put an end to, and its writer's last step fails
 * then. So tryrdlock finds a lock held only if it is, and a thread that stops there stops nobody.
 * That step cannot meet another LOOKING of the same tid and sequence, since the thread itself would
 * have to make it. A word is never empty while locks are held in it, whoever gives them back, so one
 * that finds each empty after its LOOKING, without a reader's having come, has found them all so.
 *
 * Releasing is one step, the last touch, and says whether somebody is to be woken: for a reader in
 * its word, and for a writer in the state.
 *
 *   found            a reader's unlock                       a writer's unlock
 *   nobody waits     count - 1, or the word empty            tid 0
 *   AWAITED          not empty: the same; empty: all who     -
 *                    sleep on the word are woken
 *   SLEEP_R          -                                       all readers are woken, unless ...
 *   SLEEP_W          -                                       one writer is; ... the kind prefers
 *                                                            writers, and no reader is hungry
 *   INCONSISTENT     -                                       NOT_RECOVERABLE, all are woken
 *   held by another  EPERM                                   EPERM
 *
 * Why nobody sleeps for ever who could go on. Who sleeps on a word has made it AWAITED, and it was not
 * empty; the one who empties it wakes all. Who sleeps on control has found the lock held for
 * writing, with its bit there; the release sees that. It may take the bit and wake one writer only:
 * that one wakes the others, by setting SLEEP_W when it takes the lock, so that its own release wakes
 * again, or all at once when it gives up. (For readers of a kind that prefers writers, which sleep
 * on control since SLEEP_W is set, the waiting writer owes the same.)
 *
 * A sleeper that is killed owes, and does not pay. So every sleep is a lap of 1, then 10, then 100
 * milliseconds, after which the sleeper looks for itself. Then, and before it gives up, it looks for
 * the dead as well:
 *
 *   a dead process's word     a waiting writer empties it: DOUBT, the question, then the word as it
 *                             was with DOUBT to 0. Whoever uses the word in between removes DOUBT, so
 *                             that a process given the same id meanwhile loses nothing.
 *   a dead writer's lock      robust: whoever comes takes it over, and says EOWNERDEAD.
 *                             FURWOCK=recover: whoever waits releases it.
 *   a dead waiter's SLEEP_W   a waiting writer changes the sequence after each lap. A reader that sees
 *                             the state unchanged for four laps of its own removes the bit.
 *
 * Readers are dead when their process is, since another thread of it may give their locks back;
 * writers when their thread is.
 */
#include "shared.h"
#include "../alive.h"
#include "../checked.h"
#include "../spinning.h"
#include "kind.h"

#include <errno.h>

enum {
    SLEEP_R = 1 << 0,
    SLEEP_W = 1 << 1,
    HUNGRY_R = 1 << 2,
    HUNGRY_W = 1 << 3,
    LOOKING = 1 << 4,
    FOREIGN = 1 << 5,
    INCONSISTENT = 1 << 6,
    NOT_RECOVERABLE = 1 << 7,
    SEQUENCE = 1 << 8,
    SLEEPERS = SLEEP_R | SLEEP_W,
    HUNGRY = HUNGRY_R | HUNGRY_W,
};

/* Of a word of readers. */
enum { COUNT = 0xff, DOUBT = 1 << 8, AWAITED = 1 << 9, PID_SHIFT = 10 };
_Static_assert(PROCESS_BITS + PID_SHIFT == 32, "a process id fits");
/* Of `others`. */
#define OTHERS_AWAITED 0x80000000u
#define OTHERS_COUNT 0x7fffffffu

/* Classes of those who sleep on control. */
enum { READERS = 1, WRITERS = 2 };

/* Where a process looks first for its word. */
enum { HOMES = 4, FIRST = 6, PLACES = 9 };
enum { A_MOMENT = 2 * 1000, LONG = 1000 * 1000, SELDOM = 100 * LONG };
enum { SHORTEST_LAP = 1000 * 1000, LONGEST_LAP = 100 * 1000 * 1000, LAPS_OF_THE_DEAD = 4 };

static struct shared_rwlock *shared(struct rwlock *rwlock)
{
    return (struct shared_rwlock *)rwlock;
}

/* The state. */

static inline union shared_state look(const struct shared_rwlock *lock)
{
    return (union shared_state){arch_load64_acquire(&lock->state.whole)};
}

static inline bool change(struct shared_rwlock *lock, union shared_state *state,
                          union shared_state next)
{
    return arch_cas64_fetch(&lock->state.whole, &state->whole, next.whole);
}

static inline bool is_held(union shared_state state)
{
    return state.tid != 0 && !(state.control & LOOKING);
}

static inline bool is_quiet(union shared_state state)
{
    return state.tid == 0 && !(state.control & (SEQUENCE - 1));
}

/* The state with the caller's tid in it; or with its mark, as others may have that tid elsewhere. */
static union shared_state with_me(const struct shared_rwlock *lock, union shared_state state)
{
    union name name = {.whole = self_shared_name()};
    bool known = alive_pid(lock->namespace) != 0 && name.tid != 0;
    state.control &= ~(uint32_t)FOREIGN;
    state.control |= known ? 0 : FOREIGN;
    state.tid = known ? name.tid : 0x80000000u | name.id;
    return state;
}

static union shared_state with_nobody(union shared_state state)
{
    state.tid = 0;
    state.control &= ~(uint32_t)(LOOKING | FOREIGN);
    return state;
}

static bool is_mine(const struct shared_rwlock *lock, union shared_state state)
{
    return with_me(lock, state).whole == state.whole;
}

/* The words of readers. */

static inline uint32_t *word_at(struct shared_rwlock *lock, unsigned place)
{
    return place < FIRST ? &lock->readers[place] : &lock->more_readers[place - FIRST];
}

static inline unsigned next_place(unsigned place)
{
    return place + 1 < PLACES ? place + 1 : 0;
}

/* One read lock more in the word, if it is the process's, or nobody's. */
static inline bool enter_word(uint32_t *word, uint32_t pid)
{
    uint32_t found = arch_load_relaxed(word), next;
    do {
        if (found == 0)
            next = pid << PID_SHIFT | 1;
        else if (found >> PID_SHIFT == pid && (found & COUNT) != COUNT)
            next = (found & ~(uint32_t)DOUBT) + 1;
        else
            return false;
    } while (unlikely(!arch_cas_fetch(word, &found, next)));
    return true;
}

static COLD bool enter_others(uint32_t *word)
{
    uint32_t found = arch_load_relaxed(word);
    do {
        if ((found & OTHERS_COUNT) == OTHERS_COUNT)
            return false;
    } while (!arch_cas_fetch(word, &found, found + 1));
    return true;
}

static inline bool enter(struct shared_rwlock *lock, uint32_t pid)
{
    unsigned home = pid % HOMES, place = home;
    if (likely(pid != 0)) {
        do {
            if (likely(enter_word(word_at(lock, place), pid)))
                return true;
        } while ((place = next_place(place)) != home);
    }
    return enter_others(&lock->others);
}

/* Releasing is the last touch: the wake goes by address. */
static COLD void wake_all(const uint32_t *word)
{
    unpark(word, EVERYONE, SHARED, ANY);
}

/* One read lock less in the word, if it is the process's, or anyone's for 0. */
static inline bool leave_word(uint32_t *word, uint32_t pid)
{
    uint32_t found = arch_load_relaxed(word), next;
    do {
        if (found == 0 || (pid != 0 && found >> PID_SHIFT != pid))
            return false;
        next = (found & COUNT) == 1 ? 0 : (found & ~(uint32_t)DOUBT) - 1;
    } while (unlikely(!arch_cas_fetch(word, &found, next)));
    if (unlikely(next == 0 && (found & AWAITED)))
        wake_all(word);
    return true;
}

static bool leave_words(struct shared_rwlock *lock, uint32_t pid)
{
    unsigned home = pid % HOMES, place = home;
    do {
        if (likely(leave_word(word_at(lock, place), pid)))
            return true;
    } while ((place = next_place(place)) != home);
    return false;
}

static COLD bool leave_others(uint32_t *word)
{
    uint32_t found = arch_load_relaxed(word), next;
    do {
        if (found == 0)
            return false;
        next = (found & OTHERS_COUNT) == 1 ? 0 : found - 1;
    } while (!arch_cas_fetch(word, &found, next));
    if (next == 0 && (found & OTHERS_AWAITED))
        wake_all(word);
    return true;
}

/* A lock that this process has not taken is given back for whoever has. */
static inline bool leave(struct shared_rwlock *lock, uint32_t pid)
{
    if (likely(pid != 0 && leave_words(lock, pid)))
        return true;
    return leave_others(&lock->others) || leave_words(lock, 0);
}

/* A word that is not empty, or null. */
static COLD uint32_t *occupied(struct shared_rwlock *lock)
{
    for (unsigned place = 0; place < PLACES; place++)
        if (arch_load_acquire(word_at(lock, place)))
            return word_at(lock, place);
    return arch_load_acquire(&lock->others) ? &lock->others : NULL;
}

static inline uint32_t either(const uint32_t *a, const uint32_t *b, const uint32_t *c)
{
    return arch_load_acquire(a) | arch_load_acquire(b) | arch_load_acquire(c);
}

/* Is none? No branch between the loads. */
static inline bool is_empty(const struct shared_rwlock *lock)
{
    const uint32_t *words = lock->readers, *more = lock->more_readers;
    return (either(&words[0], &words[1], &words[2]) | either(&words[3], &words[4], &words[5]) |
            either(&more[0], &more[1], &more[2]) | arch_load_acquire(&lock->others)) == 0;
}

/* As occupied(), which mostly finds none. */
static inline uint32_t *any_reader(struct shared_rwlock *lock)
{
    return likely(is_empty(lock)) ? NULL : occupied(lock);
}

/* Give back what the dead have held for reading. */
static COLD void heal(struct shared_rwlock *lock)
{
    uint32_t pid = alive_pid(lock->namespace);
    for (unsigned place = 0; place < PLACES && pid != 0; place++) {
        uint32_t *word = word_at(lock, place), found = arch_load_relaxed(word);
        uint32_t owner = found >> PID_SHIFT, doubted = found | DOUBT;
        if (found == 0 || owner == pid)
            continue;
        if (doubted != found && !arch_cas(word, found, doubted))
            continue;
        if (alive_process_is_gone(owner) && arch_cas(word, doubted, 0) && (doubted & AWAITED))
            wake_all(word);
    }
}

/* Releasing for writing. */

/* The state without its writer, and the sleepers to be woken for it. */
static union shared_state released(union shared_state state, uint32_t kind, int *readers,
                                   int *writers)
{
    union shared_state next = with_nobody(state);
    bool sleep_w = state.control & SLEEP_W, sleep_r = state.control & SLEEP_R;
    *readers = *writers = 0;
    if (state.control & INCONSISTENT) {
        *readers = *writers = EVERYONE;
        next.control =
            (next.control & ~(uint32_t)(SLEEPERS | HUNGRY | INCONSISTENT)) | NOT_RECOVERABLE;
        return next;
    }
    if (!(state.control & SLEEPERS))
        return next;
    next.control += SEQUENCE;
    next.control &= ~(uint32_t)SLEEP_W;
    *writers = sleep_w;
    if (sleep_r && (!sleep_w || prefers_readers(kind) || (state.control & HUNGRY_R))) {
        next.control &= ~(uint32_t)SLEEP_R;
        *readers = EVERYONE;
    }
    return next;
}

static COLD void wake_released(const uint32_t *control, uint32_t bits, int readers, int writers)
{
    if (readers)
        unpark(control, readers, SHARED, READERS);
    if (writers && unpark(control, writers, SHARED, WRITERS) == 0 && !readers && (bits & SLEEP_R))
        unpark(control, EVERYONE, SHARED, READERS);
}

/* False if another state was found. */
static inline bool release_write(struct shared_rwlock *lock, uint32_t kind,
                                 union shared_state *state)
{
    int readers, writers;
    union shared_state next = released(*state, kind, &readers, &writers);
    if (unlikely(!change(lock, state, next)))
        return false;
    if (unlikely(readers | writers))
        wake_released(&lock->state.control, next.control, readers, writers);
    return true;
}

/*
 * The lock of a writer that has died: robust, the caller's, EOWNERDEAD; with FURWOCK=recover given
 * back, 0. EBUSY if it lives, or nobody can say.
 */
static COLD int inherit(struct shared_rwlock *lock, uint32_t kind, union shared_state state)
{
    if (!(kind & RWLOCK_ROBUST) && !alive_recovers)
        return EBUSY;
    if (!is_held(state) || (state.control & FOREIGN) || alive_pid(lock->namespace) == 0 ||
        !alive_thread_is_gone(state.tid))
        return EBUSY;
    union shared_state next = with_me(lock, state);
    next.control = (next.control | INCONSISTENT) + SEQUENCE;
    if (kind & RWLOCK_ROBUST)
        return change(lock, &state, next) ? EOWNERDEAD : EBUSY;
    uint32_t tid = state.tid;
    if (!release_write(lock, kind, &state))
        return EBUSY;
    alive_report("the write lock of the process-shared rwlock", lock, tid);
    return 0;
}

/* Waiting. */

struct waiter {
    const struct deadline *deadline;
    uint64_t since;
    /* the next lap */
    long lap;
    /* it has slept on control, or is to tell others so, with SLEEP_W; its own bit of HUNGRY */
    uint32_t others, hungry;
    /* of the control word: what it was after the last lap, and for how many laps */
    uint32_t last, laps;
    bool aside;
};

static struct waiter waiter_of(const struct deadline *deadline)
{
    return (struct waiter){.deadline = deadline, .since = arch_ticks(), .lap = SHORTEST_LAP};
}

static int sleep_on(struct waiter *waiter, const uint32_t *word, uint32_t value, uint32_t classes)
{
    int error = park_for(word, value, waiter->lap, waiter->deadline, SHARED, classes);
    if (error == PARK_OVER && waiter->lap < LONGEST_LAP)
        waiter->lap *= 10;
    return error;
}

/* Sleep on control, with the bits set there that say so. */
static int sleep_on_control(struct shared_rwlock *lock, struct waiter *waiter,
                            union shared_state state, uint32_t bit, uint32_t class)
{
    union shared_state next = state;
    next.control |= bit | waiter->hungry;
    if (next.whole != state.whole && !change(lock, &state, next))
        return EAGAIN;
    return sleep_on(waiter, &lock->state.control, next.control, class);
}

static int sleep_on_word(struct shared_rwlock *lock, struct waiter *waiter, uint32_t *word)
{
    uint32_t bit = word == &lock->others ? OTHERS_AWAITED : (uint32_t)AWAITED;
    uint32_t found = arch_load_relaxed(word);
    if (found == 0 || (!(found & bit) && !arch_cas(word, found, found | bit)))
        return EAGAIN;
    return sleep_on(waiter, word, found | bit, ANY);
}

/*
 * Others have waited for long: let them go first, once. If nothing has happened then, they cannot,
 * and the next who comes is spared that.
 */
static COLD void give_way(struct shared_rwlock *lock, union shared_state state)
{
    stand_aside();
    union shared_state next = state;
    next.control &= ~(uint32_t)HUNGRY;
    change(lock, &state, next);
}

/* One that has slept, woken or not: whom others pass all the time nobody wakes. */
static void note_hunger(struct waiter *waiter, uint32_t hungry)
{
    if (arch_ticks() - waiter->since > ticks_in(LONG))
        waiter->hungry = hungry;
}

/* Reading. */

/* Does a writer wait that the kind has the caller give way to? */
static inline bool writer_is_first(uint32_t kind, union shared_state state)
{
    if (likely(!(state.control & SLEEP_W)) || prefers_readers(kind))
        return false;
    return (kind & PREFERENCE) != PREFER_WRITER || self.shared_reads == 0;
}

/* The caller has added itself: does it hold the lock? A writer that looks has to begin again. */
static inline bool may_stay(struct shared_rwlock *lock, union shared_state *state)
{
    while (unlikely(state->tid != 0)) {
        union shared_state next = with_nobody(*state);
        if (is_held(*state))
            return false;
        if (change(lock, state, next))
            break;
    }
    return likely(!(state->control & NOT_RECOVERABLE));
}

static inline int try_read(struct shared_rwlock *lock, uint32_t kind, bool try,
                           union shared_state *state)
{
    uint32_t pid = alive_pid(lock->namespace);
    do {
        if (unlikely(is_held(*state)))
            return EBUSY;
        if (unlikely(state->control & NOT_RECOVERABLE))
            return ENOTRECOVERABLE;
        if (unlikely(writer_is_first(kind, *state) && (!try || occupied(lock))))
            return EBUSY;
        if (unlikely(!enter(lock, pid)))
            return EAGAIN;
        arch_fence_after_rmw();
        *state = look(lock);
        if (likely(may_stay(lock, state))) {
            if (unlikely((kind & PREFERENCE) == PREFER_WRITER))
                self.shared_reads++;
            return 0;
        }
        leave(lock, pid);
    } while (true);
}

/* A writer that waits, and lives, has changed the state by now. */
static void forget_writers(struct shared_rwlock *lock, struct waiter *waiter,
                           union shared_state state)
{
    waiter->laps = state.control == waiter->last ? waiter->laps + 1 : 0;
    waiter->last = state.control;
    union shared_state next = state;
    next.control = (next.control & ~(uint32_t)SLEEP_W) + SEQUENCE;
    if (waiter->laps >= LAPS_OF_THE_DEAD && !is_held(state) && (state.control & SLEEP_W))
        change(lock, &state, next);
}

static COLD int wait_to_read(struct shared_rwlock *lock, uint32_t kind, struct waiter waiter)
{
    bool over = false;
    int gave_up = 0;
    for (;;) {
        union shared_state state = look(lock);
        int error = try_read(lock, kind, false, &state);
        if (error == 0 && waiter.hungry) {
            union shared_state next = state;
            next.control &= ~(uint32_t)HUNGRY_R;
            change(lock, &state, next);
        }
        if (error != EBUSY)
            return error;
        if (is_held(state) && is_mine(lock, state))
            return EDEADLK;
        if (over && (error = inherit(lock, kind, state)) != EBUSY) {
            if (error)
                return error;
            continue;
        }
        if (gave_up)
            return gave_up;
        if (over)
            forget_writers(lock, &waiter, state);
        error = sleep_on_control(lock, &waiter, state, SLEEP_R, READERS);
        if (error == EINVAL)
            return error;
        if (error != EAGAIN)
            note_hunger(&waiter, HUNGRY_R);
        if (error == ETIMEDOUT)
            gave_up = error;
        over = error == PARK_OVER || error == ETIMEDOUT;
    }
}

/* It does not wait: what a dead writer has left can be had even so. */
static COLD int no_read(struct shared_rwlock *lock, uint32_t kind, union shared_state state)
{
    int error = inherit(lock, kind, state);
    if (error)
        return error;
    state = look(lock);
    return try_read(lock, kind, true, &state);
}

static SLOW int read_slow(struct shared_rwlock *lock, uint32_t kind, struct wish wish)
{
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    union shared_state state = look(lock);
    if (unlikely(state.control & HUNGRY) && !wish.try) {
        give_way(lock, state);
        state = look(lock);
    }
    int error = try_read(lock, kind, wish.try, &state);
    if (likely(error != EBUSY))
        return error;
    return wish.try ? no_read(lock, kind, state)
                    : wait_to_read(lock, kind, waiter_of(wish.deadline));
}

/* The caller has added itself, and something is to be looked at. */
static COLD int read_on(struct shared_rwlock *lock, uint32_t kind, struct wish wish,
                        union shared_state state)
{
    if (may_stay(lock, &state))
        return 0;
    leave(lock, alive_pid(lock->namespace));
    return read_slow(lock, kind, wish);
}

/* The kind that needs no thought, nothing in the state but a sequence, and the word at home. */
int shared_read(struct rwlock *rwlock, uint32_t kind, struct wish wish)
{
    struct shared_rwlock *lock = shared(rwlock);
    union shared_state state = look(lock);
    uint32_t pid = alive_pid_known(lock->namespace);
    uint32_t *word = &lock->readers[pid % HOMES], found = arch_load_relaxed(word);
    uint32_t next = pid << PID_SHIFT | 1;
    if (unlikely(kind != RWLOCK_SHARED || !is_quiet(state) || pid == 0))
        return read_slow(lock, kind, wish);
    if (found != 0) {
        next = found + 1;
        if (found >> PID_SHIFT != pid || (found & (COUNT | DOUBT)) >= COUNT)
            return read_slow(lock, kind, wish);
    }
    if (unlikely(!arch_cas(word, found, next)))
        return read_slow(lock, kind, wish);
    arch_fence_after_rmw();
    state = look(lock);
    return likely(is_quiet(state)) ? 0 : read_on(lock, kind, wish, state);
}

/* Writing. */

/* Another writer looks, and mostly holds the lock next, or has given up. */
static COLD void await_looker(const struct shared_rwlock *lock, union shared_state *state)
{
    union shared_state found = *state;
    uint64_t start = arch_ticks();
    while (state->whole == found.whole && arch_ticks() - start < ticks_in(A_MOMENT)) {
        arch_pause();
        *state = look(lock);
    }
}

/* EBUSY if there is a writer, in *state, or a reader, in *word. */
static inline int try_write(struct shared_rwlock *lock, const struct waiter *waiter,
                            union shared_state *state, uint32_t **word)
{
    for (;;) {
        *word = NULL;
        if (unlikely(state->control & NOT_RECOVERABLE))
            return ENOTRECOVERABLE;
        if (unlikely(is_held(*state)) || unlikely((*word = any_reader(lock)) != NULL))
            return EBUSY;
        union shared_state next = with_me(lock, *state), rest;
        if (unlikely(state->tid != 0 && state->tid != next.tid)) {
            union shared_state found = *state;
            await_looker(lock, state);
            if (state->whole != found.whole)
                continue;
        }
        next.control = (next.control | LOOKING) + SEQUENCE;
        if (unlikely(!change(lock, state, next)))
            continue;
        *state = next;
        arch_fence_after_rmw();
        *word = any_reader(lock);
        if (likely(!*word)) {
            next.control = (next.control & ~(uint32_t)LOOKING & ~waiter->hungry) | waiter->others;
            if (likely(change(lock, state, next)))
                return 0;
            continue;
        }
        rest = with_nobody(next);
        if (change(lock, state, rest))
            *state = rest;
        return EBUSY;
    }
}

/* Does a writer sleep until the readers have left? */
static bool are_awaited(struct shared_rwlock *lock)
{
    for (unsigned place = 0; place < PLACES; place++)
        if ((arch_load_relaxed(word_at(lock, place)) & AWAITED) &&
            parked(word_at(lock, place), SHARED))
            return true;
    return (arch_load_relaxed(&lock->others) & OTHERS_AWAITED) && parked(&lock->others, SHARED);
}

/*
 * It does not wait any more: whoever may have waited because of it looks again. Other writers that
 * wait for readers go on keeping out more of them.
 */
static COLD int give_up(struct shared_rwlock *lock, const struct waiter *waiter, uint32_t kind,
                        int error)
{
    if (prefers_readers(kind) && !waiter->others)
        return error;
    uint32_t bits = are_awaited(lock) ? SLEEP_R | HUNGRY : SLEEPERS | HUNGRY;
    union shared_state state = look(lock), next;
    do {
        next = state;
        next.control = (next.control & ~bits) + SEQUENCE;
    } while (!change(lock, &state, next));
    wake_all(&lock->state.control);
    return error;
}

/* As a writer that waits for readers: in the kinds that prefer writers no others join them. */
static bool tell_readers(struct shared_rwlock *lock, uint32_t kind, const struct waiter *waiter,
                         union shared_state state, bool again)
{
    union shared_state next = state;
    next.control |= waiter->hungry | (prefers_readers(kind) ? 0 : SLEEP_W);
    if (again)
        next.control += SEQUENCE;
    return next.whole == state.whole || change(lock, &state, next);
}

static COLD int wait_to_write(struct shared_rwlock *lock, uint32_t kind, struct waiter waiter)
{
    bool over = false;
    int gave_up = 0;
    for (;;) {
        uint32_t *word;
        union shared_state state = look(lock);
        if ((state.control & HUNGRY & ~waiter.hungry) && !waiter.aside) {
            waiter.aside = true;
            give_way(lock, state);
            continue;
        }
        int error = try_write(lock, &waiter, &state, &word);
        if (error != EBUSY)
            return error;
        if (is_held(state) && is_mine(lock, state))
            return EDEADLK;
        if (over && !word && (error = inherit(lock, kind, state)) != EBUSY) {
            if (error)
                return error;
            continue;
        }
        if (gave_up)
            return give_up(lock, &waiter, kind, gave_up);
        if (!word) {
            error = sleep_on_control(lock, &waiter, state, SLEEP_W, WRITERS);
            if (error != EAGAIN)
                waiter.others = SLEEP_W;
        } else if (tell_readers(lock, kind, &waiter, state, over)) {
            error = sleep_on_word(lock, &waiter, word);
        } else {
            error = EAGAIN;
        }
        if (error == 0)
            waiter.aside = false;
        if (error == EINVAL)
            return give_up(lock, &waiter, kind, error);
        if (error != EAGAIN)
            note_hunger(&waiter, HUNGRY_W);
        if (error == ETIMEDOUT)
            gave_up = error;
        over = error == PARK_OVER || error == ETIMEDOUT;
        if (over)
            heal(lock);
    }
}

/* One that only tries looks for dead readers ten times a second. EBUSY if it does not. */
static COLD int ask_seldom(struct shared_rwlock *lock)
{
    uint64_t now = arch_ticks();
    if (self.asked_at != 0 && now - self.asked_at < ticks_in(SELDOM))
        return EBUSY;
    self.asked_at = now | 1;
    heal(lock);
    return 0;
}

int shared_write(struct rwlock *rwlock, uint32_t kind, struct wish wish)
{
    static const struct waiter none;
    struct shared_rwlock *lock = shared(rwlock);
    if (unlikely(!rwlock_kind_valid(kind)))
        return EINVAL;
    union shared_state state = look(lock);
    uint32_t *word;
    if (unlikely(state.control & HUNGRY) && !wish.try) {
        give_way(lock, state);
        state = look(lock);
    }
    int error = try_write(lock, &none, &state, &word);
    if (likely(error != EBUSY))
        return error;
    if (wish.try) {
        error = word ? ask_seldom(lock) : inherit(lock, kind, state);
        if (error)
            return error;
        state = look(lock);
        return try_write(lock, &none, &state, &word);
    }
    return wait_to_write(lock, kind, waiter_of(wish.deadline));
}

static SLOW int unlock_slow(struct shared_rwlock *lock, uint32_t kind, union shared_state state)
{
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    if (is_held(state)) {
        if (!is_mine(lock, state))
            return EPERM;
        while (!release_write(lock, kind, &state))
            ;
        return 0;
    }
    if (!leave(lock, alive_pid(lock->namespace)))
        return EPERM;
    if ((kind & PREFERENCE) == PREFER_WRITER && self.shared_reads > 0)
        self.shared_reads--;
    return 0;
}

/* The first guess is the word at home, for which nobody waits. */
int shared_unlock(struct rwlock *rwlock, uint32_t kind)
{
    struct shared_rwlock *lock = shared(rwlock);
    union shared_state state = look(lock);
    uint32_t pid = alive_pid_known(lock->namespace);
    uint32_t *word = &lock->readers[pid % HOMES], found = arch_load_relaxed(word);
    checked_unlock(rwlock);
    if (likely(kind == RWLOCK_SHARED && state.tid == 0 && pid != 0) &&
        likely(found >> PID_SHIFT == pid && !(found & (AWAITED | DOUBT))) &&
        likely(arch_cas(word, found, (found & COUNT) == 1 ? 0 : found - 1)))
        return 0;
    return unlock_slow(lock, kind, state);
}

PUBLIC int pthread_rwlock_consistent_np(pthread_rwlock_t *object)
{
    struct rwlock *rwlock = (struct rwlock *)object;
    struct shared_rwlock *lock = shared(rwlock);
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (!rwlock_kind_valid(kind) || !(kind & RWLOCK_ROBUST) || !(kind & RWLOCK_SHARED))
        return EINVAL;
    union shared_state state = look(lock), next;
    do {
        if (!is_held(state) || !is_mine(lock, state) || !(state.control & INCONSISTENT))
            return EINVAL;
        next = state;
        next.control &= ~(uint32_t)INCONSISTENT;
    } while (!change(lock, &state, next));
    return 0;
}

/* A private lock goes with its process, and cannot be robust. */
int shared_init(struct rwlock *rwlock, uint32_t kind)
{
    if (!rwlock_kind_valid(kind))
        return EINVAL;
    if (!(kind & RWLOCK_SHARED))
        return ENOTSUP;
    *shared(rwlock) = (struct shared_rwlock){.kind = kind, .namespace = alive_namespace()};
    return 0;
}

bool shared_is_held(const struct rwlock *rwlock)
{
    struct shared_rwlock *lock = shared((struct rwlock *)rwlock);
    return is_held(look(lock)) || occupied(lock) != NULL;
}
