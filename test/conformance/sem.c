/*
 * Semaphores: XSH sem_init, sem_destroy, sem_open, sem_close, sem_unlink, sem_trywait (which has
 * sem_wait), sem_clockwait (which has sem_timedwait), sem_post and sem_getvalue.
 *
 * Names are made of the process's number, as one is for the whole system.
 */
#include "conform.h"
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* A call has to fail with this error number. */
#define check_fails(call, error)                                                                   \
    do {                                                                                           \
        errno = 0;                                                                                 \
        ck_assert_int_eq(call, -1);                                                                \
        ck_assert_int_eq(errno, error);                                                            \
    } while (0)

/* The three waits, with an end far away where they take one. */
typedef int wait_function(sem_t *);

static int wait_timed(sem_t *sem)
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    return sem_timedwait(sem, &end);
}

static int wait_clock(sem_t *sem)
{
    struct timespec end = unit_deadline(CLOCK_MONOTONIC, FAR_MS);
    return sem_clockwait(sem, CLOCK_MONOTONIC, &end);
}

/* The same assertion about each of them. */
#define ASSERTION_OF_WAITS(number, text, check)                                                    \
    ASSERTION(sem_wait, number, text)                                                              \
    {                                                                                              \
        check(sem_wait);                                                                           \
    }                                                                                              \
    ASSERTION(sem_timedwait, number, text)                                                         \
    {                                                                                              \
        check(wait_timed);                                                                         \
    }                                                                                              \
    ASSERTION(sem_clockwait, number, text)                                                         \
    {                                                                                              \
        check(wait_clock);                                                                         \
    }

/* A thread's wait; its result is 0 or an error number. */
struct waiter {
    sem_t *sem;
    wait_function *wait;
    struct unit_call call;
};

static int wait_in_thread(void *argument)
{
    struct waiter *waiter = argument;
    return waiter->wait(waiter->sem) == 0 ? 0 : errno;
}

static int wait_in_thread_cancelled(void *argument)
{
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    return wait_in_thread(argument);
}

static void start_waiter(struct waiter *waiter, sem_t *sem, wait_function *wait)
{
    waiter->sem = sem;
    waiter->wait = wait;
    unit_start(&waiter->call, wait_in_thread, waiter);
    unit_wait_until_blocked(&waiter->call);
}

static void init_sem(sem_t *sem, unsigned value)
{
    ck_assert_int_eq(sem_init(sem, 0, value), 0);
}

/* With no thread blocked. */
static void check_value(sem_t *sem, int expected)
{
    int value = -12345;
    ck_assert_int_eq(sem_getvalue(sem, &value), 0);
    ck_assert_int_eq(value, expected);
}

/* ---- Unnamed semaphores ---- */

ASSERTION(sem_init, 1, "initialises a semaphore with the value; returns 0")
{
    static const unsigned values[] = {0, 1, 7, _POSIX_SEM_VALUE_MAX, SEM_VALUE_MAX};
    for (int i = 0; i < 5; i++) {
        sem_t sem;
        memset(&sem, 0xa5, sizeof sem);
        ck_assert_int_eq(sem_init(&sem, 0, values[i]), 0);
        check_value(&sem, (int)values[i]);
    }
}

ASSERTION(sem_init, 2, "the semaphore serves every operation until it is destroyed")
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    sem_t sem;
    ck_assert_int_eq(sem_init(&sem, 0, 1), 0);
    ck_assert_int_eq(sem_wait(&sem), 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(sem_trywait(&sem), 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(sem_timedwait(&sem, &end), 0);
    check_value(&sem, 0);
    ck_assert_int_eq(sem_destroy(&sem), 0);
}

/* Two semaphores, with which processes answer each other. */
struct pair {
    sem_t there, back;
};

static void answer(struct pair *pair, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        unit_child_assert(sem_wait(&pair->there) == 0);
        unit_child_assert(sem_post(&pair->back) == 0);
    }
}

ASSERTION(sem_init, 3,
          "if pshared is not 0, any process operates that has the semaphore mapped, anywhere")
{
    enum { ROUNDS = 200 };
    int fd = unit_memory(sizeof(struct pair));
    struct pair *here = unit_map(fd, sizeof *here);
    ck_assert_int_eq(sem_init(&here->there, 1, 0), 0);
    ck_assert_int_eq(sem_init(&here->back, 1, 0), 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct pair *there = unit_map(fd, sizeof *there);
        unit_child_assert(there != here);
        answer(there, ROUNDS);
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(sem_post(&here->there), 0);
        ck_assert_int_eq(sem_wait(&here->back), 0);
    }
    unit_reap(pid);
}

ASSERTION(sem_init, 4, "if pshared is 0, all threads of the process operate on the semaphore")
{
    struct waiter waiter;
    sem_t sem;
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, sem_wait);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
}

ASSERTION(sem_init, 5, "fails with EINVAL if the value is greater than SEM_VALUE_MAX")
{
    sem_t sem;
    check_fails(sem_init(&sem, 0, (unsigned)SEM_VALUE_MAX + 1), EINVAL);
    check_fails(sem_init(&sem, 1, UINT_MAX), EINVAL);
}

UNTESTED(sem_init, 6, "fails with ENOSPC when a resource or {SEM_NSEMS_MAX} is exhausted",
         "a semaphore may need no resource beyond its memory, and the number may be unlimited")
UNTESTED(sem_init, 7, "fails with EPERM if the process lacks a privilege that it needs",
         "whether a privilege is needed is the implementation's choice")

ASSERTION(sem_destroy, 1, "destroys a semaphore that sem_init initialised; returns 0")
{
    sem_t sem;
    init_sem(&sem, 3);
    ck_assert_int_eq(sem_destroy(&sem), 0);
}

