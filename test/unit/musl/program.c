/*
 * Run by musl.sh as a dynamic musl program with the library preloaded: one line of "ok - ..." or
 * "not ok - ..." a property.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

extern const char *furwock_version(void) __attribute__((weak));

static void property(int holds, const char *name)
{
    printf("%s - %s\n", holds ? "ok" : "not ok", name);
}

static void wait_until_asleep(pid_t tid)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
    do {
        FILE *file = fopen(path, "r");
        if (!file || !fgets(line, sizeof line, file))
            abort();
        fclose(file);
    } while (strrchr(line, ')')[2] != 'S');
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, checked;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem, started;
static int counter, turn;
static pid_t sleeper;

static void *count(void *unused)
{
    for (int i = 0; i < 100000; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

static void *ping(void *me)
{
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < 10000; i++) {
        while (turn != (int)(intptr_t)me)
            pthread_cond_wait(&cond, &mutex);
        turn = !turn;
        pthread_cond_broadcast(&cond);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static int unlocked = -1, aligned;

static void clean_up(void *unused)
{
    (void)unused;
    aligned = (uintptr_t)__builtin_frame_address(0) % 16 == 0;
    unlocked = pthread_mutex_unlock(&checked);
}

static void *wait_for_cond(void *unused)
{
    pthread_mutex_lock(&checked);
    pthread_cleanup_push(clean_up, NULL);
    sleeper = syscall(SYS_gettid);
    sem_post(&started);
    for (;;)
        pthread_cond_wait(&cond, &checked);
    pthread_cleanup_pop(1);
    return unused;
}

static void *wait_for_sem(void *unused)
{
    sleeper = syscall(SYS_gettid);
    sem_post(&started);
    sem_wait(&sem);
    return unused;
}

static int cancelled_in(void *(*body)(void *))
{
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, body, NULL);
    sem_wait(&started);
    wait_until_asleep(sleeper);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    return result == PTHREAD_CANCELED;
}

static int destroyed;
static pthread_key_t key;

static void destroy(void *value)
{
    destroyed += (int)(intptr_t)value;
}

static void *set_key(void *value)
{
    pthread_setspecific(key, value);
    return NULL;
}

static void *lock_robust(void *robust)
{
    return (void *)(intptr_t)pthread_mutex_lock(robust);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int runs;

static void routine(void)
{
    if (runs++ == 0) {
        sleeper = syscall(SYS_gettid);
        sem_post(&started);
        for (;;)
            pause();
    }
}

static void *run_once(void *unused)
{
    pthread_once(&once, routine);
    return unused;
}

int main(void)
{
    pthread_t a, b;
    property(furwock_version != NULL, "the library is there");
    sem_init(&sem, 0, 0);
    sem_init(&started, 0, 0);

    pthread_create(&a, NULL, count, NULL);
    pthread_create(&b, NULL, count, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    property(counter == 200000, "a mutex excludes");

    pthread_create(&a, NULL, ping, (void *)0);
    pthread_create(&b, NULL, ping, (void *)1);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    property(turn == 0, "a condition variable hands over");

    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checked, &attributes);
    property(cancelled_in(wait_for_cond), "a condition wait can be cancelled");
    property(unlocked == 0, "with the mutex locked in the cleanup handler");
    property(aligned, "and the stack aligned");
    property(cancelled_in(wait_for_sem), "a semaphore wait can be cancelled");

    pthread_key_create(&key, destroy);
    pthread_create(&a, NULL, set_key, (void *)1);
    pthread_join(a, NULL);
    pthread_create(&a, NULL, set_key, (void *)2);
    pthread_join(a, NULL);
    property(destroyed == 3, "destructors of keys run when threads end");

    static pthread_mutex_t robust;
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attributes);
    pthread_create(&a, NULL, lock_robust, &robust);
    pthread_join(a, NULL);
    property(pthread_mutex_lock(&robust) == EOWNERDEAD, "a robust mutex outlives its owner");
    pthread_mutex_consistent(&robust);
    pthread_mutex_unlock(&robust);
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_create(&a, &detached, lock_robust, &robust);
    int error;
    do
        error = pthread_mutex_trylock(&robust);
    while (error != EOWNERDEAD && (error != 0 || pthread_mutex_unlock(&robust) == 0));
    property(error == EOWNERDEAD, "and a detached one");

    pthread_create(&a, NULL, run_once, NULL);
    sem_wait(&started);
    wait_until_asleep(sleeper);
    pthread_cancel(a);
    pthread_join(a, NULL);
    pthread_once(&once, routine);
    pthread_once(&once, routine);
    property(runs == 2, "a cancelled once routine is run again, once");

    pid_t child = fork();
    if (child == 0)
        _exit(pthread_mutex_lock(&mutex) || pthread_mutex_unlock(&mutex) || runs != 2);
    int status;
    property(waitpid(child, &status, 0) == child && status == 0, "a child can go on");
    return 0;
}
