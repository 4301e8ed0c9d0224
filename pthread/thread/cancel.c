/*
 * Cancellation: POSIX.1-2024 pthread_cancel, pthread_setcancelstate, pthread_cleanup_push.
 *
 * pthread_cancel sets `cancelled` in the thread's block and sends it a signal, whose handler ends
 * the thread if its cancel type is asynchronous, or if it is in the window of a cancellable system
 * call (arch_thread.h): the call has then had no effect, and never will. Elsewhere it leaves the
 * signal pending and blocked, so that it comes again when the program's own signal handler, in
 * which this one may have found the thread, returns to an interrupted call; and the thread finds
 * `cancelled` at the next cancellation point. `cancel_waits` says that it is so.
 *
 * A thread that has cancellation disabled is not sent the signal, which would interrupt its timed
 * waits for nothing. Either the canceller sees that it has enabled cancellation, or the thread sees
 * `cancelled` when it has: on both sides a fence separates what is written from what is read. It
 * then sends the signal to itself, because all this may happen in a handler on top of a call.
 *
 * A thread that creates another one ignores the signal, and sends it to itself afterwards, or has it
 * blocked like those that the program handles: a child has its creator's mask, and must not be left with
 * the signal blocked. Nor is a handler that comes in spite of that (create.c) a place to end at: the
 * thread holds the lock of the ring.
 *
 * libc makes the system calls of its cancellation points through __syscall_cp_c, those that change
 * the signal mask among them.
 */
#include "../host.h"
#include "../park.h"
#include "thread.h"

#include <arch_syscall.h>
#include <arch_thread.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

static bool is_cancelled(const struct musl_thread *thread)
{
    return arch_load_relaxed(&thread->cancelled) != 0;
}

/* A cancellation point has found it so. libc's own state lets the call fail instead. */
static long cancel_point(struct musl_thread *thread)
{
    if (thread->cancel_state == PTHREAD_CANCEL_ENABLE)
        pthread_exit(PTHREAD_CANCELED);
    thread->cancel_state = PTHREAD_CANCEL_DISABLE;
    return -ECANCELED;
}

void cancel_if_pending(void)
{
    struct musl_thread *thread = musl_self();
    if (unlikely(is_cancelled(thread)) && musl_cancellable(thread))
        pthread_exit(PTHREAD_CANCELED);
}

long __syscall_cp_c(long number, long a, long b, long c, long d, long e, long f) MUSL_HIDDEN;
void __testcancel(void) MUSL_HIDDEN;

static long make_call(long number, long a, long b, long c, long d, long e, long f)
{
    struct musl_thread *thread = musl_self();
    /* in libc's own state the call that closes a descriptor is made all the same */
    if (thread->cancel_state == PTHREAD_CANCEL_DISABLE || unlikely(thread->creating) ||
        (thread->cancel_state != PTHREAD_CANCEL_ENABLE && number == SYS_close))
        return arch_syscall(number, a, b, c, d, e, f);
    long result = arch_syscall_cancellable(&thread->cancelled, number, a, b, c, d, e, f);
    if (unlikely(result == ARCH_CANCELLED))
        return cancel_point(thread);
    /* interrupted, it has done nothing; but an interrupted close has closed */
    if (unlikely(result == -EINTR) && number != SYS_close && is_cancelled(thread) &&
        thread->cancel_state != PTHREAD_CANCEL_DISABLE)
        return cancel_point(thread);
    return result;
}

/* What pselect6 takes as its sixth argument. */
struct mask_argument {
    const void *mask;
    long size;
};

static bool has_mask(long number, long d, long e, long f)
{
    switch (number) {
    case SYS_rt_sigsuspend:
        return true;
    case SYS_ppoll:
        return d != 0;
    case SYS_epoll_pwait:
        return e != 0;
    case SYS_pselect6:
        return f && ((const struct mask_argument *)f)->mask;
    default:
        return false;
    }
}

/*
 * In the mask that the program has given the call for as long as it takes, libc's own signals are to
 * be as they should: the one for timers blocked, since it is for threads that wait for it alone; the
 * one that cancels too, where it would end the call for nothing.
 */
