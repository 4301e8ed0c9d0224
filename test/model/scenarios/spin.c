/* Spin locks. */
#include "scenarios.h"

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

const struct scenario spin_scenarios[] = {
    SCENARIO("spin-2", init, free_at_end, RUN(lock, lock), .flags = BUFFERED),
    SCENARIO("spin-3", init, free_at_end, RUN(lock, try, lock)),
    {.name = NULL},
};
