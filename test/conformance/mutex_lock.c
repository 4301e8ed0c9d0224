/*
 * What locks mutexes: XSH pthread_mutex_lock, pthread_mutex_clocklock, and what XSH 2.9.3 and 2.9.9
 * say of them. What the protocols do to the priority of an owner is in mutexattr.c.
 */
#include "mutex.h"

/* pthread_mutex_lock(), pthread_mutex_timedlock(), pthread_mutex_clocklock() */

static void check_locks(lock_function *lock)
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        ck_assert_int_eq(lock(&mutex), 0);
        is_locked(&mutex);
        unlock(&mutex);
        is_unlocked(&mutex);
        destroy(&mutex);
    }
}
ASSERTION_OF_LOCKS(1, "locks an unlocked mutex of any kind, and returns 0", check_locks)

/* The kinds that know their owner tell anybody else who unlocks. */
static void check_owns(lock_function *lock)
{
    pthread_mutex_t mutex;
    for (int i = 0; i < 2; i++)
        FOR_EACH_KIND_OF(i ? PTHREAD_MUTEX_ERRORCHECK : PTHREAD_MUTEX_RECURSIVE, &mutex)
        {
            ck_assert_int_eq(lock(&mutex), 0);
            ck_assert_int_eq(unit_elsewhere(just_unlock, &mutex), EPERM);
            is_locked(&mutex);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
            destroy(&mutex);
        }
}
ASSERTION_OF_LOCKS(2, "makes the caller the owner, who alone can unlock it", check_owns)

static void check_blocks(lock_function *function)
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        struct user user;
        lock(&mutex);
        start(&user, function, &mutex);
        must_wait(&user);
        unlock(&mutex);
        must_get(&user);
        ck_assert_int_eq(user.error, 0);
        is_locked(&mutex);
        leave(&user);
        destroy(&mutex);
    }
}
ASSERTION_OF_LOCKS(3, "blocks while another thread owns the mutex, until it is unlocked",
                   check_blocks)

/* Threads that add to a number which nothing but the mutex protects. */
struct sum {
    lock_function *lock;
    pthread_mutex_t mutex;
    int volatile value;
    int inside; /* how many own the mutex; plain, as the mutex orders it */
};
enum { ADDERS = 4, ADDITIONS = 500 };

static int add(void *argument)
{
    struct sum *sum = argument;
    for (int i = 0; i < ADDITIONS;) {
        int error = sum->lock(&sum->mutex);
        if (error == EBUSY) {
            nanosleep(&(struct timespec){0, 20000}, NULL);
            continue;
        }
        ck_assert_int_eq(error, 0);
        ck_assert_int_eq(sum->inside++, 0);
        int value = sum->value;
        if (i++ % 100 == 0)
            sched_yield();
        sum->value = value + 1;
        sum->inside--;
        unlock(&sum->mutex);
    }
    return 0;
}

static void check_excludes(lock_function *lock)
{
    struct sum sum = {.lock = lock};
    FOR_EACH_KIND(&sum.mutex)
    {
        struct unit_call calls[ADDERS];
        sum.value = 0;
        for (int i = 0; i < ADDERS; i++)
            unit_start(&calls[i], add, &sum);
        for (int i = 0; i < ADDERS; i++)
            unit_finish(&calls[i]);
        ck_assert_int_eq(sum.value, ADDERS * ADDITIONS);
        destroy(&sum.mutex);
    }
}
ASSERTION_OF_LOCKS(4, "no two threads own a mutex at a time, and each sees what the last one wrote",
                   check_excludes)

static int lock_twice(void *argument)
{
    struct user *user = argument;
    ck_assert_int_eq(user->lock(user->mutex), 0);
    return user->lock(user->mutex);
}

static void check_deadlocks(lock_function *lock)
{
    /* The threads remain blocked when the test is over. */
    static pthread_mutex_t mutexes[KINDS_OF_A_TYPE];
    static struct user users[KINDS_OF_A_TYPE];
    FOR_EACH_KIND_OF(PTHREAD_MUTEX_NORMAL, &mutexes[kind])
    {
        struct user *user = &users[kind];
        user->lock = lock;
        user->mutex = &mutexes[kind];
        unit_start(&user->call, lock_twice, user);
        unit_wait_until_blocked(&user->call);
        ck_assert_int_eq(pthread_mutex_trylock(&mutexes[kind]), EBUSY);
        ck_assert(!atomic_load(&user->call.returned));
    }
}
ASSERTION_OF_LOCKS(5, "a normal mutex that the caller owns: it waits, and nobody can end that",
                   check_deadlocks)

