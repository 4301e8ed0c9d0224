/*
 * Atomic operations on the compiler's builtins: for any machine without a folder of its own, and of
 * what a folder leaves out. arch/README.md has the contract of each.
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

#ifndef arch_cas_fetch
static inline bool arch_cas_fetch(uint32_t *p, uint32_t *old, uint32_t new)
{
    return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}
#endif

#ifndef arch_cas64_fetch
static inline bool arch_cas64_fetch(uint64_t *p, uint64_t *old, uint64_t new)
{
    return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}
#endif

static inline bool arch_cas(uint32_t *p, uint32_t old, uint32_t new)
{
    return arch_cas_fetch(p, &old, new);
}

#ifndef arch_cas_alone
static inline bool arch_cas_alone(uint32_t *p, uint32_t old, uint32_t new)
{
    return arch_cas_fetch(p, &old, new);
}
#endif

#ifndef arch_cas64_alone
static inline bool arch_cas64_alone(uint64_t *p, uint64_t old, uint64_t new)
{
    return arch_cas64_fetch(p, &old, new);
}
#endif

#ifndef arch_exchange
static inline uint32_t arch_exchange(uint32_t *p, uint32_t v)
{
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}
#endif

#ifndef arch_exchange64
static inline uint64_t arch_exchange64(uint64_t *p, uint64_t v)
{
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}
#endif

#ifndef arch_fetch_add
static inline uint32_t arch_fetch_add(uint32_t *p, uint32_t v)
{
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}
#endif

#ifndef arch_fetch_add64
static inline uint64_t arch_fetch_add64(uint64_t *p, uint64_t v)
{
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}
#endif

#ifndef arch_fence
static inline void arch_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

#ifndef arch_fence_after_rmw
static inline void arch_fence_after_rmw(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

static inline void arch_fence_after_load(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void arch_compiler_fence(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#ifndef arch_pause
static inline void arch_pause(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
#endif

#ifndef arch_ticks
#define ARCH_TICKS_RATE (1u << 20)
#define ARCH_TICKS_MEASURED false
uint64_t arch_ticks(void) __attribute__((visibility("hidden")));
#endif

#endif
