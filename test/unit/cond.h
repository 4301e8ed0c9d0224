/* What the tests of condition variables share: forms of waiting, kinds of mutex, a place to wait. */
#ifndef FURWOCK_TEST_COND_H
#define FURWOCK_TEST_COND_H

#include "unit.h"

#include <limits.h>
#include <sched.h>
#include <sys/prctl.h>

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

/* ---- Waiting in every way there is ---- */

static inline bool form_exists(enum form form)
{
    return form < CLOCK_REAL || HAVE(pthread_cond_clockwait);
}

static inline int wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, enum form form,
                             const struct timespec *at)
{
    switch (form) {
    case TIMED:
        return pthread_cond_timedwait(cond, mutex, at);
    case CLOCK_REAL:
    case CLOCK_MONO:
        return pthread_cond_clockwait(cond, mutex, form_clock(form), at);
    default:
        return pthread_cond_wait(cond, mutex);
    }
}

static inline int wait_for(pthread_cond_t *cond, pthread_mutex_t *mutex, enum form form, long ms)
{
    struct timespec at = unit_deadline(form_clock(form), ms);
    return wait_until(cond, mutex, form, &at);
}

static inline void init_cond(pthread_cond_t *cond, clockid_t clock, int pshared)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr));
    must(pthread_condattr_setclock(&attr, clock));
    must(pthread_condattr_setpshared(&attr, pshared));
    /* What the memory held before must not matter. */
    memset(cond, 0xa5, sizeof *cond);
    must(pthread_cond_init(cond, &attr));
    must(pthread_condattr_destroy(&attr));
}

/* ---- Every kind of mutex ---- */

