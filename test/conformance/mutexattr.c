/*
 * Mutex attributes: XSH pthread_mutexattr_destroy, pthread_mutexattr_getprioceiling,
 * pthread_mutexattr_getprotocol, pthread_mutexattr_getpshared, pthread_mutexattr_getrobust and
 * pthread_mutexattr_gettype; and what the protocols do to the priority of an owner.
 */
#include "conform.h"
#include <sched.h>

/* An attributes object, and what is in it. */

static void init(pthread_mutexattr_t *attr)
{
    memset(attr, 0xa5, sizeof *attr);
    ck_assert_int_eq(pthread_mutexattr_init(attr), 0);
}

static void has_type(const pthread_mutexattr_t *attr, int expected)
{
    int type = -1;
    ck_assert_int_eq(pthread_mutexattr_gettype(attr, &type), 0);
    ck_assert_int_eq(type, expected);
}

static void has_pshared(const pthread_mutexattr_t *attr, int expected)
{
    int pshared = -1;
    ck_assert_int_eq(pthread_mutexattr_getpshared(attr, &pshared), 0);
    ck_assert_int_eq(pshared, expected);
}

static void has_protocol(const pthread_mutexattr_t *attr, int expected)
{
    int protocol = -1;
    ck_assert_int_eq(pthread_mutexattr_getprotocol(attr, &protocol), 0);
    ck_assert_int_eq(protocol, expected);
}

static void has_robust(const pthread_mutexattr_t *attr, int expected)
{
    int robust = -1;
    ck_assert_int_eq(pthread_mutexattr_getrobust(attr, &robust), 0);
    ck_assert_int_eq(robust, expected);
}

static void has_ceiling(const pthread_mutexattr_t *attr, int expected)
{
    int ceiling = -1;
    ck_assert_int_eq(pthread_mutexattr_getprioceiling(attr, &ceiling), 0);
    ck_assert_int_eq(ceiling, expected);
}

/* Everything but the one attribute that a test is about has the value it has by default. */
enum { TYPE = 1, PSHARED = 2, PROTOCOL = 4, ROBUST = 8 };

static void has_defaults_but(const pthread_mutexattr_t *attr, int attribute)
{
    if (attribute != TYPE)
        has_type(attr, PTHREAD_MUTEX_DEFAULT);
    if (attribute != PSHARED)
        has_pshared(attr, PTHREAD_PROCESS_PRIVATE);
    if (attribute != PROTOCOL)
        has_protocol(attr, PTHREAD_PRIO_NONE);
    if (attribute != ROBUST)
        has_robust(attr, PTHREAD_MUTEX_STALLED);
}

/* Options */

static bool has_option(int protocol)
{
    pthread_mutexattr_t attr;
    init(&attr);
    return pthread_mutexattr_setprotocol(&attr, protocol) != ENOTSUP;
}

static void need_inherit(void)
{
    if (!has_option(PTHREAD_PRIO_INHERIT))
        unsupported("no Thread Priority Inheritance option");
}

static void need_protect(void)
{
    if (!has_option(PTHREAD_PRIO_PROTECT))
        unsupported("no Thread Priority Protection option");
    need(pthread_mutexattr_setprioceiling);
}

/* Mutexes */

static void lock(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(pthread_mutex_lock(mutex), 0);
}

static void unlock(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
}

static int just_lock(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

static int lock_and_unlock(void *mutex)
{
    int error = pthread_mutex_lock(mutex);
    return error ? error : pthread_mutex_unlock(mutex);
}

static int try_and_unlock(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    if (error == 0)
        unlock(mutex);
    return error;
}

static void is_unlocked(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), 0);
}

static void is_locked(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), EBUSY);
}

/* A shared mutex with attributes, and a child that owns it until it is told to leave, or killed. */

struct shared {
    pthread_mutex_t mutex;
    atomic_int stage;
};

static struct shared *new_shared(const pthread_mutexattr_t *attr)
{
    struct shared *shared = unit_map(unit_memory(sizeof *shared), sizeof *shared);
    ck_assert_int_eq(pthread_mutex_init(&shared->mutex, attr), 0);
    return shared;
}

