/*
 * Attributes of read-write locks: XSH pthread_rwlockattr_destroy and pthread_rwlockattr_getpshared.
 */
#include "rwlock.h"

static int pshared_of(const pthread_rwlockattr_t *attr)
{
    int pshared = -1;
    ck_assert_int_eq(pthread_rwlockattr_getpshared(attr, &pshared), 0);
    return pshared;
}

ASSERTION(pthread_rwlockattr_init, 1, "sets every attribute to its default, and returns 0")
{
    pthread_rwlockattr_t attr;
    memset(&attr, 0xa5, sizeof attr);
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pshared_of(&attr), PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_rwlockattr_init, 2, "the object initialises one lock or several")
{
    pthread_rwlockattr_t attr;
    pthread_rwlock_t locks[3];
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_rwlock_init(&locks[i], &attr), 0);
    for (int i = 0; i < 3; i++)
        is_a_lock(&locks[i]);
}

UNTESTED(pthread_rwlockattr_init, 3, "fails with ENOMEM when there is no memory for the object",
         "the caller provides the memory, and no way is known to make the object need more")

static int attr_init_and_destroy(pthread_rwlock_t *unused)
{
    (void)unused;
    pthread_rwlockattr_t attr;
    int pshared, error;
    if ((error = pthread_rwlockattr_init(&attr)) != 0 ||
        (error = pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED)) != 0 ||
        (error = pthread_rwlockattr_getpshared(&attr, &pshared)) != 0)
        return error;
    return pthread_rwlockattr_destroy(&attr);
}

ASSERTION(pthread_rwlockattr_init, 4, "never returns EINTR")
{
    hail(attr_init_and_destroy, NULL);
}

ASSERTION(pthread_rwlockattr_destroy, 1, "destroys an attributes object, and returns 0")
{
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_destroy(&attr), 0);
}

ASSERTION(pthread_rwlockattr_destroy, 2, "a destroyed object can be initialised again")
{
    pthread_rwlockattr_t attr;
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
        ck_assert_int_eq(pshared_of(&attr), PTHREAD_PROCESS_PRIVATE);
        ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
        ck_assert_int_eq(pthread_rwlockattr_destroy(&attr), 0);
    }
}

/* What two processes share. */
struct shared {
    pthread_rwlock_t rwlock;
    atomic_int child, parent; /* how far they are */
};

/* Another process, at another address, uses the lock together with this one. */
static void check_shared(int fd, struct shared *here)
{
    static lock_function *const locks[] = {pthread_rwlock_rdlock, pthread_rwlock_wrlock};
    for (int i = 0; i < 2; i++) {
        atomic_store(&here->child, 0);
        atomic_store(&here->parent, 0);
        ck_assert_int_eq(pthread_rwlock_wrlock(&here->rwlock), 0);
        pid_t child = unit_fork();
        if (child == 0) {
            struct shared *there = unit_map(fd, sizeof *there);
            unit_child_assert(there != here);
            unit_child_assert(pthread_rwlock_tryrdlock(&there->rwlock) == EBUSY);
            atomic_store(&there->child, 1);
            unit_child_assert(locks[i](&there->rwlock) == 0);
            atomic_store(&there->child, 2);
            unit_wait_for(&there->parent, 1);
            unit_child_assert(pthread_rwlock_unlock(&there->rwlock) == 0);
            _exit(0);
        }
        unit_wait_for(&here->child, 1);
        unit_wait_until_asleep(child, child);
        ck_assert_int_eq(atomic_load(&here->child), 1);
        unlock(&here->rwlock);
        unit_wait_for(&here->child, 2);
        ck_assert_int_eq(try_write(&here->rwlock), EBUSY);
        ck_assert_int_eq(try_read(&here->rwlock), i == 0 ? 0 : EBUSY);
        atomic_store(&here->parent, 1);
        unit_reap(child);
        is_unlocked(&here->rwlock);
    }
}

ASSERTION(pthread_rwlockattr_destroy, 3,
          "what becomes of the object does not affect locks that were initialised with it")
{
    pthread_rwlockattr_t attr;
    int fd = unit_memory(sizeof(struct shared));
    struct shared *shared = unit_map(fd, sizeof *shared);
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_rwlock_init(&shared->rwlock, &attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE), 0);
    ck_assert_int_eq(pthread_rwlockattr_destroy(&attr), 0);
    memset(&attr, 0xa5, sizeof attr);
    check_shared(fd, shared);
}

ASSERTION(pthread_rwlockattr_destroy, 4, "never returns EINTR")
{
    hail(attr_init_and_destroy, NULL);
}

ASSERTION(pthread_rwlockattr_getpshared, 1, "stores the process-shared attribute, and returns 0")
{
    static const int values[] = {PTHREAD_PROCESS_SHARED, PTHREAD_PROCESS_PRIVATE};
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    for (int i = 0; i < 2; i++) {
        int pshared = -1;
        ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, values[i]), 0);
        ck_assert_int_eq(pthread_rwlockattr_getpshared(&attr, &pshared), 0);
        ck_assert_int_eq(pshared, values[i]);
    }
}

ASSERTION(pthread_rwlockattr_getpshared, 2, "the default is PTHREAD_PROCESS_PRIVATE")
{
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pshared_of(&attr), PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_rwlockattr_getpshared, 3, "never returns EINTR")
{
    hail(attr_init_and_destroy, NULL);
}

ASSERTION(pthread_rwlockattr_setpshared, 1, "sets the process-shared attribute, and returns 0")
{
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pshared_of(&attr), PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE), 0);
    ck_assert_int_eq(pshared_of(&attr), PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_rwlockattr_setpshared, 2,
          "PTHREAD_PROCESS_SHARED lets whoever can access the memory use the lock, in whatever "
          "process and at whatever address")
{
    int fd = unit_memory(sizeof(struct shared));
    struct shared *shared = unit_map(fd, sizeof *shared);
    init_shared(&shared->rwlock);
    check_shared(fd, shared);
}

ASSERTION(pthread_rwlockattr_setpshared, 3,
          "may fail with EINVAL for a value that is neither of the two; it is not taken")
{
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    int error = pthread_rwlockattr_setpshared(&attr, 4711);
    if (error == 0)
        unsupported("the value is not checked, as may be");
    ck_assert_int_eq(error, EINVAL);
    ck_assert_int_eq(pshared_of(&attr), PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_rwlockattr_setpshared, 4, "never returns EINTR")
{
    hail(attr_init_and_destroy, NULL);
}
