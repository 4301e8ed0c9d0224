/*
 * <threads.h>: mtx_*, cnd_*, tss_* and call_once(), with every return code that the standard names
 * for them. What they share with the POSIX objects is tested there.
 */
#include "unit.h"
#include <threads.h>

static const int types[] = {mtx_plain, mtx_timed, mtx_plain | mtx_recursive,
                            mtx_timed | mtx_recursive};
enum { TYPES = sizeof types / sizeof types[0] };

static int trylock(void *mutex)
{
    int result = mtx_trylock(mutex);
    if (result == thrd_success)
        mtx_unlock(mutex);
    return result;
}

static int timedlock(void *mutex)
{
    struct timespec deadline = unit_deadline(CLOCK_REALTIME, 20);
    int result = mtx_timedlock(mutex, &deadline);
    if (result == thrd_success)
        mtx_unlock(mutex);
    return result;
}

static int lock_and_unlock(void *mutex)
{
    int result = mtx_lock(mutex);
    return result != thrd_success ? result : mtx_unlock(mutex);
}

START_TEST(a_mutex_of_every_type_excludes_other_threads)
{
    mtx_t mutex;
    memset(&mutex, 0xff, sizeof mutex);
    ck_assert_int_eq(mtx_init(&mutex, types[_i]), thrd_success);
    for (int how = 0; how < 3; how++) {
        struct timespec deadline = unit_deadline(CLOCK_REALTIME, 10000);
        if (how == 0)
            ck_assert_int_eq(mtx_lock(&mutex), thrd_success);
        else if (how == 1)
            ck_assert_int_eq(mtx_trylock(&mutex), thrd_success);
        else if (types[_i] & mtx_timed)
            ck_assert_int_eq(mtx_timedlock(&mutex, &deadline), thrd_success);
        else
            break;
        ck_assert_int_eq(unit_elsewhere(trylock, &mutex), thrd_busy);
        if (types[_i] & mtx_timed)
            ck_assert_int_eq(unit_elsewhere(timedlock, &mutex), thrd_timedout);
        struct unit_call call;
        unit_start(&call, lock_and_unlock, &mutex);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(mtx_unlock(&mutex), thrd_success);
        ck_assert_int_eq(unit_finish(&call), thrd_success);
        ck_assert_int_eq(unit_elsewhere(trylock, &mutex), thrd_success);
    }
    mtx_destroy(&mutex);
}
END_TEST

START_TEST(a_mutex_of_no_known_type_is_an_error)
{
    /* The standard leaves it undefined. */
    if (!unit_on_furwock())
        unit_skip("libc does not check");
    static const int unknown[] = {-1, 4, 8, 0x100, mtx_timed | 0x1000};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        mtx_t mutex;
        ck_assert_int_eq(mtx_init(&mutex, unknown[i]), thrd_error);
    }
}
END_TEST

START_TEST(a_plain_mutex_is_busy_for_its_owner_too)
{
    mtx_t mutex;
    ck_assert_int_eq(mtx_init(&mutex, _i == 0 ? mtx_plain : mtx_timed), thrd_success);
    ck_assert_int_eq(mtx_lock(&mutex), thrd_success);
    ck_assert_int_eq(mtx_trylock(&mutex), thrd_busy);
    ck_assert_int_eq(mtx_unlock(&mutex), thrd_success);
    ck_assert_int_eq(mtx_trylock(&mutex), thrd_success);
    ck_assert_int_eq(mtx_unlock(&mutex), thrd_success);
    mtx_destroy(&mutex);
}
END_TEST

START_TEST(a_recursive_mutex_is_free_after_as_many_unlocks)
{
    mtx_t mutex;
    ck_assert_int_eq(mtx_init(&mutex, mtx_timed | mtx_recursive), thrd_success);
    struct timespec past = {0, 0};
    ck_assert_int_eq(mtx_lock(&mutex), thrd_success);
    ck_assert_int_eq(mtx_lock(&mutex), thrd_success);
    ck_assert_int_eq(mtx_trylock(&mutex), thrd_success);
    ck_assert_int_eq(mtx_timedlock(&mutex, &past), thrd_success);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(unit_elsewhere(trylock, &mutex), thrd_busy);
        ck_assert_int_eq(mtx_unlock(&mutex), thrd_success);
    }
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), thrd_success);
    mtx_destroy(&mutex);
}
END_TEST

static mtx_t shared_mutex;

static int lock_until(void *deadline)
{
    return mtx_timedlock(&shared_mutex, deadline);
}

