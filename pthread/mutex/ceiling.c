/*
 * Priority ceilings. A thread counts the mutexes it holds at each ceiling; its priority is the
 * highest of these and of the one it had before it held any, its base. A thread without real-time
 * priority has base 0, and runs under SCHED_FIFO while it holds a ceiling, if the system permits. One
 * of SCHED_DEADLINE comes before those of all priorities, and so exceeds every ceiling.
 *
 * The base is read when the first ceiling is taken. While ceilings are held the thread itself can
 * change it; what others set lasts until the next ceiling is taken or dropped.
 */
#include "ceiling.h"
#include "../self.h"

#include <arch_syscall.h>
#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>

/* SCHED_FIFO's priorities, of which the kernel has never had others. */
int ceiling_minimum(void)
{
    return 1;
}

int ceiling_maximum(void)
{
    return PRIORITIES - 1;
}

static void hold(unsigned ceiling)
{
    self.ceilings[ceiling]++;
    self.ceilings_held++;
    if ((int)ceiling > self.highest_ceiling)
        self.highest_ceiling = ceiling;
}

static void let_go(unsigned ceiling)
{
    self.ceilings[ceiling]--;
    self.ceilings_held--;
    if (self.ceilings_held == 0)
        self.highest_ceiling = 0;
    while (self.highest_ceiling > 0 && self.ceilings[self.highest_ceiling] == 0)
        self.highest_ceiling--;
}

static bool is_deadline(int policy)
{
    return (policy & ~SCHED_RESET_ON_FORK) == SCHED_DEADLINE;
}

static int read_base(void)
{
    /* the kernel's struct sched_param is one int; libcs reserve more */
    int parameter[16] = {0};
    long policy = 0, refused = arch_syscall(SYS_sched_getparam, 0, (long)parameter, 0, 0, 0, 0);
    if (!refused && parameter[0] == 0)
        policy = arch_syscall(SYS_sched_getscheduler, 0, 0, 0, 0, 0, 0);
    if (refused || policy < 0)
        return EPERM;
    self.base_priority = parameter[0];
    self.base_policy = policy;
    return is_deadline(policy) ? EINVAL : 0;
}

/* A real-time thread keeps its policy; another has SCHED_FIFO while it is raised. */
static int apply(int priority)
{
    int parameter = priority > self.base_priority ? priority : self.base_priority;
    if (self.base_priority > 0)
        return -arch_syscall(SYS_sched_setparam, 0, (long)&parameter, 0, 0, 0, 0);
    int policy = self.base_policy;
    if (parameter > 0)
        policy = SCHED_FIFO | (policy & SCHED_RESET_ON_FORK);
    return -arch_syscall(SYS_sched_setscheduler, 0, policy, (long)&parameter, 0, 0, 0);
}

/* Move the thread from the highest ceiling `before` to what it holds now. */
static int follow(int before)
{
    int now = self.highest_ceiling;
    bool unchanged = (now > before ? now : before) <= self.base_priority || now == before;
    return unchanged ? 0 : apply(now);
}

int ceiling_raise(unsigned ceiling)
{
    int before = self.highest_ceiling;
    int error = before == 0 ? read_base() : 0;
    if (error)
        return error;
    if (self.base_priority > (int)ceiling)
        return EINVAL;
    hold(ceiling);
    error = follow(before);
    if (error)
        let_go(ceiling);
    return error;
}

void ceiling_drop(unsigned ceiling)
{
    int before = self.highest_ceiling;
    if (self.ceilings[ceiling] == 0)
        return;
    let_go(ceiling);
    follow(before);
}

int ceiling_change(unsigned from, unsigned to)
{
    int before = self.highest_ceiling;
    if (self.base_priority > (int)to)
        return EINVAL;
    hold(to);
    let_go(from);
    int error = follow(before);
    if (error) {
        hold(from);
        let_go(to);
    }
    return error;
}

int ceiling_base_policy(void)
{
    if (self.base_priority == 0)
        return self.base_policy;
    return arch_syscall(SYS_sched_getscheduler, 0, 0, 0, 0, 0, 0);
}

/* A thread that goes on with the same priority keeps its place in the scheduler's queue. */
int ceiling_rebase(int policy, int priority)
{
    int type = policy & ~SCHED_RESET_ON_FORK;
    if (is_deadline(policy) ||
        priority < arch_syscall(SYS_sched_get_priority_min, type, 0, 0, 0, 0, 0) ||
        priority > arch_syscall(SYS_sched_get_priority_max, type, 0, 0, 0, 0, 0))
        return EINVAL;
    int highest = self.highest_ceiling;
    int before = self.base_priority > highest ? self.base_priority : highest;
    int after = priority > highest ? priority : highest;
    int wanted = priority > 0 ? policy : SCHED_FIFO | (policy & SCHED_RESET_ON_FORK);
    if (after != before || wanted != arch_syscall(SYS_sched_getscheduler, 0, 0, 0, 0, 0, 0)) {
        int error = -arch_syscall(SYS_sched_setscheduler, 0, wanted, (long)&after, 0, 0, 0);
        if (error)
            return error;
    }
    self.base_priority = priority;
    self.base_policy = policy;
    return 0;
}
