/* What the tests of robust mutexes share: the kinds, the calls, and threads that die. */
#ifndef FURWOCK_TEST_MUTEX_ROBUST_H
#define FURWOCK_TEST_MUTEX_ROBUST_H

#include "mutex.h"
#include <sys/prctl.h>

static const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_PROTECT};

/*
 * Loop tests run over every type; first process-private, then process-shared; and all that for each
 * protocol.
 */
enum { VARIANTS = 2 * 3 * TYPES };

static inline int type_of(int variant)
{
    return types[variant % TYPES];
}

static inline bool shared(int variant)
{
    return variant / TYPES % 2 != 0;
}

static inline int protocol_of(int variant)
{
    return protocols[variant / TYPES / 2];
}

static inline void make(pthread_mutex_t *mutex, int variant)
{
    int pshared = shared(variant) ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    ck_assert_int_eq(unit_mutex_init(mutex, type_of(variant), pshared, PTHREAD_MUTEX_ROBUST,
                                     protocol_of(variant)),
                     0);
}

/* libc defect: glibc has no robust mutexes with a ceiling. Owning one takes a real-time priority.
 */
#define NEEDS_VARIANT(variant)                                                                     \
    do {                                                                                           \
        if (protocol_of(variant) == PTHREAD_PRIO_PROTECT) {                                        \
            if (!unit_on_furwock())                                                                \
                unit_skip("libc does not combine robustness and ceilings");                        \
            if (!may_be_realtime())                                                                \
                unit_skip("SCHED_FIFO is not permitted here");                                     \
        }                                                                                          \
    } while (0)

/*
 * Every call that locks, for loops over them: the forms, and trylock. None of them has a reason to wait
 * here for long.
 */
enum { TRYLOCK = FORMS, WAYS };

static inline int lock_by(int way, pthread_mutex_t *mutex, long ms)
{
    return way == TRYLOCK ? pthread_mutex_trylock(mutex) : lock_within(way, mutex, ms);
}

/* A thread that locks, waits for its hour, and dies in its way without unlocking. */
enum { BY_RETURN, BY_EXIT, BY_CANCELLATION, JOINED_DEATHS, DETACHED = JOINED_DEATHS, DEATHS };

struct victim {
    pthread_mutex_t *mutex;
    int depth;
    int death;
    int result;
    atomic_int stage;
    pthread_t thread;
};

static inline void *victim_thread(void *arg)
{
    struct victim *victim = arg;
    victim->result = pthread_mutex_lock(victim->mutex);
    for (int i = 1; i < victim->depth; i++)
        if (pthread_mutex_lock(victim->mutex) != 0)
            victim->result = -1;
    atomic_store(&victim->stage, 1);
    unit_wait_for(&victim->stage, 2);
    if (victim->death == BY_EXIT)
        pthread_exit(NULL);
    return NULL;
}

/* Start a victim; what it was told when it locked. */
static inline int victim_start(struct victim *victim, pthread_mutex_t *mutex, int depth, int death)
{
    pthread_attr_t attr;
    victim->mutex = mutex;
    victim->depth = depth;
    victim->death = death;
    atomic_init(&victim->stage, 0);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    if (death == DETACHED)
        ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_create(&victim->thread, &attr, victim_thread, victim), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    unit_wait_for(&victim->stage, 1);
    return victim->result;
}

/* Its hour has come. A detached thread may still be dying when this returns. */
static inline void victim_die(struct victim *victim)
{
    if (victim->death == BY_CANCELLATION)
        ck_assert_int_eq(pthread_cancel(victim->thread), 0);
    else
        atomic_store(&victim->stage, 2);
    if (victim->death != DETACHED)
        ck_assert_int_eq(pthread_join(victim->thread, NULL), 0);
}

/* A thread locked this and died; what it was told when it locked. */
static inline int orphan(pthread_mutex_t *mutex)
{
    struct victim victim;
    int result = victim_start(&victim, mutex, 1, BY_RETURN);
    victim_die(&victim);
    return result;
}

