/*
 * Mutexes: XSH pthread_mutex_destroy, pthread_mutex_lock, pthread_mutex_clocklock,
 * pthread_mutex_consistent, pthread_mutex_getprioceiling, and what XSH 2.9.3 and 2.9.9 say of them.
 * What the protocols do to the priority of an owner is in mutexattr.c.
 *
 * What several functions have in common is one check, which takes the function to look at.
 */
#include "conform.h"
#include <sched.h>

#define FAR_MS 60000 /* no test lasts until then */

/* Whatever locks a mutex, with an end far away where there is one. */
typedef int lock_function(pthread_mutex_t *);

static int lock_timed(pthread_mutex_t *mutex)
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    return pthread_mutex_timedlock(mutex, &end);
}

static int lock_clock(pthread_mutex_t *mutex)
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

static bool init_kind(pthread_mutex_t *mutex, int type, int kind)
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

static void init(pthread_mutex_t *mutex, int type)
{
    ck_assert_int_eq(unit_mutex_init(mutex, type, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED,
                                     PTHREAD_PRIO_NONE),
                     0);
}

static void init_robust(pthread_mutex_t *mutex, int type, int protocol)
{
    ck_assert_int_eq(
        unit_mutex_init(mutex, type, PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_ROBUST, protocol), 0);
}

static void lock(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(pthread_mutex_lock(mutex), 0);
}

static void unlock(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
}

static void destroy(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(pthread_mutex_destroy(mutex), 0);
}

static void need_inherit(void)
{
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    if (pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) == ENOTSUP)
        unsupported("no Thread Priority Inheritance option");
}

/* The state of a mutex is what another thread can do with it. */

static int try_and_unlock(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    if (error == 0)
        unlock(mutex);
    return error;
}

static int just_lock(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

static int just_unlock(void *mutex)
{
    return pthread_mutex_unlock(mutex);
}

static void is_unlocked(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), 0);
}

static void is_locked(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), EBUSY);
}

static void is_unusable(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(just_lock, mutex), ENOTRECOVERABLE);
}

static void is_a_mutex(pthread_mutex_t *mutex)
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

static int use(void *argument)
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

static void start_with_priority(struct user *user, lock_function *lock, pthread_mutex_t *mutex,
                                int policy, int priority)
{
    *user = (struct user){.lock = lock, .mutex = mutex, .policy = policy, .priority = priority};
    unit_start(&user->call, use, user);
}

static void start(struct user *user, lock_function *lock, pthread_mutex_t *mutex)
{
    start_with_priority(user, lock, mutex, 0, 0);
}

static void must_wait(struct user *user)
{
    unit_wait_until_blocked(&user->call);
    ck_assert_msg(atomic_load(&user->place) == 0, "the mutex was given at once");
}

static void must_get(struct user *user)
{
    while (atomic_load(&user->place) == 0) {
        ck_assert_msg(!atomic_load(&user->call.returned), "it failed with %d", user->error);
        nanosleep(&(struct timespec){0, 100000}, NULL);
    }
}

static void leave(struct user *user)
{
    atomic_store(&user->leave, 1);
    ck_assert_int_eq(unit_finish(&user->call), 0);
}

static void get_and_leave(struct user *user)
{
    must_get(user);
    ck_assert_int_eq(user->error, 0);
    leave(user);
}

/* Wait until a call has returned (true), or sleeps in the kernel (false). */
static bool returns(struct unit_call *call)
{
    char path[64], line[512];
    unit_wait_for(&call->tid, 1);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(&call->tid));
    while (!atomic_load(&call->returned)) {
        FILE *file = fopen(path, "r");
        bool read = file != NULL && fgets(line, sizeof line, file) != NULL;
        if (file != NULL)
            fclose(file);
        if (read && strrchr(line, ')')[2] == 'S')
            return atomic_load(&call->returned);
        nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    return true;
}

/* A mutex that processes share, and a child that owns it until it is killed. */

struct shared {
    pthread_mutex_t mutex;
    atomic_int locked;
};

