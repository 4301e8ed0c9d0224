/* Semaphores. */
#include "layout.h"
#include "permits.h"

static void try(void)
{
    if (sem_trywait(&s) != 0)
        model_assert(errno == EAGAIN);
    else
        up();
}

/* There is one permit for all. */
static void pass(void)
{
    down();
    up();
}

static void pass_or_give_up(void)
{
    int before = cancelled;
    down_or_give_up();
    if (cancelled == before)
        up();
}

static void one_left(void)
{
    value_is(1);
}

/* The waiter may free it at once. */
static void down_and_free(void)
{
    down();
    ok(sem_destroy(&s));
    GONE(s);
}

static void down_twice_and_free(void)
{
    down();
    down_and_free();
}

/* So may the poster, once the permit has been taken: nobody is blocked then. */
static void up_and_free_if_taken(void)
{
    int value;
    up();
    ok(sem_getvalue(&s, &value));
    if (value > 0)
        return;
    ok(sem_destroy(&s));
    GONE(s);
}

/* A waiter that is killed may have been woken: process-shared ones go on. */
static void down_and_tell(void)
{
    down();
    arch_store_release(&flag, 1);
}

static void up_until_taken(void)
{
    up();
    /* a second permit, in case the dead one has taken the first */
    up();
    model_await(&flag, 1);
}

/* Those asleep are served by priority. */
static uint32_t turn;

static void down_second(void)
{
    down();
    model_assert(arch_fetch_add(&turn, 1) == 1);
}

static void down_first(void)
{
    down();
    model_assert(arch_fetch_add(&turn, 1) == 0);
}

static void up_for_both(void)
{
    model_await_sleep(0);
    model_await_sleep(1);
    up();
    model_await(&turn, 1);
    up();
}

/* Somebody slept, and is gone: who posts twice finds out, and wakes all who have come meanwhile. */
static void init_stale_bit(void)
{
    init_sem();
    ((struct semaphore *)&s)->word = 0x80000000u;
}

static void up_for_all(void)
{
    up();
    if (sem_trywait(&s) != 0)
        timeouts++;
    up_twice();
}

const struct scenario sem_scenarios[] = {
    SCENARIO("sem-stale-bit", init_stale_bit, untaken_left, RUN(up_for_all, down, down)),
    SCENARIO("sem-cancel", init_sem, untaken_left, RUN(down_or_give_up, down, up, up),
             .cancelled = 1, .flags = BUFFERED),
    SCENARIO("sem-cancel-4", init_sem, untaken_left, RUN(down_or_give_up, down, down, up_thrice),
             .cancelled = 1, .quick = 2),
    SCENARIO("sem-cancel-last-post", init_sem, one_left, RUN(pass_or_give_up, pass, up),
             .cancelled = 1),
    SCENARIO("sem-cancel-last-post-4", init_sem, one_left, RUN(pass_or_give_up, pass, pass, up),
             .cancelled = 1, .quick = 2),
    SCENARIO("sem-cancel-spins", init_sem, untaken_left, RUN(down_or_give_up, down, up, up),
             .cancelled = 1, .flags = SPINS),
    SCENARIO("sem-cancel-shared", init_sem_shared, untaken_left, RUN(down_or_give_up, down, up, up),
             .cancelled = 1),
    SCENARIO("sem-cancel-timed", init_sem, untaken_left,
             RUN(down_or_give_up, down_timed, down, up_thrice), .cancelled = 1, .quick = 1,
             .deep = 2),
    SCENARIO("sem-cancel-try", init_sem, untaken_left, RUN(down_or_give_up, try, down, up_twice),
             .cancelled = 1, .quick = 2),
    SCENARIO("sem-cancel-interrupted", init_sem, untaken_left,
             RUN(down_or_give_up, down_patiently, up, up), .cancelled = 1,
             .flags = INTERRUPTED | SPURIOUS, .quick = 1, .deep = 2),
    SCENARIO("sem-order", init_sem, none_left, RUN(down_second, down_first, up_for_both),
             .priority = {1, 2}),
    SCENARIO("sem-order-shared", init_sem_shared, none_left,
             RUN(down_second, down_first, up_for_both), .priority = {1, 2}),
    SCENARIO("sem-post", init_sem, none_left, RUN(down, up), .flags = BUFFERED, .quick = UNBOUNDED),
    SCENARIO("sem-spins", init_sem, none_left, RUN(down_twice, up, up), .flags = SPINS),
    SCENARIO("sem-2-waiters", init_sem, none_left, RUN(down, down, up_twice), .quick = 3),
    SCENARIO("sem-2-posters", init_sem, none_left, RUN(down_twice, up, up), .quick = 3),
    SCENARIO("sem-4", init_sem, none_left, RUN(down, down, up, up)),
    SCENARIO("sem-3-waiters", init_sem, none_left, RUN(down, down, down, up_thrice)),
    SCENARIO("sem-exclusive", init_sem_one, one_left, RUN(exclude, exclude, exclude)),
    SCENARIO("sem-try", init_sem_one, one_left, RUN(exclude, try, exclude)),
    SCENARIO("sem-interrupted", init_sem, none_left, RUN(down_patiently, down_patiently, up_twice),
             .flags = INTERRUPTED | SPURIOUS),
    SCENARIO("sem-timed", init_sem, untaken_left, RUN(down_timed, down_timed, up_twice)),
    SCENARIO("sem-timed-one", init_sem, untaken_left, RUN(down_timed, down, up_twice)),
    SCENARIO("sem-shared", init_sem_shared, none_left, RUN(down, down, up_twice),
             .flags = BUFFERED),
    SCENARIO("sem-shared-3", init_sem_shared, none_left, RUN(down, down, up, up)),
    SCENARIO("sem-shared-interrupted", init_sem_shared, none_left,
             RUN(down_patiently, down_patiently, up_twice), .flags = INTERRUPTED | SPURIOUS),
    SCENARIO("sem-shared-timed", init_sem_shared, untaken_left, RUN(down_timed, down, up_twice)),
    SCENARIO("sem-second-post", init_sem, NULL, RUN(down, down_and_tell, up_until_taken),
             .mortal = 1),
    SCENARIO("sem-shared-death", init_sem_shared, NULL, RUN(down, down_and_tell, up_until_taken),
             .mortal = 1),
    SCENARIO("sem-destroy", init_sem, NULL, RUN(down_and_free, up), .flags = BUFFERED,
             .quick = UNBOUNDED),
    SCENARIO("sem-destroy-spins", init_sem, NULL, RUN(down_and_free, up), .flags = SPINS,
             .quick = 5),
    SCENARIO("sem-destroy-taken", init_sem, NULL, RUN(down, up_and_free_if_taken), .flags = SPINS,
             .quick = 5),
    SCENARIO("sem-destroy-2", init_sem, NULL, RUN(down_twice_and_free, up, up)),
    SCENARIO("sem-destroy-shared", init_sem_shared, NULL, RUN(down_twice_and_free, up, up)),
    {.name = NULL},
};
