/* Spin locks; and what a spin that ended has shown. */
#include "hints.h"
#include "scenarios.h"
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

const struct scenario spin_scenarios[] = {
    SCENARIO("spin-pays", NULL, NULL, RUN(spin_well), .flags = SPINS),
    SCENARIO("spin-through-a-jump", NULL, NULL, RUN(spin_through_a_jump), .flags = SPINS),
    SCENARIO("spin-2", init, free_at_end, RUN(lock, lock), .flags = BUFFERED),
    SCENARIO("spin-3", init, free_at_end, RUN(lock, try, lock)),
    {.name = NULL},
};
