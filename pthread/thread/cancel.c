/*
 * Cancellation: POSIX.1-2024 pthread_cancel, pthread_setcancelstate, pthread_cleanup_push.
 *
 * pthread_cancel sets `cancelled` in the thread's block and sends it a signal, whose handler ends
 * the thread if its cancel type is asynchronous, or if it is in the window of a cancellable system
 * call (arch_thread.h): the call has then had no effect, and never will. Elsewhere it leaves the
 * signal pending and blocked, so that it comes again when the program's own signal handler, in
 * which this one may have found the thread, returns to an interrupted call; and the thread finds
 * `cancelled` at the next cancellation point.
 *
 * A thread that has cancellation disabled is not sent the signal, which would interrupt its timed
 * waits for nothing. Either the canceller sees that it has enabled cancellation, or the thread sees
 * `cancelled` when it has: on both sides a fence separates what is written from what is read.
 *
 * libc makes the system calls of its cancellation points through __syscall_cp_c.
 */
#include "../host.h"
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
    if (unlikely(is_cancelled(thread)) && thread->cancel_state == PTHREAD_CANCEL_ENABLE)
        pthread_exit(PTHREAD_CANCELED);
}

long __syscall_cp_c(long number, long a, long b, long c, long d, long e, long f) MUSL_HIDDEN;
void __testcancel(void) MUSL_HIDDEN;

long __syscall_cp_c(long number, long a, long b, long c, long d, long e, long f)
{
    struct musl_thread *thread = musl_self();
    /* in libc's own state the call that closes a descriptor is made all the same */
    if (thread->cancel_state == PTHREAD_CANCEL_DISABLE ||
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

static void handle_cancel(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    struct musl_thread *thread = musl_self();
    if (!is_cancelled(thread) || thread->cancel_state == PTHREAD_CANCEL_DISABLE)
        return;
    uint64_t mask;
    memcpy(&mask, &((ucontext_t *)context)->uc_sigmask, sizeof mask);
    if (thread->cancel_asynchronous && thread->cancel_state == PTHREAD_CANCEL_ENABLE) {
        change_signal_mask(SIG_SETMASK, mask);
        pthread_exit(PTHREAD_CANCELED);
    }
    if (arch_cancel_call(context))
        return;
    mask |= SIGNAL_BIT(MUSL_SIGCANCEL);
    memcpy(&((ucontext_t *)context)->uc_sigmask, &mask, sizeof mask);
    arch_syscall(SYS_tkill, thread->tid, MUSL_SIGCANCEL, 0, 0, 0, 0);
}

static void handle_cancel_signal(void)
{
    static uint32_t installed;
    if (likely(arch_load_acquire(&installed)))
        return;
    struct sigaction action = {.sa_sigaction = handle_cancel, .sa_flags = SA_SIGINFO | SA_RESTART};
    memset(&action.sa_mask, -1, sizeof action.sa_mask);
    __libc_sigaction(MUSL_SIGCANCEL, &action, NULL);
    arch_store_release(&installed, 1);
}

PUBLIC int pthread_cancel(pthread_t handle)
{
    struct musl_thread *thread = thread_block(handle);
    handle_cancel_signal();
    arch_exchange(&thread->cancelled, 1);
    if (thread == musl_self()) {
        if (thread->cancel_asynchronous)
            cancel_if_pending();
        return 0;
    }
    struct tid_hold hold;
    uint8_t state = *(volatile uint8_t *)&thread->cancel_state;
    if (state != PTHREAD_CANCEL_DISABLE && tid_hold(&hold, handle)) {
        arch_syscall(SYS_tkill, thread->tid, MUSL_SIGCANCEL, 0, 0, 0, 0);
        tid_release(&hold);
    }
    return 0;
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
        /* any locked instruction is a fence */
        arch_or(&thread->state, 0);
        if (thread->cancel_asynchronous)
            cancel_if_pending();
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