ASSERTION(sem_destroy, 2, "a destroyed semaphore can be initialised again, in another way too")
{
    sem_t sem;
    init_sem(&sem, 3);
    ck_assert_int_eq(sem_destroy(&sem), 0);
    ck_assert_int_eq(sem_init(&sem, 1, 2), 0);
    check_value(&sem, 2);
    ck_assert_int_eq(sem_destroy(&sem), 0);
    init_sem(&sem, 0);
    check_value(&sem, 0);
}

static int post_once(void *sem)
{
    return sem_post(sem);
}

/* The thread that was let go destroys and unmaps, whether the post has returned or not. */
static void check_destroyed_at_once(int pshared, bool blocked)
{
    enum { ROUNDS = 150 };
    for (int round = 0; round < ROUNDS; round++) {
        size_t size = (size_t)sysconf(_SC_PAGESIZE);
        struct unit_call call;
        sem_t *sem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(sem, MAP_FAILED);
        ck_assert_int_eq(sem_init(sem, pshared, 0), 0);
        unit_start(&call, post_once, sem);
        if (blocked)
            ck_assert_int_eq(sem_wait(sem), 0);
        else
            while (sem_trywait(sem) != 0)
                sched_yield();
        ck_assert_int_eq(sem_destroy(sem), 0);
        ck_assert_int_eq(munmap(sem, size), 0);
        ck_assert_int_eq(unit_finish(&call), 0);
    }
}

ASSERTION(sem_destroy, 3, "is safe when no thread is blocked, though a post be about to return")
{
    check_destroyed_at_once(0, true);
    check_destroyed_at_once(0, false);
}

ASSERTION(sem_destroy, 4, "the same, for a process-shared semaphore")
{
    check_destroyed_at_once(1, true);
    check_destroyed_at_once(1, false);
}

/* ---- Named semaphores ---- */

static const char *name_of(char *buffer, const char *part)
{
    sprintf(buffer, "/conform-%d-%s", (int)getpid(), part);
    return buffer;
}

static void check_open_fails(const char *name, int flags, unsigned value, int error)
{
    errno = 0;
    ck_assert_ptr_eq(sem_open(name, flags, 0600, value), SEM_FAILED);
    ck_assert_int_eq(errno, error);
}

static sem_t *create(const char *name, mode_t mode, unsigned value)
{
    sem_t *sem = sem_open(name, O_CREAT | O_EXCL, mode, value);
    ck_assert_ptr_ne(sem, SEM_FAILED);
    return sem;
}

ASSERTION(sem_open, 1, "returns a semaphore's address, which serves every operation")
{
    char name[64];
    struct waiter waiter;
    sem_t *sem = create(name_of(name, "a"), 0600, 1);
    ck_assert_int_eq(sem_unlink(name), 0);
    ck_assert_int_eq(sem_trywait(sem), 0);
    check_fails(sem_trywait(sem), EAGAIN);
    start_waiter(&waiter, sem, sem_wait);
    ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    start_waiter(&waiter, sem, wait_timed);
    ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    ck_assert_int_eq(sem_close(sem), 0);
}

ASSERTION(sem_open, 2, "with O_CREAT makes a semaphore that is not there, with the value")
{
    static const unsigned values[] = {0, 1, SEM_VALUE_MAX};
    for (int i = 0; i < 3; i++) {
        char name[64];
        sem_t *sem = sem_open(name_of(name, "a"), O_CREAT, 0600, values[i]);
        ck_assert_ptr_ne(sem, SEM_FAILED);
        ck_assert_int_eq(sem_unlink(name), 0);
        check_value(sem, (int)values[i]);
    }
}

ASSERTION(sem_open, 3, "with O_CREAT opens a semaphore that is there, and leaves it as it is")
{
    char name[64];
    sem_t *sem = create(name_of(name, "a"), 0600, 5);
    sem_t *again = sem_open(name, O_CREAT, 0600, 9);
    ck_assert_int_eq(sem_unlink(name), 0);
    ck_assert_ptr_ne(again, SEM_FAILED);
    check_value(again, 5);
    check_value(sem, 5);
}

/* Another user's process: whether it may open the semaphore, and the error if it may not. */
static void check_other_user(const char *name, int flags, int error)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(setgid(65534) == 0 && setuid(65534) == 0);
        errno = 0;
        sem_t *sem = sem_open(name, flags, 0600, 1);
        unit_child_assert((sem == SEM_FAILED) == (error != 0));
        unit_child_assert(error == 0 || errno == error);
        _exit(0);
    }
    unit_reap(pid);
}

static void need_root(void)
{
    if (geteuid() != 0)
        unsupported("needs root, to be another user");
}

/* The child must find it by its name: it inherits the parent's, whatever the permissions. */
static void make_for_others(char *name, mode_t mode)
{
    name_of(name, "user");
    ck_assert_int_eq(sem_close(create(name, mode, 1)), 0);
}

ASSERTION(sem_open, 4, "a new semaphore has the permission bits of the mode")
{
    char name[64];
    need_root();
    umask(0);
    make_for_others(name, 0666);
    check_other_user(name, 0, 0);
    ck_assert_int_eq(sem_unlink(name), 0);
    make_for_others(name, 0600);
    check_other_user(name, 0, EACCES);
    ck_assert_int_eq(sem_unlink(name), 0);
}

ASSERTION(sem_open, 5, "without those that the file mode creation mask has")
{
    char name[64];
    need_root();
    umask(0077);
    make_for_others(name, 0666);
    check_other_user(name, 0, EACCES);
    ck_assert_int_eq(sem_unlink(name), 0);
}