static pid_t lock_in_child(struct shared *shared)
{
    atomic_store(&shared->stage, 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(pthread_mutex_lock(&shared->mutex) == 0);
        atomic_store(&shared->stage, 1);
        unit_wait_for(&shared->stage, 2);
        unit_child_assert(pthread_mutex_unlock(&shared->mutex) == 0);
        _exit(0);
    }
    unit_wait_for(&shared->stage, 1);
    return pid;
}

/* Call what does not wait under a hail of signals. */
static void hail(int (*function)(pthread_mutexattr_t *))
{
    pthread_mutexattr_t attr;
    init(&attr);
    while (hailing())
        ck_assert_int_eq(function(&attr), 0);
}

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
    init(&attr);
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
    init(&attr);
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
    hail(init_and_destroy);
}

/* pthread_mutexattr_destroy() */

ASSERTION(pthread_mutexattr_destroy, 1, "destroys the object, and returns 0")
{
    pthread_mutexattr_t attr;
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}

ASSERTION(pthread_mutexattr_destroy, 2, "a destroyed object can be initialised: to the defaults")
{
    pthread_mutexattr_t attr;
    init(&attr);
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
    init(&attr);
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
    hail(init_and_destroy);
}

/* pthread_mutexattr_gettype(), pthread_mutexattr_settype(): what types do is in mutex.c */

static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE,
                            PTHREAD_MUTEX_DEFAULT};
enum { TYPES = 4 };

static void no_such(int (*set)(pthread_mutexattr_t *, int), int error)
{
    static const int values[] = {-1, 12345, 0x7fffffff};
    pthread_mutexattr_t attr;
    init(&attr);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(set(&attr, values[i]), error);
}

ASSERTION(pthread_mutexattr_gettype, 1, "gives the type, and returns 0")
{
    pthread_mutexattr_t attr;
    init(&attr);
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
    init(&attr);
    has_type(&attr, PTHREAD_MUTEX_DEFAULT);
}

static int get_type(pthread_mutexattr_t *attr)
{
    int type;
    return pthread_mutexattr_gettype(attr, &type);
}

ASSERTION(pthread_mutexattr_gettype, 3, "never returns EINTR")
{
    hail(get_type);
}

ASSERTION(pthread_mutexattr_settype, 1, "sets the type, nothing else, and returns 0")
{
    for (int t = 0; t < TYPES; t++) {
        pthread_mutexattr_t attr;
        init(&attr);
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        has_type(&attr, types[t]);
        has_defaults_but(&attr, TYPE);
    }
}

ASSERTION(pthread_mutexattr_settype, 2, "sets the type whatever it was before")
{
    pthread_mutexattr_t attr;
    init(&attr);
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
    init(&attr);
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
    hail(set_type);
}

/* pthread_mutexattr_getpshared(), pthread_mutexattr_setpshared() */

ASSERTION(pthread_mutexattr_getpshared, 1, "gives the attribute, and returns 0")
{
    pthread_mutexattr_t attr;
    int pshared = -1;
    init(&attr);
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
    init(&attr);
    has_pshared(&attr, PTHREAD_PROCESS_PRIVATE);
}

static int get_pshared(pthread_mutexattr_t *attr)
{
    int pshared;
    return pthread_mutexattr_getpshared(attr, &pshared);
}

ASSERTION(pthread_mutexattr_getpshared, 3, "never returns EINTR")
{
    hail(get_pshared);
}

ASSERTION(pthread_mutexattr_setpshared, 1, "sets the attribute, nothing else, and returns 0")
{
    pthread_mutexattr_t attr;
    init(&attr);
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
    pid_t pid = lock_in_child(there);
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
        init(&attr);
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        check_shared(&attr);
    }
}

