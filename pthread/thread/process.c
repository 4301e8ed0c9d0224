/*
 * What is done in every thread: libc's set*id, setgroups and setrlimit call __synccall, since the kernel
 * changes the thread that asks alone, where POSIX speaks of the process.
 *
 * The caller holds the lock of the ring, so that no thread comes or leaves, and asks one thread after
 * the other by a signal, whose handler calls the function and answers. The handler waits for nothing,
 * and so is no cancellation point; nor is the caller, who blocks all signals. While it waits for the
 * lock it can be asked itself.
 *
 * A thread that has left the ring is not asked. It ends, and runs none of the program's code.
 */
#include "../park.h"
#include "thread.h"

#include <arch_syscall.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

/* Under the ring's lock. */
static struct {
    void (*function)(void *);
    void *argument;
} task;

static void answer(int signal)
{
    (void)signal;
    struct musl_thread *me = musl_self();
    if (!arch_load_acquire(&me->asked))
        return;
    task.function(task.argument);
    arch_store_release(&me->asked, 0);
    unpark(&me->asked, 1, PRIVATE, ANY);
}

/* Without a handler, which a sandbox may refuse, the signal would end the process. */
static bool handle_questions(void)
{
    static bool installed;
    struct sigaction action = {.sa_handler = answer, .sa_flags = SA_RESTART | SA_ONSTACK};
    memset(&action.sa_mask, -1, sizeof action.sa_mask);
    if (!installed)
        installed = __libc_sigaction(MUSL_SIGSYNCCALL, &action, NULL) == 0;
    return installed;
}

/*
 * Where the kernel has no memory for the signal (RLIMIT_SIGPENDING) it takes one from kill(2) all the
 * same. That goes to the process: mostly to the thread that is named, but any other one may take it, and
 * finds that it is not meant. So it is sent until the thread has answered.
 */
enum { SOON = 100 * 1000, LATER = 10 * 1000 * 1000 };

/* False if it cannot be asked. */
static bool ask(struct musl_thread *thread)
{
    long process = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0), error = EAGAIN;
    if (!handle_questions())
        return false;
    arch_exchange(&thread->asked, 1);
    /* a thread that has called exit(2) by itself is gone, and in the ring */
    while (arch_load_acquire(&thread->asked) && arch_load_acquire(&thread->tid) != 0) {
        if (error == EAGAIN)
            error = -arch_syscall(SYS_tgkill, process, thread->tid, MUSL_SIGSYNCCALL, 0, 0, 0);
        /* or has gone just now; or a child of fork, on top of a creation, has it as LOST_BY_FORK */
        if (error == ESRCH || error == EINVAL)
            break;
        if (error == EAGAIN)
            arch_syscall(SYS_kill, thread->tid, MUSL_SIGSYNCCALL, 0, 0, 0, 0);
        else if (error)
            return false;
        nap(&thread->asked, 1, error == EAGAIN ? SOON : LATER, NULL);
    }
    arch_store_relaxed(&thread->asked, 0);
    return true;
}

static bool ask_all(struct musl_thread *me)
{
    /* of a creation that the caller, a signal handler, has interrupted: it will be the caller's next */
    struct musl_thread *newborn = thread_newborn;
    if (newborn && me->next != newborn && !ask(newborn))
        return false;
    for (struct musl_thread *thread = me->next; thread != me; thread = thread->next)
        if (!ask(thread))
            return false;
    return true;
}

/* False if some cannot be asked; then others may have called it, and the caller has not. */
static bool call_in_all(void (*function)(void *), void *argument)
{
    struct musl_thread *me = musl_self();
    /* the child of vfork has its parent's block, and is no thread of the process */
    if (arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0) != me->tid) {
        function(argument);
        return true;
    }
    uint64_t mask = change_signal_mask(SIG_BLOCK, ~SIGNAL_BIT(MUSL_SIGSYNCCALL));
    thread_list_lock();
    change_signal_mask(SIG_BLOCK, ~0ull);
    task.function = function;
    task.argument = argument;
    /* the caller last, since it may lose the right to send signals by it */
    bool all = ask_all(me);
    if (all)
        function(argument);
    thread_list_unlock();
    change_signal_mask(SIG_SETMASK, mask);
    return all;
}

void __synccall(void (*)(void *), void *) MUSL_HIDDEN;

void __synccall(void (*function)(void *), void *argument)
{
    call_in_all(function, argument);
}

/* membarrier(2), and where the kernel lacks it or refuses it, a signal that every thread has handled. */

enum { PRIVATE_EXPEDITED = 8, REGISTER_PRIVATE_EXPEDITED = 16 };

static void nothing(void *unused)
{
    (void)unused;
}

PUBLIC int membarrier(int command, int flags)
{
    long result = arch_syscall(SYS_membarrier, command, flags, 0, 0, 0, 0);
    if (result < 0 && command == PRIVATE_EXPEDITED && flags == 0 && call_in_all(nothing, NULL))
        result = 0;
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

void __membarrier_init(void) MUSL_HIDDEN;

void __membarrier_init(void)
{
    arch_syscall(SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0, 0, 0, 0, 0);
}

MUSL_NAME(membarrier, __membarrier);
