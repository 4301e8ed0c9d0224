/*
 * The ends of threads and processes: fork, exit, destructors, and what an owner leaves. libc beside
 * threads is in thread_libc.c; names, signals, clocks and scheduling are in thread_signal.c.
 */
#include "thread_life.h"
#include <limits.h>

static int exit_status(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "child ended with status 0x%x", (unsigned)status);
    return WEXITSTATUS(status);
}

static void *do_nothing(void *arg)
{
    return arg;
}

/* Processes. */

static pthread_t forker;

static void *join_forker(void *arg)
{
    void *result = NULL;
    unit_child_assert(pthread_join(forker, &result) == 0);
    unit_child_assert(result == arg);
    _exit(42);
}

/* The child has one thread, which goes on, creates others, and is joined by one of them. */
static int fork_here(void *arg)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        void *result = NULL;
        alarm(30);
        forker = pthread_self();
        for (int i = 0; i < 100; i++) {
            unit_child_assert(pthread_create(&thread, NULL, do_nothing, &count) == 0);
            unit_child_assert(pthread_join(thread, &result) == 0);
            unit_child_assert(result == &count);
        }
        unit_child_assert(pthread_equal(forker, pthread_self()));
        unit_child_assert(pthread_kill(forker, 0) == 0);
        if (arg) {
            unit_child_assert(pthread_create(&thread, NULL, join_forker, &forker) == 0);
            pthread_exit(&forker);
        }
        _exit(42);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

START_TEST(a_child_of_fork_creates_threads_and_its_first_is_joined)
{
    pthread_t threads[4];
    static int yes;
    void *arg = _i / 2 ? &yes : NULL;
    start(threads, 4, wait_until_go, NULL);
    for (int i = 0; i < 10; i++) {
        int status = _i % 2 ? unit_elsewhere(fork_here, arg) : fork_here(arg);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status 0x%x", status);
    }
    atomic_store(&go, 1);
    join(threads, 4);
}
END_TEST

static void *fork_detached(void *unused)
{
    (void)unused;
    int status = fork_here(NULL);
    atomic_store(&ready, WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    return NULL;
}

START_TEST(a_detached_thread_forks)
{
    pthread_t thread;
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, fork_detached, NULL), 0);
    unit_wait_for(&ready, 1);
    ck_assert_int_eq(atomic_load(&ready), 42);
}
END_TEST

START_TEST(forks_while_threads_come_and_go_are_good)
{
    pthread_t threads[3];
    for (intptr_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, create_for_a_while, (void *)(i % 2)), 0);
    for (int i = 0; i < 100; i++) {
        int status = fork_here(i % 2 ? &go : NULL);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status 0x%x", status);
    }
    atomic_store(&go, 2);
    join(threads, 3);
}
END_TEST

static char order[64];

static void append(char c)
{
    size_t length = strlen(order);
    order[length] = c;
    order[length + 1] = 0;
}
static void prepare_a(void)
{
    append('a');
}
static void prepare_b(void)
{
    append('b');
}
static void parent_a(void)
{
    append('p');
}
static void parent_b(void)
{
    append('q');
}
static void child_a(void)
{
    append('c');
}
static void child_b(void)
{
    append('d');
}

static int fork_with_handlers(void *unused)
{
    (void)unused;
    pid_t pid = fork();
    if (pid == 0)
        _exit(strcmp(order, "bacd") != 0);
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

START_TEST(atfork_handlers_run_in_order_in_the_thread_that_forks)
{
    ck_assert_int_eq(pthread_atfork(prepare_a, parent_a, child_a), 0);
    ck_assert_int_eq(pthread_atfork(prepare_b, parent_b, child_b), 0);
    ck_assert_int_eq(_i ? unit_elsewhere(fork_with_handlers, NULL) : fork_with_handlers(NULL), 0);
    ck_assert_str_eq(order, "bapq");
}
END_TEST

static void say_good_bye(void)
{
    _exit(atomic_load(&count) == 3 ? 43 : 1);
}

static void *count_after_initial_thread(void *arg)
{
    /* The initial thread has ended when it is a zombie. */
    char state;
    do {
        state = unit_state(getpid(), getpid());
        unit_child_assert(state != 0);
    } while (state != 'Z');
    atomic_fetch_add(&count, 1);
    return arg;
}

START_TEST(the_process_goes_on_after_the_initial_thread_and_ends_with_the_last)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        for (int i = 0; i < 3; i++)
            unit_child_assert(pthread_create(&thread, NULL, count_after_initial_thread, NULL) == 0);
        if (_i == 1)
            atexit(say_good_bye);
        pthread_exit((void *)1);
    }
    ck_assert_int_eq(exit_status(pid), _i == 1 ? 43 : 0);
}
END_TEST

