/* The life of a thread: creation, exit and identity, of POSIX and of C11. Joins are in thread_join.c. */
#include "thread.h"
#include <limits.h>
#include <threads.h>

static void *exit_with(void *arg)
{
    pthread_exit(arg);
}

/* Hold that a thread with this routine, which passes its argument on, is joined with that. */
static void expect_result_of(void *(*routine)(void *))
{
    int cell;
    pthread_t thread;
    void *result = NULL;
    ck_assert_int_eq(pthread_create(&thread, NULL, routine, &cell), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &cell);
}

/* The creation of threads. */

START_TEST(a_thread_runs_its_routine_with_its_argument_and_returns_its_result)
{
    expect_result_of(give_back);
}
END_TEST

START_TEST(pthread_exit_gives_the_result)
{
    expect_result_of(exit_with);
}
END_TEST

static int exit_from(int depth, void *result)
{
    char volatile frame[64];
    frame[0] = (char)depth;
    if (depth < 0)
        return 0;
    if (depth == 0)
        pthread_exit(result);
    return exit_from(depth - 1, result) + frame[0];
}

static void *exit_deep_down(void *arg)
{
    exit_from(50, arg);
    return NULL;
}

START_TEST(pthread_exit_ends_the_thread_from_any_depth)
{
    expect_result_of(exit_deep_down);
}
END_TEST

START_TEST(any_result_is_delivered)
{
    /* The last is PTHREAD_CANCELED. */
    const intptr_t values[] = {0, 1, INT_MAX, INTPTR_MAX, INTPTR_MIN, -2, -1};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        pthread_t thread;
        void *result = &thread;
        ck_assert_int_eq(
            pthread_create(&thread, NULL, i % 2 ? exit_with : give_back, (void *)values[i]), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_int_eq((intptr_t)result, values[i]);
    }
}
END_TEST

static void *store_identity(void *arg)
{
    *(pthread_t *)arg = pthread_self();
    return NULL;
}

START_TEST(pthread_self_in_the_thread_is_what_pthread_create_stored)
{
    pthread_t thread, self;
    ck_assert_int_eq(pthread_create(&thread, NULL, store_identity, &self), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(pthread_equal(thread, self));
    ck_assert(!pthread_equal(pthread_self(), self));
}
END_TEST

/* The new thread looks at what its creator was to store. */
static pthread_t stored;

static void *compare_with_stored(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)(pthread_equal(stored, pthread_self()) != 0);
}

START_TEST(the_identity_is_stored_before_the_thread_needs_it)
{
    /* POSIX leaves this open; glibc and musl, and programs, rely on it. */
    for (int i = 0; i < 2000; i++) {
        void *result;
        memset(&stored, 0, sizeof stored);
        ck_assert_int_eq(pthread_create(&stored, NULL, compare_with_stored, NULL), 0);
        ck_assert_int_eq(pthread_join(stored, &result), 0);
        ck_assert_int_eq((intptr_t)result, 1);
    }
}
END_TEST

#ifdef __x86_64__
extern void __stack_chk_fail(void);

/* Where the compiler has a function protected against overflows look for it. */
static void *read_canary(void *unused)
{
    void *canary;
    (void)unused;
    __asm__ volatile("mov %%fs:40, %0" : "=r"(canary));
    return canary;
}

START_TEST(the_stacks_of_all_threads_are_protected_by_the_same_secret)
{
    /* Without a function that is protected there need be no secret in a static program. */
    void (*volatile fail)(void) = __stack_chk_fail;
    pthread_t thread;
    void *canary;
    ck_assert(fail != NULL);
    ck_assert_ptr_nonnull(read_canary(NULL));
    ck_assert_int_eq(pthread_create(&thread, NULL, read_canary, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, &canary), 0);
    ck_assert_ptr_eq(canary, read_canary(NULL));
}
END_TEST
#endif

START_TEST(identities_of_living_threads_differ)
{
    enum { THREADS = 50 };
    pthread_t threads[THREADS];
    static struct gate gates[THREADS];
    for (int i = 0; i < THREADS; i++)
        start_at_gate(&threads[i], &gates[i]);
    for (int i = 0; i < THREADS; i++) {
        ck_assert(pthread_equal(threads[i], threads[i]));
        ck_assert(!pthread_equal(threads[i], pthread_self()));
        for (int j = 0; j < i; j++)
            ck_assert(!pthread_equal(threads[i], threads[j]));
    }
    for (int i = 0; i < THREADS; i++)
        open_gate(&gates[i]);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

START_TEST(pthread_self_is_the_same_at_every_call)
{
    pthread_t self = pthread_self();
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, give_back, NULL), 0);
        ck_assert(pthread_equal(pthread_self(), self));
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
}
END_TEST