static void check_error_checking(lock_function *lock)
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND_OF(PTHREAD_MUTEX_ERRORCHECK, &mutex)
    {
        ck_assert_int_eq(lock(&mutex), 0);
        ck_assert_int_eq(lock(&mutex), EDEADLK);
        is_locked(&mutex);
        unlock(&mutex);
        is_unlocked(&mutex);
        destroy(&mutex);
    }
}
ASSERTION_OF_LOCKS(6, "an error checking mutex that the caller owns: EDEADLK, and no change",
                   check_error_checking)

static void check_counts(lock_function *lock)
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND_OF(PTHREAD_MUTEX_RECURSIVE, &mutex)
    {
        for (int i = 0; i < 100; i++)
            ck_assert_int_eq(lock(&mutex), 0);
        for (int i = 0; i < 100; i++) {
            is_locked(&mutex);
            unlock(&mutex);
        }
        is_unlocked(&mutex);
        destroy(&mutex);
    }
}
ASSERTION_OF_LOCKS(7, "a recursive mutex that the caller owns: counts, and returns 0", check_counts)

UNTESTED_OF_LOCKS(8, "fails with EAGAIN when a recursive mutex is locked too often for its count",
                  "that number is the implementation's, and is out of reach where it is of 32 bits")

static void check_signal(lock_function *function)
{
    for (int i = 0; i < 2; i++) {
        pthread_mutex_t mutex;
        catch_signal(SIGUSR1, count_signal, i ? SA_RESTART : 0);
        FOR_EACH_KIND(&mutex)
        {
            struct user user;
            lock(&mutex);
            start(&user, function, &mutex);
            must_wait(&user);
            interrupt(&user);
            interrupt(&user);
            unlock(&mutex);
            get_and_leave(&user);
            destroy(&mutex);
        }
    }
}
ASSERTION_OF_LOCKS(9, "waits on after a signal handler has run", check_signal)

static void check_orphan(lock_function *lock)
{
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = orphan(types[t], PTHREAD_PRIO_NONE);
        ck_assert_int_eq(lock(&shared->mutex), EOWNERDEAD);
        is_locked(&shared->mutex);
        ck_assert_int_eq(unit_elsewhere(just_unlock, &shared->mutex), EPERM);
        ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
        unlock(&shared->mutex);
        is_a_mutex(&shared->mutex);
    }
}
ASSERTION_OF_LOCKS(10,
                   "a robust mutex that a process died with: EOWNERDEAD, and it is the caller's",
                   check_orphan)

static void check_orphaned_meanwhile(lock_function *lock)
{
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = new_shared(types[t], PTHREAD_PRIO_NONE);
        struct user users[2];
        pid_t pid = lock_in_child(shared, 0);
        for (int i = 0; i < 2; i++) {
            start(&users[i], lock, &shared->mutex);
            must_wait(&users[i]);
        }
        unit_kill(pid);
        while (atomic_load(&users[0].place) == 0 && atomic_load(&users[1].place) == 0)
            sched_yield();
        struct user *heir = &users[atomic_load(&users[0].place) == 0];
        ck_assert_int_eq(heir->error, EOWNERDEAD);
        is_locked(&shared->mutex);
        /* It has not been declared consistent: the other one must not wait for ever. */
        leave(heir);
        struct user *other = &users[heir == &users[0]];
        ck_assert_int_eq(unit_finish(&other->call), ENOTRECOVERABLE);
    }
}
ASSERTION_OF_LOCKS(11, "the same when it waits: for one caller EOWNERDEAD, the others wait on",
                   check_orphaned_meanwhile)

static void check_unrecoverable(lock_function *lock)
{
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = orphan(types[t], PTHREAD_PRIO_NONE);
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
        unlock(&shared->mutex);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(lock(&shared->mutex), ENOTRECOVERABLE);
        is_unusable(&shared->mutex);
    }
}
ASSERTION_OF_LOCKS(12, "a robust mutex that was unlocked inconsistent: ENOTRECOVERABLE, for ever",
                   check_unrecoverable)

