/* Priority ceilings of mutexes: XSH pthread_mutex_getprioceiling. */
#include "mutex.h"

/* pthread_mutex_getprioceiling() */

ASSERTION(pthread_mutex_getprioceiling, 1, "gives the ceiling of the mutex, and returns 0")
{
    pthread_mutex_t mutex;
    need_protect_at(10);
    int lowest = sched_get_priority_min(SCHED_FIFO), highest = sched_get_priority_max(SCHED_FIFO);
    for (int ceiling = lowest; ceiling <= highest; ceiling++) {
        init_ceiling(&mutex, ceiling);
        has_ceiling(&mutex, ceiling);
        destroy(&mutex);
    }
}

ASSERTION(pthread_mutex_getprioceiling, 2, "gives the same when the mutex is locked, by whomever")
{
    pthread_mutex_t mutex;
    struct user owner;
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    lock(&mutex);
    has_ceiling(&mutex, 15);
    unlock(&mutex);
    start(&owner, pthread_mutex_lock, &mutex);
    must_get(&owner);
    has_ceiling(&mutex, 15);
    leave(&owner);
}

ASSERTION(pthread_mutex_getprioceiling, 3, "fails with EINVAL for a mutex of PTHREAD_PRIO_NONE")
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        int ceiling;
        ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &ceiling), EINVAL);
        destroy(&mutex);
    }
}

UNTESTED(pthread_mutex_getprioceiling, 4,
         "fails with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static int get_ceiling(pthread_mutex_t *mutex)
{
    int ceiling;
    return pthread_mutex_getprioceiling(mutex, &ceiling);
}

ASSERTION(pthread_mutex_getprioceiling, 5, "never returns EINTR")
{
    pthread_mutex_t mutex;
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    hail(get_ceiling, &mutex);
}

/* pthread_mutex_setprioceiling() */

static int set_ceiling(pthread_mutex_t *mutex, int ceiling)
{
    int old;
    return pthread_mutex_setprioceiling(mutex, ceiling, &old);
}

static int set_ceiling_to_25(pthread_mutex_t *mutex)
{
    return set_ceiling(mutex, 25);
}

/* The same as something to be called in another thread, with nothing to undo. */
static int call_set_ceiling(void *argument)
{
    struct user *user = argument;
    return user->lock(user->mutex);
}

static int lock_and_set_ceiling(void *argument)
{
    struct user *user = argument;
    lock(user->mutex);
    return user->lock(user->mutex);
}

static void start_setting(struct user *user, pthread_mutex_t *mutex)
{
    *user = (struct user){.lock = set_ceiling_to_25, .mutex = mutex};
    unit_start(&user->call, call_set_ceiling, user);
}

ASSERTION(pthread_mutex_setprioceiling, 1, "sets the ceiling, and returns 0")
{
    pthread_mutex_t mutex;
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    ck_assert_int_eq(set_ceiling(&mutex, 25), 0);
    has_ceiling(&mutex, 25);
    ck_assert_int_eq(set_ceiling(&mutex, 12), 0);
    has_ceiling(&mutex, 12);
}

ASSERTION(pthread_mutex_setprioceiling, 2, "gives the ceiling that was")
{
    pthread_mutex_t mutex;
    int old = -1;
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, 25, &old), 0);
    ck_assert_int_eq(old, 15);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, 12, &old), 0);
    ck_assert_int_eq(old, 25);
}

ASSERTION(pthread_mutex_setprioceiling, 3, "waits while another thread owns the mutex")
{
    pthread_mutex_t mutex;
    struct user user;
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    lock(&mutex);
    start_setting(&user, &mutex);
    unit_wait_until_blocked(&user.call);
    has_ceiling(&mutex, 15);
    unlock(&mutex);
    ck_assert_int_eq(unit_finish(&user.call), 0);
    has_ceiling(&mutex, 25);
}

ASSERTION(pthread_mutex_setprioceiling, 4, "leaves the mutex unlocked, and who waits acquires it")
{
    pthread_mutex_t mutex;
    struct user setter, user;
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    ck_assert_int_eq(set_ceiling(&mutex, 25), 0);
    is_unlocked(&mutex);
    lock(&mutex);
    start_setting(&setter, &mutex);
    unit_wait_until_blocked(&setter.call);
    start(&user, pthread_mutex_lock, &mutex);
    must_wait(&user);
    unlock(&mutex);
    get_and_leave(&user);
    ck_assert_int_eq(unit_finish(&setter.call), 0);
    is_unlocked(&mutex);
}

ASSERTION(pthread_mutex_setprioceiling, 5, "who locks the mutex goes by the new ceiling")
{
    pthread_mutex_t mutex;
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    ck_assert_int_eq(set_ceiling(&mutex, 25), 0);
    lock(&mutex);
    ck_assert_int_eq(unit_priority(unit_gettid()), 25);
    unlock(&mutex);
    set_priority(SCHED_FIFO, 20);
    lock(&mutex);
    unlock(&mutex);
    set_priority(SCHED_FIFO, 26);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EINVAL);
}

ASSERTION(pthread_mutex_setprioceiling, 6,
          "for a priority above the ceiling, as it need not follow that protocol: 0, or EINVAL")
{
    pthread_mutex_t mutex;
    need_protect_at(20);
    init_ceiling(&mutex, 15);
    int error = set_ceiling(&mutex, 25);
    ck_assert_msg(error == 0 || error == EINVAL, "error %d", error);
    has_ceiling(&mutex, error == 0 ? 25 : 15);
    ck_assert_int_eq(unit_priority(unit_gettid()), 20);
}

