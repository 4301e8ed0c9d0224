/*
 * Cancellation: XSH 2.9.5, pthread_cancel, pthread_cleanup_push, pthread_cleanup_pop,
 * pthread_setcancelstate, pthread_setcanceltype and pthread_testcancel.
 */
#include "cancel.h"

/* pthread_cancel */

static void test_cancel(void)
{
    begin();
    pthread_testcancel();
}

static void sleep_long(void)
{
    struct timespec minute = {60, 0};
    begin();
    nanosleep(&minute, NULL);
}

ASSERTION(pthread_cancel, 1, "requests that a thread be cancelled, which it then is; returns 0")
{
    is_cancelled_within(sleep_long);
}

static void sleep_below_handlers(void)
{
    pthread_key_t key;
    ck_assert_int_eq(pthread_key_create(&key, note_argument), 0);
    ck_assert_int_eq(pthread_setspecific(key, "d"), 0);
    pthread_cleanup_push(note_argument, "1");
    pthread_cleanup_push(note_argument, "2");
    sleep_long();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
}

ASSERTION(pthread_cancel, 2, "the thread runs its cleanup handlers, the last pushed first")
{
    is_cancelled_within(sleep_below_handlers);
    ck_assert_int_eq(strncmp(happened, "21", 2), 0);
}

ASSERTION(pthread_cancel, 3, "after the last handler it runs the destructors of specific data")
{
    is_cancelled_within(sleep_below_handlers);
    ck_assert_str_eq(happened, "21d");
}

static atomic_int in_handler, leave_handler;

static void linger(void *arg)
{
    (void)arg;
    atomic_store(&in_handler, 1);
    unit_wait_for(&leave_handler, 1);
}

static void sleep_below_lingerer(void)
{
    pthread_cleanup_push(linger, NULL);
    sleep_long();
    pthread_cleanup_pop(0);
}

ASSERTION(pthread_cancel, 4, "does not wait for the target, which may still be in a handler")
{
    start_target(sleep_below_lingerer, false);
    cancel_target();
    unit_wait_for(&in_handler, 1);
    atomic_store(&leave_handler, 1);
    join_target();
    ck_assert_ptr_eq(target.result, PTHREAD_CANCELED);
}

ASSERTION(pthread_cancel, 5,
          "the exit status of a cancelled thread is PTHREAD_CANCELED, which is "
          "no null pointer")
{
    is_cancelled_before(test_cancel);
    ck_assert_ptr_eq(target.result, PTHREAD_CANCELED);
    ck_assert_ptr_nonnull(PTHREAD_CANCELED);
}

static void hold_request(void)
{
    int state;
    begin();
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    sleep(0);
    pthread_testcancel();
    note('a');
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state), 0);
    note('b');
    pthread_testcancel();
    note('c');
}

ASSERTION(pthread_cancel, 6,
          "the request is held while cancellation is disabled, and is acted on "
          "at the first cancellation point after that")
{
    start_target(hold_request, true);
    atomic_store(&target.requested, 1);
    join_target();
    ck_assert_ptr_eq(target.result, PTHREAD_CANCELED);
    ck_assert_str_eq(happened, "ab");
}

static void cancel_self_asynchronously(void)
{
    int type;
    begin();
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type), 0);
    pthread_cancel(pthread_self());
    pthread_testcancel();
}

ASSERTION(pthread_cancel, 7, "may be called with asynchronous cancelability, for the caller itself")
{
    start_target(cancel_self_asynchronously, true);
    atomic_store(&target.requested, 1);
    join_target();
    ck_assert_ptr_eq(target.result, PTHREAD_CANCELED);
}

static void return_at_once(void)
{
    begin();
}

ASSERTION(pthread_cancel, 8,
          "a thread that has ended and is not joined still has its ID: returns 0, "
          "and changes nothing")
{
    start_target(return_at_once, true);
    atomic_store(&target.requested, 1);
    wait_until_gone(&target.ready);
    ck_assert_int_eq(pthread_cancel(target.id), 0);
    join_target();
    ck_assert_ptr_eq(target.result, &target);
}

