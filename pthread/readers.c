/* Visible readers: readers.h has the protocol. */
#include "readers.h"
#include "spinning.h"

#include <errno.h>

enum { ROWS = 512, MILLISECOND = 1000 * 1000 };

static struct reader_row rows[ROWS] __attribute__((aligned(64)));
/* Rows from here on have never had an owner. */
static uint32_t rows_used;
/* For a thread that came when all were taken: its slots are never free. */
static struct reader_row no_row = {.slots = {1, 1, 1, 1, 1, 1}};

_Static_assert(sizeof(struct reader_row) == 64, "a cache line");

static void use_rows(uint32_t count)
{
    uint32_t used = arch_load_relaxed(&rows_used);
    while (used < count && !arch_cas_fetch(&rows_used, &used, count))
        ;
}

static struct reader_row *claim_row(void)
{
    uint64_t id = self_id();
    for (uint32_t i = 0; i < ROWS; i++) {
        uint64_t nobody = 0;
        if (arch_load64_relaxed(&rows[i].owner) == 0 &&
            arch_cas64_fetch(&rows[i].owner, &nobody, id)) {
            use_rows(i + 1);
            return &rows[i];
        }
    }
    return &no_row;
}

static void count_others(struct reader_row *row)
{
    row->others = 0;
    for (int i = 1; i < ROW_SLOTS; i++)
        row->others += arch_load64_relaxed(&row->slots[i]) != 0;
}

void readers_exit(void)
{
    struct reader_row *row = self.row;
    self.row = NULL;
    if (!row || row == &no_row)
        return;
    count_others(row);
    if (row->others == 0 && arch_load64_relaxed(&row->slots[0]) == 0)
        arch_store64_release(&row->owner, 0);
}

/* An attempt may be made by a signal handler, which must not ask libc for anything. */
COLD bool readers_enter_late(const struct rwlock *rwlock, uint32_t mode, bool try)
{
    if (!readers_visible(mode))
        return false;
    if (!self.row && !try && host_arm_exit())
        self.row = claim_row();
    struct reader_row *row = self.row;
    if (!row)
        return false;
    for (int i = 0; i < ROW_SLOTS; i++) {
        if (arch_load64_relaxed(&row->slots[i]) != 0)
            continue;
        if (!readers_occupy(rwlock, mode, &row->slots[i]))
            continue;
        bool entered = readers_entered(rwlock, mode);
        if (!entered)
            readers_leave_slot(row, &row->slots[i]);
        count_others(row);
        return entered;
    }
    return false;
}

COLD bool readers_leave_late(const struct rwlock *rwlock)
{
    struct reader_row *row = self.row;
    bool found = false;
    for (int i = 1; i < ROW_SLOTS && !found; i++) {
        found = arch_load64_relaxed(&row->slots[i]) == readers_name(rwlock);
        if (found)
            readers_leave_slot(row, &row->slots[i]);
    }
    count_others(row);
    return found;
}

static int count_in(const struct reader_row *row, const struct rwlock *rwlock)
{
    int count = 0;
    for (int i = 0; i < ROW_SLOTS; i++)
        count += arch_load64_acquire(&row->slots[i]) == readers_name(rwlock);
    return count;
}

long readers_count(const struct rwlock *rwlock, struct reader_row **row)
{
    long total = 0;
    uint32_t used = arch_load_acquire(&rows_used);
    for (uint32_t i = 0; i < used; i++) {
        int count = count_in(&rows[i], rwlock);
        if (count > 0)
            *row = &rows[i];
        total += count;
    }
    return total;
}

COLD int readers_wake(struct reader_row *row)
{
    arch_store_relaxed(&row->waited, 0);
    unpark(&row->waited, EVERYONE, PRIVATE, ANY);
    return 0;
}

static bool spin_until_gone(const struct reader_row *row, struct rwlock *rwlock)
{
    struct spin spin;
    if (!spin_wanted(&spin, &rwlock->hints))
        return false;
    bool gone;
    do
        gone = count_in(row, rwlock) == 0;
    while (!gone && spin_goes_on(&spin));
    spin_report(&spin, gone);
    return gone;
}

int readers_await(struct reader_row *row, struct rwlock *rwlock, const struct deadline *deadline)
{
    if (spin_until_gone(row, rwlock))
        return 0;
    if (!arch_load_relaxed(&row->waited))
        arch_exchange(&row->waited, 1);
    if (count_in(row, rwlock) == 0)
        return 0;
    return nap(&row->waited, 1, MILLISECOND, deadline);
}

void readers_forget(const struct rwlock *rwlock)
{
    for (uint32_t i = 0; i < arch_load_relaxed(&rows_used); i++) {
        for (int k = 0; k < ROW_SLOTS; k++) {
            uint64_t name = readers_name(rwlock);
            arch_cas64_fetch(&rows[i].slots[k], &name, 0);
        }
    }
}
