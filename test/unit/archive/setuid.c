/* setuid() reaches every thread; it has to make each do it, and to wait for each. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 8, USER = 12345 };
static sem_t born, changed;

static void *routine(void *unused)
{
    (void)unused;
    sem_post(&born);
    sem_wait(&changed);
    return (void *)syscall(SYS_geteuid);
}

int main(void)
{
    if (getuid() != 0)
        return 0;
    pthread_t threads[THREADS];
    sem_init(&born, 0, 0);
    sem_init(&changed, 0, 0);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, routine, NULL))
            return 1;
    for (int i = 0; i < THREADS; i++)
        sem_wait(&born);
    if (setuid(USER) != 0)
        return 2;
    for (int i = 0; i < THREADS; i++)
        sem_post(&changed);
    for (int i = 0; i < THREADS; i++) {
        void *user;
        pthread_join(threads[i], &user);
        if ((long)user != USER)
            return 3;
    }
    return 0;
}
