/*
 * Process-shared read-write locks and the death of those who hold them or wait. Who dies is a child
 * that is killed, and reaped only in the end where it is to be a zombie.
 */
#include "rwlock.h"

#include <fcntl.h>

/* Furwock's alone. */
#pragma weak pthread_rwlockattr_setrobust_np
#pragma weak pthread_rwlockattr_getrobust_np
#pragma weak pthread_rwlock_consistent_np
#ifdef __GLIBC__
int pthread_rwlockattr_setrobust_np(pthread_rwlockattr_t *, int);
int pthread_rwlockattr_getrobust_np(const pthread_rwlockattr_t *, int *);
int pthread_rwlock_consistent_np(pthread_rwlock_t *);
#endif

/* In memory that the children share. */
struct stage {
    pthread_rwlock_t lock;
    atomic_int entered;
};

static struct stage *new_stage(int kind, int robust)
{
    struct stage *stage =
        mmap(NULL, sizeof *stage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(stage, MAP_FAILED);
    pthread_rwlockattr_t attr;
    must(pthread_rwlockattr_init(&attr));
    must(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
    if (HAVE(pthread_rwlockattr_setkind_np))
        must(pthread_rwlockattr_setkind_np(&attr, kind));
    if (robust)
        must(pthread_rwlockattr_setrobust_np(&attr, PTHREAD_MUTEX_ROBUST));
    must(pthread_rwlock_init(&stage->lock, &attr));
    return stage;
}

/* A child that takes the lock, and keeps it. */
static pid_t start_holder(struct stage *stage, bool write)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int error =
            write ? pthread_rwlock_wrlock(&stage->lock) : pthread_rwlock_rdlock(&stage->lock);
        if (error == 0)
            atomic_fetch_add(&stage->entered, 1);
        for (;;)
            pause();
    }
    return pid;
}

static void must_die(pid_t pid, bool reap)
{
    siginfo_t info;
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitid(P_PID, pid, &info, WEXITED | (reap ? 0 : WNOWAIT)), 0);
}

static pid_t start_inside(struct stage *stage, bool write)
{
    int before = atomic_load(&stage->entered);
    pid_t pid = start_holder(stage, write);
    unit_wait_for(&stage->entered, before + 1);
    return pid;
}

static pid_t start_waiting(struct stage *stage, bool write)
{
    pid_t pid = start_holder(stage, write);
    unit_wait_until_asleep(pid, pid);
    return pid;
}

#define NEEDS_FURWOCK()                                                                            \
    if (!unit_on_furwock())                                                                        \
    unit_skip("libc's locks die with their holders")

/* _i: the kind, and 3 more for a zombie */
START_TEST(a_killed_reader_gives_its_lock_back)
{
    NEEDS_FURWOCK();
    for (int form = PLAIN; form < FORMS; form++) {
        struct stage *stage = new_stage(_i % KINDS, false);
        must_die(start_inside(stage, false), _i < KINDS);
        must_die(start_inside(stage, false), _i < KINDS);
        ck_assert_int_eq(take(&stage->lock, true, form, 20000), 0);
        ck_assert_int_eq(pthread_rwlock_unlock(&stage->lock), 0);
        must_be_free(&stage->lock);
        ck_assert_int_eq(pthread_rwlock_destroy(&stage->lock), 0);
    }
}
END_TEST

START_TEST(a_living_reader_is_not_taken_for_a_dead_one)
{
    struct stage *stage = new_stage(_i, false);
    pid_t dead = start_inside(stage, false), living = start_inside(stage, false);
    must_die(dead, true);
    ck_assert_int_eq(take(&stage->lock, true, TIMED, 300), ETIMEDOUT);
    ck_assert_int_eq(kill(living, SIGSTOP), 0);
    ck_assert_int_eq(take(&stage->lock, true, TIMED, 300), ETIMEDOUT);
    ck_assert_int_eq(try_take(&stage->lock, true), EBUSY);
    must_die(living, true);
}
END_TEST

/* An attempt asks now and then whether the readers live. */
START_TEST(attempts_find_a_reader_dead_however_often_they_have_found_it_alive)
{
    NEEDS_FURWOCK();
    struct stage *stage = new_stage(_i, false);
    pid_t reader = start_inside(stage, false);
    for (int times = 0; times < 3; times++)
        ck_assert_int_eq(try_take(&stage->lock, true), EBUSY);
    must_die(reader, true);
    int error;
    struct timespec nap = {0, 1000000};
    for (int64_t end = unit_now_ms() + 20000;
         (error = try_take(&stage->lock, true)) == EBUSY && unit_now_ms() < end;)
        nanosleep(&nap, NULL);
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(pthread_rwlock_unlock(&stage->lock), 0);
    must_be_free(&stage->lock);
}
END_TEST

