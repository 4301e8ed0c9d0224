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

/*
 * Who may stop, jump or be left behind. A lock that is free for whoever comes; one that is handed to
 * a waiter, which has to run for it; and a count of waiters, which one that is gone has not left.
 */
enum { UNLOCKED, LOCKED, AWAITED, HANDED };
enum { FUTEX_WAIT = 0 | 128, FUTEX_WAKE = 1 | 128 };

static uint32_t waiting;

static long futex(int operation, uint32_t value)
{
    return arch_syscall(SYS_futex, (long)&word, operation, value, 0, 0, 0);
}

static int word_taken(void)
{
    return word != UNLOCKED && word != HANDED;
}

static void init_lock(void)
{
    NAME(word);
    NAME(inside);
    NAME(waiting);
    WATCH(word, word_taken);
}

static void lock(void)
{
    if (arch_cas(&word, UNLOCKED, LOCKED))
        return;
    while (arch_exchange(&word, AWAITED) != UNLOCKED)
        futex(FUTEX_WAIT, AWAITED);
}

static void unlock(void)
{
    if (arch_exchange(&word, UNLOCKED) == AWAITED)
        futex(FUTEX_WAKE, 1);
}

static void lock_once(void)
{
    lock();
    visit(&inside);
    unlock();
}

/* The waiter has said that it comes, and then the lock is kept for it. */
static void unlock_handing(void)
{
    arch_exchange(&word, arch_load_relaxed(&waiting) ? HANDED : UNLOCKED);
    futex(FUTEX_WAKE, 1);
}

static void lock_handed(void)
{
    arch_fetch_add(&waiting, 1);
    while (!arch_cas(&word, UNLOCKED, LOCKED) && !arch_cas(&word, HANDED, LOCKED))
        futex(FUTEX_WAIT, LOCKED);
    arch_fetch_add(&waiting, -1u);
    visit(&inside);
    unlock_handing();
}

static void lock_unhanded(void)
{
    uint32_t found = UNLOCKED;
    while (!arch_cas_fetch(&word, &found, LOCKED)) {
        futex(FUTEX_WAIT, found);
        found = UNLOCKED;
    }
    visit(&inside);
    unlock_handing();
}

static void lock_unhanded_twice(void)
{
    lock_unhanded();
    lock_unhanded();
}

static void wait_for_y(void)
{
    arch_fetch_add(&waiting, 1);
    while (arch_load_relaxed(&y) == 0)
        arch_pause();
    arch_fetch_add(&waiting, -1u);
}

static int wait_jumping(void)
{
    wait_for_y();
    return 0;
}

static void wait_or_jump(void)
{
    (void)jumps_out_of(wait_jumping());
}

static void count_out(void)
{
    arch_exchange(&y, 1);
    while (arch_load_relaxed(&waiting) != 0)
        arch_pause();
}

static void fork_then_wait(void)
{
    model_fork();
    model_await(&x, 1);
}

static void fork_then_look(void)
{
    model_fork();
    arch_exchange(&y, 1);
}

static void store_x(void)
{
    arch_store_relaxed(&x, 1);
}

static void await_y(void)
{
    model_await(&y, 1);
}

/* A handler sees its thread between two steps. */
static void add_by_steps(void)
{
    arch_store_relaxed(&x, arch_load_relaxed(&x) + 1);
}

static void add_at_once(void)
{
    arch_fetch_add(&x, 1);
}

static void count_handler(void)
{
    arch_exchange(&y, 1);
    arch_fetch_add(&x, 1);
}

static void all_counted(void)
{
    model_assert(x == 1 + y);
}

const struct scenario model_scenarios[] = {
    SCENARIO("model-freeze", init_lock, NULL, RUN(lock_once, lock_once, lock_once), .frozen = 1),
    SCENARIO("model-freeze-handed", init_lock, NULL, RUN(lock_handed, lock_unhanded_twice),
             .frozen = 1, .flags = WRONG),
    SCENARIO("model-handed", init_lock, NULL, RUN(lock_handed, lock_unhanded_twice)),
    SCENARIO("model-jump", init, NULL, RUN(wait_or_jump, count_out), .jumps = 1, .flags = WRONG),
    SCENARIO("model-stays", init, NULL, RUN(wait_or_jump, count_out)),
    SCENARIO("model-fork", init, NULL, RUN(fork_then_look, store_x, await_y), .child = 3),
    SCENARIO("model-fork-waits", init, NULL, RUN(fork_then_wait, store_x), .child = 3,
             .flags = WRONG),
    SCENARIO("model-handler", init, all_counted, RUN(add_at_once), .handles = 1,
             .handler = count_handler),
    SCENARIO("model-handler-between", init, all_counted, RUN(add_by_steps), .handles = 1,
             .handler = count_handler, .flags = WRONG),

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
