/*
 * badinput [NAME]
 *
 * Every function of <pthread.h>, <semaphore.h> and <threads.h> on the objects, with arguments that
 * are out of range and with objects misused in ways that POSIX lets an implementation detect. Each
 * case is a process, which must not crash or hang; the answers are those that the headers' comments
 * give; and a call that fails has changed no byte of the object. Undefined use that is not told, for
 * instance unlocking another thread's normal mutex, is not done; nor what waits for ever by
 * definition: locking a normal mutex twice, or a once routine that calls pthread_once on its own
 * object. Ends with "N passed, N failed".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "times.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

static int wrong;

static void answer(int line, const char *call, long got, long expected)
{
    if (got == expected)
        return;
    printf("line %d: %s: %ld, not %ld\n", line, call, got, expected);
    wrong++;
}

/* A call's result, and that with an error the object is as before. */
#define EXPECT(call, expected) answer(__LINE__, #call, call, expected)
#define REFUSES(object, call, expected)                                                            \
    do {                                                                                           \
        unsigned char before_[sizeof *(object)];                                                   \
        memcpy(before_, (object), sizeof before_);                                                 \
        EXPECT(call, expected);                                                                    \
        answer(__LINE__, "a byte changed by " #call,                                               \
               memcmp(before_, (object), sizeof before_) != 0, 0);                                 \
    } while (0)
/* For functions that return -1 and set errno. */
#define ERRNO(call) (errno = 0, (call) == -1 ? errno : 0)
#define EACH(item, ...)                                                                            \
    for (long list_[] = {__VA_ARGS__}, i_ = 0, item;                                               \
         i_ < (long)(sizeof list_ / sizeof *list_) && (item = list_[i_], true); i_++)
#define LENGTH(array) (sizeof(array) / sizeof *(array))

#define ABSURD -1, INT_MIN, INT_MAX, 99
/* CLOCK_PROCESS_CPUTIME_ID and CLOCK_BOOTTIME exist, but are not waited on. */
#define BAD_CLOCKS -1, 2, 3, 7, 11, 99, INT_MAX, INT_MIN
#define BAD_NANOSECONDS -1, 1000000000, LONG_MAX, LONG_MIN

/* Another thread's call, which blocks perhaps for a while. */
static pthread_t start(void *(*function)(void *), void *object)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, function, object), 0);
    return thread;
}

static void elsewhere(void *(*function)(void *), void *object)
{
    EXPECT(pthread_join(start(function, object), NULL), 0);
}

/* Mutexes. */

static void mutexattr(void)
{
    pthread_mutexattr_t attr;
    int value;
    EXPECT(pthread_mutexattr_init(&attr), 0);
    EACH(bad, ABSURD, 4)
    REFUSES(&attr, pthread_mutexattr_settype(&attr, (int)bad), EINVAL);
    EACH(bad, ABSURD, 2)
    {
        REFUSES(&attr, pthread_mutexattr_setpshared(&attr, (int)bad), EINVAL);
        REFUSES(&attr, pthread_mutexattr_setrobust(&attr, (int)bad), EINVAL);
    }
    EACH(bad, ABSURD, 3)
    REFUSES(&attr, pthread_mutexattr_setprotocol(&attr, (int)bad), EINVAL);
    EACH(bad, -1, 0, 100, 255, 256 + 5, INT_MAX, INT_MIN)
    REFUSES(&attr, pthread_mutexattr_setprioceiling(&attr, (int)bad), EINVAL);
    EXPECT((pthread_mutexattr_gettype(&attr, &value), value), PTHREAD_MUTEX_DEFAULT);
    memset(&attr, 0xff, sizeof attr);
    value = 4711;
    REFUSES(&attr, pthread_mutexattr_settype(&attr, 0), EINVAL);
    REFUSES(&attr, pthread_mutexattr_setpshared(&attr, 0), EINVAL);
    REFUSES(&attr, pthread_mutexattr_setrobust(&attr, 0), EINVAL);
    REFUSES(&attr, pthread_mutexattr_setprotocol(&attr, 0), EINVAL);
    REFUSES(&attr, pthread_mutexattr_setprioceiling(&attr, 1), EINVAL);
    REFUSES(&attr, pthread_mutexattr_gettype(&attr, &value), EINVAL);
    REFUSES(&attr, pthread_mutexattr_getpshared(&attr, &value), EINVAL);
    REFUSES(&attr, pthread_mutexattr_getrobust(&attr, &value), EINVAL);
    REFUSES(&attr, pthread_mutexattr_getprotocol(&attr, &value), EINVAL);
    REFUSES(&attr, pthread_mutexattr_getprioceiling(&attr, &value), EINVAL);
    EXPECT(value, 4711);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    REFUSES(&mutex, pthread_mutex_init(&mutex, &attr), EINVAL);
}

