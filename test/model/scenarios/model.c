/* The model itself: what its store buffers, membarriers and restartable sequences allow, or not. */
#include "scenarios.h"

#include <arch_rseq.h>
#include <arch_syscall.h>
#include <sys/syscall.h>

/* linux/membarrier.h */
enum {
    QUERY = 0,
    FENCE = 1 << 3,
    REGISTER_FENCE = 1 << 4,
    RESTART = 1 << 7,
    REGISTER_RESTART = 1 << 8
};

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

/* A fence for both sides, at one's expense. */
static long membarrier(int command)
{
    return arch_syscall(SYS_membarrier, command, 0, 0, 0, 0, 0);
}

static void init_membarrier(void)
{
    init();
    model_assert((membarrier(QUERY) & (FENCE | RESTART)) == (FENCE | RESTART));
    model_assert(membarrier(FENCE) == -EPERM);
    ok(membarrier(REGISTER_FENCE));
    model_assert(membarrier(RESTART) == -EPERM);
    ok(membarrier(REGISTER_RESTART));
}

static void y_then_x_fenced(void)
{
    arch_store_relaxed(&y, 1);
    ok(membarrier(FENCE));
    seen[1] = arch_load_relaxed(&x);
}

/* Too late for the other side. */
static void y_then_x_unregistered(void)
{
    arch_store_relaxed(&y, 1);
    model_assert(membarrier(FENCE) == -EPERM);
    seen[1] = arch_load_relaxed(&x);
}

/* A lock that its owner takes and gives without a fence, until another revokes that. */
enum { FREE, HELD, BIASED, BIASED_HELD };
enum { NOBODY, OWNER };

static uint64_t guard;
static uint32_t word, inside;

static void init_biased(void)
{
    init_membarrier();
    NAME(guard);
    NAME(word);
    NAME(inside);
    guard = OWNER;
    word = BIASED;
}

static bool take(void)
{
    return arch_cas(&word, BIASED, HELD) || arch_cas(&word, FREE, HELD);
}

static void enter_as_owner(void)
{
    if (!arch_store_if(&guard, OWNER, &word, BIASED, BIASED_HELD) && !take())
        return;
    visit(&inside);
    if (!arch_store_if(&guard, OWNER, &word, BIASED_HELD, BIASED))
        arch_exchange(&word, FREE);
}

static void enter_twice_as_owner(void)
{
    enter_as_owner();
    enter_as_owner();
}

static void enter(void)
{
    if (!take())
        return;
    visit(&inside);
    arch_exchange(&word, FREE);
}

static void revoke_by_restart(void)
{
    arch_exchange64(&guard, NOBODY);
    ok(membarrier(RESTART));
    enter();
}

static void revoke_by_fence(void)
{
    arch_exchange64(&guard, NOBODY);
    ok(membarrier(FENCE));
    enter();
}

static void revoke_only(void)
{
    arch_exchange64(&guard, NOBODY);
    enter();
}

/* What the guard protects can be aborted, and only by what is said to. */
static void store_undisturbed(void)
{
    model_assert(!arch_store_if(&guard, NOBODY, &word, BIASED, BIASED_HELD));
    model_assert(!arch_store_if(&guard, OWNER, &word, FREE, HELD));
    model_assert(arch_store_if(&guard, OWNER, &word, BIASED, BIASED_HELD));
    model_assert(arch_load_relaxed(&word) == BIASED_HELD);
}

static void fence(void)
{
    ok(membarrier(FENCE));
}

static void restart(void)
{
    ok(membarrier(RESTART));
}

const struct scenario model_scenarios[] = {
    SCENARIO("model-stores", init, one_has_seen, RUN(x_then_y, y_then_x), .flags = BUFFERED | WEAK,
             .quick = UNBOUNDED),
    SCENARIO("model-exchanges", init, one_has_seen, RUN(exchange_x_then_y, exchange_y_then_x),
             .flags = BUFFERED, .quick = UNBOUNDED),
    SCENARIO("model-order", init, in_order, RUN(store_both, load_both), .flags = BUFFERED,
             .quick = UNBOUNDED),
    SCENARIO("model-membarrier", init_membarrier, one_has_seen, RUN(x_then_y, y_then_x_fenced),
             .flags = BUFFERED, .quick = UNBOUNDED),
    SCENARIO("model-membarrier-refused", init, one_has_seen, RUN(x_then_y, y_then_x_unregistered),
             .flags = BUFFERED | WEAK, .quick = UNBOUNDED),
    SCENARIO("model-sequence", init_biased, NULL, RUN(store_undisturbed, fence), .flags = BUFFERED,
             .quick = UNBOUNDED),
    SCENARIO("model-sequence-aborted", init_biased, NULL, RUN(store_undisturbed, restart),
             .flags = WRONG | BUFFERED, .quick = UNBOUNDED),
    SCENARIO("model-sequence-restarts", init_biased, NULL, RUN(store_undisturbed),
             .flags = WRONG | RESTARTS | BUFFERED, .quick = UNBOUNDED),
    SCENARIO("model-biased", init_biased, NULL, RUN(enter_twice_as_owner, revoke_by_restart),
             .flags = RESTARTS | BUFFERED, .quick = UNBOUNDED),
    SCENARIO("model-biased-fence", init_biased, NULL, RUN(enter_as_owner, revoke_by_fence),
             .flags = WRONG | BUFFERED, .quick = UNBOUNDED),
    SCENARIO("model-biased-unfenced", init_biased, NULL, RUN(enter_as_owner, revoke_only),
             .flags = WRONG | BUFFERED, .quick = UNBOUNDED),
    {.name = NULL},
};