ASSERTION(pthread_mutexattr_setpshared, 3, "the same if it is robust")
{
    for (int t = 0; t < TYPES; t++) {
        pthread_mutexattr_t attr;
        init(&attr);
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
        init(&attr);
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
    init(&attr);
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
    init(&attr);
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
    hail(set_pshared);
}

/* pthread_mutexattr_getrobust(), pthread_mutexattr_setrobust() */

static struct shared *robust_mutex(void)
{
    pthread_mutexattr_t attr;
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    return new_shared(&attr);
}

ASSERTION(pthread_mutexattr_getrobust, 1, "gives the attribute, and returns 0")
{
    pthread_mutexattr_t attr;
    int robust = -1;
    init(&attr);
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
    init(&attr);
    has_robust(&attr, PTHREAD_MUTEX_STALLED);
}

static int get_robust(pthread_mutexattr_t *attr)
{
    int robust;
    return pthread_mutexattr_getrobust(attr, &robust);
}

ASSERTION(pthread_mutexattr_getrobust, 3, "never returns EINTR")
{
    hail(get_robust);
}

ASSERTION(pthread_mutexattr_setrobust, 1, "sets the attribute, nothing else, and returns 0")
{
    pthread_mutexattr_t attr;
    init(&attr);
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
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    for (int t = 0; t < TYPES; t++) {
        ck_assert_int_eq(pthread_mutexattr_settype(&attr, types[t]), 0);
        struct shared *shared = new_shared(&attr);
        unit_kill(lock_in_child(shared));
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
    init(&attr);
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
    unit_kill(lock_in_child(shared));
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

ASSERTION(pthread_mutexattr_setrobust, 8, "made consistent and unlocked, it is as any other mutex")
{
    struct shared *shared = robust_mutex();
    struct unit_call call;
    unit_kill(lock_in_child(shared));
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
    unit_kill(lock_in_child(shared));
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
    hail(set_robust);
}

/* pthread_mutexattr_getprioceiling(), pthread_mutexattr_setprioceiling() */

ASSERTION(pthread_mutexattr_getprioceiling, 1, "gives the ceiling, and returns 0")
{
    pthread_mutexattr_t attr;
    int ceiling = -1;
    need_protect();
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 17), 0);
    ck_assert_int_eq(pthread_mutexattr_getprioceiling(&attr, &ceiling), 0);
    ck_assert_int_eq(ceiling, 17);
}

ASSERTION(pthread_mutexattr_getprioceiling, 2,
          "what it gives is a priority of SCHED_FIFO, from init")
{
    pthread_mutexattr_t attr;
    int ceiling = -1;
    need_protect();
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_getprioceiling(&attr, &ceiling), 0);
    ck_assert_int_ge(ceiling, sched_get_priority_min(SCHED_FIFO));
    ck_assert_int_le(ceiling, sched_get_priority_max(SCHED_FIFO));
}

UNTESTED(pthread_mutexattr_getprioceiling, 3,
         "may fail with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static int get_ceiling(pthread_mutexattr_t *attr)
{
    int ceiling;
    return pthread_mutexattr_getprioceiling(attr, &ceiling);
}

ASSERTION(pthread_mutexattr_getprioceiling, 4, "never returns EINTR")
{
    need_protect();
    hail(get_ceiling);
}

ASSERTION(pthread_mutexattr_setprioceiling, 1, "sets the ceiling, nothing else, and returns 0")
{
    pthread_mutexattr_t attr;
    need_protect();
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 17), 0);
    has_ceiling(&attr, 17);
    has_protocol(&attr, PTHREAD_PRIO_PROTECT);
    has_defaults_but(&attr, PROTOCOL);
}

ASSERTION(pthread_mutexattr_setprioceiling, 2, "takes every priority of SCHED_FIFO")
{
    pthread_mutexattr_t attr;
    need_protect();
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    int lowest = sched_get_priority_min(SCHED_FIFO), highest = sched_get_priority_max(SCHED_FIFO);
    for (int ceiling = lowest; ceiling <= highest; ceiling++) {
        ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, ceiling), 0);
        has_ceiling(&attr, ceiling);
    }
}

ASSERTION(pthread_mutexattr_setprioceiling, 3, "is the ceiling of the mutexes initialised with it")
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    int ceiling = -1;
    need_protect();
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 17), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 18), 0);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &ceiling), 0);
    ck_assert_int_eq(ceiling, 17);
}