static void check_thread_ended(lock_function *lock)
{
    for (int t = 0; t < TYPES; t++) {
        struct user *user = calloc(1, sizeof *user);
        struct shared *shared = new_shared(types[t], PTHREAD_PRIO_NONE);
        ck_assert_int_eq(unit_elsewhere(just_lock, &shared->mutex), 0); /* it ends as owner */
        atomic_store(&user->leave, 1);
        user->lock = lock;
        user->mutex = &shared->mutex;
        unit_start(&user->call, use, user);
        if (returns(&user->call)) {
            unit_finish(&user->call);
            ck_assert_int_eq(user->error, EOWNERDEAD);
        } else {
            ck_assert_int_eq(atomic_load(&user->place), 0);
        }
    }
}
ASSERTION_OF_LOCKS(13,
                   "a robust mutex that a thread ended with, its process alive: EOWNERDEAD, or it "
                   "waits",
                   check_thread_ended)

static void check_ceiling(lock_function *lock)
{
    pthread_mutex_t mutex;
    need_protect_at(20);
    init_ceiling(&mutex, 19);
    ck_assert_int_eq(lock(&mutex), EINVAL);
    set_priority(SCHED_FIFO, 19);
    ck_assert_int_eq(lock(&mutex), 0);
    unlock(&mutex);
}
ASSERTION_OF_LOCKS(14, "fails with EINVAL for a priority above the ceiling of the mutex",
                   check_ceiling)

/* Two threads, each of which owns what the other waits for. */
struct embrace {
    lock_function *lock;
    pthread_mutex_t *first, *second;
    atomic_int *both;
    struct unit_call call;
};

static int embrace(void *argument)
{
    struct embrace *one = argument;
    lock(one->first);
    atomic_fetch_add(one->both, 1);
    unit_wait_for(one->both, 2);
    int error = one->lock(one->second);
    if (error == 0)
        unlock(one->second);
    unlock(one->first);
    return error;
}

static void check_cycle(lock_function *lock)
{
    static pthread_mutex_t a, b;
    static atomic_int both;
    static struct embrace one, other;
    init(&a, PTHREAD_MUTEX_ERRORCHECK);
    init(&b, PTHREAD_MUTEX_ERRORCHECK);
    one = (struct embrace){.lock = lock, .first = &a, .second = &b, .both = &both};
    other = (struct embrace){.lock = lock, .first = &b, .second = &a, .both = &both};
    unit_start(&one.call, embrace, &one);
    unit_start(&other.call, embrace, &other);
    unit_wait_for(&both, 2);
    bool told = returns(&one.call);
    if (!returns(&other.call) && !told && !atomic_load(&one.call.returned))
        return; /* both are blocked for good */
    int of_one = unit_finish(&one.call), of_other = unit_finish(&other.call);
    ck_assert_msg(of_one == EDEADLK || of_other == EDEADLK, "%d and %d", of_one, of_other);
    ck_assert_msg(of_one == EDEADLK || of_one == 0, "%d and %d", of_one, of_other);
    ck_assert_msg(of_other == EDEADLK || of_other == 0, "%d and %d", of_one, of_other);
}
ASSERTION_OF_LOCKS(15, "may fail with EDEADLK when owners wait for each other; else they wait",
                   check_cycle)

static void check_no_eintr(lock_function *function)
{
    pthread_mutex_t mutex;
    catch_signal(SIGUSR1, count_signal, 0);
    FOR_EACH_KIND(&mutex)
    {
        struct user user;
        lock(&mutex);
        start(&user, function, &mutex);
        must_wait(&user);
        for (int i = 0; i < 100; i++)
            ck_assert_int_eq(pthread_kill(user.call.thread, SIGUSR1), 0);
        unlock(&mutex);
        get_and_leave(&user);
        destroy(&mutex);
    }
}
ASSERTION_OF_LOCKS(16, "never returns EINTR", check_no_eintr)

static void check_inherit(lock_function *function)
{
    need_inherit();
    for (int t = 0; t < TYPES; t++)
        for (int robust = 0; robust < 2; robust++) {
            pthread_mutex_t mutex;
            struct user user;
            ck_assert_int_eq(unit_mutex_init(&mutex, types[t], PTHREAD_PROCESS_SHARED,
                                             robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED,
                                             PTHREAD_PRIO_INHERIT),
                             0);
            ck_assert_int_eq(function(&mutex), 0);
            start(&user, function, &mutex);
            must_wait(&user);
            unlock(&mutex);
            get_and_leave(&user);
            is_unlocked(&mutex);
            destroy(&mutex);
        }
}
ASSERTION_OF_LOCKS(17,
                   "locks a mutex of PTHREAD_PRIO_INHERIT too, and blocks while it is another's",
                   check_inherit)