static void be_cancelled_into_handler(void)
{
    int type;
    pthread_cleanup_push(check_uncancelable, "c");
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type), 0);
    test_cancel();
    pthread_cleanup_pop(0);
}

ASSERTION(pthread_cancel, 9, "cancellation is disabled and deferred when the handlers run")
{
    is_cancelled_before(be_cancelled_into_handler);
    ck_assert_str_eq(happened, "c");
}

static void be_cancelled_into_destructor(void)
{
    pthread_key_t key;
    ck_assert_int_eq(pthread_key_create(&key, check_uncancelable), 0);
    ck_assert_int_eq(pthread_setspecific(key, "d"), 0);
    test_cancel();
}

ASSERTION(pthread_cancel, 10, "cancellation is disabled and deferred when the destructors run")
{
    is_cancelled_before(be_cancelled_into_destructor);
    ck_assert_str_eq(happened, "d");
}

static int ends[2];

static void read_what_is_there(void)
{
    char c;
    begin();
    ck_assert_int_le(read(ends[0], &c, 1), 1);
}

ASSERTION(pthread_cancel, 11, "a call that is cancelled has had no effect: read() takes no data")
{
    char c = 0;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    is_cancelled_before(read_what_is_there);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(read(ends[0], &c, 1), 1);
}

static sem_t semaphore;

static void wait_for_open_semaphore(void)
{
    begin();
    sem_wait(&semaphore);
}

ASSERTION(pthread_cancel, 12, "nor does sem_wait() take the semaphore")
{
    int value;
    ck_assert_int_eq(sem_init(&semaphore, 0, 1), 0);
    is_cancelled_before(wait_for_open_semaphore);
    ck_assert_int_eq(sem_getvalue(&semaphore, &value), 0);
    ck_assert_int_eq(value, 1);
}

static void *cancel_argument(void *arg)
{
    ck_assert_int_eq(pthread_cancel(*(pthread_t *)arg), 0);
    return NULL;
}

ASSERTION(pthread_cancel, 13, "cancels the initial thread as any other")
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct timespec minute = {60, 0};
        static pthread_t self, id;
        self = pthread_self();
        unit_child_assert(pthread_create(&id, NULL, cancel_argument, &self) == 0);
        nanosleep(&minute, NULL);
        _exit(1);
    }
    unit_reap(pid);
}

/* pthread_testcancel */

ASSERTION(pthread_testcancel, 1, "is a cancellation point: acts on a pending request")
{
    is_cancelled_before(test_cancel);
}

static void test_cancel_disabled(void)
{
    int state;
    begin();
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    pthread_testcancel();
}

ASSERTION(pthread_testcancel, 2, "has no effect while cancellation is disabled")
{
    is_not_cancelled_before(test_cancel_disabled);
}

ASSERTION(pthread_testcancel, 3, "has no effect without a request")
{
    start_target(test_cancel, true);
    atomic_store(&target.requested, 1);
    join_target();
    ck_assert_ptr_eq(target.result, &target);
}

/* pthread_setcancelstate and pthread_setcanceltype */

ASSERTION(pthread_setcancelstate, 1, "sets the state, stores the former one, and returns 0")
{
    int former = -1;
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &former), 0);
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &former), 0);
    ck_assert_int_eq(former, PTHREAD_CANCEL_DISABLE);
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &former), 0);
    ck_assert_int_eq(former, PTHREAD_CANCEL_ENABLE);
}

static int take_state(void *arg)
{
    (void)arg;
    int former = -1;
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &former), 0);
    return former;
}

ASSERTION(pthread_setcancelstate, 2, "the initial thread begins with PTHREAD_CANCEL_ENABLE")
{
    ck_assert_int_eq(take_state(NULL), PTHREAD_CANCEL_ENABLE);
}

ASSERTION(pthread_setcancelstate, 3, "other threads too, whatever their creator's state is")
{
    take_state(NULL);
    ck_assert_int_eq(unit_elsewhere(take_state, NULL), PTHREAD_CANCEL_ENABLE);
}