ASSERTION(pthread_mutexattr_setprioceiling, 4,
          "may fail with EINVAL, and nothing else, for what is no priority of SCHED_FIFO")
{
    pthread_mutexattr_t attr;
    need_protect();
    int wrong[] = {sched_get_priority_min(SCHED_FIFO) - 1, sched_get_priority_max(SCHED_FIFO) + 1};
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    for (int i = 0; i < 2; i++) {
        int error = pthread_mutexattr_setprioceiling(&attr, wrong[i]);
        ck_assert_msg(error == 0 || error == EINVAL, "error %d", error);
    }
}

UNTESTED(pthread_mutexattr_setprioceiling, 5,
         "may fail with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static int set_ceiling(pthread_mutexattr_t *attr)
{
    return pthread_mutexattr_setprioceiling(attr, 17);
}

ASSERTION(pthread_mutexattr_setprioceiling, 6, "never returns EINTR")
{
    need_protect();
    hail(set_ceiling);
}

/* pthread_mutexattr_getprotocol() */

static const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_PROTECT};
enum { PROTOCOLS = 3 };

ASSERTION(pthread_mutexattr_getprotocol, 1, "gives the protocol, and returns 0")
{
    pthread_mutexattr_t attr;
    init(&attr);
    for (int p = 0; p < PROTOCOLS; p++) {
        int protocol = -1;
        if (!has_option(protocols[p]))
            continue;
        ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, protocols[p]), 0);
        ck_assert_int_eq(pthread_mutexattr_getprotocol(&attr, &protocol), 0);
        ck_assert_int_eq(protocol, protocols[p]);
    }
}

ASSERTION(pthread_mutexattr_getprotocol, 2, "the default is PTHREAD_PRIO_NONE")
{
    pthread_mutexattr_t attr;
    init(&attr);
    has_protocol(&attr, PTHREAD_PRIO_NONE);
}

UNTESTED(pthread_mutexattr_getprotocol, 3,
         "may fail with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static int get_protocol(pthread_mutexattr_t *attr)
{
    int protocol;
    return pthread_mutexattr_getprotocol(attr, &protocol);
}

ASSERTION(pthread_mutexattr_getprotocol, 4, "never returns EINTR")
{
    hail(get_protocol);
}

/*
 * pthread_mutexattr_setprotocol(). Where the priority of an owner is in question, all threads are
 * of SCHED_FIFO, and the kernel tells at which priority it runs each.
 */

static void i_run_at(int priority)
{
    ck_assert_int_eq(runs_at(unit_gettid()), priority);
}

static void init_inherit(pthread_mutex_t *mutex, int robust)
{
    ck_assert_int_eq(unit_mutex_init(mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED, robust,
                                     PTHREAD_PRIO_INHERIT),
                     0);
}

static void init_protect(pthread_mutex_t *mutex, int robust, int ceiling)
{
    pthread_mutexattr_t attr;
    init(&attr);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, robust), 0);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, ceiling), 0);
    int error = pthread_mutex_init(mutex, &attr);
    if (error == ENOTSUP && robust == PTHREAD_MUTEX_ROBUST)
        unsupported("no robust mutex can have a ceiling");
    ck_assert_int_eq(error, 0);
}

/* A thread that locks one mutex after another, and unlocks them when told. */
struct user {
    pthread_mutex_t *mutexes[2];
    int priority;
    atomic_int has; /* how many */
    atomic_int leave;
    struct unit_call call;
};

static int use(void *argument)
{
    struct user *user = argument;
    set_priority(SCHED_FIFO, user->priority);
    for (int i = 0; i < 2 && user->mutexes[i] != NULL; i++) {
        lock(user->mutexes[i]);
        atomic_fetch_add(&user->has, 1);
    }
    unit_wait_for(&user->leave, 1);
    for (int i = 1; i >= 0; i--)
        if (user->mutexes[i] != NULL)
            unlock(user->mutexes[i]);
    return 0;
}

static void start(struct user *user, int priority, pthread_mutex_t *first, pthread_mutex_t *second)
{
    *user = (struct user){.mutexes = {first, second}, .priority = priority};
    unit_start(&user->call, use, user);
}

