/* What the assertions about semaphores share. */
#ifndef FURWOCK_TEST_CONFORM_SEM_H
#define FURWOCK_TEST_CONFORM_SEM_H

#include "conform.h"
#include <limits.h>

/* A call has to fail with this error number. */
#define check_fails(call, error)                                                                   \
    do {                                                                                           \
        errno = 0;                                                                                 \
        ck_assert_int_eq(call, -1);                                                                \
        ck_assert_int_eq(errno, error);                                                            \
    } while (0)

/* The three waits, with an end far away where they take one. */
typedef int wait_function(sem_t *);

static inline int wait_timed(sem_t *sem)
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    return sem_timedwait(sem, &end);
}

static inline int wait_clock(sem_t *sem)
{
    struct timespec end = unit_deadline(CLOCK_MONOTONIC, FAR_MS);
    return sem_clockwait(sem, CLOCK_MONOTONIC, &end);
}

/* The same assertion about each of them. */
#define ASSERTION_OF_WAITS(number, text, check)                                                    \
    ASSERTION(sem_wait, number, text)                                                              \
    {                                                                                              \
        check(sem_wait);                                                                           \
    }                                                                                              \
    ASSERTION(sem_timedwait, number, text)                                                         \
    {                                                                                              \
        check(wait_timed);                                                                         \
    }                                                                                              \
    ASSERTION(sem_clockwait, number, text)                                                         \
    {                                                                                              \
        check(wait_clock);                                                                         \
    }

/* A thread's wait; its result is 0 or an error number. */
struct waiter {
    sem_t *sem;
    wait_function *wait;
    struct unit_call call;
};

static inline int wait_in_thread(void *argument)
{
    struct waiter *waiter = argument;
    return waiter->wait(waiter->sem) == 0 ? 0 : errno;
}

static inline int wait_in_thread_cancelled(void *argument)
{
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    return wait_in_thread(argument);
}

static inline void start_waiter(struct waiter *waiter, sem_t *sem, wait_function *wait)
{
    waiter->sem = sem;
    waiter->wait = wait;
    unit_start(&waiter->call, wait_in_thread, waiter);
    unit_wait_until_blocked(&waiter->call);
}

static inline void init_sem(sem_t *sem, unsigned value)
{
    ck_assert_int_eq(sem_init(sem, 0, value), 0);
}

/* With no thread blocked. */
static inline void check_value(sem_t *sem, int expected)
{
    int value = -12345;
    ck_assert_int_eq(sem_getvalue(sem, &value), 0);
    ck_assert_int_eq(value, expected);
}

#endif
