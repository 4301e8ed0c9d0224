/* Uncontended pairs: lock and unlock again, for every type of lock, in a process that never had a
 * second thread and in one that has. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <threads.h>

#include "bench.h"

/* musl has no ceilings. */
#pragma weak pthread_mutexattr_setprioceiling

enum { SINGLE, THREADS };

/* glibc's record of whether a thread was ever created; musl has none that a program may read. */
extern char __libc_single_threaded __attribute__((weak));

/* Measure pairs in a process with or without a second thread, and hold the process to it. */
static void measure_pairs(long threads, int (*pairs)(void *, unsigned long), void *object,
                          struct result *result)
{
    if (threads == THREADS)
        park_a_thread();
    measure_batches(pairs, object, result);
    if (&__libc_single_threaded != NULL && !__libc_single_threaded != (threads == THREADS))
        broken_row("the process is single-threaded where it should not be, or the reverse", 0);
}

/* ---- Mutexes ---- */

enum mutex_kind { NORMAL, RECURSIVE, ERRORCHECK, ADAPTIVE, ROBUST, INHERIT, PROTECT, SHARED };

static int mutex_pairs(void *object, unsigned long n)
{
    pthread_mutex_t *mutex = object;
    int errors = 0;
    while (n-- > 0) {
        errors |= pthread_mutex_lock(mutex);
        errors |= pthread_mutex_unlock(mutex);
    }
    return errors;
}

/* A priority ceiling is for threads with a real-time priority below it, which not every user may
 * have. */
static void become_real_time(int priority)
{
    struct sched_param parameter = {.sched_priority = priority};
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter) != 0)
        skip_row("real-time priority is not permitted");
}

