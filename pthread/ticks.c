/* How fast arch_ticks' clock goes: ticks.h has the contract. */
#include "ticks.h"
#include "compiler.h"

#include <arch_syscall.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>

/* What is right within a factor of two, where it can be neither known nor measured. */
uint32_t ticks_rate = ARCH_TICKS_RATE;

/* Both clocks at once, as far as that can be had: `doubt` is how long the look took. */
struct look {
    uint64_t nanoseconds, ticks, doubt;
};

static bool look(struct look *look)
{
    struct timespec now;
    uint64_t before = arch_ticks();
    if (arch_syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0) != 0)
        return false;
    look->doubt = arch_ticks() - before;
    look->ticks = before + look->doubt / 2;
    look->nanoseconds = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    return true;
}

/*
 * Ten microseconds tell the rate within an eighth, and mostly a hundredth, unless the thread lost its
 * processor within a look: then the look took long.
 */
enum { LONG_ENOUGH = 10 * 1000, TRIES = 3, CLEAR = 4 };

static uint64_t measure(void)
{
    struct look first, last;
    if (!look(&first))
        return 0;
    do
        if (!look(&last))
            return 0;
    while (last.nanoseconds - first.nanoseconds < LONG_ENOUGH);
    uint64_t ticks = last.ticks - first.ticks;
    bool clear = first.doubt + last.doubt < ticks / CLEAR && last.nanoseconds > first.nanoseconds;
    return clear ? (ticks << 20) / (last.nanoseconds - first.nanoseconds) : 0;
}

void ticks_start(void)
{
    uint64_t rate = 0;
    for (int i = 0; ARCH_TICKS_MEASURED && rate == 0 && i < TRIES; i++)
        rate = measure();
    if (rate > 0 && rate <= UINT32_MAX)
        ticks_rate = rate;
}