static atomic_int asked;

static void be_asked(int signal)
{
    (void)signal;
    atomic_store(&asked, 1);
}

static void *ask(void *thread)
{
    unit_child_assert(pthread_kill(*(pthread_t *)thread, SIGUSR1) == 0);
    return NULL;
}

/* By a signal that another thread sends to the one that ended last. */
static void wait_until_asked(void)
{
    pthread_t self = pthread_self(), asker;
    unit_child_assert(pthread_create(&asker, NULL, ask, &self) == 0);
    unit_child_assert(pthread_join(asker, NULL) == 0);
    unit_wait_for(&asked, 1);
    _exit(45);
}

static void *end_after_initial_thread(void *unused)
{
    (void)unused;
    unit_child_assert(pthread_join(forker, NULL) == 0);
    return NULL;
}

START_TEST(in_exit_handlers_the_last_thread_takes_signals)
{
    /* libc defect: glibc takes the asking thread for the last, and ends the process with it. */
    if (!unit_on_furwock_threads())
        unit_skip("exit handlers create no threads");
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        forker = pthread_self();
        unit_child_assert(signal(SIGUSR1, be_asked) != SIG_ERR);
        unit_child_assert(atexit(wait_until_asked) == 0);
        if (_i == 1)
            unit_child_assert(pthread_create(&thread, NULL, end_after_initial_thread, NULL) == 0);
        pthread_exit(NULL);
    }
    ck_assert_int_eq(exit_status(pid), 45);
}
END_TEST

START_TEST(pthread_exit_of_the_only_thread_ends_the_process_with_success)
{
    pid_t pid = unit_fork();
    if (pid == 0)
        pthread_exit((void *)1);
    ck_assert_int_eq(exit_status(pid), 0);
}
END_TEST

static void *exit_process(void *arg)
{
    unit_wait_for(&ready, 4);
    exit((int)(intptr_t)arg);
}

static void leave_with_count(void)
{
    _exit(44);
}

START_TEST(exit_in_a_thread_ends_the_process_whatever_others_do)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        for (int i = 0; i < 4; i++)
            unit_child_assert(pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0);
        if (_i == 1)
            atexit(leave_with_count);
        unit_child_assert(pthread_create(&thread, NULL, exit_process, (void *)41) == 0);
        pthread_join(thread, NULL);
        pause();
    }
    ck_assert_int_eq(exit_status(pid), _i == 1 ? 44 : 41);
}
END_TEST

static void *create_for_ever(void *arg)
{
    atomic_fetch_add(&ready, 1);
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, do_nothing, arg) == 0)
            pthread_join(thread, NULL);
    }
    return NULL;
}

START_TEST(exit_amid_creations_ends_the_process)
{
    for (int i = 0; i < 30; i++) {
        pid_t pid = unit_fork();
        if (pid == 0) {
            pthread_t thread;
            for (int j = 0; j < 4; j++)
                unit_child_assert(pthread_create(&thread, NULL, create_for_ever, NULL) == 0);
            unit_wait_for(&ready, 4);
            exit(40);
        }
        ck_assert_int_eq(exit_status(pid), 40);
    }
}
END_TEST

/* The end of a thread. */

static void note_and_exit(void *arg)
{
    append(*(char *)arg);
    pthread_exit(arg);
}

static void note(void *arg)
{
    append(*(char *)arg);
}

static pthread_key_t life_key;

