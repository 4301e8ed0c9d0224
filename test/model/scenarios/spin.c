/* Spin locks; and when a spin ends, what it has shown, and how long standing aside counts. */
#include "hints.h"
#include "scenarios.h"
#include "self.h"
#include "spinning.h"

static pthread_spinlock_t s;
static uint32_t inside;

static void init(void)
{
    ok(pthread_spin_init(&s, PTHREAD_PROCESS_PRIVATE));
    NAME(s);
    NAME(inside);
}

static void lock(void)
{
    ok(pthread_spin_lock(&s));
    visit(&inside);
    ok(pthread_spin_unlock(&s));
}

static void try(void)
{
    int error = pthread_spin_trylock(&s);
    model_assert(error == 0 || error == EBUSY);
    if (error)
        return;
    visit(&inside);
    ok(pthread_spin_unlock(&s));
}

static void free_at_end(void)
{
    ok(pthread_spin_destroy(&s));
}

/* A spin that ended well pays, and one whose processor was taken away meanwhile does not. */
static uint32_t hints;

static void spin_well(void)
{
    struct spin spin;
    model_assert(spin_wanted(&spin, &hints));
    spin_report(&spin, true);
    model_assert((int8_t)hints_learned(&hints) > 0);
}

static void spin_through_a_jump(void)
{
    struct spin spin;
    model_assert(spin_wanted(&spin, &hints));
    spin.start -= spin.jump;
    spin.last -= spin.jump;
    spin_report(&spin, true);
    model_assert((int8_t)hints_learned(&hints) < 0);
}

/* It ends when its time is over, and when the processor was taken away, whichever comes first. */
static void spin_till_time_is_over(void)
{
    struct spin spin;
    model_assert(spin_wanted(&spin, &hints));
    spin.end = spin.last;
    model_assert(!spin_goes_on(&spin));
}

static void spin_till_a_jump(void)
{
    struct spin spin;
    model_assert(spin_wanted(&spin, &hints));
    spin.last -= spin.jump;
    spin.end += spin.jump;
    model_assert(!spin_goes_on(&spin));
}

/* By how long a thread stands aside its patience is measured: a late nap says that a processor was wanting. */
static void stand_aside_for_long(void)
{
    enum { LONGEST = 2000 * 1000 };
    for (int times = 0; times < 2; times++) {
        stand_aside();
        model_assert(self.aside.took <= ticks_in(LONGEST));
    }
}

const struct scenario spin_scenarios[] = {
    SCENARIO("spin-pays", NULL, NULL, RUN(spin_well), .flags = SPINS),
    SCENARIO("spin-through-a-jump", NULL, NULL, RUN(spin_through_a_jump), .flags = SPINS),
    SCENARIO("spin-till-its-time-is-over", NULL, NULL, RUN(spin_till_time_is_over), .flags = SPINS),
    SCENARIO("spin-till-a-jump", NULL, NULL, RUN(spin_till_a_jump), .flags = SPINS),
    SCENARIO("spin-aside-for-long", NULL, NULL, RUN(stand_aside_for_long), .flags = SPINS | AGES),
    SCENARIO("spin-2", init, free_at_end, RUN(lock, lock), .flags = BUFFERED),
    SCENARIO("spin-3", init, free_at_end, RUN(lock, try, lock)),
    {.name = NULL},
};
