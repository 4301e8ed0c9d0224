/* What is told to a thread and of it: names, signals, clocks, scheduling, processors. */
#include "thread_life.h"
#include <setjmp.h>
#include <limits.h>

/* Until the thread has ended, though it is not joined. */
static void wait_until_ended(const atomic_int *tid)
{
    struct timespec nap = {0, 100000};
    unit_wait_for(tid, 1);
    while (syscall(SYS_tgkill, getpid(), atomic_load(tid), 0) == 0)
        nanosleep(&nap, NULL);
}

static void *tell_tid(void *arg)
{
    atomic_store((atomic_int *)arg, unit_gettid());
    return NULL;
}

static void create_ended(pthread_t *thread)
{
    atomic_int tid = 0;
    ck_assert_int_eq(pthread_create(thread, NULL, tell_tid, &tid), 0);
    wait_until_ended(&tid);
}

/* Names. */

static void expect_name(pthread_t thread, const char *wanted)
{
    char name[16] = "";
    ck_assert_int_eq(pthread_getname_np(thread, name, sizeof name), 0);
    ck_assert_str_eq(name, wanted);
}

static int has_name(void *wanted)
{
    char name[16] = "", comm[32] = "", path[64];
    if (pthread_getname_np(pthread_self(), name, sizeof name) != 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)unit_gettid());
    FILE *file = fopen(path, "r");
    if (!file || !fgets(comm, sizeof comm, file))
        return 0;
    fclose(file);
    comm[strcspn(comm, "\n")] = 0;
    return strcmp(name, wanted) == 0 && strcmp(comm, wanted) == 0;
}

