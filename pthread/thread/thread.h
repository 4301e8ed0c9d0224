/*
 * Thread life, for static programs on musl.
 *
 * A pthread_t is the address of the thread's block, whose layout is musl's (host/musl.h) since
 * libc's own code reads and writes it as well. It lies at the end of the mapping that holds the
 * thread's stack (stack.c). The files: create.c, exit.c (the end of a thread, and who waits for
 * it), cancel.c, attr.c, signal.c, process.c (what is done in every thread), sched.c, name.c, list.c
 * (the ring of all threads), thrd.c.
 */
#ifndef FURWOCK_THREAD_H
#define FURWOCK_THREAD_H

#include "../host/musl.h"
#include "../layout.h"
#include "../self.h"

#include <arch_atomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A thread's state, in its block. JOINABLE is what libc gives the initial thread.
 *
 *   JOINABLE --detach--> DETACHED
 *      |  ^ \
 *  join|  |  a join that timed out or was cancelled
 *      v  |
 *   JOINING, and above that the fork generation: in a child nobody waits whom the parent had
 *
 * EXITED is added at the end, and the one who then finds or makes the thread DETACHED, or has
 * joined it, gives its memory back and writes 0.
 */
enum thread_state { EXITED = 1, JOINABLE = 2, DETACHED = 4, JOINING = 8, STATE_BITS = 4 };

static inline struct musl_thread *thread_block(pthread_t thread)
{
    return (struct musl_thread *)thread;
}

/*
 * `signallers` in the block counts the threads that are about to use its tid in a system call. The
 * exiting thread closes it and waits until they have: after that the kernel may give the number to
 * another thread. They have all signals blocked meanwhile, so that no handler leads them elsewhere.
 * The child of fork may have inherited the count of some who do not exist there.
 */
#define SIGNALS_CLOSED 0x80000000u
struct tid_hold {
    struct musl_thread *thread;
    uint64_t signal_mask;
};
/* False if the thread has ended. The calling thread's own is there without that. */
bool tid_hold(struct tid_hold *hold, pthread_t thread);
void tid_release(struct tid_hold *hold);
void tid_close(struct musl_thread *thread, bool adopted);

/* What Furwock keeps for another thread: thread-local storage is laid out alike for all. */
static inline const struct self *self_of(const struct musl_thread *thread)
{
    return (const struct self *)((const char *)thread + ((char *)&self - (char *)musl_self()));
}

/*
 * What is true of the calling thread only in the process that it was created in: tid and fork
 * generation. A child may have the same tid, in a pid namespace of its own.
 */
static inline void *birth_mark(const struct musl_thread *thread)
{
    return (void *)((uintptr_t)self_generation() << 32 | thread->tid);
}

/*
 * Has a thread that had come to its end left its memory for good? The kernel clears the tid then. A
 * child of fork has nothing of those that were about to leave it in the parent.
 */
static inline bool thread_has_left(const struct musl_thread *thread)
{
    return arch_load_acquire(&thread->tid) == 0 || thread->ended_in != self_generation();
}

/*
 * The signals that libc uses itself are in no mask of the program's. Two of them must reach every
 * thread; threads that wait for timers have the third blocked.
 */
#define SIGNAL_BIT(signal) (1ull << ((signal)-1))
#define URGENT_SIGNALS (SIGNAL_BIT(MUSL_SIGCANCEL) | SIGNAL_BIT(MUSL_SIGSYNCCALL))
#define INTERNAL_SIGNALS (URGENT_SIGNALS | SIGNAL_BIT(MUSL_SIGTIMER))
/* rt_sigprocmask(2): returns the former mask. */
uint64_t change_signal_mask(int how, uint64_t set);
/*
 * Those for which the program has handlers, or has had. A handler may wait for what another thread does once
 * it has created one, or has forked; so none runs while its thread holds the ring's lock.
 */
uint64_t signals_handled(void);

/* The ring of threads and its lock: list.c. */
void thread_list_lock(void);
/* The same for a thread that ends. */
void thread_list_lock_to_leave(void);
void thread_list_unlock(void);
/* For who holds it, and may have forked since in a signal handler: hold it in the child, too. */
void thread_list_keep(void);
/* The tid of who holds it, or 0. */
uint32_t thread_list_owner(void);
void thread_list_insert(struct musl_thread *thread);
void thread_list_remove(struct musl_thread *thread);
/* Tell libc that its locks have to lock. Before and after: the ring's lock is held. */
void thread_count_up(void);
void thread_count_down(void);
/* In a child that may have been forked in the middle of that: count those who are in the ring. */
void thread_count_anew(void);

/*
 * Stacks: stack.c. The ring's lock is held. stack_take returns a zeroed block, or null if there is
 * no memory; stack_give takes back one whose thread has exited or is about to.
 */
struct musl_thread *stack_take(size_t stack_size, size_t guard_size);
void stack_give(struct musl_thread *thread);
/* A counted thread's last steps. The ring, which it is not in, is locked, and let go of. */
_Noreturn void stack_leave(void);

/* pthread_attr_t: attr.c. */
struct attributes {
    size_t stack_size, guard_size;
    /* the lowest address of the caller's own stack, or null */
    char *stack;
    enum attribute_flags { DETACH = 1, EXPLICIT_SCHEDULING = 2, SIGNAL_MASK = 4 } flags;
    int policy, priority;
    unsigned cpus_size;
    void *cpus;
    uint64_t signal_mask;
};
_Static_assert(sizeof(struct attributes) <= sizeof(pthread_attr_t), "attributes fit");
/* Those of threads created without any. */
struct attributes attributes_by_default(void);

/*
 * `attributes` may be null. `status` says that the routine returns an int, as thrd_create's. Unlike
 * pthread_create it returns ENOMEM where there is no memory.
 */
int thread_create(pthread_t *thread, const struct attributes *attributes, void *routine,
                  bool status, void *argument);

/* A thread's policy, or a negative errno value, and its priority: sched.c. */
long read_scheduling(const struct musl_thread *thread, int *priority);

/* End the calling thread if it is cancelled and its cancel state lets it be. */
void cancel_if_pending(void);
/* What has kept the cancelling signal off is over: have it sent again if the thread is cancelled. */
void cancel_again(void);

/*
 * The thread that the holder of the ring's lock creates, until it is in the ring. Its tid is zero
 * while it does not exist.
 */
extern struct musl_thread *thread_newborn;

#endif
