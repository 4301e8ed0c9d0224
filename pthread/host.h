/*
 * What Furwock asks of the libc beneath it. One file of pthread/host/ answers, chosen by the build:
 * musl.c in a static program on musl, else libc.c.
 */
#ifndef FURWOCK_HOST_H
#define FURWOCK_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* Has the process a single thread, so that plain instructions do for private objects? */
#ifdef FURWOCK_MUSL
#include "host/musl.h"
static inline bool alone(void)
{
    return *(const volatile char *)&__libc.threaded == 0;
}
#else
#include "host/libc.h"
#include <pthread.h>
/* Points to a byte that is not zero while the process has a single thread. */
extern const char *host_alone __attribute__((visibility("hidden")));
static inline bool alone(void)
{
    return *(const volatile char *)host_alone != 0;
}
#endif

/* Call host_thread_exit when the calling thread exits. False if that cannot be had. */
bool host_arm_exit(void);
/* Can key destructors be run in this process? Asked before a key with one is created. */
bool host_exit_possible(void);

/* The calling thread's tid as libc has it; 0 if that is not to be had without a system call. */
uint32_t host_tid(void);

/* Does libc free a thread's thread-local storage before the kernel has seen the thread's end? */
bool host_frees_threads_early(void);

/* A cancellation point that does not wait. */
#ifdef FURWOCK_MUSL
void host_test_cancel(void);
#else
extern __typeof__(pthread_testcancel) pthread_testcancel MAY_LACK;
static inline void host_test_cancel(void)
{
    if (HAS(pthread_testcancel))
        pthread_testcancel();
}
#endif

/*
 * A cleanup handler, which runs when the thread is cancelled or exits, with unwind tables or without.
 * Popping it does not run it; a C++ exception leaves it where it is.
 */
struct cleanup_record {
    void *words[4];
};
void host_push_cleanup(struct cleanup_record *record, void (*routine)(void *), void *argument);
void host_pop_cleanup(struct cleanup_record *record);

/* Make cancellation deferred, and put back what it was. */
int host_defer_cancel(void);
void host_restore_cancel(int type);

/*
 * Run wait(closure, call), which blocks in one system call, such that a cancel of the thread
 * interrupts it: then cancelled(argument) runs, and the thread goes on to its cleanup handlers. The
 * system call is to be made by `call`, if that is not null.
 */
typedef long system_call(long number, long a, long b, long c, long d, long e, long f);
int host_wait_cancellable(int (*wait)(void *, system_call *), void *closure,
                          void (*cancelled)(void *), void *argument);

#endif
