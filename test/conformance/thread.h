/* What the assertions about threads share. */
#ifndef FURWOCK_TEST_CONFORM_THREAD_H
#define FURWOCK_TEST_CONFORM_THREAD_H

#include "conform.h"
#include <limits.h>
#include <sys/resource.h>

/* Any new mapping fails from now on, or no longer. */
static inline void refuse_memory(bool refuse)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = refuse ? 0 : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

/* Become a user without privileges, with no realtime priorities and so many threads. */
static inline void drop_privileges(rlim_t threads)
{
    enum { NOBODY = 54321 };
    struct rlimit none = {0, 0}, limit = {threads, threads};
    if (setrlimit(RLIMIT_NPROC, &limit) != 0 || setrlimit(RLIMIT_RTPRIO, &none) != 0)
        unsupported("cannot set limits");
    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0)
        unsupported("cannot become another user");
}

/* Burn so much of the calling thread's CPU time. */
static inline void burn(long ms)
{
    struct timespec now;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
}

static inline int64_t nanoseconds(clockid_t clock)
{
    struct timespec ts;
    ck_assert_int_eq(clock_gettime(clock, &ts), 0);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline sigset_t only(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

static inline sigset_t mask_of_caller(void)
{
    sigset_t mask;
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    return mask;
}

/* A thread that says who it is and waits to be let go, then returns or exits with a value. */
struct waiter {
    pthread_t id, self;
    atomic_int tid, go;
    void *result;
};

static inline void *waiter(void *arg)
{
    struct waiter *w = arg;
    w->self = pthread_self();
    atomic_store(&w->tid, unit_gettid());
    unit_wait_for(&w->go, 1);
    return w->result;
}

static inline void start_waiter(struct waiter *w, const pthread_attr_t *attr)
{
    memset(w, 0, sizeof *w);
    w->result = w;
    ck_assert_int_eq(pthread_create(&w->id, attr, waiter, w), 0);
    unit_wait_for(&w->tid, 1);
}

static inline void end_waiter(struct waiter *w)
{
    void *result;
    atomic_store(&w->go, 1);
    ck_assert_int_eq(pthread_join(w->id, &result), 0);
    ck_assert_ptr_eq(result, w->result);
}

/* Run a thread to its end; what it returned or passed to pthread_exit(). */
static inline void *run(void *(*function)(void *), void *arg)
{
    pthread_t id;
    void *result = &id;
    ck_assert_int_eq(pthread_create(&id, NULL, function, arg), 0);
    ck_assert_int_eq(pthread_join(id, &result), 0);
    return result;
}

static inline int join(void *arg)
{
    return pthread_join(((struct waiter *)arg)->id, NULL);
}

static atomic_int handler_tid;

static inline void handle(int signal)
{
    atomic_store(&handler_tid, unit_gettid());
    count_signal(signal);
}

#endif