static void must_wait(struct user *user, int has)
{
    unit_wait_for(&user->has, has);
    unit_wait_until_blocked(&user->call);
    ck_assert_int_eq(atomic_load(&user->has), has);
}

static void start_waiter(struct user *user, int priority, pthread_mutex_t *mutex)
{
    start(user, priority, mutex, NULL);
    must_wait(user, 0);
}

static void leave(struct user *user)
{
    atomic_store(&user->leave, 1);
    ck_assert_int_eq(unit_finish(&user->call), 0);
}

static pid_t tid_of(struct user *user)
{
    return atomic_load(&user->call.tid);
}

ASSERTION(pthread_mutexattr_setprotocol, 1, "sets the protocol, nothing else, and returns 0")
{
    for (int p = 0; p < PROTOCOLS; p++) {
        pthread_mutexattr_t attr;
        if (!has_option(protocols[p]))
            continue;
        init(&attr);
        ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, protocols[p]), 0);
        has_protocol(&attr, protocols[p]);
        has_defaults_but(&attr, PROTOCOL);
    }
}

ASSERTION(pthread_mutexattr_setprotocol, 2,
          "PTHREAD_PRIO_NONE: to own the mutex does not change the priority, whoever waits")
{
    pthread_mutex_t mutex;
    struct user waiter;
    set_priority(SCHED_FIFO, 10);
    ck_assert_int_eq(pthread_mutex_init(&mutex, NULL), 0);
    lock(&mutex);
    i_run_at(10);
    start_waiter(&waiter, 20, &mutex);
    i_run_at(10);
    unlock(&mutex);
    i_run_at(10);
    leave(&waiter);
}

static void check_inherits(int robust)
{
    pthread_mutex_t mutex;
    struct user waiters[3];
    need_inherit();
    set_priority(SCHED_FIFO, 10);
    init_inherit(&mutex, robust);
    lock(&mutex);
    i_run_at(10);
    start_waiter(&waiters[0], 20, &mutex);
    i_run_at(20);
    start_waiter(&waiters[1], 15, &mutex);
    i_run_at(20);
    start_waiter(&waiters[2], 25, &mutex);
    i_run_at(25);
    unlock(&mutex);
    i_run_at(10);
    for (int i = 0; i < 3; i++)
        atomic_store(&waiters[i].leave, 1);
    for (int i = 0; i < 3; i++)
        leave(&waiters[i]);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 3,
    "PTHREAD_PRIO_INHERIT: an owner runs at the priority of the highest that waits, meanwhile")
{
    check_inherits(PTHREAD_MUTEX_STALLED);
}

ASSERTION(pthread_mutexattr_setprotocol, 4, "PTHREAD_PRIO_INHERIT: the same if it is robust")
{
    check_inherits(PTHREAD_MUTEX_ROBUST);
}

ASSERTION(pthread_mutexattr_setprotocol, 5,
          "PTHREAD_PRIO_INHERIT: an owner of a higher priority than those who wait keeps its own")
{
    pthread_mutex_t mutex;
    struct user waiter;
    need_inherit();
    set_priority(SCHED_FIFO, 30);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_waiter(&waiter, 20, &mutex);
    i_run_at(30);
    unlock(&mutex);
    leave(&waiter);
}

ASSERTION(pthread_mutexattr_setprotocol, 6,
          "PTHREAD_PRIO_INHERIT: with several mutexes, the highest that waits for any, as long as "
          "that one is owned")
{
    pthread_mutex_t first, second;
    struct user of_first, of_second;
    need_inherit();
    set_priority(SCHED_FIFO, 10);
    init_inherit(&first, PTHREAD_MUTEX_STALLED);
    init_inherit(&second, PTHREAD_MUTEX_ROBUST);
    lock(&first);
    lock(&second);
    start_waiter(&of_first, 20, &first);
    start_waiter(&of_second, 25, &second);
    i_run_at(25);
    unlock(&second);
    i_run_at(20);
    unlock(&first);
    i_run_at(10);
    leave(&of_first);
    leave(&of_second);
}

