/* Lengths of time on arch_ticks' clock, whose speed differs from machine to machine. */
#ifndef FURWOCK_TICKS_H
#define FURWOCK_TICKS_H

#include <arch_atomic.h>
#include <stdint.h>

/* Ticks in 2^20 nanoseconds. Written while the library is loaded, and never again. */
extern uint32_t ticks_rate __attribute__((visibility("hidden")));

static inline uint64_t ticks_in(uint64_t nanoseconds)
{
    return nanoseconds * ticks_rate >> 20;
}

/* Find the rate out, where the architecture does not know it. While the library is loaded. */
void ticks_start(void);

#endif
