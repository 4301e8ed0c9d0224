/*
 * Programs with one error each, which a tool must report: racy NAME. In the races an object of
 * Furwock's is beside, or between, the two accesses without ordering them.
 */
#include "checkers.h"

#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

enum { TIMES = 20 };

static long counter;
static pthread_mutex_t mutexes[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlocks[2];
static sem_t sem;
static pthread_barrier_t barrier;

/* A number for each thread, so that they can behave differently. */
static int number(void)
{
    static int next;
    return __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
}

static void *beside_lock(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        pthread_mutex_lock(&mutexes[0]);
        pthread_mutex_unlock(&mutexes[0]);
        counter++;
        usleep(100);
    }
    return unused;
}

static void *two_mutexes(void *unused)
{
    pthread_mutex_t *mutex = &mutexes[number() % 2];
    for (int i = 0; i < TIMES; i++) {
        pthread_mutex_lock(mutex);
        counter++;
        pthread_mutex_unlock(mutex);
        usleep(100);
    }
    return unused;
}

static void *two_spinlocks(void *unused)
{
    pthread_spinlock_t *lock = &spinlocks[number() % 2];
    for (int i = 0; i < TIMES; i++) {
        pthread_spin_lock(lock);
        counter++;
        pthread_spin_unlock(lock);
        usleep(100);
    }
    return unused;
}

static void *read_locked(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        pthread_rwlock_rdlock(&rwlock);
        counter++;
        pthread_rwlock_unlock(&rwlock);
        usleep(100);
    }
    return unused;
}

/* Both have a permit before either goes on: a post before the other's first wait would order them. */
static void *two_permits(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        sem_wait(&sem);
        if (i == 0)
            pthread_barrier_wait(&barrier);
        counter++;
        usleep(100);
        sem_post(&sem);
    }
    return unused;
}

static void *after_barrier(void *unused)
{
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < TIMES; i++) {
        counter++;
        usleep(100);
    }
    return unused;
}

static void race_beside_lock(void)
{
    in_threads(2, beside_lock, NULL);
}

static void race_two_mutexes(void)
{
    in_threads(2, two_mutexes, NULL);
}

static void race_two_spinlocks(void)
{
    pthread_spin_init(&spinlocks[0], PTHREAD_PROCESS_PRIVATE);
    pthread_spin_init(&spinlocks[1], PTHREAD_PROCESS_PRIVATE);
    in_threads(2, two_spinlocks, NULL);
}

static void race_read_locked(void)
{
    in_threads(2, read_locked, NULL);
}

static void race_two_permits(void)
{
    sem_init(&sem, 0, 2);
    pthread_barrier_init(&barrier, NULL, 2);
    in_threads(2, two_permits, NULL);
}

static void race_after_barrier(void)
{
    pthread_barrier_init(&barrier, NULL, 2);
    in_threads(2, after_barrier, NULL);
}

/* For helgrind: two threads that could wait for each other, had they been faster. */

static void *one_order(void *unused)
{
    int first = number() % 2;
    usleep(first * 200000);
    pthread_mutex_lock(&mutexes[first]);
    pthread_mutex_lock(&mutexes[!first]);
    pthread_mutex_unlock(&mutexes[!first]);
    pthread_mutex_unlock(&mutexes[first]);
    return unused;
}

static void lock_order(void)
{
    in_threads(2, one_order, NULL);
}

/* For AddressSanitizer: an object used after it was freed, and one never freed. */

static void use_after_free(void)
{
    pthread_mutex_t *mutex = malloc(sizeof *mutex);
    pthread_mutex_init(mutex, NULL);
    char *volatile bytes = (char *)mutex;
    free(mutex);
    bytes[0]++;
}

static void *leak(void *unused)
{
    void *volatile lost = malloc(1000);
    lost = NULL;
    (void)lost;
    return unused;
}

static void leaking(void)
{
    in_threads(2, leak, NULL);
}

const struct program programs[] = {
    {"beside-lock", race_beside_lock},
    {"two-mutexes", race_two_mutexes},
    {"two-spinlocks", race_two_spinlocks},
    {"read-locked", race_read_locked},
    {"two-permits", race_two_permits},
    {"after-barrier", race_after_barrier},
    {"lock-order", lock_order},
    {"use-after-free", use_after_free},
    {"leak", leaking},
    {NULL, NULL},
};