ASSERTION(pthread_mutexattr_setprotocol, 7,
          "PTHREAD_PRIO_INHERIT: who acquires the mutex inherits from those who still wait")
{
    pthread_mutex_t mutex;
    struct user owner, low, high;
    need_inherit();
    set_priority(SCHED_FIFO, 40);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_waiter(&owner, 10, &mutex);
    unlock(&mutex);
    unit_wait_for(&owner.has, 1);
    ck_assert_int_eq(runs_at(tid_of(&owner)), 10);
    start_waiter(&low, 11, &mutex);
    ck_assert_int_eq(runs_at(tid_of(&owner)), 11);
    start_waiter(&high, 20, &mutex);
    ck_assert_int_eq(runs_at(tid_of(&owner)), 20);
    atomic_store(&high.leave, 1);
    atomic_store(&low.leave, 1);
    leave(&owner);
    leave(&high);
    leave(&low);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 8,
    "PTHREAD_PRIO_INHERIT: an owner that waits for another such mutex passes the priority on, "
    "and so does that one's owner")
{
    pthread_mutex_t a, b, c;
    struct user first, second, third, high;
    need_inherit();
    set_priority(SCHED_FIFO, 40);
    init_inherit(&a, PTHREAD_MUTEX_STALLED);
    init_inherit(&b, PTHREAD_MUTEX_ROBUST);
    init_inherit(&c, PTHREAD_MUTEX_STALLED);
    start(&first, 10, &a, NULL);
    unit_wait_for(&first.has, 1);
    start(&second, 11, &b, &a);
    must_wait(&second, 1);
    start(&third, 12, &c, &b);
    must_wait(&third, 1);
    ck_assert_int_eq(runs_at(tid_of(&first)), 12);
    start_waiter(&high, 20, &c);
    ck_assert_int_eq(runs_at(tid_of(&first)), 20);
    ck_assert_int_eq(runs_at(tid_of(&second)), 20);
    ck_assert_int_eq(runs_at(tid_of(&third)), 20);
    atomic_store(&first.leave, 1);
    unit_wait_for(&second.has, 2);
    ck_assert_int_eq(runs_at(tid_of(&second)), 20);
    leave(&first);
    leave(&second);
    leave(&third);
    leave(&high);
}

ASSERTION(pthread_mutexattr_setprotocol, 9,
          "PTHREAD_PRIO_INHERIT: an owner runs at what is higher, its own priority or an inherited "
          "one, when its own is changed")
{
    pthread_mutex_t mutex;
    struct user waiter;
    need_inherit();
    set_priority(SCHED_FIFO, 10);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_waiter(&waiter, 20, &mutex);
    set_priority(SCHED_FIFO, 12);
    i_run_at(20);
    set_priority(SCHED_FIFO, 22);
    i_run_at(22);
    set_priority(SCHED_FIFO, 11);
    i_run_at(20);
    unlock(&mutex);
    i_run_at(11);
    leave(&waiter);
}

static void check_protects(int robust)
{
    pthread_mutex_t mutex;
    need_protect();
    set_priority(SCHED_FIFO, 10);
    init_protect(&mutex, robust, 20);
    lock(&mutex);
    i_run_at(20);
    unlock(&mutex);
    i_run_at(10);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
    i_run_at(20);
    unlock(&mutex);
    i_run_at(10);
}

ASSERTION(pthread_mutexattr_setprotocol, 10,
          "PTHREAD_PRIO_PROTECT: an owner runs at the ceiling, whether or not anybody waits")
{
    check_protects(PTHREAD_MUTEX_STALLED);
}

ASSERTION(pthread_mutexattr_setprotocol, 11, "PTHREAD_PRIO_PROTECT: the same if it is robust")
{
    check_protects(PTHREAD_MUTEX_ROBUST);
}