/* A call through the function itself, whatever macro or builtin the header has. */
START_TEST(pthread_equal_is_a_function_too)
{
    int (*volatile equal)(pthread_t, pthread_t) = pthread_equal;
    pthread_t thread;
    struct gate gate;
    start_at_gate(&thread, &gate);
    ck_assert_int_ne(equal(thread, thread), 0);
    ck_assert_int_eq(equal(thread, pthread_self()), 0);
    open_gate(&gate);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static void *store_ids(void *arg)
{
    int *ids = arg;
    ids[0] = unit_gettid();
    ids[1] = getpid();
    return NULL;
}

START_TEST(a_thread_is_one_of_the_kernel_in_the_same_process)
{
    int ids[2];
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, store_ids, ids), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_ne(ids[0], unit_gettid());
    ck_assert_int_eq(ids[1], getpid());
}
END_TEST

static int seen_in_creator;

static void *look_at_creator(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)seen_in_creator++;
}

START_TEST(creation_and_join_synchronise_memory)
{
    for (int i = 0; i < 5000; i++) {
        pthread_t thread;
        void *result;
        seen_in_creator = i;
        ck_assert_int_eq(pthread_create(&thread, NULL, look_at_creator, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_int_eq((intptr_t)result, i);
        ck_assert_int_eq(seen_in_creator, i + 1);
    }
}
END_TEST

static void *store_signal_mask(void *arg)
{
    pthread_sigmask(SIG_SETMASK, NULL, arg);
    return NULL;
}

/* Of the signals that programs may use. */
static void expect_same_signals(const sigset_t *a, const sigset_t *b)
{
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (signal < 32 || signal >= SIGRTMIN)
            ck_assert_msg(sigismember(a, signal) == sigismember(b, signal), "signal %d", signal);
}

START_TEST(the_signal_mask_is_inherited)
{
    sigset_t mask, found;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGRTMAX);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, store_signal_mask, &found), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect_same_signals(&found, &mask);
    /* The creator's own is as before. */
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &found), 0);
    expect_same_signals(&found, &mask);
}
END_TEST

static int look_at_pending(void *unused)
{
    sigset_t pending;
    (void)unused;
    sigpending(&pending);
    return sigismember(&pending, SIGUSR1);
}

START_TEST(a_signal_pending_for_the_creator_is_not_for_the_created)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(unit_elsewhere(look_at_pending, NULL), 0);
}
END_TEST

static int look_at_signal_stack(void *unused)
{
    stack_t stack;
    (void)unused;
    sigaltstack(NULL, &stack);
    return stack.ss_flags;
}

START_TEST(the_alternate_signal_stack_is_not_inherited)
{
    static char memory[1 << 16];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
    ck_assert_int_eq(unit_elsewhere(look_at_signal_stack, NULL), SS_DISABLE);
    ck_assert_int_eq(look_at_signal_stack(NULL), 0);
}
END_TEST

static __thread int initialised = 4711, zeroed;
static __thread char aligned __attribute__((aligned(64)));

static int look_at_thread_locals(void *unused)
{
    (void)unused;
    int errors = initialised != 4711;
    errors += zeroed != 0;
    errors += aligned != 0;
    errors += (uintptr_t)&aligned % 64 != 0;
    initialised = zeroed = 1;
    aligned = 1;
    return errors;
}

START_TEST(thread_local_variables_begin_with_their_initial_values)
{
    /* The memory of the ones that have ended may be used again. */
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(unit_elsewhere(look_at_thread_locals, NULL), 0);
    ck_assert_int_eq(look_at_thread_locals(NULL), 0);
}
END_TEST

/* A local variable of the type with the strictest alignment that compilers assume of the stack. */
static int look_at_stack_alignment(void *unused)
{
    (void)unused;
    long double _Alignas(16) wide = 1;
    __asm__ volatile("" : : "r"(&wide) : "memory");
    return (int)((uintptr_t)&wide % 16);
}

START_TEST(the_stack_is_aligned)
{
    ck_assert_int_eq(unit_elsewhere(look_at_stack_alignment, NULL), 0);
}
END_TEST

static int sum_recursively(void *arg)
{
    uintptr_t depth = (uintptr_t)arg;
    if (depth == 0)
        return 0;
    struct unit_call call;
    atomic_init(&call.tid, 0);
    atomic_init(&call.returned, false);
    call.function = sum_recursively;
    call.argument = (void *)(depth - 1);
    if (pthread_create(&call.thread, NULL, unit_call_thread, &call) != 0)
        return -1000;
    if (pthread_join(call.thread, NULL) != 0)
        return -1000;
    return call.result + 1;
}

