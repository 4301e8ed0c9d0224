/* The library has found out how fast the processor's clock goes: within a seventh of what is seen here. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* of the library's own; where the clock is the kernel's it counts nanoseconds */
extern uint32_t ticks_rate __attribute__((visibility("hidden")));

static uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t ticks(void)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return nanoseconds();
#endif
}

int main(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    uint64_t since = nanoseconds(), first = ticks(), now;
    do
        now = nanoseconds();
    while (now - since < 20 * 1000 * 1000);
    double seen = (double)(ticks() - first) / (now - since), found = ticks_rate / 1048576.0;
    printf("%.3f ticks a nanosecond, and the library has found %.3f\n", seen, found);
    return found == 1 || (found > seen * 6 / 7 && found < seen * 8 / 7) ? 0 : 1;
}