START_TEST(names_are_set_and_told)
{
    static const char *const names[] = {"a", "fifteen letters", "", "with % and /", "z"};
    pthread_t thread;
    start(&thread, 1, wait_until_go, NULL);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(pthread_setname_np(pthread_self(), names[i]), 0);
        expect_name(pthread_self(), names[i]);
        ck_assert_int_eq(has_name((void *)names[i]), 1);
        /* libc defect: glibc cannot take another thread's name away. */
        if (i == 2)
            continue;
        ck_assert_int_eq(pthread_setname_np(thread, names[4 - i]), 0);
        expect_name(thread, names[4 - i]);
        expect_name(pthread_self(), names[i]);
    }
    /* A new thread has its creator's. */
    ck_assert_int_eq(unit_elsewhere(has_name, (void *)"z"), 1);
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(names_that_are_too_long_return_ERANGE_and_change_nothing)
{
    char name[64];
    pthread_t thread;
    start(&thread, 1, wait_until_go, NULL);
    ck_assert_int_eq(pthread_setname_np(pthread_self(), "self"), 0);
    ck_assert_int_eq(pthread_setname_np(thread, "other"), 0);
    ck_assert_int_eq(pthread_setname_np(pthread_self(), "sixteen letters."), ERANGE);
    ck_assert_int_eq(pthread_setname_np(thread, "sixteen letters."), ERANGE);
    ck_assert_int_eq(pthread_setname_np(thread, "many more than sixteen letters"), ERANGE);
    for (size_t size = 0; size < 16; size++) {
        ck_assert_int_eq(pthread_getname_np(pthread_self(), name, size), ERANGE);
        ck_assert_int_eq(pthread_getname_np(thread, name, size), ERANGE);
    }
    expect_name(pthread_self(), "self");
    expect_name(thread, "other");
    ck_assert_int_eq(pthread_getname_np(thread, name, sizeof name), 0);
    ck_assert_str_eq(name, "other");
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

static int stay_until_go(void *unused)
{
    (void)unused;
    unit_wait_for(&go, 1);
    return 0;
}

/* glibc has it since 2.42. */
extern pid_t pthread_gettid_np(pthread_t) __attribute__((weak));

START_TEST(the_kernels_number_of_a_thread_is_told_while_it_runs)
{
    if (!pthread_gettid_np)
        unit_skip("this libc has no pthread_gettid_np");
    pthread_t thread;
    struct unit_call call;
    ck_assert_int_eq(pthread_gettid_np(pthread_self()), unit_gettid());
    unit_start(&call, stay_until_go, NULL);
    unit_wait_for(&call.tid, 1);
    ck_assert_int_eq(pthread_gettid_np(call.thread), atomic_load(&call.tid));
    atomic_store(&go, 1);
    ck_assert_int_eq(unit_finish(&call), 0);
    create_ended(&thread);
    ck_assert_int_eq(pthread_gettid_np(thread), -1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(pthread_gettid_np(pthread_self()) == unit_gettid());
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

/* Ended threads that have not been joined. */

START_TEST(an_ended_thread_takes_signals_and_has_nothing_else)
{
    pthread_t thread;
    char name[16];
    int policy;
    struct sched_param param = {0};
    clockid_t clock;
    cpu_set_t cpus;
    create_ended(&thread);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_kill(thread, 0), 0);
        ck_assert_int_eq(pthread_kill(thread, SIGKILL), 0);
        ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
        ck_assert_int_eq(pthread_cancel(thread), 0);
    }
    /* glibc does not say the same of all these. */
    if (unit_on_furwock_threads()) {
        ck_assert_int_eq(pthread_sigqueue(thread, SIGUSR1, (union sigval){0}), 0);
        ck_assert_int_eq(pthread_setname_np(thread, "x"), ESRCH);
        ck_assert_int_eq(pthread_getname_np(thread, name, sizeof name), ESRCH);
        ck_assert_int_eq(pthread_getschedparam(thread, &policy, &param), ESRCH);
        ck_assert_int_eq(pthread_setschedparam(thread, SCHED_OTHER, &param), ESRCH);
        ck_assert_int_eq(pthread_setschedprio(thread, 0), ESRCH);
        ck_assert_int_eq(pthread_getcpuclockid(thread, &clock), ESRCH);
        ck_assert_int_eq(pthread_getaffinity_np(thread, sizeof cpus, &cpus), ESRCH);
        CPU_ZERO(&cpus);
        ck_assert_int_eq(pthread_setaffinity_np(thread, sizeof cpus, &cpus), ESRCH);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static void *end_when_told(void *unused)
{
    (void)unused;
    while (!atomic_load(&go))
        ;
    return NULL;
}

START_TEST(signals_at_any_moment_of_the_end_reach_nobody_else)
{
    /* The number of an ended thread may be another's: SIGUSR1 kills. */
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    for (int i = 0; i < 3000; i++) {
        pthread_t thread;
        atomic_store(&go, 0);
        ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, end_when_told, NULL), 0);
        ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &mask, NULL), 0);
        atomic_store(&go, 1);
        for (int j = 0; j < 10; j++)
            ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
}
END_TEST

/* Signals. */

static pthread_t handled_in;
static atomic_int code, value, sender, sender_user;

static void handle(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    handled_in = pthread_self();
    atomic_store(&code, info->si_code);
    atomic_store(&value, info->si_value.sival_int);
    atomic_store(&sender, info->si_pid);
    atomic_store(&sender_user, info->si_uid);
    atomic_fetch_add(&handled, 1);
}

static void set_handler(int signal)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    ck_assert_int_eq(sigaction(signal, &action, NULL), 0);
}

START_TEST(pthread_kill_reaches_the_thread)
{
    pthread_t threads[4];
    set_handler(SIGUSR1);
    start(threads, 4, wait_until_go, NULL);
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(pthread_kill(threads[i % 4], SIGUSR1), 0);
        unit_wait_for(&handled, i + 1);
        ck_assert(pthread_equal(handled_in, threads[i % 4]));
        ck_assert_int_eq(atomic_load(&code), SI_TKILL);
    }
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(atomic_load(&handled), 41);
    ck_assert(pthread_equal(handled_in, pthread_self()));
    atomic_store(&go, 1);
    join(threads, 4);
}
END_TEST

