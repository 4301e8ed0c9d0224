/*
 * <pthread.h>: POSIX threads, as Furwock offers them.
 *
 * Types, constants and everything not declared here come from the libc's own header, which is
 * included first. Nothing below changes a type, or the name that a call has in an object file, so
 * a program compiled with this header and one compiled with the libc's are interchangeable. What
 * the libc lacks, or shows only with a feature macro, is declared here too wherever its types are
 * visible; a program that uses what the libc lacks needs Furwock to link.
 *
 * Contents: mutexes, mutex attributes; read-write locks and attributes; condition variables and
 * attributes; barriers and attributes; spin locks; once; keys; threads, thread attributes,
 * cancellation, signals to threads, scheduling, processors and names; fork.
 *
 * Parameters have two underscores in front, out of the way of a program's macros; the comments
 * leave them out. What follows holds for every function, unless its comment says otherwise.
 *
 * RESULTS. A function returns 0 or an error number, never EINTR, and leaves errno alone. One that
 * fails has changed nothing and stored nothing. A signal handler that interrupts a wait does not
 * end it.
 *
 * THREADS. Every function may be called by any number of threads at the same time, but an object
 * must not be initialised or destroyed while another thread uses it, and an attributes object must
 * not be written while another thread reads it.
 *
 * SIGNALS AND CANCELLATION. A function is async-signal-safe, or a cancellation point, only if its
 * comment says so. With asynchronous cancelability enabled only the cancellation points and the
 * functions of the section on cancellation may be called.
 *
 * OBJECTS. An object whose bytes are all zero is initialised with default attributes, as by its
 * PTHREAD_..._INITIALIZER. Initialising an object again without destroying it, using a copy of one,
 * or passing a pointer to anything else is undefined (XSH 2.9.9); where Furwock recognises an
 * object that was destroyed or never initialised it returns EINVAL. As with glibc and musl, a
 * destroyed attributes object still is what it was, and destroying attributes, a read-write lock or
 * a spin lock by a null pointer does nothing. Initialising and destroying take no resources, so they
 * never fail for want of one, and an object may simply be forgotten.
 * An object may be destroyed, and its memory used for something else or unmapped, as soon as the
 * calls that use it can no longer block: by the thread that locked a lock last, right after its
 * unlock; right after the broadcast that awakes all waiters; right after pthread_barrier_wait
 * (pthread_barrier_clockwait_np says what is different there).
 *
 * PROCESSES. An object with the attribute PTHREAD_PROCESS_SHARED works between processes that have
 * it mapped, at whatever addresses, whether they run on glibc or on musl; all of them must run
 * Furwock. To use any other object from another process than the one that initialised it is
 * undefined, except that a child made by fork has copies: its one thread holds in them what the
 * thread that called fork held.
 *
 * TIME. A timeout is a point in time, not a duration: seconds and nanoseconds (0 to 999,999,999)
 * on the clock CLOCK_REALTIME, unless the function takes or the object has another clock;
 * CLOCK_REALTIME and CLOCK_MONOTONIC are the two there are. It passes when the clock reaches it,
 * a clock that is set included. A call that need not wait succeeds whatever its timeout. One that
 * must returns
 *   EINVAL     if tv_nsec is out of range,
 *   ETIMEDOUT  if the time has passed, or passes while it waits.
 * A function that takes a clock returns
 *   EINVAL     if it is neither of the two, whether or not it would have to wait.
 *
 * MEMORY. The functions that lock, unlock, wait, signal, broadcast or run a routine once
 * synchronise memory as XBD, Memory Synchronization, has it, when they succeed.
 *
 * "XSH name" is the page of that name in the System Interfaces volume of POSIX.1-2024.
 */
#ifndef _FURWOCK_PTHREAD_H
#define _FURWOCK_PTHREAD_H

#pragma GCC system_header
#include_next <pthread.h>

/*
 * glibc tells the compiler that a function throws no C++ exception, which in C++ is part of the
 * declaration: both of its forms, plain and for functions that may call back or synchronise, are
 * needed again here. musl says nothing.
 */
#ifdef __GLIBC__
#define __FURWOCK_THROW __THROW
#define __FURWOCK_THROWNL __THROWNL
#else
#define __FURWOCK_THROW
#define __FURWOCK_THROWNL
#endif

/*
 * Which types are visible. musl shows all of them; glibc hides those that came after the standard
 * that the feature macros ask for.
 */
#if !defined __GLIBC__ || defined __USE_UNIX98 || defined __USE_XOPEN2K
#define __FURWOCK_RWLOCK
#endif
#if !defined __GLIBC__ || defined __USE_XOPEN2K
#define __FURWOCK_BARRIER
#endif
#if defined __clockid_t_defined || defined __DEFINED_clockid_t
#define __FURWOCK_CLOCKID
#endif
#if !defined __GLIBC__
#define __FURWOCK_SIGSET sigset_t
#elif defined ____sigset_t_defined
#define __FURWOCK_SIGSET __sigset_t
#endif
/* Both show what fills a set of processors with _GNU_SOURCE only, and musl the type too. */
#ifdef CPU_SETSIZE
#define __FURWOCK_CPUSET
#endif

/*
 * After the parameters of a name from before POSIX had the function: a call of it goes to the
 * function that has replaced it, as with glibc's header, so that no library need define both.
 */
