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

/* Litmus tests of the weak order. Each thread's loads are in a row of their own. */

static uint32_t loads[THREADS][2];

/* message passing: y says that x is there */
static void tell(void)
{
    arch_store_relaxed(&x, 1);
    arch_store_relaxed(&y, 1);
}

static void tell_releasing(void)
{
    arch_store_relaxed(&x, 1);
    arch_store_release(&y, 1);
}

static void tell_fenced(void)
{
    arch_store_relaxed(&x, 1);
    arch_fence();
    arch_store_relaxed(&y, 1);
}

static void listen(void)
{
    loads[0][0] = arch_load_relaxed(&y);
    loads[0][1] = arch_load_relaxed(&x);
}

static void listen_acquiring(void)
{
    loads[0][0] = arch_load_acquire(&y);
    loads[0][1] = arch_load_relaxed(&x);
}

static void listen_fenced(void)
{
    loads[0][0] = arch_load_relaxed(&y);
    arch_fence_after_load();
    loads[0][1] = arch_load_relaxed(&x);
}

static void heard(void)
{
    model_assert(loads[0][0] == 0 || loads[0][1] == 1);
}

/* what is handed on by a read-modify-write is a release sequence; by a store it is none */
static void hand_on_adding(void)
{
    if (arch_load_relaxed(&y) == 1)
        arch_fetch_add(&y, 1);
}

static void hand_on_storing(void)
{
    if (arch_load_relaxed(&y) == 1)
        arch_store_relaxed(&y, 2);
}

static void heard_of_second(void)
{
    model_assert(loads[0][0] != 2 || loads[0][1] == 1);
}

/* store buffering */
static void x_fence_y(void)
{
    arch_store_relaxed(&x, 1);
    arch_fence();
    seen[0] = arch_load_relaxed(&y);
}

static void y_fence_x(void)
{
    arch_store_relaxed(&y, 1);
    arch_fence();
    seen[1] = arch_load_relaxed(&x);
}

static void exchange_x_fence_y(void)
{
    arch_exchange(&x, 1);
    arch_fence_after_rmw();
    seen[0] = arch_load_relaxed(&y);
}

static void exchange_y_fence_x(void)
{
    arch_exchange(&y, 1);
    arch_fence_after_rmw();
    seen[1] = arch_load_relaxed(&x);
}

static void x_releasing_y_acquiring(void)
{
    arch_store_release(&x, 1);
    seen[0] = arch_load_acquire(&y);
}

static void y_releasing_x_acquiring(void)
{
    arch_store_release(&y, 1);
    seen[1] = arch_load_acquire(&x);
}

/* load buffering, which is not modelled: it never shows */
static void load_y_store_x(void)
{
    seen[0] = arch_load_relaxed(&y);
    arch_store_relaxed(&x, 1);
}

static void load_x_store_y(void)
{
    seen[1] = arch_load_relaxed(&x);
    arch_store_relaxed(&y, 1);
}

static void not_both(void)
{
    model_assert(!seen[0] || !seen[1]);
}

/* independent reads of independent writes */
static void write_x(void)
{
    arch_store_release(&x, 1);
}

static void write_y(void)
{
    arch_store_release(&y, 1);
}

static void read_x_y(void)
{
    loads[0][0] = arch_load_acquire(&x);
    loads[0][1] = arch_load_acquire(&y);
}

static void read_y_x(void)
{
    loads[1][0] = arch_load_acquire(&y);
    loads[1][1] = arch_load_acquire(&x);
}

static void read_x_fence_y(void)
{
    loads[0][0] = arch_load_relaxed(&x);
    arch_fence();
    loads[0][1] = arch_load_relaxed(&y);
}

static void read_y_fence_x(void)
{
    loads[1][0] = arch_load_relaxed(&y);
    arch_fence();
    loads[1][1] = arch_load_relaxed(&x);
}

static void agree(void)
{
    model_assert(!(loads[0][0] && !loads[0][1] && loads[1][0] && !loads[1][1]));
}

/* coherence: never back */
static void write_x_twice(void)
{
    arch_store_relaxed(&x, 1);
    arch_store_relaxed(&x, 2);
}

static void read_x_twice(void)
{
    loads[0][0] = arch_load_relaxed(&x);
    loads[0][1] = arch_load_relaxed(&x);
}

static void never_back(void)
{
    model_assert(loads[0][0] <= loads[0][1]);
}

/* a futex call is a fence, and reads what is there; who is woken has seen what its waker had */
static void x_sleep_y(void)
{
    arch_store_relaxed(&x, 1);
    futex(FUTEX_WAIT, 1);
    seen[0] = arch_load_relaxed(&y);
}