START_TEST(pthread_sigqueue_reaches_the_thread_with_a_value)
{
    pthread_t thread;
    set_handler(SIGRTMIN);
    start(&thread, 1, wait_until_go, NULL);
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(pthread_sigqueue(thread, SIGRTMIN, (union sigval){.sival_int = i}), 0);
        unit_wait_for(&handled, i + 1);
        ck_assert(pthread_equal(handled_in, thread));
        ck_assert_int_eq(atomic_load(&code), SI_QUEUE);
        ck_assert_int_eq(atomic_load(&value), i);
    }
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(every_real_time_signal_can_be_sent_to_a_thread)
{
    struct sigaction action = {.sa_handler = count_signal};
    if (sigaction(SIGRTMAX, &action, NULL) != 0)
        unit_skip("the last one is another's, as valgrind has it");
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
        set_handler(signal);
        atomic_store(&handled, 0);
        ck_assert_int_eq(pthread_kill(pthread_self(), signal), 0);
        unit_wait_for(&handled, 1);
        ck_assert_int_eq(pthread_sigqueue(pthread_self(), signal, (union sigval){0}), 0);
        unit_wait_for(&handled, 2);
    }
}
END_TEST

static sigjmp_buf before_call;
static volatile sig_atomic_t in_call;
static atomic_int disturbed;

static void jump_out_of_call(int signal)
{
    (void)signal;
    if (in_call) {
        in_call = 0;
        siglongjmp(before_call, 1);
    }
}

static void *disturb(void *thread)
{
    for (int i = 0; i < 20000; i++)
        pthread_kill(*(pthread_t *)thread, SIGUSR2);
    atomic_store(&disturbed, 1);
    return NULL;
}

/* POSIX lets a handler leave that has interrupted an async-signal-safe function. */
START_TEST(a_handler_that_leaves_pthread_kill_for_good_keeps_no_thread_from_its_end)
{
    pthread_t self = pthread_self();
    static pthread_t target, disturber;
    start(&target, 1, wait_until_go, NULL);
    ck_assert(signal(SIGUSR2, jump_out_of_call) != SIG_ERR);
    start(&disturber, 1, disturb, &self);
    sigsetjmp(before_call, 1);
    while (!atomic_load(&disturbed)) {
        in_call = 1;
        pthread_kill(target, 0);
        in_call = 0;
    }
    join(&disturber, 1);
    atomic_store(&go, 1);
    join(&target, 1);
}
END_TEST

START_TEST(pthread_sigqueue_says_who_has_sent_the_signal)
{
    if (geteuid() != 0)
        unit_skip("all that is told is 0 or needs the superuser");
    set_handler(SIGRTMIN);
    ck_assert_int_eq(setreuid(12345, -1), 0);
    ck_assert_int_eq(pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){.sival_int = 0}), 0);
    unit_wait_for(&handled, 1);
    ck_assert_int_eq(atomic_load(&sender), getpid());
    ck_assert_int_eq(atomic_load(&sender_user), 12345);
}
END_TEST

START_TEST(what_is_no_signal_returns_EINVAL)
{
    const int bad[] = {-1, 65, 1000, INT_MAX, INT_MIN, 32, 33};
    for (int i = 0; i < 7; i++) {
        ck_assert_int_eq(pthread_kill(pthread_self(), bad[i]), EINVAL);
        ck_assert_int_eq(pthread_sigqueue(pthread_self(), bad[i], (union sigval){0}), EINVAL);
    }
    for (int signal = 1; signal < SIGRTMIN; signal++)
        if (signal >= 32)
            ck_assert_int_eq(pthread_kill(pthread_self(), signal), EINVAL);
}
END_TEST