#ifdef __cplusplus
#define __FURWOCK_OLD(replacement)                                                                 \
    __FURWOCK_THROW __asm__(#replacement) __attribute__((__deprecated__("use " #replacement)))
#else
#define __FURWOCK_OLD(replacement)                                                                 \
    __asm__(#replacement) __FURWOCK_THROW __attribute__((__deprecated__("use " #replacement)))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * ---------------------------------------------------------------------------------------------
 * Mutexes
 *
 * The type decides what misuse does:
 *
 *                              lock by the owner              unlock by any other thread
 *   PTHREAD_MUTEX_NORMAL       waits for ever, or until the   undefined; EPERM if robust or
 *                              timeout                        PTHREAD_PRIO_INHERIT
 *   PTHREAD_MUTEX_ERRORCHECK   EDEADLK                        EPERM
 *   PTHREAD_MUTEX_RECURSIVE    counted: available again after EPERM
 *                              as many unlocks
 *   PTHREAD_MUTEX_ADAPTIVE_NP  as PTHREAD_MUTEX_NORMAL        as PTHREAD_MUTEX_NORMAL
 *
 * PTHREAD_MUTEX_DEFAULT is PTHREAD_MUTEX_NORMAL. Locking spins for a little while before it sleeps
 * in every type where that pays; PTHREAD_MUTEX_ADAPTIVE_NP exists for the programs that name it.
 *
 * A robust mutex (PTHREAD_MUTEX_ROBUST; any type, protocol and sharing) outlives its owner. When a
 * thread ends, or a process dies by whatever means, as owner, the next call that locks the mutex,
 * one already waiting included, returns
 *   EOWNERDEAD       it has locked the mutex, but must repair what the mutex protects, and say so
 *                    with pthread_mutex_consistent before it unlocks.
 * If it unlocks without, the mutex is of no more use than to be destroyed: it is not locked, and
 * every call that would lock it, waiting ones included, returns
 *   ENOTRECOVERABLE.
 * A mutex that is not robust stays locked for ever when its owner ends.
 *
 * The protocol decides at which priority the owner runs:
 *   PTHREAD_PRIO_NONE     its own.
 *   PTHREAD_PRIO_INHERIT  that of the most urgent thread that waits for the mutex, if higher; if
 *                         the owner itself waits for such a mutex, so does that one's owner.
 *   PTHREAD_PRIO_PROTECT  the priority ceiling of the mutex, if higher. A call that locks returns
 *                         EINVAL if the caller's own priority is above the ceiling, and EPERM if
 *                         the system does not let it run at the ceiling (RLIMIT_RTPRIO,
 *                         CAP_SYS_NICE). A thread without real-time priority runs under SCHED_FIFO
 *                         meanwhile.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Static initialisers for the types other than PTHREAD_MUTEX_NORMAL: not in POSIX. The type is the
 * int at byte 16 of the object. musl's own functions would not look there, Furwock's do.
 */
/* clang-format off */
#ifdef __GLIBC__
#if !defined PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP && defined __PTHREAD_MUTEX_INITIALIZER
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP                                                     \
    {{__PTHREAD_MUTEX_INITIALIZER(PTHREAD_MUTEX_RECURSIVE_NP)}}
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP                                                    \
    {{__PTHREAD_MUTEX_INITIALIZER(PTHREAD_MUTEX_ERRORCHECK_NP)}}
#define PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP                                                      \
    {{__PTHREAD_MUTEX_INITIALIZER(PTHREAD_MUTEX_ADAPTIVE_NP)}}
#endif
#else
#ifndef PTHREAD_MUTEX_ADAPTIVE_NP
#define PTHREAD_MUTEX_ADAPTIVE_NP 3
#endif
#if !defined PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP && defined __LP64__
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP {{{0, 0, 0, 0, PTHREAD_MUTEX_RECURSIVE}}}
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP {{{0, 0, 0, 0, PTHREAD_MUTEX_ERRORCHECK}}}
#define PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP {{{0, 0, 0, 0, PTHREAD_MUTEX_ADAPTIVE_NP}}}
#endif
#endif
/* clang-format on */

/*
 * Initialise a mutex, unlocked, with the attributes attr points to, or the default ones if that is
 * null. Later changes of the attributes object do not reach the mutex.
 *
 *   EINVAL   attr is not an initialised attributes object
 *   ENOTSUP  protocol PTHREAD_PRIO_INHERIT, or robust, which the kernel, or a sandbox, refuses
 *
 * XSH pthread_mutex_destroy.
 */
int pthread_mutex_init(pthread_mutex_t *__restrict __mutex,
                       const pthread_mutexattr_t *__restrict __attr) __FURWOCK_THROW;

/*
 * Destroy a mutex. It must be unlocked, and no thread may be about to lock it, or wait on a
 * condition variable with it; an unlock that another thread has not yet returned from is no
 * obstacle.
 *
 *   EBUSY   the mutex is locked
 *   EINVAL  it was destroyed before
 *
 * A robust mutex that is beyond recovery can be destroyed. XSH pthread_mutex_destroy.
 */
int pthread_mutex_destroy(pthread_mutex_t *__mutex) __FURWOCK_THROW;

/*
 * Lock a mutex, waiting until that is possible. Who locks it next is a matter of scheduling, not
 * of order; with PTHREAD_PRIO_INHERIT it is the most urgent waiter. Not a cancellation point.
 *
 *   EAGAIN   recursive, and locked 2^32 times already
 *   EDEADLK  errorcheck, and the caller owns it
 *   EINVAL, EPERM                protocol PTHREAD_PRIO_PROTECT: see above
 *   EOWNERDEAD, ENOTRECOVERABLE  robust: see above
 *   ENOTSUP                      robust, and nobody would be told of the caller's death, as a
 *                                sandbox has come to refuse set_robust_list
 *
 * XSH pthread_mutex_lock.
 */
int pthread_mutex_lock(pthread_mutex_t *__mutex) __FURWOCK_THROWNL;

/*
 * Lock a mutex if that is possible at once. Async-signal-safe.
 *
 *   EBUSY    it is locked, by whatever thread; of a recursive one, by another thread
 *   EAGAIN, EINVAL, EPERM, EOWNERDEAD, ENOTRECOVERABLE  as pthread_mutex_lock
 *
 * XSH pthread_mutex_lock.
 */
int pthread_mutex_trylock(pthread_mutex_t *__mutex) __FURWOCK_THROWNL;

/*
 * Lock a mutex, but wait no longer than until abstime: on CLOCK_REALTIME, or on the given clock.
 * Not a cancellation point.
 *
 *   EINVAL, ETIMEDOUT  see TIME at the top
 *   EAGAIN, EDEADLK, EINVAL, EPERM, EOWNERDEAD, ENOTRECOVERABLE  as pthread_mutex_lock
 *
 * A waiter whose time is up lends its priority no longer (PTHREAD_PRIO_INHERIT). On a kernel before
 * 5.14, which knows no such wait on CLOCK_MONOTONIC, a PTHREAD_PRIO_INHERIT mutex follows changes
 * of CLOCK_REALTIME. XSH pthread_mutex_clocklock.
 */
int pthread_mutex_timedlock(pthread_mutex_t *__restrict __mutex,
                            const struct timespec *__restrict __abstime) __FURWOCK_THROWNL;
#if defined __FURWOCK_CLOCKID && defined __LP64__
int pthread_mutex_clocklock(pthread_mutex_t *__restrict __mutex, clockid_t __clock,
                            const struct timespec *__restrict __abstime) __FURWOCK_THROWNL;
#endif

/*
 * Unlock a mutex that the caller owns; a recursive one by one level. If threads wait for it, one of
 * them is woken or given the mutex. Async-signal-safe for a mutex that the same signal handler
 * locked.
 *
 *   EPERM   the caller does not own it, and the type or an attribute has that checked: see above
 *   EINVAL  it was destroyed
 *
 * XSH pthread_mutex_lock.
 */
int pthread_mutex_unlock(pthread_mutex_t *__mutex) __FURWOCK_THROWNL;

/*
 * Say that what a robust mutex protects is whole again: the caller has locked it with EOWNERDEAD
 * and still holds it. After that it is as any other mutex.
 *
 *   EINVAL  the mutex is not robust, not in need of this, or not the caller's
 *
 * XSH pthread_mutex_consistent.
 */
int pthread_mutex_consistent(pthread_mutex_t *__mutex) __FURWOCK_THROW;
int pthread_mutex_consistent_np(pthread_mutex_t *__mutex) __FURWOCK_OLD(pthread_mutex_consistent);

/*
 * Store the priority ceiling of a mutex.
 *
 *   EINVAL  its protocol is not PTHREAD_PRIO_PROTECT
 *
 * XSH pthread_mutex_getprioceiling.
 */
int pthread_mutex_getprioceiling(const pthread_mutex_t *__restrict __mutex,
                                 int *__restrict __ceiling) __FURWOCK_THROW;

/*
 * Lock the mutex as pthread_mutex_lock does, but without raising the caller to the ceiling; set the
 * ceiling; unlock the mutex. What the ceiling was goes to *old. A recursive mutex may be the
 * caller's own, and the caller then runs at the new ceiling. If the owner of a robust one has died,
 * the next to lock it is told.
 *
 *   EINVAL  the protocol is not PTHREAD_PRIO_PROTECT, or ceiling is not a priority of SCHED_FIFO
 *   EINVAL  the caller owns the mutex, and its own priority is above the new ceiling
 *   EPERM   the caller owns the mutex, and the system does not let it run at the new ceiling
 *   EDEADLK, ENOTRECOVERABLE  as pthread_mutex_lock
 *
 * XSH pthread_mutex_getprioceiling.
 */
int pthread_mutex_setprioceiling(pthread_mutex_t *__restrict __mutex, int __ceiling,
                                 int *__restrict __old) __FURWOCK_THROW;

/*
 * Mutex attributes. A function that reads one stores it and returns 0; all of them return EINVAL
 * where they recognise that attr is not an initialised attributes object.
 */

/*
 * Give every attribute its default: PTHREAD_MUTEX_DEFAULT, PTHREAD_PROCESS_PRIVATE,
 * PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, and the lowest priority of SCHED_FIFO as the ceiling.
 * XSH pthread_mutexattr_destroy.
 */
int pthread_mutexattr_init(pthread_mutexattr_t *__attr) __FURWOCK_THROW;

/* Destroy an attributes object; mutexes made with it stay. XSH pthread_mutexattr_destroy. */
int pthread_mutexattr_destroy(pthread_mutexattr_t *__attr) __FURWOCK_THROW;

/*
 * The type: one of the four at the top of this section.
 *
 *   EINVAL  type is none of them
 *
 * XSH pthread_mutexattr_gettype.
 */
int pthread_mutexattr_gettype(const pthread_mutexattr_t *__restrict __attr,
                              int *__restrict __type) __FURWOCK_THROW;
int pthread_mutexattr_settype(pthread_mutexattr_t *__attr, int __type) __FURWOCK_THROW;
int pthread_mutexattr_getkind_np(const pthread_mutexattr_t *__attr, int *__type)
    __FURWOCK_OLD(pthread_mutexattr_gettype);
int pthread_mutexattr_setkind_np(pthread_mutexattr_t *__attr, int __type)
    __FURWOCK_OLD(pthread_mutexattr_settype);

/*
 * Whether threads of other processes may use the mutex: PTHREAD_PROCESS_PRIVATE or _SHARED.
 *
 *   EINVAL  pshared is neither
 *
 * XSH pthread_mutexattr_getpshared.
 */
int pthread_mutexattr_getpshared(const pthread_mutexattr_t *__restrict __attr,
                                 int *__restrict __pshared) __FURWOCK_THROW;
int pthread_mutexattr_setpshared(pthread_mutexattr_t *__attr, int __pshared) __FURWOCK_THROW;

/*
 * What becomes of the mutex when its owner ends: PTHREAD_MUTEX_STALLED or PTHREAD_MUTEX_ROBUST.
 *
 *   EINVAL  robust is neither
 *
 * XSH pthread_mutexattr_getrobust.
 */
int pthread_mutexattr_getrobust(const pthread_mutexattr_t *__restrict __attr,
                                int *__restrict __robust) __FURWOCK_THROW;
int pthread_mutexattr_setrobust(pthread_mutexattr_t *__attr, int __robust) __FURWOCK_THROW;
/* glibc's declaration has no const here. */
int pthread_mutexattr_getrobust_np(pthread_mutexattr_t *__attr, int *__robust)
    __FURWOCK_OLD(pthread_mutexattr_getrobust);
int pthread_mutexattr_setrobust_np(pthread_mutexattr_t *__attr, int __robust)
    __FURWOCK_OLD(pthread_mutexattr_setrobust);

/*
 * The protocol: PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT or PTHREAD_PRIO_PROTECT.
 *
 *   EINVAL  protocol is none of them
 *
 * XSH pthread_mutexattr_getprotocol.
 */
int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *__restrict __attr,
                                  int *__restrict __protocol) __FURWOCK_THROW;
int pthread_mutexattr_setprotocol(pthread_mutexattr_t *__attr, int __protocol) __FURWOCK_THROW;

/*
 * The priority ceiling of a PTHREAD_PRIO_PROTECT mutex: a priority of SCHED_FIFO (1 to 99), at
 * least that of the most urgent thread that will lock the mutex.
 *
 *   EINVAL  ceiling is out of range
 *
 * XSH pthread_mutexattr_getprioceiling.
 */
int pthread_mutexattr_getprioceiling(const pthread_mutexattr_t *__restrict __attr,
                                     int *__restrict __ceiling) __FURWOCK_THROW;
int pthread_mutexattr_setprioceiling(pthread_mutexattr_t *__attr, int __ceiling) __FURWOCK_THROW;

#ifdef __FURWOCK_RWLOCK
/*
 * ---------------------------------------------------------------------------------------------
 * Read-write locks
 *
 * Held by one writer, or by any number of readers; a thread may hold several read locks, and must
 * then unlock as often. The kind, an attribute that POSIX does not have, decides who goes first:
 *
 *   PTHREAD_RWLOCK_PREFER_READER_NP  a reader takes the lock whenever no writer holds it, even if
 *       writers wait. So that readers who never leave the lock empty do not starve a writer, one that
 *       has waited for a millisecond has those who come stand aside for a tenth of one, and again
 *       some milliseconds later; not so for attempts, and those with a deadline. The default.
 *   PTHREAD_RWLOCK_PREFER_WRITER_NP  a reader waits behind a waiting writer, unless the thread
 *       already holds a read lock of it: so reading recursively cannot deadlock.
 *   PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP  a reader waits behind a waiting writer. A thread
 *       that takes a read lock it already holds deadlocks if a writer came in between.
 *
 * In both writer-preferring kinds the readers that wait get their turn after a writer, so neither
 * side starves the other.
 *
 * A process-shared lock outlives processes that are killed, or end, while they use it, as long as they
 * are in the pid namespace of the one that initialised it:
 *   - a read lock is given back for a process that has ended, by a writer that waits, within about a
 *     tenth of a second. Not so if more than 9 processes held read locks when it was taken, or a
 *     process of the same id has come to life meanwhile. A thread that ends keeps its read locks,
 *     since another one of its process may give them back. A read lock that one process has taken for
 *     another ends with the first.
 *   - a write lock stays as it is, unless the lock is robust (pthread_rwlockattr_setrobust_np). Then
 *     the next call that locks it, for reading or writing, waiting, timed or not, returns
 *       EOWNERDEAD       it has locked it for writing, but must repair what the lock protects, and say
 *                        so with pthread_rwlock_consistent_np before it unlocks.
 *     If it unlocks without, nobody has the lock any more, and every call that would lock it returns
 *       ENOTRECOVERABLE.
 *     A call that already waits finds out within about a tenth of a second. Dead is a thread that
 *     has ended; of a process's initial thread, the whole process.
 *   - one that only waited is not missed for longer than that.
 *
 * None of these functions is a cancellation point. To ask for a write lock while holding a read lock of
 * the same object waits for ever, or until the timeout.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * The kinds, and a static initialiser for the last: not in POSIX. The kind is the unsigned int at
 * byte 48 of the object. musl's own functions would not look there, Furwock's do.
 */
/* clang-format off */
#ifdef __GLIBC__
#if !defined PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP &&                                  \
    defined __PTHREAD_RWLOCK_INITIALIZER
#define PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP                                          \
    {{__PTHREAD_RWLOCK_INITIALIZER(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)}}
#endif
#else
#ifndef PTHREAD_RWLOCK_PREFER_READER_NP
#define PTHREAD_RWLOCK_PREFER_READER_NP 0
#define PTHREAD_RWLOCK_PREFER_WRITER_NP 1
#define PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP 2
#define PTHREAD_RWLOCK_DEFAULT_NP PTHREAD_RWLOCK_PREFER_READER_NP
#endif
#if !defined PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP && defined __LP64__
#define PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP                                          \
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP}}}
#endif
#endif
/* clang-format on */

