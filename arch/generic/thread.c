/* Cancellable system calls through musl's own routine, which ends one that is cancelled by __cancel. */
#include <arch_thread.h>

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