START_TEST(pthread_sigmask_changes_the_mask_of_the_caller_only)
{
    sigset_t set, former;
    pthread_t thread;
    set_handler(SIGUSR1);
    start(&thread, 1, wait_until_go, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, &former), 0);
    ck_assert_int_eq(sigismember(&former, SIGUSR1), 0);
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(atomic_load(&handled), 0);
    ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
    unit_wait_for(&handled, 1);
    ck_assert(pthread_equal(handled_in, thread));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, &former), 0);
    ck_assert_int_eq(sigismember(&former, SIGUSR1), 1);
    ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &former, NULL), 0);
    /* It comes before the return. */
    ck_assert_int_eq(atomic_load(&handled), 2);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &former), 0);
    ck_assert_int_eq(sigismember(&former, SIGUSR1), 0);
    ck_assert_int_eq(sigismember(&former, SIGUSR2), 1);
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(pthread_sigmask_refuses_what_it_is_not_to_do)
{
    sigset_t set, former, after;
    const int bad[] = {-1, 3, 100, INT_MAX};
    sigfillset(&set);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &former), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_sigmask(bad[i], &set, NULL), EINVAL);
        /* Without a set there is nothing to do. */
        ck_assert_int_eq(pthread_sigmask(bad[i], NULL, &after), 0);
        for (int signal = 1; signal < 32; signal++)
            ck_assert_int_eq(sigismember(&after, signal), sigismember(&former, signal));
    }
    /* What cannot be blocked is left out. */
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (signal < 32 || signal >= SIGRTMIN)
            ck_assert_int_eq(sigismember(&after, signal), signal != SIGKILL && signal != SIGSTOP);
}
END_TEST

START_TEST(a_signal_for_the_process_comes_to_a_thread_that_lets_it)
{
    pthread_t thread;
    sigset_t set;
    set_handler(SIGUSR1);
    start(&thread, 1, wait_until_go, NULL);
    unit_wait_for(&ready, 1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
        unit_wait_for(&handled, i + 1);
        ck_assert(pthread_equal(handled_in, thread));
    }
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

/* Clocks and scheduling. */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    ck_assert_int_eq(clock_gettime(clock, &time), 0);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *use_processor(void *unused)
{
    (void)unused;
    atomic_store(&ready, 1);
    while (!atomic_load(&go))
        ;
    return NULL;
}

START_TEST(the_clock_of_a_thread_counts_what_it_uses)
{
    pthread_t busy, idle;
    clockid_t busy_clock, idle_clock, self_clock;
    ck_assert_int_eq(pthread_create(&idle, NULL, sleep_for_ever, NULL), 0);
    unit_wait_for(&ready, 1);
    atomic_store(&ready, 0);
    ck_assert_int_eq(pthread_create(&busy, NULL, use_processor, NULL), 0);
    unit_wait_for(&ready, 1);
    ck_assert_int_eq(pthread_getcpuclockid(busy, &busy_clock), 0);
    ck_assert_int_eq(pthread_getcpuclockid(idle, &idle_clock), 0);
    ck_assert_int_eq(pthread_getcpuclockid(pthread_self(), &self_clock), 0);
    int64_t begin = clock_ns(busy_clock), idle_begin = clock_ns(idle_clock);
    while (clock_ns(busy_clock) < begin + 20000000)
        ;
    ck_assert_int_lt(clock_ns(idle_clock) - idle_begin, 10000000);
    int64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID), self = clock_ns(self_clock),
            after = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    ck_assert(before <= self && self <= after);
    atomic_store(&go, 1);
    ck_assert_int_eq(pthread_join(busy, NULL), 0);
}
END_TEST