static void mutex_not_one(void)
{
    struct timespec time = in(CLOCK_REALTIME, 10);
    for (int destroyed = 0; destroyed < 2; destroyed++) {
        pthread_mutex_t mutex, held = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
        pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
        int value = 4711;
        memset(&mutex, 0xff, sizeof mutex);
        if (destroyed) {
            EXPECT(pthread_mutex_init(&mutex, NULL), 0);
            EXPECT(pthread_mutex_destroy(&mutex), 0);
        }
        REFUSES(&mutex, pthread_mutex_lock(&mutex), EINVAL);
        REFUSES(&mutex, pthread_mutex_trylock(&mutex), EINVAL);
        REFUSES(&mutex, pthread_mutex_timedlock(&mutex, &time), EINVAL);
        REFUSES(&mutex, pthread_mutex_clocklock(&mutex, CLOCK_REALTIME, &time), EINVAL);
        REFUSES(&mutex, pthread_mutex_unlock(&mutex), EINVAL);
        REFUSES(&mutex, pthread_mutex_consistent(&mutex), EINVAL);
        REFUSES(&mutex, pthread_mutex_getprioceiling(&mutex, &value), EINVAL);
        REFUSES(&mutex, pthread_mutex_setprioceiling(&mutex, 5, &value), EINVAL);
        REFUSES(&mutex, pthread_mutex_destroy(&mutex), EINVAL);
        REFUSES(&cond, pthread_cond_wait(&cond, &mutex), EINVAL);
        REFUSES(&cond, pthread_cond_timedwait(&cond, &mutex, &time), EINVAL);
        EXPECT(value, 4711);
        EXPECT(pthread_mutex_lock(&held), 0);
        memset(&cond, 0xff, sizeof cond);
        if (destroyed) {
            EXPECT(pthread_cond_init(&cond, NULL), 0);
            EXPECT(pthread_cond_destroy(&cond), 0);
        }
        REFUSES(&cond, pthread_cond_wait(&cond, &held), EINVAL);
        REFUSES(&cond, pthread_cond_timedwait(&cond, &held, &time), EINVAL);
        REFUSES(&cond, pthread_cond_clockwait(&cond, &held, CLOCK_REALTIME, &time), EINVAL);
        REFUSES(&cond, pthread_cond_destroy(&cond), EINVAL);
        /* that these recognise it is not promised, but they have to come back */
        pthread_cond_signal(&cond);
        pthread_cond_broadcast(&cond);
        EXPECT(pthread_mutex_unlock(&held), 0);
        /* what was destroyed can be made again */
        EXPECT(pthread_mutex_init(&mutex, NULL), 0);
        EXPECT(pthread_mutex_lock(&mutex), 0);
        EXPECT(pthread_mutex_unlock(&mutex), 0);
    }
}

static int type_of, robust_of, protocol_of;

static void *misuse_elsewhere(void *arg)
{
    pthread_mutex_t *mutex = arg;
    bool checked = type_of == PTHREAD_MUTEX_ERRORCHECK || type_of == PTHREAD_MUTEX_RECURSIVE ||
                   robust_of || protocol_of == PTHREAD_PRIO_INHERIT;
    REFUSES(mutex, pthread_mutex_trylock(mutex), EBUSY);
    REFUSES(mutex, pthread_mutex_destroy(mutex), EBUSY);
    REFUSES(mutex, pthread_mutex_consistent(mutex), EINVAL);
    if (checked) {
        pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
        REFUSES(mutex, pthread_mutex_unlock(mutex), EPERM);
        REFUSES(mutex, pthread_cond_wait(&cond, mutex), EPERM);
    }
    struct timespec time = in(CLOCK_MONOTONIC, 2);
    EACH(bad, BAD_CLOCKS)
    REFUSES(mutex, pthread_mutex_clocklock(mutex, (clockid_t)bad, &time), EINVAL);
    EXPECT(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &time), ETIMEDOUT);
    EACH(bad, BAD_NANOSECONDS)
    {
        time = (struct timespec){LONG_MAX, bad};
        EXPECT(pthread_mutex_timedlock(mutex, &time), EINVAL);
        EXPECT(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &time), EINVAL);
    }
    EACH(past, -1, 0, LONG_MIN)
    {
        time = (struct timespec){past, 999999999};
        EXPECT(pthread_mutex_timedlock(mutex, &time), ETIMEDOUT);
        EXPECT(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &time), ETIMEDOUT);
    }
    return NULL;
}

