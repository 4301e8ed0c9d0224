/*
 * The birth of a thread: POSIX.1-2024 pthread_create.
 *
 * With memory from the cache it is one system call. The child is whole when clone(2) returns: the
 * kernel has set its thread pointer, and written its tid where libc looks for it. The ring's lock is
 * held from before to after, so that set*id in another thread never misses a child; in a signal
 * handler of the creator itself it finds the child as thread_newborn.
 *
 * Only a child that has to be given a scheduling policy, a priority or processors waits at a gate:
 * the creator does that, so as to return its errors. It opens the gate or refuses the child, which
 * then has never been in the ring, and ends as a detached thread does. Such a child, and one with a
 * signal mask of its own, is born with all signals blocked.
 */
#include "../park.h"
#include "thread.h"

#include <arch_syscall.h>
#include <arch_thread.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

enum gate { OPEN, CLOSED, REFUSED };

struct musl_thread *thread_newborn;

/* At the top of the child's stack. */
struct start {
    void *routine, *argument;
    bool status, has_mask;
    uint32_t gate, creator;
    /* the fork generation in which its creator filled this in */
    uint32_t generation;
    uint64_t mask;
};

static bool is_first_thread(void)
{
    return arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0) == arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

/*
 * A creator that was forked by _Fork, in a signal handler, just before it called clone(2) does not hold
 * the ring's lock, until it has seen that. Whoever it creates is not to meet the ring before. If the
 * newborn's own handler has forked, it is the first thread of a process in which its creator does not exist.
 */
static COLD void wait_for_creator(const struct musl_thread *thread)
{
    enum { A_MOMENT = 100 * 1000 };
    static const uint32_t nobody_wakes;
    while (arch_load_pointer((void **)&thread_newborn) == thread && !is_first_thread())
        nap(&nobody_wakes, 0, A_MOMENT, NULL);
}

/*
 * Mostly no fork has come between. Looking at the ring's lock would tell as well, but take its line from the
 * creator, who is about to let go of it: so that is for where forks are not counted.
 */
static bool may_lack_lock(const struct start *start)
{
    uint32_t generation = self_generation();
    return likely(generation != 0) ? start->generation != generation
                                   : thread_list_owner() != start->creator;
}

static int run(void *argument)
{
    struct start *start = argument;
    struct musl_thread *thread = musl_self();
    if (unlikely(may_lack_lock(start)))
        wait_for_creator(thread);
    while (arch_load_acquire(&start->gate) == CLOSED)
        park(&start->gate, CLOSED, NULL, PRIVATE, ANY);
    if (start->gate == REFUSED) {
        /* nobody lets those go first that are not in the ring */
        thread_list_lock();
        stack_leave();
    }
    /* until the end: exit.c looks whether it is still true */
    thread->result = birth_mark(thread);
    if (start->has_mask)
        change_signal_mask(SIG_SETMASK, start->mask);
    void *result;
    if (start->status)
        result = (void *)(intptr_t)((int (*)(void *))start->routine)(start->argument);
    else
        result = ((void *(*)(void *))start->routine)(start->argument);
    pthread_exit(result);
}

static int schedule(uint32_t tid, const struct attributes *attributes)
{
    int error = 0;
    if (attributes->cpus)
        error = -arch_syscall(SYS_sched_setaffinity, tid, attributes->cpus_size,
                              (long)attributes->cpus, 0, 0, 0);
    struct sched_param param = {.sched_priority = attributes->priority};
    if (!error && (attributes->flags & EXPLICIT_SCHEDULING))
        error =
            -arch_syscall(SYS_sched_setscheduler, tid, attributes->policy, (long)&param, 0, 0, 0);
    return error;
}

static struct musl_thread *make_block(const struct attributes *attributes)
{
    bool own = attributes->stack != NULL;
    struct musl_thread *thread =
        stack_take(own ? 0 : attributes->stack_size, own ? 0 : attributes->guard_size);
    if (!thread)
        return NULL;
    if (own) {
        thread->stack = attributes->stack + attributes->stack_size;
        thread->stack_size = attributes->stack_size;
    }
    const struct musl_thread *me = musl_self();
    thread->self = thread;
    thread->sysinfo = me->sysinfo;
    thread->canary = me->canary;
    thread->locale = &__libc.global_locale;
    thread->robust.head = &thread->robust.head;
    thread->state = attributes->flags & DETACH ? DETACHED : JOINABLE;
    return thread;
}

/*
 * A signal handler on top of a creation may have forked. In the child the thread exists if it was
 * created after that. If it was created before, it is put into a ring that libc has emptied before that:
 * so this is looked at last.
 */