static int set_kind(pthread_mutexattr_t *attributes, enum mutex_kind kind)
{
    switch (kind) {
    case NORMAL:
        return pthread_mutexattr_settype(attributes, PTHREAD_MUTEX_NORMAL);
    case RECURSIVE:
        return pthread_mutexattr_settype(attributes, PTHREAD_MUTEX_RECURSIVE);
    case ERRORCHECK:
        return pthread_mutexattr_settype(attributes, PTHREAD_MUTEX_ERRORCHECK);
    case ADAPTIVE:
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
        return pthread_mutexattr_settype(attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#else
        return ENOTSUP;
#endif
    case ROBUST:
        return pthread_mutexattr_setrobust(attributes, PTHREAD_MUTEX_ROBUST);
    case INHERIT:
        return pthread_mutexattr_setprotocol(attributes, PTHREAD_PRIO_INHERIT);
    case PROTECT: {
        if (pthread_mutexattr_setprioceiling == NULL)
            return ENOTSUP;
        int lowest = sched_get_priority_min(SCHED_FIFO);
        become_real_time(lowest);
        int error = pthread_mutexattr_setprotocol(attributes, PTHREAD_PRIO_PROTECT);
        return error ? error : pthread_mutexattr_setprioceiling(attributes, lowest + 1);
    }
    case SHARED:
        return pthread_mutexattr_setpshared(attributes, PTHREAD_PROCESS_SHARED);
    }
    return EINVAL;
}

static void mutex_pair(const struct row *row, struct result *result)
{
    static _Alignas(APART) pthread_mutex_t mutex;
    pthread_mutexattr_t attributes;
    must(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    int error = set_kind(&attributes, (enum mutex_kind)row->a);
    if (error == 0)
        error = pthread_mutex_init(&mutex, &attributes);
    /* musl has no such kind */
    if (error == ENOTSUP || (error == EINVAL && row->a == ADAPTIVE))
        skip_row("not supported");
    must(error, "pthread_mutex_init");
    measure_pairs(row->b, mutex_pairs, &mutex, result);
}

static int mtx_pairs(void *object, unsigned long n)
{
    mtx_t *mutex = object;
    int errors = 0;
    while (n-- > 0) {
        errors |= mtx_lock(mutex) != thrd_success;
        errors |= mtx_unlock(mutex) != thrd_success;
    }
    return errors;
}

static void mtx_pair(const struct row *row, struct result *result)
{
    static _Alignas(APART) mtx_t mutex;
    must(mtx_init(&mutex, mtx_plain) == thrd_success ? 0 : EINVAL, "mtx_init");
    measure_pairs(row->b, mtx_pairs, &mutex, result);
}

/* ---- The others ---- */

static int read_pairs(void *object, unsigned long n)
{
    pthread_rwlock_t *lock = object;
    int errors = 0;
    while (n-- > 0) {
        errors |= pthread_rwlock_rdlock(lock);
        errors |= pthread_rwlock_unlock(lock);
    }
    return errors;
}

static int write_pairs(void *object, unsigned long n)
{
    pthread_rwlock_t *lock = object;
    int errors = 0;
    while (n-- > 0) {
        errors |= pthread_rwlock_wrlock(lock);
        errors |= pthread_rwlock_unlock(lock);
    }
    return errors;
}

enum { READ, WRITE, READ_SHARED, WRITE_SHARED };

static void rwlock_pair(const struct row *row, struct result *result)
{
    static _Alignas(APART) pthread_rwlock_t lock;
    pthread_rwlockattr_t attr;
    must(pthread_rwlockattr_init(&attr), "pthread_rwlockattr_init");
    must(pthread_rwlockattr_setpshared(&attr, row->a >= READ_SHARED), "setpshared");
    must(pthread_rwlock_init(&lock, &attr), "pthread_rwlock_init");
    bool reads = row->a == READ || row->a == READ_SHARED;
    measure_pairs(row->b, reads ? read_pairs : write_pairs, &lock, result);
}

static int spin_pairs(void *object, unsigned long n)
{
    pthread_spinlock_t *lock = object;
    int errors = 0;
    while (n-- > 0) {
        errors |= pthread_spin_lock(lock);
        errors |= pthread_spin_unlock(lock);
    }
    return errors;
}

static void spin_pair(const struct row *row, struct result *result)
{
    static _Alignas(APART) pthread_spinlock_t lock;
    must(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE), "pthread_spin_init");
    measure_pairs(row->b, spin_pairs, (void *)&lock, result);
}

static int sem_pairs(void *object, unsigned long n)
{
    sem_t *semaphore = object;
    int errors = 0;
    while (n-- > 0) {
        errors |= sem_post(semaphore);
        errors |= sem_wait(semaphore);
    }
    return errors;
}

static void sem_pair(const struct row *row, struct result *result)
{
    static _Alignas(APART) sem_t semaphore;
    must(sem_init(&semaphore, 0, 0) == 0 ? 0 : errno, "sem_init");
    measure_pairs(row->b, sem_pairs, &semaphore, result);
}

#define SECONDS 0.1

/* clang-format off */
const struct row pair_rows[] = {
    {"mutex-normal/single", "lock and unlock, no second thread ever",
     "call", mutex_pair, NORMAL, SINGLE, 0, SECONDS, ASYMMETRIC},
    {"mutex-normal/threads", "the same, a second thread asleep",
     "atomics", mutex_pair, NORMAL, THREADS, 0, SECONDS, ASYMMETRIC},
    {"mutex-recursive/single", "lock and unlock, recursive",
     "call", mutex_pair, RECURSIVE, SINGLE, 0, SECONDS, ASYMMETRIC},
    {"mutex-recursive/threads", "the same, a second thread asleep",
     "atomics", mutex_pair, RECURSIVE, THREADS, 0, SECONDS, ASYMMETRIC},
    {"mutex-errorcheck/single", "lock and unlock, errorcheck",
     "call", mutex_pair, ERRORCHECK, SINGLE, 0, SECONDS, ASYMMETRIC},
    {"mutex-errorcheck/threads", "the same, a second thread asleep",
     "atomics", mutex_pair, ERRORCHECK, THREADS, 0, SECONDS, ASYMMETRIC},
    {"mutex-adaptive/single", "lock and unlock, adaptive",
     "call", mutex_pair, ADAPTIVE, SINGLE, 0, SECONDS, 0},
    {"mutex-adaptive/threads", "the same, a second thread asleep",
     "atomics", mutex_pair, ADAPTIVE, THREADS, 0, SECONDS, 0},
    {"mutex-robust/single", "lock and unlock, robust",
     "call", mutex_pair, ROBUST, SINGLE, 0, SECONDS, 0},
    {"mutex-robust/threads", "the same, a second thread asleep",
     "atomics", mutex_pair, ROBUST, THREADS, 0, SECONDS, 0},
    {"mutex-inherit/single", "lock and unlock, PRIO_INHERIT",
     "atomics", mutex_pair, INHERIT, SINGLE, 0, SECONDS, 0},
    {"mutex-inherit/threads", "the same, a second thread asleep",
     "atomics", mutex_pair, INHERIT, THREADS, 0, SECONDS, 0},
    {"mutex-protect/single", "lock and unlock, PRIO_PROTECT, the priority changed twice",
     "syscall", mutex_pair, PROTECT, SINGLE, 0, SECONDS, 0},
    {"mutex-protect/threads", "the same, a second thread asleep",
     "syscall", mutex_pair, PROTECT, THREADS, 0, SECONDS, 0},
    {"mutex-shared/single", "lock and unlock, process-shared",
     "atomics", mutex_pair, SHARED, SINGLE, 0, SECONDS, 0},
    {"mutex-shared/threads", "the same, a second thread asleep",
     "atomics", mutex_pair, SHARED, THREADS, 0, SECONDS, 0},
    {"rwlock-read/single", "read lock and unlock",
     "call", rwlock_pair, READ, SINGLE, 0, SECONDS, ASYMMETRIC},
    {"rwlock-read/threads", "the same, a second thread asleep",
     "atomics", rwlock_pair, READ, THREADS, 0, SECONDS, ASYMMETRIC},
    {"rwlock-write/single", "write lock and unlock",
     "call", rwlock_pair, WRITE, SINGLE, 0, SECONDS, ASYMMETRIC},
    {"rwlock-write/threads", "the same, a second thread asleep",
     "atomics", rwlock_pair, WRITE, THREADS, 0, SECONDS, ASYMMETRIC},
    {"rwlock-shared-read/threads", "read lock and unlock, process-shared, a second thread asleep",
     "atomics", rwlock_pair, READ_SHARED, THREADS, 0, SECONDS, 0},
    {"rwlock-shared-write/threads", "the same for writing",
     "atomics", rwlock_pair, WRITE_SHARED, THREADS, 0, SECONDS, 0},
    {"spin/single", "spin lock and unlock",
     "call", spin_pair, 0, SINGLE, 0, SECONDS, 0},
    {"spin/threads", "the same, a second thread asleep",
     "atomics", spin_pair, 0, THREADS, 0, SECONDS, 0},
    {"sem/single", "post and wait",
     "call", sem_pair, 0, SINGLE, 0, SECONDS, 0},
    {"sem/threads", "the same, a second thread asleep",
     "atomics", sem_pair, 0, THREADS, 0, SECONDS, 0},
    {"mtx/single", "C11 mtx_lock and mtx_unlock",
     "call", mtx_pair, 0, SINGLE, 0, SECONDS, 0},
    {"mtx/threads", "the same, a second thread asleep",
     "atomics", mtx_pair, 0, THREADS, 0, SECONDS, 0},
    {0},
};
/* clang-format on */