START_TEST(threads_create_and_join_threads)
{
    ck_assert_int_eq(sum_recursively((void *)100), 100);
}
END_TEST

static void *create_many(void *unused)
{
    (void)unused;
    intptr_t good = 0;
    for (int i = 0; i < 2000; i++) {
        pthread_t thread;
        void *result = NULL;
        if (pthread_create(&thread, NULL, give_back, &good) == 0 &&
            pthread_join(thread, &result) == 0)
            good += result == &good;
    }
    return (void *)good;
}

START_TEST(many_threads_create_and_join_at_once)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, create_many, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_int_eq((intptr_t)result, 2000);
    }
}
END_TEST

/* C11. */

static int give_status(void *arg)
{
    return *(int *)arg;
}

static int exit_with_status(void *arg)
{
    thrd_exit(*(int *)arg);
}

START_TEST(thrd_join_delivers_any_status)
{
    int values[] = {0, 1, -1, -2, INT_MAX, INT_MIN};
    for (int i = 0; i < 12; i++) {
        thrd_t thread;
        int status = 4711;
        ck_assert_int_eq(
            thrd_create(&thread, i % 2 ? give_status : exit_with_status, &values[i / 2]),
            thrd_success);
        ck_assert_int_eq(thrd_join(thread, &status), thrd_success);
        ck_assert_int_eq(status, values[i / 2]);
    }
}
END_TEST

