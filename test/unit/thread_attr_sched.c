/* Thread attributes: scheduling, processors and signal masks. */
#include "thread_attr.h"
#include <sys/resource.h>

START_TEST(explicit_scheduling_is_what_the_thread_starts_with)
{
    static const struct scheduling wanted[] = {
        {SCHED_FIFO, 1},  {SCHED_FIFO, 99}, {SCHED_RR, 1},   {SCHED_RR, 50},
        {SCHED_OTHER, 0}, {SCHED_BATCH, 0}, {SCHED_IDLE, 0},
    };
    if (!may_be_real_time())
        unit_skip("no real-time priorities");
    for (int i = 0; i < 7; i++) {
        /* glibc has the three of POSIX. */
        if (wanted[i].policy > SCHED_RR && !unit_on_furwock_threads())
            continue;
        pthread_attr_t attr = new_attr();
        set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, wanted[i].policy, wanted[i].priority);
        struct scheduling found;
        run(&attr, look_at_scheduling, &found);
        ck_assert_int_eq(found.policy, wanted[i].policy);
        ck_assert_int_eq(found.priority, wanted[i].priority);
        ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    }
    struct scheduling own;
    look_at_scheduling(&own);
    ck_assert_int_eq(own.policy, SCHED_OTHER);
}
END_TEST

START_TEST(inherited_scheduling_is_that_of_the_creator_whatever_the_attributes_say)
{
    if (!may_be_real_time())
        unit_skip("no real-time priorities");
    pthread_attr_t attr = new_attr();
    struct sched_param param = {.sched_priority = 20};
    struct scheduling found;
    set_scheduling(&attr, PTHREAD_INHERIT_SCHED, SCHED_RR, 30);
    run(&attr, look_at_scheduling, &found);
    ck_assert_int_eq(found.policy, SCHED_OTHER);
    ck_assert_int_eq(found.priority, 0);
    ck_assert_int_eq(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param), 0);
    run(&attr, look_at_scheduling, &found);
    ck_assert_int_eq(found.policy, SCHED_FIFO);
    ck_assert_int_eq(found.priority, 20);
    run(NULL, look_at_scheduling, &found);
    ck_assert_int_eq(found.policy, SCHED_FIFO);
    ck_assert_int_eq(found.priority, 20);
    /* And from there to none. */
    set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, SCHED_OTHER, 0);
    run(&attr, look_at_scheduling, &found);
    ck_assert_int_eq(found.policy, SCHED_OTHER);
    ck_assert_int_eq(found.priority, 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

static atomic_int ran;

static void *count_run(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ran, 1);
    return NULL;
}

/* A creation that fails again and again: no thread runs or stays, no memory is lost. */
static void expect_failure(const pthread_attr_t *attr, int error)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, attr, count_run, NULL), error);
    unit_wait_until_alone();
    run(NULL, do_nothing, NULL);
    unit_wait_until_alone();
    sigset_t mask, mask_after;
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    /* while refused threads are kept from running more stacks come into use, and are kept for later */
    enum { TIMES = 10, CREATIONS = 500 };
    bool lost = true;
    for (int time = 0; time < TIMES && lost; time++) {
        long before = mapped_bytes();
        for (int i = 0; i < CREATIONS; i++)
            ck_assert_int_eq(pthread_create(&thread, attr, count_run, NULL), error);
        unit_wait_until_alone();
        lost = mapped_bytes() > before;
    }
    ck_assert_int_eq(atomic_load(&ran), 0);
    ck_assert_msg(!lost, "%d refused creations have always left memory behind", CREATIONS);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask_after), 0);
    for (int signal = 1; signal < 32; signal++)
        ck_assert_int_eq(sigismember(&mask, signal), sigismember(&mask_after, signal));
    /* Nothing stands in the way of the next. */
    run(NULL, count_run, NULL);
    ck_assert_int_eq(atomic_load(&ran), 1);
}

static void become_nobody(void)
{
    struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_RTPRIO, &none), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(setgid(65534), 0);
        ck_assert_int_eq(setuid(65534), 0);
    }
}

