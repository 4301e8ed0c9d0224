/* The same without assembly, as far as C goes, and through musl's hidden routines. */
#ifndef FURWOCK_ARCH_THREAD_H
#define FURWOCK_ARCH_THREAD_H

#include <stdint.h>
#include <ucontext.h>

int __clone(int (*)(void *), void *, int, void *, ...) __attribute__((visibility("hidden")));

static inline long arch_clone(int (*function)(void *), void *stack, unsigned long flags,
                              void *argument, uint32_t *parent_tid, void *thread_pointer,
                              uint32_t *child_tid)
{
    return __clone(function, stack, flags, argument, parent_tid, thread_pointer, child_tid);
}

/* What no routine of musl's does. */
static inline _Noreturn void arch_call_on(void *stack, void (*function)(void))
{
    uintptr_t top = (uintptr_t)stack & -16ul;
#if defined(__x86_64__)
    __asm__ volatile("mov %0, %%rsp; call *%1" : : "r"(top), "r"(function) : "memory");
#elif defined(__aarch64__)
    __asm__ volatile("mov sp, %0; blr %1" : : "r"(top), "r"(function) : "memory");
#elif defined(__riscv)
    __asm__ volatile("mv sp, %0; jalr %1" : : "r"(top), "r"(function) : "memory");
#elif defined(__powerpc64__)
    *(uintptr_t *)(top -= 32) = 0;
    __asm__ volatile("mr 1, %0; mr 12, %1; mtctr 12; bctrl" : : "r"(top), "r"(function) : "memory");
#elif defined(__s390x__)
    *(uintptr_t *)(top -= 160) = 0;
    __asm__ volatile("lgr %%r15, %0; basr %%r14, %1" : : "a"(top), "a"(function) : "memory");
#else
#error "how is a stack left?"
#endif
    __builtin_unreachable();
}

static inline uintptr_t *arch_pc(void *context)
{
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
    return (uintptr_t *)&machine->gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t *)&machine->pc;
#elif defined(__riscv)
    return (uintptr_t *)&machine->__gregs[0];
#elif defined(__powerpc64__)
    return (uintptr_t *)&machine->gp_regs[32];
#elif defined(__s390x__)
    return (uintptr_t *)&machine->psw.addr;
#else
#error "where is the program counter in a signal's context?"
#endif
}

static inline void arch_run_instead(void *context, void (*function)(void))
{
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
    machine->gregs[REG_RSP] = ((machine->gregs[REG_RSP] - 128) & -16) - 8;
    machine->gregs[REG_EFL] &= ~(1 << 10);
#elif defined(__aarch64__)
    machine->sp &= -16ul;
#elif defined(__riscv)
    machine->__gregs[2] &= -16ul;
#elif defined(__powerpc64__)
    uintptr_t former = machine->gp_regs[1], sp = (former - 512 - 32) & -16ul;
    *(uintptr_t *)sp = former;
    machine->gp_regs[1] = sp;
    machine->gp_regs[12] = (uintptr_t)function;
#elif defined(__s390x__)
    uintptr_t former = machine->gregs[15];
    machine->gregs[15] = (former - 160) & -8ul;
    *(uintptr_t *)machine->gregs[15] = former;
#endif
    *arch_pc(context) = (uintptr_t)function;
}

#define arch_cancel_begin __cp_begin
#define arch_cancel_end __cp_end
#define arch_cancel_out __cp_cancel
#include "../arch_cancel.h"

#endif