/*
 * Initialise a lock, held by nobody, with the attributes attr points to, or the default ones if
 * that is null.
 *
 *   EINVAL   attr is not an initialised attributes object
 *   ENOTSUP  robust, and not process-shared
 *
 * XSH pthread_rwlock_destroy.
 */
int pthread_rwlock_init(pthread_rwlock_t *__restrict __rwlock,
                        const pthread_rwlockattr_t *__restrict __attr) __FURWOCK_THROW;

/*
 * Destroy a lock that nobody holds or is about to take; an unlock that another thread has not yet
 * returned from is no obstacle.
 *
 *   EBUSY   the lock is held
 *   EINVAL  it was destroyed before
 *
 * XSH pthread_rwlock_destroy.
 */
int pthread_rwlock_destroy(pthread_rwlock_t *__rwlock) __FURWOCK_THROW;

/*
 * Take a read lock, waiting until that is possible.
 *
 *   EAGAIN   2^20 - 1 read locks are counted in it already, or 2^31 - 1 if it is process-shared; some
 *            thousands besides are noted elsewhere
 *   EDEADLK  the caller holds the write lock
 *   EOWNERDEAD, ENOTRECOVERABLE  robust: see above
 *
 * XSH pthread_rwlock_rdlock.
 */
int pthread_rwlock_rdlock(pthread_rwlock_t *__rwlock) __FURWOCK_THROWNL;

/*
 * Take a read lock if that is possible at once. Async-signal-safe.
 *
 *   EBUSY   a writer holds the lock, or the kind lets a waiting writer go first
 *   EAGAIN, EOWNERDEAD, ENOTRECOVERABLE  as pthread_rwlock_rdlock
 *
 * XSH pthread_rwlock_rdlock.
 */
int pthread_rwlock_tryrdlock(pthread_rwlock_t *__rwlock) __FURWOCK_THROWNL;

/*
 * Take a read lock, but wait no longer than until abstime: on CLOCK_REALTIME, or on the given
 * clock.
 *
 *   EINVAL, ETIMEDOUT  see TIME at the top
 *   EAGAIN, EDEADLK, EOWNERDEAD, ENOTRECOVERABLE  as pthread_rwlock_rdlock
 *
 * XSH pthread_rwlock_clockrdlock.
 */
int pthread_rwlock_timedrdlock(pthread_rwlock_t *__restrict __rwlock,
                               const struct timespec *__restrict __abstime) __FURWOCK_THROWNL;
#if defined __FURWOCK_CLOCKID && defined __LP64__
int pthread_rwlock_clockrdlock(pthread_rwlock_t *__restrict __rwlock, clockid_t __clock,
                               const struct timespec *__restrict __abstime) __FURWOCK_THROWNL;
#endif

