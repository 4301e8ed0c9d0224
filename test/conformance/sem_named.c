/*
 * Named semaphores: XSH sem_open, sem_close and sem_unlink.
 *
 * Names are made of the process's number, as one is for the whole system.
 */
#include "sem.h"
#include <sys/resource.h>
#include <sys/stat.h>

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