START_TEST(thrd_join_does_without_a_place_for_the_status)
{
    int value = 0;
    thrd_t thread;
    ck_assert_int_eq(thrd_create(&thread, give_status, &value), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
}
END_TEST

static int compare_with_current(void *arg)
{
    thrd_t *threads = arg;
    threads[1] = thrd_current();
    return thrd_equal(threads[0], threads[1]) != 0;
}

START_TEST(thrd_current_and_thrd_equal_tell_threads_apart)
{
    thrd_t threads[2];
    int same = 4711;
    threads[0] = thrd_current();
    ck_assert_int_ne(thrd_equal(threads[0], thrd_current()), 0);
    thrd_t thread;
    ck_assert_int_eq(thrd_create(&thread, compare_with_current, threads), thrd_success);
    ck_assert_int_eq(thrd_join(thread, &same), thrd_success);
    ck_assert_int_eq(same, 0);
    ck_assert_int_ne(thrd_equal(threads[1], thread), 0);
    int (*volatile equal)(thrd_t, thrd_t) = thrd_equal;
    ck_assert_int_eq(equal(threads[0], threads[1]), 0);
    ck_assert_int_ne(equal(threads[1], threads[1]), 0);
}
END_TEST

static struct gate c11_gate;

static int wait_at_c11_gate(void *unused)
{
    (void)unused;
    wait_at_gate(&c11_gate);
    return 0;
}

START_TEST(a_thread_detached_by_thrd_detach_can_be_neither_joined_nor_detached)
{
    thrd_t thread;
    ck_assert_int_eq(sem_init(&c11_gate.sem, 0, 0), 0);
    ck_assert_int_eq(thrd_create(&thread, wait_at_c11_gate, NULL), thrd_success);
    ck_assert_int_eq(thrd_detach(thread), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_error);
    ck_assert_int_eq(thrd_detach(thread), thrd_error);
    open_gate(&c11_gate);
    wait_until_gone(&c11_gate.tid);
}
END_TEST

START_TEST(thrd_join_of_oneself_fails)
{
    int status = 4711;
    ck_assert_int_eq(thrd_join(thrd_current(), &status), thrd_error);
    /* libc defect: glibc stores what nobody has given. */
    if (unit_on_furwock_threads())
        ck_assert_int_eq(status, 4711);
}
END_TEST

static int join_c11_gate(void *arg)
{
    int status = 4711;
    if (thrd_join(*(thrd_t *)arg, &status) != thrd_success)
        return -1;
    return status;
}

START_TEST(thrd_join_waits_for_the_end)
{
    thrd_t thread;
    struct unit_call call;
    ck_assert_int_eq(sem_init(&c11_gate.sem, 0, 0), 0);
    ck_assert_int_eq(thrd_create(&thread, wait_at_c11_gate, NULL), thrd_success);
    unit_start(&call, join_c11_gate, &thread);
    unit_wait_until_blocked(&call);
    open_gate(&c11_gate);
    ck_assert_int_eq(unit_finish(&call), 0);
}
END_TEST

/* Keys of both kinds are the same. */
static atomic_int destroyed;

static void count_destroyed(void *value)
{
    atomic_fetch_add(&destroyed, *(int *)value);
}

static int set_value_and_exit(void *arg)
{
    static int one = 1;
    tss_set(*(tss_t *)arg, &one);
    thrd_exit(0);
}

START_TEST(thrd_exit_runs_the_destructors)
{
    tss_t key;
    thrd_t thread;
    ck_assert_int_eq(tss_create(&key, count_destroyed), thrd_success);
    ck_assert_int_eq(thrd_create(&thread, set_value_and_exit, &key), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
    ck_assert_int_eq(atomic_load(&destroyed), 1);
    tss_delete(key);
}
END_TEST

START_TEST(thrd_exit_in_the_last_thread_ends_the_process_with_success)
{
    pid_t pid = unit_fork();
    if (pid == 0)
        thrd_exit(42);
    ck_assert_int_eq(exit_status(pid), 0);
}
END_TEST

static int sleep_long(void *arg)
{
    struct timespec time = {20, 0};
    return thrd_sleep(&time, arg);
}

START_TEST(thrd_sleep_sleeps_and_a_signal_ends_it)
{
    struct timespec time = {0, 20000000}, start = unit_deadline(CLOCK_MONOTONIC, 0), now;
    ck_assert_int_eq(thrd_sleep(&time, NULL), 0);
    clock_gettime(CLOCK_MONOTONIC, &now);
    ck_assert_int_ge((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec,
                     20000000);

    catch_signal(SIGUSR1, count_signal, 0);
    struct unit_call call;
    struct timespec left = {0, 0};
    unit_start(&call, sleep_long, &left);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&call), -1);
    ck_assert(left.tv_sec > 0 && left.tv_sec < 20);

    time.tv_nsec = 1000000000;
    ck_assert_int_lt(thrd_sleep(&time, NULL), -1);
    thrd_yield();
}
END_TEST

static Suite *thread_suite(void)
{
    Suite *suite = suite_create("thread");
    TCase *tcase = tcase_create("thread");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, a_thread_runs_its_routine_with_its_argument_and_returns_its_result);
    tcase_add_test(tcase, pthread_exit_gives_the_result);
    tcase_add_test(tcase, pthread_exit_ends_the_thread_from_any_depth);
    tcase_add_test(tcase, any_result_is_delivered);
    tcase_add_test(tcase, pthread_self_in_the_thread_is_what_pthread_create_stored);
    tcase_add_test(tcase, the_identity_is_stored_before_the_thread_needs_it);
#ifdef __x86_64__
    tcase_add_test(tcase, the_stacks_of_all_threads_are_protected_by_the_same_secret);
#endif
    tcase_add_test(tcase, identities_of_living_threads_differ);
    tcase_add_test(tcase, pthread_self_is_the_same_at_every_call);
    tcase_add_test(tcase, pthread_equal_is_a_function_too);
    tcase_add_test(tcase, a_thread_is_one_of_the_kernel_in_the_same_process);
    tcase_add_test(tcase, creation_and_join_synchronise_memory);
    tcase_add_test(tcase, the_signal_mask_is_inherited);
    tcase_add_test(tcase, a_signal_pending_for_the_creator_is_not_for_the_created);
    tcase_add_test(tcase, the_alternate_signal_stack_is_not_inherited);
    tcase_add_test(tcase, thread_local_variables_begin_with_their_initial_values);
    tcase_add_test(tcase, the_stack_is_aligned);
    tcase_add_test(tcase, threads_create_and_join_threads);
    tcase_add_test(tcase, many_threads_create_and_join_at_once);
    tcase_add_test(tcase, thrd_join_delivers_any_status);
    tcase_add_test(tcase, thrd_join_does_without_a_place_for_the_status);
    tcase_add_test(tcase, thrd_current_and_thrd_equal_tell_threads_apart);
    tcase_add_test(tcase, a_thread_detached_by_thrd_detach_can_be_neither_joined_nor_detached);
    tcase_add_test(tcase, thrd_join_of_oneself_fails);
    tcase_add_test(tcase, thrd_join_waits_for_the_end);
    tcase_add_test(tcase, thrd_exit_runs_the_destructors);
    tcase_add_test(tcase, thrd_exit_in_the_last_thread_ends_the_process_with_success);
    tcase_add_test(tcase, thrd_sleep_sleeps_and_a_signal_ends_it);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_suite)