/*
 * Take the write lock, waiting until that is possible.
 *
 *   EDEADLK  the caller holds the write lock
 *   EOWNERDEAD, ENOTRECOVERABLE  robust: see above
 *
 * XSH pthread_rwlock_trywrlock.
 */
int pthread_rwlock_wrlock(pthread_rwlock_t *__rwlock) __FURWOCK_THROWNL;

/*
 * Take the write lock if that is possible at once. Async-signal-safe.
 *
 *   EBUSY  somebody holds the lock, the caller included
 *   EOWNERDEAD, ENOTRECOVERABLE  robust: see above
 *
 * XSH pthread_rwlock_trywrlock.
 */
int pthread_rwlock_trywrlock(pthread_rwlock_t *__rwlock) __FURWOCK_THROWNL;

/*
 * Take the write lock, but wait no longer than until abstime: on CLOCK_REALTIME, or on the given
 * clock.
 *
 *   EINVAL, ETIMEDOUT  see TIME at the top
 *   EDEADLK, EOWNERDEAD, ENOTRECOVERABLE  as pthread_rwlock_wrlock
 *
 * XSH pthread_rwlock_clockwrlock.
 */
int pthread_rwlock_timedwrlock(pthread_rwlock_t *__restrict __rwlock,
                               const struct timespec *__restrict __abstime) __FURWOCK_THROWNL;
#if defined __FURWOCK_CLOCKID && defined __LP64__
int pthread_rwlock_clockwrlock(pthread_rwlock_t *__restrict __rwlock, clockid_t __clock,
                               const struct timespec *__restrict __abstime) __FURWOCK_THROWNL;
#endif

/*
 * Give up the write lock, or one read lock, that the caller holds. Async-signal-safe for a lock
 * that the same signal handler took.
 *
 *   EPERM   nobody holds the lock, or another thread holds the write lock
 *   EINVAL  it was destroyed
 *
 * A read lock may be given back by another thread than has taken it, as on glibc and musl.
 * XSH pthread_rwlock_unlock.
 */
int pthread_rwlock_unlock(pthread_rwlock_t *__rwlock) __FURWOCK_THROWNL;

/*
 * Say that what a robust lock protects is whole again: the caller has locked it with EOWNERDEAD and
 * holds it. Async-signal-safe. Not in POSIX.
 *
 *   EINVAL  the lock is not robust, not in need of this, or not the caller's
 */
int pthread_rwlock_consistent_np(pthread_rwlock_t *__rwlock) __FURWOCK_THROWNL;

/*
 * Give every attribute its default: private, PREFER_READER, not robust. XSH
 * pthread_rwlockattr_destroy.
 */
int pthread_rwlockattr_init(pthread_rwlockattr_t *__attr) __FURWOCK_THROW;

/* Destroy an attributes object; locks made with it stay. XSH pthread_rwlockattr_destroy. */
int pthread_rwlockattr_destroy(pthread_rwlockattr_t *__attr) __FURWOCK_THROW;

/*
 * Whether threads of other processes may use the lock: PTHREAD_PROCESS_PRIVATE or _SHARED.
 *
 *   EINVAL  pshared is neither
 *
 * XSH pthread_rwlockattr_getpshared.
 */
int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *__restrict __attr,
                                  int *__restrict __pshared) __FURWOCK_THROW;
int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *__attr, int __pshared) __FURWOCK_THROW;

/*
 * The kind: one of the three at the top of this section. Not in POSIX.
 *
 *   EINVAL  kind is none of them
 */
int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *__restrict __attr,
                                  int *__restrict __kind) __FURWOCK_THROW;
int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *__attr, int __kind) __FURWOCK_THROW;

/*
 * What becomes of a write lock when its holder ends: PTHREAD_MUTEX_STALLED, it stays, or
 * PTHREAD_MUTEX_ROBUST, for process-shared locks only. Not in POSIX.
 *
 *   EINVAL  robust is neither
 */
int pthread_rwlockattr_getrobust_np(const pthread_rwlockattr_t *__restrict __attr,
                                    int *__restrict __robust) __FURWOCK_THROW;
int pthread_rwlockattr_setrobust_np(pthread_rwlockattr_t *__attr, int __robust) __FURWOCK_THROW;
#endif

/*
 * ---------------------------------------------------------------------------------------------
 * Condition variables
 *
 * A thread that holds a mutex waits until what the mutex protects has changed. To release the mutex
 * and to start waiting is one step: a signal sent by a thread that locked the mutex afterwards is
 * not missed. All threads that wait at the same time must use the same mutex; otherwise the result
 * is undefined. A wait may end without a signal, so what is waited for has to be checked again.
 *
 * Every wait, however it ends, has locked the mutex again when it returns 0 or ETIMEDOUT, and when
 * the thread is cancelled, before its first cleanup handler runs. A recursive mutex is released as
 * many times as it was locked and has that count again afterwards. A signal is not lost on a waiter
 * that timed out, was cancelled, or was killed while it was blocked: another waiter gets it.
 *
 * If the mutex has the protocol PTHREAD_PRIO_INHERIT and the condition variable is private, the
 * waiters that a signal or broadcast awakes queue for the mutex in the order of their priorities,
 * and its owner inherits theirs at once.
 *
 * The functions that wait are cancellation points, with deferred and with asynchronous
 * cancelability. The others are not. None is async-signal-safe.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Initialise a condition variable that nobody waits on with the attributes attr points to, or the
 * default ones if that is null.
 *
 *   EINVAL  attr is not an initialised attributes object
 *
 * XSH pthread_cond_destroy.
 */
int pthread_cond_init(pthread_cond_t *__restrict __cond,
                      const pthread_condattr_t *__restrict __attr) __FURWOCK_THROW;

/*
 * Destroy a condition variable that no thread is blocked on. Waiters that were awoken but have not
 * returned yet, being about to lock the mutex, are no obstacle.
 *
 *   EBUSY   a thread is blocked on it
 *   EINVAL  it was destroyed before
 *
 * XSH pthread_cond_destroy.
 */
int pthread_cond_destroy(pthread_cond_t *__cond) __FURWOCK_THROW;

/*
 * Release the mutex, wait for a signal or a broadcast, and lock the mutex again. A cancellation
 * point.
 *
 *   EPERM    the caller does not own the mutex, and the mutex has that checked: see there
 *   EOWNERDEAD, ENOTRECOVERABLE  the mutex is robust: see there. The caller has locked it again
 *            with EOWNERDEAD, and has not with ENOTRECOVERABLE
 *   EINVAL, EPERM  the mutex has the protocol PTHREAD_PRIO_PROTECT, and the caller could not lock
 *            it again: see there
 *
 * With any other mutex that the caller does not own the result is undefined. XSH
 * pthread_cond_clockwait.
 */
int pthread_cond_wait(pthread_cond_t *__restrict __cond, pthread_mutex_t *__restrict __mutex);

/*
 * The same, but wait no longer than until abstime: on the condition variable's clock, or on the
 * given one. A cancellation point.
 *
 *   ETIMEDOUT  the time has passed: the mutex was released all the same, and is locked again
 *   EINVAL     tv_nsec is out of range, or clock is neither CLOCK_REALTIME nor CLOCK_MONOTONIC: the
 *              mutex was not released
 *   EPERM, EOWNERDEAD, ENOTRECOVERABLE, EINVAL  as pthread_cond_wait
 *
 * XSH pthread_cond_clockwait.
 */
int pthread_cond_timedwait(pthread_cond_t *__restrict __cond, pthread_mutex_t *__restrict __mutex,
                           const struct timespec *__restrict __abstime);
#if defined __FURWOCK_CLOCKID && defined __LP64__
int pthread_cond_clockwait(pthread_cond_t *__restrict __cond, pthread_mutex_t *__restrict __mutex,
                           clockid_t __clock, const struct timespec *__restrict __abstime);
#endif

/*
 * Awake at least one of the threads that wait, if any do; it returns when it has locked the mutex.
 * The caller may hold the mutex or not. XSH pthread_cond_broadcast.
 */
int pthread_cond_signal(pthread_cond_t *__cond) __FURWOCK_THROWNL;

/*
 * Awake all threads that wait; each returns when it has locked the mutex. The caller may hold the
 * mutex or not. XSH pthread_cond_broadcast.
 */
int pthread_cond_broadcast(pthread_cond_t *__cond) __FURWOCK_THROWNL;

/* Give every attribute its default: private, CLOCK_REALTIME. XSH pthread_condattr_destroy. */
int pthread_condattr_init(pthread_condattr_t *__attr) __FURWOCK_THROW;

