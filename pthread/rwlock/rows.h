/*
 * Readers that write nothing into the lock.
 *
 * Readers that count themselves in the lock pull its cache line from one another, and pay for an
 * atomic operation on it twice. While a lock is rarely written, they show themselves elsewhere: each
 * thread has a row of slots of its own, and holds a read lock while one of them contains the lock's
 * name. A writer shuts the lock, so that later readers count themselves, and looks through the rows.
 * (Dice and Kogan, "BRAVO: Biased Locking for Reader-Writer Locks", USENIX ATC 2019.) When writers
 * stay away for a while a reader opens it again: wait.c.
 *
 *      reader                                       writer
 *      slot = name            | these two in        state |= SHUT        | these two in
 *      state still as it was? | this order          is the name in a row?| this order
 *
 * So either the writer sees the slot, or the reader sees SHUT, and takes itself out again. The
 * reader's order is made by its atomic operation (FENCED), or else by the writer's membarrier
 * (ASYMMETRIC), and the reader has to find the way it came by, not just any. From its atomic
 * operation on, a reader counts as one that holds the lock.
 *
 * A name is a number that a lock draws when it first needs one, and that no other lock is ever
 * given. So a lock that is made where another one was has no past in any row.
 *
 * A slot is taken and left by its owner alone, by instructions that are whole to the owner's signal
 * handlers, which may take and leave slots as well: which of two slots with one name is left does not
 * matter. No other thread writes into a slot with a lock's name while the lock is held (word.h).
 *
 * Rows are never unmapped, so a writer may look at any of them at any time. A thread gives its row
 * back when it exits; if it leaves read locks behind, the row is nobody's until these are cleared.
 */
#ifndef FURWOCK_RWLOCK_ROWS_H
#define FURWOCK_RWLOCK_ROWS_H

#include "../host.h"
#include "../park.h"
#include "../self.h"
#include "word.h"

enum { ROW_SLOTS = 6 };

struct reader_row {
    /* the thread's id; 0: nobody's, and another one's as soon as no slot is taken */
    uint64_t owner;
    /* a writer sleeps until something in the row changes */
    uint32_t waited, unused;
    uint64_t slots[ROW_SLOTS];
};

/*
 * Beside a name in a slot: of a read lock that is counted in the lock, as its holder has noted it
 * (PREFER_WRITER); of a reader that has not looked yet whether it holds the lock. A signal handler's
 * unlock passes these by.
 */
enum { NOTED = 1, TRYING = 2, FROM_NAME_TO_NAME = 4 };

/* The lock's name; zero if it has not drawn one. */
static inline uint64_t rows_name(const struct rwlock *rwlock)
{
    return arch_load64_relaxed(&rwlock->name);
}

/* Draw it. Whoever sees it used in the state, sees it. */
void rows_draw_name(struct rwlock *rwlock);

/* Enter any slot of the caller's row, and draw a row if need be. False if it cannot, or SHUT. */
bool rows_enter(const struct rwlock *rwlock, uint64_t state, bool try);
/* Leave a slot with that name, or remove a note. False if there is none in the caller's row. */
bool rows_leave(uint64_t name);

/* Note a read lock. Who once had no place for a note counts as a reader of all such locks from then on. */
void rows_note(struct rwlock *rwlock, bool try);
/* Does the caller read it, counted or not? */
bool rows_have(const struct rwlock *rwlock);

/* Returns 0. */
int rows_wake(struct reader_row *row);

/* The last touch of the lock was before: it is the row that says whether somebody waits. Returns 0. */
static inline int row_left(struct reader_row *row)
{
    return likely(!arch_load_relaxed(&row->waited)) ? 0 : rows_wake(row);
}

/* Put the lock into a free slot, trying. False if it is taken meanwhile: by a signal handler. */
static inline bool row_occupy(uint64_t *slot, uint64_t name, uint64_t state)
{
    uint64_t none = 0;
    bool unseen = (state & ASYMMETRIC) || alone();
    if (unlikely(!(unseen ? arch_cas64_alone(slot, 0, name + TRYING)
                          : arch_cas64_fetch(slot, &none, name + TRYING))))
        return false;
    unseen ? arch_compiler_fence() : arch_fence_after_rmw();
    return true;
}

/* Then, is the lock held? If not, row_give_up leaves the slot again, and returns false. */
static inline bool row_entered(const struct rwlock *rwlock, uint64_t state, uint64_t *slot,
                               uint64_t name)
{
    if (unlikely((state_of(rwlock) ^ state) & (IN_ROWS | SHUT | LATER)))
        return false;
    arch_store64_relaxed(slot, name);
    return true;
}
bool row_give_up(struct reader_row *row, uint64_t *slot, uint64_t name);

/* How often is the name in the row, in all rows, with `but_for` or without? *row becomes one that has it. */
unsigned long row_count(const struct reader_row *row, uint64_t name, uint64_t but_for);
unsigned long rows_count(uint64_t name, uint64_t but_for, struct reader_row **row);

/*
 * Wait until the lock is not in the row any more, or for 900 microseconds: the one who leaves does not
 * always see that somebody waits. 0, or ETIMEDOUT or EINVAL for the deadline.
 */
int rows_await(struct reader_row *row, const struct rwlock *rwlock,
               const struct deadline *deadline);

/* Nobody holds the lock: clear what others gave back, and notes of it. */
void rows_clear(uint64_t name);

#endif
