/*
 * Cancellation: states and types, when a request is followed, and cleanup handlers. The cancellation
 * points are in thread_cancel_points.c, and requests at any moment in thread_cancel_race.c.
 */
#include "thread_cancel.h"
#include <limits.h>
#include <sys/stat.h>

/* A pipe with nothing in it. */
static int ends[2];
static char buffer[1];

static int call_read(void)
{
    return (int)read(ends[0], buffer, sizeof buffer);
}

/* States and types. */

START_TEST(states_and_types_are_told_and_others_refused)
{
    int former = -1;
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &former), 0);
    ck_assert_int_eq(former, PTHREAD_CANCEL_ENABLE);
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &former), 0);
    ck_assert_int_eq(former, PTHREAD_CANCEL_DISABLE);
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &former), 0);
    ck_assert_int_eq(former, PTHREAD_CANCEL_DEFERRED);
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &former), 0);
    ck_assert_int_eq(former, PTHREAD_CANCEL_ASYNCHRONOUS);
    const int bad[] = {-1, 3, 100, INT_MAX, INT_MIN};
    for (int i = 0; i < 5; i++) {
        former = 4711;
        ck_assert_int_eq(pthread_setcancelstate(bad[i], &former), EINVAL);
        ck_assert_int_eq(pthread_setcanceltype(bad[i], &former), EINVAL);
        ck_assert_int_eq(former, 4711);
    }
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL), 0);
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &former), 0);
    ck_assert_int_eq(former, PTHREAD_CANCEL_DISABLE);
}
END_TEST

static int look_at_state_and_type(void *unused)
{
    int state, type;
    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    return state == PTHREAD_CANCEL_ENABLE && type == PTHREAD_CANCEL_DEFERRED;
}

START_TEST(a_thread_begins_enabled_and_deferred_whatever_its_creator_is)
{
    for (int i = 0; i < 4; i++) {
        pthread_setcancelstate(i % 2 ? PTHREAD_CANCEL_ENABLE : PTHREAD_CANCEL_DISABLE, NULL);
        pthread_setcanceltype(i / 2 ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, NULL);
        ck_assert_int_eq(unit_elsewhere(look_at_state_and_type, NULL), 1);
    }
}
END_TEST

static atomic_int stage, go;

static int work_until_told(void *unused)
{
    (void)unused;
    atomic_store(&stage, 1);
    while (!atomic_load(&go))
        ;
    atomic_store(&stage, 2);
    pthread_testcancel();
    atomic_store(&stage, 3);
    return 0;
}

START_TEST(a_deferred_request_waits_for_a_cancellation_point)
{
    struct unit_call call;
    unit_start(&call, work_until_told, NULL);
    unit_wait_for(&stage, 1);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    atomic_store(&go, 1);
    expect_result(call.thread, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&stage), 2);
}
END_TEST

static int work_for_ever(void *unused)
{
    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    pthread_cleanup_push(clean_up, NULL);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    atomic_store(&stage, 1);
    for (;;)
        __asm__ volatile("");
    pthread_cleanup_pop(0);
    return 0;
}

START_TEST(an_asynchronous_request_ends_a_thread_that_only_computes)
{
    for (int i = 0; i < 100; i++) {
        struct unit_call call;
        atomic_store(&stage, 0);
        atomic_store(&act.cleaned, 0);
        unit_start(&call, work_for_ever, NULL);
        unit_wait_for(&stage, 1);
        ck_assert_int_eq(pthread_cancel(call.thread), 0);
        expect_result(call.thread, PTHREAD_CANCELED);
        ck_assert_int_eq(atomic_load(&act.cleaned), 1);
    }
}
END_TEST

/* Ways in which a request that is pending is followed without a cancellation point. */
static int follow(void *arg)
{
    int way = *(int *)arg;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    if (way == 0) {
        pthread_cancel(pthread_self());
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
        atomic_store(&stage, 1);
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    } else if (way == 1) {
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
        pthread_cancel(pthread_self());
        atomic_store(&stage, 1);
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    } else {
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
        atomic_store(&stage, 1);
        pthread_cancel(pthread_self());
    }
    atomic_store(&stage, 2);
    return 0;
}

START_TEST(a_request_is_followed_at_once_when_it_may_be_asynchronously)
{
    struct unit_call call;
    int way = _i;
    /* libc defect: glibc's pthread_setcancelstate does not look for a request. */
    if (_i == 1 && !unit_on_furwock_threads())
        unit_skip("not when cancellation is enabled");
    unit_start(&call, follow, &way);
    expect_result(call.thread, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&stage), 1);
}
END_TEST

