/* What the assertions about read-write locks share. */
#ifndef FURWOCK_TEST_CONFORM_RWLOCK_H
#define FURWOCK_TEST_CONFORM_RWLOCK_H

#include "conform.h"

/* What takes a lock, with an end far away where there is one. */
typedef int lock_function(pthread_rwlock_t *);

static inline int read_timed(pthread_rwlock_t *rwlock)
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    return pthread_rwlock_timedrdlock(rwlock, &end);
}

static inline int read_clock(pthread_rwlock_t *rwlock)
{
    struct timespec end = unit_deadline(CLOCK_MONOTONIC, FAR_MS);
    return pthread_rwlock_clockrdlock(rwlock, CLOCK_MONOTONIC, &end);
}

static inline int write_timed(pthread_rwlock_t *rwlock)
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    return pthread_rwlock_timedwrlock(rwlock, &end);
}

static inline int write_clock(pthread_rwlock_t *rwlock)
{
    struct timespec end = unit_deadline(CLOCK_MONOTONIC, FAR_MS);
    return pthread_rwlock_clockwrlock(rwlock, CLOCK_MONOTONIC, &end);
}

/* The same assertion about each function that waits for a read lock, or for the write lock. */
#define ASSERTION_OF_READS(number, text, check)                                                    \
    ASSERTION(pthread_rwlock_rdlock, number, text)                                                 \
    {                                                                                              \
        check(pthread_rwlock_rdlock);                                                              \
    }                                                                                              \
    ASSERTION(pthread_rwlock_timedrdlock, number, text)                                            \
    {                                                                                              \
        check(read_timed);                                                                         \
    }                                                                                              \
    ASSERTION(pthread_rwlock_clockrdlock, number, text)                                            \
    {                                                                                              \
        check(read_clock);                                                                         \
    }
#define ASSERTION_OF_WRITES(number, text, check)                                                   \
    ASSERTION(pthread_rwlock_wrlock, number, text)                                                 \
    {                                                                                              \
        check(pthread_rwlock_wrlock);                                                              \
    }                                                                                              \
    ASSERTION(pthread_rwlock_timedwrlock, number, text)                                            \
    {                                                                                              \
        check(write_timed);                                                                        \
    }                                                                                              \
    ASSERTION(pthread_rwlock_clockwrlock, number, text)                                            \
    {                                                                                              \
        check(write_clock);                                                                        \
    }

/* Another thread gives back what it gets, as the state of a lock is what others can do with it. */
static inline int try_read(void *rwlock)
{
    int error = pthread_rwlock_tryrdlock(rwlock);
    if (error == 0)
        ck_assert_int_eq(pthread_rwlock_unlock(rwlock), 0);
    return error;
}

static inline int try_write(void *rwlock)
{
    int error = pthread_rwlock_trywrlock(rwlock);
    if (error == 0)
        ck_assert_int_eq(pthread_rwlock_unlock(rwlock), 0);
    return error;
}

static inline void is_unlocked(pthread_rwlock_t *rwlock)
{
    ck_assert_int_eq(unit_elsewhere(try_write, rwlock), 0);
}

static inline void is_read_locked(pthread_rwlock_t *rwlock)
{
    ck_assert_int_eq(unit_elsewhere(try_write, rwlock), EBUSY);
    ck_assert_int_eq(unit_elsewhere(try_read, rwlock), 0);
}

static inline void is_write_locked(pthread_rwlock_t *rwlock)
{
    ck_assert_int_eq(unit_elsewhere(try_write, rwlock), EBUSY);
    ck_assert_int_eq(unit_elsewhere(try_read, rwlock), EBUSY);
}

static inline void init(pthread_rwlock_t *rwlock)
{
    ck_assert_int_eq(pthread_rwlock_init(rwlock, NULL), 0);
}

static inline void init_shared(pthread_rwlock_t *rwlock)
{
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_rwlock_init(rwlock, &attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_destroy(&attr), 0);
}

static inline void unlock(pthread_rwlock_t *rwlock)
{
    ck_assert_int_eq(pthread_rwlock_unlock(rwlock), 0);
}

/* A thread that takes a lock, and unlocks it when told. */
struct user {
    lock_function *lock;
    pthread_rwlock_t *rwlock;
    int policy, priority; /* 0, 0: as they are */
    atomic_int place;     /* among those who got the lock: from 1; 0 as long as it has not */
    atomic_int leave;
    struct unit_call call;
};

static atomic_int places;

static inline int use(void *argument)
{
    struct user *user = argument;
    if (user->priority != 0)
        set_priority(user->policy, user->priority);
    int error = user->lock(user->rwlock);
    if (error != 0)
        return error;
    atomic_store(&user->place, atomic_fetch_add(&places, 1) + 1);
    unit_wait_for(&user->leave, 1);
    return pthread_rwlock_unlock(user->rwlock);
}

static inline void start(struct user *user, lock_function *lock, pthread_rwlock_t *rwlock)
{
    *user = (struct user){.lock = lock, .rwlock = rwlock};
    unit_start(&user->call, use, user);
}

static inline void must_wait(struct user *user)
{
    unit_wait_until_blocked(&user->call);
    ck_assert_msg(atomic_load(&user->place) == 0, "the lock was given at once");
}

static inline void must_get(struct user *user)
{
    while (atomic_load(&user->place) == 0) {
        ck_assert(!atomic_load(&user->call.returned));
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
    leave(user);
}

/* Realtime threads, all of one policy. */

static inline void need_priorities(int policy, int mine)
{
    if (sysconf(_SC_THREAD_PRIORITY_SCHEDULING) <= 0)
        unsupported("no Thread Execution Scheduling option");
    set_priority(policy, mine);
}

static inline void start_with_priority(struct user *user, lock_function *lock,
                                       pthread_rwlock_t *rwlock, int policy, int priority)
{
    *user = (struct user){.lock = lock, .rwlock = rwlock, .policy = policy, .priority = priority};
    unit_start(&user->call, use, user);
}

/* Interrupt a thread that waits, and hold that the handler has returned and it waits again. */
static inline void interrupt(struct user *user)
{
    int before = atomic_load(&handled);
    ck_assert_int_eq(pthread_kill(user->call.thread, SIGUSR1), 0);
    unit_wait_for(&handled, before + 1);
    must_wait(user);
}

static inline void is_a_lock(pthread_rwlock_t *rwlock)
{
    is_unlocked(rwlock);
    ck_assert_int_eq(pthread_rwlock_rdlock(rwlock), 0);
    is_read_locked(rwlock);
    unlock(rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(rwlock), 0);
    is_write_locked(rwlock);
    unlock(rwlock);
    is_unlocked(rwlock);
}

#endif