static inline void is_healthy(pthread_mutex_t *mutex)
{
    for (int way = 0; way < WAYS; way++) {
        ck_assert_int_eq(lock_by(way, mutex, 10000), 0);
        ck_assert_int_eq(unit_elsewhere(trylock, mutex), EBUSY);
        ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
    }
    ck_assert_int_eq(unit_elsewhere(lock_unlock, mutex), 0);
}

/*
 * libc defect: without priority inheritance, a trylock or a lock with a deadline that finds the
 * mutex lost leaves it locked, so that whoever comes next waits for ever; and a lock that does so
 * does not wake the next waiter. There, only lock is asked, and only one waiter to be told.
 */
static inline bool one_lock_learns_of_a_loss(int variant)
{
    return !unit_on_furwock() && protocol_of(variant) == PTHREAD_PRIO_NONE;
}

static inline void is_lost(pthread_mutex_t *mutex, int variant)
{
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < WAYS; i++) {
            int way = one_lock_learns_of_a_loss(variant) ? PLAIN : i;
            ck_assert_int_eq(lock_by(way, mutex, i % 2 ? -10000 : 10000), ENOTRECOVERABLE);
        }
    ck_assert_int_eq(unit_elsewhere(lock_unlock, mutex), ENOTRECOVERABLE);
    ck_assert_int_eq(pthread_mutex_consistent(mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_unlock(mutex), EPERM);
    ck_assert_int_eq(unit_elsewhere(trylock, mutex), ENOTRECOVERABLE);
}

/* Waiters by every call that waits. */
enum { WAITERS = 4 };
static const int waiting_ways[WAITERS] = {PLAIN, TIMED, CLOCK_REAL, CLOCK_MONO};

struct waiter {
    pthread_mutex_t *mutex;
    int way;
    bool repairs;
    struct unit_call call;
};

/* What the lock returned, or a negative number if what followed went wrong. */
static inline int wait_for_mutex(void *arg)
{
    struct waiter *waiter = arg;
    int result = lock_by(waiter->way, waiter->mutex, 20000);
    if (result != 0 && result != EOWNERDEAD)
        return result;
    if (result == EOWNERDEAD && waiter->repairs && pthread_mutex_consistent(waiter->mutex) != 0)
        return -1;
    return pthread_mutex_unlock(waiter->mutex) != 0 ? -2 : result;
}

struct waiters {
    struct waiter all[WAITERS];
    int count;
};

/* Start waiters, of whom `heirs` (0 or 1) will be told of a death, and repair it or not. */
static inline void waiters_start(struct waiters *waiters, pthread_mutex_t *mutex, int variant,
                                 bool repair, int heirs)
{
    bool few = !repair && one_lock_learns_of_a_loss(variant);
    waiters->count = few ? heirs + 1 : WAITERS;
    for (int i = 0; i < waiters->count; i++) {
        struct waiter *waiter = &waiters->all[i];
        waiter->mutex = mutex;
        waiter->way = few ? PLAIN : waiting_ways[i];
        waiter->repairs = repair;
        unit_start(&waiter->call, wait_for_mutex, waiter);
    }
    for (int i = 0; i < waiters->count; i++)
        unit_wait_until_blocked(&waiters->all[i].call);
}

/* Hold that one of the waiters was told EOWNERDEAD for each heir, and all others `other`. */
static inline void waiters_finish(struct waiters *waiters, int heirs, int other)
{
    int told = 0;
    for (int i = 0; i < waiters->count; i++) {
        int result = unit_finish(&waiters->all[i].call);
        ck_assert_msg(result == EOWNERDEAD || result == other, "waiter %d was told %d", i, result);
        told += result == EOWNERDEAD;
    }
    ck_assert_int_eq(told, heirs);
}

#endif
