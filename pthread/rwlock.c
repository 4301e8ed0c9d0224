/*
 * Read-write locks.
 *
 *      63       32 31       7   6         5         4         3         2       1       0
 *      +----------+----------+---------+---------+---------+---------+-------+-------+-------+
 *      | readers  | writers  | SLEEP_W | SLEEP_R | CLAIM_W | CLAIM_R | PHASE | PHASE | WRITE |
 *      |          | waiting  |         |         |         |         |  _W   |  _R   |       |
 *      +----------+----------+---------+---------+---------+---------+-------+-------+-------+
 *
 *   readers    how many hold the lock for reading and are counted; negative if others are not, and
 *              some of those were released by another thread (readers.h)
 *   writers    how many wait for writing
 *   WRITE      a writer holds it
 *   SLEEP_R/W  readers, writers sleep, perhaps; the hint is dropped by the release that wakes them
 *   CLAIM_R/W  a reader, a writer that waits is to be given the lock by the release itself
 *   PHASE_R/W  changes each time that happens
 *
 * Everybody sleeps on the low half, which changes whenever somebody asleep might go on; the count
 * of readers is in the high half, so that readers who come and go keep nobody from falling asleep.
 *
 * A released lock is free for whoever comes first, which is mostly a thread that runs: a sleeper
 * takes many microseconds to arrive. So that it does not lose for ever, a sleeper that was woken
 * and found the lock taken again makes a claim, and the next release that could serve it passes the
 * lock on to it. There is one claim for readers and one for writers; the claimant tells by the
 * phase that it has been served. It need not be told apart from a later claimant: between being
 * served and noticing it holds the lock, so that its phase cannot change twice.
 *
 * Kinds. PREFER_READER: readers enter unless a writer holds the lock. The writer-preferring kinds:
 * readers do not join others while a writer waits, and the first reader that waits makes a claim,
 * so that each writer's release lets the waiting readers in. Of these PREFER_WRITER lets a thread
 * that holds such a read lock have another in any case, since it would wait for itself.
 *
 * A reader of the reader-preferring kind adds itself before it looks. If it finds a writer it takes
 * itself off again, but only while the writer is there: otherwise it holds the lock.
 *
 * Waiters do not spin. Threads that share a lock for short sections cost each other cache line
 * transfers, three times the price of an operation that is left alone. So a waiter that finds the
 * lock released before it could fall asleep does not join in at once, but stands aside for a tenth of
 * a millisecond (measured: half the time, with one write in twenty).
 *
 * Visible readers (readers.h) do not count themselves here. A writer that has WRITE turns their mode
 * off, and if it finds any of them in the rows, it gives WRITE back, so that others go on reading as
 * the kind has it, waits until they have left, and tries again. Readers that hold a counted lock turn
 * the mode on, every so often, unless a writer waits or has had to look through the rows lately:
 *
 *      COUNTED --a reader, with the lock--> FENCED or ASYMMETRIC --a writer, with WRITE--> LEAVING
 *         ^                                          ^                                       |  |
 *         |                                          +- a reader, with the lock; that writer +  |
 *         +--------------------- a writer with WRITE that has found nobody ---------------------+
 *
 * Nobody enters a row, and stays, once a writer with WRITE has turned the mode off; and nobody else
 * turns it on while there is WRITE. So the rows stay empty of the lock when they were found empty.
 *
 * A reader that is not gone after two microseconds has mostly lost its CPU, and may be long. Where readers are
 * preferred, a writer that meets one for the first time turns the mode on again, so that the others
 * do not all count themselves meanwhile, and tries again when that one has left, or a millisecond
 * later.
 *
 * The release is the last touch; wakes go by address. A release that finds a stale hint, and wakes
 * none of the class that it preferred, wakes the other class instead.
 */
#include "asymmetric.h"
#include "checked.h"
#include "layout.h"
#include "spinning.h"
#include "readers.h"
#include "rwlock/kind.h"
#include "rwlock/shared.h"
#include "self.h"

#include <errno.h>

#define WRITE 0x01ul
#define PHASE_R 0x02ul
#define PHASE_W 0x04ul
#define CLAIM_R 0x08ul
#define CLAIM_W 0x10ul
#define SLEEP_R 0x20ul
#define SLEEP_W 0x40ul
#define WAITING_WRITER (1ul << 7)
#define WAITING_WRITERS 0xffffff80ul
#define READER (1ul << 32)
#define MAX_READERS 0xffffff

