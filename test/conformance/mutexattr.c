/*
 * Attributes of mutexes: XSH pthread_mutexattr_destroy, pthread_mutexattr_gettype,
 * pthread_mutexattr_getpshared and pthread_mutexattr_getrobust. Protocols and ceilings are in
 * mutexattr_protocol.c.
 */
#include "mutexattr.h"

/* pthread_mutexattr_init() */

ASSERTION(pthread_mutexattr_init, 1, "gives every attribute its default value, and returns 0")
{
    pthread_mutexattr_t attr;
    memset(&attr, 0xa5, sizeof attr);
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    has_defaults_but(&attr, 0);
}

ASSERTION(pthread_mutexattr_init, 2, "one object serves to initialise any number of mutexes")
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutexes[3];
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_mutex_init(&mutexes[i], &attr), 0);
    for (int i = 0; i < 3; i++) {
        lock(&mutexes[i]);
        ck_assert_int_eq(pthread_mutex_lock(&mutexes[i]), EDEADLK);
    }
    has_type(&attr, PTHREAD_MUTEX_ERRORCHECK);
}

ASSERTION(pthread_mutexattr_init, 3, "no change of the object reaches a mutex that it initialised")
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE), 0);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    lock(&mutex);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EDEADLK);
    unlock(&mutex);
    /* Were it robust now, this might be told. */
    ck_assert_int_eq(unit_elsewhere(just_lock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
}

UNTESTED(pthread_mutexattr_init, 4, "fails with ENOMEM when there is no memory for the object",
         "the caller provides the memory, and no way is known to make an object need more")

static int init_and_destroy(pthread_mutexattr_t *attr)
{
    pthread_mutexattr_t other;
    (void)attr;
    int error = pthread_mutexattr_init(&other);
    return error ? error : pthread_mutexattr_destroy(&other);
}

ASSERTION(pthread_mutexattr_init, 5, "never returns EINTR")
{
    hail_attr(init_and_destroy);
}

/* pthread_mutexattr_destroy() */

ASSERTION(pthread_mutexattr_destroy, 1, "destroys the object, and returns 0")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}

ASSERTION(pthread_mutexattr_destroy, 2, "a destroyed object can be initialised: to the defaults")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE), 0);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    has_defaults_but(&attr, 0);
}

ASSERTION(pthread_mutexattr_destroy, 3, "does not affect a mutex that the object has initialised")
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    lock(&mutex);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
    memset(&attr, 0xa5, sizeof attr);
    lock(&mutex);
    unlock(&mutex);
    is_locked(&mutex);
    unlock(&mutex);
    is_unlocked(&mutex);
}

ASSERTION(pthread_mutexattr_destroy, 4, "never returns EINTR")
{
    hail_attr(init_and_destroy);
}

/* pthread_mutexattr_gettype(), pthread_mutexattr_settype(): what types do is in mutex.c */

static void no_such(int (*set)(pthread_mutexattr_t *, int), int error)
{
    static const int values[] = {-1, 12345, 0x7fffffff};
    pthread_mutexattr_t attr;
    init_attr(&attr);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(set(&attr, values[i]), error);
}

ASSERTION(pthread_mutexattr_gettype, 1, "gives the type, and returns 0")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    for (int t = 0; t < TYPES; t++) {
        int type = -1;
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        ck_assert_int_eq(pthread_mutexattr_gettype(&attr, &type), 0);
        ck_assert_int_eq(type, types[t]);
    }
}

ASSERTION(pthread_mutexattr_gettype, 2, "the default is PTHREAD_MUTEX_DEFAULT")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    has_type(&attr, PTHREAD_MUTEX_DEFAULT);
}

static int get_type(pthread_mutexattr_t *attr)
{
    int type;
    return pthread_mutexattr_gettype(attr, &type);
}

ASSERTION(pthread_mutexattr_gettype, 3, "never returns EINTR")
{
    hail_attr(get_type);
}

ASSERTION(pthread_mutexattr_settype, 1, "sets the type, nothing else, and returns 0")
{
    for (int t = 0; t < TYPES; t++) {
        pthread_mutexattr_t attr;
        init_attr(&attr);
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        has_type(&attr, types[t]);
        has_defaults_but(&attr, TYPE);
    }
}

ASSERTION(pthread_mutexattr_settype, 2, "sets the type whatever it was before")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    for (int a = 0; a < TYPES; a++)
        for (int b = 0; b < TYPES; b++) {
            ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[a]), 0);
            ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[b]), 0);
            has_type(&attr, types[b]);
        }
}

