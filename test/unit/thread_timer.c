/* Timers that call functions: libc has a thread for each, by a signal of its own, and makes it look new each time. */
#include "thread_life.h"
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/select.h>

#ifndef __GLIBC__
#pragma weak pthread_attr_setsigmask_np
#endif

static atomic_int notified;

/* In a child, since what goes wrong kills: call the function each millisecond, `times` times. */
static void expect_notifications(void (*function)(union sigval), pthread_attr_t *attributes,
                                 int times)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct sigevent event = {.sigev_notify = SIGEV_THREAD,
                                 .sigev_notify_function = function,
                                 .sigev_notify_attributes = attributes};
        struct itimerspec time = {{0, 1000000}, {0, 1000000}};
        timer_t timer;
        unit_child_assert(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
        unit_child_assert(timer_settime(timer, 0, &time, NULL) == 0);
        unit_wait_for(&notified, times);
        unit_child_assert(timer_delete(timer) == 0);
        _exit(0);
    }
    unit_reap(pid);
}

/* Stay until the timer has expired again, whatever wakes. */
static void stay(void)
{
    struct timespec time = {0, 3000000};
    while (nanosleep(&time, &time) != 0)
        ;
    atomic_fetch_add(&notified, 1);
}

static void be_notified(union sigval value)
{
    (void)value;
    stay();
}

START_TEST(the_threads_mask_may_be_an_attribute)
{
    /* libc defect: glibc has its signal blocked in masks of attributes, and musl knows none. */
    if (!HAVE(pthread_attr_setsigmask_np))
        unit_skip("not in this libc");
    sigset_t mask;
    pthread_attr_t attr;
    sigemptyset(&mask);
    if (_i)
        sigaddset(&mask, SIGUSR1);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, &mask), 0);
    expect_notifications(be_notified, &attr, 10);
}
END_TEST