ASSERTION(pthread_mutexattr_setprotocol, 12,
          "PTHREAD_PRIO_PROTECT: with several mutexes, the highest of the ceilings of those owned")
{
    pthread_mutex_t mutexes[3];
    need_protect();
    set_priority(SCHED_FIFO, 10);
    for (int i = 0; i < 3; i++)
        init_protect(&mutexes[i], PTHREAD_MUTEX_STALLED, 20 + i);
    lock(&mutexes[1]);
    i_run_at(21);
    lock(&mutexes[0]);
    i_run_at(21);
    lock(&mutexes[2]);
    i_run_at(22);
    unlock(&mutexes[1]);
    i_run_at(22);
    unlock(&mutexes[2]);
    i_run_at(20);
    unlock(&mutexes[0]);
    i_run_at(10);
}

ASSERTION(pthread_mutexattr_setprotocol, 13,
          "PTHREAD_PRIO_PROTECT: an owner runs at what is higher, its own priority or the ceiling, "
          "when its own is changed")
{
    pthread_mutex_t mutex;
    need_protect();
    set_priority(SCHED_FIFO, 10);
    init_protect(&mutex, PTHREAD_MUTEX_STALLED, 20);
    lock(&mutex);
    set_priority(SCHED_FIFO, 12);
    i_run_at(20);
    set_priority(SCHED_FIFO, 22);
    i_run_at(22);
    set_priority(SCHED_FIFO, 11);
    i_run_at(20);
    unlock(&mutex);
    i_run_at(11);
}

ASSERTION(pthread_mutexattr_setprotocol, 14,
          "mutexes of different protocols: the highest priority that any of them would give")
{
    pthread_mutex_t none, inherit, protect;
    struct user of_none, of_inherit;
    need_inherit();
    need_protect();
    set_priority(SCHED_FIFO, 10);
    ck_assert_int_eq(pthread_mutex_init(&none, NULL), 0);
    init_inherit(&inherit, PTHREAD_MUTEX_STALLED);
    init_protect(&protect, PTHREAD_MUTEX_STALLED, 20);
    lock(&none);
    lock(&inherit);
    lock(&protect);
    start_waiter(&of_none, 30, &none);
    i_run_at(20);
    start_waiter(&of_inherit, 25, &inherit);
    i_run_at(25);
    unlock(&inherit);
    i_run_at(20);
    unlock(&protect);
    i_run_at(10);
    unlock(&none);
    leave(&of_none);
    leave(&of_inherit);
}

/*
 * Queues of the scheduler: on one processor, a thread that has been made ready to run does so at
 * once if the running one of the same priority is moved to the tail of their queue.
 */

static struct {
    atomic_int tid;
    atomic_int begin; /* a futex word: a wakeup has to be no more than that */
    atomic_int ran;
} next;

static int run_next(void *argument)
{
    set_priority(SCHED_FIFO, *(int *)argument);
    atomic_store(&next.tid, unit_gettid());
    while (atomic_load(&next.begin) == 0)
        syscall(SYS_futex, &next.begin, 0 /* FUTEX_WAIT */, 0, NULL);
    atomic_store(&next.ran, 1);
    return 0;
}

static void stay_on_one_processor(void)
{
    cpu_set_t one;
    int cpu = sched_getcpu();
    CPU_ZERO(&one);
    CPU_SET(cpu < 0 ? 0 : cpu, &one);
    if (syscall(SYS_sched_setaffinity, 0, sizeof one, &one) != 0)
        unsupported("cannot be bound to a processor");
}

/* A thread of that priority is about to run after this one. */
static void start_next(struct unit_call *call, int *priority)
{
    unit_start(call, run_next, priority);
    unit_wait_for(&next.tid, 1);
    unit_wait_until_asleep(getpid(), atomic_load(&next.tid));
}

static void make_next_ready(void)
{
    atomic_store(&next.begin, 1);
    ck_assert_int_eq(syscall(SYS_futex, &next.begin, 1 /* FUTEX_WAKE */, 1), 1);
    ck_assert_msg(atomic_load(&next.ran) == 0, "no two threads share the processor");
}

static void next_has_not_run(void)
{
    ck_assert_msg(atomic_load(&next.ran) == 0, "the next thread has run");
}