ASSERTION(sem_open, 6, "a new semaphore belongs to the effective user")
{
    char name[64];
    need_root();
    name_of(name, "user");
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(setegid(65534) == 0 && seteuid(65534) == 0);
        _exit(sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
    }
    unit_reap(pid);
    check_other_user(name, 0, 0);
    ck_assert_int_eq(sem_unlink(name), 0);
}

ASSERTION(sem_open, 7, "another process connects to the semaphore by the same name")
{
    char names[2][64];
    name_of(names[0], "there"), name_of(names[1], "back");
    pid_t pid = unit_fork();
    if (pid == 0) {
        sem_t *there = sem_open(names[0], O_CREAT, 0600, 0);
        sem_t *back = sem_open(names[1], O_CREAT, 0600, 0);
        unit_child_assert(there != SEM_FAILED && back != SEM_FAILED);
        unit_child_assert(sem_wait(there) == 0 && sem_post(back) == 0);
        _exit(0);
    }
    sem_t *there = sem_open(names[0], O_CREAT, 0600, 0);
    sem_t *back = sem_open(names[1], O_CREAT, 0600, 0);
    ck_assert_ptr_ne(there, SEM_FAILED);
    ck_assert_ptr_ne(back, SEM_FAILED);
    ck_assert_int_eq(sem_post(there), 0);
    ck_assert_int_eq(sem_wait(back), 0);
    unit_reap(pid);
    ck_assert_int_eq(sem_unlink(names[0]), 0);
    ck_assert_int_eq(sem_unlink(names[1]), 0);
}

ASSERTION(sem_open, 8, "with O_CREAT and O_EXCL fails with EEXIST if there is such a semaphore")
{
    char name[64];
    sem_t *sem = create(name_of(name, "a"), 0600, 5);
    check_open_fails(name, O_CREAT | O_EXCL, 0, EEXIST);
    ck_assert_int_eq(sem_close(sem), 0);
    check_open_fails(name, O_CREAT | O_EXCL, 0, EEXIST);
    ck_assert_int_eq(sem_unlink(name), 0);
}

ASSERTION(sem_open, 9, "of processes that make a name with O_CREAT and O_EXCL at once, one does")
{
    enum { PROCESSES = 3, ROUNDS = 100 };
    struct race {
        atomic_int ready, round, made;
    } *race = mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(race, MAP_FAILED);
    char name[64];
    pid_t pids[PROCESSES];
    name_of(name, "race");
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = unit_fork();
        if (pids[i] != 0)
            continue;
        for (int round = 1; round <= ROUNDS; round++) {
            unit_wait_for(&race->round, round);
            sem_t *sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
            unit_child_assert(sem != SEM_FAILED || errno == EEXIST);
            if (sem != SEM_FAILED) {
                atomic_fetch_add(&race->made, 1);
                unit_child_assert(sem_close(sem) == 0);
            }
            atomic_fetch_add(&race->ready, 1);
        }
        _exit(0);
    }
    for (int round = 1; round <= ROUNDS; round++) {
        atomic_store(&race->round, round);
        unit_wait_for(&race->ready, round * PROCESSES);
        ck_assert_int_eq(atomic_load(&race->made), round);
        ck_assert_int_eq(sem_unlink(name), 0);
    }
    for (int i = 0; i < PROCESSES; i++)
        unit_reap(pids[i]);
}

ASSERTION(sem_open, 10, "returns the same address for the same name, until it is unlinked")
{
    char name[64];
    sem_t *sem = create(name_of(name, "a"), 0600, 5);
    ck_assert_ptr_eq(sem_open(name, 0), sem);
    ck_assert_ptr_eq(sem_open(name, O_CREAT, 0600, 1), sem);
    ck_assert_int_eq(sem_close(sem), 0); /* which leaves two */
    ck_assert_ptr_eq(sem_open(name, 0), sem);
    check_value(sem, 5);
    ck_assert_int_eq(sem_unlink(name), 0);
}

ASSERTION(sem_open, 11, "fails with ENOENT without O_CREAT if there is no such semaphore")
{
    char name[64];
    check_open_fails(name_of(name, "none"), 0, 0, ENOENT);
}

ASSERTION(sem_open, 12, "fails with EACCES if the permissions of the semaphore deny it")
{
    char name[64];
    need_root();
    make_for_others(name, 0600);
    check_other_user(name, 0, EACCES);
    check_other_user(name, O_CREAT, EACCES);
    ck_assert_int_eq(sem_unlink(name), 0);
}

UNTESTED(sem_open, 13, "fails with EACCES if permission to make the semaphore is denied",
         "where names are kept, and who may make one there, is the system's choice")
UNTESTED(sem_open, 14, "fails with EINTR if a signal interrupts it", "it need not block anywhere")

ASSERTION(sem_open, 15, "fails with EINVAL if O_CREAT is set and the value is above SEM_VALUE_MAX")
{
    char name[64];
    name_of(name, "a");
    check_open_fails(name, O_CREAT, (unsigned)SEM_VALUE_MAX + 1, EINVAL);
    check_open_fails(name, O_CREAT | O_EXCL, UINT_MAX, EINVAL);
    check_open_fails(name, 0, 0, ENOENT);
}

UNTESTED(sem_open, 16, "fails with EINVAL if it does not support the name",
         "which names those are is the implementation's choice")