/* Destroy an attributes object; what was made with it stays. XSH pthread_condattr_destroy. */
int pthread_condattr_destroy(pthread_condattr_t *__attr) __FURWOCK_THROW;

/*
 * Whether threads of other processes may use the condition variable: PTHREAD_PROCESS_PRIVATE or
 * _SHARED. The mutex has to be process-shared too.
 *
 *   EINVAL  pshared is neither
 *
 * XSH pthread_condattr_getpshared.
 */
int pthread_condattr_getpshared(const pthread_condattr_t *__restrict __attr,
                                int *__restrict __pshared) __FURWOCK_THROW;
int pthread_condattr_setpshared(pthread_condattr_t *__attr, int __pshared) __FURWOCK_THROW;

#ifdef __FURWOCK_CLOCKID
/*
 * The clock of pthread_cond_timedwait: CLOCK_REALTIME or CLOCK_MONOTONIC.
 *
 *   EINVAL  clock is neither
 *
 * XSH pthread_condattr_getclock.
 */
int pthread_condattr_getclock(const pthread_condattr_t *__restrict __attr,
                              clockid_t *__restrict __clock) __FURWOCK_THROW;
int pthread_condattr_setclock(pthread_condattr_t *__attr, clockid_t __clock) __FURWOCK_THROW;
#endif

#ifdef __FURWOCK_BARRIER
/*
 * ---------------------------------------------------------------------------------------------
 * Barriers
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Initialise a barrier for count threads with the attributes attr points to, or the default ones if
 * that is null. There is no static initialiser: all bytes zero is no barrier.
 *
 *   EINVAL  count is 0, or attr is not an initialised attributes object
 *
 * XSH pthread_barrier_destroy.
 */
int pthread_barrier_init(pthread_barrier_t *__restrict __barrier,
                         const pthread_barrierattr_t *__restrict __attr,
                         unsigned __count) __FURWOCK_THROW;

/*
 * Destroy a barrier. Any thread may do so as soon as its own pthread_barrier_wait has returned: the
 * others of that round that have not yet returned are no obstacle.
 *
 *   EBUSY   threads are blocked at the barrier, in a round that is not complete
 *   EINVAL  it was destroyed before, or never initialised
 *
 * XSH pthread_barrier_destroy.
 */
int pthread_barrier_destroy(pthread_barrier_t *__barrier) __FURWOCK_THROW;

/*
 * Wait until count threads have called this function, then begin the next round. Not a cancellation
 * point. Returns PTHREAD_BARRIER_SERIAL_THREAD to one thread of each round, and 0 to the others.
 *
 *   EINVAL  it was destroyed, or never initialised
 *
 * XSH pthread_barrier_wait.
 */
int pthread_barrier_wait(pthread_barrier_t *__barrier) __FURWOCK_THROWNL;

/*
 * As pthread_barrier_wait, but no longer than until abstime on the given clock. Who gives up is not
 * counted: the round then needs another in its place. A round that is complete by then is complete with
 * the caller, whatever the time. No wait is longer than its deadline for a process that was killed
 * before it came; one that was killed in its wait counts as arrived. (There is no robust barrier: for
 * whoever has to know that a participant is gone, a wait with a deadline is the way.)
 *
 * A barrier may be destroyed, or its memory be given back, when all calls of this function have
 * returned; those of pthread_barrier_wait need not have.
 *
 *   EINVAL, ETIMEDOUT  see TIME at the top
 *   EINVAL             it was destroyed, or never initialised
 *
 * Furwock's own.
 */
#ifdef __FURWOCK_CLOCKID
int pthread_barrier_clockwait_np(pthread_barrier_t *__barrier, clockid_t __clock,
                                 const struct timespec *__abstime) __FURWOCK_THROWNL;
#endif

/* Give the attribute its default: private. XSH pthread_barrierattr_destroy. */
int pthread_barrierattr_init(pthread_barrierattr_t *__attr) __FURWOCK_THROW;

/* Destroy an attributes object; barriers made with it stay. XSH pthread_barrierattr_destroy. */
int pthread_barrierattr_destroy(pthread_barrierattr_t *__attr) __FURWOCK_THROW;

/*
 * Whether threads of other processes may use the barrier: PTHREAD_PROCESS_PRIVATE or _SHARED.
 *
 *   EINVAL  pshared is neither
 *
 * XSH pthread_barrierattr_getpshared.
 */
int pthread_barrierattr_getpshared(const pthread_barrierattr_t *__restrict __attr,
                                   int *__restrict __pshared) __FURWOCK_THROW;
int pthread_barrierattr_setpshared(pthread_barrierattr_t *__attr, int __pshared) __FURWOCK_THROW;

/*
 * ---------------------------------------------------------------------------------------------
 * Spin locks
 *
 * For sections of a few instructions among threads that have a processor each: a waiter does not
 * sleep, though it offers its processor to others now and then. One of a higher real-time priority
 * than the holder's, on the same processor, spins for ever. Locking twice does, too. Unlocking what
 * the caller does not hold is undefined. None is a cancellation point.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Initialise a spin lock, unlocked: PTHREAD_PROCESS_PRIVATE or _SHARED, which work alike.
 *
 *   EINVAL  pshared is neither
 *
 * XSH pthread_spin_destroy.
 */
int pthread_spin_init(pthread_spinlock_t *__lock, int __pshared) __FURWOCK_THROW;

/*
 * Destroy a spin lock.
 *
 *   EBUSY  it is locked
 *
 * XSH pthread_spin_destroy.
 */
int pthread_spin_destroy(pthread_spinlock_t *__lock) __FURWOCK_THROW;

/* Lock, spinning until that is possible. XSH pthread_spin_lock. */
int pthread_spin_lock(pthread_spinlock_t *__lock) __FURWOCK_THROWNL;

/*
 * Lock if that is possible at once. Async-signal-safe.
 *
 *   EBUSY  it is locked, by whatever thread
 *
 * XSH pthread_spin_lock.
 */
int pthread_spin_trylock(pthread_spinlock_t *__lock) __FURWOCK_THROWNL;

/* Unlock. XSH pthread_spin_unlock. */
int pthread_spin_unlock(pthread_spinlock_t *__lock) __FURWOCK_THROWNL;
#endif

/*
 * ---------------------------------------------------------------------------------------------
 * Once
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Call routine, unless a call with the same once_control, which began as PTHREAD_ONCE_INIT, has
 * done so; wait for it to return if another thread is in it. Always returns 0, and then routine has
 * returned.
 *
 * Not a cancellation point, but routine may be cancelled in one, or leave by a C++ exception, which
 * passes through to the caller: then it is as if it had not been called, and the next call, or one
 * that waits, calls it. In a child made by fork while another thread was in routine, that thread
 * does not exist, and the next call calls it from the start. A routine that calls pthread_once with
 * its own once_control waits for ever. XSH pthread_once.
 */
int pthread_once(pthread_once_t *__once_control, void (*__routine)(void));

/*
 * ---------------------------------------------------------------------------------------------
 * Keys: a pointer of each thread's own
 *
 * A process has 1024 keys, shared with tss_create, whatever PTHREAD_KEYS_MAX of the libc says. A
 * thread's value for a key is null until it sets one, in every thread when a key is created, even
 * if its number was in use before.
 *
 * When a thread ends, each of its values that is not null and whose key has a destructor is set to
 * null and the destructor called with it, in no particular order; and that again, up to
 * PTHREAD_DESTRUCTOR_ITERATIONS (4) times in all, while destructors have set new ones. Cleanup
 * handlers run before. No destructor runs when the process ends without the thread ending first.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Create a key and store it in *key. The destructor may be null.
 *
 *   EAGAIN  all keys are in use, or the destructor could not be called in this process
 *
 * XSH pthread_key_create.
 */
int pthread_key_create(pthread_key_t *__key, void (*__destructor)(void *)) __FURWOCK_THROW;

/*
 * Delete a key. Destructors are not called, now or later; the values are the program's to look
 * after. May be called by a destructor. To use the key afterwards is undefined.
 *
 *   EINVAL  there is no such key
 *
 * XSH pthread_key_delete.
 */
int pthread_key_delete(pthread_key_t __key) __FURWOCK_THROW;

/*
 * The calling thread's value for a key; null if it has set none. May be called by a destructor.
 * With a key that does not exist the result is undefined: null, unless another thread has deleted
 * the key. XSH pthread_getspecific.
 */
