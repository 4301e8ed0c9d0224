/*
 * Inheriting mutexes that the kernel refuses: circles of waits, which end when one of them gives up;
 * refusals without a reason; and what a dead owner leaves.
 */
#include "mutex_priority.h"
#include "../fault/refusal.h"

/* Two threads hold a mutex each and want the other's. */
struct half {
    pthread_mutex_t *has, *wants;
    enum form form;
    long ms;
    atomic_int held, allowed;
    struct unit_call call;
};

static int take_and_want(void *arg)
{
    struct half *half = arg;
    must(pthread_mutex_lock(half->has));
    atomic_store(&half->held, 1);
    unit_wait_for(&half->allowed, 1);
    atomic_store(&half->held, 2);
    int error = lock_within(half->form, half->wants, half->ms);
    if (error == 0)
        must(pthread_mutex_unlock(half->wants));
    must(pthread_mutex_unlock(half->has));
    return error;
}

static void half_start(struct half *half)
{
    unit_start(&half->call, take_and_want, half);
    unit_wait_for(&half->held, 1);
}

static void half_go_on(struct half *half)
{
    atomic_store(&half->allowed, 1);
    unit_wait_for(&half->held, 2);
    unit_wait_until_blocked_or_over(&half->call);
}

/* Who waits first gives up first, or who closes the circle does. The mutexes are robust or not. */
static void circle(int variant, int robust, enum form form, bool first_gives_up)
{
    pthread_mutex_t one, two;
    pthread_mutex_t *const both[] = {&one, &two};
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(unit_mutex_init(both[i], type_of(variant), pshared_of(variant), robust,
                                         PTHREAD_PRIO_INHERIT),
                         0);
    enum form brief = form == PLAIN ? TIMED : form;
    struct half first = {.has = &one,
                         .wants = &two,
                         .form = first_gives_up ? brief : form,
                         .ms = first_gives_up ? 50 : 15000};
    struct half last = {.has = &two,
                        .wants = &one,
                        .form = first_gives_up ? form : brief,
                        .ms = first_gives_up ? 15000 : 20};
    half_start(&first);
    half_start(&last);
    half_go_on(&first);
    half_go_on(&last);
    ck_assert_int_eq(unit_finish(&first.call), first_gives_up ? ETIMEDOUT : 0);
    ck_assert_int_eq(unit_finish(&last.call), first_gives_up ? 0 : ETIMEDOUT);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(unit_elsewhere(lock_unlock, both[i]), 0);
        ck_assert_int_eq(pthread_mutex_destroy(both[i]), 0);
    }
}

/* libc defect: glibc aborts, or who closed the circle sleeps for ever. */
START_TEST(a_circle_ends_when_one_gives_up)
{
    if (!unit_on_furwock())
        unit_skip("libc sleeps for ever");
    for (int robust = 0; robust < 2; robust++)
        for (enum form form = PLAIN; form < FORMS; form++) {
            int robustness = robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED;
            circle(_i, robustness, form, true);
            circle(_i, robustness, form, false);
        }
}
END_TEST

/* A thread to which the kernel says `error`, whatever it asks about an inheriting mutex. */
struct outcast {
    pthread_mutex_t *mutex;
    int error;
    enum form form;
    atomic_int tried;
    struct unit_call call;
};

static int lock_refused(void *arg)
{
    struct outcast *outcast = arg;
    if (!refuse("futex_pi", outcast->error))
        return __LINE__;
    if (pthread_mutex_trylock(outcast->mutex) != EBUSY)
        return __LINE__;
    if (lock_within(TIMED, outcast->mutex, 3) != ETIMEDOUT)
        return __LINE__;
    if (lock_within(CLOCK_MONO, outcast->mutex, -3) != ETIMEDOUT)
        return __LINE__;
    atomic_store(&outcast->tried, 1);
    int error = lock_within(outcast->form, outcast->mutex, 15000);
    if (error == EOWNERDEAD)
        must(pthread_mutex_consistent(outcast->mutex));
    must(pthread_mutex_unlock(outcast->mutex));
    return error;
}

static const int errors[] = {EDEADLK, ESRCH, EPERM, EINVAL, ENOMEM, ENOSYS};
enum { ERRORS = sizeof errors / sizeof errors[0] };

/* A thread that locks so many times, and unlocks as often as it is told or ends without. */
struct keeper {
    pthread_mutex_t *mutex;
    int depth;
    bool dies;
    atomic_int held, allowed;
    struct unit_call call;
};

static int keep(void *arg)
{
    struct keeper *keeper = arg;
    for (int i = 0; i < keeper->depth; i++)
        must(pthread_mutex_lock(keeper->mutex));
    atomic_store(&keeper->held, 1);
    unit_wait_for(&keeper->allowed, 1);
    for (int i = 0; !keeper->dies && i < keeper->depth; i++)
        must(pthread_mutex_unlock(keeper->mutex));
    return 0;
}

