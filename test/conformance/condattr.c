/*
 * Attributes of condition variables: XSH pthread_condattr_destroy, pthread_condattr_getclock and
 * pthread_condattr_getpshared.
 */
#include "cond.h"

ASSERTION(pthread_condattr_init, 1, "initialises an attributes object; returns 0")
{
    pthread_condattr_t attr;
    memset(&attr, 0xa5, sizeof attr);
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
}

static void check_attributes(const pthread_condattr_t *attr, clockid_t clock, int pshared)
{
    clockid_t its_clock = 12345;
    int its_pshared = 12345;
    ck_assert_int_eq(pthread_condattr_getclock(attr, &its_clock), 0);
    ck_assert_int_eq(its_clock, clock);
    ck_assert_int_eq(pthread_condattr_getpshared(attr, &its_pshared), 0);
    ck_assert_int_eq(its_pshared, pshared);
}

ASSERTION(pthread_condattr_init, 2, "every attribute has its default value")
{
    pthread_condattr_t attr;
    memset(&attr, 0xa5, sizeof attr);
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    check_attributes(&attr, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
}

UNTESTED(pthread_condattr_init, 3, "fails with ENOMEM when there is not enough memory",
         "an attributes object may need no memory beyond its own")

static void init_and_destroy_attr(void)
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
}

ASSERTION(pthread_condattr_init, 4, "does not return EINTR")
{
    while (hailing())
        init_and_destroy_attr();
}

ASSERTION(pthread_condattr_destroy, 1, "destroys an attributes object; returns 0")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
}

ASSERTION(pthread_condattr_destroy, 2, "a destroyed object can be initialised again, with defaults")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    check_attributes(&attr, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_condattr_destroy, 3, "leaves a condition variable alone that was made with it")
{
    pthread_condattr_t attr;
    pthread_cond_t cond;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    memset(&attr, 0xa5, sizeof attr);
    check_timed_by(&cond, CLOCK_MONOTONIC);
}

ASSERTION(pthread_condattr_destroy, 4, "does not return EINTR")
{
    while (hailing())
        init_and_destroy_attr();
}

ASSERTION(pthread_condattr_getclock, 1, "gives the clock attribute, and returns 0")
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_MONOTONIC};
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    for (int i = 0; i < 3; i++) {
        clockid_t clock = 12345;
        ck_assert_int_eq(pthread_condattr_setclock(&attr, clocks[i]), 0);
        ck_assert_int_eq(pthread_condattr_getclock(&attr, &clock), 0);
        ck_assert_int_eq(clock, clocks[i]);
    }
}

ASSERTION(pthread_condattr_getclock, 2, "the default is the system clock")
{
    pthread_condattr_t attr;
    clockid_t clock = 12345;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_getclock(&attr, &clock), 0);
    ck_assert_int_eq(clock, CLOCK_REALTIME);
}

static void set_and_get(void)
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    check_attributes(&attr, CLOCK_MONOTONIC, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
}

ASSERTION(pthread_condattr_getclock, 3, "does not return EINTR")
{
    while (hailing())
        set_and_get();
}

ASSERTION(pthread_condattr_setclock, 1, "sets the clock attribute, no other, and returns 0")
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
    static const int pshareds[] = {PTHREAD_PROCESS_SHARED, PTHREAD_PROCESS_PRIVATE};
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_condattr_setpshared(&attr, pshareds[i / 2]), 0);
        ck_assert_int_eq(pthread_condattr_setclock(&attr, clocks[i % 2]), 0);
        check_attributes(&attr, clocks[i % 2], pshareds[i / 2]);
    }
}

ASSERTION(pthread_condattr_setclock, 2, "pthread_cond_timedwait goes by that clock")
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
    for (int i = 0; i < 2; i++) {
        pthread_condattr_t attr;
        pthread_cond_t cond;
        ck_assert_int_eq(pthread_condattr_init(&attr), 0);
        ck_assert_int_eq(pthread_condattr_setclock(&attr, clocks[i]), 0);
        ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
        check_timed_by(&cond, clocks[i]);
    }
}

ASSERTION(pthread_condattr_setclock, 3, "leaves a condition variable alone that was made before")
{
    pthread_condattr_t attr;
    pthread_cond_t cond;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    check_timed_by(&cond, CLOCK_REALTIME);
}

ASSERTION(pthread_condattr_setclock, 4, "fails, with EINVAL, for a clock of processor time")
{
    clockid_t of_thread, of_process;
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_getcpuclockid(pthread_self(), &of_thread), 0);
    ck_assert_int_eq(clock_getcpuclockid(0, &of_process), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, of_thread), EINVAL);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, of_process), EINVAL);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_THREAD_CPUTIME_ID), EINVAL);
}

ASSERTION(pthread_condattr_setclock, 5, "may fail with EINVAL for a clock that is not known")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    int error = pthread_condattr_setclock(&attr, 12345);
    ck_assert(error == 0 || error == EINVAL);
}

ASSERTION(pthread_condattr_setclock, 6, "does not return EINTR")
{
    while (hailing())
        set_and_get();
}

ASSERTION(pthread_condattr_getpshared, 1, "gives the process-shared attribute, and returns 0")
{
    static const int values[] = {PTHREAD_PROCESS_SHARED, PTHREAD_PROCESS_PRIVATE};
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    for (int i = 0; i < 2; i++) {
        int pshared = 12345;
        ck_assert_int_eq(pthread_condattr_setpshared(&attr, values[i]), 0);
        ck_assert_int_eq(pthread_condattr_getpshared(&attr, &pshared), 0);
        ck_assert_int_eq(pshared, values[i]);
    }
}

ASSERTION(pthread_condattr_getpshared, 2, "the default is PTHREAD_PROCESS_PRIVATE")
{
    pthread_condattr_t attr;
    int pshared = 12345;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_getpshared(&attr, &pshared), 0);
    ck_assert_int_eq(pshared, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_condattr_getpshared, 3, "does not return EINTR")
{
    while (hailing())
        set_and_get();
}

ASSERTION(pthread_condattr_setpshared, 1, "sets the process-shared attribute, no other; returns 0")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    check_attributes(&attr, CLOCK_MONOTONIC, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE), 0);
    check_attributes(&attr, CLOCK_MONOTONIC, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_condattr_setpshared, 2,
          "PTHREAD_PROCESS_SHARED lets any thread operate that has access to the memory")
{
    int fd = unit_memory(sizeof(struct gate));
    struct gate *gate = unit_map(fd, sizeof *gate);
    init_shared_gate(gate);
    pid_t waiter = fork_with_gate(fd, gate, pass);
    open_when_entered(gate);
    unit_reap(waiter);
}

ASSERTION(pthread_condattr_setpshared, 3, "may fail with EINVAL for a value that is neither")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    int error = pthread_condattr_setpshared(&attr, 12345);
    ck_assert(error == 0 || error == EINVAL);
}

ASSERTION(pthread_condattr_setpshared, 4, "does not return EINTR")
{
    while (hailing())
        set_and_get();
}
