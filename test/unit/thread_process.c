/* Process-wide calls, which libc makes in every thread, beside whatever threads do. */
#include "thread_life.h"
#include "thread_step.h"
#include "../fault/refusal.h"
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <sys/resource.h>

/* Not in every libc. */
extern int membarrier(int, int) __attribute__((weak));

static pid_t fork_root(void)
{
    if (geteuid() != 0)
        return -1;
    return unit_fork();
}

/* The real user of a thread, as the kernel has it; -1 if the thread has ended. */
static long user_of(const char *tid)
{
    char path[300], line[256];
    long user = -1;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", tid);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "Uid: %ld", &user);
    if (status)
        fclose(status);
    return user;
}

static int threads_of_others(long user)
{
    int others = 0;
    DIR *tasks = opendir("/proc/self/task");
    unit_child_assert(tasks != NULL);
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.') {
            long found = user_of(entry->d_name);
            others += found != -1 && found != user;
        }
    closedir(tasks);
    return others;
}

/* The effective user stays root, who may go on. */
static void set_user(int user)
{
    unit_child_assert(setresuid((uid_t)user, (uid_t)-1, 0) == 0);
}

static void *spin_until_go(void *arg)
{
    atomic_fetch_add(&ready, 1);
    while (!atomic_load(&go))
        ;
    return arg;
}

static void *wait_with_cancellation_disabled(void *arg)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    return wait_until_go(arg);
}

static void *spin_with_signals_blocked(void *arg)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return spin_until_go(arg);
}

