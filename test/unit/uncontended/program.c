/*
 * Run by uncontended.sh under strace: OPERATIONS uncontended operations on each kind of object,
 * with an argument while a second thread is alive. Prints what it did.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

#define OPERATIONS 10000000L

static void *live(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void must(int error, const char *what)
{
    if (error) {
        fprintf(stderr, "%s: error %d\n", what, error);
        exit(1);
    }
}

static void routine(void)
{
}

static void pairs_on_mutex(int type, int protocol, int robust, int shared, const char *what)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&attributes);
    must(pthread_mutexattr_settype(&attributes, type), what);
    must(pthread_mutexattr_setprotocol(&attributes, protocol), what);
    must(pthread_mutexattr_setrobust(&attributes, robust), what);
    must(pthread_mutexattr_setpshared(&attributes, shared), what);
    must(pthread_mutex_init(&mutex, &attributes), what);
    for (long i = 0; i < OPERATIONS / 2; i++) {
        must(i % 2 ? pthread_mutex_lock(&mutex) : pthread_mutex_trylock(&mutex), what);
        must(pthread_mutex_unlock(&mutex), what);
    }
    must(pthread_mutex_destroy(&mutex), what);
    puts(what);
}

int main(int argc, char **argv)
{
    (void)argv;
    pthread_t thread;
    if (argc > 1)
        must(pthread_create(&thread, NULL, live, NULL), "pthread_create");

    pairs_on_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, 0, "normal");
    pairs_on_mutex(PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, 0,
                   "recursive");
    pairs_on_mutex(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, 0,
                   "errorcheck");
    pairs_on_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, 1, "shared");
    pairs_on_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, 0, "robust");
    pairs_on_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, 1,
                   "robust, shared");

    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    for (long i = 0; i < OPERATIONS / 2; i++) {
        must(i % 2 ? pthread_rwlock_rdlock(&rwlock) : pthread_rwlock_wrlock(&rwlock), "rwlock");
        must(pthread_rwlock_unlock(&rwlock), "rwlock");
    }
    puts("rwlock");

    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    for (long i = 0; i < OPERATIONS; i++)
        must(i % 2 ? pthread_cond_signal(&cond) : pthread_cond_broadcast(&cond), "cond");
    puts("cond");

    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 1);
    for (long i = 0; i < OPERATIONS; i++)
        must(pthread_barrier_wait(&barrier) != PTHREAD_BARRIER_SERIAL_THREAD, "barrier");
    must(pthread_barrier_destroy(&barrier), "barrier");
    puts("barrier");

    pthread_spinlock_t spin;
    pthread_spin_init(&spin, 0);
    for (long i = 0; i < OPERATIONS / 2; i++) {
        must(pthread_spin_lock(&spin), "spin");
        must(pthread_spin_unlock(&spin), "spin");
    }
    puts("spin");

    for (int shared = 0; shared < 2; shared++) {
        sem_t sem;
        must(sem_init(&sem, shared, 1), "sem");
        for (long i = 0; i < OPERATIONS / 2; i++) {
            must(i % 2 ? sem_wait(&sem) : sem_trywait(&sem), "sem");
            must(sem_post(&sem), "sem");
        }
    }
    puts("sem");

    static pthread_once_t once = PTHREAD_ONCE_INIT;
    for (long i = 0; i < OPERATIONS; i++)
        must(pthread_once(&once, routine), "once");
    puts("once");

    pthread_key_t key;
    must(pthread_key_create(&key, NULL), "key");
    for (long i = 0; i < OPERATIONS / 2; i++) {
        must(pthread_setspecific(key, &key), "key");
        must(pthread_getspecific(key) != &key, "key");
    }
    puts("key");

    mtx_t mtx;
    must(mtx_init(&mtx, mtx_timed), "mtx");
    for (long i = 0; i < OPERATIONS / 2; i++) {
        must(mtx_lock(&mtx), "mtx");
        must(mtx_unlock(&mtx), "mtx");
    }
    puts("mtx");
    fflush(stdout);
    _exit(0);
}
