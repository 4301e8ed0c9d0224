/* Whose mutexes a shared object has. */
#include <pthread.h>

__attribute__((visibility("default"))) void *plugin_lock(void)
{
    return (void *)pthread_mutex_lock;
}
