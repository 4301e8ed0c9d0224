/* Barriers. */
#include "scenarios.h"
#include "self.h"
#include "watch.h"

static pthread_barrier_t b;
static uint32_t arrived, serial;

static void init_count(unsigned count, int shared)
{
    pthread_barrierattr_t attributes;
    ok(pthread_barrierattr_init(&attributes));
    ok(pthread_barrierattr_setpshared(&attributes, shared));
    ok(pthread_barrier_init(&b, &attributes, count));
    NAME(b);
    NAME(arrived);
    NAME(serial);
}

static void init_2(void)
{
    init_count(2, PTHREAD_PROCESS_PRIVATE);
}

static void init_2_shared(void)
{
    init_count(2, PTHREAD_PROCESS_SHARED);
}

static void init_3(void)
{
    init_count(3, PTHREAD_PROCESS_PRIVATE);
}

/* In each round two, whoever gives up. */
static uint32_t passed;

static void pass(int result)
{
    model_assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD || result == ETIMEDOUT);
    if (result != ETIMEDOUT)
        arch_fetch_add(&passed, 1);
    if (result == PTHREAD_BARRIER_SERIAL_THREAD)
        arch_fetch_add(&serial, 1);
}

static void pass_timed(void)
{
    pass(pthread_barrier_clockwait_np(&b, CLOCK_MONOTONIC, &deadline));
}

static void pass_timed_twice(void)
{
    pass_timed();
    pass_timed();
}

static void pairs_passed(void)
{
    model_assert(passed == 2 * serial);
    ok(pthread_barrier_destroy(&b));
}

/* Who has none waits for another until there is one. */
static void pass_patiently(void)
{
    pass(pthread_barrier_wait(&b));
}

static void pass_at_last(void)
{
    int result = pthread_barrier_clockwait_np(&b, CLOCK_MONOTONIC, &deadline);
    pass(result == ETIMEDOUT ? pthread_barrier_wait(&b) : result);
}

/* True in the one thread that is told apart. */
static bool meet(unsigned all)
{
    arch_fetch_add(&arrived, 1);
    int result = pthread_barrier_wait(&b);
    model_assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    model_assert(arch_load_relaxed(&arrived) >= all);
    if (result)
        arch_fetch_add(&serial, 1);
    return result;
}

static void meet_2(void)
{
    meet(2);
}

static void meet_3(void)
{
    meet(3);
}

static void meet_2_twice(void)
{
    meet(2);
    meet(4);
}

static void meet_3_twice(void)
{
    meet(3);
    meet(6);
}

static void once_serial(void)
{
    model_assert(serial == 1);
    ok(pthread_barrier_destroy(&b));
}

static void twice_serial(void)
{
    model_assert(serial == 2);
    ok(pthread_barrier_destroy(&b));
}

static void destroy(void)
{
    ok(pthread_barrier_destroy(&b));
    GONE(b);
}

/* Whoever is told apart destroys it, and gives its memory back, while others are on their way. */
static void meet_2_destroy(void)
{
    if (meet(2))
        destroy();
}

static void meet_3_destroy(void)
{
    if (meet(3))
        destroy();
}

/* It is one that has slept. */
static void meet_2_destroy_other(void)
{
    if (!meet(2))
        destroy();
}

static void meet_2_twice_destroy(void)
{
    meet(2);
    if (meet(4))
        destroy();
}

/* It is made anew in the same memory while others are on their way. */
static uint32_t again;

static void meet_2_anew(void)
{
    if (meet(2)) {
        ok(pthread_barrier_destroy(&b));
        ok(pthread_barrier_init(&b, NULL, 2));
        arch_store_release(&again, 1);
    } else {
        model_await(&again, 1);
    }
    meet(4);
}

/*
 * One stops before it watches, and goes on when the first has watched and sleeps, and another object has
 * had the slot and is done with it.
 */
static pthread_cond_t lender;
static pthread_mutex_t lender_mutex;

