/* POSIX's names over nsync's mutexes and condition variables, which lie in the POSIX objects: a
 * library to preload, so that the benchmark can stand Furwock beside nsync.
 *
 * It has what the rows marked NSYNC use: mutexes of the default type, read-write locks, which
 * nsync's mutexes are as well, and condition variables on CLOCK_REALTIME. Attributes that ask for
 * more are refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <nsync.h>
#include <pthread.h>

#define EXPORT __attribute__((visibility("default")))

_Static_assert(sizeof(nsync_mu) <= sizeof(pthread_mutex_t), "a mutex has room for nsync's");
_Static_assert(sizeof(nsync_mu) <= sizeof(pthread_rwlock_t), "a read-write lock has room");
_Static_assert(sizeof(nsync_cv) <= sizeof(pthread_cond_t), "a condition variable has room");
_Static_assert(_Alignof(nsync_mu) <= _Alignof(pthread_mutex_t) &&
                   _Alignof(nsync_mu) <= _Alignof(pthread_rwlock_t) &&
                   _Alignof(nsync_cv) <= _Alignof(pthread_cond_t),
               "and all are aligned");

/* All-zero is a valid object of nsync's, as of POSIX's. */
static nsync_mu *mu_of(void *lock)
{
    return lock;
}

static nsync_cv *cv_of(pthread_cond_t *cond)
{
    return (nsync_cv *)cond;
}

/* ---- Mutexes ---- */

EXPORT int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    int type = PTHREAD_MUTEX_DEFAULT, protocol = PTHREAD_PRIO_NONE;
    int shared = PTHREAD_PROCESS_PRIVATE, robust = PTHREAD_MUTEX_STALLED;
    if (attributes != NULL) {
        pthread_mutexattr_gettype(attributes, &type);
        pthread_mutexattr_getprotocol(attributes, &protocol);
        pthread_mutexattr_getpshared(attributes, &shared);
        pthread_mutexattr_getrobust(attributes, &robust);
    }
    if (type != PTHREAD_MUTEX_DEFAULT || protocol != PTHREAD_PRIO_NONE ||
        shared != PTHREAD_PROCESS_PRIVATE || robust != PTHREAD_MUTEX_STALLED)
        return ENOTSUP;
    nsync_mu_init(mu_of(mutex));
    return 0;
}

EXPORT int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    (void)mutex;
    return 0;
}

EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    nsync_mu_lock(mu_of(mutex));
    return 0;
}

EXPORT int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    return nsync_mu_trylock(mu_of(mutex)) ? 0 : EBUSY;
}

EXPORT int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    nsync_mu_unlock(mu_of(mutex));
    return 0;
}

/* ---- Read-write locks ---- */

EXPORT int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes)
{
    int shared = PTHREAD_PROCESS_PRIVATE;
    if (attributes != NULL)
        pthread_rwlockattr_getpshared(attributes, &shared);
    if (shared != PTHREAD_PROCESS_PRIVATE)
        return ENOTSUP;
    nsync_mu_init(mu_of(lock));
    return 0;
}

EXPORT int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
    (void)lock;
    return 0;
}

EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    nsync_mu_rlock(mu_of(lock));
    return 0;
}

EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
    return nsync_mu_rtrylock(mu_of(lock)) ? 0 : EBUSY;
}

EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    nsync_mu_lock(mu_of(lock));
    return 0;
}

EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
    return nsync_mu_trylock(mu_of(lock)) ? 0 : EBUSY;
}

EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    if (nsync_mu_is_reader(mu_of(lock)))
        nsync_mu_runlock(mu_of(lock));
    else
        nsync_mu_unlock(mu_of(lock));
    return 0;
}

/* ---- Condition variables ---- */

EXPORT int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes)
{
    int shared = PTHREAD_PROCESS_PRIVATE;
    clockid_t clock = CLOCK_REALTIME;
    if (attributes != NULL) {
        pthread_condattr_getpshared(attributes, &shared);
        pthread_condattr_getclock(attributes, &clock);
    }
    if (shared != PTHREAD_PROCESS_PRIVATE || clock != CLOCK_REALTIME)
        return ENOTSUP;
    nsync_cv_init(cv_of(cond));
    return 0;
}

EXPORT int pthread_cond_destroy(pthread_cond_t *cond)
{
    (void)cond;
    return 0;
}

EXPORT int pthread_cond_signal(pthread_cond_t *cond)
{
    nsync_cv_signal(cv_of(cond));
    return 0;
}

EXPORT int pthread_cond_broadcast(pthread_cond_t *cond)
{
    nsync_cv_broadcast(cv_of(cond));
    return 0;
}

EXPORT int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    nsync_cv_wait(cv_of(cond), mu_of(mutex));
    return 0;
}

EXPORT int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *deadline)
{
    return nsync_cv_wait_with_deadline(cv_of(cond), mu_of(mutex), *deadline, NULL);
}
