/* What a thread library needs besides, x86-64: clone(2), and system calls that can be cancelled. */
#ifndef FURWOCK_ARCH_THREAD_H
#define FURWOCK_ARCH_THREAD_H

#include <stdint.h>
#include <ucontext.h>

/*
 * clone(2). The child calls function(argument) on its own stack, whose highest address is `stack`,
 * and ends with what that returns as its status.
 */
long arch_clone(int (*function)(void *), void *stack, unsigned long flags, void *argument,
                uint32_t *parent_tid, void *thread_pointer, uint32_t *child_tid);

/* Call a function, which does not return, on another stack, whose highest address is `stack`. */
_Noreturn void arch_call_on(void *stack, void (*function)(void));

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

#include "../arch_cancel.h"

#endif
