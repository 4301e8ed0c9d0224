/*
 * pthread_once() and call_once(): XSH pthread_once and call_once. Both say the same, but for what
 * is returned; a check takes one of two functions in front of them. Their control objects must have
 * static storage; each assertion has a process of its own and finds them fresh.
 */
#include "conform.h"
#include <threads.h>

static pthread_once_t control = PTHREAD_ONCE_INIT, other_control = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT, other_flag = ONCE_FLAG_INIT;

/* Call the routine once, by the first or the other control object. */
typedef void once_function(void (*routine)(void), bool other);

static void once_posix(void (*routine)(void), bool other)
{
    ck_assert_int_eq(pthread_once(other ? &other_control : &control, routine), 0);
}

static void once_c(void (*routine)(void), bool other)
{
    call_once(other ? &other_flag : &flag, routine);
}

/* The same assertion about each. */
#define ASSERTION_OF_BOTH(number, text, check)                                                     \
    ASSERTION(pthread_once, number, text)                                                          \
    {                                                                                              \
        check(once_posix);                                                                         \
    }                                                                                              \
    ASSERTION(call_once, number, text)                                                             \
    {                                                                                              \
        check(once_c);                                                                             \
    }

static atomic_int calls, ends;

static void count(void)
{
    atomic_fetch_add(&calls, 1);
    atomic_fetch_add(&ends, 1);
}

static void count_other(void)
{
    atomic_fetch_add(&calls, 100);
}

/* A routine that lasts until it is let go, by way of a cancellation point. */
static atomic_int go;

static void last(void)
{
    atomic_fetch_add(&calls, 1);
    unit_wait_for(&go, 1);
    atomic_fetch_add(&ends, 1);
}

/* The function with a routine, in another thread; how many routines have ended when it returns. */
struct job {
    once_function *once;
    void (*routine)(void);
    struct unit_call call;
};

static int run_job(void *argument)
{
    struct job *job = argument;
    job->once(job->routine, false);
    return atomic_load(&ends);
}

static void start(struct job *job, once_function *once, void (*routine)(void))
{
    job->once = once;
    job->routine = routine;
    unit_start(&job->call, run_job, job);
}

/* Start a thread that is in last() when this returns. */
static void start_lasting(struct job *job, once_function *once)
{
    start(job, once, last);
    unit_wait_for(&calls, 1);
}

/* ---- The routine is called once ---- */

static void check_first(once_function *once)
{
    once(count, false);
    ck_assert_int_eq(atomic_load(&calls), 1);
}
ASSERTION_OF_BOTH(1, "the first call calls the routine", check_first)

static void check_later(once_function *once)
{
    struct job job;
    for (int i = 0; i < 3; i++)
        once(count, false);
    start(&job, once, count);
    unit_finish(&job.call);
    ck_assert_int_eq(atomic_load(&calls), 1);
}
ASSERTION_OF_BOTH(2, "later calls do not call it, from whatever thread", check_later)

static void check_return(once_function *once)
{
    struct job first, second, third;
    start_lasting(&first, once);
    start(&second, once, last);
    start(&third, once, last);
    unit_wait_until_blocked(&second.call);
    unit_wait_until_blocked(&third.call);
    atomic_store(&go, 1);
    ck_assert_int_eq(unit_finish(&first.call), 1);
    ck_assert_int_eq(unit_finish(&second.call), 1);
    ck_assert_int_eq(unit_finish(&third.call), 1);
    ck_assert_int_eq(atomic_load(&calls), 1);
}
ASSERTION_OF_BOTH(3, "no call returns before the routine has completed, in whatever thread it runs",
                  check_return)

static int payload;

static void write_payload(void)
{
    payload = 4711;
}

static int read_payload(void *argument)
{
    ((struct job *)argument)->once(write_payload, false);
    return payload;
}

static void check_synchronised(once_function *once)
{
    struct job jobs[8] = {{0}};
    for (int i = 0; i < 8; i++) {
        jobs[i].once = once;
        unit_start(&jobs[i].call, read_payload, &jobs[i]);
    }
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(unit_finish(&jobs[i].call), 4711);
}
ASSERTION_OF_BOTH(4, "every call that returns sees what the routine has written",
                  check_synchronised)

static void check_control(once_function *once)
{
    once(count, false);
    once(count_other, false);
    ck_assert_int_eq(atomic_load(&calls), 1);
    once(count_other, true);
    ck_assert_int_eq(atomic_load(&calls), 101);
    once(count, true);
    ck_assert_int_eq(atomic_load(&calls), 101);
}
ASSERTION_OF_BOTH(5, "the control object, not the routine, determines whether it is called",
                  check_control)

/* ---- Cancellation ---- */

static void request(void)
{
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
}

static int call_with_request(void *argument)
{
    struct job *job = argument;
    request();
    job->once(count, false); /* calls it */
    job->once(count, false); /* does not */
    atomic_store(&go, 2);
    pthread_testcancel();
    return 0;
}

static void check_no_point(once_function *once)
{
    struct job job = {.once = once};
    void *result;
    unit_start(&job.call, call_with_request, &job);
    ck_assert_int_eq(pthread_join(job.call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&go), 2);
    ck_assert_int_eq(atomic_load(&calls), 1);
}
ASSERTION_OF_BOTH(6, "is not a cancellation point", check_no_point)

