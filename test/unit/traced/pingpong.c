/*
 * Two threads that signal each other on one condition variable after they have unlocked, with work of
 * random length between. Ends when all rounds are done; a lost signal stops both for ever.
 */
#include <pthread.h>
#include <stddef.h>

enum { ROUNDS = 3000 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;

static void *play(void *second)
{
    int me = second != NULL;
    unsigned random = 12345 + me;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_mutex_lock(&mutex);
        while (turn != me)
            pthread_cond_wait(&cond, &mutex);
        turn = !me;
        pthread_mutex_unlock(&mutex);
        pthread_cond_signal(&cond);
        random = random * 1664525 + 1013904223;
        for (volatile unsigned i = (random >> 16) % 3000; i > 0; i--)
            ;
    }
    return NULL;
}

int main(void)
{
    pthread_t other;
    if (pthread_create(&other, NULL, play, &mutex))
        return 1;
    play(NULL);
    return pthread_join(other, NULL);
}
