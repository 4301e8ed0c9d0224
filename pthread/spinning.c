/* Waiting awake, and standing aside: spinning.h has the contract. */
#include "spinning.h"
#include "self.h"

#include <arch_syscall.h>
#include <sys/syscall.h>

/*
 * Adaptive spinning.
 *
 * Whom a thread waits for runs on another processor, or does not run because the waiter does. So a
 * spin looks at the word for 30 microseconds that it had for itself, and fails if another thread has
 * had the processor meanwhile.
 *
 * If it may yield, it looks for two microseconds, and from then on gives its processor away between
 * two looks, now and then; if somebody took it, it goes on to give it away at once, since that costs
 * less than half of a sleep and a wake. If nobody did, it tries once more before it looks for longer:
 * the scheduler may give a thread back the turn that it is owed for one given away before. It gives
 * up after 16 others' turns, too, or when those have taken so long that a sleeper would have been
 * woken by then.
 *
 * The bound exceeds what a wake takes. Otherwise two threads that hand a token back and forth, each
 * asleep while the other is being woken, would both always give up just too early.
 *
 * An object's hints (hints.h) hold a credit between 1 and 64 that begins at 32. While the credit is at
 * least 16, waiters spin. A spin that ends within 4 microseconds earns 4, one that takes longer pays 1,
 * one that fails 17: one failure at the start is enough to switch spinning off. When off, one wait in
 * 16 probes, and fewer after each failed probe, down to one in 2048; a probe that succeeds switches
 * spinning on again. CROWDED says that it was others' turns which brought success: then there is
 * nothing to look at before. An object without a history goes by that of the thread, which learns in
 * the same way from all the objects it waits for: programs exist that make a new semaphore for every
 * wait.
 */
enum {
    CREDIT_START = 32,
    CREDIT_ON = 16,
    CREDIT_MAX = 64,
    INTERVAL_FIRST = 4,
    INTERVAL_LAST = 11,
    SOON = 4 * ARCH_TICKS_PER_US,
    SOON_TURNS = 3,
    /* between two looks at the clock nothing but preemption takes this long */
    JUMP = 5 * ARCH_TICKS_PER_US,
    LOOK = 2 * ARCH_TICKS_PER_US,
    BOUND = 30 * ARCH_TICKS_PER_US,
    /* a call that comes back at once is shorter */
    TURN = ARCH_TICKS_PER_US * 7 / 10,
    TURNS = 16,
    EAGER = 2,
    LATE = 100 * ARCH_TICKS_PER_US,
};

/* enum spinning: written while the library is loaded. */
static uint32_t chosen;

void spinning_choose(enum spinning choice)
{
    arch_or(&chosen, choice);
}

static bool is_chosen(enum spinning choice)
{
    return unlikely(arch_load_relaxed(&chosen) & choice);
}

static int learned_credit(uint32_t learned)
{
    return CREDIT_START + (int8_t)(learned & HINTS_CREDIT);
}

static unsigned learned_interval(uint32_t learned)
{
    return INTERVAL_FIRST + (learned >> HINTS_INTERVAL_SHIFT & HINTS_INTERVAL);
}

static uint32_t next_random(void)
{
    return (self.random = self.random * 1664525 + 1013904223) >> 16;
}

bool spin_wanted(struct spin *spin, uint32_t *hints)
{
    if (is_chosen(SPIN_NEVER))
        return false;
    uint32_t now = hints_learned(hints);
    if (now == 0)
        now = self.spin;
    spin->probe = learned_credit(now) < CREDIT_ON;
    if (spin->probe && (next_random() & ((1u << learned_interval(now)) - 1)) != 0)
        return false;
    spin->hints = hints;
    spin->eager = now & HINTS_CROWDED ? EAGER : 0;
    spin->turns = 0;
    spin->given = 0;
    spin->start = spin->last = spin->yielded = arch_ticks();
    return true;
}

static bool had_its_time(const struct spin *spin, uint64_t now)
{
    return now - spin->start - spin->given > BOUND;
}

/* Let others have the processor. Counts their turn, if anyone took it. */
static bool yield(struct spin *spin)
{
    arch_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
    uint64_t now = arch_ticks();
    if (now - spin->last > TURN) {
        spin->given += now - spin->last;
        spin->turns++;
        spin->eager = EAGER;
    } else if (spin->eager > 0) {
        spin->eager--;
    }
    spin->last = spin->yielded = now;
    return spin->turns < TURNS && now - spin->start < LATE && !had_its_time(spin, now);
}

bool spin_goes_on(struct spin *spin)
{
    arch_pause();
    if (is_chosen(SPIN_YIELDS) && (spin->eager > 0 || spin->last - spin->yielded > LOOK))
        return yield(spin);
    uint64_t now = arch_ticks();
    if (now - spin->last > JUMP || had_its_time(spin, now))
        return false;
    spin->last = now;
    return true;
}

static uint32_t learn(uint32_t now, const struct spin *spin, bool success, bool soon)
{
    int credit = learned_credit(now);
    unsigned interval = learned_interval(now);
    if (!success) {
        credit = credit > 17 ? credit - 17 : 1;
        if (spin->probe && interval < INTERVAL_LAST)
            interval++;
    } else if (spin->probe) {
        credit = CREDIT_START;
        interval = INTERVAL_FIRST;
    } else if (soon) {
        credit = credit + 4 < CREDIT_MAX ? credit + 4 : CREDIT_MAX;
    } else if (credit > 1) {
        credit--;
    }
    return (uint8_t)(credit - CREDIT_START) | (interval - INTERVAL_FIRST) << HINTS_INTERVAL_SHIFT |
           (spin->turns ? HINTS_CROWDED : 0);
}

void spin_report(struct spin *spin, bool success)
{
    uint64_t time = arch_ticks() - spin->start;
    bool soon = spin->turns ? spin->turns <= SOON_TURNS : time < SOON;
    success = success && time < LATE;
    hints_learn(spin->hints, learn(hints_learned(spin->hints), spin, success, soon));
    self.spin = learn(self.spin, spin, success, soon);
}

/* Standing aside. */

enum { ASIDE = 60 * 1000, ASIDE_MOST = 32 };

void stand_aside(uint32_t *hints, enum scope scope)
{
    static const uint32_t nothing;
    if (is_chosen(SPIN_NEVER))
        return;
    /* of other processes, who may be killed meanwhile, nobody counts */
    uint32_t uncounted = 0, *aside = scope == PRIVATE ? hints : &uncounted;
    uint32_t others = arch_fetch_add(aside, HINTS_ONE_ASIDE) / HINTS_ONE_ASIDE;
    nap(&nothing, 0, ASIDE * (1 + (others < ASIDE_MOST ? others : ASIDE_MOST)), NULL);
    arch_fetch_add(aside, -HINTS_ONE_ASIDE);
}