static COLD int look_in_child(struct musl_thread *thread)
{
    const struct musl_thread *me = musl_self();
    long process = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    if (arch_syscall(SYS_tgkill, process, thread->tid, 0, 0, 0, 0) == 0) {
        thread_list_keep();
        return 0;
    }
    for (const struct musl_thread *other = me->next; other != me; other = other->next)
        if (other == thread) {
            thread_list_remove(thread);
            break;
        }
    arch_store_relaxed(&thread->tid, 0);
    return EAGAIN;
}

/* The ring's lock is held. */
static int clone_thread(struct musl_thread *thread, struct start *start,
                        const struct attributes *attributes)
{
    const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                                CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                                CLONE_CHILD_CLEARTID;
    bool gated = start->gate == CLOSED;
    uint32_t creator = musl_self()->tid;
    thread_count_up();
    arch_store_pointer((void **)&thread_newborn, thread);
    thread_list_keep();
    long tid =
        arch_clone(run, start, flags, start, &thread->tid, musl_pointer(thread), &thread->tid);
    int error = tid == -ENOMEM ? ENOMEM : tid < 0 ? EAGAIN : gated ? schedule(tid, attributes) : 0;
    if (!error)
        thread_list_insert(thread);
    if (unlikely(musl_self()->tid != creator)) {
        if (!error)
            error = look_in_child(thread);
        thread_count_anew();
    } else if (tid < 0) {
        thread_count_down();
    }
    arch_store_pointer((void **)&thread_newborn, NULL);
    if (tid > 0 && gated) {
        arch_store_release(&start->gate, error ? REFUSED : OPEN);
        unpark(&start->gate, 1, PRIVATE, ANY);
    }
    return error;
}

/*
 * Mostly its memory is free, and it counts against no limit, when the call has failed. But it holds
 * nothing, and may be kept from running: then nobody waits for it.
 */
static COLD void let_go(const uint32_t *tid, uint32_t refused)
{
    enum { HALF_A_MILLISECOND = 500 * 1000 };
    park_for(tid, refused, HALF_A_MILLISECOND, NULL, SHARED, ANY);
}

int thread_create(pthread_t *handle, const struct attributes *attributes, void *routine,
                  bool status, void *argument)
{
    struct musl_thread *me = musl_self();
    struct attributes defaults;
    if (!attributes) {
        defaults = attributes_by_default();
        attributes = &defaults;
    }
    bool gated = (attributes->flags & EXPLICIT_SCHEDULING) || attributes->cpus;
    bool all = gated || (attributes->flags & SIGNAL_MASK);
    uint64_t mask = 0, kept_off = all ? ~INTERNAL_SIGNALS : signals_handled();
    bool masked = kept_off != 0, outer = me->creating;
    /* a handler that runs before this, or once it is undone, finds a thread that can be cancelled */
    if (unlikely(masked))
        mask = change_signal_mask(SIG_BLOCK, kept_off | SIGNAL_BIT(MUSL_SIGCANCEL));
    *(volatile uint8_t *)&me->creating = true;
    /* a thread that was cancelled may have the signal for that blocked, which is not for its children */
    if (unlikely(!masked && arch_load_relaxed(&me->cancelled))) {
        mask = change_signal_mask(SIG_BLOCK, SIGNAL_BIT(MUSL_SIGCANCEL));
        masked = true;
    }

    int error = ENOMEM;
    uint32_t refused = 0;
    thread_list_lock();
    struct musl_thread *thread = make_block(attributes);
    if (likely(thread != NULL)) {
        *handle = (pthread_t)thread;
        struct start *start = (struct start *)((uintptr_t)thread->stack & -16ul) - 1;
        *start = (struct start){
            .routine = routine,
            .argument = argument,
            .status = status,
            .gate = gated ? CLOSED : OPEN,
            .creator = me->tid,
            .generation = self_generation(),
            .has_mask = masked,
            .mask = attributes->flags & SIGNAL_MASK
                        ? attributes->signal_mask | (mask & SIGNAL_BIT(MUSL_SIGTIMER))
                        : mask & ~URGENT_SIGNALS,
        };
        error = clone_thread(thread, start, attributes);
        if (error) {
            thread->state = 0;
            thread->ended_in = self_generation();
            refused = thread->tid;
            stack_give(thread);
        }
    }
    thread_list_unlock();
    if (unlikely(refused))
        let_go(&thread->tid, refused);
    *(volatile uint8_t *)&me->creating = outer;
    /* the first creation of all has let libc's own through, and a pending one is blocked again */
    if (unlikely(masked))
        change_signal_mask(SIG_SETMASK, mask & ~URGENT_SIGNALS);
    cancel_again();
    return error;
}

PUBLIC int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                          void *(*routine)(void *), void *restrict argument)
{
    int error = thread_create(thread, (const struct attributes *)attributes, (void *)routine, false,
                              argument);
    return error == ENOMEM ? EAGAIN : error;
}

MUSL_NAME(pthread_create, __pthread_create);
