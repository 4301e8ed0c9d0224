/*
 * Read-write locks off the fast paths.
 *
 * A released lock is free for whoever comes first, mostly one that runs: a sleeper takes many microseconds to
 * arrive. So that it does not lose for ever, one that has waited for a millisecond claims the lock, and so
 * does a writer that readers outran when it was woken. The next release that could serve it offers the lock:
 * it wakes the claimant's class, and who comes newly lets them go first, once: standing aside for a tenth of a
 * millisecond, or, if the lock is on offer, nobody else sleeps and that pays, awake for 30 microseconds at
 * most. If those never come, whoever came takes it; attempts and those with a deadline do so at once.
 *
 * Kinds. PREFER_READER: readers enter unless a writer holds the lock. If they follow one another so closely
 * that the lock is never free, a writer that claims has each reader who comes let it go first, once; the
 * first that does so drops the claim, and the writer makes it again some milliseconds later. The writer-
 * preferring kinds: readers do not join others while a writer waits, but a free lock is for anyone; readers
 * that wait claim at once, so that each writer's release lets those in who wait by then. Of these
 * PREFER_WRITER lets a thread that reads already join in any case, since it would wait for itself.
 *
 * If a thread that waits never runs again, others have what is free; its bits cost them one such
 * wait each time that they are set, and where writers are preferred readers then take turns.
 */
#include "wait.h"
#include "../asymmetric.h"
#include "../spinning.h"

#include <errno.h>

enum { PATIENCE = 1000 * 1000, TIMES_ASIDE = 4, FIRST_NAP = 1100 * 1000, MOST_DOUBLED = 6 };
enum { RESTLESS = 20, INHIBITION = 9, AWAKE = 30 * 1000 };

/* Releasing. */

/* The lock is free but for its readers in rows: what is left of the state, and whom to wake. */
static uint64_t freed(uint64_t state, uint32_t kind, uint32_t *wake)
{
    bool read_next = (state & WRITE) && (state & SLEEP_R) &&
                     ((state & CLAIM_R) || (prefers_readers(kind) && !(state & CLAIM_W)));
    state &= ~WRITE;
    *wake = !(state & ASLEEP) ? 0 : read_next || !(state & SLEEP_W) ? READERS : WRITERS;
    if (*wake == 0)
        return state;
    uint64_t bits = *wake == READERS ? SLEEP_R | CLAIM_R : SLEEP_W | CLAIM_W;
    if (state & bits & CLAIMS)
        state |= OFFERED;
    return later(state & ~bits);
}

static void wake_up(const uint32_t *word, uint32_t wake, uint64_t left)
{
    int woken = wake ? unpark(word, wake == READERS ? EVERYONE : 1, PRIVATE, wake) : 1;
    /* the bit was stale, and the other class was left for it */
    if (woken == 0 && (left & ASLEEP))
        unpark(word, EVERYONE, PRIVATE, ANY);
    /* a writer that sleeps until it is woken could not claim, while readers follow one another */
    else if (wake == READERS && (left & SLEEP_W))
        unpark(word, 1, PRIVATE, WRITERS);
}

COLD int release_write(struct rwlock *rwlock, uint64_t state, uint32_t kind)
{
    const uint32_t *word = sleep_word(rwlock);
    uint32_t wake;
    uint64_t next;
    do
        next = freed(state, kind, &wake);
    while (!transition(rwlock, &state, next));
    wake_up(word, wake, next);
    return 0;
}

/* Is it held for reading, or tried, if that counts? *row becomes one that has it, or none. */
static bool is_read(const struct rwlock *rwlock, uint64_t state, bool tried,
                    struct reader_row **row)
{
    unsigned long readers = readers_of(state);
    *row = NULL;
    if (readers <= given_of(state) && (state & IN_ROWS))
        readers += rows_count(rows_name(rwlock), tried ? TRYING : 0, row);
    return readers > given_of(state);
}

