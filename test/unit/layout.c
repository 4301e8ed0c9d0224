/*
 * The objects as bytes, which programs were compiled with: sizes, alignments, static initialisers,
 * and that the library keeps to the bytes that are the object's.
 */
#include "unit.h"
#include <stdalign.h>
#include <threads.h>

#if defined(__x86_64__) && defined(__LP64__)
#ifdef __GLIBC__
#define BY_LIBC(glibc, musl) glibc
#else
#define BY_LIBC(glibc, musl) musl
#endif

START_TEST(sizes_and_alignments_are_those_of_the_architecture)
{
    static const struct {
        const char *name;
        size_t size, alignment, expected_size, expected_alignment;
    } types[] = {
#define TYPE(type, size, alignment) {#type, sizeof(type), alignof(type), size, alignment}
        TYPE(pthread_mutex_t, 40, 8),
        TYPE(pthread_cond_t, 48, 8),
        TYPE(pthread_rwlock_t, 56, 8),
        TYPE(pthread_barrier_t, 32, 8),
        TYPE(pthread_spinlock_t, 4, 4),
        TYPE(pthread_once_t, 4, 4),
        TYPE(pthread_key_t, 4, 4),
        TYPE(sem_t, 32, BY_LIBC(8, 4)),
        TYPE(pthread_mutexattr_t, 4, 4),
        TYPE(pthread_condattr_t, 4, 4),
        TYPE(pthread_rwlockattr_t, 8, BY_LIBC(8, 4)),
        TYPE(pthread_barrierattr_t, 4, 4),
        TYPE(mtx_t, 40, 8),
        TYPE(cnd_t, 48, 8),
        TYPE(once_flag, 4, 4),
        TYPE(tss_t, 4, 4),
#undef TYPE
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        ck_assert_msg(types[i].size == types[i].expected_size, "sizeof(%s) is %zu, not %zu",
                      types[i].name, types[i].size, types[i].expected_size);
        ck_assert_msg(types[i].alignment == types[i].expected_alignment,
                      "alignof(%s) is %zu, not %zu", types[i].name, types[i].alignment,
                      types[i].expected_alignment);
    }
    /* Programs have these numbers compiled in. */
    ck_assert_int_eq(PTHREAD_BARRIER_SERIAL_THREAD, -1);
    ck_assert_int_eq(PTHREAD_MUTEX_NORMAL, 0);
    ck_assert_int_eq(PTHREAD_MUTEX_RECURSIVE, 1);
    ck_assert_int_eq(PTHREAD_MUTEX_ERRORCHECK, 2);
    ck_assert_int_eq(PTHREAD_PROCESS_SHARED, 1);
    ck_assert_int_eq(PTHREAD_MUTEX_ROBUST, 1);
    ck_assert_int_eq(PTHREAD_PRIO_INHERIT, 1);
    ck_assert_int_eq(PTHREAD_PRIO_PROTECT, 2);
    ck_assert_int_eq(mtx_plain, 0);
    ck_assert_int_eq(mtx_recursive, 1);
    ck_assert_int_eq(mtx_timed, 2);
    ck_assert_int_eq(thrd_success, 0);
    ck_assert_int_eq(thrd_busy, 1);
    ck_assert_int_eq(thrd_error, 2);
    ck_assert_int_eq(thrd_nomem, 3);
    ck_assert_int_eq(thrd_timedout, 4);
}
END_TEST
#endif

/* What a waiter in another thread waits on. */
struct waiter {
    struct unit_call call;
    void *object;
    pthread_mutex_t *mutex;
    bool *go;
};

static int lock_and_unlock(void *mutex)
{
    int error = pthread_mutex_lock(mutex);
    return error != 0 ? error : pthread_mutex_unlock(mutex);
}

static int trylock_and_unlock(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    return error != 0 ? error : pthread_mutex_unlock(mutex);
}

