/*
 * What holds for every mutex: all types, process-private and process-shared, robust or not, with
 * and without priority inheritance, however it was initialised. Deadlines and interruptions are in
 * mutex_timed.c, forks and other processes in mutex_process.c, and exclusion by force in
 * mutex_stress.c. What robustness is for is in mutex_robust.c; priorities are in mutex_inherit.c, and
 * the mutexes with a ceiling in mutex_ceiling.c.
 */
#include "mutex_variants.h"

static int destroy(void *mutex)
{
    return pthread_mutex_destroy(mutex);
}

START_TEST(locks_unlocks_and_is_destroyed)
{
    pthread_mutex_t mutex;
    for (int life = 0; life < 2; life++) {
        ck_assert_int_eq(make(&mutex, _i), 0);
        for (int round = 0; round < 3; round++) {
            ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
            ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
            for (enum form call = TIMED; call < FORMS; call++) {
                struct timespec deadline = unit_deadline(form_clock(call), 10000);
                ck_assert_int_eq(lock_until(call, &mutex, &deadline), 0);
                ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
            }
        }
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

START_TEST(null_attributes_are_the_default_ones)
{
    pthread_mutex_t mutex;
    memset(&mutex, 0x5a, sizeof mutex);
    ck_assert_int_eq(pthread_mutex_init(&mutex, NULL), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(lock_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(init_overwrites_whatever_was_there)
{
    pthread_mutex_t mutex;
    memset(&mutex, 0xff, sizeof mutex);
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(lock_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* libc defect: an attributes object that no setter ever produced is taken at its word. */
START_TEST(init_refuses_impossible_attributes)
{
    if (!unit_on_furwock())
        unit_skip("libc does not check");
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex, before;
    memset(&attr, 0xff, sizeof attr);
    memset(&mutex, 0x5a, sizeof mutex);
    before = mutex;
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), EINVAL);
    ck_assert_mem_eq(&mutex, &before, sizeof mutex);
}
END_TEST

START_TEST(held_mutex_is_busy_for_others)
{
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    for (int how = 0; how < 4; how++) {
        struct timespec deadline = unit_deadline(CLOCK_REALTIME, 10000);
        switch (how) {
        case 0:
            ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
            break;
        case 1:
            ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
            break;
        case 2:
            ck_assert_int_eq(pthread_mutex_timedlock(&mutex, &deadline), 0);
            break;
        default:
            ck_assert_int_eq(lock_within(CLOCK_MONO, &mutex, 10000), 0);
        }
        ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(unit_elsewhere(try_unlock, &mutex), 0);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(lock_waits_until_unlock)
{
    pthread_mutex_t mutex;
    struct unit_call waiter;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    unit_start(&waiter, lock_unlock, &mutex);
    unit_wait_until_blocked(&waiter);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_finish(&waiter), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(every_waiter_gets_its_turn)
{
    enum { WAITERS = 6 };
    pthread_mutex_t mutex;
    struct unit_call waiters[WAITERS];
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    for (int i = 0; i < WAITERS; i++)
        unit_start(&waiters[i], lock_unlock, &mutex);
    for (int i = 0; i < WAITERS; i++)
        unit_wait_until_blocked(&waiters[i]);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(unit_finish(&waiters[i]), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

static int relock(void *mutex)
{
    int error = pthread_mutex_lock(mutex);
    return error != 0 ? error : pthread_mutex_lock(mutex);
}

START_TEST(relock_by_the_owner)
{
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    if (recursive(_i)) {
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
        for (enum form call = TIMED; call < FORMS; call++) {
            struct timespec past = unit_deadline(form_clock(call), -1000);
            ck_assert_int_eq(lock_until(call, &mutex, &past), 0);
        }
        for (int depth = 2 + FORMS; depth > 1; depth--) {
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
            ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
        }
    } else {
        int error = errorcheck(_i) ? EDEADLK : ETIMEDOUT;
        if (errorcheck(_i))
            ck_assert_int_eq(pthread_mutex_lock(&mutex), EDEADLK);
        for (enum form call = TIMED; call < FORMS; call++) {
            struct timespec soon = unit_deadline(form_clock(call), 3);
            ck_assert_int_eq(lock_until(call, &mutex, &soon), error);
        }
        ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    }
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(try_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

#ifdef __GLIBC__
/* Only a fool's patience would reach the last level; the count's place is glibc's interface. */
START_TEST(recursion_beyond_counting_is_eagain)
{
    if (!recursive(_i))
        return;
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    unsigned count = mutex.__data.__count;
    mutex.__data.__count = UINT_MAX;
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EAGAIN);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EAGAIN);
    ck_assert_int_eq(lock_within(TIMED, &mutex, 10000), EAGAIN);
    ck_assert_int_eq(lock_within(CLOCK_MONO, &mutex, 10000), EAGAIN);
    ck_assert_uint_eq(mutex.__data.__count, UINT_MAX);
    mutex.__data.__count = count;
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(try_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST
#endif

/* libc defect: of a robust or inheriting errorcheck mutex, glibc's trylock is EDEADLK instead. */
START_TEST(trylock_by_the_owner_is_ebusy)
{
    if (recursive(_i))
        return;
    if (errorcheck(_i) && (robust(_i) || inherits(_i)) && !unit_on_furwock())
        unit_skip("libc returns EDEADLK");
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(try_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* A normal mutex has no way out of a relock: the thread must still be waiting when it is killed. */
START_TEST(relock_of_a_normal_mutex_never_returns)
{
    if (recursive(_i) || errorcheck(_i))
        return;
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    pid_t child = unit_fork();
    if (child == 0)
        _exit(relock(&mutex) == 0 ? 2 : 3);
    unit_wait_until_asleep(child, child);
    struct timespec nap = {0, 5000000};
    nanosleep(&nap, NULL);
    unit_kill(child);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(unlock_by_a_stranger_is_eperm)
{
    if (!knows_owner(_i))
        return;
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    ck_assert_int_eq(unit_elsewhere(unlock, &mutex), EPERM);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(unlock, &mutex), EPERM);
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    ck_assert_int_eq(unit_elsewhere(lock_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* libc defect: glibc destroys a held robust mutex. */
START_TEST(destroy_of_a_held_mutex_is_ebusy_and_changes_nothing)
{
    if (robust(_i) && !unit_on_furwock())
        unit_skip("libc does not check");
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), EBUSY);
    ck_assert_int_eq(unit_elsewhere(destroy, &mutex), EBUSY);
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    struct unit_call waiter;
    unit_start(&waiter, lock_unlock, &mutex);
    unit_wait_until_blocked(&waiter);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_finish(&waiter), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* libc defect: glibc goes on with whatever a destroyed mutex happens to hold. */
START_TEST(use_after_destroy_is_einval)
{
    if (!unit_on_furwock())
        unit_skip("libc does not check");
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EINVAL);
    ck_assert_int_eq(lock_within(TIMED, &mutex, 10000), EINVAL);
    ck_assert_int_eq(lock_within(CLOCK_MONO, &mutex, 10000), EINVAL);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), EINVAL);
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(lock_unlock(&mutex), 0);
}
END_TEST

/* Without robustness, what a thread held when it ended stays locked. */
START_TEST(dead_owner_keeps_it_locked)
{
    if (robust(_i))
        return;
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(unit_elsewhere(lock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    for (enum form call = TIMED; call < FORMS; call++) {
        struct timespec soon = unit_deadline(form_clock(call), 3);
        ck_assert_int_eq(lock_until(call, &mutex, &soon), ETIMEDOUT);
    }
    if (knows_owner(_i))
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), EINVAL);
}
END_TEST

/*
 * Of a recursive or errorcheck mutex only the thread that locked it may be the owner, not one that
 * the kernel happens to give the same number. It is asked to, by the file that checkpointing uses.
 */
static int what_a_namesake_may_do(void *mutex)
{
    int locked = pthread_mutex_trylock(mutex), unlocked = pthread_mutex_unlock(mutex);
    return locked == EBUSY && unlocked == EPERM ? 0 : __LINE__;
}

struct namesake {
    pid_t tid;
    pthread_mutex_t *mutex;
    bool found;
};

static int be_namesake(void *arg)
{
    struct namesake *namesake = arg;
    namesake->found = unit_gettid() == namesake->tid;
    return namesake->found ? what_a_namesake_may_do(namesake->mutex) : 0;
}

static bool next_tid_shall_be(pid_t tid)
{
    FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");
    if (f == NULL)
        return false;
    bool written = fprintf(f, "%d", (int)tid - 1) > 0;
    return fclose(f) == 0 && written;
}

/* libc defect: glibc tells threads by their number. */
START_TEST(thread_of_the_same_number_is_not_the_owner)
{
    if (!knows_owner(_i) || robust(_i))
        return;
    if (!unit_on_furwock())
        unit_skip("libc takes a thread of the same number for the owner");
    pthread_mutex_t mutex;
    struct unit_call owner;
    ck_assert_int_eq(make(&mutex, _i), 0);
    unit_start(&owner, lock, &mutex);
    ck_assert_int_eq(unit_finish(&owner), 0);
    struct namesake namesake = {.tid = atomic_load(&owner.tid), .mutex = &mutex};
    for (int attempt = 0; attempt < 100 && !namesake.found; attempt++) {
        if (!next_tid_shall_be(namesake.tid))
            unit_skip("thread ids cannot be chosen here");
        ck_assert_int_eq(unit_elsewhere(be_namesake, &namesake), 0);
    }
    if (!namesake.found)
        unit_skip("other threads of the machine took the number");
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
}
END_TEST

static Suite *mutex_suite(void)
{
    Suite *suite = suite_create("mutex");

    TCase *basic = tcase_create("one process");
    tcase_set_timeout(basic, 20);
    tcase_add_loop_test(basic, locks_unlocks_and_is_destroyed, 0, VARIANTS);
    tcase_add_test(basic, null_attributes_are_the_default_ones);
    tcase_add_loop_test(basic, init_overwrites_whatever_was_there, 0, VARIANTS);
    tcase_add_test(basic, init_refuses_impossible_attributes);
    tcase_add_loop_test(basic, held_mutex_is_busy_for_others, 0, VARIANTS);
    tcase_add_loop_test(basic, lock_waits_until_unlock, 0, VARIANTS);
    tcase_add_loop_test(basic, every_waiter_gets_its_turn, 0, VARIANTS);
    tcase_add_loop_test(basic, relock_by_the_owner, 0, VARIANTS);
#ifdef __GLIBC__
    tcase_add_loop_test(basic, recursion_beyond_counting_is_eagain, 0, VARIANTS);
#endif
    tcase_add_loop_test(basic, trylock_by_the_owner_is_ebusy, 0, VARIANTS);
    tcase_add_loop_test(basic, relock_of_a_normal_mutex_never_returns, 0, VARIANTS);
    tcase_add_loop_test(basic, unlock_by_a_stranger_is_eperm, 0, VARIANTS);
    tcase_add_loop_test(basic, destroy_of_a_held_mutex_is_ebusy_and_changes_nothing, 0, VARIANTS);
    tcase_add_loop_test(basic, use_after_destroy_is_einval, 0, VARIANTS);
    tcase_add_loop_test(basic, thread_of_the_same_number_is_not_the_owner, 0, VARIANTS);
    tcase_add_loop_test(basic, dead_owner_keeps_it_locked, 0, VARIANTS);
    suite_add_tcase(suite, basic);
    return suite;
}

UNIT_MAIN(mutex_suite)
