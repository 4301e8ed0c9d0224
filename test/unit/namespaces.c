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
    if (pid < 0)
        pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        alarm(20);
    return pid;
}

/* Why a test of a child that was to be made apart has to be left; else the child has ended well. */
static const char *reap_apart(pid_t child)
{
    int status;
    if (child < 0)
        return "no right to make a pid namespace";
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        return "no right to choose a tid";
    ck_assert_int_eq(status, 0);
    return NULL;
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
    const char *left_because = reap_apart(child);
    if (left_because)
        unit_skip(left_because);
}
END_TEST

/* Each of these has tid 1; the first one dies as the owner, which the kernel does not tell here. */
static void meet_a_dead_namesake(int type)
{
    unit_child_assert(unit_gettid() == 1);
    unit_child_assert(pthread_mutex_lock(&shared->held) == 0);
    pid_t child = fork_apart();
    if (child == 0) {
        unit_child_assert(unit_gettid() == 1);
        unit_child_assert(pthread_mutex_trylock(&shared->held) == EBUSY);
        unit_child_assert(pthread_mutex_unlock(&shared->held) == EPERM);
        unit_child_assert(pthread_mutex_lock(&shared->taken) == 0);
        _exit(0);
    }
    reap_in_child(child);
    child = fork_apart();
    if (child == 0) {
        unit_child_assert(unit_gettid() == 1);
        unit_child_assert(pthread_mutex_trylock(&shared->taken) == EBUSY);
        unit_child_assert(pthread_mutex_unlock(&shared->taken) == EPERM);
        _exit(0);
    }
    reap_in_child(child);
    unit_child_assert(pthread_mutex_trylock(&shared->taken) == EBUSY);
    unit_child_assert(pthread_mutex_unlock(&shared->taken) == EPERM);
    int again = type == PTHREAD_MUTEX_RECURSIVE ? 0 : EDEADLK;
    unit_child_assert(pthread_mutex_lock(&shared->held) == again);
    unit_child_assert(pthread_mutex_unlock(&shared->held) == 0);
    _exit(0);
}

START_TEST(a_shared_mutex_is_not_owned_by_another_thread_of_its_owners_tid)
{
    static const int types[] = {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};
    if (!unit_on_furwock())
        unit_skip("libc takes a thread of the same number for the owner");
    shared = unit_map(unit_memory(sizeof *shared), sizeof *shared);
    ck_assert_int_eq(unit_mutex_init(&shared->held, types[_i], 1, 0, 0), 0);
    ck_assert_int_eq(unit_mutex_init(&shared->taken, types[_i], 1, 0, 0), 0);
    pid_t child = fork_apart();
    if (child == 0)
        meet_a_dead_namesake(types[_i]);
    const char *left_because = reap_apart(child);
    if (left_because)
        unit_skip(left_because);
}
END_TEST

/* Of the namespace of the calling process. */
static void init_shared_rwlock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    unit_child_assert(pthread_rwlockattr_init(&attr) == 0);
    unit_child_assert(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
    unit_child_assert(pthread_rwlock_init(lock, &attr) == 0);
}

static pthread_rwlock_t *common;

/* They wait for each other, as any two do, and neither has what the other one has. */
static void meet_a_namesake_that_holds(bool write)
{
    unit_child_assert(unit_gettid() == 1);
    struct timespec soon = unit_deadline(CLOCK_REALTIME, 50);
    unit_child_assert(pthread_rwlock_timedrdlock(common, &soon) == (write ? ETIMEDOUT : 0));
    unit_child_assert(pthread_rwlock_unlock(common) == (write ? EPERM : 0));
    unit_child_assert(pthread_rwlock_timedwrlock(common, &soon) == ETIMEDOUT);
    unit_child_assert(pthread_rwlock_trywrlock(common) == EBUSY);
    _exit(0);
}