/* Classes of sleepers. A claimant is woken with its class or alone. */
enum { READERS = 1, WRITERS = 2, CLAIMANT_W = 4 };

static enum scope scope_of(uint32_t kind)
{
    return kind & RWLOCK_SHARED ? SHARED : PRIVATE;
}

/* What a writer is known by: other processes know it by its tid alone, if it has one. */
static uint64_t name_of_self(uint32_t kind)
{
    union name shared = {.tid = kind & RWLOCK_SHARED ? self_tid() : 0};
    return likely(shared.tid == 0) ? self_name() : shared.whole;
}

static bool is_writer(const struct rwlock *rwlock, uint32_t kind)
{
    uint64_t writer = arch_load64_relaxed(&rwlock->writer.whole);
    return kind & RWLOCK_SHARED ? writer == name_of_self(kind) : self_is(writer);
}

static const uint32_t *sleep_word(const struct rwlock *rwlock)
{
    const uint32_t *halves = (const uint32_t *)&rwlock->state;
    return &halves[__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__];
}

static bool transition(struct rwlock *rwlock, uint64_t *state, uint64_t next)
{
    return arch_cas64_fetch(&rwlock->state, state, next);
}

static long readers_of(uint64_t state)
{
    return (int32_t)(state >> 32);
}

static bool has_readers(uint64_t state)
{
    return readers_of(state) > 0;
}

static bool may_write(uint64_t state)
{
    return !(state & WRITE) && !has_readers(state);
}

/*
 * `woken`: by a release that meant this reader to enter. A free lock is for anyone, so that a
 * writer that was killed while it waited does not shut it.
 */
static bool may_read(const struct rwlock *rwlock, uint64_t state, uint32_t kind, bool woken)
{
    if (state & WRITE)
        return false;
    if (!(state & WAITING_WRITERS) || woken)
        return true;
    if (!has_readers(state) && arch_load_relaxed(&rwlock->mode) == READERS_COUNTED)
        return true;
    return (kind & KIND_BITS) == PREFER_READER ||
           ((kind & KIND_BITS) == PREFER_WRITER && self.read_locks > 0);
}

static int got_read(uint32_t kind)
{
    if ((kind & KIND_BITS) == PREFER_WRITER)
        self.read_locks++;
    return 0;
}

static int got_write(struct rwlock *rwlock, uint32_t kind)
{
    arch_store64_relaxed(&rwlock->writer.whole, name_of_self(kind));
    return 0;
}

/* One that waits: its claim once made, in which phase it was, and what it counts for. */
struct waiter {
    uint64_t claim, phase_bit, phase;
    uint64_t counted;
};

static bool served(const struct waiter *waiter, uint64_t state)
{
    return waiter->claim && (state & waiter->phase_bit) != waiter->phase;
}

/* The state without the waiter. */
static uint64_t without(const struct waiter *waiter, uint64_t state)
{
    return (state & ~waiter->claim) - waiter->counted;
}

/*
 * Take the lock if it can be had: 0, EAGAIN, or EBUSY with *state as found. A claim that was served
 * meanwhile has been given the lock already, and one that was not is dropped.
 */
static int try_read(struct rwlock *rwlock, uint32_t kind, bool woken, const struct waiter *waiter,
                    uint64_t *state)
{
    for (;;) {
        if (served(waiter, *state))
            return 0;
        if (!may_read(rwlock, *state, kind, woken))
            return EBUSY;
        if (readers_of(*state) >= MAX_READERS)
            return EAGAIN;
        if (transition(rwlock, state, without(waiter, *state) + READER))
            return 0;
    }
}

/* `others`: the hint that others sleep, from one that has slept with them. */
static int try_write(struct rwlock *rwlock, uint64_t others, const struct waiter *waiter,
                     uint64_t *state)
{
    for (;;) {
        if (served(waiter, *state))
            return 0;
        if (!may_write(*state))
            return EBUSY;
        if (transition(rwlock, state, without(waiter, *state) | WRITE | others))
            return 0;
    }
}

static uint64_t current(struct rwlock *rwlock)
{
    return arch_load64_acquire(&rwlock->state);
}

/*
 * Say in the state that the caller is about to sleep: the hint, its count, and the claim `wanted`
 * unless another has it. False if the state changed.
 */