ASSERTION(sem_open, 17, "fails with EMFILE if the process has too many semaphores or files open")
{
    char name[64];
    struct rlimit limit = {16, 16};
    ck_assert_int_eq(sem_close(create(name_of(name, "a"), 0600, 5)), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (open("/", O_RDONLY | O_CLOEXEC) >= 0)
        ;
    sem_t *sem = sem_open(name, 0);
    int error = errno;
    ck_assert_int_eq(sem_unlink(name), 0);
    ck_assert_ptr_eq(sem, SEM_FAILED);
    ck_assert_int_eq(error, EMFILE);
}

UNTESTED(sem_open, 18, "fails with ENFILE when the system has too many semaphores open",
         "a test must not take the system's last one from other programs")
UNTESTED(sem_open, 19, "fails with ENOMEM when there is not enough memory",
         "nothing says how much memory it needs")
UNTESTED(sem_open, 20, "fails with ENOSPC when there is no space for a new semaphore",
         "a test must not take the system's last space from other programs")

ASSERTION(sem_open, 21,
          "may fail with ENAMETOOLONG for a name longer than {PATH_MAX}, or not support it: EINVAL")
{
    static char name[PATH_MAX + 100];
    memset(name, 'x', sizeof name - 1);
    name[0] = '/';
    errno = 0;
    sem_t *sem = sem_open(name, O_CREAT, 0600, 0);
    int error = errno;
    if (sem != SEM_FAILED)
        sem_unlink(name);
    else
        ck_assert(error == ENAMETOOLONG || error == EINVAL);
}

ASSERTION(sem_close, 1, "closes a named semaphore; returns 0")
{
    char name[64];
    sem_t *sem = create(name_of(name, "a"), 0600, 5);
    ck_assert_int_eq(sem_unlink(name), 0);
    ck_assert_int_eq(sem_close(sem), 0);
}

ASSERTION(sem_close, 2, "gives back what the process used for the semaphore")
{
    enum { TIMES = 2000, PAGES_LEFT = 512 };
    char name[64];
    long pages, size = sysconf(_SC_PAGESIZE);
    FILE *statm = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(statm);
    ck_assert_int_eq(fscanf(statm, "%ld", &pages), 1);
    fclose(statm);
    ck_assert_int_eq(sem_close(create(name_of(name, "a"), 0600, 5)), 0);

    /* Neither memory nor files would last if each round kept some. */
    struct rlimit files = {32, 32};
    rlim_t bytes = (rlim_t)(pages + PAGES_LEFT) * (rlim_t)size;
    struct rlimit memory = {bytes, bytes};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &memory), 0);
    for (int i = 0; i < TIMES; i++) {
        sem_t *sem = sem_open(name, 0);
        if (sem == SEM_FAILED)
            sem_unlink(name);
        ck_assert_ptr_ne(sem, SEM_FAILED);
        ck_assert_int_eq(sem_close(sem), 0);
    }
    ck_assert_int_eq(sem_unlink(name), 0);
}

ASSERTION(sem_close, 3, "has no effect on the state of a semaphore that keeps its name")
{
    char name[64];
    sem_t *sem = create(name_of(name, "a"), 0600, 5);
    ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(sem_close(sem), 0);
    sem = sem_open(name, 0);
    ck_assert_int_eq(sem_unlink(name), 0);
    ck_assert_ptr_ne(sem, SEM_FAILED);
    check_value(sem, 6);
}

ASSERTION(sem_close, 4, "a process that has opened it more than once keeps it until the last close")
{
    char name[64];
    sem_t *sem = create(name_of(name, "a"), 0600, 5);
    ck_assert_ptr_eq(sem_open(name, 0), sem);
    ck_assert_int_eq(sem_unlink(name), 0);
    ck_assert_int_eq(sem_close(sem), 0);
    ck_assert_int_eq(sem_post(sem), 0);
    check_value(sem, 6);
    ck_assert_int_eq(sem_close(sem), 0);
}

ASSERTION(sem_close, 5, "after an unlink, the semaphore is gone with the last process's close")
{
    char name[64];
    sem_t *sem = create(name_of(name, "a"), 0600, 5);
    ck_assert_int_eq(sem_unlink(name), 0);
    ck_assert_int_eq(sem_close(sem), 0);
    check_open_fails(name, 0, 0, ENOENT);
}

ASSERTION(sem_unlink, 1, "removes the name; returns 0")
{
    char name[64];
    create(name_of(name, "a"), 0600, 5);
    ck_assert_int_eq(sem_unlink(name), 0);
    check_open_fails(name, 0, 0, ENOENT);
}

ASSERTION(sem_unlink, 2, "does not change a semaphore that processes have open")
{
    enum { ROUNDS = 20 };
    char names[2][64];
    sem_t *there = create(name_of(names[0], "there"), 0600, 0);
    sem_t *back = create(name_of(names[1], "back"), 0600, 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        for (int i = 0; i < ROUNDS; i++)
            unit_child_assert(sem_wait(there) == 0 && sem_post(back) == 0);
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(sem_post(there), 0);
        if (i == ROUNDS / 2) {
            ck_assert_int_eq(sem_unlink(names[0]), 0);
            ck_assert_int_eq(sem_unlink(names[1]), 0);
        }
        ck_assert_int_eq(sem_wait(back), 0);
    }
    unit_reap(pid);
}

ASSERTION(sem_unlink, 3, "does not wait until processes have closed the semaphore")
{
    char name[64];
    create(name_of(name, "a"), 0600, 5);
    int64_t start = unit_now_ms();
    ck_assert_int_eq(sem_unlink(name), 0); /* which would be for ever */
    ck_assert_int_lt(unit_now_ms() - start, 2000);
}

ASSERTION(sem_unlink, 4, "after it, the name makes a new semaphore, and the old one stays")
{
    char name[64];
    sem_t *old = create(name_of(name, "a"), 0600, 5);
    ck_assert_int_eq(sem_unlink(name), 0);
    sem_t *new = create(name, 0600, 7);
    ck_assert_int_eq(sem_unlink(name), 0);
    ck_assert_ptr_ne(new, old);
    ck_assert_int_eq(sem_post(old), 0);
    check_value(old, 6);
    check_value(new, 7);
}