static void y_wake_x(void)
{
    arch_store_relaxed(&y, 1);
    futex(FUTEX_WAKE, 1);
    seen[1] = arch_load_relaxed(&x);
}

/* what is not atomic */
static void write_guarded(void)
{
    model_writes(&x);
    arch_store_release(&y, 1);
}

static void write_unguarded(void)
{
    model_writes(&x);
    arch_store_relaxed(&y, 1);
}

static void read_guarded(void)
{
    if (arch_load_acquire(&y))
        model_reads(&x);
}

static void read_then_tell(void)
{
    model_reads(&x);
    arch_store_relaxed(&y, 1);
}

static void write_when_told(void)
{
    if (arch_load_acquire(&y))
        model_writes(&x);
}

/* a compare-and-swap that fails is a load, and may be of an old value */
static void listen_comparing(void)
{
    loads[0][0] = arch_load_relaxed(&y);
    loads[0][1] = arch_cas(&x, 1, 2);
}

static void x_then_compare_y(void)
{
    arch_store_relaxed(&x, 1);
    seen[0] = arch_cas(&y, 1, 3);
}

static void y_then_compare_x(void)
{
    arch_store_relaxed(&y, 1);
    seen[1] = arch_cas(&x, 1, 3);
}

/* of two writes of one value a load may find the first, and be told nothing by it */
static uint32_t z;

static void tell_twice(void)
{
    arch_store_relaxed(&y, 1);
    arch_store_relaxed(&z, 1);
    arch_store_release(&y, 1);
    arch_store_relaxed(&x, 1);
}

static void listen_to_first(void)
{
    loads[0][0] = arch_load_relaxed(&x) && arch_load_acquire(&y);
    loads[0][1] = arch_load_relaxed(&z);
}

#define LITMUS(label, end, how, ...)                                                               \
    SCENARIO("litmus-" label, init, end, RUN(__VA_ARGS__), .flags = ORDERED | (how),               \
             .quick = UNBOUNDED)

const struct scenario model_scenarios[] = {
    LITMUS("message-relaxed", heard, WEAKER, tell, listen),
    LITMUS("message-unacquired", heard, WEAKER, tell_releasing, listen),
    LITMUS("message-unreleased", heard, WEAKER, tell, listen_acquiring),
    LITMUS("message", heard, 0, tell_releasing, listen_acquiring),
    LITMUS("message-fenced", heard, 0, tell_fenced, listen_fenced),
    LITMUS("message-fence-acquire", heard, 0, tell_fenced, listen_acquiring),
    LITMUS("message-half-fenced", heard, WEAKER, tell_fenced, listen),
    LITMUS("release-sequence", heard_of_second, 0, tell_releasing, hand_on_adding,
           listen_acquiring),
    LITMUS("release-sequence-broken", heard_of_second, WEAKER, tell_releasing, hand_on_storing,
           listen_acquiring),
    LITMUS("stores-acquired", one_has_seen, WEAK, x_releasing_y_acquiring, y_releasing_x_acquiring),
    LITMUS("stores-fenced", one_has_seen, 0, x_fence_y, y_fence_x),
    LITMUS("stores-half-fenced", one_has_seen, WEAK, x_fence_y, y_then_x),
    LITMUS("stores-exchanged", one_has_seen, WEAKER, exchange_x_then_y, exchange_y_then_x),
    LITMUS("stores-exchanged-fenced", one_has_seen, 0, exchange_x_fence_y, exchange_y_fence_x),
    LITMUS("stores-futex", one_has_seen, 0, x_sleep_y, y_wake_x),
    LITMUS("loads", not_both, 0, load_y_store_x, load_x_store_y),
    LITMUS("writes-acquired", agree, WEAKER, write_x, write_y, read_x_y, read_y_x),
    LITMUS("writes-fenced", agree, 0, write_x, write_y, read_x_fence_y, read_y_fence_x),
    LITMUS("compare-old", heard, WEAKER, tell_releasing, listen_comparing),
    LITMUS("stores-compared", one_has_seen, WEAKER, x_then_compare_y, y_then_compare_x),
    LITMUS("same-value", heard, WEAKER, tell_twice, listen_to_first),
    LITMUS("coherence", never_back, 0, write_x_twice, read_x_twice),
    LITMUS("plain", NULL, 0, write_guarded, read_guarded),
    LITMUS("plain-unreleased", NULL, WEAKER, write_unguarded, read_guarded),
    LITMUS("plain-unread", NULL, WEAKER, read_then_tell, write_when_told),

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
             .flags = BUFFERED | WEAKER, .quick = UNBOUNDED),
    SCENARIO("model-order", init, in_order, RUN(store_both, load_both), .flags = BUFFERED | WEAKER,
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