/* Lock, have another thread wait for it, unlock. */
static void contend(pthread_mutex_t *mutex)
{
    struct unit_call call;
    ck_assert_int_eq(pthread_mutex_lock(mutex), 0);
    ck_assert_int_eq(unit_elsewhere(trylock_and_unlock, mutex), EBUSY);
    unit_start(&call, lock_and_unlock, mutex);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(pthread_mutex_trylock(mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
}

static int wait_for_go(void *arg)
{
    struct waiter *waiter = arg;
    int error = pthread_mutex_lock(waiter->mutex);
    while (error == 0 && !*waiter->go)
        error = pthread_cond_wait(waiter->object, waiter->mutex);
    return error != 0 ? error : pthread_mutex_unlock(waiter->mutex);
}

/* Two waiters, woken by a broadcast, and one by a signal. */
static void wait_and_wake(pthread_cond_t *cond)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for (int count = 1; count <= 2; count++) {
        bool go = false;
        struct waiter waiter[2];
        for (int i = 0; i < count; i++) {
            waiter[i].object = cond;
            waiter[i].mutex = &mutex;
            waiter[i].go = &go;
            unit_start(&waiter[i].call, wait_for_go, &waiter[i]);
            unit_wait_until_blocked(&waiter[i].call);
        }
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        go = true;
        ck_assert_int_eq(count == 1 ? pthread_cond_signal(cond) : pthread_cond_broadcast(cond), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        for (int i = 0; i < count; i++)
            ck_assert_int_eq(unit_finish(&waiter[i].call), 0);
    }
}

static int write_and_unlock(void *rwlock)
{
    int error = pthread_rwlock_wrlock(rwlock);
    return error != 0 ? error : pthread_rwlock_unlock(rwlock);
}

static int read_and_unlock(void *rwlock)
{
    int error = pthread_rwlock_rdlock(rwlock);
    return error != 0 ? error : pthread_rwlock_unlock(rwlock);
}

static int tryread_and_unlock(void *rwlock)
{
    int error = pthread_rwlock_tryrdlock(rwlock);
    return error != 0 ? error : pthread_rwlock_unlock(rwlock);
}

/* A writer waits for a reader, and a reader for a writer. */
static void read_and_write(pthread_rwlock_t *rwlock)
{
    struct unit_call call;
    ck_assert_int_eq(pthread_rwlock_rdlock(rwlock), 0);
    ck_assert_int_eq(unit_elsewhere(tryread_and_unlock, rwlock), 0);
    unit_start(&call, write_and_unlock, rwlock);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_rwlock_unlock(rwlock), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(pthread_rwlock_wrlock(rwlock), 0);
    unit_start(&call, read_and_unlock, rwlock);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_rwlock_unlock(rwlock), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(pthread_rwlock_trywrlock(rwlock), 0);
    ck_assert_int_eq(pthread_rwlock_unlock(rwlock), 0);
}

static int wait_at_barrier(void *barrier)
{
    int got = pthread_barrier_wait(barrier);
    return got == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : got;
}

static int wait_for_permit(void *sem)
{
    return sem_wait(sem) == 0 ? 0 : errno;
}

/* One wait that sleeps, one that does not. */
static void post_and_wait(sem_t *sem)
{
    struct unit_call call;
    ck_assert_int_eq(sem_trywait(sem), -1);
    unit_start(&call, wait_for_permit, sem);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(sem_post(sem), 0);
    ck_assert_int_eq(sem_wait(sem), 0);
}

/* All that an object goes through between its init and its destroy. */
static void live_mutex(void *at)
{
    for (int i = 0; i < 3 * 2 * 2 * 2; i++) {
        ck_assert_int_eq(unit_mutex_init(at, i % 3, i / 3 % 2, i / 6 % 2,
                                         i / 12 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE),
                         0);
        contend(at);
        ck_assert_int_eq(pthread_mutex_destroy(at), 0);
    }
}

static void live_cond(void *at)
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    for (int shared = 0; shared < 2; shared++) {
        ck_assert_int_eq(pthread_condattr_setpshared(&attr, shared), 0);
        ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
        ck_assert_int_eq(pthread_cond_init(at, &attr), 0);
        wait_and_wake(at);
        ck_assert_int_eq(pthread_cond_destroy(at), 0);
    }
}

static void live_rwlock(void *at)
{
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    for (int shared = 0; shared < 2; shared++) {
        ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, shared), 0);
        ck_assert_int_eq(pthread_rwlock_init(at, &attr), 0);
        read_and_write(at);
        ck_assert_int_eq(pthread_rwlock_destroy(at), 0);
    }
}