static void save_and_restore_mask(union sigval value)
{
    sigset_t all, former, found;
    (void)value;
    sigfillset(&all);
    unit_child_assert(pthread_sigmask(SIG_SETMASK, &all, &former) == 0);
    stay();
    unit_child_assert(pthread_sigmask(SIG_SETMASK, &former, NULL) == 0);
    stay();
    sigemptyset(&all);
    unit_child_assert(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    stay();
    unit_child_assert(sigprocmask(SIG_SETMASK, &former, &found) == 0);
    for (int signal = 1; signal < 32; signal++)
        unit_child_assert(sigismember(&found, signal) == 0);
    unit_child_assert(sigprocmask(SIG_SETMASK, NULL, &found) == 0);
    for (int signal = 1; signal < 32; signal++)
        unit_child_assert(sigismember(&found, signal) == sigismember(&former, signal));
}

START_TEST(a_function_may_change_all_of_its_mask)
{
    /* libc defect: musl unblocks its own signal, which then kills. */
    if (!unit_on_furwock_threads())
        unit_skip("killed");
    expect_notifications(save_and_restore_mask, NULL, 30);
}
END_TEST

static int spare;

static void wait_with_empty_mask(union sigval value)
{
    struct timespec time = {0, 3000000};
    struct epoll_event event;
    sigset_t none;
    (void)value;
    sigemptyset(&none);
    ppoll(NULL, 0, &time, &none);
    time = (struct timespec){0, 3000000};
    pselect(0, NULL, NULL, NULL, &time, &none);
    epoll_pwait(spare, &event, 1, 3, &none);
    stay();
}

START_TEST(a_function_may_wait_with_an_empty_mask)
{
    /* libc defect: so does this on musl. */
    if (!unit_on_furwock_threads())
        unit_skip("killed");
    spare = epoll_create1(EPOLL_CLOEXEC);
    ck_assert_int_ge(spare, 0);
    expect_notifications(wait_with_empty_mask, NULL, 10);
}
END_TEST

static pthread_t suspended;

static void suspend_with_empty_mask(union sigval value)
{
    sigset_t none;
    (void)value;
    suspended = pthread_self();
    atomic_fetch_add(&ready, 1);
    sigemptyset(&none);
    sigsuspend(&none);
    atomic_fetch_add(&notified, 1);
}

static void *interrupt(void *unused)
{
    (void)unused;
    for (;;) {
        struct timespec nap = {0, 2000000};
        nanosleep(&nap, NULL);
        if (atomic_load(&ready) > 0)
            pthread_kill(suspended, SIGUSR1);
    }
    return NULL;
}

START_TEST(a_function_may_suspend_itself_with_an_empty_mask)
{
    if (!unit_on_furwock_threads())
        unit_skip("killed");
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        catch_signal(SIGUSR1, count_signal, 0);
        pthread_create(&thread, NULL, interrupt, NULL);
        struct sigevent event = {.sigev_notify = SIGEV_THREAD,
                                 .sigev_notify_function = suspend_with_empty_mask};
        struct itimerspec time = {{0, 1000000}, {0, 1000000}};
        timer_t timer;
        unit_child_assert(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
        unit_child_assert(timer_settime(timer, 0, &time, NULL) == 0);
        unit_wait_for(&notified, 10);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

/* What another program begins with: none of libc's own signals blocked. */

static int ends[2];

static void spawn(union sigval value)
{
    char *arguments[] = {"grep", "SigBlk", "/proc/self/status", NULL}, *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    pid_t pid;
    int status;
    (void)value;
    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    unit_child_assert(posix_spawn(&pid, "/bin/grep", &actions, &attr, arguments, environment) == 0);
    unit_child_assert(waitpid(pid, &status, 0) == pid && status == 0);
    stay();
}

START_TEST(a_program_that_a_function_starts_has_no_inside_signal_blocked)
{
    char line[128];
    unsigned long long mask;
    ck_assert_int_eq(pipe(ends), 0);
    expect_notifications(spawn, NULL, 1);
    ssize_t length = read(ends[0], line, sizeof line - 1);
    ck_assert_int_gt(length, 0);
    line[length] = 0;
    ck_assert_int_eq(sscanf(line, "SigBlk: %llx", &mask), 1);
    ck_assert_uint_eq(mask & 7ull << 31, 0);
}
END_TEST

/* What Furwock keeps for a thread. */

static pthread_mutex_t mutex;
static int held_by_timer;

static void lock_or_unlock(union sigval value)
{
    (void)value;
    if (held_by_timer++ % 2 == 0)
        unit_child_assert(pthread_mutex_lock(&mutex) == 0);
    else
        unit_child_assert(pthread_mutex_unlock(&mutex) == 0);
    atomic_fetch_add(&notified, 1);
}

START_TEST(what_a_function_has_locked_its_next_call_unlocks)
{
#ifdef __GLIBC__
    unit_skip("each call has a thread of its own");
#endif
    const int types[] = {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};
    for (int i = 0; i < 4; i++) {
        int robust = i < 2 ? PTHREAD_MUTEX_STALLED : PTHREAD_MUTEX_ROBUST;
        ck_assert_int_eq(unit_mutex_init(&mutex, types[i % 2], PTHREAD_PROCESS_PRIVATE, robust,
                                         PTHREAD_PRIO_NONE),
                         0);
        expect_notifications(lock_or_unlock, NULL, 10);
    }
}
END_TEST

static __thread int initialised = 4711, zeroed;

static void look_at_thread_locals(union sigval value)
{
    (void)value;
    unit_child_assert(initialised == 4711 && zeroed == 0);
    initialised = zeroed = 1;
    atomic_fetch_add(&notified, 1);
}

START_TEST(thread_local_variables_have_their_initial_values_in_each_call)
{
    expect_notifications(look_at_thread_locals, NULL, 10);
}
END_TEST

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static int read_much(void *unused)
{
    (void)unused;
    pthread_rwlock_t before = rwlock;
    for (int i = 0; i < 1000; i++) {
        must(pthread_rwlock_rdlock(&rwlock));
        must(pthread_rwlock_unlock(&rwlock));
    }
    before = rwlock;
    must(pthread_rwlock_rdlock(&rwlock));
    /* A reader in a row of its own leaves the lock alone; others are counted there. */
    int same = memcmp(&before, &rwlock, sizeof rwlock) == 0;
    must(pthread_rwlock_unlock(&rwlock));
    return same;
}

static void read_in_call(union sigval value)
{
    (void)value;
    unit_child_assert(pthread_rwlock_rdlock(&rwlock) == 0);
    unit_child_assert(pthread_rwlock_unlock(&rwlock) == 0);
    atomic_fetch_add(&notified, 1);
}

START_TEST(readers_in_calls_of_a_timer_leave_rows_for_others)
{
    if (!unit_on_furwock_threads())
        unit_skip("no such rows");
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = read_in_call};
    struct itimerspec time = {{0, 100000}, {0, 100000}};
    timer_t timer;
    ck_assert_int_eq(unit_elsewhere(read_much, NULL), 1);
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    ck_assert_int_eq(timer_settime(timer, 0, &time, NULL), 0);
    /* There are 512. */
    unit_wait_for(&notified, 600);
    ck_assert_int_eq(unit_elsewhere(read_much, NULL), 1);
    ck_assert_int_eq(timer_delete(timer), 0);
}
END_TEST

/* Cancels. */

static pthread_t called_in;
static atomic_int calls, may_go_on, called_tid;

static void be_cancelled_between_or_in_calls(union sigval value)
{
    char byte;
    (void)value;
    called_in = pthread_self();
    atomic_store(&called_tid, unit_gettid());
    int call = atomic_fetch_add(&calls, 1) + 1;
    /* In every other call the signal comes where nothing is to be cancelled. */
    while (call % 2 && atomic_load(&may_go_on) < call)
        ;
    while (read(ends[0], &byte, 1) != 1)
        ;
}

START_TEST(each_call_of_a_timers_function_can_be_cancelled)
{
    /* libc defect: on musl the signal stays blocked. */
    if (!unit_on_furwock_threads())
        unit_skip("hangs");
    struct sigevent event = {.sigev_notify = SIGEV_THREAD,
                             .sigev_notify_function = be_cancelled_between_or_in_calls};
    struct itimerspec time = {{0, 1000000}, {0, 1000000}};
    timer_t timer;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    ck_assert_int_eq(timer_settime(timer, 0, &time, NULL), 0);
    for (int call = 1; call <= 20; call++) {
        unit_wait_for(&calls, call);
        if (call % 2 == 0)
            unit_wait_until_asleep(getpid(), atomic_load(&called_tid));
        must(pthread_cancel(called_in));
        atomic_store(&may_go_on, call);
    }
    ck_assert_int_eq(timer_delete(timer), 0);
}
END_TEST

static Suite *thread_timer_suite(void)
{
    Suite *suite = suite_create("thread_timer");
    TCase *tcase = tcase_create("thread_timer");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, the_threads_mask_may_be_an_attribute, 0, 2);
    tcase_add_test(tcase, a_function_may_change_all_of_its_mask);
    tcase_add_test(tcase, a_function_may_wait_with_an_empty_mask);
    tcase_add_test(tcase, a_function_may_suspend_itself_with_an_empty_mask);
    tcase_add_test(tcase, a_program_that_a_function_starts_has_no_inside_signal_blocked);
    tcase_add_test(tcase, what_a_function_has_locked_its_next_call_unlocks);
    tcase_add_test(tcase, thread_local_variables_have_their_initial_values_in_each_call);
    tcase_add_test(tcase, readers_in_calls_of_a_timer_leave_rows_for_others);
    tcase_add_test(tcase, each_call_of_a_timers_function_can_be_cancelled);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_timer_suite)