START_TEST(scheduling_that_is_not_permitted_returns_EPERM_and_leaves_nothing)
{
    pthread_attr_t attr = new_attr();
    become_nobody();
    set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, _i == 0 ? SCHED_FIFO : SCHED_RR, 10);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, _i == 0 ? PTHREAD_CREATE_JOINABLE
                                                                : PTHREAD_CREATE_DETACHED),
                     0);
    expect_failure(&attr, EPERM);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_priority_that_is_none_of_the_policy_returns_EINVAL_and_leaves_nothing)
{
    pthread_attr_t attr = new_attr();
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_FIFO), 0);
    struct sched_param param = {.sched_priority = 10};
    if (_i == 1) {
        ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), 0);
        ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_OTHER), 0);
    }
    expect_failure(&attr, EINVAL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(policy_and_priority_may_be_set_in_either_order)
{
    /* libc defect: glibc looks at the priority with the policy of the moment. */
    if (!unit_on_furwock_threads())
        unit_skip("the policy must come first");
    pthread_attr_t attr = new_attr();
    struct sched_param param = {.sched_priority = 50};
    ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_FIFO), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(the_processors_are_what_the_thread_starts_with)
{
    cpu_set_t all, wanted, found;
    pthread_attr_t attr = new_attr();
    CPU_ZERO(&all);
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&wanted);
        CPU_SET(cpu, &wanted);
        ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof wanted, &wanted), 0);
        CPU_ZERO(&found);
        ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, sizeof found, &found), 0);
        ck_assert(CPU_EQUAL(&found, &wanted));
        CPU_ZERO(&found);
        run(&attr, look_at_processors, &found);
        ck_assert(CPU_EQUAL(&found, &wanted));
    }
    /* The creator's own are as before, and a thread without the attribute has them. */
    CPU_ZERO(&found);
    run(NULL, look_at_processors, &found);
    ck_assert(CPU_EQUAL(&found, &all));
    const cpu_set_t *volatile none = NULL;
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, 0, none), 0);
    CPU_ZERO(&found);
    run(&attr, look_at_processors, &found);
    ck_assert(CPU_EQUAL(&found, &all));
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(without_processors_all_are_told)
{
    pthread_attr_t attr = new_attr();
    cpu_set_t found;
    CPU_ZERO(&found);
    ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, sizeof found, &found), 0);
    for (size_t i = 0; i < sizeof found; i++)
        ck_assert_uint_eq(((unsigned char *)&found)[i], 0xff);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_set_of_processors_may_have_any_size)
{
    pthread_attr_t attr = new_attr();
    unsigned char set[256], found[512];
    memset(set, 0, sizeof set);
    set[0] = 1;
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof set, (cpu_set_t *)set), 0);
    /* The object has a copy. */
    set[0] = 0;
    for (size_t size = 8; size <= sizeof found; size *= 2) {
        memset(found, 0xff, sizeof found);
        ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, size, (cpu_set_t *)found), 0);
        for (size_t i = 0; i < sizeof found; i++)
            ck_assert_int_eq(found[i], i >= size ? 0xff : i == 0);
    }
    /* What does not fit is not left out. */
    set[200] = 1;
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof set, (cpu_set_t *)set), 0);
    memset(found, 0x5a, sizeof found);
    ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, 128, (cpu_set_t *)found), EINVAL);
    ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, 256, (cpu_set_t *)found), 0);
    ck_assert_mem_eq(found, set, sizeof set);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(processors_that_are_not_there_return_EINVAL_and_leave_nothing)
{
    pthread_attr_t attr = new_attr();
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (_i == 1)
        CPU_SET(CPU_SETSIZE - 1, &cpus);
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof cpus, &cpus), 0);
    expect_failure(&attr, EINVAL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(processors_and_scheduling_go_together)
{
    if (!may_be_real_time())
        unit_skip("no real-time priorities");
    cpu_set_t cpus, wanted, found;
    struct scheduling scheduling;
    pthread_attr_t attr = new_attr();
    CPU_ZERO(&cpus);
    ck_assert_int_eq(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    CPU_ZERO(&wanted);
    CPU_SET(first_of(&cpus), &wanted);
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof wanted, &wanted), 0);
    set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, SCHED_RR, 3);
    for (int i = 0; i < 100; i++) {
        CPU_ZERO(&found);
        run(&attr, look_at_processors, &found);
        ck_assert(CPU_EQUAL(&found, &wanted));
        run(&attr, look_at_scheduling, &scheduling);
        ck_assert_int_eq(scheduling.policy, SCHED_RR);
        ck_assert_int_eq(scheduling.priority, 3);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

/* Signal masks. */

static bool is_for_programs(int signal)
{
    return signal < 32 || signal >= SIGRTMIN;
}

static void expect_mask(const sigset_t *found, const sigset_t *wanted)
{
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (is_for_programs(signal) && signal != SIGKILL && signal != SIGSTOP)
            ck_assert_msg(sigismember(found, signal) == sigismember(wanted, signal), "signal %d",
                          signal);
}

static void *look_at_mask(void *arg)
{
    pthread_sigmask(SIG_SETMASK, NULL, arg);
    return NULL;
}

START_TEST(the_signal_mask_is_what_the_thread_starts_with)
{
    pthread_attr_t attr = new_attr();
    sigset_t wanted, own, found;
    sigemptyset(&own);
    sigaddset(&own, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &own, NULL), 0);
    for (int i = 0; i < 3; i++) {
        sigemptyset(&wanted);
        if (i == 1)
            sigaddset(&wanted, SIGRTMAX);
        if (i == 2)
            sigfillset(&wanted);
        ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, &wanted), 0);
        ck_assert_int_eq(pthread_attr_getsigmask_np(&attr, &found), 0);
        expect_mask(&found, &wanted);
        run(&attr, look_at_mask, &found);
        expect_mask(&found, &wanted);
        ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &found), 0);
        expect_mask(&found, &own);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_signal_mask_can_be_unset)
{
    pthread_attr_t attr = new_attr();
    sigset_t mask, own, found;
    ck_assert_int_eq(pthread_attr_getsigmask_np(&attr, &found), PTHREAD_ATTR_NO_SIGMASK_NP);
    sigfillset(&mask);
    ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, &mask), 0);
    ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, NULL), 0);
    memset(&found, 0xff, sizeof found);
    ck_assert_int_eq(pthread_attr_getsigmask_np(&attr, &found), PTHREAD_ATTR_NO_SIGMASK_NP);
    sigemptyset(&mask);
    expect_mask(&found, &mask);
    sigemptyset(&own);
    sigaddset(&own, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &own, NULL), 0);
    run(&attr, look_at_mask, &found);
    expect_mask(&found, &own);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