/* A lock that one leaves that is in no row of one's own is counted; another's may be in a row. */
COLD int release_read(struct rwlock *rwlock, uint64_t state, uint32_t kind)
{
    const uint32_t *word = sleep_word(rwlock);
    struct reader_row *row;
    bool held;
    uint32_t wake;
    uint64_t next;
    do {
        bool counted = readers_of(state) > 0;
        wake = 0;
        /* of those who are trying nobody can know */
        held = is_read(rwlock, state, false, &row) || counted;
        next = counted ? state - READER : held ? state + GIVEN : state;
        /* rows alone may have it from now on: what else was counted had been given back */
        if (held && readers_of(next) <= given_of(next))
            next = freed(next, kind, &wake);
    } while (!transition(rwlock, &state, next));
    wake_up(word, wake, next);
    if (row)
        row_left(row);
    return held ? 0 : EPERM;
}

/* Taking. */

/* One that waits, or tries. */
struct waiter {
    uint32_t kind;
    bool writes;
    const struct deadline *deadline;
    uint64_t start;
    /* one that has the lock, if rows alone do */
    struct reader_row *row;
    /*
     * It has slept, so others of its class may sleep; was woken, mostly by a release that meant it to enter; has
     * stood aside since, or claims the lock from now on, because that was in vain.
     */
    bool slept, woken, aside, claims;
    /* how often it has slept for a set time */
    unsigned naps;
    /* OFFERED, CLAIM_W: it lets others go first for these no more; CLAIM_W: that claim is over when it enters */
    uint64_t passes, used_up;
};

bool is_held(struct rwlock *rwlock)
{
    struct reader_row *row;
    uint64_t state = state_of(rwlock);
    return (state & WRITE) || is_read(rwlock, state, true, &row);
}

static bool may_read(struct rwlock *rwlock, uint64_t state, struct waiter *waiter)
{
    waiter->row = NULL;
    if (state & WRITE)
        return false;
    return prefers_readers(waiter->kind) || arch_load_relaxed(&rwlock->writers) == 0 ||
           waiter->woken || ((waiter->kind & PREFERENCE) == PREFER_WRITER && rows_have(rwlock)) ||
           !is_read(rwlock, state, true, &waiter->row);
}

static int take_read(struct rwlock *rwlock, struct waiter *waiter, uint64_t *state)
{
    bool wakes;
    uint64_t next;
    do {
        if (!may_read(rwlock, *state, waiter))
            return EBUSY;
        if (readers_of(*state) == MAX_READERS)
            return EAGAIN;
        next = (*state & ~(OFFERED | waiter->used_up)) + READER;
        wakes = prefers_readers(waiter->kind) && (*state & SLEEP_R);
        if (wakes)
            next = later(next & ~(SLEEP_R | CLAIM_R));
    } while (!transition(rwlock, state, next));
    /* where one reads, others may */
    if (wakes)
        unpark(sleep_word(rwlock), EVERYONE, PRIVATE, READERS);
    return 0;
}

COLD void open_rows(struct rwlock *rwlock)
{
    uint64_t state = state_of(rwlock), now = arch_ticks();
    uint64_t allowed = arch_load64_relaxed(&rwlock->inhibited_until);
    if (is_visible(state) || (state & (SLEEP_W | CLAIM_W)) ||
        arch_load_relaxed(&rwlock->writers) > 0 || now < allowed)
        return;
    rows_draw_name(rwlock);
    /* where writers come too often for membarriers, readers had better fence */
    bool calm = now - allowed >= RESTLESS * asymmetric_price() && asymmetric_may_begin(STORES);
    uint64_t way = calm || (state & ASYMMETRIC) ? ASYMMETRIC : FENCED;
    /* whoever reads because of it sees what the last writer wrote, as the caller does */
    transition(rwlock, &state, (state & ~(IN_ROWS | SHUT)) | way);
}

/*
 * As a writer: have later readers count themselves, and look who is in rows. What that takes is kept
 * below a tenth: readers count themselves for a time thereafter.
 */
