/* What a thread library needs besides, x86-64: clone(2), and system calls that can be cancelled. */
#ifndef FURWOCK_ARCH_THREAD_H
#define FURWOCK_ARCH_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/*
 * clone(2). The child calls function(argument) on its own stack, whose highest address is `stack`,
 * and ends with what that returns as its status.
 */
long arch_clone(int (*function)(void *), void *stack, unsigned long flags, void *argument,
                uint32_t *parent_tid, void *thread_pointer, uint32_t *child_tid);

/*
 * A system call that is not made if *cancelled is not zero: then the result is ARCH_CANCELLED,
 * which no system call returns. From the look at *cancelled to the kernel's beginning of the call a
 * thread is in the window: a signal handler that finds it there with arch_cancel_call ends the call
 * with the same result, before it had any effect. A call that blocks and is interrupted, and would
 * be restarted, is in the window as well.
 */
enum { ARCH_CANCELLED = -5000 };
long arch_syscall_cancellable(const uint32_t *cancelled, long number, long a, long b, long c, long d,
                              long e, long f);

extern const char arch_cancel_begin[] __attribute__((visibility("hidden")));
extern const char arch_cancel_end[] __attribute__((visibility("hidden")));
extern const char arch_cancel_out[] __attribute__((visibility("hidden")));

static inline bool arch_cancel_call(void *context)
{
    greg_t *pc = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    if (*pc < (greg_t)arch_cancel_begin || *pc >= (greg_t)arch_cancel_end)
        return false;
    *pc = (greg_t)arch_cancel_out;
    return true;
}

#endif
