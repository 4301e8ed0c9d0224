/*
 * One point of a plane: THREADS threads, sections of INSIDE loop turns, OUTSIDE turns between them.
 *
 *      plane mutex|rwlock|queue THREADS INSIDE OUTSIDE MILLISECONDS
 *
 * prints nanoseconds of wall time and of CPU time a section, and the smallest share of a thread. Of an
 * rwlock's sections 5 % write; a queue's producers and consumers meet by condition variables.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MOST = 64, APART = 128, ROOM = 16 };

static _Alignas(APART) pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Alignas(APART) pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static _Alignas(APART) pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static pthread_cond_t less = PTHREAD_COND_INITIALIZER;
static unsigned queued;
static _Alignas(APART) int over;
static struct {
    _Alignas(APART) unsigned long sections;
} done[MOST];
static unsigned threads, inside, outside;
static pthread_barrier_t start;

static void turn(unsigned turns)
{
    for (volatile unsigned i = 0; i < turns; i++)
        ;
}

static int is_over(void)
{
    return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

static void lock_mutex(unsigned i, unsigned n)
{
    (void)i, (void)n;
    pthread_mutex_lock(&mutex);
    turn(inside);
    pthread_mutex_unlock(&mutex);
}

static void lock_rwlock(unsigned i, unsigned n)
{
    if ((n + i * 7) % 20 == 0)
        pthread_rwlock_wrlock(&rwlock);
    else
        pthread_rwlock_rdlock(&rwlock);
    turn(inside);
    pthread_rwlock_unlock(&rwlock);
}

/* Even threads put, odd ones take. */
static void pass(unsigned i, unsigned n)
{
    (void)n;
    pthread_mutex_lock(&mutex);
    while (!is_over() && queued == (i % 2 ? 0 : ROOM))
        pthread_cond_wait(i % 2 ? &more : &less, &mutex);
    if (!is_over())
        queued += i % 2 ? -1 : 1;
    turn(inside);
    pthread_mutex_unlock(&mutex);
    pthread_cond_signal(i % 2 ? &less : &more);
}

static void (*section)(unsigned, unsigned);

static void *work(void *argument)
{
    unsigned i = (uintptr_t)argument;
    unsigned long n = 0;
    pthread_barrier_wait(&start);
    for (; !is_over(); n++) {
        section(i, n);
        turn(outside);
    }
    done[i].sections = n;
    return NULL;
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    pthread_t thread[MOST];
    if (argc != 6 || (threads = atoi(argv[2])) < 1 || threads > MOST)
        return 2;
    section = !strcmp(argv[1], "mutex")   ? lock_mutex
              : !strcmp(argv[1], "queue") ? pass
                                          : lock_rwlock;
    inside = atoi(argv[3]);
    outside = atoi(argv[4]);
    pthread_barrier_init(&start, NULL, threads + 1);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)i))
            return 1;
    pthread_barrier_wait(&start);
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    long milliseconds = atol(argv[5]);
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&more);
    pthread_cond_broadcast(&less);
    pthread_mutex_unlock(&mutex);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    unsigned long total = 0, least = -1ul;
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        total += done[i].sections;
        least = done[i].sections < least ? done[i].sections : least;
    }
    printf("%.1f %.1f %.3f\n", wall * 1e9 / total, cpu * 1e9 / total,
           least * (double)threads / total);
    return 0;
}
