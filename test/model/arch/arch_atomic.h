/* Atomic operations that are steps of the model's scheduler. The names are arch/x86_64's. */
#ifndef FURWOCK_ARCH_ATOMIC_H
#define FURWOCK_ARCH_ATOMIC_H

#include "../model.h"

#include <stddef.h>

/* Macros, so that each step knows its place. */
#define MODEL_ACCESS(type, access, p, a, b)                                                        \
    __extension__({                                                                                \
        static const struct place model_place = {__FILE__, __func__, __LINE__};                    \
        (type) model_access(access, p, sizeof *(p), a, b, &model_place);                           \
    })

/* The argument's type is checked as the real functions would. */
#define MODEL_IS(type, p) ((type *){p})

#define arch_load_relaxed(p) MODEL_ACCESS(uint32_t, LOAD, MODEL_IS(const uint32_t, p), 0, 0)
#define arch_load_acquire(p) arch_load_relaxed(p)
#define arch_load64_relaxed(p) MODEL_ACCESS(uint64_t, LOAD, MODEL_IS(const uint64_t, p), 0, 0)
#define arch_load64_acquire(p) arch_load64_relaxed(p)
#define arch_load_pointer(p) MODEL_ACCESS(void *, LOAD, MODEL_IS(void *const, p), 0, 0)

#define arch_store_relaxed(p, v) MODEL_ACCESS(void, STORE, MODEL_IS(uint32_t, p), (uint32_t)(v), 0)
#define arch_store_release(p, v) arch_store_relaxed(p, v)
#define arch_store64_relaxed(p, v) MODEL_ACCESS(void, STORE, MODEL_IS(uint64_t, p), v, 0)
#define arch_store64_release(p, v) arch_store64_relaxed(p, v)
#define arch_store_pointer(p, v) MODEL_ACCESS(void, STORE, MODEL_IS(void *, p), (uintptr_t)(v), 0)

#define arch_cas(p, old, new)                                                                      \
    __extension__({                                                                                \
        uint32_t model_old = (old);                                                                \
        MODEL_ACCESS(uint32_t, CAS, MODEL_IS(uint32_t, p), model_old, (uint32_t)(new)) ==          \
            model_old;                                                                             \
    })
#define arch_cas_alone(p, old, new) arch_cas(p, old, new)
#define arch_cas64_alone(p, old, new)                                                              \
    __extension__({                                                                                \
        uint64_t model_old = (old);                                                                \
        MODEL_ACCESS(uint64_t, CAS_ALONE, MODEL_IS(uint64_t, p), model_old, (uint64_t)(new)) ==    \
            model_old;                                                                             \
    })

#define MODEL_CAS_FETCH(type, p, old, new)                                                         \
    __extension__({                                                                                \
        type *model_old = (old), model_expected = *model_old;                                      \
        *model_old = MODEL_ACCESS(type, CAS, MODEL_IS(type, p), model_expected, (type)(new));      \
        *model_old == model_expected;                                                              \
    })
#define arch_cas_fetch(p, old, new) MODEL_CAS_FETCH(uint32_t, p, old, new)
#define arch_cas64_fetch(p, old, new) MODEL_CAS_FETCH(uint64_t, p, old, new)

#define arch_exchange(p, v)                                                                        \
    MODEL_ACCESS(uint32_t, EXCHANGE, MODEL_IS(uint32_t, p), (uint32_t)(v), 0)
#define arch_exchange64(p, v) MODEL_ACCESS(uint64_t, EXCHANGE, MODEL_IS(uint64_t, p), v, 0)
#define arch_fetch_add(p, v) MODEL_ACCESS(uint32_t, ADD, MODEL_IS(uint32_t, p), (uint32_t)(v), 0)
#define arch_fetch_add64(p, v) MODEL_ACCESS(uint64_t, ADD, MODEL_IS(uint64_t, p), v, 0)
#define arch_or(p, v) MODEL_ACCESS(void, OR, MODEL_IS(uint32_t, p), (uint32_t)(v), 0)

#define arch_fence_after_rmw() ((void)0)
#define arch_fence_after_load() ((void)0)
#define arch_compiler_fence() ((void)0)

#define arch_pause() model_pause()
#define ARCH_TICKS_RATE (1u << 20)
#define ARCH_TICKS_MEASURED false
#define arch_ticks() model_ticks()

#endif
