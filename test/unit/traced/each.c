/*
 * each OBJECT: one thread sleeps for the object, and another one ends that. How long it takes to fall
 * asleep is seen in /proc, as by the unit tests.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t sem;
static atomic_int waiter, may_return;
static int told;
static const char *object;

static int is(const char *name)
{
    return strcmp(object, name) == 0;
}

static void routine(void)
{
    while (!atomic_load(&may_return))
        usleep(1000);
}

static void *run_once(void *unused)
{
    pthread_once(&once, routine);
    return unused;
}

static void *wait_for_it(void *unused)
{
    atomic_store(&waiter, (int)syscall(SYS_gettid));
    if (is("sem")) {
        sem_wait(&sem);
    } else if (is("barrier")) {
        pthread_barrier_wait(&barrier);
    } else if (is("once")) {
        pthread_once(&once, routine);
    } else {
        pthread_mutex_lock(&mutex);
        while (is("cond") && !told)
            pthread_cond_wait(&cond, &mutex);
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

/* Asleep in five looks that are a millisecond apart: a spin is over by then. */
static void wait_until_asleep(void)
{
    while (!atomic_load(&waiter))
        usleep(1000);
    for (int asleep = 0; asleep < 5;) {
        char path[64], line[512] = "";
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(&waiter));
        FILE *file = fopen(path, "r");
        if (!file || !fgets(line, sizeof line, file))
            return;
        fclose(file);
        asleep = strrchr(line, ')')[2] == 'S' ? asleep + 1 : 0;
        usleep(1000);
    }
}

int main(int count, char **arguments)
{
    pthread_t thread, runner;
    pthread_mutexattr_t attributes;
    object = count > 1 ? arguments[1] : "mutex";
    pthread_mutexattr_init(&attributes);
    if (is("robust"))
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &attributes);
    pthread_barrier_init(&barrier, NULL, 2);
    sem_init(&sem, 0, 0);
    pthread_mutex_lock(&mutex);
    if (is("cond"))
        pthread_mutex_unlock(&mutex);
    if (is("once")) {
        pthread_create(&runner, NULL, run_once, NULL);
        usleep(10000);
    }
    pthread_create(&thread, NULL, wait_for_it, NULL);
    wait_until_asleep();
    if (is("cond")) {
        pthread_mutex_lock(&mutex);
        told = 1;
        pthread_cond_signal(&cond);
    }
    atomic_store(&may_return, 1);
    sem_post(&sem);
    if (is("barrier"))
        pthread_barrier_wait(&barrier);
    pthread_mutex_unlock(&mutex);
    if (is("once"))
        pthread_join(runner, NULL);
    return pthread_join(thread, NULL);
}
