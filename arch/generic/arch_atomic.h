/*
 * Atomic operations on the compiler's builtins, for any 64-bit machine without a folder of its own.
 * arch/x86_64/arch_atomic.h says what each is for.
 */
#ifndef FURWOCK_ARCH_ATOMIC_H
#define FURWOCK_ARCH_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

static inline uint32_t arch_load_relaxed(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint32_t arch_load_acquire(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void arch_store_relaxed(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
}

static inline void arch_store_release(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline uint64_t arch_load64_relaxed(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint64_t arch_load64_acquire(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void arch_store64_relaxed(uint64_t *p, uint64_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
}

static inline void arch_store64_release(uint64_t *p, uint64_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline void *arch_load_pointer(void *const *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void arch_store_pointer(void **p, void *v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline bool arch_cas(uint32_t *p, uint32_t old, uint32_t new)
{
    return __atomic_compare_exchange_n(p, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

static inline bool arch_cas_fetch(uint32_t *p, uint32_t *old, uint32_t new)
{
    return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

static inline bool arch_cas64_fetch(uint64_t *p, uint64_t *old, uint64_t new)
{
    return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

static inline bool arch_cas_alone(uint32_t *p, uint32_t old, uint32_t new)
{
    return arch_cas(p, old, new);
}

static inline bool arch_cas64_alone(uint64_t *p, uint64_t old, uint64_t new)
{
    return arch_cas64_fetch(p, &old, new);
}

static inline uint32_t arch_exchange(uint32_t *p, uint32_t v)
{
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

static inline uint64_t arch_exchange64(uint64_t *p, uint64_t v)
{
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

static inline uint32_t arch_fetch_add(uint32_t *p, uint32_t v)
{
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}

static inline uint64_t arch_fetch_add64(uint64_t *p, uint64_t v)
{
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}

static inline void arch_or(uint32_t *p, uint32_t bits)
{
    __atomic_fetch_or(p, bits, __ATOMIC_SEQ_CST);
}

static inline void arch_fence_after_rmw(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void arch_fence_after_load(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void arch_compiler_fence(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void arch_pause(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#define ARCH_TICKS_RATE (1u << 20)
#define ARCH_TICKS_MEASURED false
uint64_t arch_ticks(void) __attribute__((visibility("hidden")));

#endif
