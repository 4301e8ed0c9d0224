/*
 * System calls, 64-bit PowerPC. The kernel reports an error by the summary overflow bit, beside a
 * positive errno value; here it is a negative one.
 */
#ifndef FURWOCK_ARCH_SYSCALL_H
#define FURWOCK_ARCH_SYSCALL_H

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    register long r0 __asm__("r0") = number;
    register long r3 __asm__("r3") = a;
    register long r4 __asm__("r4") = b;
    register long r5 __asm__("r5") = c;
    register long r6 __asm__("r6") = d;
    register long r7 __asm__("r7") = e;
    register long r8 __asm__("r8") = f;
    __asm__ volatile("sc\n\t"
                     "bns+ 1f\n\t"
                     "neg 3, 3\n"
                     "1:"
                     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
                     :
                     : "memory", "cr0", "ctr", "xer", "r9", "r10", "r11", "r12");
    return r3;
}

#endif
