/*
 * System calls that can be cancelled: what every arch_thread.h ends with. It has defined arch_pc(),
 * which tells where a signal's context keeps the program counter, and where the window begins,
 * ends, and is left: arch_cancel_begin, arch_cancel_end, arch_cancel_out.
 */
#ifndef FURWOCK_ARCH_CANCEL_H
#define FURWOCK_ARCH_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A system call that is not made if *cancelled is not zero: then the result is ARCH_CANCELLED,
 * which no system call returns. From the look at *cancelled to the kernel's beginning of the call a
 * thread is in the window: a signal handler that finds it there with arch_cancel_call ends the call
 * with the same result, before it had any effect. A call that blocks and is interrupted, and would
 * be restarted, is in the window as well.
 */
enum { ARCH_CANCELLED = -5000 };
long arch_syscall_cancellable(const uint32_t *cancelled, long number, long a, long b, long c,
                              long d, long e, long f);

extern const char arch_cancel_begin[] __attribute__((visibility("hidden")));
extern const char arch_cancel_end[] __attribute__((visibility("hidden")));
extern const char arch_cancel_out[] __attribute__((visibility("hidden")));

static inline bool arch_cancel_call(void *context)
{
    uintptr_t *pc = arch_pc(context);
    if (*pc < (uintptr_t)arch_cancel_begin || *pc >= (uintptr_t)arch_cancel_end)
        return false;
    *pc = (uintptr_t)arch_cancel_out;
    return true;
}

#endif
