/*
 * The end of a thread, and those who wait for it: POSIX.1-2024 pthread_exit, pthread_join,
 * pthread_detach.
 *
 * The end is two system calls: one blocks the signals, one is the end itself, at which the kernel
 * clears the tid in the thread's block and wakes the joiner who sleeps on it.
 */
#include "../host.h"
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

static void unclaim(struct musl_thread *thread)
{
    uint32_t state = arch_load_relaxed(&thread->state);
    while (!arch_cas_fetch(&thread->state, &state, (state & EXITED) | JOINABLE))
        ;
}

enum { CLAIMED = 1 };

static void say_joining(uintptr_t thread)
{
    arch_store_pointer((void **)&musl_self()->joining, (void *)thread);
}

static bool says_joining(struct musl_thread *other, const struct musl_thread *thread)
{
    uintptr_t joining = (uintptr_t)arch_load_pointer((void **)&other->joining);
    return (joining & ~CLAIMED) == (uintptr_t)thread;
}

/* The thread that is joined can be joined by others again. */
static void give_up(void *thread)
{
    unclaim(thread);
    say_joining(0);
}

PUBLIC _Noreturn void pthread_exit(void *result)
{
    struct musl_thread *thread = musl_self();
    thread->cancel_state = PTHREAD_CANCEL_DISABLE;
    thread->cancel_asynchronous = 0;
    /* a signal handler that ends the thread may have found it there */
    if (unlikely(thread->joining & CLAIMED))
        give_up((struct musl_thread *)(thread->joining - CLAIMED));
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
    if (adopted)
        arch_syscall(SYS_set_tid_address, (long)&thread->tid, 0, 0, 0, 0, 0);
    thread->result = result;
    thread->ended_in = self_generation();
    if ((mark_exited(thread) & DETACHED) && thread->map) {
        arch_store_relaxed(&thread->state, 0);
        stack_give(thread);
    }
    stack_leave();
}

/*
 * Its end has been, or is being, awaited: nobody looks at the block again but the thread itself, which
 * may still have the ring's lock. Until it lets go of it, it counts its memory by its state.
 */
static void give_back(struct musl_thread *thread)
{
    if (!thread->map) {
        arch_store_release(&thread->state, 0);
        return;
    }
    uint64_t handled = signals_handled();
    if (unlikely(handled))
        handled &= ~change_signal_mask(SIG_BLOCK, handled);
    thread_list_lock();
    arch_store_relaxed(&thread->state, 0);
    stack_give(thread);
    thread_list_unlock();
    if (unlikely(handled))
        change_signal_mask(SIG_UNBLOCK, handled);
}

static uint32_t joining_now(void)
{
    return self_generation() << STATE_BITS | JOINING;
}

/*
 * Who joins it, if anybody does, may not exist: in the child of a fork. Nor may the thread itself, if
 * it had not ended: libc's fork says so.
 */
static int claimable(const struct musl_thread *thread, uint32_t state)
{
    if (state == 0 || arch_load_relaxed(&thread->tid) == LOST_BY_FORK)
        return ESRCH;
    bool abandoned = (state & JOINING) && (state & ~EXITED) != joining_now();
    return (state & JOINABLE) || abandoned ? 0 : EINVAL;
}

/* Make a joinable thread `state`: 0, EINVAL, or ESRCH if it is still known that there is none. */
static int claim(struct musl_thread *thread, uint32_t state, uint32_t *former)
{
    int error;
    *former = arch_load_acquire(&thread->state);
    do
        error = claimable(thread, *former);
    while (!error && !arch_cas_fetch(&thread->state, former, (*former & EXITED) | state));
    return error;
}

static bool has_ended(const struct musl_thread *thread)
{
    if (arch_load_acquire(&thread->tid) == 0)
        return true;
    return (arch_load_acquire(&thread->state) & EXITED) && thread_has_left(thread);
}

static void spin_for_end(struct musl_thread *thread)
{
    static uint32_t spins;
    struct spin spin;
    if (has_ended(thread) || !spin_wanted(&spin, &spins))
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
    int error = 0;
    spin_for_end(thread);
    while (!has_ended(thread) && error != ETIMEDOUT && error != EINVAL) {
        uint32_t tid = arch_load_relaxed(&thread->tid);
        /* in the child of a signal handler that has forked */
        if (tid == LOST_BY_FORK)
            return ESRCH;
        if (tid != 0)
            error = park_cancellable(&thread->tid, tid, deadline, SHARED, give_up, thread);
    }
    return has_ended(thread) ? 0 : error;
}

/* Two that wait for each other wait for ever, unless one of them is cancelled. */
static bool waits_for(struct musl_thread *thread, const struct musl_thread *me)
{
    bool ends =
        arch_load_relaxed(&thread->cancelled) && thread->cancel_state == PTHREAD_CANCEL_ENABLE;
    return says_joining(thread, me) && !ends;
}

/* What is not there at once is left as it was, whoever else joins it meanwhile. */
static int look_only(struct musl_thread *thread)
{
    int error = claimable(thread, arch_load_acquire(&thread->state));
    return error ? error : waits_for(thread, musl_self()) ? EDEADLK : has_ended(thread) ? 0 : EBUSY;
}

static int join_deferred(pthread_t handle, void **result, const struct deadline *deadline, bool try)
{
    struct musl_thread *thread = thread_block(handle), *me = musl_self();
    if (thread == me)
        return EDEADLK;
    uint32_t former;
    int error = try ? look_only(thread) : 0;
    if (error)
        return error;
    say_joining((uintptr_t)thread);
    error = claim(thread, joining_now(), &former);
    say_joining(error ? 0 : (uintptr_t)thread | CLAIMED);
    if (error)
        return error;
    /* the claim is a fence: of two threads that join each other at least one sees the other */
    error = waits_for(thread, me) ? EDEADLK : wait_for_end(thread, deadline);
    if (error) {
        give_up(thread);
        return error;
    }
    if (result)
        *result = thread->result;
    say_joining(0);
    give_back(thread);
    return 0;
}

/* Where a thread may end at any instruction it would leave the other one claimed. */
static int join(pthread_t handle, void **result, const struct deadline *deadline, bool try)
{
    if (!try)
        host_test_cancel();
    int type = host_defer_cancel();
    int error = join_deferred(handle, result, deadline, try);
    host_restore_cancel(type);
    return error;
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

/* As of glibc. */
PUBLIC pid_t pthread_gettid_np(pthread_t handle)
{
    const struct musl_thread *thread = thread_block(handle);
    pid_t tid = arch_load_relaxed(&thread->tid);
    return has_ended(thread) || tid == (pid_t)LOST_BY_FORK ? -1 : tid;
}

#undef pthread_equal
PUBLIC int pthread_equal(pthread_t a, pthread_t b)
{
    return a == b;
}

_Noreturn MUSL_NAME(pthread_exit, __pthread_exit);
MUSL_NAME(pthread_join, __pthread_join);
