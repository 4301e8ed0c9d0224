/*
 * <threads.h>: C11 threads, as Furwock offers them.
 *
 * Types, constants and everything not declared here (thread_local) come from the libc's own header,
 * which is included first; what <pthread.h> says of interchangeable programs holds here too.
 *
 * These objects are those of <pthread.h> under other names: a mtx_t is a private mutex, a cnd_t a
 * private condition variable on CLOCK_REALTIME, a once_flag a pthread_once_t, and a tss_t a key.
 * What is said there of threads, of signals and cancellation, of objects and when they may be
 * destroyed, and of memory holds here. Objects whose bytes are all zero are a mutex of type
 * mtx_plain | mtx_timed and a condition variable, though ISO C has them initialised by a call.
 *
 * RESULTS. Functions of type int, but for thrd_equal and thrd_sleep, return thrd_success, or
 * thrd_error if nothing more fitting is named; errno is not touched.
 *
 * TIME. A timeout is a point in time, not a duration: seconds and nanoseconds (0 to 999,999,999) as
 * timespec_get counts them with TIME_UTC, which is CLOCK_REALTIME.
 *
 * Parameters have two underscores in front; the comments leave them out. "C17 7.26.4" is a section
 * of ISO/IEC 9899:2018, "XSH name" a page in the System Interfaces volume of POSIX.1-2024.
 */
#ifndef _FURWOCK_THREADS_H
#define _FURWOCK_THREADS_H

#pragma GCC system_header
#include_next <threads.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * ---------------------------------------------------------------------------------------------
 * Once
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Call function, unless a call with the same flag, which began as ONCE_FLAG_INIT, has done so; wait
 * for it to return if another thread is in it. Cancellation of function, C++ exceptions and fork
 * are as with pthread_once. C17 7.26.2.1, XSH call_once.
 */
void call_once(once_flag *__flag, void (*__function)(void));

/*
 * ---------------------------------------------------------------------------------------------
 * Mutexes
 *
 * To lock a mutex that is not recursive again as its owner waits for ever, or until the timeout.
 * Unlocking a mutex of another thread is undefined for a plain one; for a recursive one it is
 * refused with thrd_error. None of these functions is a cancellation point.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Initialise a mutex, unlocked. The type is mtx_plain or mtx_timed, or one of these |
 * mtx_recursive; every mutex has mtx_timedlock, timed or not.
 *
 *   thrd_error  type is none of these
 *
 * C17 7.26.4.2, XSH mtx_destroy.
 */
int mtx_init(mtx_t *__mutex, int __type);

/*
 * Destroy a mutex that is unlocked and that no thread is about to lock. C17 7.26.4.1, XSH
 * mtx_destroy.
 */
void mtx_destroy(mtx_t *__mutex);

/*
 * Lock a mutex, waiting until that is possible.
 *
 *   thrd_error  recursive, and locked 2^32 times already
 *
 * C17 7.26.4.3, XSH mtx_lock.
 */
int mtx_lock(mtx_t *__mutex);

/*
 * Lock a mutex, but wait no longer than until time.
 *
 *   thrd_timedout  the time has passed, or passes while the call waits
 *   thrd_error     as mtx_lock; or the call would have to wait, and tv_nsec is out of range
 *
 * C17 7.26.4.4, XSH mtx_lock.
 */
int mtx_timedlock(mtx_t *__restrict __mutex, const struct timespec *__restrict __time);

/*
 * Lock a mutex if that is possible at once. Async-signal-safe.
 *
 *   thrd_busy   it is locked, by whatever thread; if recursive, by another thread
 *   thrd_error  as mtx_lock
 *
 * C17 7.26.4.5, XSH mtx_lock.
 */
int mtx_trylock(mtx_t *__mutex);

/*
 * Unlock a mutex that the caller owns; a recursive one by one level. Async-signal-safe for a mutex
 * that the same signal handler locked.
 *
 *   thrd_error  recursive, and the caller does not own it
 *
 * C17 7.26.4.6, XSH mtx_lock.
 */
int mtx_unlock(mtx_t *__mutex);

/*
 * ---------------------------------------------------------------------------------------------
 * Condition variables
 *
 * As those of <pthread.h>: a wait may end without a signal, all who wait at the same time must use
 * the same mutex, and a wait that is cancelled has locked the mutex again before the first cleanup
 * handler runs.
 * ---------------------------------------------------------------------------------------------
 */

/* Initialise a condition variable. Never fails. C17 7.26.3.3, XSH cnd_destroy. */
int cnd_init(cnd_t *__cond);

/* Destroy a condition variable that no thread is blocked on. C17 7.26.3.2, XSH cnd_destroy. */
void cnd_destroy(cnd_t *__cond);

/* Awake at least one of the threads that wait, if any do. C17 7.26.3.4, XSH cnd_broadcast. */
int cnd_signal(cnd_t *__cond);

/* Awake all threads that wait. C17 7.26.3.1, XSH cnd_broadcast. */
int cnd_broadcast(cnd_t *__cond);