static void hold_before_namesakes(void)
{
    unit_child_assert(unit_gettid() == 1);
    for (int write = 0; write < 2; write++) {
        unit_child_assert((write ? pthread_rwlock_wrlock : pthread_rwlock_rdlock)(common) == 0);
        pid_t child = fork_apart();
        if (child == 0)
            meet_a_namesake_that_holds(write);
        reap_in_child(child);
        unit_child_assert(!write || pthread_rwlock_rdlock(common) == EDEADLK);
        unit_child_assert(pthread_rwlock_unlock(common) == 0);
        unit_child_assert(pthread_rwlock_unlock(common) == EPERM);
    }
    _exit(0);
}

/* _i: the lock is of the first one's namespace, else of neither's */
START_TEST(a_shared_rwlock_is_not_held_by_another_thread_of_its_holders_tid)
{
    if (!unit_on_furwock())
        unit_skip("libc takes a thread of the same number for the holder");
    common = unit_map(unit_memory(sizeof *common), sizeof *common);
    if (!_i)
        init_shared_rwlock(common);
    pid_t child = fork_apart();
    if (child == 0) {
        if (_i)
            init_shared_rwlock(common);
        hold_before_namesakes();
    }
    const char *left_because = reap_apart(child);
    if (left_because)
        unit_skip(left_because);
}
END_TEST

/* The next thread of the namespace is given this tid. */
static bool choose_next_tid(pid_t tid)
{
    FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "w");
    bool written = file != NULL && fprintf(file, "%d", (int)tid - 1) > 0;
    return file != NULL && fclose(file) == 0 && written;
}

static atomic_int locked;

static void *lock_as(void *tid)
{
    unit_child_assert(unit_gettid() == *(pid_t *)tid);
    unit_child_assert(pthread_mutex_lock(&own) == 0);
    atomic_store(&locked, 1);
    unit_wait_for(&locked, 2);
    unit_child_assert(pthread_mutex_unlock(&own) == 0);
    return NULL;
}

/* What the heir has inherited, a thread of the tid that the forking thread had makes its own. */
static void live_on_beside(pid_t tid)
{
    pthread_t thread;
    unit_child_assert(pthread_mutex_lock(&shared->taken) == 0);
    while (kill(tid, 0) == 0)
        sched_yield();
    unit_child_assert(choose_next_tid(tid));
    unit_child_assert(pthread_create(&thread, NULL, lock_as, &tid) == 0);
    unit_wait_for(&locked, 1);
    unit_child_assert(pthread_mutex_unlock(&own) == EPERM);
    unit_child_assert(pthread_mutex_trylock(&own) == EBUSY);
    atomic_store(&locked, 2);
    unit_child_assert(pthread_join(thread, NULL) == 0);
    _exit(0);
}

/* In the first of a namespace, which all children of the dead come to. */
static void let_one_die_and_its_child_live(void)
{
    int status;
    if (!choose_next_tid(100))
        _exit(77);
    pid_t child = fork();
    if (child == 0) {
        /* this thread's tid is known, and so the child's thread inherits from it */
        unit_child_assert(pthread_mutex_lock(&own) == 0);
        unit_child_assert(pthread_mutex_unlock(&own) == 0);
        pid_t dying = unit_gettid(), heir = fork();
        unit_child_assert(heir >= 0);
        if (heir == 0) {
            alarm(20);
            live_on_beside(dying);
        }
        _exit(0);
    }
    reap_in_child(child);
    unit_child_assert(wait(&status) > 0 && status == 0);
    _exit(0);
}

START_TEST(a_childs_thread_inherits_nothing_from_a_thread_that_is_given_the_forking_ones_tid)
{
    if (!unit_on_furwock())
        unit_skip("libc's threads inherit nothing");
    shared = unit_map(unit_memory(sizeof *shared), sizeof *shared);
    ck_assert_int_eq(unit_mutex_init(&shared->taken, 0, 1, 1, 0), 0);
    ck_assert_int_eq(unit_mutex_init(&own, PTHREAD_MUTEX_ERRORCHECK, 0, 1, 0), 0);
    pid_t child = fork_apart();
    if (child == 0)
        let_one_die_and_its_child_live();
    const char *left_because = reap_apart(child);
    if (left_because)
        unit_skip(left_because);
}
END_TEST