static struct shared *new_shared(int type, int protocol)
{
    struct shared *shared = unit_map(unit_memory(sizeof *shared), sizeof *shared);
    init_robust(&shared->mutex, type, protocol);
    return shared;
}

static pid_t lock_in_child(struct shared *shared, int expected)
{
    atomic_store(&shared->locked, 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(pthread_mutex_lock(&shared->mutex) == expected);
        atomic_store(&shared->locked, 1);
        for (;;)
            pause();
    }
    unit_wait_for(&shared->locked, 1);
    return pid;
}

/* A mutex that a process has died with: as others find it. */
static struct shared *orphan(int type, int protocol)
{
    struct shared *shared = new_shared(type, protocol);
    unit_kill(lock_in_child(shared, 0));
    return shared;
}

/* Interrupt a thread that waits, and hold that the handler has returned and it waits again. */
static void interrupt(struct user *user)
{
    int before = atomic_load(&handled);
    ck_assert_int_eq(pthread_kill(user->call.thread, SIGUSR1), 0);
    unit_wait_for(&handled, before + 1);
    must_wait(user);
}

/* Call what does not wait under a hail of signals. */
static void hail(int (*function)(pthread_mutex_t *), pthread_mutex_t *mutex)
{
    while (hailing())
        ck_assert_int_eq(function(mutex), 0);
}

/* Priority ceilings: some implementations lock such a mutex only for realtime threads. */

static void need_protect(int priority)
{
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    if (pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT) == ENOTSUP)
        unsupported("no Thread Priority Protection option");
    need(pthread_mutexattr_setprioceiling);
    set_priority(SCHED_FIFO, priority);
}

static void init_ceiling_of(pthread_mutex_t *mutex, int type, int robust, int ceiling)
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

static void init_ceiling(pthread_mutex_t *mutex, int ceiling)
{
    init_ceiling_of(mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, ceiling);
}

static void has_ceiling(const pthread_mutex_t *mutex, int expected)
{
    int ceiling = -1;
    ck_assert_int_eq(pthread_mutex_getprioceiling(mutex, &ceiling), 0);
    ck_assert_int_eq(ceiling, expected);
}

/* pthread_mutex_init(), PTHREAD_MUTEX_INITIALIZER */

ASSERTION(pthread_mutex_init, 1, "leaves the mutex initialised and unlocked, and returns 0")
{
    pthread_mutex_t mutex;
    memset(&mutex, 0xa5, sizeof mutex);
    ck_assert_int_eq(pthread_mutex_init(&mutex, NULL), 0);
    is_unlocked(&mutex);
}

ASSERTION(pthread_mutex_init, 2, "the mutex is as the attributes say: its type")
{
    pthread_mutex_t mutex;
    init(&mutex, PTHREAD_MUTEX_ERRORCHECK);
    lock(&mutex);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EDEADLK);
    unlock(&mutex);
    destroy(&mutex);
    init(&mutex, PTHREAD_MUTEX_RECURSIVE);
    lock(&mutex);
    lock(&mutex);
}

ASSERTION(pthread_mutex_init, 3, "the mutex is as the attributes say: its priority ceiling")
{
    pthread_mutex_t mutex;
    need_protect(10);
    init_ceiling(&mutex, 17);
    has_ceiling(&mutex, 17);
}

ASSERTION(pthread_mutex_init, 4, "the mutex is as the attributes say, whatever they combine")
{
    static const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_PROTECT};
    pthread_mutexattr_t attr;
    for (int p = 0; p < 3; p++)
        for (int t = 0; t < TYPES; t++)
            for (int robust = 0; robust < 2; robust++) {
                pthread_mutex_t mutex;
                ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
                if (pthread_mutexattr_setprotocol(&attr, protocols[p]) == ENOTSUP)
                    continue;
                ck_assert_int_eq(
                    unit_mutex_init(&mutex, types[t], PTHREAD_PROCESS_SHARED,
                                    robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED,
                                    protocols[p]),
                    0);
                destroy(&mutex);
            }
}

