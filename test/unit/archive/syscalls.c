/* One creation and one join, between two marks in the trace; the stack is in the cache by then. */
#include <pthread.h>
#include <unistd.h>

static void *routine(void *argument)
{
    return argument;
}

static int create_and_join(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, routine, NULL) || pthread_join(thread, NULL);
}

int main(void)
{
    if (create_and_join())
        return 1;
    if (write(-1, "begin", 5) != -1 || create_and_join() || write(-1, "end", 3) != -1)
        return 2;
    return 0;
}