static int wait_then_test(void *argument)
{
    struct job *job = argument;
    job->once(last, false);
    int seen = atomic_load(&ends);
    atomic_store(&go, 2);
    ck_assert_int_eq(seen, 1);
    pthread_testcancel();
    return 0;
}

static void check_no_point_waiting(once_function *once)
{
    struct job first, second = {.once = once};
    void *result;
    start_lasting(&first, once);
    unit_start(&second.call, wait_then_test, &second);
    unit_wait_until_blocked(&second.call);
    ck_assert_int_eq(pthread_cancel(second.call.thread), 0);
    unit_wait_until_blocked(&second.call);
    atomic_store(&go, 1);
    ck_assert_int_eq(unit_finish(&first.call), 1);
    ck_assert_int_eq(pthread_join(second.call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&go), 2);
}
ASSERTION_OF_BOTH(
    7, "is not a cancellation point while it waits for another thread's call of the routine",
    check_no_point_waiting)

static void cancel(struct job *job)
{
    void *result;
    ck_assert_int_eq(pthread_cancel(job->call.thread), 0);
    ck_assert_int_eq(pthread_join(job->call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

static void check_cancelled(once_function *once)
{
    struct job job;
    start_lasting(&job, once);
    cancel(&job);
    ck_assert_int_eq(atomic_load(&ends), 0);
    once(count, false);
    ck_assert_int_eq(atomic_load(&calls), 2);
    once(count, false);
    ck_assert_int_eq(atomic_load(&calls), 2);
}
ASSERTION_OF_BOTH(8,
                  "if the routine is cancelled, it is as if it had not been called: the next call "
                  "calls it",
                  check_cancelled)

static void check_cancelled_again(once_function *once)
{
    for (int i = 1; i <= 5; i++) {
        struct job job;
        start(&job, once, last);
        unit_wait_for(&calls, i);
        cancel(&job);
    }
    once(count, false);
    ck_assert_int_eq(atomic_load(&calls), 6);
    ck_assert_int_eq(atomic_load(&ends), 1);
}
ASSERTION_OF_BOTH(9, "if the routine is cancelled several times, the next call calls it",
                  check_cancelled_again)

static void check_cancelled_waiters(once_function *once)
{
    struct job first, waiters[3];
    start_lasting(&first, once);
    for (int i = 0; i < 3; i++) {
        start(&waiters[i], once, count);
        unit_wait_until_blocked(&waiters[i].call);
    }
    cancel(&first);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(unit_finish(&waiters[i].call), 1);
    ck_assert_int_eq(atomic_load(&calls), 2);
}
ASSERTION_OF_BOTH(
    10, "if the routine is cancelled, one call of those that wait calls it, and the others wait on",
    check_cancelled_waiters)

static atomic_int cleaned;

static void clean(void *argument)
{
    (void)argument;
    atomic_store(&cleaned, 1);
}

static int call_with_cleanup(void *argument)
{
    struct job *job = argument;
    pthread_cleanup_push(clean, NULL);
    job->once(last, false);
    pthread_cleanup_pop(0);
    return 0;
}

static void check_cancelled_caller(once_function *once)
{
    struct job job = {.once = once};
    unit_start(&job.call, call_with_cleanup, &job);
    unit_wait_for(&calls, 1);
    cancel(&job);
    ck_assert_int_eq(atomic_load(&cleaned), 1);
}
ASSERTION_OF_BOTH(11,
                  "a thread that is cancelled in the routine runs its caller's cleanup handlers",
                  check_cancelled_caller)

/* ---- Signals ---- */

static void interrupt(struct job *job, int number)
{
    catch_signal(SIGUSR1, count_signal, 0);
    ck_assert_int_eq(pthread_kill(job->call.thread, SIGUSR1), 0);
    unit_wait_for(&handled, number);
}

static void check_signals(once_function *once)
{
    struct job first, second;
    start_lasting(&first, once);
    start(&second, once, last);
    for (int i = 1; i <= 5; i += 2) {
        unit_wait_until_blocked(&second.call);
        interrupt(&second, i);
        interrupt(&first, i + 1);
    }
    unit_wait_until_blocked(&second.call);
    atomic_store(&go, 1);
    ck_assert_int_eq(unit_finish(&first.call), 1);
    ck_assert_int_eq(unit_finish(&second.call), 1);
    ck_assert_int_eq(atomic_load(&calls), 1);
}
ASSERTION_OF_BOTH(12,
                  "a signal handler that runs meanwhile changes nothing: no EINTR, and who waits "
                  "goes on waiting",
                  check_signals)

/* ---- What is not common to both ---- */

ASSERTION(pthread_once, 13, "returns 0")
{
    ck_assert_int_eq(pthread_once(&control, count), 0);
    ck_assert_int_eq(pthread_once(&control, count), 0);
}

ASSERTION_OF_NAME(PTHREAD_ONCE_INIT, 1,
                  "initialises a control object by which no routine has been called")
{
    check_control(once_posix);
}

ASSERTION_OF_NAME(ONCE_FLAG_INIT, 1, "initialises a flag by which no function has been called")
{
    check_control(once_c);
}
