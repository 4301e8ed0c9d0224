/* Three threads meet at a barrier a thousand times. */
#include <pthread.h>
#include <stddef.h>

enum { THREADS = 3, ROUNDS = 1000 };

static pthread_barrier_t barrier;

static void *meet(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++)
        pthread_barrier_wait(&barrier);
    return NULL;
}

int main(void)
{
    pthread_t thread[THREADS];
    if (pthread_barrier_init(&barrier, NULL, THREADS) != 0)
        return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, meet, NULL) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    return 0;
}