static COLD long call_with_mask(long number, long a, long b, long c, long d, long e, long f)
{
    uint64_t mask;
    struct mask_argument argument = {&mask, sizeof mask};
    const void *given = (const void *)(number == SYS_rt_sigsuspend ? a
                                       : number == SYS_ppoll       ? d
                                       : number == SYS_epoll_pwait ? e
                                                                   : 0);
    memcpy(&mask, given ? given : ((const struct mask_argument *)f)->mask, sizeof mask);
    mask = (mask & ~INTERNAL_SIGNALS) | SIGNAL_BIT(MUSL_SIGTIMER);
    if (musl_self()->cancel_state == PTHREAD_CANCEL_DISABLE)
        mask |= SIGNAL_BIT(MUSL_SIGCANCEL);
    switch (number) {
    case SYS_rt_sigsuspend:
        return make_call(number, (long)&mask, b, c, d, e, f);
    case SYS_ppoll:
        return make_call(number, a, b, c, (long)&mask, e, f);
    case SYS_epoll_pwait:
        return make_call(number, a, b, c, d, (long)&mask, f);
    default:
        return make_call(number, a, b, c, d, e, (long)&argument);
    }
}

long __syscall_cp_c(long number, long a, long b, long c, long d, long e, long f)
{
    if (unlikely(has_mask(number, d, e, f)))
        return call_with_mask(number, a, b, c, d, e, f);
    return make_call(number, a, b, c, d, e, f);
}

/*
 * A thread may send itself a signal as from kill(2), and then the kernel needs no memory for it, of
 * which RLIMIT_SIGPENDING may have left none.
 */
static void send_to_self(struct musl_thread *thread)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = MUSL_SIGCANCEL;
    info.si_code = SI_USER;
    thread->cancel_waits = thread->tid;
    long process = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    if (arch_syscall(SYS_rt_tgsigqueueinfo, process, thread->tid, MUSL_SIGCANCEL, (long)&info, 0,
                     0) != 0)
        arch_syscall(SYS_tkill, thread->tid, MUSL_SIGCANCEL, 0, 0, 0, 0);
}

/* Without a handler, which a sandbox may refuse, the signal would end the process. */
static uint32_t signal_handled;

/* In the child of fork no signal is pending, and the tid is another. */
void cancel_again(void)
{
    struct musl_thread *thread = musl_self();
    if (unlikely(is_cancelled(thread)) && arch_load_relaxed(&signal_handled) &&
        thread->cancel_state != PTHREAD_CANCEL_DISABLE && thread->cancel_waits != thread->tid &&
        !thread->creating)
        send_to_self(thread);
}

static void be_cancelled(void)
{
    pthread_exit(PTHREAD_CANCELED);
}

static void handle_cancel(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    struct musl_thread *thread = musl_self();
    thread->cancel_waits = 0;
    /* who cancels it from now on sends the signal again, or is seen here */
    arch_fence();
    if (!is_cancelled(thread) || thread->cancel_state == PTHREAD_CANCEL_DISABLE || thread->creating)
        return;
    if (thread->cancel_asynchronous && thread->cancel_state == PTHREAD_CANCEL_ENABLE) {
        /* not here, which may be a small stack for signals */
        arch_run_instead(context, be_cancelled);
        return;
    }
    if (arch_cancel_call(context))
        return;
    uint64_t mask;
    memcpy(&mask, &((ucontext_t *)context)->uc_sigmask, sizeof mask);
    mask |= SIGNAL_BIT(MUSL_SIGCANCEL);
    memcpy(&((ucontext_t *)context)->uc_sigmask, &mask, sizeof mask);
    send_to_self(thread);
}