START_TEST(scheduling_of_a_thread_is_set_and_told)
{
    pthread_t thread;
    int policy = -1;
    struct sched_param param = {.sched_priority = 7};
    start(&thread, 1, wait_until_go, NULL);
    int error = pthread_setschedparam(thread, SCHED_FIFO, &param);
    if (error == EPERM)
        unit_skip("no real-time priorities");
    ck_assert_int_eq(error, 0);
    param.sched_priority = -1;
    ck_assert_int_eq(pthread_getschedparam(thread, &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_FIFO);
    ck_assert_int_eq(param.sched_priority, 7);
    ck_assert_int_eq(pthread_setschedprio(thread, 9), 0);
    ck_assert_int_eq(pthread_getschedparam(thread, &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_FIFO);
    ck_assert_int_eq(param.sched_priority, 9);
    /* Refused, and as before. */
    ck_assert_int_eq(pthread_setschedprio(thread, 100), EINVAL);
    ck_assert_int_eq(pthread_setschedprio(thread, 0), EINVAL);
    param.sched_priority = 0;
    ck_assert_int_eq(pthread_setschedparam(thread, SCHED_RR, &param), EINVAL);
    ck_assert_int_eq(pthread_setschedparam(thread, 4711, &param), EINVAL);
    ck_assert_int_eq(pthread_getschedparam(thread, &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_FIFO);
    ck_assert_int_eq(param.sched_priority, 9);
    /* The caller's own is its own. */
    ck_assert_int_eq(pthread_getschedparam(pthread_self(), &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_OTHER);
    ck_assert_int_eq(param.sched_priority, 0);
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(scheduling_that_is_not_permitted_returns_EPERM)
{
    struct sched_param param = {.sched_priority = 7};
    int policy;
    if (geteuid() == 0)
        ck_assert_int_eq(setuid(65534), 0);
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0)
        unit_skip("permitted");
    ck_assert_int_eq(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param), EPERM);
    ck_assert_int_eq(pthread_getschedparam(pthread_self(), &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_OTHER);
}
END_TEST

START_TEST(processors_of_a_thread_are_set_and_told)
{
    pthread_t thread;
    cpu_set_t all, one, found;
    start(&thread, 1, wait_until_go, NULL);
    CPU_ZERO(&all);
    ck_assert_int_eq(pthread_getaffinity_np(pthread_self(), sizeof all, &all), 0);
    ck_assert_int_ge(CPU_COUNT(&all), 1);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        ck_assert_int_eq(pthread_setaffinity_np(thread, sizeof one, &one), 0);
        memset(&found, 0xff, sizeof found);
        ck_assert_int_eq(pthread_getaffinity_np(thread, sizeof found, &found), 0);
        ck_assert(CPU_EQUAL(&found, &one));
    }
    CPU_ZERO(&one);
    ck_assert_int_eq(pthread_setaffinity_np(thread, sizeof one, &one), EINVAL);
    ck_assert_int_eq(pthread_getaffinity_np(thread, 1, &one), EINVAL);
    CPU_ZERO(&found);
    ck_assert_int_eq(pthread_getaffinity_np(pthread_self(), sizeof found, &found), 0);
    ck_assert(CPU_EQUAL(&found, &all));
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

START_TEST(the_concurrency_level_is_kept)
{
    ck_assert_int_eq(pthread_getconcurrency(), 0);
    ck_assert_int_eq(pthread_setconcurrency(-1), EINVAL);
    ck_assert_int_eq(pthread_setconcurrency(INT_MIN), EINVAL);
    ck_assert_int_eq(pthread_getconcurrency(), 0);
    /* libc defect: musl knows none but 0. */
    if (pthread_setconcurrency(5) == EAGAIN && !unit_on_furwock_threads())
        unit_skip("not here");
    ck_assert_int_eq(pthread_getconcurrency(), 5);
    ck_assert_int_eq(pthread_setconcurrency(0), 0);
    ck_assert_int_eq(pthread_getconcurrency(), 0);
}
END_TEST

/* A signal comes to a thread at any moment of creating and joining others. */
static atomic_int asked, answered, in_vain;

static void wait_for_answer(int signal)
{
    (void)signal;
    enum { MILLISECONDS = 1000 };
    struct timespec nap = {0, 20000};
    int64_t end = unit_now_ms() + MILLISECONDS;
    int question = atomic_fetch_add(&asked, 1) + 1;
    while (atomic_load(&answered) != question && unit_now_ms() < end)
        nanosleep(&nap, NULL);
    if (atomic_load(&answered) != question)
        atomic_fetch_add(&in_vain, 1);
}

static void *create_until(void *end)
{
    atomic_int tid;
    pthread_t thread;
    while (!atomic_load((atomic_int *)end))
        if (pthread_create(&thread, NULL, tell_tid, &tid) == 0)
            pthread_join(thread, NULL);
    return NULL;
}

START_TEST(a_handler_may_wait_for_a_thread_that_creates_one_or_forks)
{
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    enum { QUESTIONS = 200 };
    struct sigaction action = {.sa_handler = wait_for_answer};
    struct timespec a_while = {0, 1000000};
    atomic_int end = 0, tid;
    pthread_t creator, thread;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(pthread_create(&creator, NULL, create_until, &end), 0);
    for (int i = 1; i <= QUESTIONS && atomic_load(&in_vain) == 0; i++) {
        nanosleep(&a_while, NULL);
        ck_assert_int_eq(pthread_kill(creator, SIGUSR1), 0);
        unit_wait_for(&asked, i);
        if (i % 2) {
            ck_assert_int_eq(pthread_create(&thread, NULL, tell_tid, &tid), 0);
            ck_assert_int_eq(pthread_join(thread, NULL), 0);
        } else {
            pid_t pid = fork();
            if (pid == 0)
                _exit(0);
            unit_reap(pid);
        }
        atomic_store(&answered, i);
    }
    atomic_store(&end, 1);
    ck_assert_int_eq(pthread_join(creator, NULL), 0);
    ck_assert_int_eq(atomic_load(&in_vain), 0);
}
END_TEST

static Suite *thread_signal_suite(void)
{
    Suite *suite = suite_create("thread_signal");
    TCase *tcase = tcase_create("thread_signal");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, names_are_set_and_told);
    tcase_add_test(tcase, names_that_are_too_long_return_ERANGE_and_change_nothing);
    tcase_add_test(tcase, the_kernels_number_of_a_thread_is_told_while_it_runs);
    tcase_add_test(tcase, an_ended_thread_takes_signals_and_has_nothing_else);
    tcase_add_test(tcase, signals_at_any_moment_of_the_end_reach_nobody_else);
    tcase_add_test(tcase, pthread_kill_reaches_the_thread);
    tcase_add_test(tcase, pthread_sigqueue_reaches_the_thread_with_a_value);
    tcase_add_test(tcase, every_real_time_signal_can_be_sent_to_a_thread);
    tcase_add_test(tcase, a_handler_that_leaves_pthread_kill_for_good_keeps_no_thread_from_its_end);
    tcase_add_test(tcase, a_handler_may_wait_for_a_thread_that_creates_one_or_forks);
    tcase_add_test(tcase, pthread_sigqueue_says_who_has_sent_the_signal);
    tcase_add_test(tcase, what_is_no_signal_returns_EINVAL);
    tcase_add_test(tcase, pthread_sigmask_changes_the_mask_of_the_caller_only);
    tcase_add_test(tcase, pthread_sigmask_refuses_what_it_is_not_to_do);
    tcase_add_test(tcase, a_signal_for_the_process_comes_to_a_thread_that_lets_it);
    tcase_add_test(tcase, the_clock_of_a_thread_counts_what_it_uses);
    tcase_add_test(tcase, scheduling_of_a_thread_is_set_and_told);
    tcase_add_test(tcase, scheduling_that_is_not_permitted_returns_EPERM);
    tcase_add_test(tcase, processors_of_a_thread_are_set_and_told);
    tcase_add_test(tcase, the_concurrency_level_is_kept);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_signal_suite)
