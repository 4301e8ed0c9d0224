/*
 * <semaphore.h>: POSIX semaphores, as Furwock offers them.
 *
 * Types, constants and everything not declared here come from the libc's own header, which is
 * included first; what <pthread.h> says of interchangeable programs holds here too. sem_open,
 * sem_close and sem_unlink stay the libc's, declared by its header: they make, map and remove the
 * file that holds a named semaphore. The functions below work on the semaphores that sem_open
 * returns as on those of sem_init.
 *
 * What follows holds for every function, unless its comment says otherwise. Parameters have two
 * underscores in front; the comments leave them out.
 *
 * RESULTS. 0, or -1 with an error number in errno. A call that fails has changed nothing.
 *
 * THREADS. Every function may be called by any number of threads at the same time, but a semaphore
 * must not be initialised or destroyed while another thread uses it.
 *
 * OBJECTS. A semaphore must be initialised by sem_init or made by sem_open, and used in place:
 * using a copy, initialising one again without destroying it, or passing a pointer to anything else
 * is undefined (XSH 2.9.9). Initialising takes no resources, so a semaphore may simply be
 * forgotten. One may be destroyed, and its memory used for something else or unmapped, as soon as
 * no thread is or can be blocked on it: a thread whose wait has returned may do so even while the
 * sem_post that let it go has not yet returned (sem_init_undo_np says what is different there).
 *
 * PROCESSES. A semaphore initialised with pshared not zero works between processes that have it
 * mapped, at whatever addresses, whether they run on glibc or on musl; all of them must run
 * Furwock. To use any other from another process than the one that initialised it is undefined.
 *
 * TIME. A timeout is a point in time, not a duration: seconds and nanoseconds (0 to 999,999,999),
 * on CLOCK_REALTIME for sem_timedwait.
 *
 * MEMORY. A post and the wait that it lets go synchronise memory as XBD, Memory Synchronization,
 * has it.
 *
 * "XSH name" is the page of that name in the System Interfaces volume of POSIX.1-2024.
 */
#ifndef _FURWOCK_SEMAPHORE_H
#define _FURWOCK_SEMAPHORE_H

#pragma GCC system_header
#include_next <semaphore.h>
/* O_CREAT and O_EXCL for sem_open; clockid_t, struct timespec and the clocks. */
#include <fcntl.h>
#include <time.h>

/* As in <pthread.h>: what glibc says of exceptions has to be said again. */
#ifdef __GLIBC__
#define __FURWOCK_THROW __THROW
#define __FURWOCK_THROWNL __THROWNL
#else
#define __FURWOCK_THROW
#define __FURWOCK_THROWNL
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Initialise a semaphore with a value from 0 to SEM_VALUE_MAX (2^31 - 1), for the threads of this
 * process if pshared is 0, else for those of every process that has it mapped.
 *
 *   EINVAL  value is greater than SEM_VALUE_MAX
 *
 * XSH sem_init.
 */
int sem_init(sem_t *__sem, int __pshared, unsigned __value) __FURWOCK_THROW;

/*
 * Initialise a semaphore with a value from 0 to 134,217,727 (2^27 - 1) for the processes that have it
 * mapped, as a lock between them: what a process has taken is given back when it dies, however it
 * dies, as with SEM_UNDO of XSH semop. All other functions work on it. What is different:
 *
 *   sem_post     gives back a permit that the calling process has taken; if it has none, one is added,
 *                as with any semaphore. So who takes must post: it is no signal from one process to
 *                another. EOVERFLOW if that makes more than 2^27 - 1 with those taken
 *   sem_wait, sem_trywait, sem_timedwait, sem_clockwait
 *                EAGAIN  there is a permit, but four other processes have permits at this time, and
 *                        no more can be remembered (of permits, 500 for one process, and as many
 *                        again for each of the four that is not used)
 *                EINTR   a signal handler interrupted the wait, even with SA_RESTART, as of semop
 *   sem_destroy  not before the calls that use it have returned, nor may its memory be unmapped
 *
 * Permits are a process's, and not a thread's: one that ends gives none back, and another may. A child
 * of fork has none of its parent's. After exec they are the process's still. The dead are found by those
 * who come for a permit and find none, within a tenth of a second, a process that is a zombie among
 * them. A dead process whose id has been given to another is not found before that one is dead. The
 * permits of a process of another pid namespace than the one that has initialised it, or without
 * /proc, are not given back, and it gives back nobody's.
 *
 *   EINVAL   value is greater than 2^27 - 1
 *   ENOTSUP  the kernel does not tell the pid namespace: there is no /proc, or no MADV_WIPEONFORK
 *
 * Furwock's own.
 */
int sem_init_undo_np(sem_t *__sem, unsigned __value) __FURWOCK_THROW;

/*
 * Destroy a semaphore that sem_init initialised.
 *
 *   EBUSY  threads are blocked on it
 *
 * A null pointer is none, and does nothing. To destroy one that sem_open made is undefined. XSH
 * sem_destroy.
 */
int sem_destroy(sem_t *__sem) __FURWOCK_THROW;

/*
 * Take one from the value, waiting until it is greater than 0. A cancellation point, with deferred
 * and with asynchronous cancelability: a request that is pending at the call, or comes while the
 * thread is blocked, is acted on and the value left alone.
 *
 *   EINTR  a signal handler interrupted the wait; with SA_RESTART the wait goes on instead
 *
 * XSH sem_trywait.
 */
int sem_wait(sem_t *__sem);

/*
 * Take one from the value if it is greater than 0. Not a cancellation point.
 *
 *   EAGAIN  it is 0
 *
 * XSH sem_trywait.
 */
int sem_trywait(sem_t *__sem) __FURWOCK_THROWNL;

/*
 * As sem_wait, a cancellation point too, but wait no longer than until abstime: on CLOCK_REALTIME,
 * or on the given clock. If the value is greater than 0 the call succeeds, whatever the time.
 *
 *   ETIMEDOUT  the time has passed, or passes while the call waits
 *   EINVAL     the call would have to wait, and tv_nsec is out of range
 *   EINVAL     clock is neither CLOCK_REALTIME nor CLOCK_MONOTONIC, would it have to wait or not
 *   EINTR      a signal handler interrupted the wait; even with SA_RESTART
 *
 * XSH sem_clockwait.
 */
int sem_timedwait(sem_t *__restrict __sem, const struct timespec *__restrict __abstime);
#if (defined __clockid_t_defined || defined __DEFINED_clockid_t) && defined __LP64__
int sem_clockwait(sem_t *__restrict __sem, clockid_t __clock,
                  const struct timespec *__restrict __abstime);
#endif

/*
 * Add one to the value, or let a waiting thread go instead. Async-signal-safe. Not a cancellation
 * point.
 *
 *   EOVERFLOW  the value is SEM_VALUE_MAX
 *
 * XSH sem_post.
 */
int sem_post(sem_t *__sem) __FURWOCK_THROWNL;

/*
 * Store the value, as it is at some moment during the call, in *value: 0 while threads wait, never
 * less. XSH sem_getvalue.
 */
int sem_getvalue(sem_t *__restrict __sem, int *__restrict __value) __FURWOCK_THROW;

#ifdef __cplusplus
}
#endif

#undef __FURWOCK_THROW
#undef __FURWOCK_THROWNL

#endif