static bool announce(struct rwlock *rwlock, uint64_t *state, uint64_t hint, uint64_t count,
                     uint64_t wanted, struct waiter *waiter)
{
    uint64_t claim = waiter->claim ? 0 : wanted & ~*state;
    uint64_t next = (*state | hint | claim) + (count - waiter->counted);
    if (next != *state && !transition(rwlock, state, next))
        return false;
    waiter->counted = count;
    if (claim) {
        waiter->claim = claim;
        waiter->phase = next & waiter->phase_bit;
    }
    *state = next;
    return true;
}

/*
 * Give up waiting, with the deadline passed or out of order. False if the claim was served: then
 * the caller has the lock. Otherwise others, who may have waited because of the caller, look again:
 * of readers, one is to make the claim instead; when a writer goes, all may be able to enter.
 */
static bool withdraw(struct rwlock *rwlock, uint32_t kind, const struct waiter *waiter)
{
    uint64_t state = current(rwlock), hints = waiter->counted ? SLEEP_R | SLEEP_W : SLEEP_R;
    if (!waiter->claim && !waiter->counted)
        return true;
    do {
        if (served(waiter, state))
            return false;
    } while (!transition(rwlock, &state, without(waiter, state) & ~hints));
    if (state & hints)
        unpark(sleep_word(rwlock), EVERYONE, scope_of(kind), waiter->counted ? ANY : READERS);
    return true;
}

/* Visible readers. */

enum { READS_BETWEEN = 16, INHIBITION = 9, RESTLESS = 20, A_MOMENT = 2 * ARCH_TICKS_PER_US };

/* The caller holds a counted read lock: is it time for later readers not to be counted? */
static COLD void invite_readers(struct rwlock *rwlock)
{
    uint32_t mode = arch_load_relaxed(&rwlock->mode);
    if (readers_visible(mode) || (arch_load_relaxed(&rwlock->kind) & RWLOCK_SHARED) ||
        (current(rwlock) & WAITING_WRITERS) ||
        arch_ticks() < arch_load64_relaxed(&rwlock->inhibited_until))
        return;
    bool fences = !asymmetric_may_begin() || arch_load_relaxed(&rwlock->restless);
    /* whoever reads because of it sees what the last writer wrote, as the caller does */
    arch_store_release(&rwlock->mode, fences ? READERS_FENCED : READERS_ASYMMETRIC);
}

static inline void count_read(struct rwlock *rwlock)
{
    uint32_t reads = arch_load_relaxed(&rwlock->reads) + 1;
    arch_store_relaxed(&rwlock->reads, reads);
    if (unlikely(reads % READS_BETWEEN == 0))
        invite_readers(rwlock);
}

/*
 * Does anyone hold the lock for reading without being counted? *row becomes one that has it. While
 * the mode is off the answer changes once, to no: readers only leave their rows, or count themselves
 * off for others. Those who have added themselves and found a writer make a no a yes until they have
 * taken themselves off again, some instructions later.
 */
static bool has_visible_readers(struct rwlock *rwlock, struct reader_row **row)
{
    long counted = readers_of(current(rwlock)), visible = readers_count(rwlock, row);
    return visible > 0 && visible + counted > 0;
}

/* What writers pay is kept below a tenth: readers count themselves for a time thereafter. */
static void inhibit(struct rwlock *rwlock, uint64_t since)
{
    uint64_t now = arch_ticks(), until = now + INHIBITION * (now - since);
    if (until > arch_load64_relaxed(&rwlock->inhibited_until))
        arch_store64_relaxed(&rwlock->inhibited_until, until);
}

/* Where writers come too often for membarriers, readers had better fence. */
static void note_revocation(struct rwlock *rwlock, uint64_t now)
{
    uint64_t since = now - arch_load64_relaxed(&rwlock->revoked_at);
    arch_store64_relaxed(&rwlock->revoked_at, now);
    arch_store_relaxed(&rwlock->restless, since < RESTLESS * asymmetric_price());
}