ASSERTION(sem_unlink, 5, "fails with EACCES, and leaves the name, if permission is denied")
{
    char name[64];
    need_root();
    make_for_others(name, 0600);
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(setgid(65534) == 0 && setuid(65534) == 0);
        errno = 0;
        int result = sem_unlink(name);
        unit_child_assert(result == -1);
        _exit(errno == EACCES ? 0 : errno);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    sem_t *sem = sem_open(name, 0);
    sem_unlink(name);
    ck_assert_ptr_ne(sem, SEM_FAILED);
    ck_assert(WIFEXITED(status));
    ck_assert_msg(WEXITSTATUS(status) == 0, "errno is %d, %s", WEXITSTATUS(status),
                  strerror(WEXITSTATUS(status)));
}

ASSERTION(sem_unlink, 6, "fails with ENOENT if there is no such semaphore")
{
    char name[64];
    check_fails(sem_unlink(name_of(name, "none")), ENOENT);
    create(name, 0600, 0);
    ck_assert_int_eq(sem_unlink(name), 0);
    check_fails(sem_unlink(name), ENOENT);
}

ASSERTION(sem_unlink, 7, "may fail with ENAMETOOLONG for a name longer than {PATH_MAX}")
{
    static char name[PATH_MAX + 100];
    memset(name, 'x', sizeof name - 1);
    name[0] = '/';
    errno = 0;
    ck_assert_int_eq(sem_unlink(name), -1); /* as there is none */
    ck_assert(errno == ENAMETOOLONG || errno == ENOENT);
}

/* ---- Every wait ---- */

static void check_takes_one(wait_function *wait)
{
    sem_t sem;
    init_sem(&sem, 3);
    for (int left = 2; left >= 0; left--) {
        ck_assert_int_eq(wait(&sem), 0);
        check_value(&sem, left);
    }
}

ASSERTION_OF_WAITS(1, "takes one from a value above 0, and returns 0", check_takes_one)

static void check_blocks(wait_function *wait)
{
    struct waiter waiter;
    sem_t sem;
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    check_value(&sem, 0);
}

ASSERTION_OF_WAITS(2, "blocks while the value is 0, until it can take one; returns 0", check_blocks)

static void check_one_each(wait_function *wait)
{
    enum { WAITERS = 4 };
    struct waiter waiters[WAITERS];
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < WAITERS; i++)
        start_waiter(&waiters[i], &sem, wait);
    for (int posts = 1; posts <= WAITERS; posts++) {
        int returned;
        ck_assert_int_eq(sem_post(&sem), 0);
        do {
            sched_yield();
            returned = 0;
            for (int i = 0; i < WAITERS; i++)
                returned += atomic_load(&waiters[i].call.returned);
        } while (returned < posts);
        ck_assert_int_eq(returned, posts);
        for (int i = 0; i < WAITERS; i++)
            if (!atomic_load(&waiters[i].call.returned))
                unit_wait_until_blocked(&waiters[i].call);
    }
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(unit_finish(&waiters[i].call), 0);
}

ASSERTION_OF_WAITS(3, "what it has taken stays taken: one thread returns for each post",
                   check_one_each)

/* Two threads change plain memory, each while it has the semaphore. */
struct counter {
    sem_t sem;
    wait_function *wait;
    int count, rounds;
};

static int count_up(void *argument)
{
    struct counter *counter = argument;
    for (int i = 0; i < counter->rounds; i++) {
        ck_assert_int_eq(counter->wait(&counter->sem), 0);
        counter->count++;
        ck_assert_int_eq(sem_post(&counter->sem), 0);
    }
    return 0;
}

static void check_memory(wait_function *wait)
{
    struct counter counter = {.wait = wait, .rounds = 5000};
    struct unit_call call;
    init_sem(&counter.sem, 1);
    unit_start(&call, count_up, &counter);
    count_up(&counter);
    unit_finish(&call);
    ck_assert_int_eq(counter.count, 2 * counter.rounds);
    check_value(&counter.sem, 1);
}

ASSERTION_OF_WAITS(4, "synchronises memory: sees what was written before the post", check_memory)

static void check_interrupted(wait_function *wait)
{
    struct waiter waiter;
    sem_t sem;
    catch_signal(SIGUSR1, count_signal, 0);
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(pthread_kill(waiter.call.thread, SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), EINTR);
    ck_assert_int_eq(atomic_load(&handled), 1);
}

ASSERTION_OF_WAITS(5, "a signal handler without SA_RESTART interrupts it: EINTR", check_interrupted)

static void check_restarted(wait_function *wait)
{
    struct waiter waiter;
    sem_t sem;
    catch_signal(SIGUSR1, count_signal, SA_RESTART);
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(pthread_kill(waiter.call.thread, SIGUSR1), 0);
    unit_wait_for(&handled, 1);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    check_value(&sem, 0);
}

ASSERTION_OF_WAITS(6, "a signal handler with SA_RESTART does not make it fail: it waits on",
                   check_restarted)

