/* System calls of the model: futex.c. */
#ifndef FURWOCK_ARCH_SYSCALL_H
#define FURWOCK_ARCH_SYSCALL_H

#include "../model.h"

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    return model_syscall(number, a, b, c, d, e, f);
}

#endif
