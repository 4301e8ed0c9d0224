/*
 * Children in a pid namespace of their own, where a child may have the very tid that its parent's
 * thread has outside: it is another thread all the same. Making one takes privileges.
 */
#include "unit.h"
#include <sched.h>

/* What processes share. */
static struct {
    pthread_mutex_t held, taken;
} * shared;
static pthread_mutex_t own;

/* A child, tid 1 in a namespace of its own; -1 without the right to make one. */
static pid_t fork_apart(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        alarm(20);
    return pid;
}

static void reap_in_child(pid_t child)
{
    int status;
    unit_child_assert(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

/* It owns the private mutex of the thread that it replaces, and not the shared one. */
static void begin_and_die_holding(void)
{
    unit_child_assert(unit_gettid() == 1);
    unit_child_assert(pthread_mutex_lock(&shared->taken) == 0);
    unit_child_assert(pthread_mutex_unlock(&own) == 0);
    unit_child_assert(pthread_mutex_lock(&own) == 0);
    _exit(0);
}

static void hold_over_child(bool shared_first)
{
    unit_child_assert(unit_gettid() == 1);
    if (shared_first)
        unit_child_assert(pthread_mutex_lock(&shared->held) == 0);
    unit_child_assert(pthread_mutex_lock(&own) == 0);
    if (!shared_first)
        unit_child_assert(pthread_mutex_lock(&shared->held) == 0);
    pid_t child = fork_apart();
    if (child == 0)
        begin_and_die_holding();
    reap_in_child(child);
    /* the kernel knew what the child held, and that this thread lives */
    unit_child_assert(pthread_mutex_trylock(&shared->taken) == EOWNERDEAD);
    unit_child_assert(pthread_mutex_unlock(&shared->held) == 0);
    unit_child_assert(pthread_mutex_trylock(&shared->held) == 0);
    unit_child_assert(pthread_mutex_unlock(&own) == 0);
    unit_child_assert(pthread_mutex_trylock(&own) == 0);
    _exit(0);
}

START_TEST(robust_mutexes_are_those_of_one_of_two_threads_with_one_tid)
{
    if (!unit_on_furwock())
        unit_skip("libc takes a thread of the same number for the owner");
    int memory = unit_memory(sizeof *shared);
    shared = unit_map(memory, sizeof *shared);
    ck_assert_int_eq(unit_mutex_init(&shared->held, 0, 1, 1, 0), 0);
    ck_assert_int_eq(unit_mutex_init(&shared->taken, 0, 1, 1, 0), 0);
    ck_assert_int_eq(unit_mutex_init(&own, 0, 0, 1, 0), 0);
    pid_t child = fork_apart();
    if (child == 0)
        hold_over_child(_i);
    if (child < 0)
        unit_skip("no right to make a pid namespace");
    unit_reap(child);
}
END_TEST

static void *join_the_first(void *thread)
{
    unit_child_assert(pthread_join(*(pthread_t *)thread, NULL) == 0);
    _exit(0);
}

/* The thread that the child begins with ends, and another one joins it. */
static _Noreturn void end_and_be_joined(void)
{
    static pthread_t first;
    pthread_t joiner;
    first = pthread_self();
    unit_child_assert(pthread_create(&joiner, NULL, join_the_first, &first) == 0);
    pthread_exit(NULL);
}

/* In a thread with tid 2: its second child in a new namespace has tid 2, too. */
static void *beget_namesake(void *unused)
{
    (void)unused;
    unit_child_assert(unit_gettid() == 2);
    unit_child_assert(unshare(CLONE_NEWPID) == 0);
    pid_t init = fork();
    if (init == 0)
        for (;;)
            pause();
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        unit_child_assert(unit_gettid() == 2);
        end_and_be_joined();
    }
    reap_in_child(child);
    unit_child_assert(kill(init, SIGKILL) == 0);
    return NULL;
}

START_TEST(a_thread_that_a_child_begins_with_is_joined_though_its_tid_is_the_parents)
{
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pid_t child = fork_apart();
    if (child == 0) {
        pthread_t thread;
        unit_child_assert(pthread_create(&thread, NULL, beget_namesake, NULL) == 0);
        unit_child_assert(pthread_join(thread, NULL) == 0);
        _exit(0);
    }
    if (child < 0)
        unit_skip("no right to make a pid namespace");
    unit_reap(child);
}
END_TEST

static Suite *namespaces_suite(void)
{
    Suite *suite = suite_create("namespaces");
    TCase *tcase = tcase_create("namespaces");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, robust_mutexes_are_those_of_one_of_two_threads_with_one_tid, 0, 2);
    tcase_add_test(tcase,
                   a_thread_that_a_child_begins_with_is_joined_though_its_tid_is_the_parents);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(namespaces_suite)
