/*
 * pthread_condattr_t: what POSIX says of its two attributes, the clock and process sharing, and of
 * the values they refuse.
 */
#include "unit.h"

static void expect(const pthread_condattr_t *attr, clockid_t clock, int pshared)
{
    clockid_t got_clock = -1;
    int got_pshared = -1;
    ck_assert_int_eq(pthread_condattr_getclock(attr, &got_clock), 0);
    ck_assert_int_eq(got_clock, clock);
    ck_assert_int_eq(pthread_condattr_getpshared(attr, &got_pshared), 0);
    ck_assert_int_eq(got_pshared, pshared);
}

START_TEST(init_gives_realtime_and_private)
{
    pthread_condattr_t attr;
    /* Whatever was in the memory before must not matter. */
    for (int fill = 0; fill <= 0xff; fill += 0x55) {
        memset(&attr, fill, sizeof attr);
        ck_assert_int_eq(pthread_condattr_init(&attr), 0);
        expect(&attr, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
        ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    }
}
END_TEST

START_TEST(values_are_kept_and_independent)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    static const int sharing[] = {PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED};
    pthread_condattr_t attr, other;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_init(&other), 0);
    clockid_t clock = CLOCK_REALTIME;
    for (int round = 0; round < 2; round++) {
        for (int s = 0; s < 2; s++) {
            ck_assert_int_eq(pthread_condattr_setpshared(&attr, sharing[s]), 0);
            expect(&attr, clock, sharing[s]);
            for (int c = 0; c < 2; c++) {
                clock = clocks[(c + s) % 2];
                ck_assert_int_eq(pthread_condattr_setclock(&attr, clock), 0);
                expect(&attr, clock, sharing[s]);
            }
        }
    }
    expect(&other, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&other), 0);
}
END_TEST

/* One refused clock: EINVAL, whatever the attributes were, and they stay what they were. */
static void refuse_clock(clockid_t clock)
{
    static const clockid_t before[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    for (int i = 0; i < 2; i++) {
        pthread_condattr_t attr;
        ck_assert_int_eq(pthread_condattr_init(&attr), 0);
        ck_assert_int_eq(pthread_condattr_setclock(&attr, before[i]), 0);
        ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
        ck_assert_msg(pthread_condattr_setclock(&attr, clock) == EINVAL, "clock %d", (int)clock);
        expect(&attr, before[i], PTHREAD_PROCESS_SHARED);
        ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    }
}

START_TEST(cpu_time_clocks_are_refused)
{
    refuse_clock(CLOCK_PROCESS_CPUTIME_ID);
    refuse_clock(CLOCK_THREAD_CPUTIME_ID);
    clockid_t clock;
    ck_assert_int_eq(pthread_getcpuclockid(pthread_self(), &clock), 0);
    refuse_clock(clock);
    ck_assert_int_eq(clock_getcpuclockid(0, &clock), 0);
    refuse_clock(clock);
}
END_TEST

START_TEST(clocks_no_wait_can_be_measured_by_are_refused)
{
#ifndef __GLIBC__
    /* libc defect: musl takes any clock identifier that is not negative nor a CPU-time clock's. */
    if (!unit_on_furwock())
        return;
#endif
    refuse_clock(CLOCK_MONOTONIC_RAW);
    refuse_clock(CLOCK_BOOTTIME);
    refuse_clock(CLOCK_REALTIME_COARSE);
    refuse_clock(-1);
    refuse_clock(12345);
    refuse_clock(INT32_MIN);
    refuse_clock(INT32_MAX);
}
END_TEST

START_TEST(sharing_other_than_private_and_shared_is_refused)
{
    static const int bad[] = {-1, 2, 3, 0x40000000, INT32_MIN, INT32_MAX};
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    for (int pshared = 0; pshared < 2; pshared++) {
        ck_assert_int_eq(pthread_condattr_setpshared(&attr, pshared), 0);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            ck_assert_msg(pthread_condattr_setpshared(&attr, bad[i]) == EINVAL, "%d", bad[i]);
            expect(&attr, CLOCK_MONOTONIC, pshared);
        }
    }
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
}
END_TEST

/*
 * The clock that a condition variable waits by is the one its attributes named when it was
 * initialised, whatever became of them afterwards.
 */
START_TEST(the_clock_is_copied_at_cond_init)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for (int c = 0; c < 2; c++) {
        pthread_condattr_t attr;
        pthread_cond_t cond;
        ck_assert_int_eq(pthread_condattr_init(&attr), 0);
        ck_assert_int_eq(pthread_condattr_setclock(&attr, clocks[c]), 0);
        ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
        expect(&attr, clocks[c], PTHREAD_PROCESS_PRIVATE);
        ck_assert_int_eq(pthread_condattr_setclock(&attr, clocks[1 - c]), 0);
        ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
        memset(&attr, 0xff, sizeof attr);

        /*
         * The two clocks are decades apart, so by the wrong one this wait would end at once or
         * never. A wait may end early with 0; only ETIMEDOUT says that the time has come.
         */
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        int64_t start = unit_now_ms();
        struct timespec deadline = unit_deadline(clocks[c], 30);
        int rc;
        do
            rc = pthread_cond_timedwait(&cond, &mutex, &deadline);
        while (rc == 0);
        ck_assert_int_eq(rc, ETIMEDOUT);
        ck_assert_int_ge(unit_now_ms() - start, 25);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
    }
}
END_TEST

static Suite *condattr_suite(void)
{
    Suite *suite = suite_create("condattr");
    TCase *tc = tcase_create("condattr");
    tcase_set_timeout(tc, 10);
    tcase_add_test(tc, init_gives_realtime_and_private);
    tcase_add_test(tc, values_are_kept_and_independent);
    tcase_add_test(tc, cpu_time_clocks_are_refused);
    tcase_add_test(tc, clocks_no_wait_can_be_measured_by_are_refused);
    tcase_add_test(tc, sharing_other_than_private_and_shared_is_refused);
    tcase_add_test(tc, the_clock_is_copied_at_cond_init);
    suite_add_tcase(suite, tc);
    return suite;
}

UNIT_MAIN(condattr_suite)
