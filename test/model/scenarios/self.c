/* What is kept for each thread: the fork generation. */
#include "scenarios.h"
#include "self.h"

static uint32_t seen[3];

/* As in a child of fork: nobody has looked yet. */
static void wipe(void)
{
    arch_store_relaxed(&wiped->generation, 0);
}

static void init(void)
{
    self_generation();
    NAME(*wiped);
    NAME(seen);
    wipe();
}

static void look(uint32_t *mine)
{
    *mine = self_generation();
    model_assert(*mine != 0 && *mine == self_generation());
}

static void look_first(void)
{
    look(&seen[0]);
}

static void look_second(void)
{
    look(&seen[1]);
}

static void look_third(void)
{
    look(&seen[2]);
}

/* All have seen the same, and a child sees another. */
static void child_sees_another(void)
{
    model_assert(seen[0] == seen[1] && seen[1] == seen[2]);
    wipe();
    model_assert(self_generation() > seen[0]);
}

const struct scenario self_scenarios[] = {
    SCENARIO("self-generation", init, child_sees_another, RUN(look_first, look_second, look_third),
             .flags = BUFFERED, .quick = UNBOUNDED),
    {.name = NULL},
};