ASSERTION(pthread_mutexattr_settype, 3, "is what decides over locking a mutex one owns")
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    struct unit_call call;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    lock(&mutex);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EDEADLK);
    unlock(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    lock(&mutex);
    lock(&mutex);
    unlock(&mutex);
    is_locked(&mutex);
    unlock(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_NORMAL), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    lock(&mutex);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    unit_start(&call, just_lock, &mutex);
    unit_wait_until_blocked(&call);
    unlock(&mutex);
    ck_assert_int_eq(unit_finish(&call), 0);
}

ASSERTION(pthread_mutexattr_settype, 4, "fails with EINVAL for what is no type")
{
    no_such(pthread_mutexattr_settype, EINVAL);
}

static int set_type(pthread_mutexattr_t *attr)
{
    return pthread_mutexattr_settype(attr, PTHREAD_MUTEX_RECURSIVE);
}

ASSERTION(pthread_mutexattr_settype, 5, "never returns EINTR")
{
    hail_attr(set_type);
}

/* pthread_mutexattr_getpshared(), pthread_mutexattr_setpshared() */

ASSERTION(pthread_mutexattr_getpshared, 1, "gives the attribute, and returns 0")
{
    pthread_mutexattr_t attr;
    int pshared = -1;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutexattr_getpshared(&attr, &pshared), 0);
    ck_assert_int_eq(pshared, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE), 0);
    ck_assert_int_eq(pthread_mutexattr_getpshared(&attr, &pshared), 0);
    ck_assert_int_eq(pshared, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_mutexattr_getpshared, 2, "the default is PTHREAD_PROCESS_PRIVATE")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    has_pshared(&attr, PTHREAD_PROCESS_PRIVATE);
}

static int get_pshared(pthread_mutexattr_t *attr)
{
    int pshared;
    return pthread_mutexattr_getpshared(attr, &pshared);
}

ASSERTION(pthread_mutexattr_getpshared, 3, "never returns EINTR")
{
    hail_attr(get_pshared);
}

ASSERTION(pthread_mutexattr_setpshared, 1, "sets the attribute, nothing else, and returns 0")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    has_pshared(&attr, PTHREAD_PROCESS_SHARED);
    has_defaults_but(&attr, PSHARED);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE), 0);
    has_defaults_but(&attr, 0);
}

/* A mutex that a child owns, as threads here find it, which reach it at another address. */
static void check_shared(pthread_mutexattr_t *attr)
{
    int fd = unit_memory(sizeof(struct shared));
    struct shared *here = unit_map(fd, sizeof *here), *there = unit_map(fd, sizeof *there);
    struct unit_call call;
    ck_assert_int_eq(pthread_mutexattr_setpshared(attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutex_init(&here->mutex, attr), 0);
    pid_t pid = lock_in_child(there, 0);
    ck_assert_int_eq(pthread_mutex_trylock(&here->mutex), EBUSY);
    unit_start(&call, just_lock, &here->mutex);
    unit_wait_until_blocked(&call);
    atomic_store(&here->stage, 2);
    ck_assert_int_eq(unit_finish(&call), 0);
    unit_reap(pid);
}

ASSERTION(pthread_mutexattr_setpshared, 2,
          "PTHREAD_PROCESS_SHARED: threads of other processes can use the mutex, of any type")
{
    for (int t = 0; t < TYPES; t++) {
        pthread_mutexattr_t attr;
        init_attr(&attr);
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        check_shared(&attr);
    }
}

ASSERTION(pthread_mutexattr_setpshared, 3, "the same if it is robust")
{
    for (int t = 0; t < TYPES; t++) {
        pthread_mutexattr_t attr;
        init_attr(&attr);
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
        check_shared(&attr);
    }
}

ASSERTION(pthread_mutexattr_setpshared, 4, "the same if it has the protocol PTHREAD_PRIO_INHERIT")
{
    need_inherit();
    for (int t = 0; t < TYPES; t++) {
        pthread_mutexattr_t attr;
        init_attr(&attr);
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), 0);
        check_shared(&attr);
    }
}

ASSERTION(pthread_mutexattr_setpshared, 5,
          "a mutex in shared memory excludes the threads of processes, whoever is first")
{
    enum { PROCESSES = 3, ADDITIONS = 1000 };
    struct {
        pthread_mutex_t mutex;
        int volatile value;
    } *sum = unit_map(unit_memory(sizeof *sum), sizeof *sum);
    pthread_mutexattr_t attr;
    pid_t pids[PROCESSES];
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutex_init(&sum->mutex, &attr), 0);
    for (int p = 0; p < PROCESSES; p++) {
        pids[p] = unit_fork();
        if (pids[p] == 0) {
            for (int i = 0; i < ADDITIONS; i++) {
                unit_child_assert(pthread_mutex_lock(&sum->mutex) == 0);
                int value = sum->value;
                if (i % 100 == 0)
                    sched_yield();
                sum->value = value + 1;
                unit_child_assert(pthread_mutex_unlock(&sum->mutex) == 0);
            }
            _exit(0);
        }
    }
    for (int p = 0; p < PROCESSES; p++)
        unit_reap(pids[p]);
    ck_assert_int_eq(sum->value, PROCESSES * ADDITIONS);
}

