/*
 * sem_init_undo_np: semaphores as locks between processes. A permit that a process has taken is given
 * back when it dies, once and no more; nobody takes one from the living, from a thread that ended or
 * from the parent of a fork.
 */
#include "unit.h"
#include <limits.h>
#include <stdalign.h>
#include <sched.h>
#include <sys/resource.h>

enum { SLOTS = 4, MOST = (1 << 27) - 1 };

/* In a page of its own, where an int may lie: `odd` is 4 for a semaphore that no eight bytes align. */
struct shared {
    alignas(8) char memory[sizeof(sem_t) + 8];
    atomic_int stage, stop;
    atomic_long count, inside;
};

static struct shared *shared;
static sem_t *sem;

static bool begin(unsigned value, int odd)
{
    if (sem_init_undo_np == NULL) {
        fprintf(stderr, "skipped: sem_undo: no such function\n");
        return false;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
    /* glibc's type is aligned to eight */
    sem = (sem_t *)(shared->memory + (_Alignof(sem_t) < 8 ? odd : 0));
    memset(sem, 0xff, sizeof *sem);
    ck_assert_int_eq(sem_init_undo_np(sem, value), 0);
    return true;
}

static int value(void)
{
    int value = -1;
    ck_assert_int_eq(sem_getvalue(sem, &value), 0);
    return value;
}

static int failed(int result)
{
    return result == 0 ? 0 : errno;
}

/* One wait of a form; TRY is one more. */
enum { TRY = FORMS, WAYS };

static int take_by(int how, long ms)
{
    struct timespec deadline = unit_deadline(form_clock((enum form)how), ms);
    switch (how) {
    case PLAIN:
        return failed(sem_wait(sem));
    case TIMED:
        return failed(sem_timedwait(sem, &deadline));
    case TRY:
        return failed(sem_trywait(sem));
    default:
        return HAVE(sem_clockwait)
                   ? failed(sem_clockwait(sem, form_clock((enum form)how), &deadline))
                   : failed(sem_wait(sem));
    }
}

/* A child that takes so many permits, tells, and waits to be killed. */
static pid_t start_holder(int permits)
{
    int before = atomic_load(&shared->stage);
    pid_t pid = unit_fork();
    if (pid == 0) {
        for (int i = 0; i < permits; i++)
            unit_child_assert(sem_wait(sem) == 0);
        atomic_fetch_add(&shared->stage, 1);
        for (;;)
            pause();
    }
    unit_wait_for(&shared->stage, before + 1);
    return pid;
}

START_TEST(permits_are_counted)
{
    if (!begin(3, 4 * _i))
        return;
    for (int how = 0; how < WAYS; how++) {
        ck_assert_int_eq(take_by(how, 10000), 0);
        ck_assert_int_eq(value(), 2);
        ck_assert_int_eq(take_by(how, -1), 0);
        ck_assert_int_eq(sem_trywait(sem), 0);
        ck_assert_int_eq(value(), 0);
        ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
        for (int i = 1; i <= 3; i++) {
            ck_assert_int_eq(sem_post(sem), 0);
            ck_assert_int_eq(value(), i);
        }
    }
    /* one that has none adds one */
    ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(value(), 4);
    ck_assert_int_eq(sem_destroy(sem), 0);
}
END_TEST

START_TEST(too_many_permits_are_refused)
{
    if (!begin(MOST, 0))
        return;
    ck_assert_int_eq(failed(sem_post(sem)), EOVERFLOW);
    ck_assert_int_eq(sem_wait(sem), 0);
    ck_assert_int_eq(value(), MOST - 1);
    ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(failed(sem_post(sem)), EOVERFLOW);
    ck_assert_int_eq(value(), MOST);
    /* what another process has counts as well */
    pid_t child = start_holder(1);
    ck_assert_int_eq(value(), MOST - 1);
    ck_assert_int_eq(failed(sem_post(sem)), EOVERFLOW);
    unit_kill(child);
    ck_assert_int_eq(failed(sem_init_undo_np(sem, (unsigned)MOST + 1)), EINVAL);
    ck_assert_int_eq(failed(sem_init_undo_np(sem, UINT_MAX)), EINVAL);
}
END_TEST

START_TEST(a_process_may_have_many_permits)
{
    enum { MANY = 1900 };
    if (!begin(MANY, 0))
        return;
    for (int i = MANY; i > 0; i--) {
        ck_assert_int_eq(value(), i);
        ck_assert_int_eq(sem_wait(sem), 0);
    }
    ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(value(), MANY);
}
END_TEST

START_TEST(what_a_killed_process_had_taken_is_given_back)
{
    if (!begin(3, 4 * (_i & 1)))
        return;
    for (int permits = 1; permits <= 3; permits++) {
        pid_t child = start_holder(permits);
        ck_assert_int_eq(value(), 3 - permits);
        for (int i = 0; i < 3 - permits; i++)
            ck_assert_int_eq(sem_wait(sem), 0);
        unit_kill(child);
        for (int i = 0; i < permits; i++)
            ck_assert_int_eq(take_by(_i, 20000), 0);
        /* and no more than that */
        ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(sem_post(sem), 0);
        ck_assert_int_eq(value(), 3);
    }
}
END_TEST

START_TEST(a_zombie_is_dead)
{
    if (!begin(1, 0))
        return;
    pid_t child = start_holder(1);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    siginfo_t info;
    ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(take_by(TRY, 0), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
}
END_TEST

static int take(void *unused)
{
    (void)unused;
    return failed(sem_wait(sem));
}

START_TEST(who_sleeps_when_the_holder_is_killed_gets_the_permit)
{
    if (!begin(1, 0))
        return;
    pid_t child = start_holder(1);
    struct unit_call call;
    unit_start(&call, take, NULL);
    unit_wait_until_blocked(&call);
    unit_kill(child);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(value(), 0);
}
END_TEST

START_TEST(a_process_that_exits_gives_back_what_it_has_taken)
{
    if (!begin(2, 0))
        return;
    pid_t child = unit_fork();
    if (child == 0) {
        unit_child_assert(sem_wait(sem) == 0 && sem_wait(sem) == 0);
        _exit(0);
    }
    unit_reap(child);
    ck_assert_int_eq(sem_wait(sem), 0);
    ck_assert_int_eq(sem_wait(sem), 0);
    ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
}
END_TEST

START_TEST(nothing_is_taken_from_the_living)
{
    if (!begin(2, 0))
        return;
    pid_t stopped = start_holder(1), asleep = start_holder(1);
    ck_assert_int_eq(kill(stopped, SIGSTOP), 0);
    ck_assert_int_eq(waitpid(stopped, NULL, WUNTRACED), stopped);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
    ck_assert_int_eq(take_by(TIMED, 250), ETIMEDOUT);
    ck_assert_int_eq(value(), 0);
    unit_kill(stopped);
    unit_kill(asleep);
}
END_TEST

static int next_file(void)
{
    int file = dup(STDERR_FILENO);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(close(file), 0);
    return file;
}

START_TEST(looking_for_the_dead_leaves_no_file_open)
{
    if (!begin(1, 0))
        return;
    pid_t child = start_holder(1);
    int before = next_file();
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
    ck_assert_int_eq(next_file(), before);
    unit_kill(child);
    ck_assert_int_eq(sem_trywait(sem), 0);
    ck_assert_int_eq(next_file(), before);
}
END_TEST

START_TEST(who_may_open_no_file_takes_nothing_from_the_living)
{
    struct rlimit limit;
    if (!begin(1, 0))
        return;
    pid_t child = start_holder(1);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = {0, limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    int tried = failed(sem_trywait(sem)), timed = take_by(TIMED, 150);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    int inherited = take_by(TIMED, 20000);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(tried, EAGAIN);
    ck_assert_int_eq(timed, ETIMEDOUT);
    ck_assert_int_eq(inherited, 0);
}
END_TEST

START_TEST(a_thread_that_ends_is_no_process_that_dies)
{
    if (!begin(1, 0))
        return;
    struct unit_call call;
    unit_start(&call, take, NULL);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
    /* another thread of the process gives it back */
    ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(value(), 1);
}
END_TEST

START_TEST(a_child_of_fork_has_none_of_its_parents_permits)
{
    if (!begin(2, 0))
        return;
    ck_assert_int_eq(sem_wait(sem), 0);
    pid_t child = unit_fork_by(_i);
    if (child < 0)
        unit_skip("no such fork");
    if (child == 0) {
        /* its post is one more permit */
        unit_child_assert(sem_post(sem) == 0 && value() == 2);
        unit_child_assert(sem_wait(sem) == 0 && sem_wait(sem) == 0);
        _exit(0);
    }
    unit_reap(child);
    /* of three, the child has taken two, and the parent one still */
    ck_assert_int_eq(sem_trywait(sem), 0);
    ck_assert_int_eq(sem_trywait(sem), 0);
    ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
}
END_TEST

START_TEST(more_holding_processes_than_can_be_named_are_refused)
{
    if (!begin(SLOTS + 2, 4 * _i))
        return;
    pid_t child[SLOTS];
    for (int i = 0; i < SLOTS; i++)
        child[i] = start_holder(1);
    for (int how = 0; how < WAYS; how++)
        ck_assert_int_eq(take_by(how, 20000), EAGAIN);
    ck_assert_int_eq(value(), 2);
    unit_kill(child[2]);
    ck_assert_int_eq(take_by(_i ? TRY : PLAIN, 0), 0);
    ck_assert_int_eq(value(), 2);
    /* and now it has one there is no further limit for it */
    ck_assert_int_eq(sem_wait(sem), 0);
    ck_assert_int_eq(sem_wait(sem), 0);
    ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
    for (int i = 0; i < SLOTS; i++)
        if (i != 2)
            unit_kill(child[i]);
}
END_TEST

START_TEST(a_wait_ends_at_its_deadline)
{
    if (!begin(0, 0))
        return;
    static const struct timespec malformed[] = {{0, -1}, {0, 1000000000}, {-1, LONG_MAX}};
    for (int i = 0; i < 3; i++) {
        struct timespec deadline = unit_deadline(CLOCK_REALTIME, i * 130);
        ck_assert_int_eq(failed(sem_timedwait(sem, &deadline)), ETIMEDOUT);
        ck_assert(unit_has_passed(CLOCK_REALTIME, &deadline));
        ck_assert_int_eq(failed(sem_timedwait(sem, &malformed[i])), EINVAL);
        ck_assert_int_eq(sem_post(sem), 0);
        ck_assert_int_eq(failed(sem_timedwait(sem, &malformed[i])), 0);
    }
}
END_TEST

START_TEST(posts_wake_as_many_sleepers)
{
    enum { SLEEPERS = 4 };
    if (!begin(0, 0))
        return;
    for (int round = 0; round < 20; round++) {
        struct unit_call call[SLEEPERS];
        for (int i = 0; i < SLEEPERS; i++) {
            unit_start(&call[i], take, NULL);
            unit_wait_until_blocked(&call[i]);
        }
        ck_assert_int_eq(failed(sem_destroy(sem)), EBUSY);
        pid_t child = unit_fork();
        if (child == 0) {
            for (int i = 0; i < SLEEPERS; i++)
                unit_child_assert(sem_post(sem) == 0);
            _exit(0);
        }
        for (int i = 0; i < SLEEPERS; i++)
            ck_assert_int_eq(unit_finish(&call[i]), 0);
        unit_reap(child);
        ck_assert_int_eq(value(), 0);
    }
}
END_TEST

START_TEST(a_handler_interrupts_the_wait)
{
    if (!begin(0, 0))
        return;
    catch_signal(SIGUSR1, count_signal, _i ? SA_RESTART : 0);
    struct unit_call call;
    unit_start(&call, take, NULL);
    unit_wait_until_blocked(&call);
    /* a look round for the dead is not the wait: the signal may come then, and the next one after it */
    while (!atomic_load(&call.returned)) {
        ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
        struct timespec nap = {0, 1000000};
        nanosleep(&nap, NULL);
    }
    ck_assert_int_eq(unit_finish(&call), EINTR);
    ck_assert_int_eq(value(), 0);
}
END_TEST

START_TEST(a_cancelled_wait_takes_nothing)
{
    if (!begin(0, 0))
        return;
    for (int i = 0; i < 20; i++) {
        struct unit_call call;
        unit_start(&call, take, NULL);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(pthread_cancel(call.thread), 0);
        void *result;
        ck_assert_int_eq(pthread_join(call.thread, &result), 0);
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
        ck_assert_int_eq(sem_post(sem), 0);
        ck_assert_int_eq(sem_trywait(sem), 0);
        ck_assert_int_eq(value(), 0);
    }
}
END_TEST

START_TEST(a_process_of_another_pid_namespace_is_not_judged)
{
    if (!begin(2, 0))
        return;
    ck_assert_int_eq(sem_wait(sem), 0);
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        unit_skip("no right to make a pid namespace");
    if (pid == 0) {
        alarm(20);
        /* nobody there has the parent's number, but the parent lives */
        unit_child_assert(sem_wait(sem) == 0);
        unit_child_assert(failed(sem_trywait(sem)) == EAGAIN);
        atomic_store(&shared->stage, 1);
        for (;;)
            pause();
    }
    unit_wait_for(&shared->stage, 1);
    unit_kill(pid);
    ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
    ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(sem_trywait(sem), 0);
    ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
}
END_TEST

/* Take, be alone, and give back, until told to stop. */
static void exclude(void)
{
    for (int i = 0; !atomic_load(&shared->stop); i++) {
        if (i % 4 == 3 ? sem_trywait(sem) != 0 : sem_wait(sem) != 0) {
            unit_child_assert(errno == EAGAIN);
            continue;
        }
        unit_child_assert(atomic_fetch_add(&shared->inside, 1) == 0);
        unit_child_assert(atomic_fetch_sub(&shared->inside, 1) == 1);
        atomic_fetch_add(&shared->count, 1);
        unit_child_assert(sem_post(sem) == 0);
    }
}

START_TEST(one_permit_excludes_processes)
{
    enum { PROCESSES = 7 };
    if (!begin(1, 4 * _i))
        return;
    pid_t child[PROCESSES];
    for (int i = 0; i < PROCESSES; i++)
        if ((child[i] = unit_fork()) == 0) {
            exclude();
            _exit(0);
        }
    struct timespec nap = {0, 1000000};
    while (atomic_load(&shared->count) < 20000)
        nanosleep(&nap, NULL);
    atomic_store(&shared->stop, 1);
    for (int i = 0; i < PROCESSES; i++)
        unit_reap(child[i]);
    ck_assert_int_eq(value(), 1);
}
END_TEST

/* Take and give back, whatever may come. */
static void work(unsigned seed)
{
    for (;;) {
        seed = seed * 1664525 + 1013904223;
        int took = 0;
        for (unsigned i = 0; i < 1 + (seed >> 16) % 3; i++)
            took += (seed >> 24) % 2 ? sem_trywait(sem) == 0 : take_by(TIMED, 1) == 0;
        atomic_fetch_add(&shared->count, took);
        for (; took > 0; took--)
            unit_child_assert(sem_post(sem) == 0);
    }
}

START_TEST(kills_at_any_instruction_neither_lose_nor_double_a_permit)
{
    enum { PROCESSES = 4, PERMITS = 3, KILLS = 300 };
    if (!begin(PERMITS, 4 * _i))
        return;
    pid_t child[PROCESSES] = {0};
    unsigned seed = 1;
    for (int i = 0; i < KILLS; i++) {
        int victim = i % PROCESSES;
        if (child[victim] != 0)
            unit_kill(child[victim]);
        if ((child[victim] = unit_fork()) == 0)
            work((unsigned)i);
        seed = seed * 1664525 + 1013904223;
        struct timespec nap = {0, (long)(seed >> 12)};
        nanosleep(&nap, NULL);
    }
    for (int i = 0; i < PROCESSES; i++)
        unit_kill(child[i]);
    ck_assert_int_gt(atomic_load(&shared->count), 0);
    for (int i = 0; i < PERMITS; i++)
        ck_assert_int_eq(sem_trywait(sem), 0);
    ck_assert_int_eq(failed(sem_trywait(sem)), EAGAIN);
}
END_TEST

static Suite *sem_undo_suite(void)
{
    Suite *suite = suite_create("sem_undo");
    TCase *tcase = tcase_create("sem_undo");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, permits_are_counted, 0, 2);
    tcase_add_test(tcase, too_many_permits_are_refused);
    tcase_add_test(tcase, a_process_may_have_many_permits);
    tcase_add_loop_test(tcase, what_a_killed_process_had_taken_is_given_back, 0, WAYS);
    tcase_add_test(tcase, a_zombie_is_dead);
    tcase_add_test(tcase, who_sleeps_when_the_holder_is_killed_gets_the_permit);
    tcase_add_test(tcase, a_process_that_exits_gives_back_what_it_has_taken);
    tcase_add_test(tcase, nothing_is_taken_from_the_living);
    tcase_add_test(tcase, looking_for_the_dead_leaves_no_file_open);
    tcase_add_test(tcase, who_may_open_no_file_takes_nothing_from_the_living);
    tcase_add_test(tcase, a_thread_that_ends_is_no_process_that_dies);
    tcase_add_loop_test(tcase, a_child_of_fork_has_none_of_its_parents_permits, 0, FORKS);
    tcase_add_loop_test(tcase, more_holding_processes_than_can_be_named_are_refused, 0, 2);
    tcase_add_test(tcase, a_process_of_another_pid_namespace_is_not_judged);
    tcase_add_test(tcase, a_wait_ends_at_its_deadline);
    tcase_add_test(tcase, posts_wake_as_many_sleepers);
    tcase_add_loop_test(tcase, a_handler_interrupts_the_wait, 0, 2);
    tcase_add_test(tcase, a_cancelled_wait_takes_nothing);
    tcase_add_loop_test(tcase, one_permit_excludes_processes, 0, 2);
    tcase_add_loop_test(tcase, kills_at_any_instruction_neither_lose_nor_double_a_permit, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(sem_undo_suite)