void *pthread_getspecific(pthread_key_t __key) __FURWOCK_THROW;

/*
 * Set the calling thread's value for a key. May be called by a destructor.
 *
 *   EINVAL  there is no such key
 *   ENOMEM  no memory for the value
 *
 * XSH pthread_getspecific.
 */
int pthread_setspecific(pthread_key_t __key, const void *__value) __FURWOCK_THROW;

/*
 * ---------------------------------------------------------------------------------------------
 * Threads
 *
 * From here on the functions are Furwock's in a static program on musl, and what is said of them
 * holds there. In every other program a thread is its libc's, and so are these functions, which
 * may differ in particulars. What the libc at hand lacks is declared all the same, and a program
 * that uses it does not link: musl as a shared library has no pthread_clockjoin_np,
 * pthread_sigqueue, pthread_gettid_np, nor the attributes of affinity and signal mask, and before
 * 1.2.3 no pthread_getname_np; glibc has no pthread_gettid_np before 2.42. The functions that end in
 * _np are not in POSIX; they are as in glibc.
 *
 * A thread's ID is valid until the thread has been joined, or, if it is detached, has ended; to
 * use it afterwards is undefined, and the number may by then be another thread's. Between its end
 * and the join of a joinable thread every function takes its ID: one that sends a signal or a
 * cancellation request does nothing and returns 0, one that asks for or changes what only a running
 * thread has returns
 *   ESRCH  the thread has ended.
 * The initial thread, and the one with which a child made by fork begins, are joinable.
 *
 * Creating a thread synchronises memory with its start, and the end of a thread with the join that
 * it lets go.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Create a thread that calls routine with argument, with the attributes attr points to, or the
 * default ones if that is null, and store its ID in *id, before the thread runs. Unless the
 * attributes say otherwise the thread has its creator's signal mask, policy, priority and
 * processors. It has no pending signals and no alternate signal stack; cancellation is enabled and
 * deferred. It ends when routine returns, as by pthread_exit with the result.
 *
 *   EAGAIN  no memory, or a limit on the number of threads (RLIMIT_NPROC, cgroups, the kernel's)
 *   EINVAL  of PTHREAD_EXPLICIT_SCHED, the priority is none of the policy's; or none of the
 *           attribute's processors is there for the process
 *   EPERM   the system does not let it have the policy or priority (RLIMIT_RTPRIO, CAP_SYS_NICE)
 *
 * *id is undefined after an error. XSH pthread_create.
 */
int pthread_create(pthread_t *__restrict __id, const pthread_attr_t *__restrict __attr,
                   void *(*__routine)(void *), void *__restrict __argument) __FURWOCK_THROWNL;

/*
 * End the calling thread, with a result for the one who joins it. Cancellation is disabled; the
 * cleanup handlers that are left run, the last one first; then the destructors of keys. Mutexes
 * stay locked, or, if robust, tell the next owner; files and memory stay as they are. The initial
 * thread may end so, too: the process goes on, until the last thread's end ends it as by exit(0).
 *
 * Does not return. What C++ objects the thread has on its stack are not destroyed (glibc does so).
 * In a cleanup handler or a destructor the call is undefined. XSH pthread_exit.
 */
void pthread_exit(void *__result) __attribute__((__noreturn__));

/*
 * Wait until a joinable thread has ended, take its memory back, and store its result in *result if
 * that is not null: what its routine returned or it gave to pthread_exit, or PTHREAD_CANCELED. A
 * cancellation point; if the caller is cancelled the thread can still be joined.
 *
 *   EDEADLK  it is the caller, or waits itself to join the caller
 *   EINVAL   it is detached, or another thread waits to join it
 *   ESRCH    it was joined before, as far as that can still be told; or the caller is in a child of
 *            fork, which lacks the thread since it had not ended
 *
 * When the call returns, the kernel has left the thread's stack. XSH pthread_join.
 */
int pthread_join(pthread_t __id, void **__result);

/*
 * Join a thread if it has ended, its stack left. It does not wait, and is no cancellation point.
 *
 *   EBUSY  it has not
 *   EDEADLK, EINVAL, ESRCH  as pthread_join
 *
 * Not in POSIX.
 */
int pthread_tryjoin_np(pthread_t __id, void **__result) __FURWOCK_THROW;

#ifdef __LP64__
/*
 * Join a thread, but wait no longer than until abstime: on CLOCK_REALTIME, or on the given clock.
 * If abstime is null there is no timeout. After an error the thread can still be joined. A
 * cancellation point.
 *
 *   EINVAL, ETIMEDOUT  see TIME at the top
 *   EDEADLK, EINVAL, ESRCH  as pthread_join
 *
 * Not in POSIX.
 */
int pthread_timedjoin_np(pthread_t __id, void **__result, const struct timespec *__abstime);
#ifdef __FURWOCK_CLOCKID
int pthread_clockjoin_np(pthread_t __id, void **__result, clockid_t __clock,
                         const struct timespec *__abstime);
#endif
#endif

/*
 * Let a joinable thread go: nobody will join it, and its memory is taken back when it ends, or at
 * once if it has ended. Its ID is then valid no longer than it runs.
 *
 *   EINVAL  it is detached, or another thread waits to join it
 *   ESRCH   as pthread_join
 *
 * XSH pthread_detach.
 */
int pthread_detach(pthread_t __id) __FURWOCK_THROW;

/* The calling thread's ID. Cannot fail. Async-signal-safe. XSH pthread_self. */
pthread_t pthread_self(void) __FURWOCK_THROW __attribute__((__const__));

/*
 * Not 0 if both are the ID of the same thread, else 0. Async-signal-safe. A macro too, in C with
 * musl. XSH pthread_equal.
 */
int(pthread_equal)(pthread_t __id, pthread_t __other) __FURWOCK_THROW __attribute__((__const__));

/*
 * ---------------------------------------------------------------------------------------------
 * Thread attributes
 *
 * Unlike the other objects, one whose bytes are all zero is not initialised, and one that is to be
 * forgotten has to be destroyed: it may own memory. Threads look at it only while they are created;
 * to change or destroy it leaves those there are alone, and any number may be created with it. A
 * function that reads an attribute stores it and returns 0. To use an object that is not
 * initialised is undefined. Nothing here is a cancellation point.
 *
 *                   default                            set by pthread_attr_...
 *   detach state    PTHREAD_CREATE_JOINABLE            setdetachstate
 *   stack           of the library's making            setstack
 *   stack size      128 KiB, or, up to 8 MiB, what     setstacksize, setstack
 *                   the linker's -z stack-size said
 *   guard size      8 KiB                              setguardsize
 *   inheritance     PTHREAD_INHERIT_SCHED              setinheritsched
 *   policy          SCHED_OTHER                        setschedpolicy
 *   priority        0                                  setschedparam
 *   scope           PTHREAD_SCOPE_SYSTEM               setscope
 *   processors      the creator's                      setaffinity_np
 *   signal mask     the creator's                      setsigmask_np
 *
 * Sizes are in bytes. Memory of threads that have ended is kept for new ones, up to 32 MiB.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Give every attribute its default; the two sizes are those of pthread_setattr_default_np, if that
 * was called. Never fails. XSH pthread_attr_destroy.
 */
int pthread_attr_init(pthread_attr_t *__attr) __FURWOCK_THROW;

/* Destroy an attributes object, and free what it owns. Never fails. XSH pthread_attr_destroy. */
int pthread_attr_destroy(pthread_attr_t *__attr) __FURWOCK_THROW;

/*
 * Whether a thread is created to be joined, or detached: PTHREAD_CREATE_JOINABLE or _DETACHED.
 *
 *   EINVAL  state is neither
 *
 * XSH pthread_attr_getdetachstate.
 */
int pthread_attr_getdetachstate(const pthread_attr_t *__attr, int *__state) __FURWOCK_THROW;
int pthread_attr_setdetachstate(pthread_attr_t *__attr, int __state) __FURWOCK_THROW;

/*
 * The size of the stack, at least; rounded up to pages when a thread is created, while the
 * attribute keeps what was set. Guard and thread-local storage come on top of it. To set it takes
 * back a stack set by pthread_attr_setstack.
 *
 *   EINVAL  size is below PTHREAD_STACK_MIN, or more than a quarter of the address space
 *
 * A size for which there is no memory shows when a thread is created. XSH
 * pthread_attr_getstacksize.
 */