static int request_deferred(void *unused)
{
    (void)unused;
    pthread_cancel(pthread_self());
    atomic_store(&stage, 1);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    atomic_store(&stage, 2);
    pthread_testcancel();
    atomic_store(&stage, 3);
    return 0;
}

START_TEST(a_thread_can_cancel_itself_later)
{
    struct unit_call call;
    unit_start(&call, request_deferred, NULL);
    expect_result(call.thread, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&stage), 2);
}
END_TEST

static void *return_disabled(void *arg)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    atomic_store(&stage, 1);
    unit_wait_for(&go, 1);
    pthread_testcancel();
    return arg;
}

START_TEST(a_request_that_is_never_followed_changes_no_result)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, return_disabled, buffer), 0);
    unit_wait_for(&stage, 1);
    ck_assert_int_eq(pthread_cancel(thread), 0);
    atomic_store(&go, 1);
    expect_result(thread, buffer);
}
END_TEST

static void *push_and_pause(void *unused)
{
    (void)unused;
    pthread_cleanup_push(clean_up, NULL);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    return NULL;
}

START_TEST(a_thread_cancelled_right_after_its_creation_runs_to_its_first_cancellation_point)
{
    enum { THREADS = 1000 };
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, push_and_pause, NULL), 0);
        ck_assert_int_eq(pthread_cancel(thread), 0);
        expect_result(thread, PTHREAD_CANCELED);
    }
    ck_assert_int_eq(atomic_load(&act.cleaned), THREADS);
}
END_TEST

START_TEST(cancelling_an_ended_thread_that_is_not_joined_does_nothing)
{
    pthread_t thread;
    struct timespec nap = {0, 100000};
    ck_assert_int_eq(pthread_create(&thread, NULL, return_argument, buffer), 0);
    /* Until the kernel has it no more: a directory less. */
    struct stat status;
    do {
        nanosleep(&nap, NULL);
        ck_assert_int_eq(stat("/proc/self/task", &status), 0);
    } while (status.st_nlink > 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_cancel(thread), 0);
    expect_result(thread, buffer);
}
END_TEST

START_TEST(requests_at_any_moment_of_a_short_life_are_good)
{
    for (int i = 0; i < 5000; i++) {
        pthread_t thread;
        void *result;
        ck_assert_int_eq(pthread_create(&thread, NULL, return_argument, buffer), 0);
        struct timespec now, until = unit_deadline(CLOCK_MONOTONIC, 0);
        until.tv_nsec += i % 300 * 200;
        do
            clock_gettime(CLOCK_MONOTONIC, &now);
        while ((now.tv_sec - until.tv_sec) * 1000000000L + now.tv_nsec < until.tv_nsec);
        ck_assert_int_eq(pthread_cancel(thread), 0);
        /* It has no cancellation point. */
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_ptr_eq(result, buffer);
    }
}
END_TEST

/* A request is for one thread. */

static int create_child_while_pending(void *arg)
{
    struct unit_call *child = arg;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self());
    atomic_store(&stage, 1);
    unit_wait_for(&go, 1);
    start_act(child, call_read, PTHREAD_CANCEL_ENABLE, false);
    return 0;
}

START_TEST(the_child_of_a_cancelled_thread_is_not_cancelled_but_can_be)
{
    struct unit_call parent, child;
    ck_assert_int_eq(pipe(ends), 0);
    unit_start(&parent, create_child_while_pending, &child);
    unit_wait_for(&stage, 1);
    ck_assert_int_eq(pthread_cancel(parent.thread), 0);
    atomic_store(&go, 1);
    ck_assert_int_eq(unit_finish(&parent), 0);
    unit_wait_until_blocked(&child);
    ck_assert_int_eq(atomic_load(&act.cleaned), 0);
    ck_assert_int_eq(pthread_cancel(child.thread), 0);
    expect_cancelled(&child);
}
END_TEST

static void *cancel_and_join(void *arg)
{
    void *result = NULL;
    unit_child_assert(pthread_cancel(*(pthread_t *)arg) == 0);
    unit_child_assert(pthread_join(*(pthread_t *)arg, &result) == 0);
    unit_child_assert(result == PTHREAD_CANCELED);
    unit_child_assert(atomic_load(&act.cleaned) == 1);
    _exit(0);
}