/* The caller has WRITE. True if there is no visible reader, nor will be. */
static COLD bool shut_out_readers(struct rwlock *rwlock, struct reader_row **row)
{
    uint64_t start = arch_ticks();
    uint32_t mode = arch_load_relaxed(&rwlock->mode);
    if (readers_visible(mode))
        arch_exchange(&rwlock->mode, mode | READERS_LEAVING);
    if (mode & READERS_ASYMMETRIC)
        asymmetric_barrier(STORES);
    bool gone = !has_visible_readers(rwlock, row);
    /* most are gone within two microseconds: then WRITE need not be given back */
    while (!gone && arch_ticks() - start < A_MOMENT) {
        arch_pause();
        gone = !has_visible_readers(rwlock, row);
    }
    /* else there is more to count off than there is counted, and the next writer looks again */
    if (gone && readers_of(current(rwlock)) >= 0)
        arch_store_relaxed(&rwlock->mode, READERS_COUNTED);
    inhibit(rwlock, start);
    note_revocation(rwlock, start);
    return gone;
}

static inline bool readers_are_out(struct rwlock *rwlock, struct reader_row **row)
{
    if (likely(arch_load_relaxed(&rwlock->mode) == READERS_COUNTED))
        return true;
    return shut_out_readers(rwlock, row);
}

static COLD int wait_to_read(struct rwlock *rwlock, uint32_t kind, const struct deadline *deadline)
{
    if (is_writer(rwlock, kind))
        return EDEADLK;
    struct waiter waiter = {.phase_bit = PHASE_R};
    bool woken = false, patient = (kind & KIND_BITS) == PREFER_READER;
    for (;;) {
        uint64_t state = current(rwlock);
        int error = try_read(rwlock, kind, woken, &waiter, &state);
        if (error != EBUSY)
            return error ? error : got_read(kind);
        if (!announce(rwlock, &state, SLEEP_R, 0, patient ? 0 : CLAIM_R, &waiter))
            continue;
        error = park(sleep_word(rwlock), state, deadline, scope_of(kind), READERS);
        woken = error == 0;
        if (error == EAGAIN)
            stand_aside();
        if (woken)
            patient = false;
        if ((error == ETIMEDOUT || error == EINVAL) && withdraw(rwlock, kind, &waiter))
            return error;
    }
}

static COLD int release_write(struct rwlock *rwlock, uint64_t state, uint32_t kind);

/*
 * Until the rows are empty, as a waiting writer without WRITE. 0, or the deadline's error; then the
 * caller does not wait any more.
 */
static int await_readers(struct rwlock *rwlock, uint32_t kind, const struct deadline *deadline,
                         struct waiter *waiter, struct reader_row *row)
{
    uint64_t state = current(rwlock);
    while (!announce(rwlock, &state, 0, WAITING_WRITER, 0, waiter))
        state = current(rwlock);
    int error;
    do
        error = readers_await(row, rwlock, deadline);
    while (error == 0 && !has_readers(current(rwlock)) && has_visible_readers(rwlock, &row));
    if (error && withdraw(rwlock, kind, waiter))
        return error;
    return 0;
}

static COLD int wait_to_write(struct rwlock *rwlock, uint32_t kind, const struct deadline *deadline)
{
    if (is_writer(rwlock, kind))
        return EDEADLK;
    struct waiter waiter = {.phase_bit = PHASE_W};
    struct reader_row *row;
    uint64_t others = 0;
    bool patient = true, lenient = (kind & KIND_BITS) == PREFER_READER;
    for (;;) {
        uint64_t state = current(rwlock);
        if (try_write(rwlock, others, &waiter, &state) == 0) {
            if (readers_are_out(rwlock, &row))
                return got_write(rwlock, kind);
            if (lenient)
                arch_store_relaxed(&rwlock->mode, READERS_FENCED);
            release_write(rwlock, current(rwlock), kind);
            waiter = (struct waiter){.phase_bit = PHASE_W};
            int error = lenient ? readers_await(row, rwlock, deadline)
                                : await_readers(rwlock, kind, deadline, &waiter, row);
            lenient = false;
            if (error)
                return error;
            continue;
        }
        if (!announce(rwlock, &state, SLEEP_W, WAITING_WRITER, patient ? 0 : CLAIM_W, &waiter))
            continue;
        int error = park(sleep_word(rwlock), state, deadline, scope_of(kind),
                         waiter.claim ? CLAIMANT_W : WRITERS);
        if (error == EAGAIN)
            stand_aside();
        if (error == 0) {
            patient = false;
            others = SLEEP_W;
        }
        if ((error == ETIMEDOUT || error == EINVAL) && withdraw(rwlock, kind, &waiter))
            return error;
    }
}