int pthread_attr_getstacksize(const pthread_attr_t *__restrict __attr,
                              size_t *__restrict __size) __FURWOCK_THROW;
int pthread_attr_setstacksize(pthread_attr_t *__attr, size_t __size) __FURWOCK_THROW;

/*
 * The program's own memory as the stack: its lowest address, null for none, and its size. It need
 * not be aligned; it has to be readable and writable, which is not checked. All but some bytes of
 * it are the thread's: thread-local storage is elsewhere. There is no guard. No two threads may
 * have it at a time, and it may be used again when the thread has been joined, but not at any known
 * time if the thread is detached.
 *
 *   EINVAL  size is below PTHREAD_STACK_MIN or out of bounds, or the memory wraps around
 *
 * XSH pthread_attr_getstack.
 */
int pthread_attr_getstack(const pthread_attr_t *__restrict __attr, void **__restrict __stack,
                          size_t *__restrict __size) __FURWOCK_THROW;
int pthread_attr_setstack(pthread_attr_t *__attr, void *__stack, size_t __size) __FURWOCK_THROW;

/*
 * The size of what lies below the stack and cannot be accessed, so that a thread that overflows its
 * stack gets SIGSEGV; 0 for none. Rounded up to pages when a thread is created, while the attribute
 * keeps what was set. Not for a stack of the program's own.
 *
 *   EINVAL  size is more than a quarter of the address space
 *
 * XSH pthread_attr_getguardsize.
 */
int pthread_attr_getguardsize(const pthread_attr_t *__restrict __attr,
                              size_t *__restrict __size) __FURWOCK_THROW;
int pthread_attr_setguardsize(pthread_attr_t *__attr, size_t __size) __FURWOCK_THROW;

/*
 * Where a thread's policy and priority come from: from its creator (PTHREAD_INHERIT_SCHED), and
 * the two attributes that follow are without effect; or from these (PTHREAD_EXPLICIT_SCHED).
 *
 *   EINVAL  inherit is neither
 *
 * XSH pthread_attr_getinheritsched.
 */
int pthread_attr_getinheritsched(const pthread_attr_t *__restrict __attr,
                                 int *__restrict __inherit) __FURWOCK_THROW;
int pthread_attr_setinheritsched(pthread_attr_t *__attr, int __inherit) __FURWOCK_THROW;

/*
 * The policy: SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH or SCHED_IDLE.
 *
 *   EINVAL  policy is none of these
 *
 * Whether the system permits it shows when a thread is created. XSH pthread_attr_getschedpolicy.
 */
int pthread_attr_getschedpolicy(const pthread_attr_t *__restrict __attr,
                                int *__restrict __policy) __FURWOCK_THROW;
int pthread_attr_setschedpolicy(pthread_attr_t *__attr, int __policy) __FURWOCK_THROW;

/*
 * The priority, in sched_priority: 1 to 99 for SCHED_FIFO and SCHED_RR, 0 for the other policies.
 *
 *   EINVAL  it is not from 0 to 99
 *
 * Whether it goes with the policy shows when a thread is created: the two may be set in either
 * order. XSH pthread_attr_getschedparam.
 */
int pthread_attr_getschedparam(const pthread_attr_t *__restrict __attr,
                               struct sched_param *__restrict __param) __FURWOCK_THROW;
int pthread_attr_setschedparam(pthread_attr_t *__restrict __attr,
                               const struct sched_param *__restrict __param) __FURWOCK_THROW;

/*
 * With which threads a thread competes for processors: with all of the system, and nothing else can
 * be had.
 *
 *   ENOTSUP  scope is PTHREAD_SCOPE_PROCESS
 *   EINVAL   it is neither that nor PTHREAD_SCOPE_SYSTEM
 *
 * XSH pthread_attr_getscope.
 */
int pthread_attr_getscope(const pthread_attr_t *__restrict __attr,
                          int *__restrict __scope) __FURWOCK_THROW;
int pthread_attr_setscope(pthread_attr_t *__attr, int __scope) __FURWOCK_THROW;

#ifdef __FURWOCK_CPUSET
/*
 * The processors on which a thread may run: a set of size bytes, which the object has a copy of. A
 * null pointer or a size of 0 unsets the attribute. Where there is none the set that is stored has
 * all the bits.
 *
 *   ENOMEM  pthread_attr_setaffinity_np: no memory for the copy
 *   EINVAL  pthread_attr_getaffinity_np: a processor of the set does not fit into size bytes
 *
 * Whether the processors are there shows when a thread is created. Not in POSIX.
 */
int pthread_attr_getaffinity_np(const pthread_attr_t *__attr, size_t __size,
                                cpu_set_t *__cpus) __FURWOCK_THROW;
int pthread_attr_setaffinity_np(pthread_attr_t *__attr, size_t __size,
                                const cpu_set_t *__cpus) __FURWOCK_THROW;
#endif

#ifdef __FURWOCK_SIGSET
/*
 * The signal mask with which a thread starts; a null pointer unsets the attribute. The signals that
 * libc uses itself (32 to 34) are left out of it. pthread_attr_getsigmask_np returns 0, or, where
 * there is none, stores an empty set and returns PTHREAD_ATTR_NO_SIGMASK_NP, which is no error
 * number. Not in POSIX.
 */
#ifndef PTHREAD_ATTR_NO_SIGMASK_NP
#define PTHREAD_ATTR_NO_SIGMASK_NP (-1)
#endif
int pthread_attr_getsigmask_np(const pthread_attr_t *__attr, __FURWOCK_SIGSET *__mask);
int pthread_attr_setsigmask_np(pthread_attr_t *__attr, const __FURWOCK_SIGSET *__mask);
#endif

/*
 * Initialise attr with what a thread has: its stack and the size of it, its guard, whether it is
 * detached, its policy, priority and processors. There is no signal mask, and the inheritance is
 * PTHREAD_INHERIT_SCHED. The initial thread's stack is as large as RLIMIT_STACK lets it grow, of
 * which no more than 1 GiB is told, or as it has grown before the limit was lowered; its guard is 0,
 * as that of a stack of the program's own. A thread that has ended has policy SCHED_OTHER, priority 0
 * and no set of processors, and a stack of more than 32 MiB is not there any more. The object has to
 * be destroyed.
 *
 *   ENOMEM  no memory for the processors
 *
 * Not in POSIX.
 */
int pthread_getattr_np(pthread_t __id, pthread_attr_t *__attr) __FURWOCK_THROW;

/*
 * The attributes of threads that are created without any, by thrd_create too. To set them takes a
 * copy; a thread of the defaults may then be detached, and may fail to be created where what they
 * say cannot be had. To get them initialises attr, which has to be destroyed.
 *
 *   EINVAL  pthread_setattr_default_np: attr has a stack
 *   ENOMEM  no memory for the processors
 *
 * Not in POSIX.
 */
int pthread_getattr_default_np(pthread_attr_t *__attr) __FURWOCK_THROW;
int pthread_setattr_default_np(const pthread_attr_t *__attr) __FURWOCK_THROW;

/*
 * ---------------------------------------------------------------------------------------------
 * Cancellation
 *
 * A request to end stays with the thread until the thread can follow it; then the thread ends as by
 * pthread_exit(PTHREAD_CANCELED). When that is, is for the thread to decide:
 *
 *   PTHREAD_CANCEL_DISABLE  not before cancellation is enabled again.
 *   PTHREAD_CANCEL_ENABLE   and, of type
 *     PTHREAD_CANCEL_DEFERRED      at the next cancellation point: one that is called when a
 *                                  request is there, or that waits when it comes. A call that has
 *                                  done what it was for returns that, and the request stays.
 *     PTHREAD_CANCEL_ASYNCHRONOUS  at once, wherever the thread is. It may call nothing then but
 *                                  cancellation points and the functions of this section.
 *
 * Threads begin with PTHREAD_CANCEL_ENABLE and PTHREAD_CANCEL_DEFERRED. The cancellation points of
 * this header are pthread_cond_wait and its kin, pthread_join and its kin, and pthread_testcancel;
 * those of libc are in XSH 2.9.5.2. musl has PTHREAD_CANCEL_MASKED too, a state in which a
 * cancellation point with a request fails with ECANCELED, once, and the state is then
 * PTHREAD_CANCEL_DISABLE.
 *
 * No C++ exception is thrown, and nothing on the stack destroyed (glibc does both).
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Ask a thread to end. Does not wait for it, nor say whether it will. May be called with
 * asynchronous cancelability, and for the caller itself.
 *
 *   EAGAIN  RLIMIT_SIGPENDING signals are waiting, and for a tenth of a second the thread has not run:
 *           it ends at its next cancellation point, but may go on to block in the one that it is in
 *
 * XSH pthread_cancel.
 */