ASSERTION(pthread_mutex_init, 5, "null attributes have the effect of an object of default ones")
{
    pthread_mutex_t by_null, by_default;
    pthread_mutexattr_t attr;
    struct user user;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(pthread_mutex_init(&by_null, NULL), 0);
    ck_assert_int_eq(pthread_mutex_init(&by_default, &attr), 0);
    is_a_mutex(&by_null);
    is_a_mutex(&by_default);
    /* What a default mutex does to its owner is not defined; that another waits is. */
    lock(&by_null);
    start(&user, pthread_mutex_lock, &by_null);
    must_wait(&user);
    unlock(&by_null);
    get_and_leave(&user);
}

ASSERTION(pthread_mutex_init, 6, "a process-shared mutex can be used at another address too")
{
    int fd = unit_memory(sizeof(pthread_mutex_t));
    pthread_mutex_t *here = unit_map(fd, sizeof *here), *there = unit_map(fd, sizeof *there);
    struct user user;
    ck_assert_ptr_ne(here, there);
    ck_assert_int_eq(unit_mutex_init(here, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_SHARED,
                                     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE),
                     0);
    lock(here);
    ck_assert_int_eq(pthread_mutex_lock(there), EDEADLK);
    is_locked(there);
    start(&user, pthread_mutex_lock, there);
    must_wait(&user);
    unlock(there);
    get_and_leave(&user);
    is_a_mutex(here);
    destroy(there);
}

UNTESTED(pthread_mutex_init, 7, "fails with EAGAIN when it lacks a resource other than memory",
         "no resource is known of which a mutex takes some")
UNTESTED(pthread_mutex_init, 8, "fails with ENOMEM when there is no memory for the mutex",
         "the caller provides the memory, and no way is known to make a mutex need more")
UNTESTED(pthread_mutex_init, 9, "fails with EPERM when the caller lacks a privilege for it",
         "no privilege is known that it needs")

ASSERTION(pthread_mutex_init, 10, "may fail with EINVAL for a robust mutex that is not shared")
{
    pthread_mutex_t mutex;
    int error = unit_mutex_init(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE,
                                PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    ck_assert_msg(error == EINVAL || error == 0, "error %d", error);
    if (error == 0)
        is_a_mutex(&mutex);
}

static int init_and_destroy(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_init(mutex, NULL);
    return error ? error : pthread_mutex_destroy(mutex);
}

ASSERTION(pthread_mutex_init, 11, "never returns EINTR")
{
    pthread_mutex_t mutex;
    hail(init_and_destroy, &mutex);
}

ASSERTION_OF_NAME(PTHREAD_MUTEX_INITIALIZER, 1, "initialises a mutex of static storage: unlocked")
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    is_a_mutex(&mutex);
    destroy(&mutex);
}

ASSERTION_OF_NAME(PTHREAD_MUTEX_INITIALIZER, 2, "initialises a mutex of automatic storage")
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    is_a_mutex(&mutex);
    destroy(&mutex);
}

ASSERTION_OF_NAME(PTHREAD_MUTEX_INITIALIZER, 3, "such a mutex excludes, as one of null attributes")
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct user user;
    lock(&mutex);
    start(&user, pthread_mutex_lock, &mutex);
    must_wait(&user);
    unlock(&mutex);
    get_and_leave(&user);
}

ASSERTION_OF_NAME(PTHREAD_MUTEX_INITIALIZER, 4, "such a mutex can be destroyed and initialised")
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    lock(&mutex);
    unlock(&mutex);
    destroy(&mutex);
    init(&mutex, PTHREAD_MUTEX_RECURSIVE);
    lock(&mutex);
    lock(&mutex);
}

/* pthread_mutex_destroy() */

ASSERTION(pthread_mutex_destroy, 1, "destroys an unlocked mutex of any kind, and returns 0")
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
    FOR_EACH_KIND(&mutex)
    {
        is_a_mutex(&mutex);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}

