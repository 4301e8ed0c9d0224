/*
 * Waits of a fifth of a second on either clock, the second of libfaketime's time. Exit status 0 if each
 * ended by its deadline; what is not faked right does not end.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

static struct timespec soon(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_nsec += 200 * 1000 * 1000;
    if (time.tv_nsec >= 1000 * 1000 * 1000) {
        time.tv_nsec -= 1000 * 1000 * 1000;
        time.tv_sec++;
    }
    return time;
}

static int wait_on(clockid_t clock)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_condattr_t attributes;
    pthread_cond_t cond;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, clock);
    pthread_cond_init(&cond, &attributes);
    pthread_mutex_lock(&mutex);
    struct timespec time = soon(clock);
    int error = pthread_cond_timedwait(&cond, &mutex, &time);
    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&cond);
    return error;
}

int main(void)
{
    time_t now = time(NULL);
    sem_t sem;
    sem_init(&sem, 0, 0);
    printf("the year is %d\n", gmtime(&now)->tm_year + 1900);
    if (wait_on(CLOCK_REALTIME) != ETIMEDOUT || wait_on(CLOCK_MONOTONIC) != ETIMEDOUT)
        return 1;
    struct timespec time = soon(CLOCK_REALTIME);
    return sem_timedwait(&sem, &time) == 0 || errno != ETIMEDOUT;
}
