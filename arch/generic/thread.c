/* musl's cancellable system call arrives here when it is cancelled. */
#include <arch_thread.h>

long __cancel(void)
{
    return ARCH_CANCELLED;
}
