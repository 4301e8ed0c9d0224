/*
 * A thread with a name waits for a condition below its start routine, and another one sleeps for a
 * mutex that main holds; then main calls reached().
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, never = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static bool waits;
static long locker;

__attribute__((noinline)) void reached(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void stand_still(void)
{
    pthread_mutex_lock(&mutex);
    waits = true;
    pthread_cond_signal(&cond);
    for (;;)
        pthread_cond_wait(&never, &mutex);
}

static void *start_routine(void *unused)
{
    stand_still();
    return unused;
}

__attribute__((noinline)) void lock_still(void)
{
    __atomic_store_n(&locker, syscall(SYS_gettid), __ATOMIC_RELEASE);
    pthread_mutex_lock(&held);
    abort();
}

static void *lock_routine(void *unused)
{
    lock_still();
    return unused;
}

static bool sleeps(long tid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof line, file))
        abort();
    fclose(file);
    return strstr(line, ") S ") != NULL;
}

int main(void)
{
    pthread_t thread, other;
    if (pthread_create(&thread, NULL, start_routine, NULL) != 0 ||
        pthread_setname_np(thread, "the-stuck-one") != 0)
        abort();
    pthread_mutex_lock(&mutex);
    while (!waits)
        pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_lock(&held);
    if (pthread_create(&other, NULL, lock_routine, NULL) != 0)
        abort();
    long tid;
    while ((tid = __atomic_load_n(&locker, __ATOMIC_ACQUIRE)) == 0 || !sleeps(tid))
        sched_yield();
    reached();
    return 0;
}
