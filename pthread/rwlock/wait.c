/*
 * Read-write locks off the fast paths.
 *
 * A released lock is free for whoever comes first, which is mostly a thread that runs: a sleeper
 * takes many microseconds to arrive. So that it does not lose for ever, one that has waited for a
 * millisecond claims the lock; the next release that could serve it offers the lock: it wakes the
 * claimant's class, and who comes newly stands aside once, for a tenth of a millisecond, before it takes
 * what is offered. That is a courtesy: if those for whom it is meant never come, whoever came takes
 * it; attempts and those with a deadline do so at once. Nothing is assigned to anybody.
 *
 * Kinds. PREFER_READER: readers enter unless a writer holds the lock. If they follow one another so
 * closely that the lock is never free, a writer that claims has each reader who comes stand aside
 * once; the first that does so drops the claim, and the writer makes it again some milliseconds
 * later. The writer-preferring kinds: readers do not join others while a writer waits, but a free lock
 * is for anyone; readers that wait claim at once, so that each writer's release lets those in who
 * wait by then. Of these PREFER_WRITER lets a thread that reads already join in any case, since it
 * would wait for itself.
 *
 * If a thread that waits never runs again, others have what is free; its bits cost them one
 * stand-aside each time that they are set, and where writers are preferred readers then take turns.
 */
#include "wait.h"
#include "../asymmetric.h"
#include "../spinning.h"

#include <errno.h>

enum {
    PATIENCE = 1000 * 1000,
    TIMES_ASIDE = 4,
    FIRST_NAP = 1100 * 1000,
    MOST_DOUBLED = 6,
    RESTLESS = 20,
    INHIBITION = 9,
};

/* Releasing. */

/* The lock is free but for its readers in rows: what is left of the state, and whom to wake. */
static uint64_t freed(uint64_t state, bool written, uint32_t kind, uint32_t *wake)
{
    bool read_next = written && (state & SLEEP_R) &&
                     ((state & CLAIM_R) || (prefers_readers(kind) && !(state & CLAIM_W)));
    *wake = !(state & ASLEEP) ? 0 : read_next || !(state & SLEEP_W) ? READERS : WRITERS;
    if (*wake == 0)
        return state;
    uint64_t bits = *wake == READERS ? SLEEP_R | CLAIM_R : SLEEP_W | CLAIM_W;
    if (state & bits & (CLAIM_R | CLAIM_W))
        state |= OFFERED;
    return later(state & ~bits);
}

static void wake_up(const uint32_t *word, uint32_t wake, uint64_t left)
{
    int woken = 1;
    if (wake)
        woken = unpark(word, wake == READERS ? EVERYONE : 1, PRIVATE, wake);
    /* the bit was stale, and the other class was left for it */
    if (woken == 0 && (left & ASLEEP))
        unpark(word, EVERYONE, PRIVATE, ANY);
}

COLD int release_write(struct rwlock *rwlock, uint64_t state, uint32_t kind)
{
    const uint32_t *word = sleep_word(rwlock);
    uint32_t wake;
    uint64_t next;
    do
        next = freed(state & ~WRITE, true, kind, &wake);
    while (!transition(rwlock, &state, next));
    wake_up(word, wake, next);
    /* a writer that sleeps until it is woken could not claim, while readers follow one another */
    if (wake == READERS && (next & SLEEP_W))
        unpark(word, 1, PRIVATE, WRITERS);
    return 0;
}

/*
 * What is left when a reader goes that is in no row of its own: false if there is none. A lock that one
 * leaves is counted, another's that one unlocks for is in a row: with the state as it was all the while.
 */
static bool without_reader(struct rwlock *rwlock, uint64_t *state, uint64_t *next,
                           struct reader_row **row)
{
    for (;;) {
        uint64_t before = *state;
        *row = NULL;
        *next = before - READER;
        if (readers_of(before) > 0)
            return true;
        /* of those who are trying nobody can know */
        bool in_rows = rows_count(rows_name(rwlock), false, row) > given_of(before);
        *next = before + GIVEN;
        *state = state_of(rwlock);
        if (*state == before)
            return in_rows;
    }
}

COLD int release_read(struct rwlock *rwlock, uint64_t state, uint32_t kind)
{
    const uint32_t *word = sleep_word(rwlock);
    struct reader_row *row;
    uint32_t wake;
    uint64_t next;
    do {
        wake = 0;
        if (!without_reader(rwlock, &state, &next, &row))
            return EPERM;
        if (readers_of(next) == 0)
            next = freed(next, false, kind, &wake);
    } while (!transition(rwlock, &state, next));
    wake_up(word, wake, next);
    if (row && arch_load_relaxed(&row->waited))
        rows_wake(row);
    return 0;
}