static void check_inherit_orphan(lock_function *lock)
{
    need_inherit();
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = orphan(types[t], PTHREAD_PRIO_INHERIT);
        ck_assert_int_eq(lock(&shared->mutex), EOWNERDEAD);
        is_locked(&shared->mutex);
        unlock(&shared->mutex);
        ck_assert_int_eq(lock(&shared->mutex), ENOTRECOVERABLE);
    }
}
ASSERTION_OF_LOCKS(18, "a robust mutex of PTHREAD_PRIO_INHERIT: EOWNERDEAD, ENOTRECOVERABLE",
                   check_inherit_orphan)

/* The same with an end. */

typedef int timed_function(pthread_mutex_t *, clockid_t, const struct timespec *);

static int timed_lock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *end)
{
    (void)clock;
    return pthread_mutex_timedlock(mutex, end);
}

#define ASSERTION_OF_TIMED_LOCKS(number, text, check)                                              \
    ASSERTION(pthread_mutex_timedlock, number, text)                                               \
    {                                                                                              \
        check(timed_lock, CLOCK_REALTIME);                                                         \
    }                                                                                              \
    ASSERTION(pthread_mutex_clocklock, number, text)                                               \
    {                                                                                              \
        check(pthread_mutex_clocklock, CLOCK_MONOTONIC);                                           \
        check(pthread_mutex_clocklock, CLOCK_REALTIME);                                            \
    }

/* A call of one of them in another thread. */
struct timed {
    timed_function *lock;
    pthread_mutex_t *mutex;
    clockid_t clock;
    struct timespec end;
    int priority; /* of SCHED_FIFO; 0: as it is */
};

static int call_timed(void *argument)
{
    struct timed *timed = argument;
    if (timed->priority != 0)
        set_priority(SCHED_FIFO, timed->priority);
    return timed->lock(timed->mutex, timed->clock, &timed->end);
}

static int lock_elsewhere(timed_function *lock, pthread_mutex_t *mutex, clockid_t clock,
                          struct timespec end)
{
    struct timed timed = {lock, mutex, clock, end, 0};
    return unit_elsewhere(call_timed, &timed);
}

static void check_expires(timed_function *function, clockid_t clock)
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        lock(&mutex);
        struct timespec end = unit_deadline(clock, 10);
        ck_assert_int_eq(lock_elsewhere(function, &mutex, clock, end), ETIMEDOUT);
        is_over(clock, end);
        unlock(&mutex);
        destroy(&mutex);
    }
}
ASSERTION_OF_TIMED_LOCKS(19, "fails with ETIMEDOUT when the clock has reached the time, not before",
                         check_expires)

static void check_expired(timed_function *function, clockid_t clock)
{
    pthread_mutex_t mutex;
    struct timespec start_of_time = {0, 0}, before_it = {-1, 0};
    init(&mutex, PTHREAD_MUTEX_NORMAL);
    lock(&mutex);
    struct timespec past = unit_deadline(clock, -1);
    ck_assert_int_eq(lock_elsewhere(function, &mutex, clock, past), ETIMEDOUT);
    ck_assert_int_eq(lock_elsewhere(function, &mutex, clock, start_of_time), ETIMEDOUT);
    ck_assert_int_eq(lock_elsewhere(function, &mutex, clock, before_it), ETIMEDOUT);
}
ASSERTION_OF_TIMED_LOCKS(20, "the same at once if the time has passed before the call",
                         check_expired)

static void check_own_expires(timed_function *function, clockid_t clock)
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND_OF(PTHREAD_MUTEX_NORMAL, &mutex)
    {
        lock(&mutex);
        struct timespec end = unit_deadline(clock, 10);
        ck_assert_int_eq(function(&mutex, clock, &end), ETIMEDOUT);
        is_over(clock, end);
        unlock(&mutex);
        is_unlocked(&mutex);
        destroy(&mutex);
    }
}
ASSERTION_OF_TIMED_LOCKS(21, "the same for a normal mutex that the caller owns", check_own_expires)

static void check_no_timeout(timed_function *function, clockid_t clock)
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        struct timespec past = unit_deadline(clock, -1000), start_of_time = {0, 0};
        ck_assert_int_eq(function(&mutex, clock, &past), 0);
        unlock(&mutex);
        ck_assert_int_eq(function(&mutex, clock, &start_of_time), 0);
        if (types[t] == PTHREAD_MUTEX_RECURSIVE) {
            ck_assert_int_eq(function(&mutex, clock, &past), 0);
            unlock(&mutex);
        }
        unlock(&mutex);
        destroy(&mutex);
    }
}
ASSERTION_OF_TIMED_LOCKS(22, "never times out if the mutex can be locked at once", check_no_timeout)

