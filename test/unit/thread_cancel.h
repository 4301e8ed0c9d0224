/*
 * What the tests of cancellation share.
 *
 * Assertions are kept out of threads to be cancelled: Check's own output is a cancellation point.
 */
#ifndef FURWOCK_TEST_THREAD_CANCEL_H
#define FURWOCK_TEST_THREAD_CANCEL_H

#include "unit.h"

/* What the thread under test does, and what is seen of it. */
static struct {
    int (*call)(void);
    int state, type;
    bool pending;
    atomic_int cleaned, returned;
    int result, error;
} act;

static inline void clean_up(void *unused)
{
    (void)unused;
    atomic_fetch_add(&act.cleaned, 1);
}

static inline int perform(void *unused)
{
    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    if (act.pending)
        pthread_cancel(pthread_self());
    pthread_cleanup_push(clean_up, NULL);
    pthread_setcanceltype(act.type, NULL);
    pthread_setcancelstate(act.state, NULL);
    act.result = act.call();
    act.error = errno;
    atomic_store(&act.returned, 1);
    pthread_cleanup_pop(0);
    return 0;
}

static inline void start_act_of_type(struct unit_call *call, int (*function)(void), int state,
                                     int type, bool pending)
{
    act.call = function;
    act.state = state;
    act.type = type;
    act.pending = pending;
    atomic_store(&act.cleaned, 0);
    atomic_store(&act.returned, 0);
    unit_start(call, perform, NULL);
}

static inline void start_act(struct unit_call *call, int (*function)(void), int state, bool pending)
{
    start_act_of_type(call, function, state, PTHREAD_CANCEL_DEFERRED, pending);
}

static inline void expect_result(pthread_t thread, void *wanted)
{
    void *result = &result;
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, wanted);
}

static inline void expect_cancelled(struct unit_call *call)
{
    expect_result(call->thread, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&act.cleaned), 1);
    ck_assert_int_eq(atomic_load(&act.returned), 0);
}

/* What is no cancellation point. */

static inline void *return_argument(void *arg)
{
    return arg;
}

#endif
