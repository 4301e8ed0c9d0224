/* Thread attributes: POSIX.1-2024 pthread_attr_init and its kin. */
#include "thread.h"

#include <arch_syscall.h>
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Null, while none have been set: then they are libc's. */
static struct attributes *default_attributes;

static struct attributes *of(pthread_attr_t *attributes)
{
    return (struct attributes *)attributes;
}

static const struct attributes *in(const pthread_attr_t *attributes)
{
    return (const struct attributes *)attributes;
}

struct attributes attributes_by_default(void)
{
    const struct attributes *set = arch_load_pointer((void **)&default_attributes);
    return set ? *set
               : (struct attributes){.stack_size = __default_stacksize,
                                     .guard_size = __default_guardsize};
}

PUBLIC int pthread_attr_init(pthread_attr_t *attributes)
{
    struct attributes defaults = attributes_by_default();
    memset(attributes, 0, sizeof *attributes);
    of(attributes)->stack_size = defaults.stack_size;
    of(attributes)->guard_size = defaults.guard_size;
    return 0;
}

PUBLIC int pthread_attr_destroy(pthread_attr_t *attributes)
{
    if (!attributes)
        return 0;
    if (of(attributes)->cpus)
        free(of(attributes)->cpus);
    of(attributes)->cpus = NULL;
    return 0;
}

static int set_flag(pthread_attr_t *attributes, enum attribute_flags flag, int value, int on,
                    int off)
{
    if (value != on && value != off)
        return EINVAL;
    of(attributes)->flags = (in(attributes)->flags & ~flag) | (value == on ? flag : 0);
    return 0;
}

static int get_flag(const pthread_attr_t *attributes, enum attribute_flags flag, int *value, int on,
                    int off)
{
    *value = in(attributes)->flags & flag ? on : off;
    return 0;
}

PUBLIC int pthread_attr_setdetachstate(pthread_attr_t *attributes, int state)
{
    return set_flag(attributes, DETACH, state, PTHREAD_CREATE_DETACHED, PTHREAD_CREATE_JOINABLE);
}

PUBLIC int pthread_attr_getdetachstate(const pthread_attr_t *attributes, int *state)
{
    return get_flag(attributes, DETACH, state, PTHREAD_CREATE_DETACHED, PTHREAD_CREATE_JOINABLE);
}

PUBLIC int pthread_attr_setinheritsched(pthread_attr_t *attributes, int inherit)
{
    return set_flag(attributes, EXPLICIT_SCHEDULING, inherit, PTHREAD_EXPLICIT_SCHED,
                    PTHREAD_INHERIT_SCHED);
}

PUBLIC int pthread_attr_getinheritsched(const pthread_attr_t *restrict attributes,
                                        int *restrict inherit)
{
    return get_flag(attributes, EXPLICIT_SCHEDULING, inherit, PTHREAD_EXPLICIT_SCHED,
                    PTHREAD_INHERIT_SCHED);
}

PUBLIC int pthread_attr_setschedpolicy(pthread_attr_t *attributes, int policy)
{
    switch (policy) {
    case SCHED_OTHER:
    case SCHED_FIFO:
    case SCHED_RR:
    case SCHED_BATCH:
    case SCHED_IDLE:
        break;
    default:
        return EINVAL;
    }
    of(attributes)->policy = policy;
    return 0;
}

PUBLIC int pthread_attr_getschedpolicy(const pthread_attr_t *restrict attributes,
                                       int *restrict policy)
{
    *policy = in(attributes)->policy;
    return 0;
}

/* Which priorities a policy has, the policy may still say when a thread is created. */
PUBLIC int pthread_attr_setschedparam(pthread_attr_t *restrict attributes,
                                      const struct sched_param *restrict param)
{
    if (param->sched_priority < 0 || param->sched_priority >= PRIORITIES)
        return EINVAL;
    of(attributes)->priority = param->sched_priority;
    return 0;
}

PUBLIC int pthread_attr_getschedparam(const pthread_attr_t *restrict attributes,
                                      struct sched_param *restrict param)
{
    param->sched_priority = in(attributes)->priority;
    return 0;
}

PUBLIC int pthread_attr_setscope(pthread_attr_t *attributes, int scope)
{
    (void)attributes;
    return scope == PTHREAD_SCOPE_SYSTEM ? 0 : scope == PTHREAD_SCOPE_PROCESS ? ENOTSUP : EINVAL;
}