/*
 * Release the mutex, wait for a signal or a broadcast, and lock the mutex again. A cancellation
 * point.
 *
 *   thrd_error  the mutex is recursive, and the caller does not own it
 *
 * With a plain mutex that the caller does not own the result is undefined. C17 7.26.3.6, XSH
 * cnd_timedwait.
 */
int cnd_wait(cnd_t *__cond, mtx_t *__mutex);

/*
 * The same, but wait no longer than until time. A cancellation point.
 *
 *   thrd_timedout  the time has passed: the mutex was released all the same, and is locked again
 *   thrd_error     as cnd_wait; or tv_nsec is out of range, and the mutex was not released
 *
 * C17 7.26.3.5, XSH cnd_timedwait.
 */
int cnd_timedwait(cnd_t *__restrict __cond, mtx_t *__restrict __mutex,
                  const struct timespec *__restrict __time);

/*
 * ---------------------------------------------------------------------------------------------
 * Thread-specific storage
 *
 * As the keys of <pthread.h>, with which it shares the 1024 there are; destructors run together
 * with theirs, in up to TSS_DTOR_ITERATIONS (4) rounds.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Create a key and store it in *key. The destructor may be null.
 *
 *   thrd_error  all keys are in use, or the destructor could not be called in this process
 *
 * C17 7.26.6.1, XSH tss_create.
 */
int tss_create(tss_t *__key, tss_dtor_t __destructor);

/*
 * Delete a key. Destructors are not called, now or later. To use the key afterwards is undefined.
 * May be called by a destructor. C17 7.26.6.2, XSH tss_delete.
 */
void tss_delete(tss_t __key);

/* The calling thread's value for a key; null if it has set none. C17 7.26.6.3, XSH tss_get. */
void *tss_get(tss_t __key);

/*
 * Set the calling thread's value for a key. The destructor is not called for the value replaced.
 *
 *   thrd_error  there is no such key, or no memory for the value
 *
 * C17 7.26.6.4, XSH tss_get.
 */
int tss_set(tss_t __key, void *__value);

/*
 * ---------------------------------------------------------------------------------------------
 * Threads
 *
 * As those of <pthread.h>, and Furwock's where those are: in static programs on musl, which is what
 * is spoken of here. In other programs they are the libc's. A thrd_t is a pthread_t: a thread made
 * by either header's function may be cancelled, signalled, scheduled and named by those of
 * <pthread.h>. thrd_sleep and thrd_yield are the libc's in every program.
 * ---------------------------------------------------------------------------------------------
 */

/*
 * Create a thread that calls function with argument, with the default attributes, and store its
 * identifier in *id, before the thread runs. It ends when function returns, as by thrd_exit with
 * the result.
 *
 *   thrd_nomem  no memory
 *   thrd_error  a limit on the number of threads, or the defaults that pthread_setattr_default_np
 *               set cannot be had
 *
 * *id is undefined after an error. C17 7.26.5.1, XSH thrd_create.
 */
int thrd_create(thrd_t *__id, thrd_start_t __function, void *__argument);

/*
 * End the calling thread with a result, after the destructors of its keys; of the last thread, end
 * the process as by exit(0). Does not return. C17 7.26.5.5, XSH thrd_exit.
 */
void thrd_exit(int __result) __attribute__((__noreturn__));

/*
 * Wait until a thread has ended, take its memory back, and store its result in *result if that is
 * not null; that of a thread which was cancelled is -1. A cancellation point.
 *
 *   thrd_error  it is the caller, is detached, or waits to join the caller; another thread waits to
 *               join it, or has, as far as that can be told
 *
 * C17 7.26.5.6, XSH thrd_join.
 */
int thrd_join(thrd_t __id, int *__result);

/*
 * Let a thread go: nobody will join it, and its memory is taken back when it ends.
 *
 *   thrd_error  it is detached; another thread waits to join it, or has, as far as that can be told
 *
 * C17 7.26.5.3, XSH thrd_detach.
 */
int thrd_detach(thrd_t __id);

/* The calling thread's identifier. Async-signal-safe. C17 7.26.5.2, XSH thrd_current. */
thrd_t thrd_current(void);

/*
 * Not 0 if both are the identifier of the same thread, else 0. Async-signal-safe. A macro too, in C
 * with musl. C17 7.26.5.4, XSH thrd_equal.
 */
int(thrd_equal)(thrd_t __id, thrd_t __other);

/*
 * Sleep for a time: a duration, in seconds and nanoseconds, of CLOCK_REALTIME, which setting that
 * clock does not change. If a signal handler interrupts it, store what is left of it in *remaining,
 * if that is not null; it may be the same object. A cancellation point.
 *
 * Returns 0 when the time has passed, -1 if a handler interrupted it, and another negative number
 * on an error: tv_sec is negative, or tv_nsec not from 0 to 999,999,999. C17 7.26.5.7, XSH
 * thrd_sleep.
 */
int thrd_sleep(const struct timespec *__duration, struct timespec *__remaining);

/*
 * Let the other threads of the same priority run first, if any wait for the processor. C17
 * 7.26.5.8, XSH thrd_yield.
 */
void thrd_yield(void);

#ifdef __cplusplus
}
#endif

#endif