START_TEST(the_initial_thread_can_be_cancelled)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        static pthread_t self;
        pthread_t thread;
        self = pthread_self();
        pthread_cleanup_push(clean_up, NULL);
        unit_child_assert(pthread_create(&thread, NULL, cancel_and_join, &self) == 0);
        for (;;)
            pause();
        pthread_cleanup_pop(0);
    }
    unit_reap(pid);
}
END_TEST

/* Cleanup handlers. */

static char order[16];
static atomic_int ordered;

static void note(void *arg)
{
    order[atomic_fetch_add(&ordered, 1)] = *(const char *)arg;
}

static pthread_key_t key;

static int nest(void *arg)
{
    int way = *(int *)arg;
    pthread_setspecific(key, "k");
    pthread_cleanup_push(note, "a");
    pthread_cleanup_push(note, "b");
    pthread_cleanup_push(note, "c");
    pthread_cleanup_pop(1);
    pthread_cleanup_push(note, "d");
    pthread_cleanup_pop(0);
    pthread_cleanup_push(note, "e");
    if (way == 0)
        pthread_exit(NULL);
    if (way == 1) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    if (way == 2) {
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
        atomic_store(&stage, 1);
        for (;;)
            __asm__ volatile("");
    }
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(1);
    return 0;
}

START_TEST(cleanup_handlers_run_the_last_one_first_and_before_destructors)
{
    struct unit_call call;
    int way = _i;
    ck_assert_int_eq(pthread_key_create(&key, note), 0);
    unit_start(&call, nest, &way);
    if (way == 2) {
        unit_wait_for(&stage, 1);
        ck_assert_int_eq(pthread_cancel(call.thread), 0);
    }
    ck_assert_int_eq(pthread_join(call.thread, NULL), 0);
    ck_assert_str_eq(order, "cebak");
}
END_TEST

static struct {
    pthread_t thread;
    int state, type, slept, read;
    char byte;
} in_cleanup;

static void look_around(void *arg)
{
    struct timespec time = {0, 1000};
    in_cleanup.thread = pthread_self();
    pthread_cancel(pthread_self());
    pthread_testcancel();
    in_cleanup.slept = nanosleep(&time, NULL);
    in_cleanup.read = (int)read(ends[0], &in_cleanup.byte, 1);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &in_cleanup.state);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &in_cleanup.type);
    *(int *)arg += 1;
}

static int cancelled_with_look_around(void *arg)
{
    int *argument = arg, local = 0;
    pthread_cleanup_push(look_around, argument);
    pthread_cleanup_push(look_around, &local);
    if (act.type)
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    atomic_store(&stage, 1);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return 0;
}

START_TEST(a_cleanup_handler_runs_in_its_thread_undisturbed)
{
    struct unit_call call;
    int counter = 0;
    act.type = _i ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED;
    ck_assert_int_eq(pipe(ends), 0);
    unit_start(&call, cancelled_with_look_around, &counter);
    unit_wait_for(&stage, 1);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    /* It blocks in the handler, and no request ends that. */
    for (int i = 0; i < 2; i++) {
        unit_wait_until_asleep(getpid(), atomic_load(&call.tid));
        ck_assert_int_eq(pthread_cancel(call.thread), 0);
        ck_assert_int_eq(write(ends[1], "x", 1), 1);
    }
    expect_result(call.thread, PTHREAD_CANCELED);
    ck_assert_int_eq(counter, 1);
    ck_assert_int_eq(in_cleanup.slept, 0);
    ck_assert_int_eq(in_cleanup.read, 1);
    ck_assert_int_eq(in_cleanup.byte, 'x');
    ck_assert(pthread_equal(in_cleanup.thread, call.thread));
    /* libc defect: glibc leaves the state as it was, though it follows no request. */
    if (unit_on_furwock_threads()) {
        ck_assert_int_eq(in_cleanup.state, PTHREAD_CANCEL_DISABLE);
        ck_assert_int_eq(in_cleanup.type, PTHREAD_CANCEL_DEFERRED);
    }
}
END_TEST

static void unlock(void *mutex)
{
    pthread_mutex_unlock(mutex);
}

static int hold_mutex(void *mutex)
{
    pthread_mutex_lock(mutex);
    pthread_cleanup_push(unlock, mutex);
    for (;;)
        pause();
    pthread_cleanup_pop(1);
    return 0;
}

