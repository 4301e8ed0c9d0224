/* Readers in rows: rows.h has the protocol. */
#include "rows.h"

#include <errno.h>

enum { ROWS = 512, A_WHILE = 900 * 1000 };

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

/* A slot of the row with that in it, or null, as for no row. */
static uint64_t *find(struct reader_row *row, uint64_t what)
{
    for (int i = 0; row && i < ROW_SLOTS; i++)
        if (arch_load64_relaxed(&row->slots[i]) == what)
            return &row->slots[i];
    return NULL;
}

unsigned long row_count(const struct reader_row *row, uint64_t name, uint64_t but_for)
{
    unsigned long count = 0;
    for (int i = 0; i < ROW_SLOTS; i++)
        count += (arch_load64_acquire(&row->slots[i]) & ~but_for) == name;
    return count;
}

static struct reader_row *claim_row(void)
{
    uint64_t id = self_id();
    for (uint32_t i = 0, used = arch_load_relaxed(&rows_used); i < ROWS; i++) {
        uint64_t none = 0;
        if (arch_load64_acquire(&rows[i].owner) != 0 || row_count(&rows[i], 0, 0) < ROW_SLOTS ||
            !arch_cas64_fetch(&rows[i].owner, &none, id))
            continue;
        while (used <= i && !arch_cas_fetch(&rows_used, &used, i + 1))
            ;
        return &rows[i];
    }
    return &no_row;
}

void readers_exit(void)
{
    struct reader_row *row = self.row;
    self.row = NULL;
    if (row && row != &no_row)
        arch_store64_release(&row->owner, 0);
}

/* An attempt may be made by a signal handler, which must not ask libc for anything. */
static struct reader_row *own_row(bool try)
{
    if (!self.row && !try && host_arm_exit())
        self.row = claim_row();
    return self.row;
}

COLD bool row_give_up(struct reader_row *row, uint64_t *slot, uint64_t name)
{
    arch_cas64_alone(slot, name + TRYING, 0);
    return row_left(row) != 0;
}

COLD bool rows_enter(const struct rwlock *rwlock, uint64_t state, bool try)
{
    struct reader_row *row = is_visible(state) ? own_row(try) : NULL;
    uint64_t *slot, name = rows_name(rwlock);
    while ((slot = find(row, 0)))
        if (row_occupy(slot, name, state))
            return row_entered(rwlock, state, slot, name) || row_give_up(row, slot, name);
    return false;
}

COLD bool rows_leave(uint64_t name)
{
    struct reader_row *row = self.row;
    uint64_t *slot;
    while ((slot = find(row, name)))
        if (arch_cas64_alone(slot, name, 0))
            return row_left(row) == 0;
    return false;
}

void rows_note(struct rwlock *rwlock, bool try)
{
    rows_draw_name(rwlock);
    struct reader_row *row = own_row(try);
    uint64_t *slot, note = rows_name(rwlock) + NOTED;
    while ((slot = find(row, 0)))
        if (arch_cas64_alone(slot, 0, note))
            return;
    self.unnoted++;
}

bool rows_have(const struct rwlock *rwlock)
{
    uint64_t name = rows_name(rwlock);
    return name && ((self.row && row_count(self.row, name, NOTED) > 0) || self.unnoted > 0);
}

unsigned long rows_count(uint64_t name, uint64_t but_for, struct reader_row **row)
{
    unsigned long total = 0;
    uint32_t used = arch_load_acquire(&rows_used);
    for (uint32_t i = 0; i < used; i++) {
        unsigned long count = row_count(&rows[i], name, but_for);
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

int rows_await(struct reader_row *row, const struct rwlock *rwlock, const struct deadline *deadline)
{
    if (!arch_load_relaxed(&row->waited))
        arch_exchange(&row->waited, 1);
    if (row_count(row, rows_name(rwlock), TRYING) == 0)
        return 0;
    int error = nap(&row->waited, 1, A_WHILE, deadline);
    return error == EAGAIN ? 0 : error;
}

COLD void rows_clear(uint64_t name)
{
    uint32_t used = arch_load_acquire(&rows_used);
    for (uint32_t i = 0; i < used; i++)
        for (uint64_t what = name, *slot; what <= name + NOTED; what++)
            while ((slot = find(&rows[i], what))) {
                uint64_t found = what;
                arch_cas64_fetch(slot, &found, 0);
            }
}