static void next_runs(struct unit_call *call)
{
    sched_yield();
    ck_assert_msg(atomic_load(&next.ran) == 1, "the next thread has not run");
    unit_finish(call);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 15,
    "PTHREAD_PRIO_INHERIT: an owner whose own priority changes stays where it is in its queue")
{
    pthread_mutex_t mutex;
    struct user waiter;
    struct unit_call call;
    int priority = 20;
    need_inherit();
    stay_on_one_processor();
    set_priority(SCHED_FIFO, 10);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_next(&call, &priority);
    start_waiter(&waiter, 20, &mutex);
    i_run_at(20);
    make_next_ready();
    set_priority(SCHED_FIFO, 11);
    next_has_not_run();
    set_priority(SCHED_FIFO, 9);
    next_has_not_run();
    next_runs(&call);
    unlock(&mutex);
    leave(&waiter);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 16,
    "PTHREAD_PRIO_PROTECT: an owner whose own priority changes stays where it is in its queue")
{
    pthread_mutex_t mutex;
    struct unit_call call;
    int priority = 20;
    need_protect();
    stay_on_one_processor();
    set_priority(SCHED_FIFO, 10);
    init_protect(&mutex, PTHREAD_MUTEX_STALLED, 20);
    start_next(&call, &priority);
    lock(&mutex);
    make_next_ready();
    set_priority(SCHED_FIFO, 11);
    next_has_not_run();
    set_priority(SCHED_FIFO, 9);
    next_has_not_run();
    next_runs(&call);
    unlock(&mutex);
}

ASSERTION(pthread_mutexattr_setprotocol, 17,
          "PTHREAD_PRIO_INHERIT: who unlocks is not moved to the tail of the queue of its priority")
{
    pthread_mutex_t mutex;
    struct user waiter;
    struct unit_call call;
    int priority = 20;
    need_inherit();
    stay_on_one_processor();
    set_priority(SCHED_FIFO, 20);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_next(&call, &priority);
    make_next_ready();
    unlock(&mutex); /* nobody waits for it */
    next_has_not_run();
    next_runs(&call);

    /* And with a priority that it has inherited: the waiter is not above it, once it does not. */
    atomic_store(&next.tid, 0);
    atomic_store(&next.begin, 0);
    atomic_store(&next.ran, 0);
    lock(&mutex);
    start_next(&call, &priority);
    start_waiter(&waiter, 20, &mutex);
    make_next_ready();
    unlock(&mutex);
    next_has_not_run();
    next_runs(&call);
    leave(&waiter);
}

ASSERTION(pthread_mutexattr_setprotocol, 18,
          "PTHREAD_PRIO_PROTECT: who unlocks is not moved to the tail of the queue of its priority")
{
    pthread_mutex_t mutex;
    struct unit_call call;
    int priority = 20;
    need_protect();
    stay_on_one_processor();
    set_priority(SCHED_FIFO, 20);
    init_protect(&mutex, PTHREAD_MUTEX_STALLED, 30);
    start_next(&call, &priority);
    lock(&mutex);
    i_run_at(30);
    make_next_ready();
    unlock(&mutex);
    next_has_not_run();
    i_run_at(20);
    next_runs(&call);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 19,
    "fails with ENOTSUP for a protocol that is not supported; or with EINVAL if there is none")
{
    static const int values[] = {-1, 12345};
    pthread_mutexattr_t attr;
    init(&attr);
    for (int i = 0; i < 2; i++) {
        int error = pthread_mutexattr_setprotocol(&attr, values[i]);
        ck_assert_msg(error == ENOTSUP || error == EINVAL, "error %d", error);
    }
    for (int p = 0; p < PROTOCOLS; p++) {
        int error = pthread_mutexattr_setprotocol(&attr, protocols[p]);
        ck_assert_msg(error == 0 || error == ENOTSUP, "error %d", error);
    }
}

UNTESTED(pthread_mutexattr_setprotocol, 20,
         "may fail with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static int set_protocol(pthread_mutexattr_t *attr)
{
    return pthread_mutexattr_setprotocol(attr, PTHREAD_PRIO_NONE);
}

ASSERTION(pthread_mutexattr_setprotocol, 21, "never returns EINTR")
{
    hail(set_protocol);
}
