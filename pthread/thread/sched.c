/* Scheduling of threads: POSIX.1-2024 pthread_setschedparam and its kin. */
#include "../mutex/ceiling.h"
#include "thread.h"

#include <arch_syscall.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

/* One system call about a thread: an errno value, ESRCH once it has ended. */
static int about(pthread_t handle, long number, long a, long b)
{
    struct tid_hold hold;
    if (!tid_hold(&hold, handle))
        return ESRCH;
    long result = arch_syscall(number, hold.thread->tid, a, b, 0, 0, 0);
    tid_release(&hold);
    return result < 0 ? -result : 0;
}

/* What others set lasts until the next ceiling is taken or dropped. */
static bool raises_itself(pthread_t thread)
{
    return thread == pthread_self() && self.ceilings_held > 0;
}

PUBLIC int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
    if (unlikely(raises_itself(thread)))
        return ceiling_rebase(policy, param->sched_priority);
    return about(thread, SYS_sched_setscheduler, policy, (long)param);
}

/* A thread raised by priority ceilings is said to have what it had before: XSH 2.9.4. */
long read_scheduling(const struct musl_thread *thread, int *priority)
{
    struct sched_param found = {0};
    long policy = arch_syscall(SYS_sched_getscheduler, thread->tid, 0, 0, 0, 0, 0);
    if (policy < 0)
        return policy;
    const struct self *its = self_of(thread);
    if (its->ceilings_held > 0) {
        *priority = its->base_priority;
        return (its->base_priority > 0 ? policy : its->base_policy) & ~SCHED_RESET_ON_FORK;
    }
    long result = arch_syscall(SYS_sched_getparam, thread->tid, (long)&found, 0, 0, 0, 0);
    *priority = found.sched_priority;
    return result < 0 ? result : policy & ~SCHED_RESET_ON_FORK;
}

PUBLIC int pthread_getschedparam(pthread_t handle, int *restrict policy,
                                 struct sched_param *restrict param)
{
    struct tid_hold hold;
    if (!tid_hold(&hold, handle))
        return ESRCH;
    int priority;
    long result = read_scheduling(hold.thread, &priority);
    tid_release(&hold);
    if (result < 0)
        return -result;
    *policy = result;
    param->sched_priority = priority;
    return 0;
}

PUBLIC int pthread_setschedprio(pthread_t thread, int priority)
{
    struct sched_param param = {.sched_priority = priority};
    if (unlikely(raises_itself(thread)))
        return ceiling_rebase(ceiling_base_policy(), priority);
    return about(thread, SYS_sched_setparam, (long)&param, 0);
}

PUBLIC int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *cpus)
{
    return about(thread, SYS_sched_setaffinity, size, (long)cpus);
}

/* The kernel says how many bytes it has written. */
static long get_affinity(uint32_t tid, size_t size, cpu_set_t *cpus)
{
    long written = arch_syscall(SYS_sched_getaffinity, tid, size, (long)cpus, 0, 0, 0);
    if (written >= 0 && (size_t)written < size)
        memset((char *)cpus + written, 0, size - written);
    return written < 0 ? written : 0;
}

PUBLIC int pthread_getaffinity_np(pthread_t handle, size_t size, cpu_set_t *cpus)
{
    struct tid_hold hold;
    if (!tid_hold(&hold, handle))
        return ESRCH;
    long result = get_affinity(hold.thread->tid, size, cpus);
    tid_release(&hold);
    return -result;
}

/* Of processes: libc has them in one piece with the two above. */

static int with_errno(long result)
{
    if (result == 0)
        return 0;
    errno = -result;
    return -1;
}

PUBLIC int sched_getaffinity(pid_t tid, size_t size, cpu_set_t *cpus)
{
    return with_errno(get_affinity(tid, size, cpus));
}

PUBLIC int sched_setaffinity(pid_t tid, size_t size, const cpu_set_t *cpus)
{
    return with_errno(arch_syscall(SYS_sched_setaffinity, tid, size, (long)cpus, 0, 0, 0));
}

/* The kernel's name for the clock of a thread is its tid's complement above three bits. */
PUBLIC int pthread_getcpuclockid(pthread_t handle, clockid_t *clock)
{
    enum { SCHED_CLOCK_OF_THREAD = 6 };
    struct tid_hold hold;
    if (!tid_hold(&hold, handle))
        return ESRCH;
    *clock = (clockid_t)(~hold.thread->tid << 3 | SCHED_CLOCK_OF_THREAD);
    tid_release(&hold);
    return 0;
}

/* Threads are the kernel's, one to one: the level is kept and changes nothing. */
static int concurrency;

PUBLIC int pthread_setconcurrency(int level)
{
    if (level < 0)
        return EINVAL;
    concurrency = level;
    return 0;
}

PUBLIC int pthread_getconcurrency(void)
{
    return concurrency;
}
