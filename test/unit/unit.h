/*
 * What every unit test program shares: Check, a main function, and the helpers that more than one
 * of them needs. A test is named after the property it holds.
 */
#ifndef FURWOCK_TEST_UNIT_H
#define FURWOCK_TEST_UNIT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/*
 * Whether the library under test has a function that not every libc has. musl lacks these: weak, so
 * that a dynamic program links, and starts without Furwock too.
 */
#ifdef __GLIBC__
#define HAVE(function) true
#else
#define HAVE(function) ((function) != NULL)
#pragma weak pthread_cond_clockwait
#pragma weak pthread_mutex_clocklock
#pragma weak pthread_mutexattr_getprioceiling
#pragma weak pthread_mutexattr_setprioceiling
#pragma weak pthread_rwlock_clockrdlock
#pragma weak pthread_rwlock_clockwrlock
#pragma weak pthread_rwlockattr_getkind_np
#pragma weak pthread_rwlockattr_setkind_np
#pragma weak sem_clockwait
#endif

/* Furwock's own, which no libc declares. */
extern int pthread_barrier_clockwait_np(pthread_barrier_t *, clockid_t, const struct timespec *)
    __attribute__((weak));
extern int sem_init_undo_np(sem_t *, unsigned) __attribute__((weak));

/* The forms of a call that waits: all but the first have an end, the last two one on a clock they name. */
enum form { PLAIN, TIMED, CLOCK_REAL, CLOCK_MONO, FORMS };

static inline clockid_t form_clock(enum form form)
{
    return form == CLOCK_MONO ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

/* An absolute time on `clock`, `ms` milliseconds from now (negative: in the past). */
static inline struct timespec unit_deadline(clockid_t clock, long ms)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    int64_t ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec + (int64_t)ms * 1000000;
    ts.tv_sec = ns / 1000000000;
    ts.tv_nsec = ns % 1000000000;
    return ts;
}

static inline bool unit_has_passed(clockid_t clock, const struct timespec *at)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec > at->tv_sec || (now.tv_sec == at->tv_sec && now.tv_nsec >= at->tv_nsec);
}

/* Milliseconds of CLOCK_MONOTONIC. */
static inline int64_t unit_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline pid_t unit_gettid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/*
 * What the kernel tells of a thread, from the third field of its stat file, the state, on; NULL if
 * there is no such thread.
 */
static inline const char *unit_stat(pid_t pid, pid_t tid, char line[static 512])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    FILE *file = fopen(path, "r");
    bool read = file != NULL && fgets(line, 512, file) != NULL;
    if (file != NULL)
        fclose(file);
    char *paren = read ? strrchr(line, ')') : NULL;
    return paren != NULL ? paren + 2 : NULL;
}

/* The state of a thread, 'S' if it sleeps and 'Z' if it has ended; 0 if there is no such thread. */
static inline char unit_state(pid_t pid, pid_t tid)
{
    char line[512];
    const char *stat = unit_stat(pid, tid, line);
    return stat != NULL ? stat[0] : 0;
}

/*
 * Wait until thread `tid` of process `pid` sleeps in the kernel, which is how a test knows that
 * another thread has blocked, without guessing at a time.
 */
static inline void unit_wait_until_asleep(pid_t pid, pid_t tid)
{
    char state;
    while ((state = unit_state(pid, tid)) != 'S') {
        ck_assert_msg(state != 0, "no such thread: %d of %d", (int)tid, (int)pid);
        struct timespec nap = {0, 200000};
        nanosleep(&nap, NULL);
    }
}

/*
 * The priority that the kernel runs a thread of this process at, lent priorities included: 0 for an
 * ordinary one. Of a real-time thread, the 18th field is -1 minus that.
 */
static inline int unit_priority(pid_t tid)
{
    char line[512];
    const char *field = unit_stat(getpid(), tid, line);
    ck_assert_msg(field != NULL, "no such thread: %d", (int)tid);
    for (int number = 3; number < 18; number++) {
        field = strchr(field, ' ');
        ck_assert_ptr_nonnull(field);
        field++;
    }
    int priority = atoi(field);
    return priority < 0 ? -1 - priority : 0;
}

