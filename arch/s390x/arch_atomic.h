/*
 * Atomic operations, z/Architecture. arch/README.md has the contract of each. Stores are seen in order,
 * and loads done in order. Compare and swap is a full fence; additions, which the compiler makes of other
 * instructions, are none, so the fences are generic's.
 */
#ifndef FURWOCK_S390X_ATOMIC_H
#define FURWOCK_S390X_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define ARCH_CAS(p, old, new, INSTRUCTION)                                                         \
    __typeof__(*(p)) expected = *(old);                                                            \
    __asm__ volatile(INSTRUCTION " %0, %2, %1"                                                     \
                     : "+d"(*(old)), "+Q"(*(p))                                                    \
                     : "d"(new)                                                                    \
                     : "memory", "cc");                                                            \
    return *(old) == expected

#define arch_cas_fetch arch_cas_fetch
static inline bool arch_cas_fetch(uint32_t *p, uint32_t *old, uint32_t new)
{
    ARCH_CAS(p, old, new, "cs");
}

#define arch_cas64_fetch arch_cas64_fetch
static inline bool arch_cas64_fetch(uint64_t *p, uint64_t *old, uint64_t new)
{
    ARCH_CAS(p, old, new, "csg");
}

/* The clock of the day, fast: 4096 in a microsecond on every machine. */
#define ARCH_TICKS_RATE 4294967u
#define ARCH_TICKS_MEASURED false
#define arch_ticks arch_ticks
static inline uint64_t arch_ticks(void)
{
    uint64_t now;
    __asm__ volatile("stckf %0" : "=Q"(now) : : "memory", "cc");
    return now;
}

#include "../generic/arch_atomic.h"

#endif
