/*
 * Visible readers: read locks that write nothing into the lock.
 *
 * Readers that count themselves in the lock pull its cache line from one another, and pay for an
 * atomic operation on it twice. While a lock is rarely written, they show themselves elsewhere: each
 * thread has a row of slots of its own, and holds a read lock while one of them contains the lock's
 * address. A writer turns the lock's mode off, so that later readers count themselves, and looks
 * through the rows. (Dice and Kogan, "BRAVO: Biased Locking for Reader-Writer Locks", USENIX ATC
 * 2019.) When writers stay away for a while a reader turns the mode on again: rwlock.c.
 *
 *      reader                                      writer, holding the lock against counted ones
 *      slot = lock           | these two in        mode = leaving        | these two in
 *      mode still the same?  | this order          is the lock in a row? | this order
 *
 * So either the writer sees the slot, or the reader sees that the mode has changed, and takes itself
 * out again. The reader's order is made by its atomic operation (fenced), or else by the writer's
 * membarrier (asymmetric), and the reader has to find the mode that it acted under, not just any.
 *
 * Releasing is a plain store by the row's owner. A thread that releases a lock for another one thus
 * cannot clear the slot; it counts itself off in the lock, whose count of readers may so become
 * negative. A lock is held for reading as often as it is in slots and counted, together.
 *
 * Rows are never unmapped, so a writer may look at any of them at any time. A thread gives its row
 * back when it exits, unless it leaves read locks behind: those stay held.
 */
#ifndef FURWOCK_READERS_H
#define FURWOCK_READERS_H

#include "host.h"
#include "layout.h"
#include "park.h"
#include "self.h"

enum { ROW_SLOTS = 6 };

struct reader_row {
    /* the thread's id; 0: nobody's */
    uint64_t owner;
    /* a writer sleeps until something in the row changes */
    uint32_t waited;
    /* how many of the slots but the first are taken: the owner's alone */
    uint32_t others;
    uint64_t slots[ROW_SLOTS];
};

/* How readers of a lock enter. */
enum readers_mode {
    /* counted, and none is in a slot */
    READERS_COUNTED = 0,
    READERS_FENCED = 1,
    READERS_ASYMMETRIC = 2,
    /* counted, but some who came earlier may be in slots */
    READERS_LEAVING = 4,
};

static inline bool readers_visible(uint32_t mode)
{
    return (mode & (READERS_FENCED | READERS_ASYMMETRIC)) && !(mode & READERS_LEAVING);
}

/* Enter, and leave, for threads without a row and those that hold several locks. False if it cannot. */
bool readers_enter_late(const struct rwlock *rwlock, uint32_t mode, bool try);
bool readers_leave_late(const struct rwlock *rwlock);
int readers_wake(struct reader_row *row);

static inline uint64_t readers_name(const struct rwlock *rwlock)
{
    return (uintptr_t)rwlock;
}

/* The last touch of the lock: it is the row that says whether somebody waits. Returns 0. */
static inline int readers_leave_slot(struct reader_row *row, uint64_t *slot)
{
    arch_store64_release(slot, 0);
    return likely(!arch_load_relaxed(&row->waited)) ? 0 : readers_wake(row);
}

/* Does the caller hold a read lock in the first slot of its row? */
static inline bool readers_is_first(const struct reader_row *row, const struct rwlock *rwlock)
{
    return row && likely(arch_load64_relaxed(&row->slots[0]) == readers_name(rwlock));
}

/* Release a read lock that the caller holds in its row. False if it does not. */
static inline bool readers_leave(const struct rwlock *rwlock)
{
    struct reader_row *row = self.row;
    if (readers_is_first(row, rwlock))
        return readers_leave_slot(row, &row->slots[0]) == 0;
    return row && unlikely(row->others != 0) && readers_leave_late(rwlock);
}

/* Put the lock into a free slot. False if another one was in it already: a signal handler's. */
static inline bool readers_occupy(const struct rwlock *rwlock, uint32_t mode, uint64_t *slot)
{
    uint64_t none = 0;
    if (mode == READERS_ASYMMETRIC || alone()) {
        arch_store64_relaxed(slot, readers_name(rwlock));
        arch_compiler_fence();
        return true;
    }
    bool free = arch_cas64_fetch(slot, &none, readers_name(rwlock));
    arch_fence_after_rmw();
    return likely(free);
}

/* Then, is the lock held? If not, the slot is to be left again. */
static inline bool readers_entered(const struct rwlock *rwlock, uint32_t mode)
{
    return likely(arch_load_acquire(&rwlock->mode) == mode);
}

/* Is the first slot free? */
static inline bool readers_have_room(const struct reader_row *row)
{
    return likely(row && arch_load64_relaxed(&row->slots[0]) == 0);
}

/* How often is the lock in rows? *row becomes one that has it. */
long readers_count(const struct rwlock *rwlock, struct reader_row **row);

/*
 * Wait until the lock is not in the row any more, or for a millisecond: the one who leaves does not
 * always see that somebody waits. 0, or ETIMEDOUT or EINVAL for the deadline.
 */
int readers_await(struct reader_row *row, struct rwlock *rwlock, const struct deadline *deadline);

/* Nobody holds the lock, and it is going: clear what was released by others than it was taken by. */
void readers_forget(const struct rwlock *rwlock);

#endif
