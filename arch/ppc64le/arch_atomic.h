/*
 * Atomic operations, 64-bit PowerPC. arch/README.md has the contract of each; loads, stores and fences
 * are generic's.
 *
 * lwsync orders everything but a store before a load, and so does isync after the branch of a
 * reservation: where a store has to be seen before a load, the caller asks for it (arch_fence,
 * arch_fence_after_rmw), and gets a sync.
 */
#ifndef FURWOCK_PPC64LE_ATOMIC_H
#define FURWOCK_PPC64LE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

/* W: w for 32 bits, d for 64. *old becomes what was found. */
#define ARCH_CAS(p, old, new, W)                                                                   \
    __typeof__(*(p)) expected = *(old), found;                                                     \
    __asm__ volatile("lwsync\n"                                                                    \
                     "1:\tl" W "arx %0, %y1\n\t"                                                   \
                     "cmp" W " %0, %2\n\t"                                                         \
                     "bne- 2f\n\t"                                                                 \
                     "st" W "cx. %3, %y1\n\t"                                                      \
                     "bne- 1b\n"                                                                   \
                     "2:\tisync"                                                                   \
                     : "=&r"(found), "+Z"(*(p))                                                    \
                     : "r"(expected), "r"(new)                                                     \
                     : "memory", "cc");                                                            \
    *(old) = found;                                                                                \
    return found == expected

#define arch_cas_fetch arch_cas_fetch
static inline bool arch_cas_fetch(uint32_t *p, uint32_t *old, uint32_t new)
{
    ARCH_CAS(p, old, new, "w");
}

#define arch_cas64_fetch arch_cas64_fetch
static inline bool arch_cas64_fetch(uint64_t *p, uint64_t *old, uint64_t new)
{
    ARCH_CAS(p, old, new, "d");
}

/* What was there before. CHANGE makes register 2 of 0, which was found, and 3, which is v. */
#define ARCH_FETCH(p, v, W, CHANGE)                                                                \
    __typeof__(*(p)) found, next;                                                                  \
    __asm__ volatile("lwsync\n"                                                                    \
                     "1:\tl" W "arx %0, %y1\n\t" CHANGE "\n\t"                                     \
                     "st" W "cx. %2, %y1\n\t"                                                      \
                     "bne- 1b\n\t"                                                                 \
                     "isync"                                                                       \
                     : "=&r"(found), "+Z"(*(p)), "=&r"(next)                                       \
                     : "r"(v)                                                                      \
                     : "memory", "cc");                                                            \
    return found

#define arch_exchange arch_exchange
static inline uint32_t arch_exchange(uint32_t *p, uint32_t v)
{
    ARCH_FETCH(p, v, "w", "mr %2, %3");
}

#define arch_exchange64 arch_exchange64
static inline uint64_t arch_exchange64(uint64_t *p, uint64_t v)
{
    ARCH_FETCH(p, v, "d", "mr %2, %3");
}

#define arch_fetch_add arch_fetch_add
static inline uint32_t arch_fetch_add(uint32_t *p, uint32_t v)
{
    ARCH_FETCH(p, v, "w", "add %2, %0, %3");
}

#define arch_fetch_add64 arch_fetch_add64
static inline uint64_t arch_fetch_add64(uint64_t *p, uint64_t v)
{
    ARCH_FETCH(p, v, "d", "add %2, %0, %3");
}

/* The thread's priority is low for a moment, so that others of the same core get on. */
#define arch_pause arch_pause
static inline void arch_pause(void)
{
    __asm__ volatile("or 1, 1, 1\n\tor 2, 2, 2" ::: "memory");
}

/* The time base runs at 512 MHz on all of IBM's, and at other rates in emulators. */
#define ARCH_TICKS_RATE (1u << 19)
#define ARCH_TICKS_MEASURED true
#define arch_ticks arch_ticks
static inline uint64_t arch_ticks(void)
{
    uint64_t now;
    __asm__ volatile("mfspr %0, 268" : "=r"(now) : : "memory");
    return now;
}

#include "../generic/arch_atomic.h"

#endif
