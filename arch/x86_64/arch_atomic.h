/*
 * Atomic operations, x86-64.
 *
 * arch/README.md has the contract of each. A load is an acquire and a store a release for free on this
 * machine: they are generic's. The read-modify-write operations are full fences.
 */
#ifndef FURWOCK_X86_64_ATOMIC_H
#define FURWOCK_X86_64_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define arch_cas_fetch arch_cas_fetch
static inline bool arch_cas_fetch(uint32_t *p, uint32_t *old, uint32_t new)
{
    bool done;
    __asm__ volatile("lock cmpxchgl %3, %1"
                     : "=@ccz"(done), "+m"(*p), "+a"(*old)
                     : "r"(new)
                     : "memory");
    return done;
}

#define arch_cas64_fetch arch_cas64_fetch
static inline bool arch_cas64_fetch(uint64_t *p, uint64_t *old, uint64_t new)
{
    bool done;
    __asm__ volatile("lock cmpxchgq %3, %1"
                     : "=@ccz"(done), "+m"(*p), "+a"(*old)
                     : "r"(new)
                     : "memory");
    return done;
}

/* Whole to the thread's signal handlers without a lock on the bus: a third of the cost. */
#define arch_cas_alone arch_cas_alone
static inline bool arch_cas_alone(uint32_t *p, uint32_t old, uint32_t new)
{
    bool done;
    __asm__ volatile("cmpxchgl %3, %1" : "=@ccz"(done), "+m"(*p), "+a"(old) : "r"(new) : "memory");
    return done;
}

#define arch_cas64_alone arch_cas64_alone
static inline bool arch_cas64_alone(uint64_t *p, uint64_t old, uint64_t new)
{
    bool done;
    __asm__ volatile("cmpxchgq %3, %1" : "=@ccz"(done), "+m"(*p), "+a"(old) : "r"(new) : "memory");
    return done;
}

#define arch_exchange arch_exchange
static inline uint32_t arch_exchange(uint32_t *p, uint32_t v)
{
    __asm__ volatile("xchgl %0, %1" : "+r"(v), "+m"(*p) : : "memory");
    return v;
}

#define arch_exchange64 arch_exchange64
static inline uint64_t arch_exchange64(uint64_t *p, uint64_t v)
{
    __asm__ volatile("xchgq %0, %1" : "+r"(v), "+m"(*p) : : "memory");
    return v;
}

#define arch_fetch_add arch_fetch_add
static inline uint32_t arch_fetch_add(uint32_t *p, uint32_t v)
{
    __asm__ volatile("lock xaddl %0, %1" : "+r"(v), "+m"(*p) : : "memory");
    return v;
}

#define arch_fetch_add64 arch_fetch_add64
static inline uint64_t arch_fetch_add64(uint64_t *p, uint64_t v)
{
    __asm__ volatile("lock xaddq %0, %1" : "+r"(v), "+m"(*p) : : "memory");
    return v;
}

#define arch_fence arch_fence
static inline void arch_fence(void)
{
    __asm__ volatile("lock orl $0, (%%rsp)" : : : "memory", "cc");
}

#define arch_fence_after_rmw arch_fence_after_rmw
static inline void arch_fence_after_rmw(void)
{
    __asm__ volatile("" ::: "memory");
}

#define arch_pause arch_pause
static inline void arch_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

/*
 * A clock that is cheap to read. Its rate, the ticks in 2^20 nanoseconds, is another on each machine: a
 * guess, to be measured.
 */
#define ARCH_TICKS_RATE (2500u << 10)
#define ARCH_TICKS_MEASURED true
#define arch_ticks arch_ticks
static inline uint64_t arch_ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

#include "../generic/arch_atomic.h"

#endif