int pthread_cancel(pthread_t __id);

/* A cancellation point, and nothing else. XSH pthread_setcancelstate. */
void pthread_testcancel(void);

/*
 * Set the calling thread's state or type, and store what it was in *former if that is not null. If
 * the type is asynchronous after that and cancellation enabled, a request that is there is followed
 * at once. Async-signal-safe, and may be called with asynchronous cancelability.
 *
 *   EINVAL  state or type is none of those above
 *
 * XSH pthread_setcancelstate.
 */
int pthread_setcancelstate(int __state, int *__former);
int pthread_setcanceltype(int __type, int *__former);

/*
 * Two macros of the libc's:
 *
 *   void pthread_cleanup_push(void (*routine)(void *), void *argument);
 *   void pthread_cleanup_pop(int execute);
 *
 * What happens between them in the thread's life ends with a call of routine with argument, if the
 * thread is cancelled there or calls pthread_exit, or if execute is not 0. Handlers that are nested
 * run from the inside out. The two must be in the same block of the program's text, as if one had
 * the opening brace and the other the closing one; to leave that block by return, break, continue,
 * goto or longjmp is undefined. In a handler cancellation is disabled when the thread ends, and as
 * it was when it goes on. XSH pthread_cleanup_pop.
 */

/*
 * ---------------------------------------------------------------------------------------------
 * Signals to threads
 *
 * POSIX has these functions in <signal.h>, which declares them too. Signals 32 to 34 are libc's
 * own: they cannot be sent, are never in a mask, and no change of a mask blocks or unblocks them. None
 * is a cancellation point.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Send a signal to a thread; if it is 0, only check. A signal that stops, continues or ends does so
 * to the whole process. Async-signal-safe.
 *
 *   EINVAL  signal is not a number from 0 to 64, or is libc's own
 *   EAGAIN  it is a real-time signal, and RLIMIT_SIGPENDING of them are waiting
 *
 * XSH pthread_kill.
 */
int pthread_kill(pthread_t __id, int __signal) __FURWOCK_THROW;

/*
 * The same, with a value that a handler finds in si_value, and SI_QUEUE in si_code.
 * Async-signal-safe.
 *
 *   EINVAL, EAGAIN  as pthread_kill
 *
 * Not in POSIX, whose sigqueue is for processes.
 */
union sigval;
int pthread_sigqueue(pthread_t __id, int __signal, union sigval __value) __FURWOCK_THROW;

#ifdef __FURWOCK_SIGSET
/*
 * Change the calling thread's signal mask, unless set is null: by adding set to it (SIG_BLOCK),
 * taking set out of it (SIG_UNBLOCK), or making it set (SIG_SETMASK). Store what it was in *former
 * if that is not null. If signals are pending that are not blocked any more, at least one of them
 * is delivered before the return. SIGKILL and SIGSTOP in set have no effect. Async-signal-safe.
 *
 *   EINVAL  set is not null, and how is none of the three
 *
 * XSH pthread_sigmask.
 */
int pthread_sigmask(int __how, const __FURWOCK_SIGSET *__restrict __set,
                    __FURWOCK_SIGSET *__restrict __former) __FURWOCK_THROW;
#endif

/*
 * ---------------------------------------------------------------------------------------------
 * Scheduling, processors and names
 *
 * Those that take an ID return ESRCH for a thread that has ended, as the section on threads has it;
 * their comments name the other errors. Each thread is one of the kernel's. None of these functions
 * is a cancellation point.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * A thread's policy and priority: param->sched_priority is 1 to 99 for SCHED_FIFO and SCHED_RR, 0
 * for SCHED_OTHER, SCHED_BATCH and SCHED_IDLE.
 *
 *   EINVAL  there is no such policy, or it has no such priority
 *   EPERM   the system does not let the thread have it (RLIMIT_RTPRIO, CAP_SYS_NICE)
 *
 * What a mutex of protocol PTHREAD_PRIO_INHERIT lends or PTHREAD_PRIO_PROTECT raises is not stored
 * (of another thread, where threads are libc's, the ceiling is). A thread that holds one of the
 * latter runs at no less than its ceiling, whatever it sets for itself; what others set for it then
 * lasts until it locks or unlocks one. XSH pthread_getschedparam.
 */
int pthread_getschedparam(pthread_t __id, int *__restrict __policy,
                          struct sched_param *__restrict __param) __FURWOCK_THROW;
int pthread_setschedparam(pthread_t __id, int __policy,
                          const struct sched_param *__param) __FURWOCK_THROW;

/*
 * Set a thread's priority and leave its policy.
 *
 *   EINVAL  the policy has no such priority
 *   EPERM   as pthread_setschedparam
 *
 * XSH pthread_setschedprio.
 */
int pthread_setschedprio(pthread_t __id, int __priority) __FURWOCK_THROW;

#ifdef __FURWOCK_CPUSET
/*
 * The processors on which a thread may run: a set of size bytes.
 *
 *   EINVAL  pthread_setaffinity_np: no processor of the set is there for the process
 *   EINVAL  pthread_getaffinity_np: size is too small for the kernel's sets, or no multiple of
 *           sizeof(long)
 *
 * Not in POSIX.
 */
int pthread_getaffinity_np(pthread_t __id, size_t __size, cpu_set_t *__cpus) __FURWOCK_THROW;
int pthread_setaffinity_np(pthread_t __id, size_t __size, const cpu_set_t *__cpus) __FURWOCK_THROW;
#endif

/*
 * A thread's name, which ps, top and debuggers show: at most 15 bytes and a null. A thread begins
 * with its creator's.
 *
 *   ERANGE  pthread_setname_np: name is longer
 *   ERANGE  pthread_getname_np: size, that of the buffer, is below 16
 *   ENOENT, EACCES, EMFILE, ENFILE, ...  as open: the name of another thread than the caller goes
 *           through /proc/self/task
 *
 * Not in POSIX.
 */
int pthread_getname_np(pthread_t __id, char *__name, size_t __size) __FURWOCK_THROW;
int pthread_setname_np(pthread_t __id, const char *__name) __FURWOCK_THROW;

#ifdef __FURWOCK_CLOCKID
/*
 * Store the clock that counts the processor time a thread has used, for clock_gettime and
 * timer_create. It is there as long as the thread runs. XSH pthread_getcpuclockid.
 */
int pthread_getcpuclockid(pthread_t __id, clockid_t *__clock) __FURWOCK_THROW;
#endif

/*
 * The kernel's number of a thread, which gettid returns to the thread itself, and which ps, top and
 * system calls know it by; -1 if the thread has ended. Another thread may be given the number later.
 *
 * Not in POSIX; in glibc since 2.42.
 */
pid_t pthread_gettid_np(pthread_t __id) __FURWOCK_THROW;

/*
 * A level of concurrency, which is kept and has no effect. pthread_getconcurrency returns it, and 0
 * if none was set.
 *
 *   EINVAL  pthread_setconcurrency: level is negative
 *
 * In POSIX.1-2017, and no longer in POSIX.1-2024.
 */
int pthread_getconcurrency(void) __FURWOCK_THROW;
int pthread_setconcurrency(int __level) __FURWOCK_THROW;

/*
 * ---------------------------------------------------------------------------------------------
 * Fork
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Have functions called in the thread that calls fork: prepare before, parent in the parent and
 * child in the child after it; those that are null are left out. If there are several, the last
 * prepare that was registered comes first, and the first parent or child. They cannot be taken
 * back. The libc's in every program.
 *
 *   ENOMEM  no memory to register them
 *
 * XSH pthread_atfork.
 */
int pthread_atfork(void (*__prepare)(void), void (*__parent)(void),
                   void (*__child)(void)) __FURWOCK_THROW;

#ifdef __cplusplus
}
#endif

#undef __FURWOCK_THROW
#undef __FURWOCK_THROWNL
#undef __FURWOCK_RWLOCK
#undef __FURWOCK_BARRIER
#undef __FURWOCK_CLOCKID
#undef __FURWOCK_SIGSET
#undef __FURWOCK_CPUSET
#undef __FURWOCK_OLD

#endif
