/*
 * Mutexes: XSH pthread_mutex_destroy, pthread_mutex_lock (of which pthread_mutex_unlock), and
 * pthread_mutex_consistent. What locks one is in mutex_lock.c, and ceilings in mutex_ceiling.c.
 */
#include "mutex.h"

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
    need_protect_at(10);
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
    need_protect_at(30);
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
