/*
 * System calls, z/Architecture: a negative errno value in case of an error. mmap(2) takes its six
 * arguments in memory, of which it gets the address.
 */
#ifndef FURWOCK_ARCH_SYSCALL_H
#define FURWOCK_ARCH_SYSCALL_H

#include <sys/syscall.h>

static inline long arch_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r1 __asm__("r1") = number;
    register long r2 __asm__("r2") = a;
    register long r3 __asm__("r3") = b;
    register long r4 __asm__("r4") = c;
    register long r5 __asm__("r5") = d;
    register long r6 __asm__("r6") = e;
    register long r7 __asm__("r7") = f;
    __asm__ volatile("svc 0"
                     : "+d"(r2)
                     : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7)
                     : "memory", "cc");
    return r2;
}

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    const long arguments[] = {a, b, c, d, e, f};
    if (number == SYS_mmap)
        return arch_call(number, (long)arguments, 0, 0, 0, 0, 0);
    return arch_call(number, a, b, c, d, e, f);
}

#endif
