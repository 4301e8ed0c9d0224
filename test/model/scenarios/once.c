/* pthread_once. */
#include "scenarios.h"

static pthread_once_t o = PTHREAD_ONCE_INIT;
static uint32_t runs, done;

static void init(void)
{
    NAME(o);
    NAME(runs);
    NAME(done);
}

static void routine(void)
{
    arch_fetch_add(&runs, 1);
    arch_fetch_add(&done, 1);
}

static void call(void)
{
    ok(pthread_once(&o, routine));
    model_assert(arch_load_relaxed(&done) == 1);
}

static void call_twice(void)
{
    call();
    call();
}

static void ran_once(void)
{
    model_assert(runs == 1 && done == 1);
}

const struct scenario once_scenarios[] = {
    SCENARIO("once-2", init, ran_once, RUN(call, call), .flags = BUFFERED | SPURIOUS | INTERRUPTED,
             .quick = UNBOUNDED, .deep = UNBOUNDED),
    SCENARIO("once-3", init, ran_once, RUN(call, call, call_twice), .flags = BUFFERED),
    {.name = NULL},
};