static void check_timeout_leaves_mutex(timed_function *function, clockid_t clock)
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        lock(&mutex);
        struct timespec end = unit_deadline(clock, 2);
        ck_assert_int_eq(lock_elsewhere(function, &mutex, clock, end), ETIMEDOUT);
        is_locked(&mutex);
        unlock(&mutex);
        is_a_mutex(&mutex);
        destroy(&mutex);
    }
}
ASSERTION_OF_TIMED_LOCKS(23, "a call that times out does not lock the mutex",
                         check_timeout_leaves_mutex)

static void check_timeout_interrupted(timed_function *function, clockid_t clock)
{
    pthread_mutex_t mutex;
    init(&mutex, PTHREAD_MUTEX_NORMAL);
    lock(&mutex);
    for (int i = 0; i < 2; i++) {
        int before = atomic_load(&handled);
        catch_signal(SIGUSR1, count_signal, i ? SA_RESTART : 0);
        /* More time for a machine so busy that the wait was over before the signal. */
        for (int ms = 50; atomic_load(&handled) == before; ms *= 2) {
            struct unit_call call;
            struct timed timed = {function, &mutex, clock, unit_deadline(clock, ms), 0};
            unit_start(&call, call_timed, &timed);
            if (!returns(&call))
                pthread_kill(call.thread, SIGUSR1);
            ck_assert_int_eq(unit_finish(&call), ETIMEDOUT);
            is_over(clock, timed.end);
        }
    }
}
ASSERTION_OF_TIMED_LOCKS(24, "a signal handler that runs meanwhile does not change when it ends",
                         check_timeout_interrupted)

static void check_invalid_time(timed_function *function, clockid_t clock)
{
    static const long wrong[] = {-1, 1000000000};
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        lock(&mutex);
        for (int i = 0; i < 2; i++) {
            struct timespec end = unit_deadline(clock, FAR_MS);
            end.tv_nsec = wrong[i];
            ck_assert_int_eq(lock_elsewhere(function, &mutex, clock, end), EINVAL);
        }
        is_locked(&mutex);
        unlock(&mutex);
        destroy(&mutex);
    }
}
ASSERTION_OF_TIMED_LOCKS(25,
                         "fails with EINVAL when it would wait and the nanoseconds are below 0 or "
                         "not below 1000 million",
                         check_invalid_time)

static void check_inherit_expires(timed_function *function, clockid_t clock)
{
    pthread_mutex_t mutex;
    need_inherit();
    for (int t = 0; t < TYPES; t++) {
        init_robust(&mutex, types[t], PTHREAD_PRIO_INHERIT);
        lock(&mutex);
        struct timespec end = unit_deadline(clock, 10);
        ck_assert_int_eq(lock_elsewhere(function, &mutex, clock, end), ETIMEDOUT);
        is_over(clock, end);
        unlock(&mutex);
        is_unlocked(&mutex);
        destroy(&mutex);
    }
}
ASSERTION_OF_TIMED_LOCKS(26, "a wait for a mutex of PTHREAD_PRIO_INHERIT ends at its time too",
                         check_inherit_expires)

static void check_timeout_ends_inheritance(timed_function *function, clockid_t clock)
{
    pthread_mutex_t mutex;
    need_inherit();
    set_priority(SCHED_FIFO, 10);
    ck_assert_int_eq(unit_mutex_init(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE,
                                     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT),
                     0);
    lock(&mutex);
    struct unit_call call;
    struct timed timed = {function, &mutex, clock, unit_deadline(clock, 150), 20};
    unit_start(&call, call_timed, &timed);
    unit_wait_for(&call.tid, 1);
    unit_wait_until_asleep(getpid(), atomic_load(&call.tid));
    ck_assert_int_eq(unit_priority(unit_gettid()), 20);
    ck_assert_int_eq(unit_finish(&call), ETIMEDOUT);
    ck_assert_int_eq(unit_priority(unit_gettid()), 10);
    unlock(&mutex);
    destroy(&mutex);
}
ASSERTION_OF_TIMED_LOCKS(27, "the owner loses the priority of a waiter whose time is over",
                         check_timeout_ends_inheritance)

