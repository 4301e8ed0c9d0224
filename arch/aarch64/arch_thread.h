/* What a thread library needs besides, AArch64: arch/README.md has the contract. */
#ifndef FURWOCK_ARCH_THREAD_H
#define FURWOCK_ARCH_THREAD_H

#include <stdint.h>
#include <ucontext.h>

static inline uintptr_t *arch_pc(void *context)
{
    return (uintptr_t *)&((ucontext_t *)context)->uc_mcontext.pc;
}

/* No flag of the processor's is a function's to rely on; but for where an indirect branch may land. */
static inline void arch_run_instead(void *context, void (*function)(void))
{
    const unsigned long branch_type = 3ul << 10;
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
    machine->sp &= -16ul;
    machine->pc = (uintptr_t)function;
    machine->pstate &= ~branch_type;
}

#include "../arch_clone.h"

#endif
