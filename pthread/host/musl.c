/*
 * musl in a static program. Its thread's block is within reach, so that cancellation needs no call:
 * what is set here the handler of the cancelling signal looks at, Furwock's (thread/cancel.c) or, in
 * a program that creates no threads itself, libc's.
 */
#include "musl.h"
#include "../host.h"
#include "../options.h"
#include "../self.h"

#include <pthread.h>
#include <stddef.h>

_Static_assert(sizeof(struct __ptcb) <= sizeof(struct cleanup_record), "a record fits");

/* Only in a program that has threads can one be cancelled. */
#pragma weak pthread_exit

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

bool host_frees_threads_early(void)
{
    return false;
}

static void exit_if_cancelled(const struct musl_thread *thread)
{
    if (arch_load_relaxed(&thread->cancelled) && thread->cancel_state == PTHREAD_CANCEL_ENABLE)
        pthread_exit(PTHREAD_CANCELED);
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

/* The cancel type is asynchronous around the system call alone. */
int host_wait_cancellable(int (*wait)(void *), void *closure, void (*cancelled)(void *),
                          void *argument)
{
    struct cleanup_record record;
    host_push_cleanup(&record, cancelled, argument);
    host_restore_cancel(PTHREAD_CANCEL_ASYNCHRONOUS);
    int result = wait(closure);
    host_restore_cancel(PTHREAD_CANCEL_DEFERRED);
    host_pop_cleanup(&record);
    return result;
}

__attribute__((constructor)) static void start(void)
{
    options_read();
}