static bool is_read_by_any(struct rwlock *rwlock, uint64_t *state, struct reader_row **row)
{
    uint64_t start = arch_ticks();
    if (!(*state & IN_ROWS))
        return is_read(rwlock, *state, true, row);
    while ((*state & IN_ROWS) && (*state & (SHUT | ASYMMETRIC)) != SHUT) {
        uint64_t next = later(*state | SHUT);
        if (*state & SHUT) {
            asymmetric_barrier(STORES);
            next = (*state & ~ASYMMETRIC) | FENCED;
        }
        if (transition(rwlock, state, next))
            *state = next;
    }
    /* what follows is not seen as it was before SHUT, whoever has set that */
    arch_fence_after_rmw();
    bool read = is_read(rwlock, *state, true, row);
    uint64_t now = arch_ticks(), until = now + INHIBITION * (now - start);
    if (until > arch_load64_relaxed(&rwlock->inhibited_until))
        arch_store64_relaxed(&rwlock->inhibited_until, until);
    return read;
}

static int take_write(struct rwlock *rwlock, struct waiter *waiter, uint64_t *state)
{
    uint64_t next;
    do {
        if (is_read_by_any(rwlock, state, &waiter->row) || (*state & WRITE))
            return EBUSY;
        next = (*state & (ASLEEP | CLAIMS | LATER) & ~waiter->used_up) |
               (waiter->slept ? SLEEP_W : 0) | WRITE;
    } while (!transition(rwlock, state, next));
    if (unlikely(given_of(*state) > 0 || arch_load_relaxed(&rwlock->noted_elsewhere))) {
        rows_clear(rows_name(rwlock));
        arch_store_relaxed(&rwlock->noted_elsewhere, 0);
    }
    arch_store64_relaxed(&rwlock->writer.whole, self_name());
    return 0;
}

/* Waiting. */

/*
 * Watch the row that has the lock, or else the state, for a while. True if the row was left, or the state
 * had none of these bits, or one of the others.
 */
static bool watch(struct rwlock *rwlock, const struct reader_row *row, uint64_t bits,
                  uint64_t others)
{
    struct spin spin;
    bool seen;
    if (!spin_wanted(&spin, &rwlock->hints))
        return false;
    do {
        uint64_t state = row ? 0 : arch_load64_relaxed(&rwlock->state);
        seen = row ? row_count(row, rows_name(rwlock), TRYING) == 0
                   : !(state & bits) || (state & others);
    } while (!seen && spin_goes_on(&spin));
    spin_report(&spin, seen);
    return seen;
}

/* Once others had time to go first, if they are to: 0, EAGAIN, or EBUSY with *state as found. */
static int take(struct rwlock *rwlock, struct waiter *waiter, uint64_t *state)
{
    for (;;) {
        *state = state_of(rwlock);
        uint64_t bits = *state & (OFFERED | CLAIM_W) & ~waiter->passes;
        if (!bits || (*state & WRITE))
            break;
        waiter->passes |= bits;
        waiter->used_up |= bits & CLAIM_W;
        /* in a crowd it would keep them from a processor */
        if ((*state & ASLEEP) || !watch(rwlock, NULL, bits, WRITE))
            stand_aside();
    }
    return waiter->writes ? take_write(rwlock, waiter, state) : take_read(rwlock, waiter, state);
}

static bool spin_until_left(struct rwlock *rwlock, const struct waiter *waiter)
{
    uint64_t held = waiter->writes ? WRITE | READER * MAX_READERS : WRITE;
    if (has_just_waited() && !waiter->deadline)
        stand_aside();
    return watch(rwlock, waiter->row, held, 0);
}

/*
 * Sleep, having said so in the state. A writer sleeps while readers hold the lock, for a millisecond first,
 * in order to claim then, and twice as long each time that it comes back to claim again, up to 64. Returns
 * 0, or why not to wait any longer.
 */