PUBLIC int pthread_attr_getscope(const pthread_attr_t *restrict attributes, int *restrict scope)
{
    (void)attributes;
    *scope = PTHREAD_SCOPE_SYSTEM;
    return 0;
}

/* Stack. */

static bool is_stack_size(size_t size)
{
    return size >= PTHREAD_STACK_MIN && size <= SIZE_MAX / 4;
}

PUBLIC int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t size)
{
    if (!is_stack_size(size))
        return EINVAL;
    of(attributes)->stack = NULL;
    of(attributes)->stack_size = size;
    return 0;
}

PUBLIC int pthread_attr_getstacksize(const pthread_attr_t *restrict attributes,
                                     size_t *restrict size)
{
    *size = in(attributes)->stack_size;
    return 0;
}

PUBLIC int pthread_attr_setstack(pthread_attr_t *attributes, void *stack, size_t size)
{
    if (!is_stack_size(size) || (uintptr_t)stack + size < size)
        return EINVAL;
    of(attributes)->stack = stack;
    of(attributes)->stack_size = size;
    return 0;
}

PUBLIC int pthread_attr_getstack(const pthread_attr_t *restrict attributes, void **restrict stack,
                                 size_t *restrict size)
{
    *stack = in(attributes)->stack;
    *size = in(attributes)->stack_size;
    return 0;
}

PUBLIC int pthread_attr_setguardsize(pthread_attr_t *attributes, size_t size)
{
    if (size > SIZE_MAX / 4)
        return EINVAL;
    of(attributes)->guard_size = size;
    return 0;
}

PUBLIC int pthread_attr_getguardsize(const pthread_attr_t *restrict attributes,
                                     size_t *restrict size)
{
    *size = in(attributes)->guard_size;
    return 0;
}

/* As of glibc. */

PUBLIC int pthread_attr_setaffinity_np(pthread_attr_t *attributes, size_t size,
                                       const cpu_set_t *cpus)
{
    void *copy = NULL;
    if (cpus && size > 0) {
        if (size > UINT_MAX || !(copy = malloc(size)))
            return ENOMEM;
        memcpy(copy, cpus, size);
    }
    if (in(attributes)->cpus)
        free(in(attributes)->cpus);
    of(attributes)->cpus = copy;
    of(attributes)->cpus_size = copy ? size : 0;
    return 0;
}

PUBLIC int pthread_attr_getaffinity_np(const pthread_attr_t *attributes, size_t size,
                                       cpu_set_t *cpus)
{
    const unsigned char *kept = in(attributes)->cpus;
    size_t kept_size = in(attributes)->cpus_size;
    /* without a set, all; and nothing may be lost */
    if (!kept) {
        memset(cpus, -1, size);
        return 0;
    }
    for (size_t i = size; i < kept_size; i++)
        if (kept[i])
            return EINVAL;
    memset(cpus, 0, size);
    memcpy(cpus, kept, kept_size < size ? kept_size : size);
    return 0;
}

PUBLIC int pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *mask)
{
    of(attributes)->flags = in(attributes)->flags & ~SIGNAL_MASK;
    if (mask) {
        memcpy(&of(attributes)->signal_mask, mask, sizeof in(attributes)->signal_mask);
        of(attributes)->signal_mask &= ~INTERNAL_SIGNALS;
        of(attributes)->flags = in(attributes)->flags | SIGNAL_MASK;
    }
    return 0;
}

/* PTHREAD_ATTR_NO_SIGMASK_NP, which include/pthread.h defines. */
enum { NO_SIGNAL_MASK = -1 };

PUBLIC int pthread_attr_getsigmask_np(const pthread_attr_t *attributes, sigset_t *mask)
{
    memset(mask, 0, sizeof *mask);
    if (!(in(attributes)->flags & SIGNAL_MASK))
        return NO_SIGNAL_MASK;
    memcpy(mask, &in(attributes)->signal_mask, sizeof in(attributes)->signal_mask);
    return 0;
}