/* Wait until the kernel has raised or lowered a thread to this priority. */
static inline void unit_wait_for_priority(pid_t tid, int priority)
{
    int64_t end = unit_now_ms() + 5000;
    struct timespec nap = {0, 100000};
    while (unit_priority(tid) != priority && unit_now_ms() < end)
        nanosleep(&nap, NULL);
    ck_assert_int_eq(unit_priority(tid), priority);
}

/* The number of threads of this process that the kernel has; -1 if it cannot be told now. */
static inline int unit_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static inline void unit_wait_until_alone(void)
{
    struct timespec nap = {0, 1000000};
    while (unit_threads() != 1)
        nanosleep(&nap, NULL);
}

/*
 * Whether Furwock serves this program, preloaded or linked: only Furwock has this name. The
 * reference is weak, so that the address is null where nothing defines it; for a preload to fill
 * it in, tests are compiled as position-independent code.
 */
extern const char *furwock_version(void) __attribute__((weak));

static inline bool unit_on_furwock(void)
{
    return furwock_version != NULL;
}

/* Whether the program is linked statically: then the kernel has loaded no dynamic loader for it. */
static inline bool unit_is_static(void)
{
    return getauxval(AT_BASE) == 0;
}

/* Whether the threads themselves are Furwock's too. */
static inline bool unit_on_furwock_threads(void)
{
#ifdef __GLIBC__
    return false;
#else
    return unit_on_furwock() && unit_is_static();
#endif
}

/* For stress loops and other threads: speaks to Check only when something is wrong. */
#define must(call)                                                                                 \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_ != 0)                                                                           \
            ck_assert_msg(0, "line %d: %s: %s", __LINE__, #call, strerror(error_));                \
    } while (0)

#define insist(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_assert_msg(0, "line %d: %s", __LINE__, #condition);                                 \
    } while (0)

/* Leave a test that cannot run here, saying why. */
#define unit_skip(why)                                                                             \
    do {                                                                                           \
        fprintf(stderr, "skipped: %s: %s\n", __func__, why);                                       \
        return;                                                                                    \
    } while (0)

/* An assertion for a forked child, which must not speak to Check in its parent's name. */
#define unit_child_assert(condition)                                                               \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: in child: %s\n", __FILE__, __LINE__, #condition);              \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* Fork a child that cannot outlive its test by much, whatever becomes of either. */
static inline pid_t unit_fork(void)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        alarm(30);
    return pid;
}

/* A fork that runs no atfork handler; not in every libc. */
extern pid_t _Fork(void) __attribute__((weak));

/* Forks that differ in what libc does around them. */
enum { BY_FORK, BY_PLAIN_FORK, BY_SYSTEM_CALL, FORKS };

/* Returns -1 where this libc has no such fork. */
static inline pid_t unit_fork_by(int how)
{
    pid_t pid;
    if (how == BY_FORK)
        return unit_fork();
    if (how == BY_PLAIN_FORK)
        pid = _Fork != NULL ? _Fork() : -1;
    else
        pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        alarm(30);
    return pid;
}

/* Wait for a child and hold that it left with _exit(0). */
static inline void unit_reap(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(status == 0, "child ended with status 0x%x", (unsigned)status);
}

/* Kill a child as nobody can prepare for, and wait until it is gone. */
static inline void unit_kill(pid_t pid)
{
    int status;
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
                  "child ended by itself, status 0x%x", (unsigned)status);
}