ASSERTION(pthread_mutex_destroy, 2, "a destroyed mutex can be initialised again, as another kind")
{
    pthread_mutex_t mutex;
    init(&mutex, PTHREAD_MUTEX_RECURSIVE);
    lock(&mutex);
    unlock(&mutex);
    destroy(&mutex);
    init(&mutex, PTHREAD_MUTEX_ERRORCHECK);
    lock(&mutex);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EDEADLK);
    unlock(&mutex);
    destroy(&mutex);
}

/* An object with a mutex in memory of its own, and how many refer to it. */
struct object {
    pthread_mutex_t mutex;
    int references;
    atomic_int ready;
};

static int drop_reference(void *argument)
{
    struct object *object = argument;
    atomic_fetch_add(&object->ready, 1);
    while (atomic_load(&object->ready) < 2)
        sched_yield();
    lock(&object->mutex);
    bool last = --object->references == 0;
    unlock(&object->mutex);
    if (last) {
        destroy(&object->mutex);
        ck_assert_int_eq(munmap(object, sizeof *object), 0);
    }
    return 0;
}

ASSERTION(pthread_mutex_destroy, 3,
          "is safe once the mutex is unlocked: the thread before the last may be about to return")
{
    for (int t = 0; t < TYPES; t++)
        for (int i = 0; i < 60; i++) {
            struct unit_call call;
            struct object *object = mmap(NULL, sizeof *object, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            ck_assert_ptr_ne(object, MAP_FAILED);
            init(&object->mutex, types[t]);
            object->references = 2;
            unit_start(&call, drop_reference, object);
            drop_reference(object);
            unit_finish(&call);
        }
}

ASSERTION(pthread_mutex_destroy, 4, "destroys a robust mutex that is not recoverable")
{
    struct shared *shared = orphan(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    unlock(&shared->mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&shared->mutex), 0);
    init(&shared->mutex, PTHREAD_MUTEX_NORMAL);
    is_a_mutex(&shared->mutex);
}

ASSERTION(pthread_mutex_destroy, 5, "never returns EINTR")
{
    pthread_mutex_t mutex;
    hail(init_and_destroy, &mutex);
}

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
    need_protect(20);
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

/* The clocks have values far apart: to mistake one for the other is to end at once, or never. */
static void is_over(clockid_t clock, struct timespec end)
{
    struct timespec now;
    clock_gettime(clock, &now);
    ck_assert_msg(now.tv_sec > end.tv_sec ||
                      (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec),
                  "it ended before its time");
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
    ck_assert_int_eq(runs_at(unit_gettid()), 20);
    ck_assert_int_eq(unit_finish(&call), ETIMEDOUT);
    ck_assert_int_eq(runs_at(unit_gettid()), 10);
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

/* pthread_mutex_unlock() */

ASSERTION(pthread_mutex_unlock, 1, "releases a mutex of any kind, and returns 0")
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        lock(&mutex);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        is_unlocked(&mutex);
        destroy(&mutex);
    }
}

ASSERTION(pthread_mutex_unlock, 2, "a blocked thread acquires it, whoever of them; the others wait")
{
    enum { WAITERS = 3 };
    pthread_mutex_t mutex;
    FOR_EACH_KIND(&mutex)
    {
        struct user users[WAITERS];
        bool done[WAITERS] = {false};
        lock(&mutex);
        for (int i = 0; i < WAITERS; i++) {
            start(&users[i], pthread_mutex_lock, &mutex);
            must_wait(&users[i]);
        }
        unlock(&mutex);
        for (int round = 0; round < WAITERS; round++) {
            int got = 0, who = -1;
            while (got == 0)
                for (int i = 0; i < WAITERS; i++)
                    if (!done[i] && atomic_load(&users[i].place) != 0)
                        got++, who = i;
            ck_assert_int_eq(got, 1);
            for (int i = 0; i < WAITERS; i++)
                if (i != who && !done[i])
                    must_wait(&users[i]);
            leave(&users[who]);
            done[who] = true;
        }
        destroy(&mutex);
    }
}