/* Releasing. Each computes the next state and whom to wake for it. */

enum wake { NOBODY, WAKE_READERS, WAKE_WRITER, WAKE_CLAIMANT };

/* The lock is free but for `state`'s hints and claims: to whom it goes. */
static uint64_t free_for_writer(uint64_t state, enum wake *wake)
{
    if (state & SLEEP_W) {
        *wake = WAKE_WRITER;
        return state & ~SLEEP_W;
    }
    if (state & SLEEP_R) {
        *wake = WAKE_READERS;
        return state & ~SLEEP_R;
    }
    *wake = NOBODY;
    return state;
}

static uint64_t pass_to_writer(uint64_t state, enum wake *wake)
{
    *wake = WAKE_CLAIMANT;
    return (((state ^ PHASE_W) & ~CLAIM_W) | WRITE) - WAITING_WRITER;
}

static uint64_t after_read(uint64_t state, enum wake *wake)
{
    state -= READER;
    *wake = NOBODY;
    if (has_readers(state) || (state & WRITE))
        return state;
    return state & CLAIM_W ? pass_to_writer(state, wake) : free_for_writer(state, wake);
}

static uint64_t after_write(uint64_t state, uint32_t kind, enum wake *wake)
{
    state &= ~WRITE;
    if (state & CLAIM_R) {
        *wake = WAKE_READERS;
        return ((state ^ PHASE_R) & ~(CLAIM_R | SLEEP_R)) + READER;
    }
    if (state & CLAIM_W)
        return pass_to_writer(state, wake);
    if ((state & SLEEP_R) && (kind & KIND_BITS) == PREFER_READER) {
        *wake = WAKE_READERS;
        return state & ~SLEEP_R;
    }
    return free_for_writer(state, wake);
}

static COLD void wake_after(const uint32_t *word, uint32_t kind, enum wake wake, uint64_t state)
{
    enum scope scope = scope_of(kind);
    int woken = 0;
    switch (wake) {
    case NOBODY:
        return;
    case WAKE_CLAIMANT:
        unpark(word, 1, scope, CLAIMANT_W);
        return;
    case WAKE_WRITER:
        woken = unpark(word, 1, scope, WRITERS);
        break;
    case WAKE_READERS:
        woken = unpark(word, EVERYONE, scope, READERS);
        break;
    }
    if (woken == 0 && (state & (SLEEP_R | SLEEP_W)))
        unpark(word, EVERYONE, scope, ANY);
}

static COLD int release_write(struct rwlock *rwlock, uint64_t state, uint32_t kind)
{
    const uint32_t *word = sleep_word(rwlock);
    enum wake wake;
    uint64_t next;
    do
        next = after_write(state, kind, &wake);
    while (!transition(rwlock, &state, next));
    wake_after(word, kind, wake, next);
    return 0;
}

static COLD int release_read(struct rwlock *rwlock, uint64_t state, uint32_t kind)
{
    const uint32_t *word = sleep_word(rwlock);
    enum wake wake;
    uint64_t next;
    do {
        struct reader_row *row;
        if (!has_readers(state) && !has_visible_readers(rwlock, &row))
            return EPERM;
        self.crowded = state != READER;
        next = after_read(state, &wake);
    } while (!transition(rwlock, &state, next));
    if ((kind & KIND_BITS) == PREFER_WRITER && self.read_locks > 0)
        self.read_locks--;
    wake_after(word, kind, wake, next);
    return 0;
}

/* The first guess is that nobody waits. */
static inline int unlock_write(struct rwlock *rwlock, uint32_t kind)
{
    uint64_t state = WRITE;
    checked_unlock(rwlock);
    arch_store64_relaxed(&rwlock->writer.whole, 0);
    return likely(transition(rwlock, &state, 0)) ? 0 : release_write(rwlock, state, kind);
}

/*
 * The first guess is that the caller is the only reader. A thread whose guess was wrong looks first
 * from then on, until it finds itself alone.
 */
static inline int unlock_read(struct rwlock *rwlock, uint32_t kind)
{
    uint64_t state = READER;
    checked_unlock(rwlock);
    if (unlikely(self.crowded || kind != PREFER_READER))
        return release_read(rwlock, current(rwlock), kind);
    return likely(transition(rwlock, &state, 0)) ? 0 : release_read(rwlock, state, kind);
}