ASSERTION(
    pthread_mutex_setprioceiling, 7,
    "fails with EDEADLK for an error checking mutex that the caller owns, and changes nothing")
{
    pthread_mutex_t mutex;
    need_protect_at(10);
    init_ceiling_of(&mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, 15);
    lock(&mutex);
    ck_assert_int_eq(set_ceiling(&mutex, 25), EDEADLK);
    has_ceiling(&mutex, 15);
    is_locked(&mutex);
    unlock(&mutex);
    is_unlocked(&mutex);
}

ASSERTION(pthread_mutex_setprioceiling, 8,
          "a recursive mutex may be the caller's, and remains that")
{
    pthread_mutex_t mutex;
    need_protect_at(10);
    init_ceiling_of(&mutex, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, 15);
    lock(&mutex);
    ck_assert_int_eq(set_ceiling(&mutex, 25), 0);
    has_ceiling(&mutex, 25);
    is_locked(&mutex);
    unlock(&mutex);
    is_unlocked(&mutex);
    ck_assert_int_eq(unit_priority(unit_gettid()), 10);
}

ASSERTION(pthread_mutex_setprioceiling, 9,
          "a normal mutex that the caller owns: it waits, as pthread_mutex_lock does")
{
    static pthread_mutex_t mutex;
    static struct user user; /* the call is not over when the test is */
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    user = (struct user){.lock = set_ceiling_to_25, .mutex = &mutex};
    unit_start(&user.call, lock_and_set_ceiling, &user);
    unit_wait_until_blocked(&user.call);
    is_locked(&mutex);
    has_ceiling(&mutex, 15);
    ck_assert(!atomic_load(&user.call.returned));
}

UNTESTED(pthread_mutex_setprioceiling, 10,
         "fails with EAGAIN when a recursive mutex is locked too often for its count",
         "that number is the implementation's, and is out of reach where it is of 32 bits")

ASSERTION(pthread_mutex_setprioceiling, 11, "fails with EINVAL for a mutex of PTHREAD_PRIO_NONE")
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        ck_assert_int_eq(set_ceiling(&mutex, 25), EINVAL);
        is_a_mutex(&mutex);
        destroy(&mutex);
    }
}

UNTESTED(pthread_mutex_setprioceiling, 12,
         "fails with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static struct shared *orphan_with_ceiling(void)
{
    struct shared *shared = unit_map(unit_memory(sizeof *shared), sizeof *shared);
    init_ceiling_of(&shared->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, 15);
    unit_kill(lock_in_child(shared, 0));
    return shared;
}

ASSERTION(
    pthread_mutex_setprioceiling, 13,
    "a robust mutex that a process died with: EOWNERDEAD, it is the caller's, no other change")
{
    need_protect_at(10);
    struct shared *shared = orphan_with_ceiling();
    ck_assert_int_eq(set_ceiling(&shared->mutex, 25), EOWNERDEAD);
    has_ceiling(&shared->mutex, 15);
    is_locked(&shared->mutex);
    ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
    unlock(&shared->mutex);
    is_unlocked(&shared->mutex);
}

ASSERTION(pthread_mutex_setprioceiling, 14,
          "a robust mutex that was unlocked inconsistent: ENOTRECOVERABLE")
{
    need_protect_at(10);
    struct shared *shared = orphan_with_ceiling();
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    unlock(&shared->mutex);
    ck_assert_int_eq(set_ceiling(&shared->mutex, 25), ENOTRECOVERABLE);
}

ASSERTION(pthread_mutex_setprioceiling, 15,
          "a robust mutex that a thread ended with, its process alive: EOWNERDEAD, or it waits")
{
    static struct user user;
    need_protect_at(10);
    struct shared *shared = unit_map(unit_memory(sizeof *shared), sizeof *shared);
    init_ceiling_of(&shared->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, 15);
    ck_assert_int_eq(unit_elsewhere(just_lock, &shared->mutex), 0); /* it ends as owner */
    start_setting(&user, &shared->mutex);
    if (returns(&user.call))
        ck_assert_int_eq(unit_finish(&user.call), EOWNERDEAD);
    has_ceiling(&shared->mutex, 15);
}

ASSERTION(pthread_mutex_setprioceiling, 16,
          "may fail with EINVAL for what is no priority of SCHED_FIFO; then the ceiling remains")
{
    pthread_mutex_t mutex;
    int wrong[] = {sched_get_priority_min(SCHED_FIFO) - 1, sched_get_priority_max(SCHED_FIFO) + 1};
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    for (int i = 0; i < 2; i++) {
        int error = set_ceiling(&mutex, wrong[i]);
        ck_assert_msg(error == 0 || error == EINVAL, "error %d", error);
        if (error == EINVAL)
            has_ceiling(&mutex, 15);
    }
}

ASSERTION(pthread_mutex_setprioceiling, 17, "never returns EINTR, whether or not it waits")
{
    pthread_mutex_t mutex;
    struct user user;
    need_protect_at(10);
    init_ceiling(&mutex, 15);
    catch_signal(SIGUSR1, count_signal, 0);
    lock(&mutex);
    start_setting(&user, &mutex);
    unit_wait_until_blocked(&user.call);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(pthread_kill(user.call.thread, SIGUSR1), 0);
    unlock(&mutex);
    ck_assert_int_eq(unit_finish(&user.call), 0);
    hail(set_ceiling_to_25, &mutex);
}
