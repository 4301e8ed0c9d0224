/*
 * Scheduling of threads that are libc's own: XSH pthread_setschedparam and its kin. They are here
 * for the thread that changes its own while it holds priority ceilings, of which libc knows nothing.
 * What is set here libc has no record of, so that all of them go to the kernel.
 */
#include "../mutex/ceiling.h"
#include "../layout.h"
#include "../self.h"
#include "libc.h"

#include <arch_syscall.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>

/* Before glibc 2.34 a process without libpthread lacks it, and has no other thread to ask for. */
extern __typeof__(pthread_getcpuclockid) pthread_getcpuclockid MAY_LACK;

/* A thread's clock is made of its tid: clock_gettime(2). The caller's tid is 0. */
static int find_tid(pthread_t thread, long *tid)
{
    clockid_t clock = ~0;
    int error = 0;
    if (thread != pthread_self())
        error = HAS(pthread_getcpuclockid) ? pthread_getcpuclockid(thread, &clock) : ESRCH;
    *tid = ~(clock >> 3);
    return error;
}

static bool is_raised(long tid)
{
    return tid == 0 && self.ceilings_held > 0;
}

PUBLIC int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
    long tid;
    int error = find_tid(thread, &tid);
    if (error)
        return error;
    if (is_raised(tid))
        return ceiling_rebase(policy, param->sched_priority);
    return -arch_syscall(SYS_sched_setscheduler, tid, policy, (long)param, 0, 0, 0);
}

PUBLIC int pthread_setschedprio(pthread_t thread, int priority)
{
    long tid;
    int error = find_tid(thread, &tid);
    if (error)
        return error;
    if (is_raised(tid))
        return ceiling_rebase(ceiling_base_policy(), priority);
    return -arch_syscall(SYS_sched_setparam, tid, (long)&priority, 0, 0, 0, 0);
}

PUBLIC int pthread_getschedparam(pthread_t thread, int *restrict policy,
                                 struct sched_param *restrict param)
{
    long tid, found;
    int priority = 0;
    int error = find_tid(thread, &tid);
    if (error)
        return error;
    if (is_raised(tid)) {
        found = ceiling_base_policy();
        priority = self.base_priority;
    } else {
        found = arch_syscall(SYS_sched_getscheduler, tid, 0, 0, 0, 0, 0);
        error = -arch_syscall(SYS_sched_getparam, tid, (long)&priority, 0, 0, 0, 0);
    }
    if (found < 0 || error)
        return found < 0 ? -found : error;
    *policy = found & ~SCHED_RESET_ON_FORK;
    param->sched_priority = priority;
    return 0;
}

#ifdef FURWOCK_ARCHIVE
/* A member of libc's that calls by the other name would bring libc's definition of both. */
#define LIBC_NAME(function, name)                                                                  \
    extern __typeof__(function) name __attribute__((alias(#function), visibility("default")))
LIBC_NAME(pthread_setschedparam, __pthread_setschedparam);
LIBC_NAME(pthread_setschedprio, __pthread_setschedprio);
LIBC_NAME(pthread_getschedparam, __pthread_getschedparam);
#endif
