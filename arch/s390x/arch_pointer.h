/* Where a thread is known from, z/Architecture: arch/README.md has the contract. */
#ifndef FURWOCK_ARCH_POINTER_H
#define FURWOCK_ARCH_POINTER_H

#include <stdint.h>

static inline uintptr_t arch_thread_pointer(void)
{
    uintptr_t pointer;
    __asm__("ear %0, %%a0\n\t"
            "sllg %0, %0, 32\n\t"
            "ear %0, %%a1"
            : "=d"(pointer));
    return pointer;
}

#endif
