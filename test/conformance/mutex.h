/*
 * What the assertions about mutexes share: the functions that lock, kinds of mutexes, what others can
 * do with one, threads and processes that use one.
 *
 * What several functions have in common is one check, which takes the function to look at.
 */
#ifndef FURWOCK_TEST_CONFORM_MUTEX_H
#define FURWOCK_TEST_CONFORM_MUTEX_H

#include "conform.h"

/* Whatever locks a mutex, with an end far away where there is one. */
typedef int lock_function(pthread_mutex_t *);

static inline int lock_timed(pthread_mutex_t *mutex)
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    return pthread_mutex_timedlock(mutex, &end);
}

static inline int lock_clock(pthread_mutex_t *mutex)
{
    struct timespec end = unit_deadline(CLOCK_MONOTONIC, FAR_MS);
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &end);
}

/* The same assertion about each function that waits for a mutex. */
#define ASSERTION_OF_LOCKS(number, text, check)                                                    \
    ASSERTION(pthread_mutex_lock, number, text)                                                    \
    {                                                                                              \
        check(pthread_mutex_lock);                                                                 \
    }                                                                                              \
    ASSERTION(pthread_mutex_timedlock, number, text)                                               \
    {                                                                                              \
        check(lock_timed);                                                                         \
    }                                                                                              \
    ASSERTION(pthread_mutex_clocklock, number, text)                                               \
    {                                                                                              \
        check(lock_clock);                                                                         \
    }

#define UNTESTED_OF_LOCKS(number, text, why)                                                       \
    UNTESTED(pthread_mutex_lock, number, text, why)                                                \
    UNTESTED(pthread_mutex_timedlock, number, text, why)                                           \
    UNTESTED(pthread_mutex_clocklock, number, text, why)

/* Kinds of mutexes: a loop's body has an initialised one of each, and destroys it. */

static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE,
                            PTHREAD_MUTEX_DEFAULT};
enum { TYPES = 4, KINDS_OF_A_TYPE = 4 };

static inline bool init_kind(pthread_mutex_t *mutex, int type, int kind)
{
    bool robust = kind & 1, shared = kind & 2;
    memset(mutex, 0xa5, sizeof *mutex);
    int error =
        unit_mutex_init(mutex, type, shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE,
                        robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    if (error == EINVAL && robust && !shared)
        return false; /* an implementation may refuse it */
    ck_assert_int_eq(error, 0);
    return true;
}

#define FOR_EACH_KIND_OF(type, mutex)                                                              \
    for (int kind = 0; kind < KINDS_OF_A_TYPE; kind++)                                             \
        if (init_kind(mutex, type, kind))
#define FOR_EACH_KIND(mutex)                                                                       \
    for (int t = 0; t < TYPES; t++)                                                                \
    FOR_EACH_KIND_OF(types[t], mutex)

static inline void init(pthread_mutex_t *mutex, int type)
{
    ck_assert_int_eq(unit_mutex_init(mutex, type, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED,
                                     PTHREAD_PRIO_NONE),
                     0);
}

static inline void init_robust(pthread_mutex_t *mutex, int type, int protocol)
{
    ck_assert_int_eq(
        unit_mutex_init(mutex, type, PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_ROBUST, protocol), 0);
}

static inline void lock(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(pthread_mutex_lock(mutex), 0);
}

static inline void unlock(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
}

static inline void destroy(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(pthread_mutex_destroy(mutex), 0);
}

/* Options */

static inline bool has_option(int protocol)
{
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    return pthread_mutexattr_setprotocol(&attr, protocol) != ENOTSUP;
}

static inline void need_inherit(void)
{
    if (!has_option(PTHREAD_PRIO_INHERIT))
        unsupported("no Thread Priority Inheritance option");
}

static inline void need_protect(void)
{
    if (!has_option(PTHREAD_PRIO_PROTECT))
        unsupported("no Thread Priority Protection option");
    need(pthread_mutexattr_setprioceiling);
}

/* The state of a mutex is what another thread can do with it. */

static inline int try_and_unlock(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    if (error == 0)
        unlock(mutex);
    return error;
}

static inline int just_lock(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

static inline int just_unlock(void *mutex)
{
    return pthread_mutex_unlock(mutex);
}

static inline void is_unlocked(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), 0);
}

static inline void is_locked(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), EBUSY);
}

static inline void is_unusable(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(just_lock, mutex), ENOTRECOVERABLE);
}

static inline void is_a_mutex(pthread_mutex_t *mutex)
{
    is_unlocked(mutex);
    lock(mutex);
    is_locked(mutex);
    unlock(mutex);
    is_unlocked(mutex);
}

/* Threads */

