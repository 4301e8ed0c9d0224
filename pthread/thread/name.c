/* Names of threads, as of glibc: up to 15 bytes, which the kernel shows in ps, top and gdb. */
#include "thread.h"

#include <arch_syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { NAME_SIZE = 16 };

/* Opens the file of the kernel's that holds another thread's name; a negative errno value. */
static long open_name(uint32_t tid, int flags)
{
    static const char before[] = "/proc/self/task/", after[] = "/comm";
    char path[sizeof before + sizeof after + 10], digits[10];
    size_t length = sizeof before - 1, count = 0;
    memcpy(path, before, length);
    do
        digits[count++] = '0' + tid % 10;
    while (tid /= 10);
    while (count > 0)
        path[length++] = digits[--count];
    memcpy(path + length, after, sizeof after);
    return arch_syscall(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, 0, 0, 0);
}

static int transfer(pthread_t handle, int flags, char *name, size_t size)
{
    struct tid_hold hold;
    if (!tid_hold(&hold, handle))
        return ESRCH;
    long file = open_name(hold.thread->tid, flags), result = file;
    if (file >= 0) {
        result =
            arch_syscall(flags == O_RDONLY ? SYS_read : SYS_write, file, (long)name, size, 0, 0, 0);
        arch_syscall(SYS_close, file, 0, 0, 0, 0, 0);
    }
    tid_release(&hold);
    if (flags == O_RDONLY && result > 0)
        name[result - 1] = 0;
    return result < 0 ? -result : 0;
}

PUBLIC int pthread_setname_np(pthread_t handle, const char *name)
{
    size_t length = strnlen(name, NAME_SIZE);
    if (length == NAME_SIZE)
        return ERANGE;
    if (thread_block(handle) == musl_self())
        return -arch_syscall(SYS_prctl, PR_SET_NAME, (long)name, 0, 0, 0, 0);
    return transfer(handle, O_WRONLY, (char *)name, length);
}

PUBLIC int pthread_getname_np(pthread_t handle, char *name, size_t size)
{
    if (size < NAME_SIZE)
        return ERANGE;
    if (thread_block(handle) == musl_self())
        return -arch_syscall(SYS_prctl, PR_GET_NAME, (long)name, 0, 0, 0, 0);
    return transfer(handle, O_RDONLY, name, size);
}
