/*
 * What scenarios of mutexes and condition variables do: a mutex, a condition variable with it, and tokens
 * that are waited for. Each file that includes this has its own.
 */
#ifndef FURWOCK_STATION_H
#define FURWOCK_STATION_H

#include "scenarios.h"

static pthread_mutex_t m;
static pthread_cond_t c;
static uint32_t inside __attribute__((unused));
/* what is waited for, under the mutex */
static int tokens, timeouts;
static bool arrived, over;

ACT void lock(void)
{
    ok(pthread_mutex_lock(&m));
}

ACT void unlock(void)
{
    ok(pthread_mutex_unlock(&m));
}

ACT void lock_once(void)
{
    lock();
    visit(&inside);
    unlock();
}

ACT void lock_twice(void)
{
    lock_once();
    lock_once();
}

ACT void lock_timed(void)
{
    int error = pthread_mutex_timedlock(&m, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    if (error)
        return;
    visit(&inside);
    unlock();
}

/* It waits elsewhere, and comes back. */
ACT void lock_or_jump(void)
{
    if (!jumps_out_of(pthread_mutex_lock(&m))) {
        visit(&inside);
        unlock();
    }
    lock_once();
}

ACT int m_taken(void)
{
    return pthread_mutex_trylock(&m) == EBUSY;
}

ACT void m_usable(void)
{
    ok(pthread_mutex_trylock(&m));
    ok(pthread_mutex_unlock(&m));
}

ACT void m_free(void)
{
    m_usable();
    ok(pthread_mutex_destroy(&m));
}

ACT void take(void)
{
    lock();
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    tokens--;
    unlock();
}

/* Gives up at the first timeout. */
ACT void take_timed(void)
{
    int error = 0;
    lock();
    while (tokens == 0 && !error)
        error = pthread_cond_timedwait(&c, &m, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    if (tokens > 0)
        tokens--;
    else
        timeouts++;
    unlock();
}

ACT void take_or_jump(void)
{
    lock();
    while (tokens == 0)
        if (jumps_out_of(pthread_cond_wait(&c, &m)))
            return;
    tokens--;
    unlock();
}

ACT void put(void)
{
    lock();
    tokens++;
    ok(pthread_cond_signal(&c));
    unlock();
}

ACT void put_outside(void)
{
    lock();
    tokens++;
    unlock();
    ok(pthread_cond_signal(&c));
}

ACT void put_twice(void)
{
    put();
    put();
}

ACT void put_twice_outside(void)
{
    put_outside();
    put_outside();
}

ACT void put_all(void)
{
    lock();
    tokens += 2;
    ok(pthread_cond_broadcast(&c));
    unlock();
}

ACT void put_all_outside(void)
{
    lock();
    tokens += 2;
    unlock();
    ok(pthread_cond_broadcast(&c));
}

/* A single signal, which each who is unblocked passes on. */
ACT void arrive(void)
{
    lock();
    arrived = true;
    ok(pthread_cond_signal(&c));
    unlock();
}

ACT void wait_over(void)
{
    lock();
    while (!over)
        ok(pthread_cond_wait(&c, &m));
    unlock();
}

/* POSIX: as soon as nobody is blocked. */
ACT void broadcast_and_free(void)
{
    lock();
    over = true;
    ok(pthread_cond_broadcast(&c));
    unlock();
    ok(pthread_cond_destroy(&c));
    GONE(c);
}

#endif
