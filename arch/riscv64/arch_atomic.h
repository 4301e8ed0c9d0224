/*
 * Atomic operations, RISC-V with 64 bits. arch/README.md has the contract of each; loads, stores and
 * fences are generic's.
 */
#ifndef FURWOCK_RISCV64_ATOMIC_H
#define FURWOCK_RISCV64_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

/* W: w for 32 bits, which a load extends by their sign, d for 64. *old becomes what was found. */
#define ARCH_CAS(p, old, new, W, SIGNED)                                                           \
    long expected = (SIGNED) * (old), found, failed;                                               \
    __asm__ volatile("1:\tlr." W ".aqrl %0, %1\n\t"                                                \
                     "bne %0, %3, 2f\n\t"                                                          \
                     "sc." W ".rl %2, %4, %1\n\t"                                                  \
                     "bnez %2, 1b\n"                                                               \
                     "2:"                                                                          \
                     : "=&r"(found), "+A"(*(p)), "=&r"(failed)                                     \
                     : "r"(expected), "r"(new)                                                     \
                     : "memory");                                                                  \
    *(old) = found;                                                                                \
    return found == expected

#define arch_cas_fetch arch_cas_fetch
static inline bool arch_cas_fetch(uint32_t *p, uint32_t *old, uint32_t new)
{
    ARCH_CAS(p, old, new, "w", int32_t);
}

#define arch_cas64_fetch arch_cas64_fetch
static inline bool arch_cas64_fetch(uint64_t *p, uint64_t *old, uint64_t new)
{
    ARCH_CAS(p, old, new, "d", int64_t);
}

#define ARCH_FETCH(p, v, INSTRUCTION)                                                              \
    __typeof__(*(p)) found;                                                                        \
    __asm__ volatile(INSTRUCTION ".aqrl %0, %2, %1"                                                \
                     : "=r"(found), "+A"(*(p))                                                     \
                     : "r"(v)                                                                      \
                     : "memory");                                                                  \
    return found

#define arch_exchange arch_exchange
static inline uint32_t arch_exchange(uint32_t *p, uint32_t v)
{
    ARCH_FETCH(p, v, "amoswap.w");
}

#define arch_exchange64 arch_exchange64
static inline uint64_t arch_exchange64(uint64_t *p, uint64_t v)
{
    ARCH_FETCH(p, v, "amoswap.d");
}

#define arch_fetch_add arch_fetch_add
static inline uint32_t arch_fetch_add(uint32_t *p, uint32_t v)
{
    ARCH_FETCH(p, v, "amoadd.w");
}

#define arch_fetch_add64 arch_fetch_add64
static inline uint64_t arch_fetch_add64(uint64_t *p, uint64_t v)
{
    ARCH_FETCH(p, v, "amoadd.d");
}

/* pause, which is a hint in the encoding of a fence of nothing: assemblers need not know it. */
#define arch_pause arch_pause
static inline void arch_pause(void)
{
    __asm__ volatile(".4byte 0x0100000f" ::: "memory");
}

/* The timer runs at 1 MHz on some machines, and at 1 GHz on others. */
#define ARCH_TICKS_RATE (1u << 20)
#define ARCH_TICKS_MEASURED true
#define arch_ticks arch_ticks
static inline uint64_t arch_ticks(void)
{
    uint64_t now;
    __asm__ volatile("rdtime %0" : "=r"(now) : : "memory");
    return now;
}

#include "../generic/arch_atomic.h"

#endif
