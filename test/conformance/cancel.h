/* A thread that is cancelled while it blocks, or before it calls a function. */
#ifndef FURWOCK_TEST_CONFORM_CANCEL_H
#define FURWOCK_TEST_CONFORM_CANCEL_H

#include "conform.h"

struct target {
    pthread_t id;
    void (*function)(void);
    bool pending;                /* the request is there before the function is called */
    atomic_int ready, requested; /* ready: the thread's ID in the kernel */
    void *result;
};

static struct target target;
static atomic_int returned; /* the function has returned */

/*
 * What is between this and the end of a target's function can be cancelled, and is what is tested.
 * It waits for the request with cancellation disabled if the request is to be pending.
 */
static inline void begin(void)
{
    int state;
    atomic_store(&target.ready, unit_gettid());
    if (target.pending)
        unit_wait_for(&target.requested, 1);
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state), 0);
}

static inline void *run_target(void *arg)
{
    int state;
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    target.function();
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    atomic_store(&returned, 1);
    return arg;
}

static inline void start_target(void (*function)(void), bool pending)
{
    target.function = function;
    target.pending = pending;
    ck_assert_int_eq(pthread_create(&target.id, NULL, run_target, &target), 0);
    unit_wait_for(&target.ready, 1);
    if (!pending)
        unit_wait_until_asleep(getpid(), atomic_load(&target.ready));
}

static inline void cancel_target(void)
{
    ck_assert_int_eq(pthread_cancel(target.id), 0);
    atomic_store(&target.requested, 1);
}

static inline void join_target(void)
{
    ck_assert_int_eq(pthread_join(target.id, &target.result), 0);
}

/* The function is called with a request pending, which ends the thread there. */
static inline void is_cancelled_before(void (*function)(void))
{
    start_target(function, true);
    cancel_target();
    join_target();
    ck_assert_msg(target.result != &target, "it returned, with a request pending");
    ck_assert_ptr_eq(target.result, PTHREAD_CANCELED);
}

/* The function blocks, and a request that comes then ends the thread. */
static inline void is_cancelled_within(void (*function)(void))
{
    start_target(function, false);
    ck_assert_msg(!atomic_load(&returned), "it did not block");
    cancel_target();
    join_target();
    ck_assert_msg(target.result != &target, "it returned, rather than be cancelled");
    ck_assert_ptr_eq(target.result, PTHREAD_CANCELED);
}

/* The function is called with a request pending, and returns. */
static inline void is_not_cancelled_before(void (*function)(void))
{
    start_target(function, true);
    cancel_target();
    join_target();
    ck_assert_msg(target.result == &target, "it was cancelled");
}

#endif
