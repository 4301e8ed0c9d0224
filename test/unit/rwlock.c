/*
 * Read-write locks: attributes, every kind, and what one thread finds. Waiting is in rwlock_wait.c, and
 * what threads and processes do at once in rwlock_crowd.c.
 */
#include "rwlock.h"

/* ---- Attributes ---- */

static void expect_attr(const pthread_rwlockattr_t *attr, int kind, int pshared)
{
    int got = -1;
    ck_assert_int_eq(pthread_rwlockattr_getpshared(attr, &got), 0);
    ck_assert_int_eq(got, pshared);
    if (HAVE(pthread_rwlockattr_getkind_np)) {
        got = -1;
        ck_assert_int_eq(pthread_rwlockattr_getkind_np(attr, &got), 0);
        ck_assert_int_eq(got, kind);
    }
}

START_TEST(attributes_begin_as_private_and_reader_preferring)
{
    pthread_rwlockattr_t attr;
    for (int fill = 0; fill <= 0xff; fill += 0x55) {
        memset(&attr, fill, sizeof attr);
        ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
        expect_attr(&attr, PREFER_READER, PTHREAD_PROCESS_PRIVATE);
        ck_assert_int_eq(pthread_rwlockattr_destroy(&attr), 0);
    }
}
END_TEST

START_TEST(attributes_are_kept_and_independent)
{
    if (!HAVE(pthread_rwlockattr_setkind_np))
        unit_skip("no kinds");
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    int kind = PREFER_READER;
    for (int round = 0; round < 4; round++) {
        int pshared = round % 2 ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
        ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, pshared), 0);
        expect_attr(&attr, kind, pshared);
        for (int i = 0; i < KINDS; i++) {
            kind = (round + i) % KINDS;
            ck_assert_int_eq(pthread_rwlockattr_setkind_np(&attr, kind), 0);
            expect_attr(&attr, kind, pshared);
        }
    }
    ck_assert_int_eq(pthread_rwlockattr_destroy(&attr), 0);
}
END_TEST

START_TEST(attribute_values_out_of_range_are_refused)
{
    static const int bad[] = {-1, 3, 17, INT_MIN, INT_MAX};
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    int kind = PREFER_READER;
    if (HAVE(pthread_rwlockattr_setkind_np)) {
        kind = PREFER_WRITER_NONRECURSIVE;
        ck_assert_int_eq(pthread_rwlockattr_setkind_np(&attr, kind), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(pthread_rwlockattr_setpshared(&attr, bad[i]) == EINVAL, "%d", bad[i]);
        if (HAVE(pthread_rwlockattr_setkind_np))
            ck_assert_msg(pthread_rwlockattr_setkind_np(&attr, bad[i]) == EINVAL, "%d", bad[i]);
        expect_attr(&attr, kind, PTHREAD_PROCESS_SHARED);
    }
    ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, 2), EINVAL);
    expect_attr(&attr, kind, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_rwlockattr_destroy(&attr), 0);
}
END_TEST

/* ---- One thread, one lock ---- */

START_TEST(a_free_lock_is_taken_in_every_way)
{
    for (int pshared = 0; pshared < 2; pshared++) {
        pthread_rwlock_t lock;
        init_lock(&lock, _i, pshared);
        for (int write = 0; write < 2; write++) {
            for (int form = PLAIN; form < FORMS; form++) {
                if (!form_exists(form))
                    continue;
                /* Under no circumstances a timeout if the lock is to be had at once. */
                for (long ms = -1000; ms <= 1000; ms += 2000) {
                    ck_assert_int_eq(take(&lock, write, form, ms), 0);
                    ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
                    ck_assert_int_eq(try_elsewhere(&lock, false), write ? EBUSY : 0);
                    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
                    must_be_free(&lock);
                }
            }
            ck_assert_int_eq(try_take(&lock, write), 0);
            ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
            ck_assert_int_eq(try_elsewhere(&lock, false), write ? EBUSY : 0);
            ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
            must_be_free(&lock);
        }
        ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    }
}
END_TEST

