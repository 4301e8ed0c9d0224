/* What a thread library needs besides, x86-64: arch/README.md has the contract. */
#ifndef FURWOCK_ARCH_THREAD_H
#define FURWOCK_ARCH_THREAD_H

#include <stdint.h>
#include <ucontext.h>

static inline uintptr_t *arch_pc(void *context)
{
    return (uintptr_t *)&((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

/*
 * In a signal handler: when it returns, function() is called in place of what was interrupted, on the
 * same stack below what that may have left under its stack pointer. It does not return.
 */
static inline void arch_run_instead(void *context, void (*function)(void))
{
    const long red_zone = 128, direction_flag = 1 << 10;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    registers[REG_RIP] = (greg_t)function;
    registers[REG_RSP] = ((registers[REG_RSP] - red_zone) & -16) - 8;
    registers[REG_EFL] &= ~direction_flag;
}

#include "../arch_clone.h"

#endif
