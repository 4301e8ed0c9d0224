/* What a thread library needs besides, z/Architecture: arch/README.md has the contract. */
#ifndef FURWOCK_ARCH_THREAD_H
#define FURWOCK_ARCH_THREAD_H

#include <stdint.h>
#include <ucontext.h>

static inline uintptr_t *arch_pc(void *context)
{
    return (uintptr_t *)&((ucontext_t *)context)->uc_mcontext.psw.addr;
}

/* A function finds room for what it saves above its own frame. */
static inline void arch_run_instead(void *context, void (*function)(void))
{
    enum { SP = 15, FRAME = 160 };
    unsigned long *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    unsigned long former = registers[SP];
    registers[SP] = (former - FRAME) & -8ul;
    *(unsigned long *)registers[SP] = former;
    *arch_pc(context) = (uintptr_t)function;
}

#include "../arch_clone.h"

#endif
