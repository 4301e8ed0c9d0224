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

/* A routine that is cancelled as it waits has not been called: the next caller runs it. */
static sem_t ready;
static int cancelled;

static void init_ready(void)
{
    init();
    ok(sem_init(&ready, 0, 0));
    NAME(ready);
}

static void routine_that_waits(void)
{
    arch_fetch_add(&runs, 1);
    ok(sem_wait(&ready));
    arch_fetch_add(&done, 1);
}

static void count_cancel(void *unused)
{
    (void)unused;
    cancelled++;
}

static void call_or_give_up(void)
{
    struct cleanup_record record;
    host_push_cleanup(&record, count_cancel, NULL);
    ok(pthread_once(&o, routine_that_waits));
    host_pop_cleanup(&record);
}

static void call_that_waits(void)
{
    ok(pthread_once(&o, routine_that_waits));
    model_assert(arch_load_relaxed(&done) == 1);
}

static void post_ready(void)
{
    ok(sem_post(&ready));
}

static void ran_to_its_end_once(void)
{
    model_assert(done == 1 && runs >= 1 && runs <= 1 + (uint32_t)cancelled);
}

const struct scenario once_scenarios[] = {
    SCENARIO("once-cancel", init_ready, ran_to_its_end_once,
             RUN(call_or_give_up, call_that_waits, post_ready), .cancelled = 1),
    SCENARIO("once-cancel-3", init_ready, ran_to_its_end_once,
             RUN(call_or_give_up, call_that_waits, call_that_waits, post_ready), .cancelled = 1,
             .quick = 2),
    SCENARIO("once-2", init, ran_once, RUN(call, call), .flags = BUFFERED | SPURIOUS | INTERRUPTED,
             .quick = UNBOUNDED),
    SCENARIO("once-3", init, ran_once, RUN(call, call, call_twice), .flags = BUFFERED),
    {.name = NULL},
};
