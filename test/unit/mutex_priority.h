/* What the tests of mutexes and priorities share. */
#ifndef FURWOCK_TEST_MUTEX_PRIORITY_H
#define FURWOCK_TEST_MUTEX_PRIORITY_H

#include "mutex.h"

/* Loop tests run over every type, process-private, then over every type, process-shared. */
enum { VARIANTS = 2 * TYPES };

static inline int type_of(int variant)
{
    return types[variant % TYPES];
}

static inline int pshared_of(int variant)
{
    return variant < TYPES ? PTHREAD_PROCESS_PRIVATE : PTHREAD_PROCESS_SHARED;
}

static inline void make_inheriting(pthread_mutex_t *mutex, int variant)
{
    ck_assert_int_eq(unit_mutex_init(mutex, type_of(variant), pshared_of(variant),
                                     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT),
                     0);
}

#define NEEDS_REALTIME()                                                                           \
    do {                                                                                           \
        if (!may_be_realtime())                                                                    \
            unit_skip("SCHED_FIFO is not permitted here");                                         \
    } while (0)

static inline int my_priority(void)
{
    return unit_priority(unit_gettid());
}

/* A thread of a given priority that takes its mutexes, and drops them one by one as it is told. */
struct owner {
    int priority;
    int count;
    pthread_mutex_t *mutexes[3];
    int way;
    struct unit_call call;
    atomic_int held;
    atomic_int allowed;
};

static inline int own(void *arg)
{
    struct owner *owner = arg;
    if (set_priority(owner->priority) != 0)
        return __LINE__;
    for (int i = 0; i < owner->count; i++) {
        int error = pthread_mutex_lock(owner->mutexes[i]);
        atomic_store(&owner->held, i + 1);
        if (error != 0)
            return __LINE__;
    }
    for (int i = 0; i < owner->count; i++) {
        unit_wait_for(&owner->allowed, i + 1);
        if (pthread_mutex_unlock(owner->mutexes[i]) != 0)
            return __LINE__;
    }
    if (my_priority() != owner->priority)
        return __LINE__;
    unit_wait_for(&owner->allowed, owner->count + 1);
    return 0;
}

static inline void owner_start(struct owner *owner)
{
    atomic_init(&owner->held, 0);
    atomic_init(&owner->allowed, 0);
    unit_start(&owner->call, own, owner);
}

/* Let the owner unlock its `count`th mutex, counted from 1; one more lets it end. */
static inline void owner_allow(struct owner *owner, int count)
{
    atomic_store(&owner->allowed, count);
}

static inline void owner_finish(struct owner *owner)
{
    owner_allow(owner, owner->count + 1);
    ck_assert_msg(unit_finish(&owner->call) == 0, "owner failed at line %d", owner->call.result);
}

/* A thread of a given priority that wants one mutex, for so long as its deadline allows. */
struct wanter {
    int priority;
    pthread_mutex_t *mutex;
    int call;
    long ms;
    atomic_int *turn;
    int my_turn;
    struct unit_call thread;
};

static inline int want(void *arg)
{
    struct wanter *wanter = arg;
    int error = set_priority(wanter->priority);
    if (error != 0)
        return error;
    error = lock_within(wanter->call, wanter->mutex, wanter->ms);
    if (error != 0)
        return error;
    if (wanter->turn != NULL)
        wanter->my_turn = atomic_fetch_add(wanter->turn, 1);
    return pthread_mutex_unlock(wanter->mutex);
}

static inline void wanter_start(struct wanter *wanter)
{
    unit_start(&wanter->thread, want, wanter);
}

/* Between processes; the mutex is mapped at one address here and at another in the child. */
struct room {
    pthread_mutex_t mutex;
    atomic_int stage;
};

#endif