static void *exit_again_and_again(void *arg)
{
    pthread_setspecific(life_key, "k");
    pthread_cleanup_push(note, "a");
    pthread_cleanup_push(note_and_exit, "b");
    pthread_cleanup_push(note, "c");
    pthread_exit(arg);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

/* Undefined by POSIX; but the thread ends, and what was to be done before is done once. */
START_TEST(pthread_exit_in_a_cleanup_handler_goes_on_with_the_end)
{
    if (!unit_on_furwock_threads())
        unit_skip("undefined here");
    pthread_t thread;
    ck_assert_int_eq(pthread_key_create(&life_key, note), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, exit_again_and_again, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(order, "cbak");
}
END_TEST

static void *set_key(void *arg)
{
    pthread_setspecific(life_key, arg);
    return arg;
}

START_TEST(pthread_exit_in_a_destructor_goes_on_with_the_end)
{
    if (!unit_on_furwock_threads())
        unit_skip("undefined here");
    pthread_t thread;
    ck_assert_int_eq(pthread_key_create(&life_key, note_and_exit), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, set_key, "k"), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(order, "k");
}
END_TEST

static void set_again(void *value)
{
    atomic_fetch_add(&count, 1);
    pthread_setspecific(life_key, value);
}

START_TEST(destructors_run_in_rounds_as_many_as_promised)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_key_create(&life_key, set_again), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, set_key, "k"), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(atomic_load(&count), PTHREAD_DESTRUCTOR_ITERATIONS);
}
END_TEST

static void create_in_destructor(void *value)
{
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, do_nothing, value) == 0 &&
        pthread_join(thread, &result) == 0 && result == value)
        atomic_fetch_add(&count, 1);
}

START_TEST(a_destructor_creates_and_joins_threads)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_key_create(&life_key, create_in_destructor), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, set_key, "k"), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(atomic_load(&count), 1);
}
END_TEST

static pthread_mutex_t robust;

static void *lock_and_end(void *arg)
{
    pthread_mutex_lock(&robust);
    atomic_store(&ready, unit_gettid());
    switch ((intptr_t)arg) {
    case 0:
        return NULL;
    case 1:
        pthread_exit(NULL);
    default:
        for (;;)
            pause();
    }
}

START_TEST(a_robust_mutex_is_handed_on_however_its_owner_ends)
{
    enum { RETURN, EXIT, CANCEL, DETACHED };
    if (_i == CANCEL && !unit_handlers_set_masks())
        unit_skip("a cancel may come again for ever");
    ck_assert_int_eq(unit_mutex_init(&robust, PTHREAD_MUTEX_NORMAL, 0, 1, PTHREAD_PRIO_NONE), 0);
    for (int round = 0; round < 100; round++) {
        pthread_t thread;
        atomic_store(&ready, 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, lock_and_end,
                                        (void *)(intptr_t)(_i == DETACHED ? RETURN : _i)),
                         0);
        if (_i == DETACHED)
            ck_assert_int_eq(pthread_detach(thread), 0);
        unit_wait_for(&ready, 1);
        if (_i == CANCEL)
            ck_assert_int_eq(pthread_cancel(thread), 0);
        ck_assert_int_eq(pthread_mutex_lock(&robust), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(&robust), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&robust), 0);
        if (_i != DETACHED)
            ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
}
END_TEST

static Suite *thread_life_suite(void)
{
    Suite *suite = suite_create("thread_life");
    TCase *tcase = tcase_create("thread_life");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_child_of_fork_creates_threads_and_its_first_is_joined, 0, 4);
    tcase_add_test(tcase, a_detached_thread_forks);
    tcase_add_test(tcase, forks_while_threads_come_and_go_are_good);
    tcase_add_loop_test(tcase, atfork_handlers_run_in_order_in_the_thread_that_forks, 0, 2);
    tcase_add_loop_test(tcase, the_process_goes_on_after_the_initial_thread_and_ends_with_the_last,
                        0, 2);
    tcase_add_loop_test(tcase, in_exit_handlers_the_last_thread_takes_signals, 0, 2);
    tcase_add_test(tcase, pthread_exit_of_the_only_thread_ends_the_process_with_success);
    tcase_add_loop_test(tcase, exit_in_a_thread_ends_the_process_whatever_others_do, 0, 2);
    tcase_add_test(tcase, exit_amid_creations_ends_the_process);
    tcase_add_test(tcase, pthread_exit_in_a_cleanup_handler_goes_on_with_the_end);
    tcase_add_test(tcase, pthread_exit_in_a_destructor_goes_on_with_the_end);
    tcase_add_test(tcase, destructors_run_in_rounds_as_many_as_promised);
    tcase_add_test(tcase, a_destructor_creates_and_joins_threads);
    tcase_add_loop_test(tcase, a_robust_mutex_is_handed_on_however_its_owner_ends, 0, 4);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_life_suite)