static void *lock_for_ever(void *mutex)
{
    struct timespec never = {LONG_MAX, 999999999};
    EXPECT(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &never), 0);
    EXPECT(pthread_mutex_unlock(mutex), 0);
    EXPECT(pthread_mutex_timedlock(mutex, &never), 0);
    EXPECT(pthread_mutex_unlock(mutex), 0);
    return NULL;
}

static void misuse_mutex(pthread_mutex_t *mutex)
{
    bool checked = type_of == PTHREAD_MUTEX_ERRORCHECK || type_of == PTHREAD_MUTEX_RECURSIVE ||
                   robust_of || protocol_of == PTHREAD_PRIO_INHERIT;
    int value = 4711;
    struct timespec time = {0, -1};
    if (checked)
        REFUSES(mutex, pthread_mutex_unlock(mutex), EPERM);
    REFUSES(mutex, pthread_mutex_consistent(mutex), EINVAL);
    EACH(bad, -1, 0, 100, INT_MAX)
    REFUSES(mutex, pthread_mutex_setprioceiling(mutex, (int)bad, &value), EINVAL);
    if (protocol_of != PTHREAD_PRIO_PROTECT) {
        REFUSES(mutex, pthread_mutex_setprioceiling(mutex, 5, &value), EINVAL);
        REFUSES(mutex, pthread_mutex_getprioceiling(mutex, &value), EINVAL);
    }
    EXPECT(value, 4711);
    EACH(bad, BAD_CLOCKS)
    REFUSES(mutex, pthread_mutex_clocklock(mutex, (clockid_t)bad, &time), EINVAL);
    /* no time is looked at where there is no wait */
    EXPECT(pthread_mutex_timedlock(mutex, &time), 0);
    if (type_of == PTHREAD_MUTEX_ERRORCHECK) {
        REFUSES(mutex, pthread_mutex_lock(mutex), EDEADLK);
        REFUSES(mutex, pthread_mutex_timedlock(mutex, &time), EDEADLK);
    }
    if (type_of != PTHREAD_MUTEX_RECURSIVE)
        REFUSES(mutex, pthread_mutex_trylock(mutex), EBUSY);
    REFUSES(mutex, pthread_mutex_destroy(mutex), EBUSY);
    REFUSES(mutex, pthread_mutex_consistent(mutex), EINVAL);
    elsewhere(misuse_elsewhere, mutex);
    pthread_t thread = start(lock_for_ever, mutex);
    nap(2);
    EXPECT(pthread_mutex_unlock(mutex), 0);
    EXPECT(pthread_join(thread, NULL), 0);
    /* and after all this it is a mutex */
    EXPECT(pthread_mutex_lock(mutex), 0);
    EXPECT(pthread_mutex_unlock(mutex), 0);
    EXPECT(pthread_mutex_destroy(mutex), 0);
    REFUSES(mutex, pthread_mutex_lock(mutex), EINVAL);
}

static void mutex_misused(void)
{
    EACH(type, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE,
         PTHREAD_MUTEX_ADAPTIVE_NP)
    for (int i = 0; i < 12; i++) {
        pthread_mutexattr_t attr;
        pthread_mutex_t mutex;
        type_of = (int)type;
        robust_of = i & 1;
        protocol_of = i >> 2;
        pthread_mutexattr_init(&attr);
        EXPECT(pthread_mutexattr_settype(&attr, type_of), 0);
        EXPECT(pthread_mutexattr_setrobust(&attr, robust_of), 0);
        EXPECT(pthread_mutexattr_setpshared(&attr, i >> 1 & 1), 0);
        EXPECT(pthread_mutexattr_setprotocol(&attr, protocol_of), 0);
        EXPECT(pthread_mutex_init(&mutex, &attr), 0);
        int error = pthread_mutex_trylock(&mutex);
        if (error == EPERM && protocol_of == PTHREAD_PRIO_PROTECT)
            continue;
        EXPECT(error, 0);
        EXPECT(pthread_mutex_unlock(&mutex), 0);
        int before = wrong;
        misuse_mutex(&mutex);
        if (wrong > before)
            printf("  with type %d, robust %d, shared %d, protocol %d\n", type_of, robust_of,
                   i >> 1 & 1, protocol_of);
    }
}

