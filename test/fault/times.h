/* Times in milliseconds. */
#ifndef FAULT_TIMES_H
#define FAULT_TIMES_H

#include <time.h>

static inline void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* The time on `clock` that many from now. */
static inline struct timespec in(clockid_t clock, long ms)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_sec += (time.tv_nsec + ms * 1000000) / 1000000000;
    time.tv_nsec = (time.tv_nsec + ms * 1000000) % 1000000000;
    return time;
}

#endif