ASSERTION(pthread_setcancelstate, 4, "the state is the calling thread's alone")
{
    unit_elsewhere(take_state, NULL);
    ck_assert_int_eq(take_state(NULL), PTHREAD_CANCEL_ENABLE);
}

static void disable_and_test(void)
{
    int state;
    begin();
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    sleep(0);
}

ASSERTION(pthread_setcancelstate, 5, "PTHREAD_CANCEL_DISABLE: a request does not end the thread")
{
    is_not_cancelled_before(disable_and_test);
}

ASSERTION(pthread_setcancelstate, 6, "may return EINVAL for another state, which is then not set")
{
    int former = PTHREAD_CANCEL_ENABLE, error = pthread_setcancelstate(-12345, &former);
    if (error == 0)
        unsupported("it does not detect this");
    ck_assert_int_eq(error, EINVAL);
    ck_assert_int_eq(take_state(NULL), PTHREAD_CANCEL_ENABLE);
}

static int state_in_handler = -1;

static void disable_in_handler(int signal)
{
    (void)signal;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state_in_handler);
}

ASSERTION(pthread_setcancelstate, 7, "is async-signal-safe: works in a signal handler")
{
    struct sigaction action = {.sa_handler = disable_in_handler};
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(raise(SIGUSR1), 0);
    ck_assert_int_eq(state_in_handler, PTHREAD_CANCEL_ENABLE);
    ck_assert_int_eq(take_state(NULL), PTHREAD_CANCEL_DISABLE);
}

ASSERTION(pthread_setcanceltype, 1, "sets the type, stores the former one, and returns 0")
{
    int former = -1;
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &former), 0);
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &former), 0);
    ck_assert_int_eq(former, PTHREAD_CANCEL_ASYNCHRONOUS);
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &former), 0);
    ck_assert_int_eq(former, PTHREAD_CANCEL_DEFERRED);
}

static int take_type(void *arg)
{
    (void)arg;
    int former = -1;
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &former), 0);
    return former;
}

ASSERTION(pthread_setcanceltype, 2, "the initial thread begins with PTHREAD_CANCEL_DEFERRED")
{
    ck_assert_int_eq(take_type(NULL), PTHREAD_CANCEL_DEFERRED);
}

ASSERTION(pthread_setcanceltype, 3, "other threads too, whatever their creator's type is")
{
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    take_type(NULL);
    ck_assert_int_eq(unit_elsewhere(take_type, NULL), PTHREAD_CANCEL_DEFERRED);
}

ASSERTION(pthread_setcanceltype, 4, "the type is the calling thread's alone")
{
    unit_elsewhere(take_type, NULL);
    ck_assert_int_eq(take_type(NULL), PTHREAD_CANCEL_DEFERRED);
}

static void compute(void)
{
    begin();
    for (volatile int i = 0; i < 1000; i++)
        ;
}

ASSERTION(pthread_setcanceltype, 5,
          "PTHREAD_CANCEL_DEFERRED: a request does not end the thread "
          "where there is no cancellation point")
{
    is_not_cancelled_before(compute);
}

static void compute_asynchronously(void)
{
    int type;
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type), 0);
    begin();
    int64_t end = unit_now_ms() + 2000;
    while (unit_now_ms() < end)
        ;
    pthread_testcancel();
}

ASSERTION(pthread_setcanceltype, 6,
          "PTHREAD_CANCEL_ASYNCHRONOUS: a pending request is acted on "
          "at any time, at the latest at a cancellation point")
{
    is_cancelled_before(compute_asynchronously);
}

ASSERTION(pthread_setcanceltype, 7, "a request that comes during such a computation likewise")
{
    target.function = compute_asynchronously;
    ck_assert_int_eq(pthread_create(&target.id, NULL, run_target, &target), 0);
    unit_wait_for(&target.ready, 1);
    cancel_target();
    join_target();
    ck_assert_ptr_eq(target.result, PTHREAD_CANCELED);
}