static void *die_with(void *mutex)
{
    EXPECT(pthread_mutex_lock(mutex), 0);
    return NULL;
}

static void mutex_beyond_recovery(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    struct timespec time = {0, -1};
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    EXPECT(pthread_mutex_init(&mutex, &attr), 0);
    elsewhere(die_with, &mutex);
    REFUSES(&mutex, pthread_mutex_consistent(&mutex), EINVAL);
    EXPECT(pthread_mutex_lock(&mutex), EOWNERDEAD);
    REFUSES(&mutex, pthread_mutex_destroy(&mutex), EBUSY);
    EXPECT(pthread_mutex_unlock(&mutex), 0);
    EXPECT(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
    EXPECT(pthread_mutex_trylock(&mutex), ENOTRECOVERABLE);
    EXPECT(pthread_mutex_timedlock(&mutex, &time), ENOTRECOVERABLE);
    REFUSES(&mutex, pthread_mutex_consistent(&mutex), EINVAL);
    REFUSES(&mutex, pthread_mutex_unlock(&mutex), EPERM);
    EXPECT(pthread_mutex_destroy(&mutex), 0);
}

/* Condition variables. */

static void condattr(void)
{
    pthread_condattr_t attr;
    clockid_t clock = 4711;
    int value = 4711;
    EXPECT(pthread_condattr_init(&attr), 0);
    EACH(bad, BAD_CLOCKS)
    REFUSES(&attr, pthread_condattr_setclock(&attr, (clockid_t)bad), EINVAL);
    EACH(bad, ABSURD, 2)
    REFUSES(&attr, pthread_condattr_setpshared(&attr, (int)bad), EINVAL);
    memset(&attr, 0xff, sizeof attr);
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    REFUSES(&cond, pthread_cond_init(&cond, &attr), EINVAL);
    /* that these answer is not promised, but they have to come back */
    pthread_condattr_getclock(&attr, &clock);
    pthread_condattr_getpshared(&attr, &value);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_condattr_setpshared(&attr, 0);
    pthread_condattr_destroy(&attr);
}

struct waiting {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool waits, go;
};

static void *wait_for_go(void *arg)
{
    struct waiting *w = arg;
    EXPECT(pthread_mutex_lock(&w->mutex), 0);
    w->waits = true;
    while (!w->go)
        EXPECT(pthread_cond_wait(&w->cond, &w->mutex), 0);
    EXPECT(pthread_mutex_unlock(&w->mutex), 0);
    return NULL;
}

static void cond_misused(void)
{
    struct waiting w = {PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, PTHREAD_COND_INITIALIZER, false,
                        false};
    struct timespec time = in(CLOCK_REALTIME, 2);
    EXPECT(pthread_cond_wait(&w.cond, &w.mutex), EPERM);
    EXPECT(pthread_cond_timedwait(&w.cond, &w.mutex, &time), EPERM);
    EXPECT(pthread_mutex_lock(&w.mutex), 0);
    EACH(bad, BAD_CLOCKS)
    REFUSES(&w, pthread_cond_clockwait(&w.cond, &w.mutex, (clockid_t)bad, &time), EINVAL);
    EACH(bad, BAD_NANOSECONDS)
    {
        time = (struct timespec){LONG_MAX, bad};
        REFUSES(&w, pthread_cond_timedwait(&w.cond, &w.mutex, &time), EINVAL);
        REFUSES(&w, pthread_cond_clockwait(&w.cond, &w.mutex, CLOCK_MONOTONIC, &time), EINVAL);
    }
    EACH(past, -1, 0, LONG_MIN)
    {
        time = (struct timespec){past, 0};
        EXPECT(pthread_cond_timedwait(&w.cond, &w.mutex, &time), ETIMEDOUT);
        EXPECT(pthread_cond_clockwait(&w.cond, &w.mutex, CLOCK_MONOTONIC, &time), ETIMEDOUT);
    }
    EXPECT(pthread_mutex_unlock(&w.mutex), 0);
    pthread_t thread = start(wait_for_go, &w);
    for (bool waits = false; !waits; nap(1)) {
        EXPECT(pthread_mutex_lock(&w.mutex), 0);
        waits = w.waits;
        EXPECT(pthread_mutex_unlock(&w.mutex), 0);
    }
    nap(5);
    EXPECT(pthread_cond_destroy(&w.cond), EBUSY);
    EXPECT(pthread_mutex_lock(&w.mutex), 0);
    w.go = true;
    EXPECT(pthread_cond_signal(&w.cond), 0);
    EXPECT(pthread_mutex_unlock(&w.mutex), 0);
    EXPECT(pthread_join(thread, NULL), 0);
    EXPECT(pthread_cond_destroy(&w.cond), 0);
}

/* Read-write locks. */

static void rwlockattr(void)
{
    pthread_rwlockattr_t attr;
    int value = 4711;
    EXPECT(pthread_rwlockattr_init(&attr), 0);
    EACH(bad, ABSURD, 3)
    REFUSES(&attr, pthread_rwlockattr_setkind_np(&attr, (int)bad), EINVAL);
    EACH(bad, ABSURD, 2)
    REFUSES(&attr, pthread_rwlockattr_setpshared(&attr, (int)bad), EINVAL);
    memset(&attr, 0xff, sizeof attr);
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    REFUSES(&rwlock, pthread_rwlock_init(&rwlock, &attr), EINVAL);
    pthread_rwlockattr_getkind_np(&attr, &value);
    pthread_rwlockattr_getpshared(&attr, &value);
    pthread_rwlockattr_destroy(&attr);
}

static void rwlock_not_one(void)
{
    struct timespec time = in(CLOCK_REALTIME, 10);
    for (int destroyed = 0; destroyed < 2; destroyed++) {
        pthread_rwlock_t rwlock;
        memset(&rwlock, 0xff, sizeof rwlock);
        if (destroyed) {
            EXPECT(pthread_rwlock_init(&rwlock, NULL), 0);
            EXPECT(pthread_rwlock_destroy(&rwlock), 0);
        }
        REFUSES(&rwlock, pthread_rwlock_rdlock(&rwlock), EINVAL);
        REFUSES(&rwlock, pthread_rwlock_tryrdlock(&rwlock), EINVAL);
        REFUSES(&rwlock, pthread_rwlock_timedrdlock(&rwlock, &time), EINVAL);
        REFUSES(&rwlock, pthread_rwlock_clockrdlock(&rwlock, CLOCK_REALTIME, &time), EINVAL);
        REFUSES(&rwlock, pthread_rwlock_wrlock(&rwlock), EINVAL);
        REFUSES(&rwlock, pthread_rwlock_trywrlock(&rwlock), EINVAL);
        REFUSES(&rwlock, pthread_rwlock_timedwrlock(&rwlock, &time), EINVAL);
        REFUSES(&rwlock, pthread_rwlock_clockwrlock(&rwlock, CLOCK_REALTIME, &time), EINVAL);
        REFUSES(&rwlock, pthread_rwlock_unlock(&rwlock), EINVAL);
        REFUSES(&rwlock, pthread_rwlock_destroy(&rwlock), EINVAL);
        EXPECT(pthread_rwlock_init(&rwlock, NULL), 0);
        EXPECT(pthread_rwlock_wrlock(&rwlock), 0);
        EXPECT(pthread_rwlock_unlock(&rwlock), 0);
    }
}

static void *misuse_rwlock_elsewhere(void *arg)
{
    pthread_rwlock_t *rwlock = arg;
    struct timespec time = {0, 0};
    REFUSES(rwlock, pthread_rwlock_unlock(rwlock), EPERM);
    REFUSES(rwlock, pthread_rwlock_destroy(rwlock), EBUSY);
    EXPECT(pthread_rwlock_tryrdlock(rwlock), EBUSY);
    EXPECT(pthread_rwlock_trywrlock(rwlock), EBUSY);
    EACH(bad, BAD_CLOCKS)
    {
        REFUSES(rwlock, pthread_rwlock_clockrdlock(rwlock, (clockid_t)bad, &time), EINVAL);
        REFUSES(rwlock, pthread_rwlock_clockwrlock(rwlock, (clockid_t)bad, &time), EINVAL);
    }
    EACH(bad, BAD_NANOSECONDS)
    {
        time = (struct timespec){LONG_MAX, bad};
        EXPECT(pthread_rwlock_timedrdlock(rwlock, &time), EINVAL);
        EXPECT(pthread_rwlock_timedwrlock(rwlock, &time), EINVAL);
        EXPECT(pthread_rwlock_clockrdlock(rwlock, CLOCK_MONOTONIC, &time), EINVAL);
        EXPECT(pthread_rwlock_clockwrlock(rwlock, CLOCK_MONOTONIC, &time), EINVAL);
    }
    EACH(past, -1, 0, LONG_MIN)
    {
        time = (struct timespec){past, 0};
        EXPECT(pthread_rwlock_timedrdlock(rwlock, &time), ETIMEDOUT);
        EXPECT(pthread_rwlock_timedwrlock(rwlock, &time), ETIMEDOUT);
    }
    return NULL;
}

static void rwlock_misused(void)
{
    for (int i = 0; i < 6; i++) {
        pthread_rwlockattr_t attr;
        pthread_rwlock_t rwlock;
        struct timespec bad = {0, -1};
        pthread_rwlockattr_init(&attr);
        pthread_rwlockattr_setkind_np(&attr, i / 2);
        pthread_rwlockattr_setpshared(&attr, i % 2);
        EXPECT(pthread_rwlock_init(&rwlock, &attr), 0);
        REFUSES(&rwlock, pthread_rwlock_unlock(&rwlock), EPERM);
        EXPECT(pthread_rwlock_timedwrlock(&rwlock, &bad), 0);
        REFUSES(&rwlock, pthread_rwlock_wrlock(&rwlock), EDEADLK);
        REFUSES(&rwlock, pthread_rwlock_rdlock(&rwlock), EDEADLK);
        REFUSES(&rwlock, pthread_rwlock_trywrlock(&rwlock), EBUSY);
        REFUSES(&rwlock, pthread_rwlock_tryrdlock(&rwlock), EBUSY);
        REFUSES(&rwlock, pthread_rwlock_destroy(&rwlock), EBUSY);
        elsewhere(misuse_rwlock_elsewhere, &rwlock);
        EXPECT(pthread_rwlock_unlock(&rwlock), 0);
        EXPECT(pthread_rwlock_timedrdlock(&rwlock, &bad), 0);
        REFUSES(&rwlock, pthread_rwlock_destroy(&rwlock), EBUSY);
        REFUSES(&rwlock, pthread_rwlock_trywrlock(&rwlock), EBUSY);
        EXPECT(pthread_rwlock_unlock(&rwlock), 0);
        REFUSES(&rwlock, pthread_rwlock_unlock(&rwlock), EPERM);
        EXPECT(pthread_rwlock_wrlock(&rwlock), 0);
        EXPECT(pthread_rwlock_unlock(&rwlock), 0);
        EXPECT(pthread_rwlock_destroy(&rwlock), 0);
    }
}

/* Barriers and spin locks. */

static void *meet(void *barrier)
{
    int result = pthread_barrier_wait(barrier);
    EXPECT(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD, true);
    return NULL;
}

static void barrier_misused(void)
{
    pthread_barrierattr_t attr;
    pthread_barrier_t barrier;
    memset(&barrier, 0, sizeof barrier);
    EXPECT(pthread_barrierattr_init(&attr), 0);
    EACH(bad, ABSURD, 2)
    REFUSES(&attr, pthread_barrierattr_setpshared(&attr, (int)bad), EINVAL);
    REFUSES(&barrier, pthread_barrier_init(&barrier, NULL, 0), EINVAL);
    REFUSES(&barrier, pthread_barrier_init(&barrier, &attr, 0), EINVAL);
    memset(&attr, 0xff, sizeof attr);
    REFUSES(&barrier, pthread_barrier_init(&barrier, &attr, 1), EINVAL);
    REFUSES(&barrier, pthread_barrier_wait(&barrier), EINVAL);
    REFUSES(&barrier, pthread_barrier_destroy(&barrier), EINVAL);
    EXPECT(pthread_barrier_init(&barrier, NULL, 2), 0);
    pthread_t thread = start(meet, &barrier);
    nap(10);
    EXPECT(pthread_barrier_destroy(&barrier), EBUSY);
    meet(&barrier);
    EXPECT(pthread_join(thread, NULL), 0);
    EXPECT(pthread_barrier_destroy(&barrier), 0);
    REFUSES(&barrier, pthread_barrier_wait(&barrier), EINVAL);
    REFUSES(&barrier, pthread_barrier_destroy(&barrier), EINVAL);
}

static void spin_misused(void)
{
    pthread_spinlock_t spin;
    memset((void *)&spin, 0, sizeof spin);
    EACH(bad, ABSURD, 2)
    EXPECT(pthread_spin_init(&spin, (int)bad), EINVAL);
    EXPECT(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE), 0);
    EXPECT(pthread_spin_lock(&spin), 0);
    EXPECT(pthread_spin_trylock(&spin), EBUSY);
    EXPECT(pthread_spin_destroy(&spin), EBUSY);
    EXPECT(pthread_spin_unlock(&spin), 0);
    EXPECT(pthread_spin_trylock(&spin), 0);
    EXPECT(pthread_spin_unlock(&spin), 0);
    EXPECT(pthread_spin_destroy(&spin), 0);
}

