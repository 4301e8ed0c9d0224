/* What the tests of read-write locks share: the kinds, ways to take one, threads that hold one. */
#ifndef FURWOCK_TEST_RWLOCK_H
#define FURWOCK_TEST_RWLOCK_H

#include "unit.h"
#include <limits.h>
#include <sched.h>

/* The kinds by number: not every libc's headers name them, and the binary interface fixes them. */
enum { PREFER_READER = 0, PREFER_WRITER = 1, PREFER_WRITER_NONRECURSIVE = 2, KINDS };

#ifdef __GLIBC__
_Static_assert((int)PREFER_READER == (int)PTHREAD_RWLOCK_PREFER_READER_NP, "");
_Static_assert((int)PREFER_WRITER == (int)PTHREAD_RWLOCK_PREFER_WRITER_NP, "");
_Static_assert((int)PREFER_WRITER_NONRECURSIVE == (int)PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP,
               "");
/* Whether the library under test is one that notices what POSIX only allows it to notice. */
#define DETECTS_DEADLOCK true
#else
#define DETECTS_DEADLOCK unit_on_furwock()
#endif

/* ---- Taking a lock in every way there is ---- */

static inline bool form_exists(enum form form)
{
    return form < CLOCK_REAL || HAVE(pthread_rwlock_clockrdlock);
}

static inline int take_until(pthread_rwlock_t *lock, bool write, enum form form,
                             const struct timespec *at)
{
    switch (form) {
    case TIMED:
        return write ? pthread_rwlock_timedwrlock(lock, at) : pthread_rwlock_timedrdlock(lock, at);
    case CLOCK_REAL:
    case CLOCK_MONO:
        return write ? pthread_rwlock_clockwrlock(lock, form_clock(form), at)
                     : pthread_rwlock_clockrdlock(lock, form_clock(form), at);
    default:
        return write ? pthread_rwlock_wrlock(lock) : pthread_rwlock_rdlock(lock);
    }
}

static inline int take(pthread_rwlock_t *lock, bool write, enum form form, long ms)
{
    struct timespec at = unit_deadline(form_clock(form), ms);
    return take_until(lock, write, form, &at);
}

static inline int try_take(pthread_rwlock_t *lock, bool write)
{
    return write ? pthread_rwlock_trywrlock(lock) : pthread_rwlock_tryrdlock(lock);
}

static inline void init_lock(pthread_rwlock_t *lock, int kind, int pshared)
{
    pthread_rwlockattr_t attr;
    must(pthread_rwlockattr_init(&attr));
    if (HAVE(pthread_rwlockattr_setkind_np))
        must(pthread_rwlockattr_setkind_np(&attr, kind));
    must(pthread_rwlockattr_setpshared(&attr, pshared));
    /* Neither what the memory held before nor what becomes of the attributes may matter. */
    memset(lock, 0xa5, sizeof *lock);
    must(pthread_rwlock_init(lock, &attr));
    must(pthread_rwlockattr_destroy(&attr));
    memset(&attr, 0xff, sizeof attr);
}

/* ---- A thread that takes a lock and keeps it until it is told to leave ---- */

static atomic_int tickets;

struct holder {
    pthread_rwlock_t *lock;
    bool write;
    enum form form;
    atomic_int inside, leave;
    /* The order of entry among all holders. */
    int ticket;
    struct unit_call call;
};

static inline int hold(void *arg)
{
    struct holder *h = arg;
    int error = take(h->lock, h->write, h->form, 20000);
    if (error != 0)
        return error;
    h->ticket = atomic_fetch_add(&tickets, 1);
    atomic_store(&h->inside, 1);
    unit_wait_for(&h->leave, 1);
    return pthread_rwlock_unlock(h->lock);
}

static inline void holder_start(struct holder *h, pthread_rwlock_t *lock, bool write,
                                enum form form)
{
    h->lock = lock;
    h->write = write;
    h->form = form;
    atomic_init(&h->inside, 0);
    atomic_init(&h->leave, 0);
    unit_start(&h->call, hold, h);
}

static inline void holder_must_be_blocked(struct holder *h)
{
    unit_wait_until_blocked(&h->call);
    ck_assert_msg(atomic_load(&h->inside) == 0, "the lock was to be had");
}

static inline void holder_must_enter(struct holder *h)
{
    unit_wait_for(&h->inside, 1);
}

static inline void holder_end(struct holder *h)
{
    atomic_store(&h->leave, 1);
    ck_assert_int_eq(unit_finish(&h->call), 0);
}

/* One attempt from a thread that holds nothing; a lock so taken is given back. */
struct attempt {
    pthread_rwlock_t *lock;
    bool write, try;
    enum form form;
    long ms;
};

static inline int attempt(void *arg)
{
    struct attempt *a = arg;
    int error = a->try ? try_take(a->lock, a->write) : take(a->lock, a->write, a->form, a->ms);
    if (error == 0)
        must(pthread_rwlock_unlock(a->lock));
    return error;
}

static inline int try_elsewhere(pthread_rwlock_t *lock, bool write)
{
    struct attempt a = {.lock = lock, .write = write, .try = true};
    return unit_elsewhere(attempt, &a);
}

static inline int take_elsewhere(pthread_rwlock_t *lock, bool write, enum form form, long ms)
{
    struct attempt a = {.lock = lock, .write = write, .form = form, .ms = ms};
    return unit_elsewhere(attempt, &a);
}

static inline void must_be_free(pthread_rwlock_t *lock)
{
    ck_assert_int_eq(try_elsewhere(lock, true), 0);
}

/* With a reader inside and a writer waiting, does the lock let a new reader in? */
static inline int reader_while_writer_waits(pthread_rwlock_t *lock)
{
    struct holder writer;
    ck_assert_int_eq(pthread_rwlock_rdlock(lock), 0);
    holder_start(&writer, lock, true, PLAIN);
    holder_must_be_blocked(&writer);
    int result = try_elsewhere(lock, false);
    ck_assert_int_eq(pthread_rwlock_unlock(lock), 0);
    holder_must_enter(&writer);
    holder_end(&writer);
    return result;
}

/* ---- Waiting ---- */

/* The three ways to be kept out: a read lock by a writer, a write lock by either. */
static const struct {
    bool held, wanted;
} conflicts[] = {{true, false}, {false, true}, {true, true}};
#define CONFLICTS (int)(sizeof conflicts / sizeof conflicts[0])

#endif
