/* The model itself: what its store buffers allow, and what they do not. */
#include "scenarios.h"

static uint32_t x, y, seen[2];

static void init(void)
{
    NAME(x);
    NAME(y);
}

static void x_then_y(void)
{
    arch_store_relaxed(&x, 1);
    seen[0] = arch_load_relaxed(&y);
}

static void y_then_x(void)
{
    arch_store_relaxed(&y, 1);
    seen[1] = arch_load_relaxed(&x);
}

static void exchange_x_then_y(void)
{
    arch_exchange(&x, 1);
    seen[0] = arch_load_relaxed(&y);
}

static void exchange_y_then_x(void)
{
    arch_exchange(&y, 1);
    seen[1] = arch_load_relaxed(&x);
}

static void one_has_seen(void)
{
    model_assert(seen[0] || seen[1]);
}

/* Stores of one thread keep their order. */
static void store_both(void)
{
    arch_store_relaxed(&x, 1);
    arch_store_relaxed(&y, 1);
}

static void load_both(void)
{
    seen[1] = arch_load_relaxed(&y);
    seen[0] = arch_load_relaxed(&x);
}

static void in_order(void)
{
    model_assert(seen[0] || !seen[1]);
}

const struct scenario model_scenarios[] = {
    SCENARIO("model-stores", init, one_has_seen, RUN(x_then_y, y_then_x), .flags = BUFFERED | WEAK,
             .quick = UNBOUNDED, .deep = UNBOUNDED),
    SCENARIO("model-exchanges", init, one_has_seen, RUN(exchange_x_then_y, exchange_y_then_x),
             .flags = BUFFERED, .quick = UNBOUNDED, .deep = UNBOUNDED),
    SCENARIO("model-order", init, in_order, RUN(store_both, load_both), .flags = BUFFERED,
             .quick = UNBOUNDED, .deep = UNBOUNDED),
    {.name = NULL},
};