/* Keys. */

static void key_misused(void)
{
    pthread_key_t key, keys[2048];
    EXPECT(pthread_key_create(&key, NULL), 0);
    EXPECT(pthread_setspecific(key, &key), 0);
    EXPECT(pthread_key_delete(key), 0);
    EACH(bad, key, 1023, 1024, 1025, 4096, INT_MAX, INT_MIN, -1)
    {
        EXPECT(pthread_key_delete((pthread_key_t)bad), EINVAL);
        EXPECT(pthread_setspecific((pthread_key_t)bad, &key), EINVAL);
        /* undefined, which is no reason to crash */
        pthread_getspecific((pthread_key_t)bad);
        tss_get((tss_t)bad);
        EXPECT(tss_set((tss_t)bad, &key), thrd_error);
        tss_delete((tss_t)bad);
    }
    unsigned count = 0;
    int error = 0;
    while (count < LENGTH(keys) && (error = pthread_key_create(&keys[count], NULL)) == 0)
        count++;
    EXPECT(error, EAGAIN);
    tss_t tss;
    EXPECT(tss_create(&tss, NULL), thrd_error);
    for (unsigned i = 0; i < count; i++) {
        EXPECT(pthread_setspecific(keys[i], &keys[i]), 0);
        EXPECT(pthread_key_delete(keys[i]), 0);
        EXPECT(pthread_key_delete(keys[i]), EINVAL);
    }
    EXPECT(pthread_key_create(&key, NULL), 0);
    EXPECT(pthread_getspecific(key) == NULL, true);
}