static COLD int unlock_kind(struct rwlock *rwlock, uint32_t kind)
{
    if (!is_valid(kind))
        return EINVAL;
    if (readers_leave(rwlock)) {
        if ((kind & KIND_BITS) == PREFER_WRITER && self.read_locks > 0)
            self.read_locks--;
        return 0;
    }
    if (arch_load64_relaxed(&rwlock->writer.whole) == 0)
        return unlock_read(rwlock, kind);
    return is_writer(rwlock, kind) ? unlock_write(rwlock, kind) : EPERM;
}

/* The caller has added itself and found a writer, or too many readers. */
static COLD int read_lock_late(struct rwlock *rwlock, const struct deadline *deadline, bool try)
{
    uint64_t state = current(rwlock);
    do {
        bool many = readers_of(state) > MAX_READERS;
        if (!(state & WRITE) && !many)
            return 0;
        if (transition(rwlock, &state, state - READER))
            return many ? EAGAIN : try ? EBUSY : wait_to_read(rwlock, PREFER_READER, deadline);
    } while (true);
}

static COLD int read_lock_kind(struct rwlock *rwlock, const struct deadline *deadline, bool try)
{
    static const struct waiter none;
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (!is_valid(kind))
        return EINVAL;
    uint32_t mode = arch_load_relaxed(&rwlock->mode);
    if (readers_enter_late(rwlock, mode, try))
        return got_read(kind);
    uint64_t state = current(rwlock);
    int error = try_read(rwlock, kind, false, &none, &state);
    if (error == 0) {
        count_read(rwlock);
        return got_read(kind);
    }
    return try || error != EBUSY ? error : wait_to_read(rwlock, kind, deadline);
}

static __attribute__((noinline)) int read_lock_counted(struct rwlock *rwlock,
                                                       const struct deadline *deadline, bool try)
{
    uint64_t before = arch_fetch_add64(&rwlock->state, READER);
    if (unlikely((before & WRITE) || readers_of(before) >= MAX_READERS))
        return read_lock_late(rwlock, deadline, try);
    count_read(rwlock);
    return 0;
}

static COLD int read_lock_other_slot(struct rwlock *rwlock, const struct deadline *deadline,
                                     bool try)
{
    if (readers_enter_late(rwlock, arch_load_relaxed(&rwlock->mode), try))
        return 0;
    return read_lock_counted(rwlock, deadline, try);
}

static COLD int read_lock_after_change(struct rwlock *rwlock, const struct deadline *deadline,
                                       bool try)
{
    readers_leave_slot(self.row, &self.row->slots[0]);
    return read_lock_counted(rwlock, deadline, try);
}

static inline int read_lock(struct rwlock *rwlock, const struct deadline *deadline, bool try)
{
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (unlikely(kind != PREFER_READER))
        return kind & RWLOCK_SHARED ? shared_read(rwlock, kind, (struct wish){deadline, try})
                                    : read_lock_kind(rwlock, deadline, try);
    uint32_t mode = arch_load_relaxed(&rwlock->mode);
    if (!likely(readers_visible(mode)))
        return read_lock_counted(rwlock, deadline, try);
    struct reader_row *row = self.row;
    if (!readers_have_room(row) || !readers_occupy(rwlock, mode, &row->slots[0]))
        return read_lock_other_slot(rwlock, deadline, try);
    return readers_entered(rwlock, mode) ? 0 : read_lock_after_change(rwlock, deadline, try);
}

static COLD int write_lock_late(struct rwlock *rwlock, const struct deadline *deadline, bool try,
                                uint64_t state)
{
    static const struct waiter none;
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (!is_valid(kind))
        return EINVAL;
    struct reader_row *row;
    /* an attempt that will fail does not send readers away */
    if (try && arch_load_relaxed(&rwlock->mode) != READERS_COUNTED &&
        has_visible_readers(rwlock, &row))
        return EBUSY;
    if (try_write(rwlock, 0, &none, &state) == 0) {
        if (readers_are_out(rwlock, &row))
            return got_write(rwlock, kind);
        release_write(rwlock, current(rwlock), kind);
    }
    return try ? EBUSY : wait_to_write(rwlock, kind, deadline);
}