START_TEST(a_thread_that_ended_leaves_its_read_lock_to_its_process)
{
    struct stage *stage = new_stage(_i, false);
    ck_assert_int_eq(unit_elsewhere((int (*)(void *))pthread_rwlock_rdlock, &stage->lock), 0);
    ck_assert_int_eq(take(&stage->lock, true, TIMED, 200), ETIMEDOUT);
    ck_assert_int_eq(pthread_rwlock_unlock(&stage->lock), 0);
    must_be_free(&stage->lock);
}
END_TEST

/* _i: the kind, and 3 more for a writer */
START_TEST(a_killed_waiter_holds_nobody_up)
{
    NEEDS_FURWOCK();
    for (int held = 0; held < 2; held++) {
        struct stage *stage = new_stage(_i % KINDS, false);
        ck_assert_int_eq(take(&stage->lock, held, PLAIN, 0), 0);
        if (!held && _i < KINDS)
            continue;
        must_die(start_waiting(stage, _i >= KINDS), true);
        pid_t reader = start_holder(stage, false);
        pid_t writer = start_waiting(stage, true);
        must_die(writer, true);
        ck_assert_int_eq(pthread_rwlock_unlock(&stage->lock), 0);
        unit_wait_for(&stage->entered, 1);
        must_die(reader, true);
        ck_assert_int_eq(take(&stage->lock, true, PLAIN, 0), 0);
        ck_assert_int_eq(pthread_rwlock_unlock(&stage->lock), 0);
    }
}
END_TEST

static int repair(void *lock)
{
    return pthread_rwlock_consistent_np(lock);
}

START_TEST(a_robust_lock_goes_to_the_next_whoever_it_is)
{
    NEEDS_FURWOCK();
    for (int write = 0; write < 2; write++) {
        for (int form = PLAIN; form <= FORMS; form++) {
            struct stage *stage = new_stage(_i % KINDS, true);
            must_die(start_inside(stage, true), _i < KINDS);
            ck_assert_int_eq(form == FORMS ? try_take(&stage->lock, write)
                                           : take(&stage->lock, write, form, 20000),
                             EOWNERDEAD);
            ck_assert_int_eq(try_elsewhere(&stage->lock, false), EBUSY);
            ck_assert_int_eq(unit_elsewhere(repair, &stage->lock), EINVAL);
            ck_assert_int_eq(pthread_rwlock_consistent_np(&stage->lock), 0);
            ck_assert_int_eq(pthread_rwlock_consistent_np(&stage->lock), EINVAL);
            ck_assert_int_eq(pthread_rwlock_unlock(&stage->lock), 0);
            must_be_free(&stage->lock);
        }
    }
}
END_TEST

START_TEST(a_robust_lock_goes_to_one_whose_time_is_over)
{
    NEEDS_FURWOCK();
    for (int write = 0; write < 2; write++) {
        struct stage *stage = new_stage(_i, true);
        must_die(start_inside(stage, true), true);
        ck_assert_int_eq(take(&stage->lock, write, TIMED, -10), EOWNERDEAD);
    }
}
END_TEST

/*
 * It has a number that nobody has here. In its own namespace it is the second process, the child of the
 * first.
 */
START_TEST(a_writer_of_another_pid_namespace_is_not_judged)
{
    NEEDS_FURWOCK();
    enum { FAR = 4000000, REFUSED = 2 };
    struct stage *stage = new_stage(_i, true);
    if (kill(FAR, 0) == 0)
        unit_skip("a process has the number");
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        unit_skip("no right to make a pid namespace");
    if (pid == 0) {
        alarm(20);
        int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
        if (last < 0 || dprintf(last, "%d", FAR - 1) < 0)
            atomic_store(&stage->entered, REFUSED);
        else if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
            atomic_store(
                &stage->entered,
                unit_gettid() == FAR && pthread_rwlock_wrlock(&stage->lock) == 0 ? 1 : REFUSED);
        for (;;)
            pause();
    }
    unit_wait_for(&stage->entered, 1);
    bool refused = atomic_load(&stage->entered) == REFUSED;
    int written = take(&stage->lock, true, TIMED, 50), read = take(&stage->lock, false, TIMED, 50);
    int tried = try_take(&stage->lock, true);
    unit_kill(pid);
    if (refused)
        unit_skip("no right to choose the number of a process");
    ck_assert_int_eq(written, ETIMEDOUT);
    ck_assert_int_eq(read, ETIMEDOUT);
    ck_assert_int_eq(tried, EBUSY);
}
END_TEST

