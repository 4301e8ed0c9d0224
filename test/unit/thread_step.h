/*
 * To have something happen before the n-th instruction of a function: the processor traps after each
 * one, and the handler counts.
 */
#ifndef FURWOCK_TEST_THREAD_STEP_H
#define FURWOCK_TEST_THREAD_STEP_H

#include "unit.h"
#include <ucontext.h>

static struct {
    pid_t tid;
    bool on;
    int until, count;
    /* called in a signal handler; and another one, or null, at each instruction */
    void (*happens)(void), (*each)(void);
} steps;

#ifdef __x86_64__
enum { CAN_STEP = 1, TRAP_FLAG = 0x100, TRAP_REGISTER = 17 };

static inline void step(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    /* a thread that is created by the one that is stepped is born with the flag */
    bool mine = unit_gettid() == steps.tid;
    if (mine && steps.on && steps.each)
        steps.each();
    if (mine && steps.on && steps.count++ == steps.until)
        steps.happens();
    if (!mine || !steps.on || steps.count > steps.until)
        ((ucontext_t *)context)->uc_mcontext.gregs[TRAP_REGISTER] &= ~TRAP_FLAG;
}

static inline void steps_begin(int until, void (*happens)(void))
{
    struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, NULL);
    steps.tid = unit_gettid();
    steps.until = until;
    steps.count = 0;
    steps.happens = happens;
    steps.on = true;
    __asm__ volatile(
        "lea -128(%%rsp), %%rsp; pushfq; orl $0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp"
        :
        :
        : "memory", "cc");
}
#else
enum { CAN_STEP = 0 };

static inline void steps_begin(int until, void (*happens)(void))
{
    (void)until, (void)happens;
}
#endif

/* Has it happened, or was the function over before? */
static inline bool steps_end(void)
{
    steps.on = false;
    return steps.count > steps.until;
}

#endif