static int copy_attributes(struct attributes *to, const struct attributes *from)
{
    void *cpus = NULL;
    if (from->cpus) {
        cpus = malloc(from->cpus_size);
        if (!cpus)
            return ENOMEM;
        memcpy(cpus, from->cpus, from->cpus_size);
    }
    *to = *from;
    to->cpus = cpus;
    return 0;
}

static bool is_schedulable(const struct attributes *attributes)
{
    if (!(attributes->flags & EXPLICIT_SCHEDULING))
        return true;
    long policy = attributes->policy;
    return attributes->priority >=
               arch_syscall(SYS_sched_get_priority_min, policy, 0, 0, 0, 0, 0) &&
           attributes->priority <= arch_syscall(SYS_sched_get_priority_max, policy, 0, 0, 0, 0, 0);
}

PUBLIC int pthread_setattr_default_np(const pthread_attr_t *attributes)
{
    if (in(attributes)->stack || !is_schedulable(in(attributes)))
        return EINVAL;
    struct attributes *copy = malloc(sizeof *copy);
    int error = copy ? copy_attributes(copy, in(attributes)) : ENOMEM;
    if (error) {
        free(copy);
        return error;
    }
    /* the former ones may be in use: they are not freed */
    arch_store_pointer((void **)&default_attributes, copy);
    return 0;
}

PUBLIC int pthread_getattr_default_np(pthread_attr_t *attributes)
{
    struct attributes defaults = attributes_by_default();
    memset(attributes, 0, sizeof *attributes);
    return copy_attributes(of(attributes), &defaults);
}

/* Is there memory everywhere from `end` so far down? It does not matter what the call does with it. */
static bool is_mapped(uintptr_t end, size_t size)
{
    return arch_syscall(SYS_msync, end - size, size, MS_ASYNC, 0, 0, 0) == 0;
}

/* As far as the stack has grown from `end` down, if it is `size` at least: a bound found by doubling. */
static size_t find_grown(uintptr_t end, size_t size, size_t page)
{
    size_t step = page;
    while (is_mapped(end, size + step)) {
        size += step;
        step *= 2;
    }
    while ((step /= 2) >= page)
        if (is_mapped(end, size + step))
            size += step;
    return size;
}

/*
 * The initial thread's stack: it ends above the arguments, the environment and, last of all, the
 * program's name, and the kernel lets it grow as far down from there as RLIMIT_STACK says, or it has
 * grown already, under a higher limit. Without a limit memory is laid out so that there is much more
 * room than what is said here.
 */
static void find_initial_stack(struct attributes *found)
{
    const char *last = (const char *)__libc.auxv;
    for (const size_t *entry = __libc.auxv; entry[0] != AT_NULL; entry += 2)
        if (entry[0] == AT_EXECFN)
            last = (const char *)entry[1] + strlen((const char *)entry[1]);
    const uintptr_t page = __libc.page_size, much = 1ul << 30;
    struct rlimit limit = {much, much};
    arch_syscall(SYS_prlimit64, 0, RLIMIT_STACK, 0, (long)&limit, 0, 0);
    uintptr_t end = ((uintptr_t)last + page) & -page;
    size_t allowed = (limit.rlim_cur < much ? limit.rlim_cur : much) & -page;
    found->stack_size = find_grown(end, allowed, page);
    found->stack = (char *)end - found->stack_size;
}

PUBLIC int pthread_getattr_np(pthread_t handle, pthread_attr_t *attributes)
{
    struct musl_thread *thread = thread_block(handle);
    struct attributes *found = of(attributes);
    memset(attributes, 0, sizeof *attributes);
    if (arch_load_relaxed(&thread->state) & DETACHED)
        found->flags = DETACH;
    found->guard_size = thread->guard_size;
    if (thread->stack) {
        found->stack = (char *)thread->stack - thread->stack_size;
        found->stack_size = thread->stack_size;
    } else {
        find_initial_stack(found);
    }
    struct tid_hold hold;
    if (!tid_hold(&hold, handle))
        return 0;
    cpu_set_t cpus;
    long policy = read_scheduling(thread, &found->priority);
    long size = arch_syscall(SYS_sched_getaffinity, thread->tid, sizeof cpus, (long)&cpus, 0, 0, 0);
    tid_release(&hold);
    if (policy >= 0)
        found->policy = policy;
    return size > 0 ? pthread_attr_setaffinity_np(attributes, size, &cpus) : 0;
}