static void check_interrupted_unchanged(wait_function *wait)
{
    struct waiter waiter;
    sem_t sem;
    catch_signal(SIGUSR1, count_signal, 0);
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(pthread_kill(waiter.call.thread, SIGUSR1), 0);
    ck_assert_int_ne(unit_finish(&waiter.call), 0);
    check_value(&sem, 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    check_value(&sem, 1);
    ck_assert_int_eq(sem_trywait(&sem), 0);
}

ASSERTION_OF_WAITS(7, "leaves the semaphore as it is when it fails", check_interrupted_unchanged)

static void check_cancel_pending(wait_function *wait)
{
    for (unsigned value = 0; value < 2; value++) {
        struct waiter waiter;
        void *result;
        sem_t sem;
        init_sem(&sem, value);
        waiter.sem = &sem;
        waiter.wait = wait;
        unit_start(&waiter.call, wait_in_thread_cancelled, &waiter);
        ck_assert_int_eq(pthread_join(waiter.call.thread, &result), 0);
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    }
}

ASSERTION_OF_WAITS(8, "is a cancellation point: acts on a request that is there, block or not",
                   check_cancel_pending)

static void check_cancel_blocked(wait_function *wait)
{
    struct waiter waiter;
    void *result;
    sem_t sem;
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(pthread_cancel(waiter.call.thread), 0);
    ck_assert_int_eq(pthread_join(waiter.call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    check_value(&sem, 0);
}

ASSERTION_OF_WAITS(9, "is a cancellation point: a thread that is blocked in it acts on a request",
                   check_cancel_blocked)

/* Of two threads that are blocked one is cancelled, and one post is made: it is never lost. */
static void check_cancel_takes_none(wait_function *wait)
{
    enum { ROUNDS = 150 };
    for (int round = 0; round < ROUNDS; round++) {
        struct waiter waiters[2], *victim = &waiters[round % 2], *other = &waiters[!(round % 2)];
        sem_t sem;
        init_sem(&sem, 0);
        start_waiter(&waiters[0], &sem, wait);
        start_waiter(&waiters[1], &sem, wait);
        if (round % 4 < 2)
            ck_assert_int_eq(sem_post(&sem), 0);
        ck_assert_int_eq(pthread_cancel(victim->call.thread), 0);
        if (round % 4 >= 2)
            ck_assert_int_eq(sem_post(&sem), 0);
        ck_assert_int_eq(pthread_join(victim->call.thread, NULL), 0);
        if (atomic_load(&victim->call.returned)) /* it took what was posted */
            ck_assert_int_eq(sem_post(&sem), 0);
        ck_assert_int_eq(unit_finish(&other->call), 0);
        check_value(&sem, 0);
    }
}

ASSERTION_OF_WAITS(10, "takes nothing from the semaphore when it is cancelled",
                   check_cancel_takes_none)

UNTESTED(sem_wait, 11, "may fail with EDEADLK when it detects a deadlock",
         "a semaphore has no owner, so that a deadlock cannot be told from a long wait")

ASSERTION(sem_trywait, 1, "takes one from a value above 0, and returns 0")
{
    sem_t sem;
    init_sem(&sem, 2);
    ck_assert_int_eq(sem_trywait(&sem), 0);
    check_value(&sem, 1);
    ck_assert_int_eq(sem_trywait(&sem), 0);
    check_value(&sem, 0);
}

ASSERTION(sem_trywait, 2, "fails with EAGAIN, without a wait, if the value is 0")
{
    sem_t sem;
    init_sem(&sem, 0);
    check_fails(sem_trywait(&sem), EAGAIN);
}

ASSERTION(sem_trywait, 3, "leaves the semaphore as it is when it fails")
{
    sem_t sem;
    init_sem(&sem, 0);
    check_fails(sem_trywait(&sem), EAGAIN);
    check_value(&sem, 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    check_value(&sem, 1);
}

static int trywait(sem_t *sem)
{
    int result;
    while ((result = sem_trywait(sem)) != 0 && errno == EAGAIN)
        sched_yield();
    return result;
}

ASSERTION(sem_trywait, 4, "synchronises memory when it succeeds")
{
    check_memory(trywait);
}

static int call_when_cancelled(void *argument)
{
    struct waiter *waiter = argument;
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    int result = waiter->wait(waiter->sem);
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL), 0);
    return result;
}

static void check_no_cancellation_point(int (*function)(sem_t *), sem_t *sem)
{
    struct waiter waiter = {.sem = sem, .wait = function};
    void *result;
    unit_start(&waiter.call, call_when_cancelled, &waiter);
    ck_assert_int_eq(pthread_join(waiter.call.thread, &result), 0);
    ck_assert_ptr_ne(result, PTHREAD_CANCELED);
    ck_assert_int_eq(waiter.call.result, 0);
}

ASSERTION(sem_trywait, 5, "is no cancellation point")
{
    sem_t sem;
    init_sem(&sem, 1);
    check_no_cancellation_point(sem_trywait, &sem);
    check_value(&sem, 0);
}

/* ---- Waits with an end ---- */

/* A wait, and the clock that its end is on. */
struct timing {
    clockid_t clock;
    int (*wait)(sem_t *, const struct timespec *);
};

static int clockwait_monotonic(sem_t *sem, const struct timespec *end)
{
    return sem_clockwait(sem, CLOCK_MONOTONIC, end);
}

static int clockwait_realtime(sem_t *sem, const struct timespec *end)
{
    return sem_clockwait(sem, CLOCK_REALTIME, end);
}

static const struct timing by_timedwait = {CLOCK_REALTIME, sem_timedwait},
                           by_clockwait = {CLOCK_MONOTONIC, clockwait_monotonic},
                           by_real_clockwait = {CLOCK_REALTIME, clockwait_realtime};

#define ASSERTION_OF_TIMED_WAITS(number, text, check)                                              \
    ASSERTION(sem_timedwait, number, text)                                                         \
    {                                                                                              \
        check(&by_timedwait);                                                                      \
    }                                                                                              \
    ASSERTION(sem_clockwait, number, text)                                                         \
    {                                                                                              \
        check(&by_clockwait);                                                                      \
    }

/* On another clock it would end at once, or not while the test lasts. */
static void check_times_out(const struct timing *timing)
{
    struct timespec end;
    sem_t sem;
    init_sem(&sem, 0);
    end = unit_deadline(timing->clock, 30);
    check_fails(timing->wait(&sem, &end), ETIMEDOUT);
    is_over(timing->clock, end);
}

ASSERTION_OF_TIMED_WAITS(11, "fails with ETIMEDOUT once its clock has the end, not before",
                         check_times_out)

static void check_past(const struct timing *timing)
{
    struct timespec past, start = {0, 0};
    sem_t sem;
    init_sem(&sem, 0);
    past = unit_deadline(timing->clock, -1000);
    check_fails(timing->wait(&sem, &past), ETIMEDOUT);
    check_fails(timing->wait(&sem, &start), ETIMEDOUT);
}

ASSERTION_OF_TIMED_WAITS(12, "fails with ETIMEDOUT if the end has passed before the call",
                         check_past)

static void check_past_unlocked(const struct timing *timing)
{
    struct timespec past, start = {0, 0};
    sem_t sem;
    init_sem(&sem, 2);
    past = unit_deadline(timing->clock, -1000);
    ck_assert_int_eq(timing->wait(&sem, &past), 0);
    ck_assert_int_eq(timing->wait(&sem, &start), 0);
    check_value(&sem, 0);
}

ASSERTION_OF_TIMED_WAITS(13, "does not time out if it can take one at once, whatever the end",
                         check_past_unlocked)

static void check_timeout_unchanged(const struct timing *timing)
{
    struct timespec end;
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < 3; i++) {
        end = unit_deadline(timing->clock, 5);
        check_fails(timing->wait(&sem, &end), ETIMEDOUT);
    }
    check_value(&sem, 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    check_value(&sem, 1);
    ck_assert_int_eq(sem_trywait(&sem), 0);
}

ASSERTION_OF_TIMED_WAITS(14, "leaves the semaphore as it is when it times out",
                         check_timeout_unchanged)

static const long bad_nanoseconds[] = {-1, 1000000000, 2000000000};

static void check_bad_nanoseconds(const struct timing *timing)
{
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < 3; i++) {
        struct timespec end = unit_deadline(timing->clock, FAR_MS);
        end.tv_nsec = bad_nanoseconds[i];
        check_fails(timing->wait(&sem, &end), EINVAL);
    }
    check_value(&sem, 0);
}

ASSERTION_OF_TIMED_WAITS(15,
                         "fails with EINVAL if it would block, and nanoseconds are below 0 or 1000 "
                         "million or more",
                         check_bad_nanoseconds)

static void check_unblocked_nanoseconds(const struct timing *timing)
{
    sem_t sem;
    for (int i = 0; i < 3; i++) {
        struct timespec end = unit_deadline(timing->clock, FAR_MS);
        end.tv_nsec = bad_nanoseconds[i];
        init_sem(&sem, 1);
        errno = 0;
        bool failed = timing->wait(&sem, &end) != 0;
        ck_assert_int_eq(errno, failed ? EINVAL : 0);
        check_value(&sem, failed);
    }
}

ASSERTION_OF_TIMED_WAITS(16, "need not look at the end if it can take one at once, but may",
                         check_unblocked_nanoseconds)

UNTESTED(sem_timedwait, 17, "may fail with EDEADLK when it detects a deadlock",
         "a semaphore has no owner, so that a deadlock cannot be told from a long wait")

ASSERTION(sem_clockwait, 17, "takes CLOCK_REALTIME as it does CLOCK_MONOTONIC")
{
    check_times_out(&by_real_clockwait);
}

ASSERTION(sem_clockwait, 18, "fails with EINVAL if it would block and the clock is not a known one")
{
    struct timespec end = unit_deadline(CLOCK_MONOTONIC, 20);
    sem_t sem;
    init_sem(&sem, 0);
    check_fails(sem_clockwait(&sem, 12345, &end), EINVAL);
}

UNTESTED(sem_clockwait, 19, "may fail with EDEADLK when it detects a deadlock",
         "a semaphore has no owner, so that a deadlock cannot be told from a long wait")

/* ---- Posting ---- */

ASSERTION(sem_post, 1, "adds one to the value when no thread is blocked")
{
    sem_t sem;
    init_sem(&sem, 0);
    for (int value = 1; value <= 3; value++) {
        ck_assert_int_eq(sem_post(&sem), 0);
        check_value(&sem, value);
    }
}

ASSERTION(sem_post, 2, "lets one of the threads go that are blocked, and the value stays 0")
{
    struct waiter waiters[2];
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < 2; i++)
        start_waiter(&waiters[i], &sem, sem_wait);
    ck_assert_int_eq(sem_post(&sem), 0);
    while (!atomic_load(&waiters[0].call.returned) && !atomic_load(&waiters[1].call.returned))
        sched_yield();
    check_fails(sem_trywait(&sem), EAGAIN);
    ck_assert_int_eq(sem_post(&sem), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(unit_finish(&waiters[i].call), 0);
    check_value(&sem, 0);
}

/* Threads with priorities, on one processor, leave their waits; each notes itself. */
struct queue {
    sem_t sem, mutex;
    int count, order[4];
};

struct queued {
    struct queue *queue;
    int priority, number;
};

static int wait_with_priority(void *argument)
{
    struct queued *queued = argument;
    struct queue *queue = queued->queue;
    struct sched_param param = {.sched_priority = queued->priority};
    int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
    if (error == EPERM)
        unsupported("may not use SCHED_FIFO");
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(sem_wait(&queue->sem), 0);
    ck_assert_int_eq(sem_wait(&queue->mutex), 0);
    queue->order[queue->count++] = queued->number;
    ck_assert_int_eq(sem_post(&queue->mutex), 0);
    return 0;
}

/* Threads wait in the order of `priorities`; posts let them go in the order of `expected`. */
static void check_order(const int priorities[4], const int expected[4])
{
    struct queue queue = {.count = 0};
    struct queued queued[4];
    struct unit_call calls[4];
    use_one_processor();
    init_sem(&queue.sem, 0);
    init_sem(&queue.mutex, 1);
    for (int i = 0; i < 4; i++) {
        queued[i] = (struct queued){&queue, priorities[i], i};
        unit_start(&calls[i], wait_with_priority, &queued[i]);
        unit_wait_until_blocked(&calls[i]);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(sem_post(&queue.sem), 0);
        ck_assert_int_eq(unit_finish(&calls[expected[i]]), 0);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(queue.order[i], expected[i]);
}

ASSERTION(sem_post, 3, "lets the thread of the highest priority go, of those under SCHED_FIFO")
{
    check_order((const int[]){5, 20, 10, 15}, (const int[]){1, 3, 2, 0});
}

ASSERTION(sem_post, 4, "among threads of the same priority, the one that has waited the longest")
{
    check_order((const int[]){5, 10, 10, 10}, (const int[]){1, 2, 3, 0});
}

/* The handler posts to what the thread it interrupts works on. */
static sem_t posted;

static void on_signal_post(int number)
{
    int error = errno;
    ck_assert_int_eq(sem_post(&posted), 0);
    errno = error;
    count_signal(number);
}

ASSERTION(sem_post, 5, "can be called from a signal handler that interrupts an operation on it")
{
    struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    catch_signal(SIGALRM, on_signal_post, SA_RESTART);
    init_sem(&posted, 1);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (atomic_load(&handled) < 200) {
        ck_assert_int_eq(sem_wait(&posted), 0);
        ck_assert_int_eq(sem_post(&posted), 0);
        ck_assert_int_eq(sem_trywait(&posted), 0);
        ck_assert_int_eq(sem_post(&posted), 0);
    }
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    check_value(&posted, 1 + atomic_load(&handled));
}

ASSERTION(sem_post, 6, "called from a signal handler, lets the thread go that it interrupted")
{
    struct waiter waiter;
    catch_signal(SIGUSR1, on_signal_post, SA_RESTART);
    init_sem(&posted, 0);
    start_waiter(&waiter, &posted, sem_wait);
    ck_assert_int_eq(pthread_kill(waiter.call.thread, SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    check_value(&posted, 0);
}

ASSERTION(sem_post, 7, "called from a signal handler, lets another thread go")
{
    struct waiter waiter;
    catch_signal(SIGUSR1, on_signal_post, 0);
    init_sem(&posted, 0);
    start_waiter(&waiter, &posted, sem_wait);
    ck_assert_int_eq(raise(SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    check_value(&posted, 0);
}

ASSERTION(sem_post, 8, "fails with EOVERFLOW if the value is the greatest there can be")
{
    sem_t sem;
    init_sem(&sem, SEM_VALUE_MAX);
    check_fails(sem_post(&sem), EOVERFLOW);
}

ASSERTION(sem_post, 9, "leaves the semaphore as it is when it fails")
{
    sem_t sem;
    init_sem(&sem, SEM_VALUE_MAX);
    ck_assert_int_eq(sem_post(&sem), -1);
    check_value(&sem, SEM_VALUE_MAX);
    ck_assert_int_eq(sem_wait(&sem), 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    check_value(&sem, SEM_VALUE_MAX);
}

ASSERTION(sem_post, 10, "is no cancellation point")
{
    sem_t sem;
    init_sem(&sem, 1);
    check_no_cancellation_point(sem_post, &sem);
    check_value(&sem, 2);
}

ASSERTION(sem_getvalue, 1, "stores the value, and returns 0")
{
    sem_t sem;
    int value = -12345;
    init_sem(&sem, 5);
    ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
    ck_assert_int_eq(value, 5);
    ck_assert_int_eq(sem_wait(&sem), 0);
    ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
    ck_assert_int_eq(value, 4);
}

ASSERTION(sem_getvalue, 2, "does not change the semaphore")
{
    struct waiter waiter;
    sem_t sem;
    int value;
    init_sem(&sem, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
    ck_assert_int_eq(sem_trywait(&sem), 0);
    check_fails(sem_trywait(&sem), EAGAIN);
    start_waiter(&waiter, &sem, sem_wait);
    ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
    unit_wait_until_blocked(&waiter.call);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
}

static atomic_bool stop;

static int take_and_give(void *sem)
{
    while (!atomic_load(&stop)) {
        ck_assert_int_eq(sem_wait(sem), 0);
        ck_assert_int_eq(sem_post(sem), 0);
    }
    return 0;
}

ASSERTION(sem_getvalue, 3, "stores a value that the semaphore had during the call")
{
    struct unit_call call;
    sem_t sem;
    init_sem(&sem, 8);
    unit_start(&call, take_and_give, &sem);
    for (int i = 0; i < 10000; i++) {
        int value = -12345;
        ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
        ck_assert(value == 7 || value == 8);
    }
    atomic_store(&stop, true);
    unit_finish(&call);
}

ASSERTION(sem_getvalue, 4,
          "while threads are blocked stores 0, or a negative number that counts them")
{
    enum { WAITERS = 3 };
    struct waiter waiters[WAITERS];
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < WAITERS; i++) {
        int value = -12345;
        start_waiter(&waiters[i], &sem, sem_wait);
        ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
        ck_assert(value == 0 || value == -(i + 1));
    }
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(sem_post(&sem), 0);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(unit_finish(&waiters[i].call), 0);
}
