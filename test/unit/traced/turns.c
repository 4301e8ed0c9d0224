/* Two semaphores, or conditions, on which somebody has slept, are posted to in turn a thousand times. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

enum { TIMES = 1000 };

static const struct timespec long_ago = {.tv_sec = 1};

static int post_in_turn(void)
{
    static sem_t sems[2];
    for (int i = 0; i < 2; i++)
        if (sem_init(&sems[i], 0, 0) != 0 || sem_timedwait(&sems[i], &long_ago) == 0)
            return 1;
    for (int i = 0; i < TIMES; i++)
        if (sem_post(&sems[i % 2]) != 0 || sem_wait(&sems[i % 2]) != 0)
            return 1;
    return 0;
}

static int signal_in_turn(void)
{
    static pthread_cond_t conds[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < 2; i++)
        if (pthread_cond_timedwait(&conds[i], &mutex, &long_ago) != ETIMEDOUT)
            return 1;
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < TIMES; i++)
        if (pthread_cond_signal(&conds[i % 2]) != 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "sem") == 0 ? post_in_turn() : signal_in_turn();
}