static bool is_read(const struct rwlock *rwlock, uint64_t state, struct reader_row **row)
{
    if (readers_of(state) > given_of(state))
        return true;
    return (state & IN_ROWS) &&
           readers_of(state) + rows_count(rows_name(rwlock), true, row) > given_of(state);
}

/*
 * Of a PREFER_WRITER lock each reader notes what it holds counted. Who has once had no place for a note
 * passes waiting writers from then on: it must not wait for itself.
 */

static bool has_noted(const struct rwlock *rwlock)
{
    uint64_t name = rows_name(rwlock);
    return name && (rows_have(name) || rows_have(name + NOTED) || self.unnoted > 0);
}

static void note(struct rwlock *rwlock, bool try)
{
    rows_draw_name(rwlock);
    if (!rows_note(rows_name(rwlock) + NOTED, try))
        self.unnoted++;
}

int unlock_read_kind(struct rwlock *rwlock, uint32_t kind)
{
    uint64_t name = rows_name(rwlock), state = state_of(rwlock);
    struct reader_row *row;
    if (name && rows_leave(name))
        return 0;
    if ((kind & PREFERENCE) == PREFER_WRITER && !(name && rows_leave(name + NOTED))) {
        if (!is_read(rwlock, state, &row))
            return EPERM;
        /* another thread's, perhaps: the next writer clears that one's note */
        arch_store_relaxed(&rwlock->noted_elsewhere, 1);
    }
    return release_read(rwlock, state, kind);
}

/* Taking. */

/* One that waits, or tries. */
struct waiter {
    uint64_t start;
    /* others of its class may sleep */
    bool slept;
    /* woken by a release that meant it to enter */
    bool woken;
    /* how often it has slept for a set time */
    unsigned naps;
    /* OFFERED, CLAIM_W: it stands aside for these no more */
    uint64_t passes;
    /* CLAIM_W, if it has stood aside for it: that claim is over when it enters */
    uint64_t used_up;
};

bool is_held(struct rwlock *rwlock)
{
    struct reader_row *row;
    uint64_t state = state_of(rwlock);
    return (state & WRITE) || is_read(rwlock, state, &row);
}

static bool may_read(const struct rwlock *rwlock, uint64_t state, uint32_t kind,
                     const struct waiter *waiter, struct reader_row **row)
{
    if (state & WRITE)
        return false;
    return prefers_readers(kind) || arch_load_relaxed(&rwlock->writers) == 0 || waiter->woken ||
           ((kind & PREFERENCE) == PREFER_WRITER && has_noted(rwlock)) ||
           !is_read(rwlock, state, row);
}

/* 0, EAGAIN, or EBUSY with *state as found, and *row one that has the lock, if it waits for rows alone. */
static int take_read(struct rwlock *rwlock, uint32_t kind, const struct waiter *waiter,
                     uint64_t *state, struct reader_row **row)
{
    bool wakes;
    uint64_t next;
    do {
        *row = NULL;
        if (!may_read(rwlock, *state, kind, waiter, row))
            return EBUSY;
        if (readers_of(*state) == MAX_READERS)
            return EAGAIN;
        next = (*state & ~(OFFERED | waiter->used_up)) + READER;
        wakes = prefers_readers(kind) && (*state & SLEEP_R);
        if (wakes)
            next = later(next & ~(SLEEP_R | CLAIM_R));
    } while (!transition(rwlock, state, next));
    /* where one reads, others may */
    if (wakes)
        unpark(sleep_word(rwlock), EVERYONE, PRIVATE, READERS);
    return 0;
}

static uint32_t in_short(uint64_t ticks)
{
    return (uint32_t)(ticks >> 10);
}

/* Where writers come too often for membarriers, readers had better fence. */
static uint64_t way_of_entering(const struct rwlock *rwlock, uint64_t state, uint64_t now)
{
    uint32_t since = in_short(now) - arch_load_relaxed(&rwlock->shut_at);
    if (state & ASYMMETRIC)
        return ASYMMETRIC;
    bool restless = since < in_short(RESTLESS * asymmetric_price());
    return asymmetric_may_begin(STORES) && !restless ? ASYMMETRIC : FENCED;
}

/* The caller holds a counted read lock: is it time for later readers not to be counted? */
COLD void open_rows(struct rwlock *rwlock)
{
    uint64_t state = state_of(rwlock), now = arch_ticks();
    if (is_visible(state) || (state & (SLEEP_W | CLAIM_W)) ||
        arch_load_relaxed(&rwlock->writers) > 0 ||
        now < arch_load64_relaxed(&rwlock->inhibited_until))
        return;
    rows_draw_name(rwlock);
    uint64_t way = way_of_entering(rwlock, state, now);
    /* whoever reads because of it sees what the last writer wrote, as the caller does */
    transition(rwlock, &state, (state & ~(IN_ROWS | SHUT)) | way);
}