START_TEST(readers_share_and_each_must_leave)
{
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    struct holder other;
    holder_start(&other, &lock, false, PLAIN);
    holder_must_enter(&other);
    int held = 0;
    for (int form = PLAIN; form < FORMS; form++) {
        if (!form_exists(form))
            continue;
        ck_assert_int_eq(take(&lock, false, form, -1000), 0);
        held++;
    }
    ck_assert_int_eq(try_take(&lock, false), 0);
    held++;
    while (held-- > 0) {
        ck_assert_int_eq(try_take(&lock, true), EBUSY);
        ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
        ck_assert_int_eq(try_elsewhere(&lock, false), 0);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    }
    ck_assert_int_eq(try_take(&lock, true), EBUSY);
    holder_end(&other);
    must_be_free(&lock);
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

/* What a lock of unknown origin must be able to do. */
static void exercise(pthread_rwlock_t *lock)
{
    ck_assert_int_eq(pthread_rwlock_rdlock(lock), 0);
    ck_assert_int_eq(try_elsewhere(lock, false), 0);
    ck_assert_int_eq(try_elsewhere(lock, true), EBUSY);
    ck_assert_int_eq(pthread_rwlock_unlock(lock), 0);
    ck_assert_int_eq(pthread_rwlock_wrlock(lock), 0);
    ck_assert_int_eq(try_elsewhere(lock, false), EBUSY);
    struct holder blocked;
    holder_start(&blocked, lock, true, PLAIN);
    holder_must_be_blocked(&blocked);
    ck_assert_int_eq(pthread_rwlock_unlock(lock), 0);
    holder_must_enter(&blocked);
    holder_end(&blocked);
}

START_TEST(static_and_null_initialisers_prefer_readers)
{
    static pthread_rwlock_t zero;
    static pthread_rwlock_t initialised = PTHREAD_RWLOCK_INITIALIZER;
    pthread_rwlock_t made;
    memset(&made, 0xa5, sizeof made);
    ck_assert_int_eq(pthread_rwlock_init(&made, NULL), 0);
    pthread_rwlock_t *const locks[] = {&zero, &initialised, &made};
    for (int i = 0; i < 3; i++) {
        exercise(locks[i]);
        ck_assert_int_eq(reader_while_writer_waits(locks[i]), 0);
        ck_assert_int_eq(pthread_rwlock_destroy(locks[i]), 0);
    }
}
END_TEST

START_TEST(static_writer_initialiser_prefers_writers)
{
#ifdef PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
    static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    exercise(&lock);
    ck_assert_int_eq(reader_while_writer_waits(&lock), EBUSY);
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
#else
    unit_skip("no such initialiser");
#endif
}
END_TEST

START_TEST(a_destroyed_lock_can_be_initialised_again)
{
    pthread_rwlock_t lock;
    for (int i = 0; i < 6; i++) {
        init_lock(&lock, (_i + i) % KINDS, i % 2);
        exercise(&lock);
        ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    }
}
END_TEST

START_TEST(the_writer_may_not_lock_again)
{
    if (!DETECTS_DEADLOCK)
        unit_skip("this libc deadlocks, as POSIX allows");
    for (int pshared = 0; pshared < 2; pshared++) {
        pthread_rwlock_t lock;
        init_lock(&lock, _i, pshared);
        ck_assert_int_eq(pthread_rwlock_wrlock(&lock), 0);
        for (int write = 0; write < 2; write++) {
            for (int form = PLAIN; form < FORMS; form++) {
                if (form_exists(form))
                    ck_assert_int_eq(take(&lock, write, form, 10000), EDEADLK);
            }
            ck_assert_int_eq(try_take(&lock, write), EBUSY);
        }
        ck_assert_int_eq(try_elsewhere(&lock, false), EBUSY);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
        must_be_free(&lock);

        /* Nobody else's business: another thread that finds the lock held waits for it. */
        ck_assert_int_eq(pthread_rwlock_wrlock(&lock), 0);
        ck_assert_int_eq(take_elsewhere(&lock, true, TIMED, 5), ETIMEDOUT);
        ck_assert_int_eq(take_elsewhere(&lock, false, TIMED, 5), ETIMEDOUT);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
        ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    }
}
END_TEST

START_TEST(unlocking_a_lock_nobody_holds_is_an_error)
{
    /* libc defect: glibc and musl do not notice it, and the count of readers goes below zero. */
    if (!unit_on_furwock())
        return;
    for (int pshared = 0; pshared < 2; pshared++) {
        pthread_rwlock_t lock;
        init_lock(&lock, _i, pshared);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), EPERM);
        for (int write = 0; write < 2; write++) {
            ck_assert_int_eq(take(&lock, write, PLAIN, 0), 0);
            ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
            ck_assert_int_eq(pthread_rwlock_unlock(&lock), EPERM);
            exercise(&lock);
        }
        ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    }
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), EPERM);
    exercise(&lock);
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