/* A descriptor of zeroed memory to be mapped more than once, at as many addresses. */
static inline int unit_memory(size_t size)
{
    int fd = memfd_create("unit", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    return fd;
}

static inline void *unit_map(int fd, size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(p, MAP_FAILED);
    return p;
}

/* In a child: the same memory elsewhere, and no longer where the parent sees it. */
static inline void *unit_map_elsewhere(int fd, void *here, size_t size)
{
    void *there = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unit_child_assert(there != MAP_FAILED && there != here);
    unit_child_assert(munmap(here, size) == 0);
    return there;
}

/* Wait until another thread or process has stored `value` or more; the test's timeout bounds it. */
static inline void unit_wait_for(const atomic_int *stage, int value)
{
    struct timespec nap = {0, 100000};
    while (atomic_load(stage) < value)
        nanosleep(&nap, NULL);
}

/* Signals. How many count_signal() has handled: */
static atomic_int handled __attribute__((unused));

static inline void count_signal(int signal)
{
    (void)signal;
    atomic_fetch_add(&handled, 1);
}

static inline void catch_signal(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    ck_assert_int_eq(sigaction(signal, &action, NULL), 0);
}

static inline void block_when_handled(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    sigaddset(&((ucontext_t *)context)->uc_sigmask, SIGUSR2);
}

/*
 * Whether the mask that a signal handler leaves in its context is the one from then on. In valgrind 3.19
 * it is not: a cancelled thread's handler, which blocks its signal so, may be called for ever there.
 */
static inline bool unit_handlers_set_masks(void)
{
    struct sigaction action = {.sa_sigaction = block_when_handled, .sa_flags = SA_SIGINFO}, former;
    sigset_t before, now;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, &former), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &before, &now), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &former, NULL), 0);
    return sigismember(&now, SIGUSR2) == 1;
}

/* A function running in a thread of its own, which may block. */
struct unit_call {
    int (*function)(void *);
    void *argument;
    pthread_t thread;
    atomic_int tid;
    atomic_bool returned;
    int result;
};

static inline void *unit_call_thread(void *arg)
{
    struct unit_call *call = arg;
    atomic_store(&call->tid, unit_gettid());
    call->result = call->function(call->argument);
    atomic_store(&call->returned, true);
    return NULL;
}

static inline void unit_start(struct unit_call *call, int (*function)(void *), void *argument)
{
    call->function = function;
    call->argument = argument;
    atomic_init(&call->tid, 0);
    atomic_init(&call->returned, false);
    ck_assert_int_eq(pthread_create(&call->thread, NULL, unit_call_thread, call), 0);
}

/* Wait until the call has blocked, and hold that it has not returned. */
static inline void unit_wait_until_blocked(struct unit_call *call)
{
    unit_wait_for(&call->tid, 1);
    unit_wait_until_asleep(getpid(), atomic_load(&call->tid));
    ck_assert(!atomic_load(&call->returned));
}

/* Wait until the call has blocked, or has returned because its time was over. */
static inline void unit_wait_until_blocked_or_over(struct unit_call *call)
{
    struct timespec nap = {0, 200000};
    unit_wait_for(&call->tid, 1);
    while (!atomic_load(&call->returned) && unit_state(getpid(), atomic_load(&call->tid)) != 'S')
        nanosleep(&nap, NULL);
}

/* Wait for the call's return; its result. */
static inline int unit_finish(struct unit_call *call)
{
    ck_assert_int_eq(pthread_join(call->thread, NULL), 0);
    return call->result;
}

/* What the function returns in another thread, which ends with it. */
static inline int unit_elsewhere(int (*function)(void *), void *argument)
{
    struct unit_call call;
    unit_start(&call, function, argument);
    return unit_finish(&call);
}

/* pthread_mutex_init() with these attributes; what it returned. */
static inline int unit_mutex_init(pthread_mutex_t *mutex, int type, int pshared, int robust,
                                  int protocol)
{
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, type), 0);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, pshared), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, robust), 0);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, protocol), 0);
    int error = pthread_mutex_init(mutex, &attr);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
    return error;
}

/* Run the suite and return an exit status for main. */
static inline int unit_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#define UNIT_MAIN(suite_function)                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        return unit_run(suite_function());                                                         \
    }

#endif
