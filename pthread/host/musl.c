/* musl in a static program, where a thread's block is within reach: no libc function is needed. */
#include "musl.h"
#include "../host.h"
#include "../options.h"
#include "../self.h"

#include <arch_syscall.h>
#include <arch_thread.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>

_Static_assert(sizeof(struct __ptcb) <= sizeof(struct cleanup_record), "a record fits");

bool host_exit_possible(void)
{
    return true;
}

/* exit.c runs the destructors, and libc's own exit does through a name of key.c's. */
bool host_arm_exit(void)
{
    self.exit_armed = true;
    return true;
}

/* The kernel writes it, and fork. */
uint32_t host_tid(void)
{
    return musl_self()->tid;
}

bool host_frees_threads_early(void)
{
    return false;
}

/* Where there are no threads nobody is ever cancelled. */
static void exit_if_cancelled(const struct musl_thread *thread)
{
    if (arch_load_relaxed(&thread->cancelled) && musl_cancellable(thread))
        musl_cancellation.exit(PTHREAD_CANCELED);
}

void host_test_cancel(void)
{
    exit_if_cancelled(musl_self());
}

int host_defer_cancel(void)
{
    struct musl_thread *thread = musl_self();
    int type = thread->cancel_asynchronous;
    thread->cancel_asynchronous = PTHREAD_CANCEL_DEFERRED;
    return type;
}

void host_restore_cancel(int type)
{
    struct musl_thread *thread = musl_self();
    *(volatile uint8_t *)&thread->cancel_asynchronous = type;
    if (type != PTHREAD_CANCEL_DEFERRED)
        exit_if_cancelled(thread);
}

void host_push_cleanup(struct cleanup_record *record, void (*routine)(void *), void *argument)
{
    struct musl_thread *thread = musl_self();
    struct __ptcb *handler = (struct __ptcb *)record;
    *handler = (struct __ptcb){routine, argument, thread->cleanup};
    *(struct __ptcb *volatile *)&thread->cleanup = handler;
}

void host_pop_cleanup(struct cleanup_record *record)
{
    *(struct __ptcb *volatile *)&musl_self()->cleanup = ((struct __ptcb *)record)->__next;
}

static long cancellable_call(long number, long a, long b, long c, long d, long e, long f)
{
    const uint32_t *cancelled = &musl_self()->cancelled;
    long result = musl_cancellation.call(cancelled, number, a, b, c, d, e, f);
    return result == ARCH_CANCELLED ? -EINTR : result;
}

/* A wait that ended as it should is not cancelled any more; one that was not begun or was interrupted is. */
int host_wait_cancellable(int (*wait)(void *, system_call *), void *closure,
                          void (*cancelled)(void *), void *argument)
{
    struct musl_thread *thread = musl_self();
    if (!musl_cancellable(thread) || !&musl_cancellation)
        return wait(closure, NULL);
    int result = wait(closure, cancellable_call);
    if ((result == EINTR || result == EAGAIN) && arch_load_relaxed(&thread->cancelled)) {
        cancelled(argument);
        musl_cancellation.exit(PTHREAD_CANCELED);
    }
    return result;
}

/*
 * Between the calls of a timer's function libc lets the thread that makes them look new, and calls this
 * to give its thread-local variables their initial values. But it is the same thread, to the kernel and
 * in whatever it has left locked: what Furwock keeps for it stays. The keys were destroyed before.
 *
 * libc has declared it uncancelled by then; the signal that has cancelled it may be pending and blocked.
 */
void __reset_tls(void) MUSL_HIDDEN;

static void reset(const struct musl_tls_image *image, char *variables, size_t from, size_t to)
{
    for (; from < to && from < image->length; from++)
        variables[from] = ((const char *)image->image)[from];
    for (; from < to; from++)
        variables[from] = 0;
}

void __reset_tls(void)
{
    struct musl_thread *thread = musl_self();
    for (const struct musl_tls_image *image = __libc.tls_head; image; image = image->next) {
        char *variables = musl_variables(thread, image);
        size_t kept = (uintptr_t)&self - (uintptr_t)variables;
        if (kept >= image->size)
            kept = image->size;
        reset(image, variables, 0, kept);
        if (kept < image->size)
            reset(image, variables, kept + sizeof self, image->size);
    }
    const uint64_t signal = 1ull << (MUSL_SIGCANCEL - 1);
    if (thread->cancel_waits) {
        thread->cancel_waits = 0;
        arch_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&signal, 0, sizeof signal, 0, 0);
    }
}

__attribute__((constructor)) static void start(void)
{
    self_start();
    options_read();
}
