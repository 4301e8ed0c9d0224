/*
 * The end of a thread, and those who wait for it: POSIX.1-2024 pthread_exit, pthread_join,
 * pthread_detach.
 *
 * The end is two system calls: one blocks the signals, one is the end itself, at which the kernel
 * clears the tid in the thread's block and wakes the joiner who sleeps on it.
 */
#include "../spinning.h"
#include "thread.h"

#include <arch_syscall.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>

/* Only with key.c in the program. */
#pragma weak keys_exit

static void run_cleanup_handlers(struct musl_thread *thread)
{
    struct __ptcb *handler;
    while ((handler = thread->cleanup)) {
        thread->cleanup = handler->__next;
        handler->__f(handler->__x);
    }
}

/* The last thread's end is the end of the process. The ring's lock is held, and is let go of. */
static _Noreturn void exit_process(struct musl_thread *thread, uint64_t signal_mask)
{
    thread_list_unlock();
    arch_fetch_add(&thread->signallers, -SIGNALS_CLOSED);
    change_signal_mask(SIG_SETMASK, signal_mask);
    exit(0);
}

/* Adds EXITED; returns the state from before. */
static uint32_t mark_exited(struct musl_thread *thread)
{
    uint32_t state = arch_load_relaxed(&thread->state);
    while (!arch_cas_fetch(&thread->state, &state, state | EXITED))
        ;
    return state;
}

PUBLIC _Noreturn void pthread_exit(void *result)
{
    struct musl_thread *thread = musl_self();
    thread->cancel_state = PTHREAD_CANCEL_DISABLE;
    thread->cancel_asynchronous = 0;
    run_cleanup_handlers(thread);
    if (self.exit_armed && keys_exit)
        keys_exit();
    readers_exit();

    /* libc's own signals still come: the ring's lock may be held by one who waits for an answer */
    uint64_t signal_mask = change_signal_mask(SIG_BLOCK, ~INTERNAL_SIGNALS);
    /* The initial thread, and the one that a child of fork begins with, were made by others. */
    bool adopted = thread->result != birth_mark(thread);
    tid_close(thread, adopted);
    thread_list_lock_to_leave();
    if (thread->next == thread)
        exit_process(thread, signal_mask);
    if (&__do_orphaned_stdio_locks)
        __do_orphaned_stdio_locks();
    if (&__dl_thread_cleanup)
        __dl_thread_cleanup();
    thread_list_remove(thread);
    thread_count_down();
    if (adopted)
        arch_syscall(SYS_set_tid_address, (long)&thread->tid, 0, 0, 0, 0, 0);
    thread->result = result;
    if ((mark_exited(thread) & DETACHED) && thread->map) {
        arch_store_relaxed(&thread->state, 0);
        stack_give(thread);
    }
    thread_list_unlock();
    for (;;)
        arch_syscall(SYS_exit, 0, 0, 0, 0, 0, 0);
}

/* Its end has been, or is being, awaited: nobody looks at the block again. */
static void give_back(struct musl_thread *thread)
{
    arch_store_relaxed(&thread->state, 0);
    if (!thread->map)
        return;
    thread_list_lock();
    stack_give(thread);
    thread_list_unlock();
}

/* Does another thread wait for its end? Not in the child of fork, though the state says so. */
static bool is_awaited(const struct musl_thread *thread)
{
    bool found = false;
    struct musl_thread *me = musl_self();
    thread_list_lock();
    for (struct musl_thread *other = me->next; other != me; other = other->next)
        found |= arch_load_pointer((void **)&other->joining) == thread;
    thread_list_unlock();
    return found;
}

/* Make a joinable thread `state`: 0, EINVAL, or ESRCH if it is still known that there is none. */
static int claim(struct musl_thread *thread, uint32_t state, uint32_t *former)
{
    *former = arch_load_acquire(&thread->state);
    do {
        if (*former == 0)
            return ESRCH;
        if (!(*former & JOINABLE) && (!(*former & JOINING) || is_awaited(thread)))
            return EINVAL;
    } while (!arch_cas_fetch(&thread->state, former, (*former & EXITED) | state));
    return 0;
}

static void unclaim(struct musl_thread *thread)
{
    uint32_t state = arch_load_relaxed(&thread->state);
    while (!arch_cas_fetch(&thread->state, &state, (state & EXITED) | JOINABLE))
        ;
    musl_self()->joining = NULL;
}

static void cancelled_join(void *argument)
{
    unclaim(argument);
}

static void spin_for_end(struct musl_thread *thread)
{
    static uint32_t spins;
    struct spin spin;
    if (arch_load_relaxed(&thread->tid) == 0 || !spin_wanted(&spin, &spins))
        return;
    bool ended;
    do
        ended = arch_load_relaxed(&thread->tid) == 0;
    while (!ended && spin_goes_on(&spin));
    spin_report(&spin, ended);
}

static int wait_for_end(struct musl_thread *thread, const struct deadline *deadline)
{
    /* the kernel wakes it as a word in shared memory */
    uint32_t tid;
    int error = 0;
    spin_for_end(thread);
    while ((tid = arch_load_acquire(&thread->tid)) != 0 && error != ETIMEDOUT && error != EINVAL)
        error = park_cancellable(&thread->tid, tid, deadline, SHARED, cancelled_join, thread);
    return tid == 0 ? 0 : error;
}

static int join(pthread_t handle, void **result, const struct deadline *deadline, bool try)
{
    struct musl_thread *thread = thread_block(handle), *me = musl_self();
    if (!try)
        host_test_cancel();
    if (thread == me)
        return EDEADLK;
    uint32_t former;
    arch_store_pointer((void **)&me->joining, thread);
    int error = claim(thread, JOINING, &former);
    if (error) {
        me->joining = NULL;
        return error;
    }
    /* the claim is a fence: of two threads that join each other at least one sees the other */
    bool ends =
        arch_load_relaxed(&thread->cancelled) && thread->cancel_state == PTHREAD_CANCEL_ENABLE;
    if (arch_load_pointer((void **)&thread->joining) == me && !ends)
        error = EDEADLK;
    else if (try)
        error = arch_load_acquire(&thread->tid) != 0 ? EBUSY : 0;
    else
        error = wait_for_end(thread, deadline);
    if (error) {
        unclaim(thread);
        return error;
    }
    me->joining = NULL;
    if (result)
        *result = thread->result;
    give_back(thread);
    return 0;
}

PUBLIC int pthread_join(pthread_t thread, void **result)
{
    return join(thread, result, NULL, false);
}

PUBLIC int pthread_tryjoin_np(pthread_t thread, void **result)
{
    return join(thread, result, NULL, true);
}

PUBLIC int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
                                const struct timespec *time)
{
    struct deadline deadline = {clock, time};
    int error = deadline_clock(clock);
    return error ? error : join(thread, result, time ? &deadline : NULL, false);
}

PUBLIC int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *time)
{
    return pthread_clockjoin_np(thread, result, CLOCK_REALTIME, time);
}

PUBLIC int pthread_detach(pthread_t handle)
{
    struct musl_thread *thread = thread_block(handle);
    uint32_t former;
    int error = claim(thread, DETACHED, &former);
    if (!error && (former & EXITED))
        give_back(thread);
    return error;
}

PUBLIC pthread_t pthread_self(void)
{
    return (pthread_t)musl_self();
}

#undef pthread_equal
PUBLIC int pthread_equal(pthread_t a, pthread_t b)
{
    return a == b;
}

_Noreturn MUSL_NAME(pthread_exit, __pthread_exit);
MUSL_NAME(pthread_join, __pthread_join);
