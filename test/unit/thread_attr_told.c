/* Thread attributes: those of a running thread that pthread_getattr_np tells, and the default ones. */
#include "thread_attr.h"
#include <threads.h>
#include <sys/resource.h>

/* pthread_getattr_np. */

static atomic_int may_end;

static void *wait_until_may_end(void *arg)
{
    if (arg)
        look_at_stack(arg);
    unit_wait_for(&may_end, 1);
    return NULL;
}

START_TEST(the_attributes_of_another_thread_are_told)
{
    pthread_attr_t attr = new_attr(), told;
    pthread_t thread;
    cpu_set_t all, cpus, found_cpus;
    size_t size, guard;
    void *stack;
    int value;
    struct sched_param param;
    bool real_time = may_be_real_time();
    CPU_ZERO(&all);
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&cpus);
    CPU_SET(first_of(&all), &cpus);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 256 << 10), 0);
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, 3 * PAGE), 0);
    ck_assert_int_eq(
        pthread_attr_setdetachstate(&attr, _i ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE),
        0);
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof cpus, &cpus), 0);
    if (real_time)
        set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, SCHED_RR, 7);
    static struct found found;
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_until_may_end, &found), 0);

    ck_assert_int_eq(pthread_getattr_np(thread, &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert_int_eq(pthread_attr_getguardsize(&told, &guard), 0);
    ck_assert_uint_eq(guard, 3 * PAGE);
    ck_assert(is_accessible(stack, size));
    ck_assert(is_inaccessible((char *)stack - guard, guard));
    ck_assert_int_eq(pthread_attr_getdetachstate(&told, &value), 0);
    ck_assert_int_eq(value, _i ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
    if (real_time) {
        ck_assert_int_eq(pthread_attr_getschedpolicy(&told, &value), 0);
        ck_assert_int_eq(value, SCHED_RR);
        ck_assert_int_eq(pthread_attr_getschedparam(&told, &param), 0);
        ck_assert_int_eq(param.sched_priority, 7);
    }
    CPU_ZERO(&found_cpus);
    ck_assert_int_eq(pthread_attr_getaffinity_np(&told, sizeof found_cpus, &found_cpus), 0);
    ck_assert(CPU_EQUAL(&found_cpus, &cpus));
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);

    if (_i == 0) {
        ck_assert_int_eq(pthread_detach(thread), 0);
        ck_assert_int_eq(pthread_getattr_np(thread, &told), 0);
        ck_assert_int_eq(pthread_attr_getdetachstate(&told, &value), 0);
        ck_assert_int_eq(value, PTHREAD_CREATE_DETACHED);
        ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    }
    atomic_store(&may_end, 1);
    unit_wait_until_alone();
    /* What it found out itself is the same. */
    ck_assert_ptr_eq(found.stack, stack);
    ck_assert_uint_eq(found.size, size);
    ck_assert_uint_eq(found.guard, guard);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(what_is_told_can_create_a_thread_like_it)
{
    pthread_attr_t attr = new_attr(), told;
    pthread_t thread;
    struct found found = {0};
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 192 << 10), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_until_may_end, NULL), 0);
    ck_assert_int_eq(pthread_getattr_np(thread, &told), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&told, 192 << 10), 0);
    atomic_store(&may_end, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    /* glibc keeps the address that was told. */
    if (unit_on_furwock_threads()) {
        run(&told, look_at_stack, &found);
        expect_stack(&found, 192 << 10, found.guard);
    }
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(the_attributes_of_an_ended_thread_are_told)
{
    pthread_attr_t told;
    pthread_t thread;
    void *stack;
    size_t size;
    int value;
    ck_assert_int_eq(pthread_create(&thread, NULL, do_nothing, NULL), 0);
    unit_wait_until_alone();
    /* libc defect: glibc fails where it asks for the processors. */
    if (!unit_on_furwock_threads())
        unit_skip("fails here");
    ck_assert_int_eq(pthread_getattr_np(thread, &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert(is_accessible(stack, size));
    ck_assert_int_eq(pthread_attr_getdetachstate(&told, &value), 0);
    ck_assert_int_eq(value, PTHREAD_CREATE_JOINABLE);
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* The initial thread's, or that of the thread that called fork: they are the same here. */
static void expect_initial_stack(size_t limit)
{
    pthread_attr_t told;
    void *stack;
    size_t size;
    int value;
    char *frame = __builtin_frame_address(0);
    ck_assert_int_eq(pthread_getattr_np(pthread_self(), &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert(frame > (char *)stack && frame < (char *)stack + size);
    ck_assert_uint_le(size, limit);
    ck_assert_uint_ge(size, limit - limit / 4);
    ck_assert_int_eq(pthread_attr_getdetachstate(&told, &value), 0);
    ck_assert_int_eq(value, PTHREAD_CREATE_JOINABLE);
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    /* All of it is there, if the program goes that far. */
    use_stack(stack);
}

START_TEST(the_stack_of_the_initial_thread_is_told)
{
    static const size_t limits[] = {8 << 20, 4 << 20, 2 << 20, 5000 << 10};
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
    limit.rlim_cur = limits[_i];
    if (limit.rlim_max < limit.rlim_cur || setrlimit(RLIMIT_STACK, &limit) != 0)
        unit_skip("no such limit");
    expect_initial_stack(limits[_i]);
}
END_TEST

static __attribute__((noinline)) void expect_frame_is_told(int depth)
{
    char volatile frame[64 << 10];
    frame[0] = 1;
    if (depth > 0) {
        expect_frame_is_told(depth - 1);
        frame[1] = 1;
        return;
    }
    pthread_attr_t told;
    void *stack;
    size_t size;
    ck_assert_int_eq(pthread_getattr_np(pthread_self(), &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert((char *)frame >= (char *)stack && (char *)frame < (char *)stack + size);
    ck_assert(is_accessible((char *)frame, (size_t)((char *)stack + size - (char *)frame)));
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
}

/* What it has used it keeps. */
START_TEST(the_stack_of_the_initial_thread_is_told_whatever_the_limit_has_become)
{
    static const rlim_t limits[] = {0, 1, 4095, 4097, 65536, 100000, 1 << 20, (1 << 20) + 1};
    if (!unit_on_furwock_threads())
        unit_skip("glibc tells what the limit is");
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
    for (int depth = 20; depth <= 60; depth += 20) {
        expect_frame_is_told(depth);
        limit.rlim_cur = limits[_i];
        ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
        expect_frame_is_told(depth);
        expect_frame_is_told(depth / 2);
        limit.rlim_cur = 8 << 20;
        ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
    }
}
END_TEST

START_TEST(the_stack_of_the_initial_thread_is_told_where_the_environment_is_large)
{
    /* It lies above the stack and counts as part of it. */
    char *variable = malloc(100001);
    ck_assert_ptr_nonnull(variable);
    if (!getenv("UNIT_LARGE_ENVIRONMENT")) {
        memset(variable, 'x', 100000);
        variable[100000] = 0;
        pid_t pid = unit_fork();
        if (pid == 0) {
            setenv("UNIT_LARGE_ENVIRONMENT", "1", 1);
            setenv("CK_RUN_CASE", "environment", 1);
            for (char name[] = "UNIT_LARGE_A"; name[11] < 'F'; name[11]++)
                setenv(name, variable, 1);
            execl("/proc/self/exe", "thread_attr", (char *)NULL);
            _exit(1);
        }
        unit_reap(pid);
        return;
    }
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
    limit.rlim_cur = 4 << 20;
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
    expect_initial_stack(4 << 20);
}
END_TEST

static void *look_at_initial(void *arg)
{
    pthread_attr_t told;
    void *stack = NULL;
    size_t size;
    if (pthread_getattr_np(*(pthread_t *)arg, &told) == 0)
        pthread_attr_getstack(&told, &stack, &size);
    pthread_attr_destroy(&told);
    return stack;
}

START_TEST(the_stack_of_the_initial_thread_is_told_to_others)
{
    pthread_attr_t told;
    pthread_t self = pthread_self(), thread;
    void *stack, *told_elsewhere;
    size_t size;
    ck_assert_int_eq(pthread_getattr_np(self, &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, look_at_initial, &self), 0);
    ck_assert_int_eq(pthread_join(thread, &told_elsewhere), 0);
    ck_assert_ptr_eq(told_elsewhere, stack);
}
END_TEST

/* Default attributes. */

START_TEST(default_attributes_are_those_of_threads_without_any)
{
    pthread_attr_t attr, got;
    size_t size;
    int value;
    ck_assert_int_eq(pthread_getattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 777 << 10), 0);
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, 5 * PAGE), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);

    ck_assert_int_eq(pthread_getattr_default_np(&got), 0);
    ck_assert_int_eq(pthread_attr_getstacksize(&got, &size), 0);
    ck_assert_uint_eq(size, 777 << 10);
    ck_assert_int_eq(pthread_attr_getguardsize(&got, &size), 0);
    ck_assert_uint_eq(size, 5 * PAGE);
    ck_assert_int_eq(pthread_attr_getdetachstate(&got, &value), 0);
    ck_assert_int_eq(value, PTHREAD_CREATE_JOINABLE);
    ck_assert_int_eq(pthread_attr_destroy(&got), 0);

    struct found found = {0};
    run(NULL, look_at_stack, &found);
    ck_assert_uint_eq(found.guard, 5 * PAGE);
    expect_stack(&found, 777 << 10, 5 * PAGE);

    /* New objects begin with that size. */
    attr = new_attr();
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &size), 0);
    ck_assert_uint_eq(size, 777 << 10);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(default_processors_and_scheduling_are_those_of_threads_without_any)
{
    if (!may_be_real_time())
        unit_skip("no real-time priorities");
    pthread_attr_t attr;
    cpu_set_t cpus, wanted, found;
    struct scheduling scheduling;
    CPU_ZERO(&cpus);
    ck_assert_int_eq(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    CPU_ZERO(&wanted);
    CPU_SET(first_of(&cpus), &wanted);
    ck_assert_int_eq(pthread_getattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof wanted, &wanted), 0);
    set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, SCHED_FIFO, 4);
    ck_assert_int_eq(pthread_setattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    CPU_ZERO(&found);
    run(NULL, look_at_processors, &found);
    ck_assert(CPU_EQUAL(&found, &wanted));
    run(NULL, look_at_scheduling, &scheduling);
    ck_assert_int_eq(scheduling.policy, SCHED_FIFO);
    ck_assert_int_eq(scheduling.priority, 4);
}
END_TEST

static int give_status(void *arg)
{
    (void)arg;
    unit_wait_for(&may_end, 1);
    return 0;
}

START_TEST(default_detachment_is_that_of_threads_without_attributes)
{
    pthread_attr_t attr;
    pthread_t thread;
    thrd_t c11_thread;
    ck_assert_int_eq(pthread_getattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_until_may_end, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), EINVAL);
    ck_assert_int_eq(thrd_create(&c11_thread, give_status, NULL), thrd_success);
    ck_assert_int_eq(thrd_join(c11_thread, NULL), thrd_error);
    atomic_store(&may_end, 1);
    unit_wait_until_alone();
    /* New objects are joinable all the same. */
    attr = new_attr();
    int state;
    ck_assert_int_eq(pthread_attr_getdetachstate(&attr, &state), 0);
    ck_assert_int_eq(state, PTHREAD_CREATE_JOINABLE);
    run(&attr, do_nothing, NULL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(default_attributes_with_a_stack_are_refused)
{
    static char own_memory[4 * PAGE + (128 << 10)] __attribute__((aligned(4096)));
    pthread_attr_t attr = new_attr();
    size_t size;
    ck_assert_int_eq(pthread_attr_setstack(&attr, own_memory, sizeof own_memory), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&attr), EINVAL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_getattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &size), 0);
    ck_assert_uint_ne(size, sizeof own_memory);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    run(NULL, do_nothing, NULL);
}
END_TEST

static Suite *thread_attr_told_suite(void)
{
    Suite *suite = suite_create("thread_attr_told");
    TCase *tcase = tcase_create("thread_attr_told");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, the_attributes_of_another_thread_are_told, 0, 2);
    tcase_add_test(tcase, what_is_told_can_create_a_thread_like_it);
    tcase_add_test(tcase, the_attributes_of_an_ended_thread_are_told);
    tcase_add_loop_test(tcase, the_stack_of_the_initial_thread_is_told, 0, 4);
    tcase_add_loop_test(
        tcase, the_stack_of_the_initial_thread_is_told_whatever_the_limit_has_become, 0, 8);
    tcase_add_test(tcase, the_stack_of_the_initial_thread_is_told_to_others);
    tcase_add_test(tcase, default_attributes_are_those_of_threads_without_any);
    tcase_add_test(tcase, default_processors_and_scheduling_are_those_of_threads_without_any);
    tcase_add_test(tcase, default_detachment_is_that_of_threads_without_attributes);
    tcase_add_test(tcase, default_attributes_with_a_stack_are_refused);
    suite_add_tcase(suite, tcase);

    /* Which a test runs again in a process of its own. */
    TCase *environment = tcase_create("environment");
    tcase_set_timeout(environment, 30);
    tcase_add_test(environment,
                   the_stack_of_the_initial_thread_is_told_where_the_environment_is_large);
    suite_add_tcase(suite, environment);
    return suite;
}

UNIT_MAIN(thread_attr_told_suite)