START_TEST(a_timed_lock_ends_at_its_deadline_and_not_before)
{
    ck_assert_int_eq(mtx_init(&shared_mutex, mtx_timed), thrd_success);
    ck_assert_int_eq(mtx_lock(&shared_mutex), thrd_success);
    struct timespec now, deadline = unit_deadline(CLOCK_REALTIME, 30);
    ck_assert_int_eq(unit_elsewhere(lock_until, &deadline), thrd_timedout);
    ck_assert_int_eq(timespec_get(&now, TIME_UTC), TIME_UTC);
    ck_assert(now.tv_sec > deadline.tv_sec ||
              (now.tv_sec == deadline.tv_sec && now.tv_nsec >= deadline.tv_nsec));

    struct timespec past = {-5, 0}, negative = {0x7fffffff, -1}, great = {0x7fffffff, 1000000000};
    ck_assert_int_eq(unit_elsewhere(lock_until, &past), thrd_timedout);
    ck_assert_int_eq(unit_elsewhere(lock_until, &negative), thrd_error);
    ck_assert_int_eq(unit_elsewhere(lock_until, &great), thrd_error);

    /* A free mutex is locked whatever the time. */
    ck_assert_int_eq(mtx_unlock(&shared_mutex), thrd_success);
    ck_assert_int_eq(mtx_timedlock(&shared_mutex, &past), thrd_success);
    ck_assert_int_eq(mtx_unlock(&shared_mutex), thrd_success);
    mtx_destroy(&shared_mutex);
}
END_TEST

struct account {
    mtx_t mutex;
    long balance;
};

static int deposit(void *arg)
{
    struct account *account = arg;
    struct timespec deadline = unit_deadline(CLOCK_REALTIME, 20000);
    for (int i = 0; i < 20000; i++) {
        int result = i % 3 == 0   ? mtx_lock(&account->mutex)
                     : i % 3 == 1 ? mtx_timedlock(&account->mutex, &deadline)
                                  : mtx_trylock(&account->mutex);
        while (result == thrd_busy) {
            thrd_yield();
            result = mtx_trylock(&account->mutex);
        }
        if (result != thrd_success)
            return result;
        account->balance++;
        if ((result = mtx_unlock(&account->mutex)) != thrd_success)
            return result;
    }
    return thrd_success;
}

START_TEST(no_two_threads_are_inside_at_once)
{
    enum { THREADS = 3 };
    struct account account = {.balance = 0};
    thrd_t thread[THREADS];
    ck_assert_int_eq(mtx_init(&account.mutex, mtx_timed | (_i ? mtx_recursive : 0)), thrd_success);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(thrd_create(&thread[i], deposit, &account), thrd_success);
    for (int i = 0; i < THREADS; i++) {
        int result = -1;
        ck_assert_int_eq(thrd_join(thread[i], &result), thrd_success);
        ck_assert_int_eq(result, thrd_success);
    }
    ck_assert_int_eq(account.balance, THREADS * 20000);
    mtx_destroy(&account.mutex);
}
END_TEST

/* Threads that wait for tickets to be handed out under a mutex. */
struct office {
    mtx_t mutex;
    cnd_t cond;
    int tickets;
    int waiting;
    bool timed;
};

static int take_ticket(void *arg)
{
    struct office *office = arg;
    struct timespec deadline = unit_deadline(CLOCK_REALTIME, 20000);
    int result = mtx_lock(&office->mutex);
    office->waiting++;
    while (result == thrd_success && office->tickets == 0)
        result = office->timed ? cnd_timedwait(&office->cond, &office->mutex, &deadline)
                               : cnd_wait(&office->cond, &office->mutex);
    if (result == thrd_success)
        office->tickets--;
    office->waiting--;
    int unlocked = mtx_unlock(&office->mutex);
    return result != thrd_success ? result : unlocked;
}

static void open_office(struct office *office, bool timed)
{
    memset(office, 0xff, sizeof *office);
    office->tickets = 0;
    office->waiting = 0;
    office->timed = timed;
    ck_assert_int_eq(mtx_init(&office->mutex, mtx_plain), thrd_success);
    ck_assert_int_eq(cnd_init(&office->cond), thrd_success);
}

static void close_office(struct office *office)
{
    cnd_destroy(&office->cond);
    mtx_destroy(&office->mutex);
}