ASSERTION(pthread_mutexattr_setpshared, 6, "may fail with EINVAL, and nothing else, for no value")
{
    static const int values[] = {-1, 12345};
    pthread_mutexattr_t attr;
    init_attr(&attr);
    for (int i = 0; i < 2; i++) {
        int error = pthread_mutexattr_setpshared(&attr, values[i]);
        ck_assert_msg(error == 0 || error == EINVAL, "error %d", error);
    }
}

static int set_pshared(pthread_mutexattr_t *attr)
{
    return pthread_mutexattr_setpshared(attr, PTHREAD_PROCESS_SHARED);
}

ASSERTION(pthread_mutexattr_setpshared, 7, "never returns EINTR")
{
    hail_attr(set_pshared);
}

/* pthread_mutexattr_getrobust(), pthread_mutexattr_setrobust() */

static struct shared *new_shared_of(const pthread_mutexattr_t *attr)
{
    struct shared *shared = unit_map(unit_memory(sizeof *shared), sizeof *shared);
    ck_assert_int_eq(pthread_mutex_init(&shared->mutex, attr), 0);
    return shared;
}

static struct shared *robust_mutex(void)
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    return new_shared_of(&attr);
}

ASSERTION(pthread_mutexattr_getrobust, 1, "gives the attribute, and returns 0")
{
    pthread_mutexattr_t attr;
    int robust = -1;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    ck_assert_int_eq(pthread_mutexattr_getrobust(&attr, &robust), 0);
    ck_assert_int_eq(robust, PTHREAD_MUTEX_ROBUST);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_STALLED), 0);
    ck_assert_int_eq(pthread_mutexattr_getrobust(&attr, &robust), 0);
    ck_assert_int_eq(robust, PTHREAD_MUTEX_STALLED);
}

ASSERTION(pthread_mutexattr_getrobust, 2, "the default is PTHREAD_MUTEX_STALLED")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    has_robust(&attr, PTHREAD_MUTEX_STALLED);
}

static int get_robust(pthread_mutexattr_t *attr)
{
    int robust;
    return pthread_mutexattr_getrobust(attr, &robust);
}

ASSERTION(pthread_mutexattr_getrobust, 3, "never returns EINTR")
{
    hail_attr(get_robust);
}

ASSERTION(pthread_mutexattr_setrobust, 1, "sets the attribute, nothing else, and returns 0")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    has_robust(&attr, PTHREAD_MUTEX_ROBUST);
    has_defaults_but(&attr, ROBUST);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_STALLED), 0);
    has_defaults_but(&attr, 0);
}

ASSERTION(pthread_mutexattr_setrobust, 2,
          "PTHREAD_MUTEX_STALLED: nothing happens when a process dies with the mutex")
{
    static struct unit_call call; /* it is not over when the test is */
    pthread_mutexattr_t attr;
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    for (int t = 0; t < TYPES; t++) {
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        struct shared *shared = new_shared_of(&attr);
        unit_kill(lock_in_child(shared, 0));
        ck_assert_int_eq(pthread_mutex_trylock(&shared->mutex), EBUSY);
        if (t == 0) {
            unit_start(&call, just_lock, &shared->mutex);
            unit_wait_until_blocked(&call);
        }
    }
    ck_assert(!atomic_load(&call.returned));
}

ASSERTION(pthread_mutexattr_setrobust, 3,
          "PTHREAD_MUTEX_STALLED: nothing happens when a thread ends with the mutex")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    for (int t = 0; t < TYPES; t++) {
        pthread_mutex_t mutex;
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
        ck_assert_int_eq(unit_elsewhere(just_lock, &mutex), 0);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
        is_locked(&mutex);
    }
}

ASSERTION(pthread_mutexattr_setrobust, 4,
          "PTHREAD_MUTEX_ROBUST: the next owner after a process that died is told EOWNERDEAD")
{
    struct shared *shared = robust_mutex();
    unit_kill(lock_in_child(shared, 0));
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
}

static int lock_in_thread_and_exit(void *argument)
{
    struct shared *shared = argument;
    unit_child_assert(pthread_mutex_lock(&shared->mutex) == 0);
    atomic_store(&shared->stage, 1);
    unit_wait_for(&shared->stage, 2);
    return 0;
}