/*
 * What a dead process had, a lock for reading or a permit, comes back though a thread has its number:
 * the kernel knows that number, but as no process.
 */
static struct {
    pthread_rwlock_t lock;
    sem_t permit;
} * left;

static void *outlive(void *dead)
{
    unit_child_assert(unit_gettid() == *(pid_t *)dead);
    struct timespec in_time = unit_deadline(CLOCK_REALTIME, 15000);
    unit_child_assert(pthread_rwlock_timedwrlock(&left->lock, &in_time) == 0);
    unit_child_assert(sem_timedwait(&left->permit, &in_time) == 0);
    return NULL;
}

/* In the first of a namespace, to which the numbers of these objects belong. */
static void let_a_thread_have_a_dead_processs_number(void)
{
    pthread_t thread;
    init_shared_rwlock(&left->lock);
    unit_child_assert(sem_init_undo_np(&left->permit, 1) == 0);
    pid_t child = fork();
    if (child == 0) {
        unit_child_assert(pthread_rwlock_rdlock(&left->lock) == 0);
        unit_child_assert(sem_wait(&left->permit) == 0);
        _exit(0);
    }
    reap_in_child(child);
    if (!choose_next_tid(child))
        _exit(77);
    unit_child_assert(pthread_create(&thread, NULL, outlive, &child) == 0);
    unit_child_assert(pthread_join(thread, NULL) == 0);
    _exit(0);
}

START_TEST(a_thread_that_is_given_the_number_of_a_dead_process_keeps_nothing_for_it)
{
    if (!unit_on_furwock())
        unit_skip("libc's objects die with their holders");
    left = unit_map(unit_memory(sizeof *left), sizeof *left);
    pid_t child = fork_apart();
    if (child == 0)
        let_a_thread_have_a_dead_processs_number();
    const char *left_because = reap_apart(child);
    if (left_because)
        unit_skip(left_because);
}
END_TEST

static atomic_int gave_up;

static void *join_the_first(void *thread)
{
    unit_wait_for(&gave_up, 1);
    unit_child_assert(pthread_join(*(pthread_t *)thread, NULL) == 0);
    _exit(0);
}

/* The thread that the child begins with ends, and another one joins it, which it has tried to join. */
static _Noreturn void end_and_be_joined(void)
{
    static pthread_t first;
    pthread_t joiner;
    first = pthread_self();
    unit_child_assert(pthread_create(&joiner, NULL, join_the_first, &first) == 0);
    struct timespec past = unit_deadline(CLOCK_REALTIME, -1);
    unit_child_assert(pthread_join(first, NULL) == EDEADLK);
    unit_child_assert(pthread_tryjoin_np(joiner, NULL) == EBUSY);
    unit_child_assert(pthread_timedjoin_np(joiner, NULL, &past) == ETIMEDOUT);
    atomic_store(&gave_up, 1);
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
    const char *left_because = reap_apart(child);
    if (left_because)
        unit_skip(left_because);
}
END_TEST

static Suite *namespaces_suite(void)
{
    Suite *suite = suite_create("namespaces");
    TCase *tcase = tcase_create("namespaces");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, robust_mutexes_are_those_of_one_of_two_threads_with_one_tid, 0, 2);
    tcase_add_loop_test(tcase, a_shared_mutex_is_not_owned_by_another_thread_of_its_owners_tid, 0,
                        2);
    tcase_add_loop_test(tcase, a_shared_rwlock_is_not_held_by_another_thread_of_its_holders_tid, 0,
                        2);
    tcase_add_test(
        tcase, a_childs_thread_inherits_nothing_from_a_thread_that_is_given_the_forking_ones_tid);
    tcase_add_test(tcase, a_thread_that_is_given_the_number_of_a_dead_process_keeps_nothing_for_it);
    tcase_add_test(tcase,
                   a_thread_that_a_child_begins_with_is_joined_though_its_tid_is_the_parents);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(namespaces_suite)
