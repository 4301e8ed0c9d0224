/* Threads, and nothing else by name. */
#include <pthread.h>

static void *routine(void *argument)
{
    return argument;
}

int main(void)
{
    int value;
    void *result;
    pthread_t thread;
    if (pthread_create(&thread, NULL, routine, &value) || pthread_join(thread, &result))
        return 1;
    return result != &value;
}
