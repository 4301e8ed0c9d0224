/* Where a thread is known from, any machine whose compiler can tell: arch/README.md has the contract. */
#ifndef FURWOCK_ARCH_POINTER_H
#define FURWOCK_ARCH_POINTER_H

#include <stdint.h>

#if defined(__aarch64__) || defined(__riscv)
#define ARCH_TLS_ABOVE 1
#define ARCH_POINTER_BIAS 0
#elif defined(__powerpc64__)
#define ARCH_TLS_ABOVE 1
#define ARCH_POINTER_BIAS 0x7000
#endif

static inline uintptr_t arch_thread_pointer(void)
{
#ifdef __powerpc64__
    uintptr_t pointer;
    __asm__("mr %0, 13" : "=r"(pointer));
    return pointer;
#else
    return (uintptr_t)__builtin_thread_pointer();
#endif
}

#endif