/* Semaphores. */

static void *wait_sem(void *sem)
{
    EXPECT(ERRNO(sem_wait(sem)), 0);
    return NULL;
}

static void sem_misused(void)
{
    for (int shared = 0; shared < 2; shared++) {
        sem_t sem;
        int value;
        struct timespec time = in(CLOCK_REALTIME, 2);
        memset(&sem, 0, sizeof sem);
        EACH(bad, SEM_VALUE_MAX + 1u, UINT_MAX)
        REFUSES(&sem, ERRNO(sem_init(&sem, shared, (unsigned)bad)), EINVAL);
        EXPECT(ERRNO(sem_init(&sem, shared, SEM_VALUE_MAX)), 0);
        REFUSES(&sem, ERRNO(sem_post(&sem)), EOVERFLOW);
        EXPECT(ERRNO(sem_getvalue(&sem, &value)), 0);
        EXPECT(value, SEM_VALUE_MAX);
        EACH(bad, BAD_CLOCKS)
        REFUSES(&sem, ERRNO(sem_clockwait(&sem, (clockid_t)bad, &time)), EINVAL);
        EXPECT(ERRNO(sem_timedwait(&sem, &(struct timespec){0, -1})), 0);
        EXPECT(ERRNO(sem_destroy(&sem)), 0);
        EXPECT(ERRNO(sem_init(&sem, shared, 0)), 0);
        REFUSES(&sem, ERRNO(sem_trywait(&sem)), EAGAIN);
        EACH(bad, BAD_CLOCKS)
        REFUSES(&sem, ERRNO(sem_clockwait(&sem, (clockid_t)bad, &time)), EINVAL);
        EACH(bad, BAD_NANOSECONDS)
        {
            time = (struct timespec){LONG_MAX, bad};
            EXPECT(ERRNO(sem_timedwait(&sem, &time)), EINVAL);
            EXPECT(ERRNO(sem_clockwait(&sem, CLOCK_MONOTONIC, &time)), EINVAL);
        }
        EACH(past, -1, 0, LONG_MIN)
        {
            time = (struct timespec){past, 0};
            EXPECT(ERRNO(sem_timedwait(&sem, &time)), ETIMEDOUT);
        }
        pthread_t thread = start(wait_sem, &sem);
        nap(10);
        EXPECT(ERRNO(sem_destroy(&sem)), EBUSY);
        EXPECT(ERRNO(sem_post(&sem)), 0);
        EXPECT(pthread_join(thread, NULL), 0);
        EXPECT(ERRNO(sem_getvalue(&sem, &value)), 0);
        EXPECT(value, 0);
        EXPECT(ERRNO(sem_destroy(&sem)), 0);
    }
}