static const struct kind {
    const char *name;
    int type, robust, protocol;
} kinds[] = {
    {"normal", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE},
    {"errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE},
    {"recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE},
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
    {"adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE},
#endif
    {"robust", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE},
    {"robust errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE},
    {"robust recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE},
    {"inherit", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT},
    {"inherit errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT},
    {"inherit recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT},
    {"inherit robust", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT},
    /* From here on the locking threads must be scheduled by priority. */
    {"protect", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_PROTECT},
    {"protect errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_PROTECT},
    {"protect recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_PROTECT},
};
#define KINDS COUNT(kinds)

/* Make the calling thread, and those it starts, SCHED_FIFO. False where that is not permitted. */
static inline bool become_fifo(int above_minimum)
{
    struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    param.sched_priority += above_minimum;
    return pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
}

/* NULL, or why this kind cannot be tested here. */
static inline const char *init_mutex(pthread_mutex_t *mutex, const struct kind *kind, int pshared)
{
#ifndef __GLIBC__
    if (kind->protocol == PTHREAD_PRIO_PROTECT && !unit_on_furwock())
        return "no such mutexes";
#endif
    if (kind->protocol == PTHREAD_PRIO_PROTECT && !become_fifo(0))
        return "may not use SCHED_FIFO";
    int error = unit_mutex_init(mutex, kind->type, pshared, kind->robust, kind->protocol);
    if (error == ENOTSUP && kind->protocol != PTHREAD_PRIO_NONE)
        return "the kernel has no such mutexes";
    must(error);
    return NULL;
}

static inline int try_and_unlock(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    if (error == 0)
        must(pthread_mutex_unlock(mutex));
    return error;
}

/* The calling thread owns the mutex, once. */
static inline void must_own(pthread_mutex_t *mutex, const struct kind *kind)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), EBUSY);
    if (kind->type == PTHREAD_MUTEX_ERRORCHECK)
        ck_assert_int_eq(pthread_mutex_lock(mutex), EDEADLK);
    if (kind->type == PTHREAD_MUTEX_RECURSIVE) {
        ck_assert_int_eq(pthread_mutex_trylock(mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
        ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), EBUSY);
    }
}

static inline void must_be_free(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), 0);
}

/* Keep the calling thread, and those it starts, where it is. */
static inline void share_a_processor(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(sched_getcpu(), &set);
    ck_assert_int_eq(sched_setaffinity(0, sizeof set, &set), 0);
}

/* ---- A place to wait for permits ---- */

struct station {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    const struct kind *kind;
    /* All under the mutex; read without it only to see whether they have moved. */
    atomic_int waiting, permits, taken;
    /* Who is between lock and unlock. */
    atomic_int inside;
};

static inline const char *init_station(struct station *s, const struct kind *kind, int pshared)
{
    memset(s, 0, sizeof *s);
    s->kind = kind;
    init_cond(&s->cond, CLOCK_REALTIME, pshared);
    return init_mutex(&s->mutex, kind, pshared);
}

static inline void end_station(struct station *s)
{
    must_be_free(&s->mutex);
    ck_assert_int_eq(pthread_cond_destroy(&s->cond), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&s->mutex), 0);
}

static inline void enter(struct station *s)
{
    must(pthread_mutex_lock(&s->mutex));
    insist(atomic_fetch_add(&s->inside, 1) == 0);
}

static inline void leave(struct station *s)
{
    insist(atomic_fetch_sub(&s->inside, 1) == 1);
    must(pthread_mutex_unlock(&s->mutex));
}

/* A wait between enter() and leave(). */
static inline int station_wait(struct station *s, enum form form, const struct timespec *at)
{
    insist(atomic_fetch_sub(&s->inside, 1) == 1);
    int error = wait_until(&s->cond, &s->mutex, form, at);
    insist(atomic_fetch_add(&s->inside, 1) == 0);
    return error;
}

struct passenger {
    struct station *station;
    enum form form;
    bool look_at_mutex;
    struct unit_call call;
};

static inline int take_permit(void *arg)
{
    struct passenger *p = arg;
    struct station *s = p->station;
    struct timespec at = unit_deadline(form_clock(p->form), 20000);
    int error = 0;
    enter(s);
    atomic_fetch_add(&s->waiting, 1);
    while (atomic_load(&s->permits) == 0 && error == 0)
        error = station_wait(s, p->form, &at);
    atomic_fetch_sub(&s->waiting, 1);
    if (error == 0) {
        atomic_fetch_sub(&s->permits, 1);
        atomic_fetch_add(&s->taken, 1);
    }
    if (p->look_at_mutex)
        must_own(&s->mutex, s->kind);
    leave(s);
    return error;
}

static inline void start_passenger(struct passenger *p, struct station *s, enum form form)
{
    *p = (struct passenger){.station = s, .form = form_exists(form) ? form : PLAIN};
    unit_start(&p->call, take_permit, p);
}

/* Return as soon as `count` wait: seen under the mutex, they have let go of it. */
static inline void enter_when_waiting(struct station *s, int count)
{
    struct timespec nap = {0, 100000};
    for (;;) {
        enter(s);
        if (atomic_load(&s->waiting) == count)
            return;
        leave(s);
        nanosleep(&nap, NULL);
    }
}

/* Wait until a counter has reached `value`. A lost wake shows by its standing still. */
static inline void must_reach(const atomic_int *counter, int value, const char *what)
{
    struct timespec nap = {0, 20000};
    int last = atomic_load(counter), now;
    int64_t since = unit_now_ms();
    while ((now = atomic_load(counter)) < value) {
        if (now != last) {
            last = now;
            since = unit_now_ms();
        } else if (unit_now_ms() - since > 10000) {
            ck_assert_msg(0, "%s: stuck at %d of %d", what, now, value);
        }
        nanosleep(&nap, NULL);
    }
}

/* The counter's word for "taken away": permits go down, not up. */
static inline void must_be_taken(const atomic_int *permits, const char *what)
{
    int64_t start = unit_now_ms();
    for (int i = 0; atomic_load(permits) != 0; i++) {
        if (i % 1024 == 1023)
            ck_assert_msg(unit_now_ms() - start < 10000, "%s", what);
        sched_yield();
    }
}

/* ---- Threads that wait ---- */

/* Two players return a ball, a turn each: in one process, or in two. */
struct table {
    struct station station;
    atomic_int turn, tid;
};

struct player {
    struct table *table;
    int number, rounds;
    bool plain;
};

static inline int play(void *arg)
{
    struct player *me = arg;
    struct station *s = &me->table->station;
    enter(s);
    for (int round = 0; round < me->rounds; round++) {
        int form = me->plain || !form_exists(round % FORMS) ? PLAIN : round % FORMS;
        struct timespec at = {0, 0};
        if (form != PLAIN)
            at = unit_deadline(form_clock(form), 10000);
        while (atomic_load(&me->table->turn) % 2 != me->number) {
            int error = station_wait(s, form, &at);
            if (error != 0)
                return error;
        }
        atomic_fetch_add(&me->table->turn, 1);
        must(round % 2 ? pthread_cond_signal(&s->cond) : pthread_cond_broadcast(&s->cond));
    }
    leave(s);
    return 0;
}

struct short_wait {
    struct station *station;
    long ms;
};

static inline int wait_briefly(void *arg)
{
    struct short_wait *w = arg;
    struct station *s = w->station;
    struct timespec at = unit_deadline(CLOCK_REALTIME, w->ms);
    int error = 0;
    enter(s);
    atomic_fetch_add(&s->waiting, 1);
    while (error == 0 && atomic_load(&s->permits) == 0)
        error = station_wait(s, TIMED, &at);
    atomic_fetch_sub(&s->waiting, 1);
    atomic_fetch_add(&s->taken, 1);
    must_own(&s->mutex, s->kind);
    leave(s);
    return error;
}

struct guest {
    pthread_cond_t *cond;
    pthread_mutex_t *mutex;
    atomic_int waiting;
    /* under the mutex */
    bool go;
    struct unit_call call;
};

static inline int wait_as_guest(void *arg)
{
    struct guest *g = arg;
    must(pthread_mutex_lock(g->mutex));
    atomic_store(&g->waiting, 1);
    while (!g->go)
        must(pthread_cond_wait(g->cond, g->mutex));
    return pthread_mutex_unlock(g->mutex);
}

/* On return the guest waits, and the caller has its mutex. */
static inline void invite(struct guest *g, pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    *g = (struct guest){.cond = cond, .mutex = mutex};
    unit_start(&g->call, wait_as_guest, g);
    unit_wait_for(&g->waiting, 1);
    must(pthread_mutex_lock(mutex));
}

#endif
