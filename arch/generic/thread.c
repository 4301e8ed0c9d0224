/*
 * clone(2), and cancellable system calls, through musl's own routines: that for calls ends one that is
 * cancelled by __cancel.
 */
#include <arch_thread.h>

int __clone(int (*)(void *), void *, int, void *, ...) __attribute__((visibility("hidden")));
long __syscall_cp_asm(const volatile void *, long, long, long, long, long, long, long)
    __attribute__((visibility("hidden")));
long __cancel(void) __attribute__((visibility("hidden")));

long __cancel(void)
{
    return ARCH_CANCELLED;
}

long arch_syscall_cancellable(const uint32_t *cancelled, long number, long a, long b, long c,
                              long d, long e, long f)
{
    return __syscall_cp_asm(cancelled, number, a, b, c, d, e, f);
}

long arch_clone(int (*function)(void *), void *stack, unsigned long flags, void *argument,
                uint32_t *parent_tid, void *thread_pointer, uint32_t *child_tid)
{
    return __clone(function, stack, flags, argument, parent_tid, thread_pointer, child_tid);
}

/* What no routine of musl's does. */
void arch_call_on(void *stack, void (*function)(void))
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