ASSERTION(pthread_mutex_unlock, 3, "a recursive mutex is available when its count is zero")
{
    pthread_mutex_t mutex;
    FOR_EACH_KIND_OF(PTHREAD_MUTEX_RECURSIVE, &mutex)
    {
        struct user user;
        lock(&mutex);
        lock(&mutex);
        lock(&mutex);
        start(&user, pthread_mutex_lock, &mutex);
        must_wait(&user);
        unlock(&mutex);
        must_wait(&user);
        unlock(&mutex);
        must_wait(&user);
        unlock(&mutex);
        get_and_leave(&user);
        destroy(&mutex);
    }
}

/* Which of the blocked threads is next: that of the highest priority. */
static void check_order(pthread_mutex_t *mutex, int policy)
{
    static const int priorities[] = {12, 14, 11, 13};
    struct user users[4];
    set_priority(SCHED_FIFO, 30);
    lock(mutex);
    for (int i = 0; i < 4; i++) {
        start_with_priority(&users[i], pthread_mutex_lock, mutex, policy, priorities[i]);
        must_wait(&users[i]);
    }
    for (int i = 0; i < 4; i++)
        atomic_store(&users[i].leave, 1);
    unlock(mutex);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(unit_finish(&users[i].call), 0);
    for (int i = 0; i < 4; i++) {
        int place = atomic_load(&users[i].place);
        ck_assert_msg(place == 15 - priorities[i], "priority %d was number %d, of 4 from 14 to 11",
                      priorities[i], place);
    }
}

ASSERTION(pthread_mutex_unlock, 4, "with SCHED_FIFO, the blocked thread of the highest priority")
{
    pthread_mutex_t mutex;
    init(&mutex, PTHREAD_MUTEX_NORMAL);
    check_order(&mutex, SCHED_FIFO);
}

ASSERTION(pthread_mutex_unlock, 5, "with SCHED_RR, the blocked thread of the highest priority")
{
    pthread_mutex_t mutex;
    init(&mutex, PTHREAD_MUTEX_NORMAL);
    check_order(&mutex, SCHED_RR);
}

ASSERTION(pthread_mutex_unlock, 6, "the same for a robust mutex")
{
    pthread_mutex_t mutex;
    init_robust(&mutex, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE);
    check_order(&mutex, SCHED_FIFO);
}

ASSERTION(pthread_mutex_unlock, 7, "the same for a mutex of PTHREAD_PRIO_INHERIT")
{
    pthread_mutex_t mutex;
    need_inherit();
    ck_assert_int_eq(unit_mutex_init(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE,
                                     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT),
                     0);
    check_order(&mutex, SCHED_FIFO);
}

ASSERTION(pthread_mutex_unlock, 8, "the same for a mutex of PTHREAD_PRIO_PROTECT")
{
    pthread_mutex_t mutex;
    need_protect(30);
    init_ceiling(&mutex, 40);
    check_order(&mutex, SCHED_FIFO);
}

ASSERTION(pthread_mutex_unlock, 9,
          "an error checking or recursive mutex of another thread: EPERM, and it remains locked")
{
    pthread_mutex_t mutex;
    for (int i = 0; i < 2; i++)
        FOR_EACH_KIND_OF(i ? PTHREAD_MUTEX_ERRORCHECK : PTHREAD_MUTEX_RECURSIVE, &mutex)
        {
            struct user owner;
            start(&owner, pthread_mutex_lock, &mutex);
            must_get(&owner);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
            is_locked(&mutex);
            leave(&owner);
            destroy(&mutex);
        }
}

ASSERTION(pthread_mutex_unlock, 10, "an error checking or recursive mutex that is unlocked: EPERM")
{
    pthread_mutex_t mutex;
    for (int i = 0; i < 2; i++)
        FOR_EACH_KIND_OF(i ? PTHREAD_MUTEX_ERRORCHECK : PTHREAD_MUTEX_RECURSIVE, &mutex)
        {
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
            lock(&mutex);
            unlock(&mutex);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
            is_unlocked(&mutex);
            destroy(&mutex);
        }
}

