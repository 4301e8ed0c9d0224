/* Where a thread is known from, RISC-V: arch/README.md has the contract. */
#ifndef FURWOCK_ARCH_POINTER_H
#define FURWOCK_ARCH_POINTER_H

#include <stdint.h>

#define ARCH_TLS_ABOVE 1
#define ARCH_POINTER_BIAS 0
static inline uintptr_t arch_thread_pointer(void)
{
    uintptr_t pointer;
    __asm__("mv %0, tp" : "=r"(pointer));
    return pointer;
}

#endif