static void *look_for_pending(void *arg)
{
    atomic_int *go = arg;
    sigset_t pending;
    unit_wait_for(go, 1);
    sigpending(&pending);
    return (void *)(intptr_t)sigismember(&pending, SIGUSR1);
}

START_TEST(a_signal_blocked_by_the_attribute_does_not_come_through_at_the_start)
{
    pthread_attr_t attr = new_attr();
    sigset_t mask;
    signal(SIGUSR1, count_signal);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, &mask), 0);
    for (int i = 0; i < 500; i++) {
        atomic_int go = 0;
        pthread_t thread;
        void *pending = NULL;
        ck_assert_int_eq(pthread_create(&thread, &attr, look_for_pending, &go), 0);
        ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
        atomic_store(&go, 1);
        ck_assert_int_eq(pthread_join(thread, &pending), 0);
        ck_assert_int_eq((intptr_t)pending, 1);
    }
    ck_assert_int_eq(atomic_load(&handled), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(the_policy_is_told_without_the_flag_that_children_lose_it)
{
    enum { RESET_ON_FORK = 0x40000000 };
    if (!unit_on_furwock_threads())
        unit_skip("libc tells what the kernel does, or has no such function");
    struct sched_param param = {.sched_priority = 0};
    ck_assert_int_eq(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH | RESET_ON_FORK, &param), 0);
    int policy = -1;
    param.sched_priority = -1;
    ck_assert_int_eq(pthread_getschedparam(pthread_self(), &policy, &param), 0);
    ck_assert_int_eq(policy, SCHED_BATCH);
    ck_assert_int_eq(param.sched_priority, 0);
}
END_TEST

static Suite *thread_attr_sched_suite(void)
{
    Suite *suite = suite_create("thread_attr_sched");
    TCase *tcase = tcase_create("thread_attr_sched");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, explicit_scheduling_is_what_the_thread_starts_with);
    tcase_add_test(tcase, inherited_scheduling_is_that_of_the_creator_whatever_the_attributes_say);
    tcase_add_loop_test(tcase, scheduling_that_is_not_permitted_returns_EPERM_and_leaves_nothing, 0,
                        2);
    tcase_add_loop_test(
        tcase, a_priority_that_is_none_of_the_policy_returns_EINVAL_and_leaves_nothing, 0, 2);
    tcase_add_test(tcase, policy_and_priority_may_be_set_in_either_order);
    tcase_add_test(tcase, the_processors_are_what_the_thread_starts_with);
    tcase_add_test(tcase, without_processors_all_are_told);
    tcase_add_test(tcase, a_set_of_processors_may_have_any_size);
    tcase_add_loop_test(tcase, processors_that_are_not_there_return_EINVAL_and_leave_nothing, 0, 2);
    tcase_add_test(tcase, processors_and_scheduling_go_together);
    tcase_add_test(tcase, the_signal_mask_is_what_the_thread_starts_with);
    tcase_add_test(tcase, a_signal_mask_can_be_unset);
    tcase_add_test(tcase, a_signal_blocked_by_the_attribute_does_not_come_through_at_the_start);
    tcase_add_test(tcase, the_policy_is_told_without_the_flag_that_children_lose_it);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_attr_sched_suite)