ASSERTION(pthread_mutex_unlock, 11, "a robust mutex, of any type, of another thread: EPERM")
{
    for (int t = 0; t < TYPES; t++) {
        pthread_mutex_t mutex;
        struct user owner;
        init_robust(&mutex, types[t], PTHREAD_PRIO_NONE);
        start(&owner, pthread_mutex_lock, &mutex);
        must_get(&owner);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
        is_locked(&mutex);
        leave(&owner);
    }
}

ASSERTION(pthread_mutex_unlock, 12, "a robust mutex, of any type, that is unlocked: EPERM")
{
    for (int t = 0; t < TYPES; t++) {
        pthread_mutex_t mutex;
        init_robust(&mutex, types[t], PTHREAD_PRIO_NONE);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
        is_a_mutex(&mutex);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    }
}

ASSERTION(pthread_mutex_unlock, 13, "with EOWNERDEAD owned and not consistent: unusable for good")
{
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = orphan(types[t], PTHREAD_PRIO_NONE);
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_unlock(&shared->mutex), 0);
        is_unusable(&shared->mutex);
        is_unusable(&shared->mutex);
    }
}

ASSERTION(pthread_mutex_unlock, 14, "the same for those who are blocked by then: ENOTRECOVERABLE")
{
    struct shared *shared = orphan(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
    struct user users[3];
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    for (int i = 0; i < 3; i++) {
        start(&users[i], pthread_mutex_lock, &shared->mutex);
        must_wait(&users[i]);
    }
    unlock(&shared->mutex);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(unit_finish(&users[i].call), ENOTRECOVERABLE);
}

static int lock_and_unlock_now(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_lock(mutex);
    return error ? error : pthread_mutex_unlock(mutex);
}

ASSERTION(pthread_mutex_unlock, 15, "never returns EINTR")
{
    pthread_mutex_t mutex;
    init(&mutex, PTHREAD_MUTEX_NORMAL);
    hail(lock_and_unlock_now, &mutex);
}

/* pthread_mutex_consistent() */

ASSERTION(pthread_mutex_consistent, 1,
          "makes a robust mutex that the caller got with EOWNERDEAD as any other, and returns 0")
{
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = orphan(types[t], PTHREAD_PRIO_NONE);
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
        unlock(&shared->mutex);
        is_a_mutex(&shared->mutex);
    }
}

ASSERTION(pthread_mutex_consistent, 2, "the caller remains the owner")
{
    struct shared *shared = orphan(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
    struct user user;
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    start(&user, pthread_mutex_lock, &shared->mutex);
    must_wait(&user);
    ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
    must_wait(&user);
    unlock(&shared->mutex);
    get_and_leave(&user);
}

ASSERTION(pthread_mutex_consistent, 3, "if a process dies as owner again: EOWNERDEAD again")
{
    struct shared *shared = orphan(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
    unlock(&shared->mutex);
    unit_kill(lock_in_child(shared, 0));
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
}

ASSERTION(pthread_mutex_consistent, 4,
          "if an owner by EOWNERDEAD dies before it calls this, the next owner is told EOWNERDEAD")
{
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = orphan(types[t], PTHREAD_PRIO_NONE);
        unit_kill(lock_in_child(shared, EOWNERDEAD));
        unit_kill(lock_in_child(shared, EOWNERDEAD));
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
        unlock(&shared->mutex);
        is_a_mutex(&shared->mutex);
    }
}

ASSERTION(pthread_mutex_consistent, 5, "without it, the mutex does not become usable")
{
    struct shared *shared = orphan(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    unlock(&shared->mutex);
    is_unusable(&shared->mutex);
}

ASSERTION(pthread_mutex_consistent, 6, "it does the same for a mutex of PTHREAD_PRIO_INHERIT")
{
    need_inherit();
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = orphan(types[t], PTHREAD_PRIO_INHERIT);
        unit_kill(lock_in_child(shared, EOWNERDEAD));
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
        unlock(&shared->mutex);
        is_a_mutex(&shared->mutex);
    }
}

ASSERTION(pthread_mutex_consistent, 7, "fails with EINVAL for a mutex that is not robust")
{
    for (int t = 0; t < TYPES; t++) {
        pthread_mutex_t mutex;
        init(&mutex, types[t]);
        ck_assert_int_eq(pthread_mutex_consistent(&mutex), EINVAL);
        lock(&mutex);
        ck_assert_int_eq(pthread_mutex_consistent(&mutex), EINVAL);
        unlock(&mutex);
    }
}

ASSERTION(pthread_mutex_consistent, 8, "fails with EINVAL for a robust mutex that is consistent")
{
    for (int t = 0; t < TYPES; t++) {
        struct shared *shared = new_shared(types[t], PTHREAD_PRIO_NONE);
        ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), EINVAL);
        lock(&shared->mutex);
        ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), EINVAL);
        unlock(&shared->mutex);
        unit_kill(lock_in_child(shared, 0));
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
        ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), EINVAL);
    }
}