ASSERTION(pthread_mutexattr_setrobust, 5,
          "the same however the process ends, and whichever of its threads was the owner")
{
    for (int by_main_thread = 0; by_main_thread < 2; by_main_thread++) {
        struct shared *shared = robust_mutex();
        pid_t pid = unit_fork();
        if (pid == 0) {
            struct unit_call call;
            if (by_main_thread) {
                unit_child_assert(pthread_mutex_lock(&shared->mutex) == 0);
            } else {
                unit_start(&call, lock_in_thread_and_exit, shared);
                unit_wait_for(&shared->stage, 1);
            }
            _exit(0);
        }
        unit_reap(pid);
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
        unlock(&shared->mutex);
        is_unlocked(&shared->mutex);
    }
}

ASSERTION(pthread_mutexattr_setrobust, 6,
          "of several mutexes that a process died with, each is told to its next owner")
{
    enum { MUTEXES = 5 };
    struct {
        pthread_mutex_t mutexes[MUTEXES];
        atomic_int locked;
    } *shared = unit_map(unit_memory(sizeof *shared), sizeof *shared);
    for (int i = 0; i < MUTEXES; i++)
        ck_assert_int_eq(unit_mutex_init(&shared->mutexes[i], types[i % TYPES],
                                         PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_ROBUST,
                                         PTHREAD_PRIO_NONE),
                         0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        for (int i = 0; i < MUTEXES; i++)
            unit_child_assert(pthread_mutex_lock(&shared->mutexes[i]) == 0);
        unit_child_assert(pthread_mutex_unlock(&shared->mutexes[2]) == 0);
        atomic_store(&shared->locked, 1);
        for (;;)
            pause();
    }
    unit_wait_for(&shared->locked, 1);
    unit_kill(pid);
    for (int i = 0; i < MUTEXES; i++)
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutexes[i]), i == 2 ? 0 : EOWNERDEAD);
}

ASSERTION(pthread_mutexattr_setrobust, 7,
          "after a thread that ended, the next that would lock is told EOWNERDEAD, or has to wait")
{
    struct shared *shared = robust_mutex();
    ck_assert_int_eq(unit_elsewhere(just_lock, &shared->mutex), 0);
    int error = pthread_mutex_trylock(&shared->mutex);
    ck_assert_msg(error == EOWNERDEAD || error == EBUSY, "error %d", error);
}

static int lock_and_unlock(void *mutex)
{
    int error = pthread_mutex_lock(mutex);
    return error ? error : pthread_mutex_unlock(mutex);
}

ASSERTION(pthread_mutexattr_setrobust, 8, "made consistent and unlocked, it is as any other mutex")
{
    struct shared *shared = robust_mutex();
    struct unit_call call;
    unit_kill(lock_in_child(shared, 0));
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
    unlock(&shared->mutex);
    is_unlocked(&shared->mutex);
    lock(&shared->mutex);
    is_locked(&shared->mutex);
    unit_start(&call, lock_and_unlock, &shared->mutex);
    unit_wait_until_blocked(&call);
    unlock(&shared->mutex);
    ck_assert_int_eq(unit_finish(&call), 0);
    is_unlocked(&shared->mutex);
}

ASSERTION(pthread_mutexattr_setrobust, 9,
          "unlocked but not made consistent, every attempt to lock it fails: ENOTRECOVERABLE")
{
    struct shared *shared = robust_mutex();
    struct timespec end = unit_deadline(CLOCK_REALTIME, 60000);
    unit_kill(lock_in_child(shared, 0));
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    unlock(&shared->mutex);
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), ENOTRECOVERABLE);
    ck_assert_int_eq(unit_elsewhere(just_lock, &shared->mutex), ENOTRECOVERABLE);
    ck_assert_int_eq(pthread_mutex_timedlock(&shared->mutex, &end), ENOTRECOVERABLE);
    ck_assert_int_eq(pthread_mutex_trylock(&shared->mutex), ENOTRECOVERABLE);
    ck_assert_int_eq(pthread_mutex_destroy(&shared->mutex), 0);
}

ASSERTION(pthread_mutexattr_setrobust, 10, "fails with EINVAL for no value of it")
{
    no_such(pthread_mutexattr_setrobust, EINVAL);
}

static int set_robust(pthread_mutexattr_t *attr)
{
    return pthread_mutexattr_setrobust(attr, PTHREAD_MUTEX_ROBUST);
}

ASSERTION(pthread_mutexattr_setrobust, 11, "never returns EINTR")
{
    hail_attr(set_robust);
}
