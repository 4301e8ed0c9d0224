/* Atomic operations that are steps of the model's scheduler. arch/README.md has their contract. */
#ifndef FURWOCK_ARCH_ATOMIC_H
#define FURWOCK_ARCH_ATOMIC_H

#include "../model.h"

#include <stddef.h>

/* Macros, so that each step knows its place. */
#define MODEL_ACCESS(type, access, order, p, a, b)                                                 \
    __extension__({                                                                                \
        static const struct place model_place = {__FILE__, __func__, __LINE__};                    \
        (type) model_access(access, order, p, sizeof *(p), a, b, &model_place);                    \
    })

/* The argument's type is checked as the real functions would. */
#define MODEL_IS(type, p) ((type *){p})

/* With an order as the first argument, so that test/model/orders can weaken each. */
#define MODEL_LOAD(type, order, p) MODEL_ACCESS(type, LOAD, order, MODEL_IS(type const, p), 0, 0)
#define model_load(order, p) MODEL_LOAD(uint32_t, order, p)
#define model_load64(order, p) MODEL_LOAD(uint64_t, order, p)
#define model_load_pointer(order, p) MODEL_LOAD(void *, order, p)
#define arch_load_relaxed(p) model_load(RELAXED, p)
#define arch_load_acquire(p) model_load(ACQUIRE, p)
#define arch_load64_relaxed(p) model_load64(RELAXED, p)
#define arch_load64_acquire(p) model_load64(ACQUIRE, p)
#define arch_load_pointer(p) model_load_pointer(ACQUIRE, p)

#define MODEL_STORE(type, order, p, v) MODEL_ACCESS(void, STORE, order, MODEL_IS(type, p), v, 0)
#define model_store(order, p, v) MODEL_STORE(uint32_t, order, p, (uint32_t)(v))
#define model_store64(order, p, v) MODEL_STORE(uint64_t, order, p, v)
#define model_store_pointer(order, p, v) MODEL_STORE(void *, order, p, (uintptr_t)(v))
#define arch_store_relaxed(p, v) model_store(RELAXED, p, v)
#define arch_store_release(p, v) model_store(RELEASE, p, v)
#define arch_store64_relaxed(p, v) model_store64(RELAXED, p, v)
#define arch_store64_release(p, v) model_store64(RELEASE, p, v)
#define arch_store_pointer(p, v) model_store_pointer(RELEASE, p, v)

#define MODEL_CAS(type, access, order, p, old, new)                                                \
    __extension__({                                                                                \
        type model_old = (old);                                                                    \
        MODEL_ACCESS(type, access, order, MODEL_IS(type, p), model_old, (type)(new)) == model_old; \
    })
#define model_cas(order, p, old, new) MODEL_CAS(uint32_t, CAS, order, p, old, new)
#define model_cas_alone(order, p, old, new) MODEL_CAS(uint32_t, CAS_ALONE, order, p, old, new)
#define model_cas64_alone(order, p, old, new) MODEL_CAS(uint64_t, CAS_ALONE, order, p, old, new)
#define arch_cas(p, old, new) model_cas(ACQ_REL, p, old, new)
#define arch_cas_alone(p, old, new) model_cas_alone(RELEASE, p, old, new)
#define arch_cas64_alone(p, old, new) model_cas64_alone(RELEASE, p, old, new)

#define MODEL_CAS_FETCH(type, order, p, old, new)                                                  \
    __extension__({                                                                                \
        type *model_old = (old), model_expected = *model_old;                                      \
        *model_old =                                                                               \
            MODEL_ACCESS(type, CAS, order, MODEL_IS(type, p), model_expected, (type)(new));        \
        *model_old == model_expected;                                                              \
    })
#define model_cas_fetch(order, p, old, new) MODEL_CAS_FETCH(uint32_t, order, p, old, new)
#define model_cas64_fetch(order, p, old, new) MODEL_CAS_FETCH(uint64_t, order, p, old, new)
#define arch_cas_fetch(p, old, new) model_cas_fetch(ACQ_REL, p, old, new)
#define arch_cas64_fetch(p, old, new) model_cas64_fetch(ACQ_REL, p, old, new)

#define MODEL_CHANGE(type, access, order, p, v)                                                    \
    MODEL_ACCESS(type, access, order, MODEL_IS(type, p), (type)(v), 0)
#define model_exchange(order, p, v) MODEL_CHANGE(uint32_t, EXCHANGE, order, p, v)
#define model_exchange64(order, p, v) MODEL_CHANGE(uint64_t, EXCHANGE, order, p, v)
#define model_fetch_add(order, p, v) MODEL_CHANGE(uint32_t, ADD, order, p, v)
#define model_fetch_add64(order, p, v) MODEL_CHANGE(uint64_t, ADD, order, p, v)
#define arch_exchange(p, v) model_exchange(ACQ_REL, p, v)
#define arch_exchange64(p, v) model_exchange64(ACQ_REL, p, v)
#define arch_fetch_add(p, v) model_fetch_add(ACQ_REL, p, v)
#define arch_fetch_add64(p, v) model_fetch_add64(ACQ_REL, p, v)

#define arch_fence() model_fence(FULL)
#define arch_fence_after_rmw() model_fence(FULL)
#define arch_fence_after_load() model_fence(ACQUIRE)
#define arch_compiler_fence() ((void)0)

#define arch_pause() model_pause()
#define ARCH_TICKS_RATE (1u << 20)
#define ARCH_TICKS_MEASURED false
#define arch_ticks() model_ticks()

#endif
