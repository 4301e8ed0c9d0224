/*
 * System calls through libc's syscall(), which sets errno: kept as it was, since the functions of
 * this library that do not document errno must not change it.
 */
#ifndef FURWOCK_ARCH_SYSCALL_H
#define FURWOCK_ARCH_SYSCALL_H

#include <errno.h>
#include <unistd.h>

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1)
        result = -errno;
    errno = saved;
    return result;
}

#endif