START_TEST(a_signal_wakes_a_waiter_and_a_broadcast_all)
{
    enum { WAITERS = 4 };
    struct office office;
    open_office(&office, _i == 1);
    /* Nobody waits: nothing happens. */
    ck_assert_int_eq(cnd_signal(&office.cond), thrd_success);
    ck_assert_int_eq(cnd_broadcast(&office.cond), thrd_success);
    struct unit_call call[WAITERS];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < WAITERS; i++) {
            unit_start(&call[i], take_ticket, &office);
            unit_wait_until_blocked(&call[i]);
        }
        ck_assert_int_eq(mtx_lock(&office.mutex), thrd_success);
        ck_assert_int_eq(office.waiting, WAITERS);
        if (round % 2 == 0) {
            office.tickets = WAITERS;
            ck_assert_int_eq(cnd_broadcast(&office.cond), thrd_success);
            ck_assert_int_eq(mtx_unlock(&office.mutex), thrd_success);
        } else {
            for (int i = 0; i < WAITERS; i++) {
                office.tickets++;
                ck_assert_int_eq(cnd_signal(&office.cond), thrd_success);
            }
            ck_assert_int_eq(mtx_unlock(&office.mutex), thrd_success);
        }
        for (int i = 0; i < WAITERS; i++)
            ck_assert_int_eq(unit_finish(&call[i]), thrd_success);
        ck_assert_int_eq(office.tickets, 0);
        ck_assert_int_eq(office.waiting, 0);
    }
    close_office(&office);
}
END_TEST

START_TEST(a_timed_wait_ends_at_its_deadline_with_the_mutex_locked)
{
    struct office office;
    open_office(&office, true);
    ck_assert_int_eq(mtx_lock(&office.mutex), thrd_success);
    struct timespec now, deadline = unit_deadline(CLOCK_REALTIME, 30);
    int result;
    do
        result = cnd_timedwait(&office.cond, &office.mutex, &deadline);
    while (result == thrd_success);
    ck_assert_int_eq(result, thrd_timedout);
    ck_assert_int_eq(timespec_get(&now, TIME_UTC), TIME_UTC);
    ck_assert(now.tv_sec > deadline.tv_sec ||
              (now.tv_sec == deadline.tv_sec && now.tv_nsec >= deadline.tv_nsec));
    ck_assert_int_eq(unit_elsewhere(trylock, &office.mutex), thrd_busy);

    struct timespec past = {-5, 0}, negative = {0x7fffffff, -1}, great = {0x7fffffff, 1000000000};
    ck_assert_int_eq(cnd_timedwait(&office.cond, &office.mutex, &past), thrd_timedout);
    ck_assert_int_eq(unit_elsewhere(trylock, &office.mutex), thrd_busy);
    ck_assert_int_eq(cnd_timedwait(&office.cond, &office.mutex, &negative), thrd_error);
    ck_assert_int_eq(unit_elsewhere(trylock, &office.mutex), thrd_busy);
    ck_assert_int_eq(cnd_timedwait(&office.cond, &office.mutex, &great), thrd_error);
    ck_assert_int_eq(unit_elsewhere(trylock, &office.mutex), thrd_busy);
    ck_assert_int_eq(mtx_unlock(&office.mutex), thrd_success);
    close_office(&office);
}
END_TEST

START_TEST(a_wait_releases_a_recursive_mutex_and_locks_it_again)
{
    struct office office;
    open_office(&office, false);
    mtx_destroy(&office.mutex);
    ck_assert_int_eq(mtx_init(&office.mutex, mtx_recursive), thrd_success);
    struct unit_call call;
    unit_start(&call, take_ticket, &office);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(mtx_trylock(&office.mutex), thrd_success);
    ck_assert_int_eq(mtx_trylock(&office.mutex), thrd_success);
    office.tickets++;
    ck_assert_int_eq(cnd_signal(&office.cond), thrd_success);
    ck_assert_int_eq(mtx_unlock(&office.mutex), thrd_success);
    ck_assert_int_eq(mtx_unlock(&office.mutex), thrd_success);
    ck_assert_int_eq(unit_finish(&call), thrd_success);
    close_office(&office);
}
END_TEST

static tss_t tss;
static atomic_int destroyed;

static void count_destroyed(void *value)
{
    if (value == &tss && tss_get(tss) == NULL)
        atomic_fetch_add(&destroyed, 1);
}

static int set_tss(void *how)
{
    if (tss_get(tss) != NULL || tss_set(tss, &tss) != thrd_success || tss_get(tss) != &tss)
        return -1;
    if (how != NULL)
        thrd_exit(7);
    return 7;
}

START_TEST(a_value_is_a_threads_own_and_destroyed_with_it)
{
    ck_assert_int_eq(tss_create(&tss, count_destroyed), thrd_success);
    ck_assert_ptr_null(tss_get(tss));
    ck_assert_int_eq(tss_set(tss, &destroyed), thrd_success);
    /* Threads that return and threads that call thrd_exit(). */
    for (int i = 0; i < 2; i++) {
        thrd_t thread;
        int result = -1;
        ck_assert_int_eq(thrd_create(&thread, set_tss, i == 0 ? NULL : &tss), thrd_success);
        ck_assert_int_eq(thrd_join(thread, &result), thrd_success);
        ck_assert_int_eq(result, 7);
        ck_assert_int_eq(atomic_load(&destroyed), i + 1);
    }
    ck_assert_ptr_eq(tss_get(tss), &destroyed);
    tss_delete(tss);
    ck_assert_int_eq(atomic_load(&destroyed), 2);
    ck_assert_int_eq(tss_create(&tss, NULL), thrd_success);
    ck_assert_ptr_null(tss_get(tss));
    tss_delete(tss);
}
END_TEST