/* The first guess is a lock that nobody holds and nobody has waited for. */
static inline int write_lock(struct rwlock *rwlock, const struct deadline *deadline, bool try)
{
    uint64_t state = 0;
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (unlikely(kind & RWLOCK_SHARED))
        return shared_write(rwlock, kind, (struct wish){deadline, try});
    if (unlikely(kind != PREFER_READER || arch_load_relaxed(&rwlock->mode) != READERS_COUNTED))
        return write_lock_late(rwlock, deadline, try, current(rwlock));
    if (unlikely(!transition(rwlock, &state, WRITE)))
        return write_lock_late(rwlock, deadline, try, state);
    if (likely(arch_load_relaxed(&rwlock->mode) == READERS_COUNTED))
        return got_write(rwlock, PREFER_READER);
    release_write(rwlock, current(rwlock), PREFER_READER);
    return write_lock_late(rwlock, deadline, try, current(rwlock));
}

PUBLIC int pthread_rwlock_rdlock(pthread_rwlock_t *object)
{
    return checked_locked(object, false, read_lock((struct rwlock *)object, NULL, false));
}

PUBLIC int pthread_rwlock_tryrdlock(pthread_rwlock_t *object)
{
    return checked_locked(object, false, read_lock((struct rwlock *)object, NULL, true));
}

PUBLIC int pthread_rwlock_clockrdlock(pthread_rwlock_t *object, clockid_t clock,
                                      const struct timespec *time)
{
    struct deadline deadline = {clock, time};
    int error = deadline_clock(clock);
    if (!error)
        error = read_lock((struct rwlock *)object, &deadline, false);
    return checked_locked(object, false, error);
}

PUBLIC int pthread_rwlock_timedrdlock(pthread_rwlock_t *object, const struct timespec *time)
{
    return pthread_rwlock_clockrdlock(object, CLOCK_REALTIME, time);
}

PUBLIC int pthread_rwlock_wrlock(pthread_rwlock_t *object)
{
    return checked_locked(object, true, write_lock((struct rwlock *)object, NULL, false));
}

PUBLIC int pthread_rwlock_trywrlock(pthread_rwlock_t *object)
{
    return checked_locked(object, true, write_lock((struct rwlock *)object, NULL, true));
}

PUBLIC int pthread_rwlock_clockwrlock(pthread_rwlock_t *object, clockid_t clock,
                                      const struct timespec *time)
{
    struct deadline deadline = {clock, time};
    int error = deadline_clock(clock);
    if (!error)
        error = write_lock((struct rwlock *)object, &deadline, false);
    return checked_locked(object, true, error);
}

PUBLIC int pthread_rwlock_timedwrlock(pthread_rwlock_t *object, const struct timespec *time)
{
    return pthread_rwlock_clockwrlock(object, CLOCK_REALTIME, time);
}

static __attribute__((noinline)) int unlock_late(struct rwlock *rwlock)
{
    uint64_t writer = arch_load64_relaxed(&rwlock->writer.whole);
    if (readers_leave(rwlock))
        return 0;
    if (writer == 0)
        return unlock_read(rwlock, PREFER_READER);
    return likely(self_is(writer)) ? unlock_write(rwlock, PREFER_READER) : EPERM;
}

/* The writer is recorded after the lock is taken, but the holder itself always sees its name. */
PUBLIC int pthread_rwlock_unlock(pthread_rwlock_t *object)
{
    struct rwlock *rwlock = (struct rwlock *)object;
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (unlikely(kind != PREFER_READER))
        return kind & RWLOCK_SHARED ? shared_unlock(rwlock, kind) : unlock_kind(rwlock, kind);
    struct reader_row *row = self.row;
    if (!readers_is_first(row, rwlock))
        return unlock_late(rwlock);
    checked_unlock(rwlock);
    return readers_leave_slot(row, &row->slots[0]);
}

PUBLIC int pthread_rwlock_init(pthread_rwlock_t *object, const pthread_rwlockattr_t *attributes)
{
    uint32_t kind = attributes ? *(const uint32_t *)attributes : PREFER_READER;
    if (!is_valid(kind))
        return EINVAL;
    if ((kind & RWLOCK_ROBUST) && !(kind & RWLOCK_SHARED))
        return ENOTSUP;
    if (kind & RWLOCK_SHARED)
        shared_init((struct rwlock *)object, kind);
    else
        *(struct rwlock *)object = (struct rwlock){.kind = kind};
    return 0;
}

