/* Watching for a signal: watch.h has the contract. */
#include "watch.h"
#include "compiler.h"
#include "self.h"

#include <stddef.h>

/* Null if there is no table. */
static struct watch_slot *slot_of(const void *object)
{
    struct watch_slot *table = wiped_table();
    uint32_t hash = (uint32_t)((uintptr_t)object >> 3) * 0x9e3779b1u;
    hash = hash >> 16 ^ (uint32_t)((uintptr_t)object >> 35);
    return table ? &table[hash & (WATCH_SLOTS - 1)] : NULL;
}

bool watch_wanted(struct watch *watch, const void *object)
{
    watch->slot = slot_of(object);
    return watch->slot && spin_wanted(&watch->spin, &watch->slot->hints);
}

enum { SEQUENCE = WATCH_STATES + 1, NEARBY = 16 };

static uint64_t name_of(const void *object, uint32_t sequence)
{
    return (uint64_t)((uintptr_t)object >> 3) << 32 | sequence;
}

static bool is_of(uint64_t state, uint64_t name)
{
    return (state & ~(uint64_t)WATCH_STATES) == name;
}

/*
 * Does the same object's name with a sequence stand there that comes soon after? Then the former one
 * is over. What is further off may be an object's that was there before.
 */
static bool is_later(uint64_t state, uint64_t name)
{
    uint32_t further = ((uint32_t)state - (uint32_t)name) / SEQUENCE;
    return state >> 32 == name >> 32 && further >= 1 && further <= NEARBY;
}

/* A slot that another object's watcher may still look at is left to it, once. */
static bool may_take(struct watch_slot *slot, uint64_t state)
{
    uint32_t folded = (uint32_t)(state >> 32) ^ (uint32_t)state;
    if ((state & WATCH_STATES) != WATCHED || arch_load_relaxed(&slot->stranger) == folded)
        return true;
    arch_store_relaxed(&slot->stranger, folded);
    return false;
}

bool watch_begin(struct watch *watch, const void *object, uint32_t sequence,
                 enum watch_company company)
{
    /* those who had begun before may have lost the slot, and sleep */
    uint64_t begun = company == AMONG_OTHERS ? WATCHED | RETIRED : WATCHED;
    struct watch_slot *slot = watch->slot;
    watch->name = name_of(object, sequence);
    uint64_t state = arch_load64_relaxed(&slot->state);
    do {
        if (is_later(state, watch->name) ||
            (is_of(state, watch->name) && (state & (WATCHED | SIGNALLED))))
            return true;
        if (!is_of(state, watch->name) && !may_take(slot, state))
            return false;
    } while (!arch_cas64_fetch(&slot->state, &state, watch->name | begun));
    return true;
}

bool watch_joins(struct watch *watch, const void *object, uint32_t sequence)
{
    watch->name = name_of(object, sequence);
    uint64_t state = arch_load64_relaxed(&watch->slot->state);
    return is_of(state, watch->name) && (state & WATCHED);
}

enum watch_news { WAITING, TOLD, LOST };

static enum watch_news news(uint64_t state, uint64_t name)
{
    if (!is_of(state, name))
        return is_later(state, name) ? TOLD : LOST;
    return state & SIGNALLED ? TOLD : WAITING;
}

/* Give up, if it has not been told. */
static enum watch_news retire(const struct watch *watch)
{
    uint64_t state = arch_load64_acquire(&watch->slot->state);
    enum watch_news found;
    do
        found = news(state, watch->name);
    while (found == WAITING && !(state & RETIRED) &&
           !arch_cas64_fetch(&watch->slot->state, &state, state | RETIRED));
    return found;
}

bool watch_goes_well(struct watch *watch)
{
    enum watch_news now;
    do
        now = news(arch_load64_acquire(&watch->slot->state), watch->name);
    while (now == WAITING && spin_goes_on(&watch->spin));
    spin_report(&watch->spin, now != WAITING);
    return now == TOLD || retire(watch) == TOLD;
}

bool watch_signal(const void *object, uint32_t sequence)
{
    struct watch_slot *slot = slot_of(object);
    if (!slot)
        return false;
    uint64_t name = name_of(object, sequence), state = arch_load64_relaxed(&slot->state);
    do {
        if (is_later(state, name) || (!is_of(state, name) && (state & WATCH_STATES) == WATCHED))
            return false;
    } while (!arch_cas64_fetch(&slot->state, &state, name | SIGNALLED));
    return is_of(state, name) && (state & WATCH_STATES) == WATCHED;
}

bool watch_was_told(const void *object, uint32_t sequence)
{
    struct watch_slot *slot = slot_of(object);
    return slot && news(arch_load64_acquire(&slot->state), name_of(object, sequence)) == TOLD;
}

bool watch_is_on(const void *object, uint32_t sequence)
{
    struct watch_slot *slot = slot_of(object);
    if (!slot)
        return false;
    uint64_t state = arch_load64_relaxed(&slot->state);
    return is_of(state, name_of(object, sequence)) && (state & WATCHED) && !(state & RETIRED);
}

void watch_forget(const void *object)
{
    struct watch_slot *slot = slot_of(object);
    uint64_t state = slot ? arch_load64_relaxed(&slot->state) : 0;
    if (slot && state >> 32 == name_of(object, 0) >> 32)
        arch_cas64_fetch(&slot->state, &state, 0);
}

uint32_t watch_moves(const void *object)
{
    const struct watch_slot *slot = slot_of(object);
    return slot ? arch_load_relaxed(&slot->moves) : 0;
}

bool watch_unmoved(const void *object, uint32_t moves)
{
    const struct watch_slot *slot = slot_of(object);
    return slot && arch_load_relaxed(&slot->moves) == moves;
}

void watch_count_move(const void *object)
{
    struct watch_slot *slot = slot_of(object);
    if (slot)
        arch_fetch_add(&slot->moves, 1);
}
