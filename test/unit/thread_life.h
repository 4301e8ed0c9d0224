/* What the programs share that test what surrounds a thread. */
#ifndef FURWOCK_TEST_THREAD_LIFE_H
#define FURWOCK_TEST_THREAD_LIFE_H

#include "unit.h"

static atomic_int count, ready, go;

static inline void *wait_until_go(void *arg)
{
    atomic_fetch_add(&ready, 1);
    unit_wait_for(&go, 1);
    return arg;
}

static inline void *sleep_for_ever(void *arg)
{
    atomic_fetch_add(&ready, 1);
    for (;;)
        pause();
    return arg;
}

static inline void start(pthread_t *threads, int n, void *(*routine)(void *), void *arg)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, routine, arg), 0);
}

static inline void join(pthread_t *threads, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* Create threads until told not to; of those that are detached now and then one stays for good. */
static inline void *stay_or_end(void *stay)
{
    while (stay)
        pause();
    return NULL;
}

static inline void *create_for_a_while(void *detached)
{
    for (int i = 0; i < 1500 && !atomic_load(&go); i++) {
        pthread_t thread;
        void *stay = detached && i % 64 == 0 ? detached : NULL;
        unit_child_assert(pthread_create(&thread, NULL, stay_or_end, stay) == 0);
        if (detached)
            pthread_detach(thread);
        else
            pthread_join(thread, NULL);
        atomic_fetch_add(&count, 1);
    }
    unit_wait_for(&go, 2);
    return NULL;
}

#endif