/* Have later readers count themselves, and see all who are in rows. */
static void shut_rows(struct rwlock *rwlock, uint64_t *state)
{
    if (is_visible(*state) && !transition(rwlock, state, later(*state | SHUT)))
        return;
    if (is_visible(*state))
        *state = later(*state | SHUT);
    if (!(*state & ASYMMETRIC))
        return;
    asymmetric_barrier(STORES);
    if (transition(rwlock, state, (*state & ~ASYMMETRIC) | FENCED))
        *state = (*state & ~ASYMMETRIC) | FENCED;
}

/* What writers pay is kept below a tenth: readers count themselves for a time thereafter. */
static void inhibit(struct rwlock *rwlock, uint64_t since)
{
    uint64_t now = arch_ticks(), until = now + INHIBITION * (now - since);
    if (until > arch_load64_relaxed(&rwlock->inhibited_until))
        arch_store64_relaxed(&rwlock->inhibited_until, until);
    arch_store_relaxed(&rwlock->shut_at, in_short(now));
}

/* True if it is taken; else *state as found, and *row as above. `others`: SLEEP_W if others may sleep. */
static bool take_write(struct rwlock *rwlock, uint64_t drops, uint64_t others, uint64_t *state,
                       struct reader_row **row)
{
    unsigned long in_rows;
    uint64_t next;
    do {
        *row = NULL;
        in_rows = 0;
        uint64_t start = *state & IN_ROWS ? arch_ticks() : 0;
        while ((*state & IN_ROWS) && !(*state & WRITE) && (*state & (SHUT | ASYMMETRIC)) != SHUT)
            shut_rows(rwlock, state);
        if (*state & WRITE)
            return false;
        if (*state & IN_ROWS) {
            /* what follows is not seen as it was before SHUT, whoever has set that */
            arch_fence_after_rmw();
            in_rows = rows_count(rows_name(rwlock), true, row);
            inhibit(rwlock, start);
        }
        if (readers_of(*state) + in_rows > given_of(*state)) {
            if (readers_of(*state) > 0)
                *row = NULL;
            return false;
        }
        next = (*state & (ASLEEP | CLAIM_R | CLAIM_W | LATER) & ~drops) | others | WRITE;
    } while (!transition(rwlock, state, next));
    if (unlikely(in_rows > 0 || arch_load_relaxed(&rwlock->noted_elsewhere))) {
        rows_clear(rows_name(rwlock));
        arch_store_relaxed(&rwlock->noted_elsewhere, 0);
    }
    arch_store64_relaxed(&rwlock->writer.whole, self_name());
    return true;
}

/* Waiting. */

static struct waiter begin(struct wish wish)
{
    bool courteous = !wish.try && !wish.deadline;
    return (struct waiter){.start = arch_ticks(), .passes = courteous ? 0 : OFFERED | CLAIM_W};
}

static bool makes_way(struct waiter *waiter, uint64_t state, uint64_t bits)
{
    bits &= state & ~waiter->passes;
    if (!bits || (state & WRITE))
        return false;
    waiter->passes |= bits;
    waiter->used_up |= bits & CLAIM_W;
    stand_aside();
    return true;
}

static bool is_patient(const struct waiter *waiter)
{
    return arch_ticks() - waiter->start < ticks_in(PATIENCE) + TIMES_ASIDE * self.aside.took;
}

static void spin_while(struct rwlock *rwlock, uint64_t held)
{
    struct spin spin;
    if (has_just_waited())
        stand_aside();
    if (!spin_wanted(&spin, &rwlock->hints))
        return;
    bool found;
    do
        found = (arch_load64_relaxed(&rwlock->state) & held) == 0;
    while (!found && spin_goes_on(&spin));
    spin_report(&spin, found);
}

/* Say in the state that the caller is about to sleep. False if the state has changed. */
static bool announce(struct rwlock *rwlock, uint64_t *state, uint64_t bits, struct waiter *waiter)
{
    uint64_t next = *state | bits;
    if (next != *state && !transition(rwlock, state, next))
        return false;
    *state = next;
    waiter->used_up |= bits & CLAIM_W;
    return true;
}

/* What came of a sleep. True if the caller is to wait no longer. */
static bool is_over(int error, struct waiter *waiter, struct wish wish)
{
    if (error == ETIMEDOUT || error == EINVAL)
        return true;
    if (error == 0) {
        waiter->slept = true;
        waiter->passes = OFFERED | CLAIM_W;
    } else if (error == EAGAIN && !waiter->slept && !wish.deadline) {
        stand_aside();
    }
    return false;
}