static void keeper_start(struct keeper *keeper)
{
    unit_start(&keeper->call, keep, keeper);
    unit_wait_for(&keeper->held, 1);
}

static void keeper_end(struct keeper *keeper)
{
    atomic_store(&keeper->allowed, 1);
    ck_assert_int_eq(unit_finish(&keeper->call), 0);
}

/* libc defect: glibc aborts, or returns what the kernel said. */
START_TEST(a_refused_thread_gets_the_mutex_all_the_same)
{
    if (!unit_on_furwock())
        unit_skip("libc aborts");
    for (int i = 0; i < ERRORS; i++)
        for (int death = 0; death < 2; death++) {
            pthread_mutex_t mutex;
            ck_assert_int_eq(unit_mutex_init(&mutex, type_of(_i), pshared_of(_i),
                                             death ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED,
                                             PTHREAD_PRIO_INHERIT),
                             0);
            struct keeper keeper = {.mutex = &mutex, .depth = 1, .dies = death};
            struct outcast outcast = {
                .mutex = &mutex, .error = errors[i], .form = (enum form)((_i + i) % FORMS)};
            keeper_start(&keeper);
            unit_start(&outcast.call, lock_refused, &outcast);
            unit_wait_for(&outcast.tried, 1);
            unit_wait_until_blocked(&outcast.call);
            keeper_end(&keeper);
            ck_assert_int_eq(unit_finish(&outcast.call), death ? EOWNERDEAD : 0);
            ck_assert_int_eq(unit_elsewhere(lock_unlock, &mutex), 0);
            ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
        }
}
END_TEST

/* Where the kernel waits for such a word on one clock only, the time is made one of that clock. */
static int lock_until_the_end_of_time(void *mutex)
{
    static const struct timespec end = {LONG_MAX, 999999999};
    if (set_priority(10) != 0 || !refuse("futex_lock_pi2", ENOSYS))
        return __LINE__;
    int error = lock_until(CLOCK_MONO, mutex, &end);
    return error ? error : pthread_mutex_unlock(mutex);
}

START_TEST(deadline_at_the_end_of_another_clocks_time_is_far)
{
    NEEDS_REALTIME();
    if (!unit_on_furwock())
        unit_skip("libc returns what the kernel said");
    pthread_mutex_t mutex;
    struct unit_call waiter;
    make_inheriting(&mutex, _i);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    unit_start(&waiter, lock_until_the_end_of_time, &mutex);
    /* the kernel has the waiter in the mutex's queue */
    unit_wait_for_priority(unit_gettid(), 10);
    ck_assert(!atomic_load(&waiter.returned));
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_finish(&waiter), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* The kernel passes a dead owner's mutex on to who waits for it: that one has locked it once. */
static int lock_and_unlock_once(void *mutex)
{
    must(pthread_mutex_lock(mutex));
    ck_assert_int_eq(unit_elsewhere(trylock, mutex), EBUSY);
    must(pthread_mutex_unlock(mutex));
    return pthread_mutex_unlock(mutex);
}

START_TEST(the_depth_of_a_dead_owner_is_not_passed_on)
{
    if (type_of(_i) != PTHREAD_MUTEX_RECURSIVE)
        return;
    /* libc defect: glibc's waiter takes the mark of the death for an owner, and aborts. */
    if (!unit_on_furwock())
        unit_skip("would abort");
    pthread_mutex_t mutex;
    struct unit_call heir;
    make_inheriting(&mutex, _i);
    struct keeper keeper = {.mutex = &mutex, .depth = 3, .dies = true};
    keeper_start(&keeper);
    unit_start(&heir, lock_and_unlock_once, &mutex);
    unit_wait_until_blocked(&heir);
    keeper_end(&keeper);
    ck_assert_int_eq(unit_finish(&heir), EPERM);
    ck_assert_int_eq(unit_elsewhere(lock_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

static Suite *mutex_refused_suite(void)
{
    Suite *suite = suite_create("mutex_refused");

    TCase *refused = tcase_create("refused");
    tcase_set_timeout(refused, 30);
    tcase_add_loop_test(refused, a_circle_ends_when_one_gives_up, 0, VARIANTS);
    tcase_add_loop_test(refused, a_refused_thread_gets_the_mutex_all_the_same, 0, VARIANTS);
    tcase_add_loop_test(refused, the_depth_of_a_dead_owner_is_not_passed_on, 0, VARIANTS);
    tcase_add_loop_test(refused, deadline_at_the_end_of_another_clocks_time_is_far, 0, VARIANTS);
    suite_add_tcase(suite, refused);
    return suite;
}

UNIT_MAIN(mutex_refused_suite)
