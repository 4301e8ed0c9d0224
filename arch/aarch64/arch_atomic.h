/*
 * Atomic operations, AArch64. arch/README.md has the contract of each; loads, stores and fences are
 * generic's.
 *
 * A read-modify-write is one instruction where the processor has the Large System Extensions (LSE,
 * of ARMv8.1), and a loop of exclusive accesses elsewhere. Which is asked once, while the library is
 * loaded: until then it is the loop, which every processor has.
 */
#ifndef FURWOCK_AARCH64_ATOMIC_H
#define FURWOCK_AARCH64_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __ARM_FEATURE_ATOMICS
#define ARCH_LSE true
#else
extern bool arch_lse __attribute__((visibility("hidden")));
#define ARCH_LSE __builtin_expect(arch_lse, 1)
#define ARCH_STARTS
#endif

/* W: w for a register's 32 bits, x for its 64. *old becomes what was found. */
#define ARCH_CAS(p, old, new, W)                                                                   \
    __typeof__(*(p)) expected = *(old), found = expected;                                          \
    uint32_t failed;                                                                               \
    if (ARCH_LSE)                                                                                  \
        __asm__ volatile(".arch_extension lse\n\t"                                                 \
                         "casal %" W "0, %" W "2, %1"                                              \
                         : "+r"(found), "+Q"(*(p))                                                 \
                         : "r"(new)                                                                \
                         : "memory");                                                              \
    else                                                                                           \
        __asm__ volatile("1:\tldaxr %" W "0, %1\n\t"                                               \
                         "cmp %" W "0, %" W "3\n\t"                                                \
                         "b.ne 2f\n\t"                                                             \
                         "stlxr %w2, %" W "4, %1\n\t"                                              \
                         "cbnz %w2, 1b\n"                                                          \
                         "2:"                                                                      \
                         : "=&r"(found), "+Q"(*(p)), "=&r"(failed)                                 \
                         : "r"(expected), "r"(new)                                                 \
                         : "memory", "cc");                                                        \
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
    ARCH_CAS(p, old, new, "x");
}

/*
 * What was there before. LSE is the one instruction, on registers 0 (found) and 2 (v); CHANGE makes 3
 * of 0 and 4 (v).
 */
#define ARCH_FETCH(p, v, W, LSE, CHANGE)                                                           \
    __typeof__(*(p)) found, next;                                                                  \
    uint32_t failed;                                                                               \
    if (ARCH_LSE)                                                                                  \
        __asm__ volatile(".arch_extension lse\n\t" LSE " %" W "2, %" W "0, %1"                     \
                         : "=r"(found), "+Q"(*(p))                                                 \
                         : "r"(v)                                                                  \
                         : "memory");                                                              \
    else                                                                                           \
        __asm__ volatile("1:\tldaxr %" W "0, %1\n\t" CHANGE "\n\t"                                 \
                         "stlxr %w2, %" W "3, %1\n\t"                                              \
                         "cbnz %w2, 1b"                                                            \
                         : "=&r"(found), "+Q"(*(p)), "=&r"(failed), "=&r"(next)                    \
                         : "r"(v)                                                                  \
                         : "memory");                                                              \
    return found

#define arch_exchange arch_exchange
static inline uint32_t arch_exchange(uint32_t *p, uint32_t v)
{
    ARCH_FETCH(p, v, "w", "swpal", "mov %w3, %w4");
}

#define arch_exchange64 arch_exchange64
static inline uint64_t arch_exchange64(uint64_t *p, uint64_t v)
{
    ARCH_FETCH(p, v, "x", "swpal", "mov %x3, %x4");
}

#define arch_fetch_add arch_fetch_add
static inline uint32_t arch_fetch_add(uint32_t *p, uint32_t v)
{
    ARCH_FETCH(p, v, "w", "ldaddal", "add %w3, %w0, %w4");
}

#define arch_fetch_add64 arch_fetch_add64
static inline uint64_t arch_fetch_add64(uint64_t *p, uint64_t v)
{
    ARCH_FETCH(p, v, "x", "ldaddal", "add %x3, %x0, %x4");
}

/* yield does nothing on most processors; isb waits for some tens of cycles. */
#define arch_pause arch_pause
static inline void arch_pause(void)
{
    __asm__ volatile("isb" ::: "memory");
}

/* The counter of the system runs at 24 MHz to 1 GHz; its rate is measured as the others' are. */
#define ARCH_TICKS_RATE (1u << 20)
#define ARCH_TICKS_MEASURED true
#define arch_ticks arch_ticks
static inline uint64_t arch_ticks(void)
{
    uint64_t now;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now) : : "memory");
    return now;
}

#include "../generic/arch_atomic.h"

#endif
