/*
 * One creation and one join, between two marks in the trace; the stack is in the cache by then. The
 * thread ends after its creation has, as it would but for the tracer.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int created;

static void *routine(void *round)
{
    while (atomic_load(&created) != *(int *)round)
        ;
    return NULL;
}

static int create_and_join(int round)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, routine, &round))
        return 1;
    atomic_store(&created, round);
    return pthread_join(thread, NULL);
}

int main(void)
{
    if (create_and_join(1))
        return 1;
    if (write(-1, "begin", 5) != -1 || create_and_join(2) || write(-1, "end", 3) != -1)
        return 2;
    return 0;
}
