/* The same without assembly, through musl's hidden routines: see arch/x86_64/arch_thread.h. */
#ifndef FURWOCK_ARCH_THREAD_H
#define FURWOCK_ARCH_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

int __clone(int (*)(void *), void *, int, void *, ...) __attribute__((visibility("hidden")));

static inline long arch_clone(int (*function)(void *), void *stack, unsigned long flags,
                              void *argument, uint32_t *parent_tid, void *thread_pointer,
                              uint32_t *child_tid)
{
    return __clone(function, stack, flags, argument, parent_tid, thread_pointer, child_tid);
}

enum { ARCH_CANCELLED = -5000 };
long arch_syscall_cancellable(const uint32_t *cancelled, long number, long a, long b, long c, long d,
                              long e, long f);

extern const char __cp_begin[] __attribute__((visibility("hidden")));
extern const char __cp_end[] __attribute__((visibility("hidden")));
extern const char __cp_cancel[] __attribute__((visibility("hidden")));

static inline bool arch_cancel_call(void *context)
{
#if defined(__x86_64__)
    uintptr_t *pc = (uintptr_t *)&((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    uintptr_t *pc = (uintptr_t *)&((ucontext_t *)context)->uc_mcontext.pc;
#elif defined(__riscv)
    uintptr_t *pc = (uintptr_t *)&((ucontext_t *)context)->uc_mcontext.__gregs[0];
#else
#error "where is the program counter in a signal's context?"
#endif
    if (*pc < (uintptr_t)__cp_begin || *pc >= (uintptr_t)__cp_end)
        return false;
    *pc = (uintptr_t)__cp_cancel;
    return true;
}

#endif