/* A thread that locks a mutex, and unlocks it when told. */
struct user {
    lock_function *lock;
    pthread_mutex_t *mutex;
    int policy, priority; /* 0, 0: as they are */
    atomic_int place;     /* among those who got a mutex: from 1; 0 as long as it has not */
    int error;            /* what the lock function returned with */
    atomic_int leave;
    struct unit_call call;
};

static atomic_int places;

static inline int use(void *argument)
{
    struct user *user = argument;
    if (user->priority != 0)
        set_priority(user->policy, user->priority);
    user->error = user->lock(user->mutex);
    if (user->error != 0 && user->error != EOWNERDEAD)
        return user->error;
    atomic_store(&user->place, atomic_fetch_add(&places, 1) + 1);
    unit_wait_for(&user->leave, 1);
    return pthread_mutex_unlock(user->mutex);
}

static inline void start_with_priority(struct user *user, lock_function *lock,
                                       pthread_mutex_t *mutex, int policy, int priority)
{
    *user = (struct user){.lock = lock, .mutex = mutex, .policy = policy, .priority = priority};
    unit_start(&user->call, use, user);
}

static inline void start(struct user *user, lock_function *lock, pthread_mutex_t *mutex)
{
    start_with_priority(user, lock, mutex, 0, 0);
}

static inline void must_wait(struct user *user)
{
    unit_wait_until_blocked(&user->call);
    ck_assert_msg(atomic_load(&user->place) == 0, "the mutex was given at once");
}

static inline void must_get(struct user *user)
{
    while (atomic_load(&user->place) == 0) {
        ck_assert_msg(!atomic_load(&user->call.returned), "it failed with %d", user->error);
        nanosleep(&(struct timespec){0, 100000}, NULL);
    }
}

static inline void leave(struct user *user)
{
    atomic_store(&user->leave, 1);
    ck_assert_int_eq(unit_finish(&user->call), 0);
}

static inline void get_and_leave(struct user *user)
{
    must_get(user);
    ck_assert_int_eq(user->error, 0);
    leave(user);
}

/* Wait until a call has returned (true), or sleeps in the kernel (false). */
static inline bool returns(struct unit_call *call)
{
    unit_wait_for(&call->tid, 1);
    while (!atomic_load(&call->returned)) {
        if (unit_state(getpid(), atomic_load(&call->tid)) == 'S')
            return atomic_load(&call->returned);
        nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    return true;
}

/* A mutex that processes share, and a child that owns it until it is told to leave, or killed. */

struct shared {
    pthread_mutex_t mutex;
    atomic_int stage;
};

static inline struct shared *new_shared(int type, int protocol)
{
    struct shared *shared = unit_map(unit_memory(sizeof *shared), sizeof *shared);
    init_robust(&shared->mutex, type, protocol);
    return shared;
}

static inline pid_t lock_in_child(struct shared *shared, int expected)
{
    atomic_store(&shared->stage, 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(pthread_mutex_lock(&shared->mutex) == expected);
        atomic_store(&shared->stage, 1);
        unit_wait_for(&shared->stage, 2);
        unit_child_assert(pthread_mutex_unlock(&shared->mutex) == 0);
        _exit(0);
    }
    unit_wait_for(&shared->stage, 1);
    return pid;
}

/* A mutex that a process has died with: as others find it. */
static inline struct shared *orphan(int type, int protocol)
{
    struct shared *shared = new_shared(type, protocol);
    unit_kill(lock_in_child(shared, 0));
    return shared;
}

/* Interrupt a thread that waits, and hold that the handler has returned and it waits again. */
static inline void interrupt(struct user *user)
{
    int before = atomic_load(&handled);
    ck_assert_int_eq(pthread_kill(user->call.thread, SIGUSR1), 0);
    unit_wait_for(&handled, before + 1);
    must_wait(user);
}

/* Priority ceilings: some implementations lock such a mutex only for realtime threads. */

static inline void need_protect_at(int priority)
{
    need_protect();
    set_priority(SCHED_FIFO, priority);
}

static inline void init_ceiling_of(pthread_mutex_t *mutex, int type, int robust, int ceiling)
{
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, type), 0);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, robust), 0);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, ceiling), 0);
    int error = pthread_mutex_init(mutex, &attr);
    if (error == ENOTSUP && robust == PTHREAD_MUTEX_ROBUST)
        unsupported("no robust mutex can have a ceiling");
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}

static inline void init_ceiling(pthread_mutex_t *mutex, int ceiling)
{
    init_ceiling_of(mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, ceiling);
}

static inline void has_ceiling(const pthread_mutex_t *mutex, int expected)
{
    int ceiling = -1;
    ck_assert_int_eq(pthread_mutex_getprioceiling(mutex, &ceiling), 0);
    ck_assert_int_eq(ceiling, expected);
}

#endif