PUBLIC int pthread_rwlock_destroy(pthread_rwlock_t *object)
{
    struct rwlock *rwlock = (struct rwlock *)object;
    if (!rwlock)
        return 0;
    uint64_t state = current(rwlock);
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (!is_valid(kind))
        return EINVAL;
    if (kind & RWLOCK_SHARED ? shared_is_held(rwlock) : !may_write(state))
        return EBUSY;
    if (!(kind & RWLOCK_SHARED) && arch_load_relaxed(&rwlock->mode) != READERS_COUNTED) {
        struct reader_row *row;
        if (has_visible_readers(rwlock, &row))
            return EBUSY;
        readers_forget(rwlock);
    }
    arch_store_relaxed(&rwlock->kind, DESTROYED);
    return checked_gone(rwlock, sizeof *rwlock, 0);
}

PUBLIC int pthread_rwlock_consistent_np(pthread_rwlock_t *object)
{
    struct rwlock *rwlock = (struct rwlock *)object;
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (!is_valid(kind) || !(kind & RWLOCK_ROBUST))
        return EINVAL;
    return shared_consistent(rwlock, kind);
}

/* Attributes: the kind of the lock that will be made from them. */

PUBLIC int pthread_rwlockattr_init(pthread_rwlockattr_t *attributes)
{
    *(uint32_t *)attributes = PREFER_READER;
    return 0;
}

PUBLIC int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attributes)
{
    (void)attributes;
    return 0;
}

PUBLIC int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attributes, int shared)
{
    uint32_t *kind = (uint32_t *)attributes;
    if (!is_valid(*kind) || (shared != PTHREAD_PROCESS_SHARED && shared != PTHREAD_PROCESS_PRIVATE))
        return EINVAL;
    *kind =
        (*kind & ~(uint32_t)RWLOCK_SHARED) | (shared == PTHREAD_PROCESS_SHARED ? RWLOCK_SHARED : 0);
    return 0;
}

PUBLIC int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *restrict attributes,
                                         int *restrict shared)
{
    uint32_t kind = *(const uint32_t *)attributes;
    if (!is_valid(kind))
        return EINVAL;
    *shared = kind & RWLOCK_SHARED ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    return 0;
}

PUBLIC int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *attributes, int preference)
{
    uint32_t *kind = (uint32_t *)attributes;
    if (!is_valid(*kind) || preference < 0 || preference >= KINDS)
        return EINVAL;
    *kind = (*kind & ~(uint32_t)KIND_BITS) | preference;
    return 0;
}

PUBLIC int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *attributes, int *preference)
{
    uint32_t kind = *(const uint32_t *)attributes;
    if (!is_valid(kind))
        return EINVAL;
    *preference = kind & KIND_BITS;
    return 0;
}

PUBLIC int pthread_rwlockattr_setrobust_np(pthread_rwlockattr_t *attributes, int robust)
{
    uint32_t *kind = (uint32_t *)attributes;
    if (!is_valid(*kind) || (robust != PTHREAD_MUTEX_ROBUST && robust != PTHREAD_MUTEX_STALLED))
        return EINVAL;
    *kind =
        (*kind & ~(uint32_t)RWLOCK_ROBUST) | (robust == PTHREAD_MUTEX_ROBUST ? RWLOCK_ROBUST : 0);
    return 0;
}

PUBLIC int pthread_rwlockattr_getrobust_np(const pthread_rwlockattr_t *attributes, int *robust)
{
    uint32_t kind = *(const uint32_t *)attributes;
    if (!is_valid(kind))
        return EINVAL;
    *robust = kind & RWLOCK_ROBUST ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED;
    return 0;
}

/* Other names under which programs know these. */
ALIAS(pthread_rwlock_init, __pthread_rwlock_init);
ALIAS(pthread_rwlock_destroy, __pthread_rwlock_destroy);
ALIAS(pthread_rwlock_rdlock, __pthread_rwlock_rdlock);
ALIAS(pthread_rwlock_tryrdlock, __pthread_rwlock_tryrdlock);
ALIAS(pthread_rwlock_wrlock, __pthread_rwlock_wrlock);
ALIAS(pthread_rwlock_trywrlock, __pthread_rwlock_trywrlock);
ALIAS(pthread_rwlock_unlock, __pthread_rwlock_unlock);
