/* What a thread library needs besides, RISC-V: arch/README.md has the contract. */
#ifndef FURWOCK_ARCH_THREAD_H
#define FURWOCK_ARCH_THREAD_H

#include <stdint.h>
#include <ucontext.h>

static inline uintptr_t *arch_pc(void *context)
{
    return (uintptr_t *)&((ucontext_t *)context)->uc_mcontext.__gregs[0];
}

static inline void arch_run_instead(void *context, void (*function)(void))
{
    enum { SP = 2 };
    ((ucontext_t *)context)->uc_mcontext.__gregs[SP] &= -16ul;
    *arch_pc(context) = (uintptr_t)function;
}

#include "../arch_clone.h"

#endif
