/* What a thread library needs besides, 64-bit PowerPC: arch/README.md has the contract. */
#ifndef FURWOCK_ARCH_THREAD_H
#define FURWOCK_ARCH_THREAD_H

#include <stdint.h>
#include <ucontext.h>

enum { ARCH_SP = 1, ARCH_ENTRY = 12, ARCH_NIP = 32 };

static inline uintptr_t *arch_pc(void *context)
{
    return (uintptr_t *)&((ucontext_t *)context)->uc_mcontext.gp_regs[ARCH_NIP];
}

/* A function finds its table of addresses by its own, and a frame above its own to save things in. */
static inline void arch_run_instead(void *context, void (*function)(void))
{
    const unsigned long red_zone = 512, frame = 32;
    unsigned long *registers = ((ucontext_t *)context)->uc_mcontext.gp_regs;
    unsigned long former = registers[ARCH_SP], sp = (former - red_zone - frame) & -16ul;
    *(unsigned long *)sp = former;
    registers[ARCH_SP] = sp;
    registers[ARCH_ENTRY] = registers[ARCH_NIP] = (unsigned long)function;
}

#include "../arch_clone.h"

#endif