START_TEST(destroying_a_held_lock_is_refused)
{
    /* libc defect: glibc and musl do not look, and answer 0. */
    if (!unit_on_furwock())
        return;
    for (int pshared = 0; pshared < 2; pshared++) {
        pthread_rwlock_t lock;
        init_lock(&lock, _i, pshared);
        for (int write = 0; write < 2; write++) {
            ck_assert_int_eq(take(&lock, write, PLAIN, 0), 0);
            ck_assert_int_eq(pthread_rwlock_destroy(&lock), EBUSY);
            ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
            ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);

            struct holder other;
            holder_start(&other, &lock, write, PLAIN);
            holder_must_enter(&other);
            ck_assert_int_eq(pthread_rwlock_destroy(&lock), EBUSY);
            holder_end(&other);
            exercise(&lock);
        }
        ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    }
}
END_TEST

START_TEST(too_many_readers_are_refused)
{
    pthread_rwlock_t lock;
    init_lock(&lock, PREFER_READER, PTHREAD_PROCESS_PRIVATE);
    long held = 0;
    int error = 0;
    int64_t start = unit_now_ms();
    while (held < 20000000 && (held % 65536 != 0 || unit_now_ms() - start < 2000)) {
        error = pthread_rwlock_rdlock(&lock);
        if (error != 0)
            break;
        held++;
    }
    if (error != 0) {
        ck_assert_int_eq(error, EAGAIN);
        ck_assert_int_eq(pthread_rwlock_tryrdlock(&lock), EAGAIN);
        ck_assert_int_eq(take(&lock, false, TIMED, 1000), EAGAIN);
    }
    /* Either way the lock has counted right: one unlock too few and no writer gets in. */
    for (long i = 0; i < held; i++) {
        if (i == held - 1)
            ck_assert_int_eq(pthread_rwlock_trywrlock(&lock), EBUSY);
        must(pthread_rwlock_unlock(&lock));
    }
    must_be_free(&lock);
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    if (error == 0)
        unit_skip("EAGAIN is out of reach: the lock counts more readers than there is time for");
}
END_TEST

static Suite *rwlock_suite(void)
{
    Suite *suite = suite_create("rwlock");

    TCase *attributes = tcase_create("attributes");
    tcase_set_timeout(attributes, 10);
    tcase_add_test(attributes, attributes_begin_as_private_and_reader_preferring);
    tcase_add_test(attributes, attributes_are_kept_and_independent);
    tcase_add_test(attributes, attribute_values_out_of_range_are_refused);
    suite_add_tcase(suite, attributes);

    TCase *alone = tcase_create("one thread");
    tcase_set_timeout(alone, 20);
    tcase_add_loop_test(alone, a_free_lock_is_taken_in_every_way, 0, KINDS);
    tcase_add_loop_test(alone, readers_share_and_each_must_leave, 0, KINDS);
    tcase_add_test(alone, static_and_null_initialisers_prefer_readers);
    tcase_add_test(alone, static_writer_initialiser_prefers_writers);
    tcase_add_loop_test(alone, a_destroyed_lock_can_be_initialised_again, 0, KINDS);
    tcase_add_loop_test(alone, the_writer_may_not_lock_again, 0, KINDS);
    tcase_add_loop_test(alone, unlocking_a_lock_nobody_holds_is_an_error, 0, KINDS);
    tcase_add_loop_test(alone, destroying_a_held_lock_is_refused, 0, KINDS);
    tcase_add_test(alone, too_many_readers_are_refused);
    suite_add_tcase(suite, alone);
    return suite;
}

UNIT_MAIN(rwlock_suite)
