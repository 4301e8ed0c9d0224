/* musl in a static program, where a thread's block is within reach: no libc function is needed. */
#include "musl.h"
#include "../host.h"
#include "../options.h"
#include "../self.h"

#include <arch_thread.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

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
    if (arch_load_relaxed(&thread->cancelled) && thread->cancel_state == PTHREAD_CANCEL_ENABLE)
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
    if (thread->cancel_state != PTHREAD_CANCEL_ENABLE || !&musl_cancellation)
        return wait(closure, NULL);
    int result = wait(closure, cancellable_call);
    if ((result == EINTR || result == EAGAIN) && arch_load_relaxed(&thread->cancelled)) {
        cancelled(argument);
        musl_cancellation.exit(PTHREAD_CANCELED);
    }
    return result;
}

__attribute__((constructor)) static void start(void)
{
    self_start();
    options_read();
}
