/* What the assertions about C threads share. */
#ifndef FURWOCK_TEST_CONFORM_C11_H
#define FURWOCK_TEST_CONFORM_C11_H

#include "conform.h"
#include <threads.h>

/* TIME_UTC is the same clock. */
static inline struct timespec deadline(long ms)
{
    return unit_deadline(CLOCK_REALTIME, ms);
}

static inline void nap(void)
{
    nanosleep(&(struct timespec){0, 100000}, NULL);
}

/* Interrupt a call that has blocked; the handler has run when this returns. */
static inline void interrupt(struct unit_call *call)
{
    int before = atomic_load(&handled);
    unit_wait_until_blocked(call);
    ck_assert_int_eq(pthread_kill(call->thread, SIGUSR1), 0);
    unit_wait_for(&handled, before + 1);
}

static mtx_t mtx;

static inline void init(int type)
{
    ck_assert_int_eq(mtx_init(&mtx, type), thrd_success);
}

static inline void lock(void)
{
    ck_assert_int_eq(mtx_lock(&mtx), thrd_success);
}

static inline void unlock(void)
{
    ck_assert_int_eq(mtx_unlock(&mtx), thrd_success);
}

/* mtx_trylock() may fail for no reason, but hardly each time. */
static inline int trylock(mtx_t *m)
{
    int result = thrd_busy;
    for (int i = 0; result == thrd_busy && i < 100; i++)
        result = mtx_trylock(m);
    return result;
}

static inline int timedlock(mtx_t *m)
{
    struct timespec end = deadline(FAR_MS);
    return mtx_timedlock(m, &end);
}

static inline int try_elsewhere(void *unused)
{
    (void)unused;
    int result = trylock(&mtx);
    if (result == thrd_success)
        unlock();
    return result;
}

static inline void is_locked(void)
{
    ck_assert_int_eq(unit_elsewhere(try_elsewhere, NULL), thrd_busy);
}

static inline void is_unlocked(void)
{
    ck_assert_int_eq(unit_elsewhere(try_elsewhere, NULL), thrd_success);
}

#endif