/* <threads.h>. */

static void *misuse_mtx_elsewhere(void *arg)
{
    mtx_t *mutex = arg;
    REFUSES(mutex, mtx_trylock(mutex), thrd_busy);
    REFUSES(mutex, mtx_unlock(mutex), thrd_error);
    EACH(bad, BAD_NANOSECONDS)
    EXPECT(mtx_timedlock(mutex, &(struct timespec){LONG_MAX, bad}), thrd_error);
    EXPECT(mtx_timedlock(mutex, &(struct timespec){-1, 0}), thrd_timedout);
    cnd_t cond;
    EXPECT(cnd_init(&cond), thrd_success);
    EXPECT(cnd_wait(&cond, mutex), thrd_error);
    return NULL;
}

static void c11_misused(void)
{
    mtx_t mutex;
    cnd_t cond;
    memset(&mutex, 0, sizeof mutex);
    EACH(bad, ABSURD, 8)
    REFUSES(&mutex, mtx_init(&mutex, (int)bad), thrd_error);
    EXPECT(mtx_init(&mutex, mtx_timed | mtx_recursive), thrd_success);
    EXPECT(cnd_init(&cond), thrd_success);
    REFUSES(&mutex, mtx_unlock(&mutex), thrd_error);
    EXPECT(mtx_lock(&mutex), thrd_success);
    elsewhere(misuse_mtx_elsewhere, &mutex);
    EACH(bad, BAD_NANOSECONDS)
    REFUSES(&mutex, cnd_timedwait(&cond, &mutex, &(struct timespec){LONG_MAX, bad}), thrd_error);
    EXPECT(cnd_timedwait(&cond, &mutex, &(struct timespec){-1, 0}), thrd_timedout);
    EXPECT(mtx_unlock(&mutex), thrd_success);
    REFUSES(&mutex, mtx_unlock(&mutex), thrd_error);
    mtx_destroy(&mutex);
    mtx_destroy(&mutex);
    cnd_destroy(&cond);
    cnd_destroy(&cond);
    EXPECT(mtx_lock(&mutex), thrd_error);
    EXPECT(mtx_trylock(&mutex), thrd_error);
    cnd_signal(&cond);
    cnd_broadcast(&cond);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"mutexattr", mutexattr},
    {"mutex_not_one", mutex_not_one},
    {"mutex_misused", mutex_misused},
    {"mutex_beyond_recovery", mutex_beyond_recovery},
    {"condattr", condattr},
    {"cond_misused", cond_misused},
    {"rwlockattr", rwlockattr},
    {"rwlock_not_one", rwlock_not_one},
    {"rwlock_misused", rwlock_misused},
    {"barrier_misused", barrier_misused},
    {"spin_misused", spin_misused},
    {"key_misused", key_misused},
    {"sem_misused", sem_misused},
    {"c11_misused", c11_misused},
};

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    for (unsigned i = 0; i < LENGTH(cases); i++) {
        if (argc > 1 && strcmp(argv[1], cases[i].name) != 0)
            continue;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            setvbuf(stdout, NULL, _IOLBF, 0);
            alarm(20);
            cases[i].run();
            _exit(wrong > 0);
        }
        int status;
        waitpid(pid, &status, 0);
        if (WIFSIGNALED(status))
            printf("%s: %s\n", cases[i].name,
                   WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
        printf("%-24s %s\n", cases[i].name, status == 0 ? "passed" : "FAILED");
        if (status == 0)
            passed++;
        else
            failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
