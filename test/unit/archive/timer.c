/* A timer whose expiry runs a function in a thread that libc makes. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

static sem_t expired;
static pthread_key_t key;

/* That each expiry is waited for says that the destructor runs. */
static void destroy(void *value)
{
    sem_post(value);
}

static void on_expiry(union sigval value)
{
    pthread_setspecific(key, value.sival_ptr);
    if (value.sival_ptr == &expired)
        pthread_exit(NULL);
}

int main(void)
{
    sem_init(&expired, 0, 0);
    if (pthread_key_create(&key, destroy))
        return 1;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD,
                             .sigev_notify_function = on_expiry,
                             .sigev_value.sival_ptr = &expired};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer))
        return 2;
    struct itimerspec soon = {.it_value.tv_nsec = 1000000, .it_interval.tv_nsec = 1000000};
    if (timer_settime(timer, 0, &soon, NULL))
        return 3;
    for (int i = 0; i < 3; i++)
        sem_wait(&expired);
    timer_delete(timer);
    return 0;
}
