/* Semaphores. */
#include "scenarios.h"

static sem_t s;
static uint32_t inside, flag;
static int timeouts;

static void init_value(int shared, unsigned value)
{
    ok(sem_init(&s, shared, value));
    NAME(s);
    NAME(inside);
    NAME(flag);
}

static void init(void)
{
    init_value(0, 0);
}

static void init_shared(void)
{
    init_value(1, 0);
}

static void init_one(void)
{
    init_value(0, 1);
}

static void take(void)
{
    ok(sem_wait(&s));
}

static void take_patiently(void)
{
    while (sem_wait(&s) != 0)
        model_assert(errno == EINTR);
}

static void take_timed(void)
{
    if (sem_timedwait(&s, &deadline) != 0) {
        model_assert(errno == ETIMEDOUT);
        timeouts++;
    }
}

static void take_twice(void)
{
    take();
    take();
}

static void post(void)
{
    ok(sem_post(&s));
}

static void post_twice(void)
{
    post();
    post();
}

static void post_three(void)
{
    post_twice();
    post();
}

static void try(void)
{
    if (sem_trywait(&s) != 0)
        model_assert(errno == EAGAIN);
    else
        post();
}

static void exclude(void)
{
    take();
    visit(&inside);
    post();
}

static void value_is(int expected)
{
    int value;
    ok(sem_getvalue(&s, &value));
    model_assert(value == expected);
    ok(sem_destroy(&s));
}

static void none_left(void)
{
    value_is(0);
}

static void one_left(void)
{
    value_is(1);
}

static void timeouts_left(void)
{
    value_is(timeouts);
}

/* The waiter may free it at once. */
static void take_and_free(void)
{
    take();
    ok(sem_destroy(&s));
    GONE(s);
}

static void take_twice_and_free(void)
{
    take();
    take_and_free();
}

/* So may the poster, once the permit has been taken: nobody is blocked then. */
static void post_and_free_if_taken(void)
{
    int value;
    post();
    ok(sem_getvalue(&s, &value));
    if (value > 0)
        return;
    ok(sem_destroy(&s));
    GONE(s);
}

/* A waiter that is killed may have been woken: process-shared ones go on. */
static void take_and_tell(void)
{
    take();
    arch_store_release(&flag, 1);
}

static void post_until_taken(void)
{
    post();
    /* a second permit, in case the dead one has taken the first */
    post();
    model_await(&flag, 1);
}

static void post_thrice(void)
{
    post();
    post();
    post();
}

/* A cancelled thread takes nothing, and keeps no other from taking. */
static int cancelled;

static void count_cancel(void *unused)
{
    (void)unused;
    cancelled++;
}

static void take_or_give_up(void)
{
    struct cleanup_record record;
    host_push_cleanup(&record, count_cancel, NULL);
    take_patiently();
    host_pop_cleanup(&record);
}

static void untaken_left(void)
{
    int value;
    ok(sem_getvalue(&s, &value));
    model_assert(value == cancelled + timeouts && cancelled <= 1);
}

/* Those asleep are served by priority. */
static uint32_t turn;

static void take_second(void)
{
    take();
    model_assert(arch_fetch_add(&turn, 1) == 1);
}

static void take_first(void)
{
    take();
    model_assert(arch_fetch_add(&turn, 1) == 0);
}

static void post_for_both(void)
{
    model_await_sleep(0);
    model_await_sleep(1);
    post();
    model_await(&turn, 1);
    post();
}

const struct scenario sem_scenarios[] = {
    SCENARIO("sem-cancel", init, untaken_left, RUN(take_or_give_up, take, post, post),
             .cancelled = 1, .flags = BUFFERED),
    SCENARIO("sem-cancel-4", init, untaken_left, RUN(take_or_give_up, take, take, post_thrice),
             .cancelled = 1, .quick = 2),
    SCENARIO("sem-cancel-spins", init, untaken_left, RUN(take_or_give_up, take, post, post),
             .cancelled = 1, .flags = SPINS),
    SCENARIO("sem-cancel-shared", init_shared, untaken_left, RUN(take_or_give_up, take, post, post),
             .cancelled = 1),
    SCENARIO("sem-cancel-timed", init, untaken_left,
             RUN(take_or_give_up, take_timed, take, post_thrice), .cancelled = 1, .quick = 1,
             .deep = 2),
    SCENARIO("sem-cancel-try", init, untaken_left, RUN(take_or_give_up, try, take, post_twice),
             .cancelled = 1, .quick = 2),
    SCENARIO("sem-cancel-interrupted", init, untaken_left,
             RUN(take_or_give_up, take_patiently, post, post), .cancelled = 1,
             .flags = INTERRUPTED | SPURIOUS, .quick = 1, .deep = 2),
    SCENARIO("sem-order", init, none_left, RUN(take_second, take_first, post_for_both),
             .priority = {1, 2}),
    SCENARIO("sem-order-shared", init_shared, none_left,
             RUN(take_second, take_first, post_for_both), .priority = {1, 2}),
    SCENARIO("sem-post", init, none_left, RUN(take, post), .flags = BUFFERED, .quick = UNBOUNDED),
    SCENARIO("sem-spins", init, none_left, RUN(take_twice, post, post), .flags = SPINS),
    SCENARIO("sem-2-waiters", init, none_left, RUN(take, take, post_twice), .quick = 3),
    SCENARIO("sem-2-posters", init, none_left, RUN(take_twice, post, post), .quick = 3),
    SCENARIO("sem-4", init, none_left, RUN(take, take, post, post)),
    SCENARIO("sem-3-waiters", init, none_left, RUN(take, take, take, post_three)),
    SCENARIO("sem-exclusive", init_one, one_left, RUN(exclude, exclude, exclude)),
    SCENARIO("sem-try", init_one, one_left, RUN(exclude, try, exclude)),
    SCENARIO("sem-interrupted", init, none_left, RUN(take_patiently, take_patiently, post_twice),
             .flags = INTERRUPTED | SPURIOUS),
    SCENARIO("sem-timed", init, timeouts_left, RUN(take_timed, take_timed, post_twice)),
    SCENARIO("sem-timed-one", init, timeouts_left, RUN(take_timed, take, post_twice)),
    SCENARIO("sem-shared", init_shared, none_left, RUN(take, take, post_twice), .flags = BUFFERED),
    SCENARIO("sem-shared-3", init_shared, none_left, RUN(take, take, post, post)),
    SCENARIO("sem-shared-interrupted", init_shared, none_left,
             RUN(take_patiently, take_patiently, post_twice), .flags = INTERRUPTED | SPURIOUS),
    SCENARIO("sem-shared-timed", init_shared, timeouts_left, RUN(take_timed, take, post_twice)),
    SCENARIO("sem-second-post", init, NULL, RUN(take, take_and_tell, post_until_taken),
             .mortal = 1),
    SCENARIO("sem-shared-death", init_shared, NULL, RUN(take, take_and_tell, post_until_taken),
             .mortal = 1),
    SCENARIO("sem-destroy", init, NULL, RUN(take_and_free, post), .flags = BUFFERED,
             .quick = UNBOUNDED),
    SCENARIO("sem-destroy-spins", init, NULL, RUN(take_and_free, post), .flags = SPINS, .quick = 5),
    SCENARIO("sem-destroy-taken", init, NULL, RUN(take, post_and_free_if_taken), .flags = SPINS,
             .quick = 5),
    SCENARIO("sem-destroy-2", init, NULL, RUN(take_twice_and_free, post, post)),
    SCENARIO("sem-destroy-shared", init_shared, NULL, RUN(take_twice_and_free, post, post)),
    {.name = NULL},
};