static void init_3_and_lender(void)
{
    init_3();
    pthread_condattr_t attributes;
    ok(pthread_condattr_init(&attributes));
    ok(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    ok(pthread_cond_init(&lender, &attributes));
    ok(pthread_mutex_init(&lender_mutex, NULL));
    NAME(lender);
    NAME(lender_mutex);
    /* spinning has paid here: credit 64 */
    ((struct watch_slot *)wiped_table())->hints = 32;
}

static void borrow_then_meet_3(void)
{
    struct timespec later = {1, 0};
    model_await_sleep(0);
    ok(pthread_mutex_lock(&lender_mutex));
    pthread_cond_timedwait(&lender, &lender_mutex, &later);
    ok(pthread_mutex_unlock(&lender_mutex));
    meet(3);
}

const struct scenario barrier_scenarios[] = {
    SCENARIO("barrier-slot-lent", init_3_and_lender, once_serial,
             RUN(meet_3, meet_3, borrow_then_meet_3), .flags = SPINS),
    SCENARIO("barrier-2", init_2, once_serial, RUN(meet_2, meet_2), .flags = BUFFERED | SPURIOUS,
             .quick = UNBOUNDED),
    SCENARIO("barrier-2-again", init_2, twice_serial, RUN(meet_2_twice, meet_2_twice),
             .quick = UNBOUNDED),
    SCENARIO("barrier-2-spins", init_2, twice_serial, RUN(meet_2_twice, meet_2_twice),
             .flags = SPINS),
    SCENARIO("barrier-2-shared", init_2_shared, twice_serial, RUN(meet_2_twice, meet_2_twice)),
    SCENARIO("barrier-3", init_3, once_serial, RUN(meet_3, meet_3, meet_3)),
    SCENARIO("barrier-3-again", init_3, twice_serial,
             RUN(meet_3_twice, meet_3_twice, meet_3_twice)),
    SCENARIO("barrier-destroy-2", init_2, NULL, RUN(meet_2_destroy, meet_2_destroy),
             .flags = BUFFERED, .quick = UNBOUNDED),
    SCENARIO("barrier-destroy-2-other", init_2, NULL,
             RUN(meet_2_destroy_other, meet_2_destroy_other), .quick = UNBOUNDED),
    SCENARIO("barrier-destroy-2-spins", init_2, NULL, RUN(meet_2_destroy, meet_2_destroy),
             .flags = SPINS),
    SCENARIO("barrier-destroy-2-shared", init_2_shared, NULL,
             RUN(meet_2_twice_destroy, meet_2_twice_destroy)),
    SCENARIO("barrier-destroy-3", init_3, NULL,
             RUN(meet_3_destroy, meet_3_destroy, meet_3_destroy)),
    SCENARIO("barrier-reuse", init_2, twice_serial, RUN(meet_2_anew, meet_2_anew)),
    SCENARIO("barrier-reuse-spins", init_2, twice_serial, RUN(meet_2_anew, meet_2_anew),
             .flags = SPINS),
    SCENARIO("barrier-timed", init_2, pairs_passed, RUN(pass_timed_twice, pass_timed_twice)),
    SCENARIO("barrier-timed-3", init_2, pairs_passed, RUN(pass_timed, pass_timed, pass_timed)),
    SCENARIO("barrier-timed-shared", init_2_shared, pairs_passed,
             RUN(pass_timed, pass_timed, pass_timed_twice), .flags = BUFFERED | SPURIOUS),
    SCENARIO("barrier-timed-spins", init_2, pairs_passed, RUN(pass_timed_twice, pass_timed_twice),
             .flags = SPINS),
    SCENARIO("barrier-timed-and-not", init_2, pairs_passed, RUN(pass_patiently, pass_at_last)),
    SCENARIO("barrier-timed-death", init_2_shared, NULL, RUN(pass_timed_twice, pass_timed_twice),
             .mortal = 1),
    {.name = NULL},
};