START_TEST(a_cleanup_handler_can_unlock_what_the_thread_has_locked)
{
    pthread_mutex_t mutex;
    struct unit_call call;
    ck_assert_int_eq(unit_mutex_init(&mutex, PTHREAD_MUTEX_ERRORCHECK, 0, 0, PTHREAD_PRIO_NONE), 0);
    unit_start(&call, hold_mutex, &mutex);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    expect_result(call.thread, PTHREAD_CANCELED);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
}
END_TEST

static atomic_int cleanups;

static void clean_up_and_be_cancelled(void *unused)
{
    (void)unused;
    atomic_fetch_add(&cleanups, 1);
    pthread_testcancel();
}

static void *run_cleanup_handler(void *unused)
{
    pthread_cancel(pthread_self());
    pthread_cleanup_push(clean_up_and_be_cancelled, NULL);
    pthread_cleanup_pop(1);
    return unused;
}

START_TEST(a_cleanup_handler_that_is_run_by_its_pop_and_cancelled_runs_once)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run_cleanup_handler, NULL), 0);
    expect_result(thread, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&cleanups), 1);
}
END_TEST

static void *end_at_once(void *arg)
{
    return arg;
}

static int read_byte(void *descriptor)
{
    char byte;
    return (int)read(*(int *)descriptor, &byte, 1);
}

START_TEST(threads_of_a_program_that_began_with_every_signal_blocked_are_cancelled)
{
    if (!unit_on_furwock_threads())
        unit_skip("not on libc");
    const uint64_t all = UINT64_MAX;
    int pipes[2];
    struct unit_call call;
    ck_assert_int_eq(pipe(pipes), 0);
    /* What execve leaves of a program whose libc has signals of its own. */
    ck_assert_int_eq(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof all), 0);
    unit_start(&call, read_byte, &pipes[0]);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    expect_result(call.thread, PTHREAD_CANCELED);
}
END_TEST

START_TEST(a_first_thread_with_a_mask_of_its_own_lets_libcs_signals_reach_its_creator)
{
    if (!unit_on_furwock_threads())
        unit_skip("not on libc");
    const uint64_t all = UINT64_MAX, urgent = 3ull << 32;
    uint64_t mask = 0;
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t none;
    sigemptyset(&none);
    pthread_attr_init(&attr);
    ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, &none), 0);
    ck_assert_int_eq(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof all), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, end_at_once, NULL), 0);
    ck_assert_int_eq(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(mask & urgent, 0);
}
END_TEST

static Suite *thread_cancel_suite(void)
{
    Suite *suite = suite_create("thread_cancel");
    TCase *tcase = tcase_create("thread_cancel");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, states_and_types_are_told_and_others_refused);
    tcase_add_test(tcase, a_thread_begins_enabled_and_deferred_whatever_its_creator_is);
    tcase_add_test(tcase, a_deferred_request_waits_for_a_cancellation_point);
    tcase_add_test(tcase, an_asynchronous_request_ends_a_thread_that_only_computes);
    tcase_add_loop_test(tcase, a_request_is_followed_at_once_when_it_may_be_asynchronously, 0, 3);
    tcase_add_test(tcase, a_thread_can_cancel_itself_later);
    tcase_add_test(tcase, a_request_that_is_never_followed_changes_no_result);
    tcase_add_test(
        tcase, a_thread_cancelled_right_after_its_creation_runs_to_its_first_cancellation_point);
    tcase_add_test(tcase, cancelling_an_ended_thread_that_is_not_joined_does_nothing);
    tcase_add_test(tcase, requests_at_any_moment_of_a_short_life_are_good);
    tcase_add_test(tcase, the_child_of_a_cancelled_thread_is_not_cancelled_but_can_be);
    tcase_add_test(tcase, the_initial_thread_can_be_cancelled);
    tcase_add_loop_test(tcase, cleanup_handlers_run_the_last_one_first_and_before_destructors, 0,
                        4);
    tcase_add_loop_test(tcase, a_cleanup_handler_runs_in_its_thread_undisturbed, 0, 2);
    tcase_add_test(tcase, a_cleanup_handler_can_unlock_what_the_thread_has_locked);
    tcase_add_test(tcase, a_cleanup_handler_that_is_run_by_its_pop_and_cancelled_runs_once);
    tcase_add_test(tcase, threads_of_a_program_that_began_with_every_signal_blocked_are_cancelled);
    tcase_add_test(tcase,
                   a_first_thread_with_a_mask_of_its_own_lets_libcs_signals_reach_its_creator);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_cancel_suite)