START_TEST(a_robust_lock_goes_to_one_who_waits)
{
    NEEDS_FURWOCK();
    struct stage *stage = new_stage(_i % KINDS, true);
    pid_t writer = start_inside(stage, true);
    struct attempt attempt_ = {.lock = &stage->lock, .write = _i >= KINDS};
    struct unit_call call;
    unit_start(&call, attempt, &attempt_);
    unit_wait_until_blocked(&call);
    must_die(writer, true);
    ck_assert_int_eq(unit_finish(&call), EOWNERDEAD);
}
END_TEST

START_TEST(a_robust_lock_that_nobody_repairs_is_of_no_use)
{
    NEEDS_FURWOCK();
    struct stage *stage = new_stage(_i, true);
    must_die(start_inside(stage, true), true);
    ck_assert_int_eq(pthread_rwlock_rdlock(&stage->lock), EOWNERDEAD);
    ck_assert_int_eq(pthread_rwlock_unlock(&stage->lock), 0);
    for (int write = 0; write < 2; write++) {
        ck_assert_int_eq(try_take(&stage->lock, write), ENOTRECOVERABLE);
        for (int form = PLAIN; form < FORMS; form++)
            ck_assert_int_eq(take(&stage->lock, write, form, 20000), ENOTRECOVERABLE);
    }
    ck_assert_int_eq(pthread_rwlock_unlock(&stage->lock), EPERM);
    ck_assert_int_eq(pthread_rwlock_destroy(&stage->lock), 0);
}
END_TEST

START_TEST(a_lock_that_is_not_robust_stays_with_its_dead_writer)
{
    struct stage *stage = new_stage(_i, false);
    must_die(start_inside(stage, true), true);
    ck_assert_int_eq(take(&stage->lock, true, TIMED, 200), ETIMEDOUT);
    ck_assert_int_eq(take(&stage->lock, false, TIMED, 200), ETIMEDOUT);
    ck_assert_int_eq(try_take(&stage->lock, false), EBUSY);
    if (unit_on_furwock())
        ck_assert_int_eq(pthread_rwlock_consistent_np(&stage->lock), EINVAL);
}
END_TEST

START_TEST(more_readers_and_processes_than_can_be_named_are_counted)
{
    enum { PROCESSES = 12, LOCKS = 3000 };
    struct stage *stage = new_stage(PREFER_READER, false);
    pid_t child[PROCESSES];
    for (int i = 0; i < PROCESSES; i++)
        child[i] = start_inside(stage, false);
    for (int i = 0; i < LOCKS; i++)
        must(pthread_rwlock_rdlock(&stage->lock));
    for (int i = 0; i < LOCKS; i++) {
        if (i % 500 == 0)
            ck_assert_int_eq(try_elsewhere(&stage->lock, true), EBUSY);
        must(pthread_rwlock_unlock(&stage->lock));
    }
    ck_assert_int_eq(try_elsewhere(&stage->lock, true), EBUSY);
    for (int i = 0; i < PROCESSES; i++)
        must(pthread_rwlock_unlock(&stage->lock));
    must_be_free(&stage->lock);
    for (int i = 0; i < PROCESSES; i++)
        must_die(child[i], true);
}
END_TEST

/* A word of readers counts to 255. */
START_TEST(a_process_may_hold_it_more_often_than_a_word_counts)
{
    enum { LOCKS = 3000, LOCKS_OF_THE_DEAD = 300 };
    struct stage *stage = new_stage(_i, false);
    for (int i = 0; i < LOCKS; i++)
        must(pthread_rwlock_rdlock(&stage->lock));
    for (int i = 0; i < LOCKS; i++) {
        if (i % 250 == 0 || i == LOCKS - 1)
            ck_assert_int_eq(try_elsewhere(&stage->lock, true), EBUSY);
        must(pthread_rwlock_unlock(&stage->lock));
    }
    must_be_free(&stage->lock);
    if (!unit_on_furwock())
        return;
    pid_t child = unit_fork();
    if (child == 0) {
        for (int i = 0; i < LOCKS_OF_THE_DEAD; i++)
            unit_child_assert(pthread_rwlock_rdlock(&stage->lock) == 0);
        atomic_store(&stage->entered, 1);
        for (;;)
            pause();
    }
    unit_wait_for(&stage->entered, 1);
    ck_assert_int_eq(try_take(&stage->lock, true), EBUSY);
    must_die(child, true);
    ck_assert_int_eq(take(&stage->lock, true, PLAIN, 0), 0);
    ck_assert_int_eq(pthread_rwlock_unlock(&stage->lock), 0);
    must_be_free(&stage->lock);
}
END_TEST