static void set_tss_again(void *value)
{
    atomic_fetch_add(&destroyed, 1);
    tss_set(tss, value);
}

START_TEST(destructors_run_in_as_many_rounds_as_promised)
{
    ck_assert_int_eq(tss_create(&tss, set_tss_again), thrd_success);
    ck_assert_int_eq(unit_elsewhere(set_tss, NULL), 7);
    ck_assert_int_eq(atomic_load(&destroyed), TSS_DTOR_ITERATIONS);
}
END_TEST

START_TEST(too_many_keys_are_an_error)
{
    enum { LIMIT = 5000 };
    static tss_t key[LIMIT];
    int count = 0, result;
    while (count < LIMIT && (result = tss_create(&key[count], NULL)) == thrd_success)
        count++;
    ck_assert_int_lt(count, LIMIT);
    ck_assert_int_eq(result, thrd_error);
    for (int i = 0; i < count; i++)
        tss_delete(key[i]);
    ck_assert_int_eq(tss_create(&key[0], NULL), thrd_success);
    ck_assert_int_eq(tss_set(key[0], &destroyed), thrd_success);
    tss_delete(key[0]);
#ifdef __GLIBC__
    ck_assert_int_eq(tss_set(key[0], &destroyed), thrd_error);
#endif
}
END_TEST

static once_flag flag = ONCE_FLAG_INIT;
static atomic_int started, finished, may_finish;

static void run_once(void)
{
    /* A first call that is cancelled is none; the call after it may finish at once. */
    if (atomic_fetch_add(&started, 1) == 0)
        unit_wait_for(&may_finish, 1);
    atomic_fetch_add(&finished, 1);
}

static int call(void *unused)
{
    (void)unused;
    call_once(&flag, run_once);
    return atomic_load(&finished);
}

START_TEST(call_once_runs_once_and_everybody_waits_for_it)
{
    struct unit_call first, second;
    unit_start(&first, call, NULL);
    unit_wait_for(&started, 1);
    unit_start(&second, call, NULL);
    unit_wait_until_blocked(&second);
    atomic_store(&may_finish, 1);
    ck_assert_int_eq(unit_finish(&first), 1);
    ck_assert_int_eq(unit_finish(&second), 1);
    ck_assert_int_eq(call(NULL), 1);
    ck_assert_int_eq(atomic_load(&started), 1);
}
END_TEST

START_TEST(call_once_of_a_cancelled_thread_is_run_by_the_next)
{
    struct unit_call first, second;
    unit_start(&first, call, NULL);
    unit_wait_for(&started, 1);
    unit_start(&second, call, NULL);
    unit_wait_until_blocked(&second);
    /* Its wait naps, and nanosleep() is a cancellation point. */
    ck_assert_int_eq(pthread_cancel(first.thread), 0);
    ck_assert_int_eq(pthread_join(first.thread, NULL), 0);
    ck_assert_int_eq(unit_finish(&second), 1);
    ck_assert_int_eq(call(NULL), 1);
    ck_assert_int_eq(atomic_load(&started), 2);
}
END_TEST

static Suite *c11_suite(void)
{
    Suite *suite = suite_create("c11");
    TCase *tcase = tcase_create("c11");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_mutex_of_every_type_excludes_other_threads, 0, TYPES);
    tcase_add_test(tcase, a_mutex_of_no_known_type_is_an_error);
    tcase_add_loop_test(tcase, a_plain_mutex_is_busy_for_its_owner_too, 0, 2);
    tcase_add_test(tcase, a_recursive_mutex_is_free_after_as_many_unlocks);
    tcase_add_test(tcase, a_timed_lock_ends_at_its_deadline_and_not_before);
    tcase_add_loop_test(tcase, no_two_threads_are_inside_at_once, 0, 2);
    tcase_add_loop_test(tcase, a_signal_wakes_a_waiter_and_a_broadcast_all, 0, 2);
    tcase_add_test(tcase, a_timed_wait_ends_at_its_deadline_with_the_mutex_locked);
    tcase_add_test(tcase, a_wait_releases_a_recursive_mutex_and_locks_it_again);
    tcase_add_test(tcase, a_value_is_a_threads_own_and_destroyed_with_it);
    tcase_add_test(tcase, destructors_run_in_as_many_rounds_as_promised);
    tcase_add_test(tcase, too_many_keys_are_an_error);
    tcase_add_test(tcase, call_once_runs_once_and_everybody_waits_for_it);
    tcase_add_test(tcase, call_once_of_a_cancelled_thread_is_run_by_the_next);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(c11_suite)
