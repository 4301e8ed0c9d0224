/* A thread with a name waits below its start routine; then main calls reached(). */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, never = PTHREAD_COND_INITIALIZER;
static bool waits;

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

int main(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, start_routine, NULL) != 0 ||
        pthread_setname_np(thread, "the-stuck-one") != 0)
        abort();
    pthread_mutex_lock(&mutex);
    while (!waits)
        pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    reached();
    return 0;
}
