/* Readers in rows: rows.h has the protocol. */
#include "rows.h"
#include "../spinning.h"

#include <errno.h>

enum { ROWS = 512, A_WHILE = 900 * 1000 };
#define ORPHANED UINT64_MAX

static struct reader_row rows[ROWS] __attribute__((aligned(64)));
/* Rows from here on have never had an owner. */
static uint32_t rows_used;
/* For a thread that came when all were taken: its slots are never free. */
static struct reader_row no_row = {.slots = {1, 1, 1, 1, 1, 1}};

_Static_assert(sizeof(struct reader_row) == 64, "a cache line");

COLD void rows_draw_name(struct rwlock *rwlock)
{
    static uint64_t drawn;
    uint64_t none = 0;
    if (!rows_name(rwlock))
        arch_cas64_fetch(&rwlock->name, &none,
                         arch_fetch_add64(&drawn, FROM_NAME_TO_NAME) + FROM_NAME_TO_NAME);
}

static bool is_empty(const struct reader_row *row)
{
    for (int i = 0; i < ROW_SLOTS; i++)
        if (arch_load64_relaxed(&row->slots[i]) != 0)
            return false;
    return true;
}

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
        uint64_t owner = arch_load64_acquire(&rows[i].owner);
        if ((owner == 0 || (owner == ORPHANED && is_empty(&rows[i]))) &&
            arch_cas64_fetch(&rows[i].owner, &owner, id)) {
            use_rows(i + 1);
            return &rows[i];
        }
    }
    return &no_row;
}

void readers_exit(void)
{
    struct reader_row *row = self.row;
    self.row = NULL;
    if (row && row != &no_row)
        arch_store64_release(&row->owner, is_empty(row) ? 0 : ORPHANED);
}

/* An attempt may be made by a signal handler, which must not ask libc for anything. */
static struct reader_row *own_row(bool try)
{
    if (!self.row && !try && host_arm_exit())
        self.row = claim_row();
    return self.row;
}

COLD bool rows_enter(const struct rwlock *rwlock, uint64_t state, bool try)
{
    struct reader_row *row = is_visible(state) ? own_row(try) : NULL;
    uint64_t name = rows_name(rwlock);
    for (int i = 0; row && i < ROW_SLOTS; i++) {
        if (arch_load64_relaxed(&row->slots[i]) != 0 || !row_occupy(&row->slots[i], name, state))
            continue;
        return row_entered(rwlock, state, row, &row->slots[i], name);
    }
    return false;
}

bool rows_note(uint64_t note, bool try)
{
    struct reader_row *row = own_row(try);
    for (int i = 0; row && i < ROW_SLOTS; i++)
        if (arch_load64_relaxed(&row->slots[i]) == 0 && arch_cas64_alone(&row->slots[i], 0, note))
            return true;
    return false;
}

COLD bool rows_leave(uint64_t name)
{
    struct reader_row *row = self.row;
    for (int i = 0; row && i < ROW_SLOTS; i++)
        if (arch_load64_relaxed(&row->slots[i]) == name && row_leave(&row->slots[i], name))
            return row_left(row) == 0;
    return false;
}

static unsigned long count_in(const struct reader_row *row, uint64_t name, bool trying)
{
    unsigned long count = 0;
    uint64_t but_for = trying ? TRYING : 0;
    for (int i = 0; i < ROW_SLOTS; i++)
        count += (arch_load64_acquire(&row->slots[i]) & ~but_for) == name;
    return count;
}

bool rows_have(uint64_t name)
{
    return self.row && count_in(self.row, name, false) > 0;
}

unsigned long rows_count(uint64_t name, bool trying, struct reader_row **row)
{
    unsigned long total = 0;
    /* a lock without a name is in no row, and a free slot looks like that */
    if (!name)
        return 0;
    uint32_t used = arch_load_acquire(&rows_used);
    for (uint32_t i = 0; i < used; i++) {
        unsigned long count = count_in(&rows[i], name, trying);
        if (count > 0)
            *row = &rows[i];
        total += count;
    }
    return total;
}

COLD int rows_wake(struct reader_row *row)
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
        gone = count_in(row, rows_name(rwlock), true) == 0;
    while (!gone && spin_goes_on(&spin));
    spin_report(&spin, gone);
    return gone;
}

int rows_await(struct reader_row *row, struct rwlock *rwlock, const struct deadline *deadline)
{
    if (spin_until_gone(row, rwlock))
        return 0;
    if (!arch_load_relaxed(&row->waited))
        arch_exchange(&row->waited, 1);
    if (count_in(row, rows_name(rwlock), true) == 0)
        return 0;
    int error = nap(&row->waited, 1, A_WHILE, deadline);
    return error == EAGAIN ? 0 : error;
}

COLD void rows_clear(uint64_t name)
{
    uint32_t used = arch_load_acquire(&rows_used);
    for (uint32_t i = 0; i < used; i++)
        for (int k = 0; k < ROW_SLOTS; k++)
            for (uint64_t found = name; found <= name + NOTED; found++) {
                uint64_t slot = found;
                if (arch_load64_relaxed(&rows[i].slots[k]) == slot)
                    arch_cas64_fetch(&rows[i].slots[k], &slot, 0);
            }
}