static void live_barrier(void *at)
{
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    for (int shared = 0; shared < 2; shared++) {
        struct unit_call call;
        ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, shared), 0);
        ck_assert_int_eq(pthread_barrier_init(at, &attr, 2), 0);
        unit_start(&call, wait_at_barrier, at);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(wait_at_barrier(at), 0);
        ck_assert_int_eq(unit_finish(&call), 0);
        ck_assert_int_eq(pthread_barrier_destroy(at), 0);
    }
}

static void live_spin(void *at)
{
    ck_assert_int_eq(pthread_spin_init(at, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_spin_lock(at), 0);
    ck_assert_int_eq(pthread_spin_trylock(at), EBUSY);
    ck_assert_int_eq(pthread_spin_unlock(at), 0);
    ck_assert_int_eq(pthread_spin_destroy(at), 0);
}

static void live_sem(void *at)
{
    for (int shared = 0; shared < 2; shared++) {
        ck_assert_int_eq(sem_init(at, shared, 0), 0);
        post_and_wait(at);
        ck_assert_int_eq(sem_destroy(at), 0);
    }
}

static void nothing(void)
{
}

static void live_once(void *at)
{
    static const pthread_once_t initial = PTHREAD_ONCE_INIT;
    memcpy(at, &initial, sizeof initial);
    ck_assert_int_eq(pthread_once(at, nothing), 0);
    ck_assert_int_eq(pthread_once(at, nothing), 0);
}

static void live_key(void *at)
{
    ck_assert_int_eq(pthread_key_create(at, NULL), 0);
    ck_assert_int_eq(pthread_key_delete(*(pthread_key_t *)at), 0);
}

static void live_mutexattr(void *at)
{
    int value;
    ck_assert_int_eq(pthread_mutexattr_init(at), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(at, PTHREAD_MUTEX_ERRORCHECK), 0);
    ck_assert_int_eq(pthread_mutexattr_setpshared(at, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(at, PTHREAD_MUTEX_ROBUST), 0);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(at, PTHREAD_PRIO_INHERIT), 0);
    ck_assert_int_eq(pthread_mutexattr_gettype(at, &value), 0);
    ck_assert_int_eq(value, PTHREAD_MUTEX_ERRORCHECK);
    ck_assert_int_eq(pthread_mutexattr_destroy(at), 0);
}

static void live_condattr(void *at)
{
    clockid_t clock;
    ck_assert_int_eq(pthread_condattr_init(at), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(at, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_condattr_setclock(at, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_condattr_getclock(at, &clock), 0);
    ck_assert_int_eq(clock, CLOCK_MONOTONIC);
    ck_assert_int_eq(pthread_condattr_destroy(at), 0);
}

static void live_rwlockattr(void *at)
{
    int value;
    ck_assert_int_eq(pthread_rwlockattr_init(at), 0);
    ck_assert_int_eq(pthread_rwlockattr_setpshared(at, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_rwlockattr_getpshared(at, &value), 0);
    ck_assert_int_eq(value, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_rwlockattr_destroy(at), 0);
}

static void live_barrierattr(void *at)
{
    int value;
    ck_assert_int_eq(pthread_barrierattr_init(at), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(at, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_barrierattr_getpshared(at, &value), 0);
    ck_assert_int_eq(value, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_barrierattr_destroy(at), 0);
}

static void live_mtx(void *at)
{
    for (int type = 0; type < 4; type++) {
        ck_assert_int_eq(mtx_init(at, type), thrd_success);
        ck_assert_int_eq(mtx_lock(at), thrd_success);
        ck_assert_int_eq(mtx_unlock(at), thrd_success);
        mtx_destroy(at);
    }
}

static void live_cnd(void *at)
{
    struct timespec past = {0, 0};
    mtx_t mutex;
    ck_assert_int_eq(mtx_init(&mutex, mtx_plain), thrd_success);
    ck_assert_int_eq(mtx_lock(&mutex), thrd_success);
    ck_assert_int_eq(cnd_init(at), thrd_success);
    ck_assert_int_eq(cnd_timedwait(at, &mutex, &past), thrd_timedout);
    ck_assert_int_eq(cnd_signal(at), thrd_success);
    cnd_destroy(at);
    ck_assert_int_eq(mtx_unlock(&mutex), thrd_success);
    mtx_destroy(&mutex);
}

static const struct life {
    const char *name;
    size_t size, alignment;
    void (*live)(void *);
} lives[] = {
    {"pthread_mutex_t", sizeof(pthread_mutex_t), alignof(pthread_mutex_t), live_mutex},
    {"pthread_cond_t", sizeof(pthread_cond_t), alignof(pthread_cond_t), live_cond},
    {"pthread_rwlock_t", sizeof(pthread_rwlock_t), alignof(pthread_rwlock_t), live_rwlock},
    {"pthread_barrier_t", sizeof(pthread_barrier_t), alignof(pthread_barrier_t), live_barrier},
    {"pthread_spinlock_t", sizeof(pthread_spinlock_t), alignof(pthread_spinlock_t), live_spin},
    {"sem_t", sizeof(sem_t), alignof(sem_t), live_sem},
    {"pthread_once_t", sizeof(pthread_once_t), alignof(pthread_once_t), live_once},
    {"pthread_key_t", sizeof(pthread_key_t), alignof(pthread_key_t), live_key},
    {"pthread_mutexattr_t", sizeof(pthread_mutexattr_t), alignof(pthread_mutexattr_t),
     live_mutexattr},
    {"pthread_condattr_t", sizeof(pthread_condattr_t), alignof(pthread_condattr_t), live_condattr},
    {"pthread_rwlockattr_t", sizeof(pthread_rwlockattr_t), alignof(pthread_rwlockattr_t),
     live_rwlockattr},
    {"pthread_barrierattr_t", sizeof(pthread_barrierattr_t), alignof(pthread_barrierattr_t),
     live_barrierattr},
    {"mtx_t", sizeof(mtx_t), alignof(mtx_t), live_mtx},
    {"cnd_t", sizeof(cnd_t), alignof(cnd_t), live_cnd},
};
enum { LIVES = sizeof lives / sizeof lives[0] };

/* Live a life in the midst of bytes that are somebody else's. */
static void live_between_guards(const struct life *life, size_t offset, size_t size)
{
    static alignas(64) unsigned char memory[256];
    for (int guard = 0; guard <= 0xff; guard += 0xff) {
        memset(memory, guard, sizeof memory);
        life->live(memory + offset);
        for (size_t i = 0; i < sizeof memory; i++) {
            bool inside = i >= offset && i < offset + size;
            if (!inside && memory[i] != guard)
                ck_assert_msg(false, "%s: byte %zd was written", life->name, (ssize_t)(i - offset));
        }
    }
}

START_TEST(an_object_keeps_to_its_bytes)
{
    /* As little aligned as its type allows. */
    const struct life *life = &lives[_i];
    live_between_guards(life, 64 + life->alignment, life->size);
}
END_TEST

START_TEST(a_semaphore_of_four_byte_alignment_works)
{
    /* That is what a type of ints has, as in musl; to libc it may have more. */
    if (!unit_on_furwock() && alignof(sem_t) > 4)
        unit_skip("libc wants more");
    static const struct life sem = {"sem_t", sizeof(sem_t), 4, live_sem};
    for (size_t offset = 60; offset <= 124; offset += 4)
        live_between_guards(&sem, offset, sizeof(sem_t));
}
END_TEST

static bool is_zero(const void *object, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)object)[i] != 0)
            return false;
    return true;
}

START_TEST(zero_bytes_are_initialised_objects)
{
    static pthread_mutex_t mutex;
    static pthread_cond_t cond;
    static pthread_rwlock_t rwlock;
    static pthread_once_t once;
    static sem_t sem;
    static mtx_t mtx;
    static cnd_t cnd;
    contend(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    wait_and_wake(&cond);
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
    read_and_write(&rwlock);
    ck_assert_int_eq(pthread_rwlock_destroy(&rwlock), 0);
    live_once(&once);
    post_and_wait(&sem);
    ck_assert_int_eq(sem_destroy(&sem), 0);

    struct timespec past = {0, 0};
    ck_assert_int_eq(mtx_lock(&mtx), thrd_success);
    ck_assert_int_eq(mtx_trylock(&mtx), thrd_busy);
    ck_assert_int_eq(cnd_timedwait(&cnd, &mtx, &past), thrd_timedout);
    ck_assert_int_eq(mtx_unlock(&mtx), thrd_success);
    cnd_destroy(&cnd);
    mtx_destroy(&mtx);
}
END_TEST

START_TEST(the_posix_initialisers_work_and_are_zero_bytes)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_once_t once = PTHREAD_ONCE_INIT;
    once_flag flag = ONCE_FLAG_INIT;
    ck_assert(is_zero(&mutex, sizeof mutex));
    ck_assert(is_zero(&cond, sizeof cond));
    ck_assert(is_zero(&rwlock, sizeof rwlock));
    ck_assert(is_zero(&once, sizeof once));
    ck_assert(is_zero(&flag, sizeof flag));
    contend(&mutex);
    wait_and_wake(&cond);
    read_and_write(&rwlock);
    ck_assert_int_eq(pthread_once(&once, nothing), 0);
    call_once(&flag, nothing);
    /* A used once is not zero: it would run again. */
    ck_assert(!is_zero(&once, sizeof once));
    ck_assert(!is_zero(&flag, sizeof flag));
}
END_TEST

#ifdef PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP
START_TEST(the_recursive_initialiser_gives_a_recursive_mutex)
{
    pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(unit_elsewhere(trylock_and_unlock, &mutex), EBUSY);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    }
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    contend(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

static int unlock(void *mutex)
{
    return pthread_mutex_unlock(mutex);
}

START_TEST(the_errorcheck_initialiser_gives_an_errorcheck_mutex)
{
    pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EDEADLK);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    ck_assert_int_eq(unit_elsewhere(unlock, &mutex), EPERM);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    contend(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(the_adaptive_initialiser_gives_a_mutex)
{
    pthread_mutex_t mutex = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    contend(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* What a second reader gets while a writer waits for the first. */
static int read_beside_waiting_writer(pthread_rwlock_t *rwlock)
{
    struct unit_call call;
    ck_assert_int_eq(pthread_rwlock_rdlock(rwlock), 0);
    unit_start(&call, write_and_unlock, rwlock);
    unit_wait_until_blocked(&call);
    int error = unit_elsewhere(tryread_and_unlock, rwlock);
    ck_assert_int_eq(pthread_rwlock_unlock(rwlock), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    return error;
}

START_TEST(the_writer_preferring_initialiser_prefers_writers)
{
    pthread_rwlock_t usual = PTHREAD_RWLOCK_INITIALIZER;
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    ck_assert_int_eq(read_beside_waiting_writer(&usual), 0);
    ck_assert_int_eq(read_beside_waiting_writer(&rwlock), EBUSY);
    read_and_write(&rwlock);
    ck_assert_int_eq(pthread_rwlock_destroy(&rwlock), 0);
}
END_TEST
#endif

static Suite *layout_suite(void)
{
    Suite *suite = suite_create("layout");
    TCase *tcase = tcase_create("layout");
    tcase_set_timeout(tcase, 30);
#if defined(__x86_64__) && defined(__LP64__)
    tcase_add_test(tcase, sizes_and_alignments_are_those_of_the_architecture);
#endif
    tcase_add_loop_test(tcase, an_object_keeps_to_its_bytes, 0, LIVES);
    tcase_add_test(tcase, a_semaphore_of_four_byte_alignment_works);
    tcase_add_test(tcase, zero_bytes_are_initialised_objects);
    tcase_add_test(tcase, the_posix_initialisers_work_and_are_zero_bytes);
#ifdef PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP
    tcase_add_test(tcase, the_recursive_initialiser_gives_a_recursive_mutex);
    tcase_add_test(tcase, the_errorcheck_initialiser_gives_an_errorcheck_mutex);
    tcase_add_test(tcase, the_adaptive_initialiser_gives_a_mutex);
    tcase_add_test(tcase, the_writer_preferring_initialiser_prefers_writers);
#endif
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(layout_suite)