START_TEST(users_are_set_in_threads_that_are_cancelled)
{
    void *(*const routines[])(void *) = {spin_until_go, wait_with_cancellation_disabled,
                                         spin_with_signals_blocked};
    pid_t pid = fork_root();
    if (pid == -1)
        unit_skip("needs root");
    if (pid == 0) {
        pthread_t threads[6];
        for (int i = 0; i < 6; i++)
            unit_child_assert(pthread_create(&threads[i], NULL, routines[i % 3], NULL) == 0);
        unit_wait_for(&ready, 6);
        for (int i = 0; i < 20; i++) {
            set_user(1000 + i);
            unit_child_assert(threads_of_others(1000 + i) == 0);
            for (int j = 0; j < 6; j++)
                pthread_cancel(threads[j]);
            if (i % 2)
                continue;
            set_user(2000 + i);
            unit_child_assert(threads_of_others(2000 + i) == 0);
        }
        atomic_store(&go, 1);
        for (int i = 0; i < 6; i++)
            unit_child_assert(pthread_join(threads[i], NULL) == 0);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

static void *set_user_cancelled(void *unused)
{
    (void)unused;
    pthread_cancel(pthread_self());
    set_user(4711);
    pthread_testcancel();
    return NULL;
}

START_TEST(a_cancelled_thread_sets_users_and_is_cancelled_afterwards)
{
    pid_t pid = fork_root();
    if (pid == -1)
        unit_skip("needs root");
    if (pid == 0) {
        pthread_t thread, other;
        void *result;
        unit_child_assert(pthread_create(&other, NULL, sleep_for_ever, NULL) == 0);
        unit_wait_for(&ready, 1);
        unit_child_assert(pthread_create(&thread, NULL, set_user_cancelled, NULL) == 0);
        unit_child_assert(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
        unit_child_assert(threads_of_others(4711) == 0);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

START_TEST(users_are_set_where_no_signal_can_be_queued)
{
    /* libc defect: musl tries for ever, with the lock for threads held; glibc ends the process. */
    if (!unit_on_furwock_threads())
        unit_skip("not here");
    pid_t pid = fork_root();
    if (pid == -1)
        unit_skip("needs root");
    if (pid == 0) {
        pthread_t threads[8];
        struct rlimit none = {0, 0};
        unit_child_assert(setrlimit(RLIMIT_SIGPENDING, &none) == 0);
        for (int i = 0; i < 8; i++)
            unit_child_assert(pthread_create(&threads[i], NULL,
                                             i % 4 ? sleep_for_ever : spin_until_go, NULL) == 0);
        unit_wait_for(&ready, 8);
        for (int i = 0; i < 50; i++) {
            set_user(1000 + i);
            unit_child_assert(threads_of_others(1000 + i) == 0);
        }
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

/* In a signal handler on top of a creation, at any instruction of it. */

static int next_user;
static atomic_int child_user;

static void set_next_user(void)
{
    set_user(next_user);
}

static void *tell_user(void *arg)
{
    unit_wait_for(&go, 1);
    atomic_store(&child_user, (int)syscall(SYS_getuid));
    return arg;
}

START_TEST(no_user_is_set_where_threads_cannot_be_asked)
{
    /* libc defect: the signal ends the process. */
    if (!unit_on_furwock_threads())
        unit_skip("not here");
    pid_t pid = fork_root();
    if (pid == -1)
        unit_skip("needs root");
    if (pid == 0) {
        pthread_t thread;
        unit_child_assert(refuse_call(SYS_rt_sigaction, EPERM));
        set_user(1000);
        unit_child_assert(pthread_create(&thread, NULL, wait_until_go, NULL) == 0);
        unit_wait_for(&ready, 1);
        unit_child_assert(setresuid(2000, (uid_t)-1, 0) != 0);
        unit_child_assert(threads_of_others(1000) == 0);
        atomic_store(&go, 1);
        unit_child_assert(pthread_join(thread, NULL) == 0);
        set_user(2000);
        unit_child_assert(threads_of_others(2000) == 0);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

START_TEST(a_user_set_at_any_instruction_of_a_creation_is_the_childs)
{
    /* On libc it may not be set just there. */
    if (!CAN_STEP || !unit_on_furwock_threads())
        unit_skip("not here");
    pid_t pid = fork_root();
    if (pid == -1)
        unit_skip("needs root");
    if (pid == 0) {
        pthread_t child;
        bool happened = true;
        for (int i = 0; happened; i++) {
            next_user = 1000 + i;
            atomic_store(&go, 0);
            steps_begin(i, set_next_user);
            int error = pthread_create(&child, NULL, tell_user, NULL);
            happened = steps_end();
            atomic_store(&go, 1);
            unit_child_assert(error == 0 && pthread_join(child, NULL) == 0);
            if (happened && atomic_load(&child_user) != next_user) {
                fprintf(stderr, "instruction %d: user %d instead of %d\n", i,
                        atomic_load(&child_user), next_user);
                _exit(1);
            }
        }
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

/* The owner of the lock on the ring of threads, or 0, in its lower part. */
extern volatile int __thread_list_lock __attribute__((weak, visibility("hidden")));
static int unguarded;

static void look_whether_a_handler_could_come(void)
{
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    if ((__thread_list_lock & INT_MAX) == steps.tid && !sigismember(&mask, SIGUSR1))
        unguarded++;
}

static void handle(int signal)
{
    (void)signal;
}

static void *tell_tid(void *tid)
{
    atomic_store((atomic_int *)tid, unit_gettid());
    return NULL;
}

/* It might wait for another thread that needs the lock. */
START_TEST(no_handler_comes_at_any_instruction_at_which_the_lock_of_the_ring_is_held)
{
    if (!CAN_STEP || !unit_on_furwock_threads())
        unit_skip("not here");
    struct sigaction action = {.sa_handler = handle};
    pthread_attr_t attr;
    pthread_t thread;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    steps.each = look_whether_a_handler_could_come;
    for (int i = 0; i < 2; i++) {
        atomic_int tid = 0;
        steps_begin(INT_MAX, NULL);
        must(pthread_attr_init(&attr));
        must(pthread_create(&thread, NULL, tell_tid, &tid));
        must(pthread_join(thread, NULL));
        atomic_store(&tid, 0);
        must(pthread_create(&thread, &attr, tell_tid, &tid));
        while (!atomic_load(&tid) || syscall(SYS_tgkill, getpid(), atomic_load(&tid), 0) == 0)
            sched_yield();
        must(pthread_detach(thread));
        must(pthread_setattr_default_np(&attr));
        must(pthread_getattr_default_np(&attr));
        steps_end();
        /* the flag goes with the next trap */
        __asm__ volatile("nop");
        ck_assert_int_gt(steps.count, 100);
        ck_assert_int_eq(unguarded, 0);
    }
}
END_TEST

/* Beside everything that threads do. */

static void *end_at_once(void *arg)
{
    return arg;
}

static void *live_wildly(void *arg)
{
    unsigned random = (unsigned)(uintptr_t)arg;
    while (!atomic_load(&go)) {
        pthread_t thread;
        pid_t pid;
        int status;
        random = random * 1664525 + 1013904223;
        switch (random >> 24 & 7) {
        case 0:
            pid = fork();
            if (pid == 0)
                _exit(setresuid(77, (uid_t)-1, 0) != 0 || threads_of_others(77) != 0);
            unit_child_assert(waitpid(pid, &status, 0) == pid && status == 0);
            break;
        case 1:
            unit_child_assert(pthread_create(&thread, NULL, end_at_once, NULL) == 0);
            unit_child_assert(pthread_detach(thread) == 0);
            break;
        case 2:
            pthread_kill(pthread_self(), SIGUSR1);
            break;
        case 3:
            set_user((int)(1000 + (random >> 16 & 15)));
            break;
        default:
            unit_child_assert(pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0);
            unit_child_assert(pthread_cancel(thread) == 0);
            unit_child_assert(pthread_join(thread, NULL) == 0);
        }
    }
    atomic_fetch_add(&count, 1);
    unit_wait_for(&go, 2);
    return NULL;
}

START_TEST(users_are_set_beside_creations_ends_cancels_and_forks)
{
    /* libc defect: glibc 2.36 waits for ever for a thread that ends just then, and musl for a cancelled one. */
    if (!unit_on_furwock_threads())
        unit_skip("hangs");
    pid_t pid = fork_root();
    if (pid == -1)
        unit_skip("needs root");
    if (pid == 0) {
        pthread_t threads[3];
        catch_signal(SIGUSR1, count_signal, SA_RESTART);
        for (uintptr_t i = 0; i < 3; i++)
            unit_child_assert(pthread_create(&threads[i], NULL, live_wildly, (void *)i) == 0);
        for (int i = 0; i < 400; i++)
            set_user(1000 + i % 20);
        atomic_store(&go, 1);
        unit_wait_for(&count, 3);
        set_user(4711);
        /* Only threads that are about to go may not have heard of it. */
        while (threads_of_others(4711) > 0)
            sched_yield();
        atomic_store(&go, 2);
        for (int i = 0; i < 3; i++)
            unit_child_assert(pthread_join(threads[i], NULL) == 0);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

START_TEST(a_child_of_vfork_sets_its_own_user)
{
    pid_t pid = fork_root();
    if (pid == -1)
        unit_skip("needs root");
    if (pid == 0) {
        pthread_t thread;
        unit_child_assert(pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0);
        unit_wait_for(&ready, 1);
        pid_t borrower = vfork();
        if (borrower == 0)
            _exit(setresuid(4711, (uid_t)-1, 0) != 0 || syscall(SYS_getuid) != 4711);
        int status;
        unit_child_assert(waitpid(borrower, &status, 0) == borrower && status == 0);
        unit_child_assert(threads_of_others(0) == 0);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

enum { PRIVATE_EXPEDITED = 8 };

START_TEST(membarrier_passes_cancelled_threads_and_without_the_kernel)
{
    if (!membarrier)
        unit_skip("not in this libc");
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        must(pthread_create(&threads[i], NULL, spin_until_go, NULL));
        unit_wait_for(&ready, i + 1);
        must(pthread_cancel(threads[i]));
    }
    /* The kernel refuses it where nobody has said before that it comes. */
    must(pthread_cancel(pthread_self()));
    ck_assert_int_eq(membarrier(PRIVATE_EXPEDITED, 0), 0);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    ck_assert_int_eq(membarrier(4711, 0), -1);
    ck_assert_int_eq(errno, EINVAL);
    atomic_store(&go, 1);
    join(threads, 2);
}
END_TEST

START_TEST(membarrier_says_so_if_neither_the_kernel_nor_threads_can_be_asked)
{
    if (!unit_on_furwock_threads())
        unit_skip("not here");
    pthread_t thread;
    start(&thread, 1, wait_until_go, NULL);
    unit_wait_for(&ready, 1);
    if (!refuse_call(SYS_membarrier, EPERM) || !refuse_call(SYS_tgkill, EPERM))
        unit_skip("no filters here");
    ck_assert_int_eq(membarrier(PRIVATE_EXPEDITED, 0), -1);
    ck_assert_int_eq(errno, EPERM);
    atomic_store(&go, 1);
    join(&thread, 1);
}
END_TEST

static Suite *thread_process_suite(void)
{
    Suite *suite = suite_create("thread_process");
    TCase *tcase = tcase_create("thread_process");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, users_are_set_in_threads_that_are_cancelled);
    tcase_add_test(tcase, a_cancelled_thread_sets_users_and_is_cancelled_afterwards);
    tcase_add_test(tcase, users_are_set_where_no_signal_can_be_queued);
    tcase_add_test(tcase, no_user_is_set_where_threads_cannot_be_asked);
    tcase_add_test(tcase, a_user_set_at_any_instruction_of_a_creation_is_the_childs);
    tcase_add_test(tcase,
                   no_handler_comes_at_any_instruction_at_which_the_lock_of_the_ring_is_held);
    tcase_add_test(tcase, users_are_set_beside_creations_ends_cancels_and_forks);
    tcase_add_test(tcase, a_child_of_vfork_sets_its_own_user);
    tcase_add_test(tcase, membarrier_passes_cancelled_threads_and_without_the_kernel);
    tcase_add_test(tcase, membarrier_says_so_if_neither_the_kernel_nor_threads_can_be_asked);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_process_suite)
