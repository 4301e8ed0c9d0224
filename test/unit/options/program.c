/* Is this a program that runs with more rights than its caller? Exit status 0 if it is. */
#include <elf.h>
#include <pthread.h>
#include <sys/auxv.h>

int main(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    return pthread_mutex_lock(&mutex) || !getauxval(AT_SECURE);
}
