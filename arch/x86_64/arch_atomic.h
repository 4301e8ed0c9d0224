/*
 * Atomic operations, x86-64.
 *
 * Every access to memory that threads share goes through these, so that test/model can put its own
 * in their place. A load is an acquire and a store a release for free on this machine; the
 * read-modify-write operations are full fences. The names say which order the caller relies on.
 */
#ifndef FURWOCK_ARCH_ATOMIC_H
#define FURWOCK_ARCH_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

static inline uint32_t arch_load_relaxed(const uint32_t *p)
{
    return *(const volatile uint32_t *)p;
}

static inline uint32_t arch_load_acquire(const uint32_t *p)
{
    uint32_t v = *(const volatile uint32_t *)p;
    __asm__ volatile("" ::: "memory");
    return v;
}

static inline void arch_store_relaxed(uint32_t *p, uint32_t v)
{
    *(volatile uint32_t *)p = v;
}

static inline void arch_store_release(uint32_t *p, uint32_t v)
{
    __asm__ volatile("" ::: "memory");
    *(volatile uint32_t *)p = v;
}

static inline uint64_t arch_load64_relaxed(const uint64_t *p)
{
    return *(const volatile uint64_t *)p;
}

static inline uint64_t arch_load64_acquire(const uint64_t *p)
{
    uint64_t v = *(const volatile uint64_t *)p;
    __asm__ volatile("" ::: "memory");
    return v;
}

static inline void arch_store64_relaxed(uint64_t *p, uint64_t v)
{
    *(volatile uint64_t *)p = v;
}

static inline void arch_store64_release(uint64_t *p, uint64_t v)
{
    __asm__ volatile("" ::: "memory");
    *(volatile uint64_t *)p = v;
}

static inline void *arch_load_pointer(void *const *p)
{
    void *v = *(void *const volatile *)p;
    __asm__ volatile("" ::: "memory");
    return v;
}

static inline void arch_store_pointer(void **p, void *v)
{
    __asm__ volatile("" ::: "memory");
    *(void *volatile *)p = v;
}

/* Compare and swap: store `new` if *p is `old`. True if it was; acquire and release. */
static inline bool arch_cas(uint32_t *p, uint32_t old, uint32_t new)
{
    bool done;
    __asm__ volatile("lock cmpxchgl %3, %1"
                     : "=@ccz"(done), "+m"(*p), "+a"(old)
                     : "r"(new)
                     : "memory");
    return done;
}

/* The same, but *old becomes what was found. */
static inline bool arch_cas_fetch(uint32_t *p, uint32_t *old, uint32_t new)
{
    bool done;
    __asm__ volatile("lock cmpxchgl %3, %1"
                     : "=@ccz"(done), "+m"(*p), "+a"(*old)
                     : "r"(new)
                     : "memory");
    return done;
}

static inline bool arch_cas64_fetch(uint64_t *p, uint64_t *old, uint64_t new)
{
    bool done;
    __asm__ volatile("lock cmpxchgq %3, %1"
                     : "=@ccz"(done), "+m"(*p), "+a"(*old)
                     : "r"(new)
                     : "memory");
    return done;
}

/*
 * Compare and swap for what no other thread writes meanwhile: whole to this thread's signal handlers,
 * but not to other threads; a release. Costs a third of arch_cas.
 */
static inline bool arch_cas_alone(uint32_t *p, uint32_t old, uint32_t new)
{
    bool done;
    __asm__ volatile("cmpxchgl %3, %1" : "=@ccz"(done), "+m"(*p), "+a"(old) : "r"(new) : "memory");
    return done;
}

static inline bool arch_cas64_alone(uint64_t *p, uint64_t old, uint64_t new)
{
    bool done;
    __asm__ volatile("cmpxchgq %3, %1" : "=@ccz"(done), "+m"(*p), "+a"(old) : "r"(new) : "memory");
    return done;
}

static inline uint32_t arch_exchange(uint32_t *p, uint32_t v)
{
    __asm__ volatile("xchgl %0, %1" : "+r"(v), "+m"(*p) : : "memory");
    return v;
}

static inline uint64_t arch_exchange64(uint64_t *p, uint64_t v)
{
    __asm__ volatile("xchgq %0, %1" : "+r"(v), "+m"(*p) : : "memory");
    return v;
}

static inline uint32_t arch_fetch_add(uint32_t *p, uint32_t v)
{
    __asm__ volatile("lock xaddl %0, %1" : "+r"(v), "+m"(*p) : : "memory");
    return v;
}

static inline uint64_t arch_fetch_add64(uint64_t *p, uint64_t v)
{
    __asm__ volatile("lock xaddq %0, %1" : "+r"(v), "+m"(*p) : : "memory");
    return v;
}

static inline void arch_or(uint32_t *p, uint32_t bits)
{
    __asm__ volatile("lock orl %1, %0" : "+m"(*p) : "r"(bits) : "memory", "cc");
}

/* What follows is not done before what precedes: after a read-modify-write that is a fence. */
static inline void arch_fence_after_rmw(void)
{
    __asm__ volatile("" ::: "memory");
}

/* What follows is not done before a load that precedes, the kernel's loads of this thread included. */
static inline void arch_fence_after_load(void)
{
    __asm__ volatile("" ::: "memory");
}

/* As arch_fence_after_rmw, for this thread alone, and for others only with their membarrier(2). */
static inline void arch_compiler_fence(void)
{
    __asm__ volatile("" ::: "memory");
}

/* Tell the CPU that this is a spin loop. */
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
static inline uint64_t arch_ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

#endif