static bool handle_cancel_signal(void)
{
    if (likely(arch_load_acquire(&signal_handled)))
        return true;
    struct sigaction action = {.sa_sigaction = handle_cancel,
                               .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    memset(&action.sa_mask, -1, sizeof action.sa_mask);
    if (__libc_sigaction(MUSL_SIGCANCEL, &action, NULL) != 0)
        return false;
    arch_store_release(&signal_handled, 1);
    return true;
}

static bool expects_signal(struct musl_thread *thread)
{
    return *(volatile uint8_t *)&thread->cancel_state != PTHREAD_CANCEL_DISABLE &&
           arch_load_relaxed(&thread->cancel_waits) != thread->tid;
}

/*
 * Where the kernel has no memory for the signal it takes one from kill(2) all the same. That goes to
 * the process: mostly to the thread that is named, but any other one may take it. So it is sent until
 * the thread has seen it, for a tenth of a second at most: it may have no processor.
 */
enum { FIRST_NAP = 100 * 1000, DOUBLINGS = 6, NAPS = 20 };

static int send_cancel(struct musl_thread *thread)
{
    static const uint32_t nobody_wakes;
    long error = -arch_syscall(SYS_tkill, thread->tid, MUSL_SIGCANCEL, 0, 0, 0, 0);
    for (int naps = 0; error == EAGAIN && naps < NAPS; naps++) {
        arch_syscall(SYS_kill, thread->tid, MUSL_SIGCANCEL, 0, 0, 0, 0);
        nap(&nobody_wakes, 0, FIRST_NAP << (naps < DOUBLINGS ? naps : DOUBLINGS), NULL);
        if (!expects_signal(thread))
            error = 0;
    }
    return error == EAGAIN ? EAGAIN : 0;
}

PUBLIC int pthread_cancel(pthread_t handle)
{
    struct musl_thread *thread = thread_block(handle);
    int error = 0;
    bool handled = handle_cancel_signal();
    arch_exchange(&thread->cancelled, 1);
    /* either this sees its state, or it sees this: pthread_setcancelstate */
    arch_fence_after_rmw();
    if (thread == musl_self()) {
        if (thread->cancel_asynchronous)
            cancel_if_pending();
        /* it may be in a signal handler, on top of a call */
        cancel_again();
        return 0;
    }
    struct tid_hold hold;
    if (handled && expects_signal(thread) && tid_hold(&hold, handle)) {
        error = send_cancel(thread);
        tid_release(&hold);
    }
    return error;
}

PUBLIC void pthread_testcancel(void)
{
    cancel_if_pending();
}

void __testcancel(void)
{
    cancel_if_pending();
}

PUBLIC int pthread_setcancelstate(int state, int *former)
{
    struct musl_thread *thread = musl_self();
    if ((unsigned)state > MUSL_CANCEL_MASKED)
        return EINVAL;
    if (former)
        *former = thread->cancel_state;
    *(volatile uint8_t *)&thread->cancel_state = state;
    if (state != PTHREAD_CANCEL_DISABLE) {
        arch_fence();
        if (thread->cancel_asynchronous)
            cancel_if_pending();
        cancel_again();
    }
    return 0;
}

PUBLIC int pthread_setcanceltype(int type, int *former)
{
    struct musl_thread *thread = musl_self();
    if ((unsigned)type > PTHREAD_CANCEL_ASYNCHRONOUS)
        return EINVAL;
    if (former)
        *former = thread->cancel_asynchronous;
    thread->cancel_asynchronous = type;
    if (type)
        cancel_if_pending();
    return 0;
}

PUBLIC void _pthread_cleanup_push(struct __ptcb *handler, void (*routine)(void *), void *argument)
{
    struct musl_thread *thread = musl_self();
    handler->__f = routine;
    handler->__x = argument;
    handler->__next = thread->cleanup;
    thread->cleanup = handler;
}

PUBLIC void _pthread_cleanup_pop(struct __ptcb *handler, int run)
{
    musl_self()->cleanup = handler->__next;
    if (run)
        handler->__f(handler->__x);
}

const struct musl_cancellation musl_cancellation = {pthread_exit, arch_syscall_cancellable};

MUSL_NAME(pthread_setcancelstate, __pthread_setcancelstate);
MUSL_NAME(pthread_testcancel, __pthread_testcancel);
