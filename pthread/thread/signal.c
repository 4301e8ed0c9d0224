/* Signals to threads: POSIX.1-2024 pthread_kill, pthread_sigmask. */
#include "../park.h"
#include "thread.h"

#include <arch_syscall.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

uint64_t change_signal_mask(int how, uint64_t set)
{
    uint64_t former = 0;
    arch_syscall(SYS_rt_sigprocmask, how, (long)&set, (long)&former, sizeof set, 0, 0);
    return former;
}

/* Those that an instruction raises are its own thread's, and are not kept off. */
uint64_t signals_handled(void)
{
    const uint64_t of_instructions = SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGBUS) |
                                     SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGSYS);
    uint64_t handled = 0;
    if (__get_handler_set)
        __get_handler_set(&handled);
    return handled & ~(of_instructions | INTERNAL_SIGNALS);
}

static void let_go(struct musl_thread *thread)
{
    if (arch_fetch_add(&thread->signallers, -1u) == (SIGNALS_CLOSED | 1))
        unpark(&thread->signallers, EVERYONE, PRIVATE, ANY);
}

bool tid_hold(struct tid_hold *hold, pthread_t handle)
{
    *hold = (struct tid_hold){.thread = thread_block(handle)};
    if (hold->thread == musl_self())
        return true;
    hold->signal_mask = change_signal_mask(SIG_BLOCK, ~0ull);
    if (likely(!(arch_fetch_add(&hold->thread->signallers, 1) & SIGNALS_CLOSED)))
        return true;
    tid_release(hold);
    return false;
}

void tid_release(struct tid_hold *hold)
{
    if (hold->thread == musl_self())
        return;
    let_go(hold->thread);
    change_signal_mask(SIG_SETMASK, hold->signal_mask);
}

void tid_close(struct musl_thread *thread, bool adopted)
{
    uint32_t now = arch_fetch_add(&thread->signallers, SIGNALS_CLOSED) | SIGNALS_CLOSED;
    for (; !adopted && now != SIGNALS_CLOSED; now = arch_load_acquire(&thread->signallers))
        park(&thread->signallers, now, NULL, PRIVATE, ANY);
}

static bool is_for_programs(int signal)
{
    return (unsigned)signal <= 64 && (signal < MUSL_SIGTIMER || signal > MUSL_SIGSYNCCALL);
}

PUBLIC int pthread_kill(pthread_t thread, int signal)
{
    struct tid_hold hold;
    if (!is_for_programs(signal))
        return EINVAL;
    if (!tid_hold(&hold, thread))
        return 0;
    int error = -arch_syscall(SYS_tkill, hold.thread->tid, signal, 0, 0, 0, 0);
    tid_release(&hold);
    return error;
}

PUBLIC int pthread_sigqueue(pthread_t thread, int signal, union sigval value)
{
    struct tid_hold hold;
    if (!is_for_programs(signal))
        return EINVAL;
    long process = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_pid = process;
    info.si_uid = arch_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0);
    info.si_value = value;
    if (!tid_hold(&hold, thread))
        return 0;
    int error =
        -arch_syscall(SYS_rt_tgsigqueueinfo, process, hold.thread->tid, signal, (long)&info, 0, 0);
    tid_release(&hold);
    return error;
}

/* As the child of vfork is, in its parent's block, before it runs another program. */
static bool in_borrowed_block(void)
{
    return arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0) != musl_self()->tid;
}

PUBLIC int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict former)
{
    if (set && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
        return EINVAL;
    uint64_t wanted = 0, was = 0;
    if (set) {
        memcpy(&wanted, set, sizeof wanted);
        wanted &= ~INTERNAL_SIGNALS;
    }
    /* libc's own signals stay as they are: so what is not to be blocked any more is unblocked by itself */
    int first = set && how == SIG_SETMASK ? SIG_BLOCK : how;
    int error = -arch_syscall(SYS_rt_sigprocmask, first, set ? (long)&wanted : 0, (long)&was,
                              sizeof was, 0, 0);
    uint64_t unwanted = was & ~wanted;
    if (!(unwanted & INTERNAL_SIGNALS) || !in_borrowed_block())
        unwanted &= ~INTERNAL_SIGNALS;
    if (!error && first != how && unwanted)
        change_signal_mask(SIG_UNBLOCK, unwanted);
    if (!error && former) {
        was &= ~INTERNAL_SIGNALS;
        memcpy(former, &was, sizeof was);
    }
    return error;
}