ASSERTION(pthread_setcanceltype, 8, "may return EINVAL for another type, which is then not set")
{
    int former = PTHREAD_CANCEL_DEFERRED, error = pthread_setcanceltype(-12345, &former);
    if (error == 0)
        unsupported("it does not detect this");
    ck_assert_int_eq(error, EINVAL);
    ck_assert_int_eq(take_type(NULL), PTHREAD_CANCEL_DEFERRED);
}

/* pthread_cleanup_push and pthread_cleanup_pop */

static int exit_below_push(void *arg)
{
    pthread_cleanup_push(note_argument, arg);
    pthread_exit(NULL);
    pthread_cleanup_pop(0);
}

ASSERTION_OF_NAME(pthread_cleanup_push, 1, "the handler is called with arg if the thread exits")
{
    struct unit_call call;
    unit_start(&call, exit_below_push, "e");
    unit_finish(&call);
    ck_assert_str_eq(happened, "e");
}

static void be_cancelled_below_push(void)
{
    pthread_cleanup_push(note_argument, "c");
    test_cancel();
    pthread_cleanup_pop(0);
}

ASSERTION_OF_NAME(pthread_cleanup_push, 2, "it is called if the thread acts on a request")
{
    is_cancelled_before(be_cancelled_below_push);
    ck_assert_str_eq(happened, "c");
}

ASSERTION_OF_NAME(pthread_cleanup_push, 3, "it is called if it is popped with a non-zero argument")
{
    pthread_cleanup_push(note_argument, "p");
    pthread_cleanup_pop(-1);
    ck_assert_str_eq(happened, "p");
}

static pid_t handled_by;

static void take_tid(void *arg)
{
    (void)arg;
    handled_by = unit_gettid();
}

static void be_cancelled_below_take_tid(void)
{
    pthread_cleanup_push(take_tid, NULL);
    test_cancel();
    pthread_cleanup_pop(0);
}

ASSERTION_OF_NAME(pthread_cleanup_push, 4, "handlers run in the thread that pushed them")
{
    is_cancelled_before(be_cancelled_below_take_tid);
    ck_assert_int_eq(handled_by, atomic_load(&target.ready));
}

static void be_cancelled_below_two_functions(void)
{
    pthread_cleanup_push(note_argument, "1");
    be_cancelled_below_push();
    pthread_cleanup_pop(0);
}

ASSERTION_OF_NAME(pthread_cleanup_push, 5,
                  "handlers of calling functions run too, the latest first")
{
    is_cancelled_before(be_cancelled_below_two_functions);
    ck_assert_str_eq(happened, "c1");
}

static void push_in_handler(void *arg)
{
    pthread_cleanup_push(note_argument, "h");
    pthread_cleanup_pop(1);
    note_argument(arg);
}

static void be_cancelled_below_pusher(void)
{
    pthread_cleanup_push(push_in_handler, "p");
    test_cancel();
    pthread_cleanup_pop(0);
}

ASSERTION_OF_NAME(pthread_cleanup_push, 6, "a handler may push and pop handlers itself")
{
    is_cancelled_before(be_cancelled_below_pusher);
    ck_assert_str_eq(happened, "hp");
}

ASSERTION_OF_NAME(pthread_cleanup_pop, 1,
                  "removes the latest handler and calls it, unless execute "
                  "is zero")
{
    pthread_cleanup_push(note_argument, "1");
    pthread_cleanup_push(note_argument, "2");
    pthread_cleanup_push(note_argument, "3");
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(1);
    ck_assert_str_eq(happened, "31");
}

static void be_cancelled_after_pop(void)
{
    pthread_cleanup_push(note_argument, "1");
    pthread_cleanup_push(note_argument, "2");
    pthread_cleanup_pop(0);
    test_cancel();
    pthread_cleanup_pop(0);
}

ASSERTION_OF_NAME(pthread_cleanup_pop, 2, "a handler that was removed does not run at cancellation")
{
    is_cancelled_before(be_cancelled_after_pop);
    ck_assert_str_eq(happened, "1");
}
