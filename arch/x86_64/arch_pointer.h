/* Where a thread is known from, x86-64: arch/README.md has the contract. */
#ifndef FURWOCK_ARCH_POINTER_H
#define FURWOCK_ARCH_POINTER_H

#include <stdint.h>

static inline uintptr_t arch_thread_pointer(void)
{
    uintptr_t pointer;
    __asm__("mov %%fs:0, %0" : "=r"(pointer));
    return pointer;
}

#endif