COLD int acquire_read(struct rwlock *rwlock, uint32_t kind, struct wish wish)
{
    struct waiter waiter = begin(wish);
    struct reader_row *row;
    bool met = false;
    for (;;) {
        uint64_t state = state_of(rwlock);
        if (makes_way(&waiter, state, OFFERED | CLAIM_W))
            continue;
        int error = take_read(rwlock, kind, &waiter, &state, &row);
        if (error == 0 && (kind & PREFERENCE) == PREFER_WRITER)
            note(rwlock, wish.try);
        if (error == 0 && met)
            note_wait(waiter.start);
        if (error != EBUSY || wish.try)
            return error;
        if (!met && is_writer(rwlock))
            return EDEADLK;
        if (!met && prefers_readers(kind))
            spin_while(rwlock, WRITE);
        met = true;
        bool claims = !prefers_readers(kind) || !is_patient(&waiter);
        if (!announce(rwlock, &state, SLEEP_R | (claims ? CLAIM_R : 0), &waiter))
            continue;
        error = row ? rows_await(row, rwlock, wish.deadline)
                    : park(sleep_word(rwlock), (uint32_t)state, wish.deadline, PRIVATE, READERS);
        waiter.woken = !row && error == 0;
        if (is_over(error, &waiter, wish))
            return error;
    }
}

/*
 * A writer sleeps while readers hold the lock, for a millisecond first, in order to claim then, and twice
 * as long each time that it comes back to claim again, up to 64.
 */
static int sleep_to_write(struct rwlock *rwlock, uint64_t state, struct waiter *waiter,
                          const struct deadline *deadline)
{
    if (state & WRITE)
        return park(sleep_word(rwlock), (uint32_t)state, deadline, PRIVATE, WRITERS);
    long time = (long)FIRST_NAP << waiter->naps;
    waiter->naps += waiter->naps < MOST_DOUBLED;
    return nap(sleep_word(rwlock), (uint32_t)state, time, deadline);
}

/* Whoever sleeps, or is about to, looks again. */
static void let_all_look(struct rwlock *rwlock)
{
    uint64_t state = state_of(rwlock);
    while (!transition(rwlock, &state, later(state)))
        ;
    unpark(sleep_word(rwlock), EVERYONE, PRIVATE, ANY);
}

static int wait_to_write(struct rwlock *rwlock, struct wish wish)
{
    struct waiter waiter = begin(wish);
    struct reader_row *row;
    spin_while(rwlock, WRITE | READER * MAX_READERS);
    for (;;) {
        uint64_t state = state_of(rwlock);
        if (makes_way(&waiter, state, OFFERED))
            continue;
        if (take_write(rwlock, waiter.used_up, waiter.slept ? SLEEP_W : 0, &state, &row)) {
            note_wait(waiter.start);
            return 0;
        }
        /*
         * Woken in vain: others are at it. Or it has to wait for a row; who leaves that wakes nobody
         * but those who wait for it, and so whoever sleeps is to look, too.
         */
        if (waiter.woken && (row || !wish.deadline)) {
            waiter.woken = false;
            if (row)
                let_all_look(rwlock);
            else
                stand_aside();
            continue;
        }
        uint64_t claim = is_patient(&waiter) ? 0 : CLAIM_W;
        if (!announce(rwlock, &state, SLEEP_W | claim, &waiter))
            continue;
        int error = row ? rows_await(row, rwlock, wish.deadline)
                        : sleep_to_write(rwlock, state, &waiter, wish.deadline);
        waiter.woken = !row && error == 0;
        if (is_over(error, &waiter, wish))
            return error;
    }
}

COLD int acquire_write(struct rwlock *rwlock, uint32_t kind, struct wish wish)
{
    uint64_t state = state_of(rwlock);
    struct reader_row *row;
    bool courteous = !wish.try && !wish.deadline;
    /* an attempt that will fail does not send readers away */
    if (wish.try && is_visible(state) && is_read(rwlock, state, &row))
        return EBUSY;
    if (!(courteous && (state & OFFERED)) && take_write(rwlock, 0, 0, &state, &row))
        return 0;
    if (wish.try)
        return EBUSY;
    if (is_writer(rwlock))
        return EDEADLK;
    if (prefers_readers(kind))
        return wait_to_write(rwlock, wish);
    arch_fetch_add(&rwlock->writers, 1);
    int error = wait_to_write(rwlock, wish);
    arch_fetch_add(&rwlock->writers, -1u);
    if (error)
        let_all_look(rwlock);
    return error;
}
