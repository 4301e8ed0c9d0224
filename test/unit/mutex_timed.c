/* Mutexes of every kind: deadlines, and that neither signals nor cancellation end a wait. */
#include "mutex_variants.h"

START_TEST(free_mutex_is_locked_whatever_the_deadline)
{
    static const struct timespec odd[] = {
        {0, 0}, {0, -1}, {0, 1000000000}, {1, LONG_MAX}, {1, LONG_MIN}, {-1, 0}, {-1, -1},
    };
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    for (enum form call = TIMED; call < FORMS; call++)
        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
            ck_assert_int_eq(lock_until(call, &mutex, &odd[i]), 0);
            ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(deadline_passes_not_too_early)
{
    pthread_mutex_t mutex;
    struct holder holder;
    ck_assert_int_eq(make(&mutex, _i), 0);
    holder_start(&holder, &mutex);
    for (enum form call = TIMED; call < FORMS; call++) {
        struct timespec deadline = unit_deadline(form_clock(call), 10);
        errno = 12345;
        ck_assert_int_eq(lock_until(call, &mutex, &deadline), ETIMEDOUT);
        ck_assert_int_eq(errno, 12345);
        struct timespec now = unit_deadline(form_clock(call), 0);
        ck_assert_msg(now.tv_sec > deadline.tv_sec ||
                          (now.tv_sec == deadline.tv_sec && now.tv_nsec >= deadline.tv_nsec),
                      "call %d timed out before its deadline", call);
    }
    holder_stop(&holder);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* Three times of the past, with a mutex of this variant that another thread holds. */
static void must_be_past(int variant, const struct timespec past[3])
{
    pthread_mutex_t mutex;
    struct holder holder;
    ck_assert_int_eq(make(&mutex, variant), 0);
    holder_start(&holder, &mutex);
    for (enum form call = TIMED; call < FORMS; call++)
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(lock_until(call, &mutex, &past[i]), ETIMEDOUT);
    holder_stop(&holder);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

START_TEST(past_deadline_times_out_at_once)
{
    must_be_past(_i, (const struct timespec[]){{0, 0}, {0, 999999999}, {1, 0}});
}
END_TEST

/* libc defect: with priority inheritance glibc hands seconds below zero to the kernel: EINVAL. */
START_TEST(deadline_before_the_epoch_is_past)
{
    if (inherits(_i) && !unit_on_furwock())
        unit_skip("libc returns EINVAL");
    must_be_past(_i, (const struct timespec[]){{-1, 0}, {-1, 999999999}, {LONG_MIN, 0}});
}
END_TEST

START_TEST(invalid_deadline_is_einval_when_it_would_wait)
{
    static const long nanoseconds[] = {-1, 1000000000, LONG_MAX, LONG_MIN};
    pthread_mutex_t mutex;
    struct holder holder;
    ck_assert_int_eq(make(&mutex, _i), 0);
    holder_start(&holder, &mutex);
    for (enum form call = TIMED; call < FORMS; call++)
        for (size_t i = 0; i < sizeof nanoseconds / sizeof nanoseconds[0]; i++)
            for (int future = 0; future < 2; future++) {
                struct timespec bad = unit_deadline(form_clock(call), future ? 100000 : -100000);
                bad.tv_nsec = nanoseconds[i];
                ck_assert_int_eq(lock_until(call, &mutex, &bad), EINVAL);
            }
    holder_stop(&holder);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(clock_that_cannot_be_waited_on_is_einval)
{
    static const clockid_t clocks[] = {
        CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, 12345, -1, INT_MAX, INT_MIN,
    };
    pthread_mutex_t mutex;
    struct holder holder;
    struct timespec deadline = unit_deadline(CLOCK_MONOTONIC, 10000);
    ck_assert_int_eq(make(&mutex, _i), 0);
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        ck_assert_int_eq(pthread_mutex_clocklock(&mutex, clocks[i], &deadline), EINVAL);
        ck_assert_int_eq(unit_elsewhere(try_unlock, &mutex), 0);
        holder_start(&holder, &mutex);
        ck_assert_int_eq(pthread_mutex_clocklock(&mutex, clocks[i], &deadline), EINVAL);
        holder_stop(&holder);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* A timed call on one of the clocks, in another thread. */
struct timed {
    pthread_mutex_t *mutex;
    int call;
    bool far;
};

static int timed_lock_unlock(void *arg)
{
    struct timed *timed = arg;
    struct timespec deadline = unit_deadline(form_clock(timed->call), 20000);
    /* As far off as can be told: a wait without end, not a number that overflows. */
    if (timed->far)
        deadline = (struct timespec){LONG_MAX, 999999999};
    int error = lock_until(timed->call, timed->mutex, &deadline);
    return error != 0 ? error : pthread_mutex_unlock(timed->mutex);
}

struct far {
    pthread_mutex_t *mutex;
    enum form form;
};

static int lock_until_the_end_of_time(void *arg)
{
    static const struct timespec end = {LONG_MAX, 999999999};
    struct far *far = arg;
    int error = lock_until(far->form, far->mutex, &end);
    return error ? error : pthread_mutex_unlock(far->mutex);
}

START_TEST(deadline_at_the_end_of_time_is_far)
{
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    for (enum form form = TIMED; form < FORMS; form++) {
        struct far far = {&mutex, form};
        struct unit_call waiter;
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        unit_start(&waiter, lock_until_the_end_of_time, &far);
        unit_wait_until_blocked(&waiter);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(unit_finish(&waiter), 0);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(timed_lock_gets_what_is_released_in_time)
{
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    for (int i = 2 * TIMED; i < 2 * FORMS; i++) {
        struct timed timed = {&mutex, i / 2, i % 2};
        struct unit_call waiter;
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        unit_start(&waiter, timed_lock_unlock, &timed);
        unit_wait_until_blocked(&waiter);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(unit_finish(&waiter), 0);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* A waiter that gave up must not have left behind anything that keeps the others asleep. */
START_TEST(timed_out_waiter_does_not_strand_the_others)
{
    pthread_mutex_t mutex;
    struct unit_call waiters[2];
    struct holder holder;
    ck_assert_int_eq(make(&mutex, _i), 0);
    holder_start(&holder, &mutex);
    for (int i = 0; i < 2; i++)
        unit_start(&waiters[i], lock_unlock, &mutex);
    for (int i = 0; i < 2; i++)
        unit_wait_until_blocked(&waiters[i]);
    ck_assert_int_eq(lock_within(TIMED, &mutex, 3), ETIMEDOUT);
    ck_assert_int_eq(lock_within(CLOCK_MONO, &mutex, 3), ETIMEDOUT);
    holder_stop(&holder);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(unit_finish(&waiters[i]), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

static atomic_int signals_taken;

static void take_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals_taken, 1);
}

START_TEST(signal_does_not_end_the_wait)
{
    pthread_mutex_t mutex;
    struct timed timed = {&mutex, CLOCK_MONO, false};
    struct sigaction action = {.sa_handler = take_signal}, before;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, &before), 0);
    ck_assert_int_eq(make(&mutex, _i), 0);
    for (int how = 0; how < 2; how++) {
        struct unit_call waiter;
        atomic_store(&signals_taken, 0);
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        if (how == 0)
            unit_start(&waiter, lock_unlock, &mutex);
        else
            unit_start(&waiter, timed_lock_unlock, &timed);
        for (int i = 0; i < 3; i++) {
            unit_wait_until_blocked(&waiter);
            ck_assert_int_eq(pthread_kill(waiter.thread, SIGUSR1), 0);
            unit_wait_for(&signals_taken, i + 1);
        }
        unit_wait_until_blocked(&waiter);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(unit_finish(&waiter), 0);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &before, NULL), 0);
}
END_TEST

struct cancelled {
    pthread_mutex_t *mutex;
    bool timed;
    atomic_int tid;
    atomic_int stage;
};

/* Every call here happens with a cancellation pending, and none may act on it. */
static void *lock_while_cancelled(void *arg)
{
    struct cancelled *me = arg;
    struct timespec deadline = unit_deadline(CLOCK_REALTIME, 20000);
    atomic_store(&me->tid, unit_gettid());
    int error =
        me->timed ? pthread_mutex_timedlock(me->mutex, &deadline) : pthread_mutex_lock(me->mutex);
    if (error == 0 && pthread_mutex_unlock(me->mutex) == 0 &&
        pthread_mutex_trylock(me->mutex) == 0 && pthread_mutex_unlock(me->mutex) == 0 &&
        pthread_mutex_lock(me->mutex) == 0 && pthread_mutex_unlock(me->mutex) == 0)
        atomic_store(&me->stage, 1);
    pthread_testcancel();
    atomic_store(&me->stage, 2);
    return NULL;
}

START_TEST(lock_is_no_cancellation_point)
{
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    for (int timed = 0; timed < 2; timed++) {
        struct cancelled cancelled = {.mutex = &mutex, .timed = timed};
        pthread_t thread;
        void *result;
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, lock_while_cancelled, &cancelled), 0);
        unit_wait_for(&cancelled.tid, 1);
        unit_wait_until_asleep(getpid(), atomic_load(&cancelled.tid));
        ck_assert_int_eq(pthread_cancel(thread), 0);
        unit_wait_until_asleep(getpid(), atomic_load(&cancelled.tid));
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
        ck_assert_int_eq(atomic_load(&cancelled.stage), 1);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

static Suite *mutex_timed_suite(void)
{
    Suite *suite = suite_create("mutex_timed");

    TCase *timed = tcase_create("deadlines and interruptions");
    tcase_set_timeout(timed, 20);
    tcase_add_loop_test(timed, free_mutex_is_locked_whatever_the_deadline, 0, VARIANTS);
    tcase_add_loop_test(timed, deadline_passes_not_too_early, 0, VARIANTS);
    tcase_add_loop_test(timed, past_deadline_times_out_at_once, 0, VARIANTS);
    tcase_add_loop_test(timed, deadline_before_the_epoch_is_past, 0, VARIANTS);
    tcase_add_loop_test(timed, invalid_deadline_is_einval_when_it_would_wait, 0, VARIANTS);
    tcase_add_loop_test(timed, clock_that_cannot_be_waited_on_is_einval, 0, VARIANTS);
    tcase_add_loop_test(timed, deadline_at_the_end_of_time_is_far, 0, VARIANTS);
    tcase_add_loop_test(timed, timed_lock_gets_what_is_released_in_time, 0, VARIANTS);
    tcase_add_loop_test(timed, timed_out_waiter_does_not_strand_the_others, 0, VARIANTS);
    tcase_add_loop_test(timed, signal_does_not_end_the_wait, 0, VARIANTS);
    tcase_add_loop_test(timed, lock_is_no_cancellation_point, 0, VARIANTS);
    suite_add_tcase(suite, timed);
    return suite;
}

UNIT_MAIN(mutex_timed_suite)