static int sleep_on(struct rwlock *rwlock, struct waiter *waiter, uint64_t state)
{
    const uint32_t *word = sleep_word(rwlock);
    uint64_t patience = ticks_in(PATIENCE) + TIMES_ASIDE * self.aside.took, next = state;
    bool writes = waiter->writes;
    bool impatient = waiter->claims || arch_ticks() - waiter->start >= patience;
    int error;
    if (writes)
        next |= impatient ? SLEEP_W | CLAIM_W : SLEEP_W;
    else
        next |= impatient || !prefers_readers(waiter->kind) ? SLEEP_R | CLAIM_R : SLEEP_R;
    if (next != state && !transition(rwlock, &state, next))
        return 0;
    if (writes && impatient)
        waiter->used_up = CLAIM_W;
    if (waiter->row) {
        error = rows_await(waiter->row, rwlock, waiter->deadline);
    } else if (writes && !(state & WRITE)) {
        error = nap(word, (uint32_t)next, (long)FIRST_NAP << waiter->naps, waiter->deadline);
        waiter->naps += waiter->naps < MOST_DOUBLED;
    } else {
        error = park(word, (uint32_t)next, waiter->deadline, PRIVATE, writes ? WRITERS : READERS);
    }
    waiter->woken = !waiter->row && error == 0;
    waiter->aside = false;
    if (error == 0) {
        waiter->slept = true;
        waiter->passes = OFFERED | CLAIM_W;
    } else if (error == EAGAIN && !waiter->slept && !waiter->deadline) {
        stand_aside();
    }
    return error == ETIMEDOUT || error == EINVAL ? error : 0;
}

/* Whoever sleeps, or is about to, looks again. */
static void let_all_look(struct rwlock *rwlock)
{
    uint64_t state = state_of(rwlock);
    while (!transition(rwlock, &state, later(state)))
        ;
    unpark(sleep_word(rwlock), EVERYONE, PRIVATE, ANY);
}

/* Woken in vain: it claims the lock if readers came back before it woke, and no bit says that others wait. */
static bool is_to_claim(struct waiter *waiter, uint64_t state)
{
    waiter->claims |= !(state & (ASLEEP | WRITE));
    return waiter->claims && !waiter->used_up;
}

/* It was not to be had, in that state: wait for it, awake for 30 microseconds even if others are faster. */
static int wait_for(struct rwlock *rwlock, struct waiter *waiter, uint64_t state)
{
    bool spins = waiter->writes || prefers_readers(waiter->kind);
    int error;
    do {
        bool courteous = waiter->writes && !waiter->deadline;
        /*
         * Woken in vain: others are at it, and whoever else sleeps is theirs to wake. Or it waits for a
         * row; who leaves that wakes nobody but those who wait for it, and so whoever sleeps is to look,
         * too.
         */
        if (waiter->woken && waiter->row) {
            waiter->woken = false;
            let_all_look(rwlock);
        } else if (waiter->woken && courteous && !waiter->aside && !is_to_claim(waiter, state)) {
            waiter->aside = (state & SLEEP_W) || transition(rwlock, &state, state | SLEEP_W);
            if (waiter->aside)
                stand_aside();
        } else if (!(waiter->row || spins) || !spin_until_left(rwlock, waiter)) {
            error = sleep_on(rwlock, waiter, state);
            if (error)
                return error;
            spins = false;
        }
        spins = spins && arch_ticks() - waiter->start < ticks_in(AWAKE);
        error = take(rwlock, waiter, &state);
    } while (error == EBUSY);
    note_wait();
    return error;
}

COLD int acquire(struct rwlock *rwlock, uint32_t kind, struct wish wish, bool writes)
{
    bool courteous = !wish.try && !wish.deadline, preferred = writes && !prefers_readers(kind);
    uint64_t passes = !courteous ? OFFERED | CLAIM_W : writes ? CLAIM_W : 0;
    struct waiter waiter = {kind, writes, wish.deadline, arch_ticks(), .passes = passes};
    uint64_t state;
    /* an attempt that will fail does not send readers away */
    if (wish.try && writes && is_held(rwlock))
        return EBUSY;
    int error = take(rwlock, &waiter, &state);
    if (error == EBUSY && !wish.try) {
        if (is_writer(rwlock))
            return EDEADLK;
        if (preferred)
            arch_fetch_add(&rwlock->writers, 1);
        error = wait_for(rwlock, &waiter, state);
        if (preferred)
            arch_fetch_add(&rwlock->writers, -1u);
        if (preferred && error)
            let_all_look(rwlock);
    }
    if (error || writes)
        return error;
    if ((kind & PREFERENCE) == PREFER_WRITER)
        rows_note(rwlock, wish.try);
    count_read(rwlock);
    return 0;
}