ASSERTION(pthread_mutex_clocklock, 28,
          "fails with EINVAL when it would wait and the clock is not a known one")
{
    pthread_mutex_t mutex;
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    init(&mutex, PTHREAD_MUTEX_NORMAL);
    lock(&mutex);
    ck_assert_int_eq(lock_elsewhere(pthread_mutex_clocklock, &mutex, 12345, end), EINVAL);
    is_locked(&mutex);
}

/* pthread_mutex_trylock() */

ASSERTION(pthread_mutex_trylock, 1, "locks an unlocked mutex of any kind, and returns 0")
{
    check_locks(pthread_mutex_trylock);
}

ASSERTION(pthread_mutex_trylock, 2, "makes the caller the owner, who alone can unlock it")
{
    check_owns(pthread_mutex_trylock);
}

ASSERTION(pthread_mutex_trylock, 3,
          "no two threads own a mutex at a time, and each sees what the last one wrote")
{
    check_excludes(pthread_mutex_trylock);
}

ASSERTION(pthread_mutex_trylock, 4, "fails with EBUSY at once while another thread owns the mutex")
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        struct user owner;
        start(&owner, pthread_mutex_lock, &mutex);
        must_get(&owner);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
        leave(&owner);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
        unlock(&mutex);
        destroy(&mutex);
    }
}

ASSERTION(pthread_mutex_trylock, 5,
          "a normal or error checking mutex that the caller owns: EBUSY, and no change")
{
    pthread_mutex_t mutex;
    for (int i = 0; i < 2; i++)
        FOR_EACH_KIND_OF(i ? PTHREAD_MUTEX_ERRORCHECK : PTHREAD_MUTEX_NORMAL, &mutex)
        {
            lock(&mutex);
            ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
            is_locked(&mutex);
            unlock(&mutex);
            is_unlocked(&mutex);
            destroy(&mutex);
        }
}

ASSERTION(pthread_mutex_trylock, 6, "a recursive mutex that the caller owns: counts, and returns 0")
{
    check_counts(pthread_mutex_trylock);
}

UNTESTED(pthread_mutex_trylock, 7,
         "fails with EAGAIN when a recursive mutex is locked too often for its count",
         "that number is the implementation's, and is out of reach where it is of 32 bits")

ASSERTION(pthread_mutex_trylock, 8,
          "a robust mutex that a process died with: EOWNERDEAD, and it is the caller's")
{
    check_orphan(pthread_mutex_trylock);
}

ASSERTION(pthread_mutex_trylock, 9,
          "a robust mutex that was unlocked inconsistent: ENOTRECOVERABLE, for ever")
{
    check_unrecoverable(pthread_mutex_trylock);
}

ASSERTION(pthread_mutex_trylock, 10,
          "a robust mutex that a thread ended with, its process alive: EOWNERDEAD, or EBUSY")
{
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = new_shared(types[t], PTHREAD_PRIO_NONE);
        ck_assert_int_eq(unit_elsewhere(just_lock, &shared->mutex), 0); /* it ends as owner */
        int error = pthread_mutex_trylock(&shared->mutex);
        ck_assert_msg(error == EOWNERDEAD || error == EBUSY, "error %d", error);
        is_locked(&shared->mutex);
    }
}

ASSERTION(pthread_mutex_trylock, 11, "fails with EINVAL for a priority above the mutex's ceiling")
{
    check_ceiling(pthread_mutex_trylock);
}

static int try_and_unlock_now(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    return error ? error : pthread_mutex_unlock(mutex);
}

ASSERTION(pthread_mutex_trylock, 12, "never returns EINTR")
{
    pthread_mutex_t mutex;
    init(&mutex, PTHREAD_MUTEX_NORMAL);
    hail(try_and_unlock_now, &mutex);
}

ASSERTION(pthread_mutex_trylock, 13, "treats a mutex of PTHREAD_PRIO_INHERIT likewise")
{
    need_inherit();
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = new_shared(types[t], PTHREAD_PRIO_INHERIT);
        ck_assert_int_eq(pthread_mutex_trylock(&shared->mutex), 0);
        is_locked(&shared->mutex);
        unlock(&shared->mutex);
        is_unlocked(&shared->mutex);
        shared = orphan(types[t], PTHREAD_PRIO_INHERIT);
        ck_assert_int_eq(pthread_mutex_trylock(&shared->mutex), EOWNERDEAD);
        unlock(&shared->mutex);
        ck_assert_int_eq(pthread_mutex_trylock(&shared->mutex), ENOTRECOVERABLE);
    }
}