START_TEST(robustness_is_an_attribute_beside_the_others)
{
    NEEDS_FURWOCK();
    pthread_rwlockattr_t attr;
    pthread_rwlock_t lock;
    int robust = -1, shared = -1, kind = -1;
    must(pthread_rwlockattr_init(&attr));
    must(pthread_rwlockattr_getrobust_np(&attr, &robust));
    ck_assert_int_eq(robust, PTHREAD_MUTEX_STALLED);
    ck_assert_int_eq(pthread_rwlockattr_setrobust_np(&attr, 2), EINVAL);
    ck_assert_int_eq(pthread_rwlockattr_setrobust_np(&attr, -1), EINVAL);
    must(pthread_rwlockattr_setrobust_np(&attr, PTHREAD_MUTEX_ROBUST));
    ck_assert_int_eq(pthread_rwlock_init(&lock, &attr), ENOTSUP);
    must(pthread_rwlockattr_setkind_np(&attr, PREFER_WRITER));
    must(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
    must(pthread_rwlockattr_getrobust_np(&attr, &robust));
    must(pthread_rwlockattr_getpshared(&attr, &shared));
    must(pthread_rwlockattr_getkind_np(&attr, &kind));
    ck_assert_int_eq(robust, PTHREAD_MUTEX_ROBUST);
    ck_assert_int_eq(shared, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(kind, PREFER_WRITER);
    must(pthread_rwlock_init(&lock, &attr));
    must(pthread_rwlock_destroy(&lock));
    must(pthread_rwlockattr_setrobust_np(&attr, PTHREAD_MUTEX_STALLED));
    must(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE));
    must(pthread_rwlock_init(&lock, &attr));
}
END_TEST

static Suite *rwlock_shared_suite(void)
{
    Suite *suite = suite_create("rwlock_shared");
    TCase *deaths = tcase_create("deaths");
    tcase_set_timeout(deaths, 60);
    tcase_add_loop_test(deaths, a_killed_reader_gives_its_lock_back, 0, 2 * KINDS);
    tcase_add_loop_test(deaths, a_living_reader_is_not_taken_for_a_dead_one, 0, KINDS);
    tcase_add_loop_test(deaths, attempts_find_a_reader_dead_however_often_they_have_found_it_alive,
                        0, KINDS);
    tcase_add_loop_test(deaths, a_thread_that_ended_leaves_its_read_lock_to_its_process, 0, KINDS);
    tcase_add_loop_test(deaths, a_killed_waiter_holds_nobody_up, 0, 2 * KINDS);
    tcase_add_loop_test(deaths, a_robust_lock_goes_to_the_next_whoever_it_is, 0, 2 * KINDS);
    tcase_add_loop_test(deaths, a_robust_lock_goes_to_one_whose_time_is_over, 0, KINDS);
    tcase_add_loop_test(deaths, a_writer_of_another_pid_namespace_is_not_judged, 0, KINDS);
    tcase_add_loop_test(deaths, a_robust_lock_goes_to_one_who_waits, 0, 2 * KINDS);
    tcase_add_loop_test(deaths, a_robust_lock_that_nobody_repairs_is_of_no_use, 0, KINDS);
    tcase_add_loop_test(deaths, a_lock_that_is_not_robust_stays_with_its_dead_writer, 0, KINDS);
    tcase_add_test(deaths, more_readers_and_processes_than_can_be_named_are_counted);
    tcase_add_loop_test(deaths, a_process_may_hold_it_more_often_than_a_word_counts, 0, KINDS);
    tcase_add_test(deaths, robustness_is_an_attribute_beside_the_others);
    suite_add_tcase(suite, deaths);
    return suite;
}

UNIT_MAIN(rwlock_shared_suite)
