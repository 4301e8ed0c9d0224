/*
 * What POSIX leaves undefined, and glibc and musl do alike: programs have come to rely on it, so
 * Furwock does the same.
 */
#include "unit.h"

/* The headers say that pointers are not null, and the compiler believes them. */
static void *volatile null;

START_TEST(destroying_a_null_pointer_does_nothing)
{
    pthread_mutexattr_t *mutexattr = null;
    pthread_condattr_t *condattr = null;
    pthread_rwlockattr_t *rwlockattr = null;
    pthread_barrierattr_t *barrierattr = null;
    pthread_rwlock_t *rwlock = null;
    pthread_spinlock_t *spin = null;
    sem_t *sem = null;
    ck_assert_int_eq(pthread_mutexattr_destroy(mutexattr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(condattr), 0);
    ck_assert_int_eq(pthread_rwlockattr_destroy(rwlockattr), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(barrierattr), 0);
    ck_assert_int_eq(pthread_rwlock_destroy(rwlock), 0);
    ck_assert_int_eq(pthread_spin_destroy(spin), 0);
    ck_assert_int_eq(sem_destroy(sem), 0);
}
END_TEST

/* glibc crashes. */
START_TEST(destroying_null_thread_attributes_does_nothing_on_musl)
{
#ifdef __GLIBC__
    unit_skip("not on glibc");
#endif
    pthread_attr_t *attr = null;
    ck_assert_int_eq(pthread_attr_destroy(attr), 0);
}
END_TEST

START_TEST(a_destroyed_mutexattr_is_what_it_was)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    int type = -1;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE), 0);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_gettype(&attr, &type), 0);
    ck_assert_int_eq(type, PTHREAD_MUTEX_RECURSIVE);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(a_destroyed_condattr_is_what_it_was)
{
    pthread_condattr_t attr;
    pthread_cond_t cond;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    clockid_t clock = -1;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_condattr_getclock(&attr, &clock), 0);
    ck_assert_int_eq(clock, CLOCK_MONOTONIC);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE), 0);
    ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
    struct timespec past = unit_deadline(CLOCK_MONOTONIC, -1);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_cond_timedwait(&cond, &mutex, &past), ETIMEDOUT);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
}
END_TEST

START_TEST(a_destroyed_rwlockattr_is_what_it_was)
{
    pthread_rwlockattr_t attr;
    pthread_rwlock_t rwlock;
    int shared = -1;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_rwlockattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_getpshared(&attr, &shared), 0);
    ck_assert_int_eq(shared, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_rwlock_init(&rwlock, &attr), 0);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(pthread_rwlock_unlock(&rwlock), 0);
    ck_assert_int_eq(pthread_rwlock_destroy(&rwlock), 0);
}
END_TEST

START_TEST(a_destroyed_barrierattr_is_what_it_was)
{
    pthread_barrierattr_t attr;
    pthread_barrier_t barrier;
    int shared = -1;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_getpshared(&attr, &shared), 0);
    ck_assert_int_eq(shared, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_barrier_init(&barrier, &attr, 1), 0);
    ck_assert_int_eq(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}
END_TEST

static void *do_nothing(void *argument)
{
    return argument;
}

START_TEST(destroyed_thread_attributes_still_make_a_thread)
{
    pthread_attr_t attr;
    pthread_t thread;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, do_nothing, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static Suite *undefined_suite(void)
{
    Suite *suite = suite_create("undefined");
    TCase *tcase = tcase_create("undefined");
    tcase_add_test(tcase, destroying_a_null_pointer_does_nothing);
    tcase_add_test(tcase, destroying_null_thread_attributes_does_nothing_on_musl);
    tcase_add_test(tcase, a_destroyed_mutexattr_is_what_it_was);
    tcase_add_test(tcase, a_destroyed_condattr_is_what_it_was);
    tcase_add_test(tcase, a_destroyed_rwlockattr_is_what_it_was);
    tcase_add_test(tcase, a_destroyed_barrierattr_is_what_it_was);
    tcase_add_test(tcase, destroyed_thread_attributes_still_make_a_thread);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(undefined_suite)
