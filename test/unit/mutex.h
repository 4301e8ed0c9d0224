/* What the tests of mutexes share: the types, and the calls. */
#ifndef FURWOCK_TEST_MUTEX_H
#define FURWOCK_TEST_MUTEX_H

#include "unit.h"
#include <limits.h>
#include <sched.h>

static const int types[] = {
    PTHREAD_MUTEX_NORMAL,
    PTHREAD_MUTEX_ERRORCHECK,
    PTHREAD_MUTEX_RECURSIVE,
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
    PTHREAD_MUTEX_ADAPTIVE_NP,
#endif
};

enum { TYPES = sizeof types / sizeof types[0] };

static inline int lock(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

static inline int trylock(void *mutex)
{
    return pthread_mutex_trylock(mutex);
}

static inline int unlock(void *mutex)
{
    return pthread_mutex_unlock(mutex);
}

static inline int lock_unlock(void *mutex)
{
    int error = pthread_mutex_lock(mutex);
    return error != 0 ? error : pthread_mutex_unlock(mutex);
}

static inline int try_unlock(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    return error != 0 ? error : pthread_mutex_unlock(mutex);
}

/* Lock in this form, all but the first with a deadline. */
static inline int lock_until(enum form form, pthread_mutex_t *mutex,
                             const struct timespec *deadline)
{
    switch (form) {
    case TIMED:
        return pthread_mutex_timedlock(mutex, deadline);
    case CLOCK_REAL:
    case CLOCK_MONO:
        return pthread_mutex_clocklock(mutex, form_clock(form), deadline);
    default:
        return pthread_mutex_lock(mutex);
    }
}

static inline int lock_within(enum form form, pthread_mutex_t *mutex, long ms)
{
    struct timespec deadline = unit_deadline(form_clock(form), ms);
    return lock_until(form, mutex, &deadline);
}

/* Give the calling thread a real-time priority, or with 0 an ordinary one; what that returned. */
static inline int set_priority(int priority)
{
    struct sched_param param = {.sched_priority = priority};
    return pthread_setschedparam(pthread_self(), priority > 0 ? SCHED_FIFO : SCHED_OTHER, &param);
}

static inline int try_realtime(void *unused)
{
    (void)unused;
    return set_priority(1);
}

static inline bool may_be_realtime(void)
{
    return unit_elsewhere(try_realtime, NULL) == 0;
}

#endif