static int refuse_consistent(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_consistent(mutex);
    return error == EINVAL ? 0 : error;
}

ASSERTION(pthread_mutex_consistent, 9, "never returns EINTR")
{
    pthread_mutex_t mutex;
    init(&mutex, PTHREAD_MUTEX_NORMAL);
    hail(refuse_consistent, &mutex);
}

/* pthread_mutex_getprioceiling() */

ASSERTION(pthread_mutex_getprioceiling, 1, "gives the ceiling of the mutex, and returns 0")
{
    pthread_mutex_t mutex;
    need_protect(10);
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
    need_protect(10);
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
    need_protect(10);
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
    need_protect(10);
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
    need_protect(10);
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
    need_protect(10);
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
    need_protect(10);
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
    need_protect(10);
    init_ceiling(&mutex, 15);
    ck_assert_int_eq(set_ceiling(&mutex, 25), 0);
    lock(&mutex);
    ck_assert_int_eq(runs_at(unit_gettid()), 25);
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
    need_protect(20);
    init_ceiling(&mutex, 15);
    int error = set_ceiling(&mutex, 25);
    ck_assert_msg(error == 0 || error == EINVAL, "error %d", error);
    has_ceiling(&mutex, error == 0 ? 25 : 15);
    ck_assert_int_eq(runs_at(unit_gettid()), 20);
}

ASSERTION(
    pthread_mutex_setprioceiling, 7,
    "fails with EDEADLK for an error checking mutex that the caller owns, and changes nothing")
{
    pthread_mutex_t mutex;
    need_protect(10);
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
    need_protect(10);
    init_ceiling_of(&mutex, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, 15);
    lock(&mutex);
    ck_assert_int_eq(set_ceiling(&mutex, 25), 0);
    has_ceiling(&mutex, 25);
    is_locked(&mutex);
    unlock(&mutex);
    is_unlocked(&mutex);
    ck_assert_int_eq(runs_at(unit_gettid()), 10);
}

ASSERTION(pthread_mutex_setprioceiling, 9,
          "a normal mutex that the caller owns: it waits, as pthread_mutex_lock does")
{
    static pthread_mutex_t mutex;
    static struct user user; /* the call is not over when the test is */
    need_protect(10);
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
    need_protect(10);
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
    need_protect(10);
    struct shared *shared = orphan_with_ceiling();
    ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    unlock(&shared->mutex);
    ck_assert_int_eq(set_ceiling(&shared->mutex, 25), ENOTRECOVERABLE);
}

ASSERTION(pthread_mutex_setprioceiling, 15,
          "a robust mutex that a thread ended with, its process alive: EOWNERDEAD, or it waits")
{
    static struct user user;
    need_protect(10);
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
    need_protect(10);
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
    need_protect(10);
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
