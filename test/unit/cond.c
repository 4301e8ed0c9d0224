/*
 * Condition variables: every function, both clocks, every kind of mutex, one process and two; and
 * that no signal is lost, whatever happens to those who wait, and no memory touched that a
 * destroyed one has left.
 */
#include "unit.h"

#include <limits.h>
#include <sched.h>
#include <sys/prctl.h>

#ifdef __GLIBC__
#define HAVE(function) true
#else
/* Not every libc has it; a weak reference is null where the library under test lacks it. */
extern int pthread_cond_clockwait(pthread_cond_t *restrict, pthread_mutex_t *restrict, clockid_t,
                                  const struct timespec *restrict) __attribute__((weak));
#define HAVE(function) ((function) != NULL)
#endif

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

/* For stress loops and other threads: speaks to Check only when something is wrong. */
#define must(call)                                                                                 \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_ != 0)                                                                           \
            ck_assert_msg(0, "line %d: %s: %s", __LINE__, #call, strerror(error_));                \
    } while (0)

#define insist(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_assert_msg(0, "line %d: %s", __LINE__, #condition);                                 \
    } while (0)

/* ---- Waiting in every way there is ---- */

enum form { PLAIN, TIMED, CLOCK_REAL, CLOCK_MONO, FORMS };

static bool form_exists(enum form form)
{
    return form < CLOCK_REAL || HAVE(pthread_cond_clockwait);
}

static clockid_t form_clock(enum form form)
{
    return form == CLOCK_MONO ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

static int wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, enum form form,
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

static int wait_for(pthread_cond_t *cond, pthread_mutex_t *mutex, enum form form, long ms)
{
    struct timespec at = unit_deadline(form_clock(form), ms);
    return wait_until(cond, mutex, form, &at);
}

static bool has_passed(clockid_t clock, const struct timespec *at)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec > at->tv_sec || (now.tv_sec == at->tv_sec && now.tv_nsec >= at->tv_nsec);
}

static void init_cond(pthread_cond_t *cond, clockid_t clock, int pshared)
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
static bool become_fifo(int above_minimum)
{
    struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    param.sched_priority += above_minimum;
    return pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
}

/* NULL, or why this kind cannot be tested here. */
static const char *init_mutex(pthread_mutex_t *mutex, const struct kind *kind, int pshared)
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

static int try_and_unlock(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    if (error == 0)
        must(pthread_mutex_unlock(mutex));
    return error;
}

/* The calling thread owns the mutex, once. */
static void must_own(pthread_mutex_t *mutex, const struct kind *kind)
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

static void must_be_free(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, mutex), 0);
}

/* Keep the calling thread, and those it starts, where it is. */
static void share_a_processor(void)
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

static const char *init_station(struct station *s, const struct kind *kind, int pshared)
{
    memset(s, 0, sizeof *s);
    s->kind = kind;
    init_cond(&s->cond, CLOCK_REALTIME, pshared);
    return init_mutex(&s->mutex, kind, pshared);
}

static void end_station(struct station *s)
{
    must_be_free(&s->mutex);
    ck_assert_int_eq(pthread_cond_destroy(&s->cond), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&s->mutex), 0);
}

static void enter(struct station *s)
{
    must(pthread_mutex_lock(&s->mutex));
    insist(atomic_fetch_add(&s->inside, 1) == 0);
}

static void leave(struct station *s)
{
    insist(atomic_fetch_sub(&s->inside, 1) == 1);
    must(pthread_mutex_unlock(&s->mutex));
}

/* A wait between enter() and leave(). */
static int station_wait(struct station *s, enum form form, const struct timespec *at)
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

static int take_permit(void *arg)
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

static void start_passenger(struct passenger *p, struct station *s, enum form form)
{
    *p = (struct passenger){.station = s, .form = form_exists(form) ? form : PLAIN};
    unit_start(&p->call, take_permit, p);
}

/* Return as soon as `count` wait: seen under the mutex, they have let go of it. */
static void enter_when_waiting(struct station *s, int count)
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
static void must_reach(const atomic_int *counter, int value, const char *what)
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
static void must_be_taken(const atomic_int *permits, const char *what)
{
    int64_t start = unit_now_ms();
    for (int i = 0; atomic_load(permits) != 0; i++) {
        if (i % 1024 == 1023)
            ck_assert_msg(unit_now_ms() - start < 10000, "%s", what);
        sched_yield();
    }
}

/* ---- One thread ---- */

static void exercise(pthread_cond_t *cond, clockid_t clock)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    ck_assert_int_eq(pthread_cond_signal(cond), 0);
    ck_assert_int_eq(pthread_cond_broadcast(cond), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    struct timespec at = unit_deadline(clock, 5);
    int error;
    do
        error = pthread_cond_timedwait(cond, &mutex, &at);
    while (error == 0);
    ck_assert_int_eq(error, ETIMEDOUT);
    ck_assert(has_passed(clock, &at));
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, &mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_cond_signal(cond), 0);
    ck_assert_int_eq(pthread_cond_broadcast(cond), 0);
}

START_TEST(every_initialiser_makes_a_working_object)
{
    static pthread_cond_t zero;
    static pthread_cond_t initialised = PTHREAD_COND_INITIALIZER;
    pthread_cond_t made;
    exercise(&zero, CLOCK_REALTIME);
    exercise(&initialised, CLOCK_REALTIME);
    memset(&made, 0xa5, sizeof made);
    ck_assert_int_eq(pthread_cond_init(&made, NULL), 0);
    exercise(&made, CLOCK_REALTIME);
    ck_assert_int_eq(pthread_cond_destroy(&zero), 0);
    ck_assert_int_eq(pthread_cond_destroy(&initialised), 0);
    /* A destroyed object may be initialised again, as another kind. */
    for (int i = 0; i < 4; i++) {
        clockid_t clock = i & 1 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
        ck_assert_int_eq(pthread_cond_destroy(&made), 0);
        init_cond(&made, clock, i & 2 ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE);
        exercise(&made, clock);
    }
    ck_assert_int_eq(pthread_cond_destroy(&made), 0);
}
END_TEST

/* A wait may end without cause, but one that always does has found a signal from the past. */
START_TEST(signals_without_waiters_are_not_kept)
{
    for (int pshared = 0; pshared < 2; pshared++) {
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t cond;
        init_cond(&cond, CLOCK_REALTIME, pshared);
        int timeouts = 0;
        for (int i = 0; i < 20; i++) {
            ck_assert_int_eq(pthread_cond_signal(&cond), 0);
            ck_assert_int_eq(pthread_cond_broadcast(&cond), 0);
            ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
            timeouts += wait_for(&cond, &mutex, TIMED, 2) == ETIMEDOUT;
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        }
        ck_assert_int_ge(timeouts, 15);
        ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
    }
}
END_TEST

START_TEST(a_wait_times_out_no_sooner_than_asked_and_owns_the_mutex)
{
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        for (int monotonic = 0; monotonic < 2; monotonic++) {
            clockid_t own = monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME;
            ck_assert_int_eq(pthread_cond_destroy(&s.cond), 0);
            init_cond(&s.cond, own, pshared);
            for (int form = TIMED; form < FORMS; form++) {
                if (!form_exists(form))
                    continue;
                /* The clock is the condition's own, unless the call names another. */
                clockid_t clock = form == TIMED ? own : form_clock(form);
                struct timespec at = unit_deadline(clock, 2);
                int error;
                enter(&s);
                do
                    error = station_wait(&s, form, &at);
                while (error == 0);
                ck_assert_int_eq(error, ETIMEDOUT);
                ck_assert(has_passed(clock, &at));
                must_own(&s.mutex, s.kind);
                leave(&s);
                must_be_free(&s.mutex);

                /* Times long past, before the epoch included, are times. */
                static const struct timespec past[] = {{0, 0}, {1, 999999999}, {-1, 999999999}};
                for (int i = 0; i < COUNT(past); i++) {
                    enter(&s);
                    ck_assert_int_eq(station_wait(&s, form, &past[i]), ETIMEDOUT);
                    leave(&s);
                }
            }
        }
        end_station(&s);
    }
}
END_TEST

/* "Release and re-acquire the mutex" holds for a time already past as well. */
START_TEST(a_wait_until_a_time_past_lets_others_have_the_mutex)
{
    struct station s;
    struct unit_call call;
    ck_assert_ptr_null(init_station(&s, &kinds[_i], PTHREAD_PROCESS_PRIVATE));
    must(pthread_mutex_lock(&s.mutex));
    /* This thread never unlocks, so the other can only get in by its waits. */
    struct passenger other = {.station = &s, .form = PLAIN};
    atomic_store(&s.permits, 1);
    unit_start(&call, take_permit, &other);
    unit_wait_until_blocked(&call);
    int64_t start = unit_now_ms();
    while (atomic_load(&s.taken) == 0) {
        ck_assert_int_eq(wait_for(&s.cond, &s.mutex, TIMED, -1000), ETIMEDOUT);
        if (unit_now_ms() - start > 10000)
            ck_assert_msg(0, "the mutex was never released");
    }
    ck_assert_int_eq(pthread_mutex_unlock(&s.mutex), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    end_station(&s);
}
END_TEST

START_TEST(an_invalid_time_is_an_error_and_keeps_the_mutex)
{
    static const struct timespec bad[] = {{0, -1},       {0, 1000000000},       {0, LONG_MAX},
                                          {0, LONG_MIN}, {4000000000, -1},      {-1, 1000000000},
                                          {-1, -1},      {4000000000, LONG_MAX}};
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        enter(&s);
        for (int form = TIMED; form < FORMS; form++) {
            for (int i = 0; i < COUNT(bad) && form_exists(form); i++) {
                /* Nobody gets in meanwhile: the error comes before the mutex is released. */
                ck_assert_int_eq(wait_until(&s.cond, &s.mutex, form, &bad[i]), EINVAL);
                if (i == 0)
                    must_own(&s.mutex, s.kind);
            }
        }
        leave(&s);
        end_station(&s);
    }
}
END_TEST

START_TEST(an_unknown_clock_is_an_error_and_keeps_the_mutex)
{
    if (!HAVE(pthread_cond_clockwait))
        unit_skip("no clock variant");
    static const clockid_t bad[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, -1, 12345,
                                    INT_MIN};
    struct station s;
    const char *why = init_station(&s, &kinds[_i], PTHREAD_PROCESS_PRIVATE);
    if (why)
        unit_skip(why);
    struct timespec at = unit_deadline(CLOCK_REALTIME, 10000);
    enter(&s);
    for (int i = 0; i < COUNT(bad); i++)
        ck_assert_int_eq(pthread_cond_clockwait(&s.cond, &s.mutex, bad[i], &at), EINVAL);
    must_own(&s.mutex, s.kind);
    leave(&s);
    end_station(&s);
}
END_TEST

static int hold_until_stage(void *arg)
{
    struct station *s = arg;
    must(pthread_mutex_lock(&s->mutex));
    atomic_store(&s->taken, 1);
    unit_wait_for(&s->taken, 2);
    return pthread_mutex_unlock(&s->mutex);
}

/* "The mutex type is PTHREAD_MUTEX_ERRORCHECK or the mutex is a robust mutex". */
START_TEST(waiting_without_the_mutex_is_an_error)
{
    const struct kind *kind = &kinds[_i];
    if (kind->type != PTHREAD_MUTEX_ERRORCHECK && kind->robust != PTHREAD_MUTEX_ROBUST)
        return;
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        const char *why = init_station(&s, kind, pshared);
        if (why)
            unit_skip(why);
        for (int form = PLAIN; form < FORMS; form++) {
            if (form_exists(form))
                ck_assert_int_eq(wait_for(&s.cond, &s.mutex, form, 10000), EPERM);
        }
        must_be_free(&s.mutex);
        struct unit_call call;
        unit_start(&call, hold_until_stage, &s);
        unit_wait_for(&s.taken, 1);
        for (int form = PLAIN; form < FORMS; form++) {
            if (form_exists(form))
                ck_assert_int_eq(wait_for(&s.cond, &s.mutex, form, 10000), EPERM);
        }
        ck_assert_int_eq(pthread_mutex_trylock(&s.mutex), EBUSY);
        atomic_store(&s.taken, 2);
        ck_assert_int_eq(unit_finish(&call), 0);

        /* And no trace of it is left. */
        struct passenger p;
        start_passenger(&p, &s, PLAIN);
        enter_when_waiting(&s, 1);
        atomic_store(&s.permits, 1);
        ck_assert_int_eq(pthread_cond_signal(&s.cond), 0);
        leave(&s);
        ck_assert_int_eq(unit_finish(&p.call), 0);
        end_station(&s);
    }
}
END_TEST

/* ---- Waking ---- */

START_TEST(signal_and_broadcast_wake_and_hand_the_mutex_back)
{
    enum { WAITERS = 3 };
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        for (int round = 0; round < 8; round++) {
            bool broadcast = round & 1, holding = round & 2;
            struct passenger p[WAITERS];
            for (int i = 0; i < WAITERS; i++) {
                start_passenger(&p[i], &s, (round + i) % FORMS);
                p[i].look_at_mutex = i == 0;
            }
            enter_when_waiting(&s, WAITERS);
            if (round & 4) {
                /* Asleep for certain, rather than on the way. */
                leave(&s);
                for (int i = 0; i < WAITERS; i++)
                    unit_wait_until_blocked(&p[i].call);
                enter(&s);
            }
            atomic_store(&s.permits, WAITERS);
            if (!holding)
                leave(&s);
            if (broadcast)
                ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
            else
                for (int i = 0; i < WAITERS; i++)
                    ck_assert_int_eq(pthread_cond_signal(&s.cond), 0);
            if (holding)
                leave(&s);
            for (int i = 0; i < WAITERS; i++)
                ck_assert_int_eq(unit_finish(&p[i].call), 0);
            ck_assert_int_eq(atomic_load(&s.permits), 0);
        }
        end_station(&s);
    }
}
END_TEST

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

static int play(void *arg)
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

START_TEST(two_threads_take_turns)
{
    for (int pshared = 0; pshared < 2; pshared++) {
        static struct table table;
        memset(&table, 0, sizeof table);
        const char *why = init_station(&table.station, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        struct player players[2] = {{&table, 0, 400, false}, {&table, 1, 400, false}};
        struct unit_call call;
        unit_start(&call, play, &players[1]);
        ck_assert_int_eq(play(&players[0]), 0);
        ck_assert_int_eq(unit_finish(&call), 0);
        ck_assert_int_eq(atomic_load(&table.turn), 800);
        end_station(&table.station);
    }
}
END_TEST

START_TEST(two_threads_take_many_turns)
{
    static struct table table;
    ck_assert_ptr_null(init_station(&table.station, &kinds[0], _i));
    struct player players[2] = {{&table, 0, 5000, true}, {&table, 1, 5000, true}};
    struct unit_call call;
    unit_start(&call, play, &players[1]);
    ck_assert_int_eq(play(&players[0]), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    end_station(&table.station);
}
END_TEST

START_TEST(two_processes_take_turns_at_different_addresses)
{
    int fd = unit_memory(sizeof(struct table));
    struct table *table = unit_map(fd, sizeof *table);
    const char *why = init_station(&table->station, &kinds[_i], PTHREAD_PROCESS_SHARED);
    if (why)
        unit_skip(why);
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct table *mine = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        unit_child_assert(mine != MAP_FAILED && mine != table);
        unit_child_assert(munmap(table, sizeof *table) == 0);
        atomic_store(&mine->tid, unit_gettid());
        struct player player = {mine, 1, 401, false};
        unit_child_assert(play(&player) == 0);
        _exit(0);
    }
    /* First across a sleep that is known to be one. */
    unit_wait_for(&table->tid, 1);
    unit_wait_until_asleep(pid, atomic_load(&table->tid));
    struct player player = {table, 0, 401, false};
    ck_assert_int_eq(play(&player), 0);
    unit_reap(pid);
    ck_assert_int_eq(atomic_load(&table->turn), 802);
    end_station(&table->station);
    ck_assert_int_eq(munmap(table, sizeof *table), 0);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

/*
 * Whoever waits first is owed the signal: one that begins to wait after signal has returned must
 * not take it from those who were blocked before. They count their wakes and have no condition to
 * look at, so that nothing but the signal itself can free them.
 */
struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    atomic_int waiting, woken;
    bool over;
};

static int count_wakes(void *arg)
{
    struct queue *q = arg;
    must(pthread_mutex_lock(&q->mutex));
    while (!q->over) {
        atomic_fetch_add(&q->waiting, 1);
        must(pthread_cond_wait(&q->cond, &q->mutex));
        atomic_fetch_sub(&q->waiting, 1);
        atomic_fetch_add(&q->woken, 1);
    }
    must(pthread_mutex_unlock(&q->mutex));
    return 0;
}

START_TEST(a_signal_is_not_for_those_who_come_later)
{
    enum { WAITERS = 3, ROUNDS = 60 };
    struct queue q = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    init_cond(&q.cond, CLOCK_REALTIME, _i);
    struct unit_call calls[WAITERS];
    for (int i = 0; i < WAITERS; i++)
        unit_start(&calls[i], count_wakes, &q);
    for (int round = 0; round < ROUNDS; round++) {
        int signals = round % WAITERS + 1;
        struct timespec nap = {0, 50000};
        must(pthread_mutex_lock(&q.mutex));
        while (atomic_load(&q.waiting) < WAITERS) {
            must(pthread_mutex_unlock(&q.mutex));
            nanosleep(&nap, NULL);
            must(pthread_mutex_lock(&q.mutex));
        }
        int before = atomic_load(&q.woken);
        for (int i = 0; i < signals; i++)
            must(pthread_cond_signal(&q.cond));
        /* The latecomer, on the processor already while the others have yet to be woken. */
        for (int i = 0; i < 3; i++) {
            int error = wait_for(&q.cond, &q.mutex, TIMED, 1);
            insist(error == 0 || error == ETIMEDOUT);
        }
        must(pthread_mutex_unlock(&q.mutex));
        must_reach(&q.woken, before + signals, "those who waited at the signal");
    }
    must(pthread_mutex_lock(&q.mutex));
    q.over = true;
    must(pthread_cond_broadcast(&q.cond));
    must(pthread_mutex_unlock(&q.mutex));
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), 0);
    ck_assert_int_eq(pthread_cond_destroy(&q.cond), 0);
}
END_TEST

START_TEST(broadcast_wakes_a_hundred)
{
    enum { WAITERS = 100 };
    /* The types differ in nothing that a crowd would show. */
    if (kinds[_i].type != PTHREAD_MUTEX_NORMAL)
        return;
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        static struct passenger p[WAITERS];
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        for (int i = 0; i < WAITERS; i++)
            start_passenger(&p[i], &s, i % 7 == 0 ? TIMED : PLAIN);
        enter_when_waiting(&s, WAITERS);
        atomic_store(&s.permits, WAITERS);
        ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
        leave(&s);
        must_reach(&s.taken, WAITERS, "waiters woken by one broadcast");
        for (int i = 0; i < WAITERS; i++)
            ck_assert_int_eq(unit_finish(&p[i].call), 0);
        end_station(&s);
    }
}
END_TEST

static void *crowd_member(void *station)
{
    struct passenger p = {.station = station, .form = PLAIN};
    must(take_permit(&p));
    return NULL;
}

START_TEST(two_thousand_wait_and_are_woken_one_by_one_and_together)
{
    enum { WAITERS = 2000 };
    static struct station s;
    static pthread_t threads[WAITERS];
    pthread_attr_t attr;
    ck_assert_ptr_null(init_station(&s, &kinds[0], _i));
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 64 * 1024), 0);
    int started = 0;
    while (started < WAITERS && pthread_create(&threads[started], &attr, crowd_member, &s) == 0)
        started++;
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    if (started < WAITERS)
        fprintf(stderr, "only %d threads to be had\n", started);
    ck_assert_int_ge(started, 100);
    enter_when_waiting(&s, started);
    leave(&s);

    int by_signal = started / 2;
    for (int i = 0; i < by_signal; i++) {
        enter(&s);
        atomic_fetch_add(&s.permits, 1);
        if (i % 2)
            must(pthread_cond_signal(&s.cond));
        leave(&s);
        if (i % 2 == 0)
            must(pthread_cond_signal(&s.cond));
    }
    must_reach(&s.taken, by_signal, "waiters woken by as many signals");
    enter_when_waiting(&s, started - by_signal);
    atomic_fetch_add(&s.permits, started - by_signal);
    ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
    leave(&s);
    must_reach(&s.taken, started, "waiters woken by one broadcast");
    for (int i = 0; i < started; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    end_station(&s);
}
END_TEST

/*
 * Broadcast while the mutex is held for long: the waiters queue for the mutex, and each unlock must
 * let the next one in.
 */
START_TEST(sleepers_woken_while_the_mutex_is_held_queue_for_it)
{
    enum { WAITERS = 8 };
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        struct passenger p[WAITERS];
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        for (int i = 0; i < WAITERS; i++) {
            start_passenger(&p[i], &s, PLAIN);
            unit_wait_until_blocked(&p[i].call);
        }
        enter_when_waiting(&s, WAITERS);
        atomic_store(&s.permits, WAITERS);
        ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
        struct timespec nap = {0, 2000000};
        nanosleep(&nap, NULL);
        ck_assert_int_eq(atomic_load(&s.taken), 0);
        leave(&s);
        must_reach(&s.taken, WAITERS, "waiters queued for the mutex");
        for (int i = 0; i < WAITERS; i++)
            ck_assert_int_eq(unit_finish(&p[i].call), 0);
        end_station(&s);
    }
}
END_TEST

struct short_wait {
    struct station *station;
    long ms;
};

static int wait_briefly(void *arg)
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

/* As enter_when_waiting, of waiters with a deadline: false if it has passed for one of them. */
static bool enter_in_time(struct station *s, int count)
{
    for (;;) {
        enter(s);
        if (atomic_load(&s->taken) > 0) {
            leave(s);
            return false;
        }
        if (atomic_load(&s->waiting) == count)
            return true;
        leave(s);
        sched_yield();
    }
}

START_TEST(a_deadline_that_passes_while_the_mutex_is_held_by_another)
{
    enum { WAITERS = 4 };
    long ms = 8;
    for (int round = 0; round < 4; round++) {
        bool broadcast = round & 1, in_time = false;
        struct station s;
        /* On a machine so slow that somebody has given up before all wait, have more patience. */
        for (; !in_time; ms *= 2) {
            ck_assert_int_lt(ms, 5000);
            const char *why = init_station(&s, &kinds[_i], round / 2);
            if (why)
                unit_skip(why);
            struct short_wait w = {&s, ms};
            struct unit_call calls[WAITERS];
            for (int i = 0; i < WAITERS; i++)
                unit_start(&calls[i], wait_briefly, &w);
            in_time = enter_in_time(&s, WAITERS);
            if (in_time) {
                if (broadcast) {
                    atomic_store(&s.permits, 1);
                    ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
                }
                struct timespec at = unit_deadline(CLOCK_REALTIME, ms + 2);
                while (!has_passed(CLOCK_REALTIME, &at)) {
                    struct timespec nap = {0, 1000000};
                    nanosleep(&nap, NULL);
                }
                /* Nobody may return before the mutex is free. */
                ck_assert_int_eq(atomic_load(&s.taken), 0);
                leave(&s);
            }
            must_reach(&s.taken, WAITERS, "timed waiters");
            for (int i = 0; i < WAITERS; i++) {
                int error = unit_finish(&calls[i]);
                if (broadcast && in_time)
                    ck_assert(error == 0 || error == ETIMEDOUT);
                else
                    ck_assert_int_eq(error, ETIMEDOUT);
            }
            end_station(&s);
        }
        ms /= 2;
    }
}
END_TEST

/* ---- Two mutexes ---- */

struct guest {
    pthread_cond_t *cond;
    pthread_mutex_t *mutex;
    atomic_int waiting;
    /* under the mutex */
    bool go;
    struct unit_call call;
};

static int wait_as_guest(void *arg)
{
    struct guest *g = arg;
    must(pthread_mutex_lock(g->mutex));
    atomic_store(&g->waiting, 1);
    while (!g->go)
        must(pthread_cond_wait(g->cond, g->mutex));
    return pthread_mutex_unlock(g->mutex);
}

/* On return the guest waits, and the caller has its mutex. */
static void invite(struct guest *g, pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    *g = (struct guest){.cond = cond, .mutex = mutex};
    unit_start(&g->call, wait_as_guest, g);
    unit_wait_for(&g->waiting, 1);
    must(pthread_mutex_lock(mutex));
}

START_TEST(another_mutex_may_be_used_when_nobody_is_blocked)
{
    pthread_cond_t cond;
    init_cond(&cond, CLOCK_REALTIME, _i);
    for (int round = 0; round < 3 * KINDS; round++) {
        /* In an order that brings each kind after several others. */
        const struct kind *kind = &kinds[round * 5 % KINDS];
        pthread_mutex_t mutex;
        struct guest g;
        if (init_mutex(&mutex, kind, PTHREAD_PROCESS_PRIVATE))
            continue;
        invite(&g, &cond, &mutex);
        g.go = true;
        if (round % 2)
            ck_assert_int_eq(pthread_cond_signal(&cond), 0);
        else
            ck_assert_int_eq(pthread_cond_broadcast(&cond), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(unit_finish(&g.call), 0);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
}
END_TEST

/*
 * "Once all waiting threads have been unblocked, the next wait operation on that condition variable
 * shall form a new dynamic binding with the mutex specified by that wait operation": also while the
 * unblocked are still queued for the mutex of theirs.
 */
START_TEST(another_mutex_may_be_used_while_woken_waiters_queue_for_theirs)
{
    enum { EARLY = 3 };
    for (int other = 0; other < KINDS; other++) {
        pthread_mutex_t first, second;
        pthread_cond_t cond;
        if (init_mutex(&first, &kinds[_i], PTHREAD_PROCESS_PRIVATE) ||
            init_mutex(&second, &kinds[other], PTHREAD_PROCESS_PRIVATE))
            continue;
        init_cond(&cond, CLOCK_REALTIME, other % 2);
        struct guest early[EARLY], late;
        for (int i = 0; i < EARLY; i++) {
            invite(&early[i], &cond, &first);
            early[i].go = true;
            if (i < EARLY - 1)
                must(pthread_mutex_unlock(&first));
        }
        ck_assert_int_eq(pthread_cond_broadcast(&cond), 0);

        /* The first mutex stays locked until the late guest has come and gone. */
        for (int round = 0; round < 2; round++) {
            invite(&late, &cond, &second);
            late.go = true;
            if (round)
                ck_assert_int_eq(pthread_cond_signal(&cond), 0);
            else
                ck_assert_int_eq(pthread_cond_broadcast(&cond), 0);
            must(pthread_mutex_unlock(&second));
            ck_assert_int_eq(unit_finish(&late.call), 0);
        }
        must(pthread_mutex_unlock(&first));
        for (int i = 0; i < EARLY; i++)
            ck_assert_int_eq(unit_finish(&early[i].call), 0);
        ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
        ck_assert_int_eq(pthread_mutex_destroy(&first), 0);
        ck_assert_int_eq(pthread_mutex_destroy(&second), 0);
    }
}
END_TEST

/* ---- The end of a condition variable ---- */

/*
 * A condition variable may be destroyed as soon as nobody is blocked on it, which is right after
 * the broadcast or the last signal, although the woken have not returned yet. Its memory is then
 * taken away, overwritten, or made into another object, under their feet.
 */
struct wreck {
    pthread_mutex_t mutex;
    pthread_cond_t *cond;
    atomic_int round, waiting, left;
    /* under the mutex */
    int permits;
    bool over;
};

enum { WRECKERS = 4, WRECKS = 240 };

struct wrecker {
    struct wreck *wreck;
    int number;
};

static int wait_on_a_wreck(void *arg)
{
    struct wrecker *me = arg;
    struct wreck *w = me->wreck;
    uint32_t random = (uint32_t)me->number * 2654435761u + 1;
    for (int round = 1; round <= WRECKS; round++) {
        while (atomic_load(&w->round) < round)
            sched_yield();
        must(pthread_mutex_lock(&w->mutex));
        while (w->permits == 0) {
            random = random * 1664525 + 1013904223;
            atomic_fetch_add(&w->waiting, 1);
            int error;
            if (me->number % 2) {
                /* Some give up now and then, and come back while they may. */
                struct timespec at = unit_deadline(CLOCK_REALTIME, 0);
                at.tv_nsec += random >> 14;
                if (at.tv_nsec >= 1000000000) {
                    at.tv_sec++;
                    at.tv_nsec -= 1000000000;
                }
                error = pthread_cond_timedwait(w->cond, &w->mutex, &at);
            } else {
                error = pthread_cond_wait(w->cond, &w->mutex);
            }
            atomic_fetch_sub(&w->waiting, 1);
            insist(error == 0 || error == ETIMEDOUT);
        }
        w->permits--;
        must(pthread_mutex_unlock(&w->mutex));
        atomic_fetch_add(&w->left, 1);
    }
    return 0;
}

enum fate { INACCESSIBLE, UNMAPPED, OVERWRITTEN, REUSED, FATES };

START_TEST(memory_may_go_right_after_the_last_wake)
{
    struct wreck w = {.round = 0};
    struct wrecker wreckers[WRECKERS];
    struct unit_call calls[WRECKERS];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const char *why = init_mutex(&w.mutex, &kinds[_i], PTHREAD_PROCESS_PRIVATE);
    if (why)
        unit_skip(why);
    for (int i = 0; i < WRECKERS; i++) {
        wreckers[i] = (struct wrecker){&w, i};
        unit_start(&calls[i], wait_on_a_wreck, &wreckers[i]);
    }
    for (int round = 1; round <= WRECKS; round++) {
        enum fate fate = round % FATES;
        bool broadcast = round / FATES % 2, holding = round / FATES / 2 % 2;
        int pshared = round / FATES / 4 % 2;
        w.cond = mmap(NULL, page, PROT_READ | PROT_WRITE,
                      (pshared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
        insist(w.cond != MAP_FAILED);
        init_cond(w.cond, CLOCK_REALTIME, pshared);
        atomic_store(&w.left, 0);
        atomic_store(&w.round, round);
        for (;;) {
            must(pthread_mutex_lock(&w.mutex));
            if (atomic_load(&w.waiting) == WRECKERS)
                break;
            must(pthread_mutex_unlock(&w.mutex));
            sched_yield();
        }
        w.permits = WRECKERS;
        if (broadcast)
            must(pthread_cond_broadcast(w.cond));
        else
            for (int i = 0; i < WRECKERS; i++)
                must(pthread_cond_signal(w.cond));
        if (!holding)
            must(pthread_mutex_unlock(&w.mutex));
        must(pthread_cond_destroy(w.cond));

        switch (fate) {
        case INACCESSIBLE:
            insist(mprotect(w.cond, page, PROT_NONE) == 0);
            break;
        case UNMAPPED:
            insist(munmap(w.cond, page) == 0);
            break;
        case OVERWRITTEN:
            memset(w.cond, 0x5a, page);
            break;
        default:
            break;
        }
        if (fate == REUSED) {
            /* A new object at the same place, with a waiter of its own. */
            pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
            struct guest g;
            init_cond(w.cond, CLOCK_MONOTONIC, pshared);
            invite(&g, w.cond, &mutex);
            g.go = true;
            must(pthread_cond_signal(w.cond));
            must(pthread_mutex_unlock(&mutex));
            must(unit_finish(&g.call));
        }
        if (holding)
            must(pthread_mutex_unlock(&w.mutex));
        must_reach(&w.left, WRECKERS, "waiters on a destroyed condition variable");
        if (fate == OVERWRITTEN) {
            const unsigned char *byte = (const unsigned char *)w.cond;
            for (size_t i = 0; i < page; i++)
                insist(byte[i] == 0x5a);
        }
        if (fate == REUSED)
            must(pthread_cond_destroy(w.cond));
        if (fate != UNMAPPED)
            insist(munmap(w.cond, page) == 0);
    }
    for (int i = 0; i < WRECKERS; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), 0);
    must_be_free(&w.mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&w.mutex), 0);
}
END_TEST

/* ---- No signal is lost ---- */

/*
 * One token, one signal, two waiters, of whom one, the hasty, is about to give up. It takes the
 * token if it was woken, and leaves it if it gave up: then the signal must go to the other.
 */
struct duel {
    struct station station;
    /* how often the patient one has begun to wait */
    atomic_int laps;
    atomic_int round, hasty_waiting, hasty_done, by_hasty;
    /* the hasty one's, once it waits */
    struct timespec deadline;
    atomic_bool over;
};

static int wait_patiently(void *arg)
{
    struct duel *d = arg;
    struct station *s = &d->station;
    enter(s);
    while (!atomic_load(&d->over)) {
        if (atomic_load(&s->permits) > 0) {
            atomic_fetch_add(&s->taken, 1);
            atomic_fetch_sub(&s->permits, 1);
        } else {
            atomic_fetch_add(&s->waiting, 1);
            atomic_fetch_add(&d->laps, 1);
            must(station_wait(s, PLAIN, NULL));
            atomic_fetch_sub(&s->waiting, 1);
        }
    }
    leave(s);
    return 0;
}

/*
 * The moments that matter are those in which the hasty one is on its way out of its wait, but has
 * not got there. They last as long as it is runnable but does not run: so it shares a processor
 * with the thread that signals, and does not preempt it.
 */
static void be_polite(const struct kind *kind)
{
    /* The thread scheduled by priority, as this kind needs, does not preempt its equals. */
    struct sched_param param = {0};
    if (kind->protocol != PTHREAD_PRIO_PROTECT)
        must(pthread_setschedparam(pthread_self(), SCHED_BATCH, &param));
}

/*
 * Sleepers are mostly woken in the order in which they came. A signal with no token sends the first
 * to the end of the queue, so that the hasty one comes to be the first.
 */
static void rotate(struct duel *d)
{
    int before = atomic_load(&d->laps);
    struct timespec at = unit_deadline(CLOCK_MONOTONIC, 2);
    must(pthread_cond_signal(&d->station.cond));
    while (atomic_load(&d->laps) == before && !has_passed(CLOCK_MONOTONIC, &at))
        sched_yield();
}

enum { DUELS = 150 };

static int wait_hastily(void *arg)
{
    struct duel *d = arg;
    struct station *s = &d->station;
    uint32_t random = 1;
    prctl(PR_SET_TIMERSLACK, 1);
    be_polite(s->kind);
    for (int round = 1; round <= DUELS; round++) {
        unit_wait_for(&d->round, round);
        enter(s);
        random = random * 1664525 + 1013904223;
        d->deadline = unit_deadline(CLOCK_REALTIME, 0);
        d->deadline.tv_nsec += 150000 + (random >> 15);
        if (d->deadline.tv_nsec >= 1000000000) {
            d->deadline.tv_sec++;
            d->deadline.tv_nsec -= 1000000000;
        }
        atomic_store(&d->hasty_waiting, 1);
        int error;
        do
            error = station_wait(s, TIMED, &d->deadline);
        while (error == 0 && atomic_load(&s->permits) == 0);
        atomic_store(&d->hasty_waiting, 0);
        insist(error == 0 || error == ETIMEDOUT);
        if (error == 0) {
            atomic_fetch_sub(&s->permits, 1);
            atomic_fetch_add(&d->by_hasty, 1);
        }
        leave(s);
        atomic_store(&d->hasty_done, round);
    }
    return 0;
}

/* Enter when both wait. */
static void enter_duel(struct duel *d)
{
    for (;;) {
        enter(&d->station);
        if (atomic_load(&d->station.waiting) == 1 && atomic_load(&d->hasty_waiting))
            return;
        leave(&d->station);
        sched_yield();
    }
}

static void end_duel(struct duel *d, struct unit_call *patient)
{
    enter(&d->station);
    atomic_store(&d->over, true);
    ck_assert_int_eq(pthread_cond_broadcast(&d->station.cond), 0);
    leave(&d->station);
    ck_assert_int_eq(unit_finish(patient), 0);
    end_station(&d->station);
}

START_TEST(no_signal_goes_to_one_that_times_out)
{
    static struct duel d;
    const char *why = init_station(&d.station, &kinds[_i / 2], _i % 2);
    if (why)
        unit_skip(why);
    struct unit_call patient, hasty;
    unit_start(&patient, wait_patiently, &d);
    share_a_processor();
    unit_start(&hasty, wait_hastily, &d);
    for (int round = 1; round <= DUELS; round++) {
        atomic_store(&d.round, round);
        struct station *s = &d.station;
        bool both = false;
        /* The hasty one may be gone before it is seen to wait: then it has been in time at least.
         */
        while (!both && atomic_load(&d.hasty_done) < round) {
            enter(s);
            both = atomic_load(&s->waiting) == 1 && atomic_load(&d.hasty_waiting);
            if (!both) {
                leave(s);
                sched_yield();
            }
        }
        if (!both)
            enter(s);
        struct timespec at = d.deadline;
        leave(s);
        if (both && round % 4 != 0)
            rotate(&d);
        /* From somewhat before the deadline until somewhat after it. */
        long early = 40000 - round * 37 % 64 * 1000;
        at.tv_nsec -= early;
        if (at.tv_nsec < 0) {
            at.tv_sec--;
            at.tv_nsec += 1000000000;
        } else if (at.tv_nsec >= 1000000000) {
            at.tv_sec++;
            at.tv_nsec -= 1000000000;
        }
        while (!has_passed(CLOCK_REALTIME, &at))
            ;
        enter(s);
        atomic_store(&s->permits, 1);
        if (round % 2)
            must(pthread_cond_signal(&s->cond));
        leave(s);
        if (round % 2 == 0)
            must(pthread_cond_signal(&s->cond));
        must_be_taken(&s->permits, "the signal was lost to a waiter that timed out");
        unit_wait_for(&d.hasty_done, round);
    }
    ck_assert_int_eq(unit_finish(&hasty), 0);
    ck_assert_int_eq(atomic_load(&d.by_hasty) + atomic_load(&d.station.taken), DUELS);
    end_duel(&d, &patient);
}
END_TEST

static void leave_cancelled(void *arg)
{
    struct duel *d = arg;
    /* Cancelled in the wait: the mutex is this thread's again, and nobody else is inside. */
    insist(atomic_fetch_add(&d->station.inside, 1) == 0);
    atomic_store(&d->hasty_waiting, 0);
    leave(&d->station);
}

static void *wait_for_cancellation(void *arg)
{
    struct duel *d = arg;
    struct station *s = &d->station;
    be_polite(s->kind);
    enter(s);
    atomic_store(&d->hasty_waiting, 1);
    insist(atomic_fetch_sub(&s->inside, 1) == 1);
    pthread_cleanup_push(leave_cancelled, d);
    while (atomic_load(&s->permits) == 0)
        must(pthread_cond_wait(&s->cond, &s->mutex));
    pthread_cleanup_pop(0);
    insist(atomic_fetch_add(&s->inside, 1) == 0);
    atomic_store(&d->hasty_waiting, 0);
    atomic_fetch_sub(&s->permits, 1);
    atomic_fetch_add(&d->by_hasty, 1);
    leave(s);
    return NULL;
}

/*
 * "A thread that has been unblocked because it has been canceled while blocked in a call to
 * pthread_cond_timedwait() or pthread_cond_wait() shall not consume any condition signal that may
 * be directed concurrently at the condition variable if there are other threads blocked".
 */
START_TEST(no_signal_goes_to_one_that_is_cancelled)
{
    enum { ROUNDS = 120 };
    static struct duel d;
    const char *why = init_station(&d.station, &kinds[_i / 2], _i % 2);
    if (why)
        unit_skip(why);
    struct unit_call patient;
    int cancelled = 0;
    unit_start(&patient, wait_patiently, &d);
    share_a_processor();
    for (int round = 0; round < ROUNDS; round++) {
        struct station *s = &d.station;
        bool cancel_first = round & 1, holding = round & 2;
        pthread_t thread;
        void *result;
        must(pthread_create(&thread, NULL, wait_for_cancellation, &d));
        enter_duel(&d);
        if (round & 4) {
            leave(s);
            rotate(&d);
            enter_duel(&d);
        }
        if (cancel_first)
            must(pthread_cancel(thread));
        for (volatile int i = 0; i < round / 8 % 8 * 500;)
            i = i + 1;
        atomic_store(&s->permits, 1);
        if (!holding)
            leave(s);
        must(pthread_cond_signal(&s->cond));
        for (volatile int i = 0; i < round / 8 % 5 * 500;)
            i = i + 1;
        if (!cancel_first)
            must(pthread_cancel(thread));
        if (holding)
            leave(s);
        must_be_taken(&s->permits, "the signal was lost to a waiter that was cancelled");
        must(pthread_join(thread, &result));
        cancelled += result == PTHREAD_CANCELED;
    }
    ck_assert_int_eq(atomic_load(&d.by_hasty) + atomic_load(&d.station.taken), ROUNDS);
    ck_assert_int_gt(cancelled, 0);
    end_duel(&d, &patient);
}
END_TEST

/*
 * Several threads share one lock made of a flag and a condition variable, and pass it on by one
 * signal, made without the mutex: what the runtimes of several languages do, and where sourceware
 * bug 25847 showed. There a waiter of an old group took a signal that a newer group was owed, and
 * another, trying to make it good, lost it. So waiters here come and go at very different speeds,
 * and some have deadlines; those take what they were woken for, or pass it on, and leave it alone
 * if they were not woken. A single lost signal stops everybody.
 */
struct baton {
    struct station station;
    bool busy;
    atomic_int turns, holders;
    atomic_bool over;
};

enum { BEARERS = 5, BATON_TURNS = 2500 };

static int bear_baton(void *arg)
{
    struct baton *b = arg;
    struct station *s = &b->station;
    for (int turn = 0; turn < BATON_TURNS; turn++) {
        enter(s);
        while (b->busy)
            must(station_wait(s, PLAIN, NULL));
        b->busy = true;
        leave(s);
        insist(atomic_fetch_add(&b->holders, 1) == 0);
        if (turn % 16 == 0)
            sched_yield();
        atomic_fetch_add(&b->turns, 1);
        insist(atomic_fetch_sub(&b->holders, 1) == 1);
        enter(s);
        b->busy = false;
        leave(s);
        must(pthread_cond_signal(&s->cond));
    }
    return 0;
}

static int disturb_baton(void *arg)
{
    struct baton *b = arg;
    struct station *s = &b->station;
    uint32_t random = 7;
    prctl(PR_SET_TIMERSLACK, 1);
    while (!atomic_load(&b->over)) {
        random = random * 1664525 + 1013904223;
        struct timespec at = unit_deadline(CLOCK_REALTIME, 0);
        at.tv_nsec += random >> 14;
        if (at.tv_nsec >= 1000000000) {
            at.tv_sec++;
            at.tv_nsec -= 1000000000;
        }
        enter(s);
        int error = b->busy ? station_wait(s, TIMED, &at) : ETIMEDOUT;
        insist(error == 0 || error == ETIMEDOUT);
        leave(s);
        if (error == 0)
            must(pthread_cond_signal(&s->cond));
    }
    return 0;
}

START_TEST(a_lock_passed_on_by_signals_is_never_stuck)
{
    static struct baton b;
    ck_assert_ptr_null(init_station(&b.station, &kinds[0], _i));
    struct unit_call bearers[BEARERS], disturbers[2];
    for (int i = 0; i < 2; i++)
        unit_start(&disturbers[i], disturb_baton, &b);
    for (int i = 0; i < BEARERS; i++)
        unit_start(&bearers[i], bear_baton, &b);
    must_reach(&b.turns, BEARERS * BATON_TURNS, "turns of a lock passed on by signals");
    for (int i = 0; i < BEARERS; i++)
        ck_assert_int_eq(unit_finish(&bearers[i]), 0);
    atomic_store(&b.over, true);
    for (int i = 0; i < 2; i++) {
        /* No bearer is left to wake one that waits for ever; none does. */
        ck_assert_int_eq(unit_finish(&disturbers[i]), 0);
    }
    end_station(&b.station);
}
END_TEST

/*
 * A waiter that has timed out leaves traces in the condition variable, which a later signal that
 * finds nobody may tidy up. A waiter who comes at that moment must be found by the next signal.
 */
struct tidying {
    struct station station;
    atomic_int round, tidied, served;
};

enum { TIDYINGS = 10000 };

static void pause_for(uint32_t *random)
{
    *random = *random * 1664525 + 1013904223;
    for (volatile uint32_t i = *random >> 22; i > 0; i--)
        ;
}

static int tidy_up(void *arg)
{
    struct tidying *t = arg;
    uint32_t random = 11;
    for (int round = 1; round <= TIDYINGS; round++) {
        while (atomic_load(&t->round) < round)
            sched_yield();
        pause_for(&random);
        must(pthread_cond_signal(&t->station.cond));
        atomic_store(&t->tidied, round);
    }
    return 0;
}

static int come_meanwhile(void *arg)
{
    struct tidying *t = arg;
    struct station *s = &t->station;
    uint32_t random = 13;
    for (int round = 1; round <= TIDYINGS; round++) {
        while (atomic_load(&t->round) < round)
            sched_yield();
        pause_for(&random);
        enter(s);
        atomic_fetch_add(&s->waiting, 1);
        while (atomic_load(&s->permits) == 0)
            must(station_wait(s, PLAIN, NULL));
        atomic_fetch_sub(&s->waiting, 1);
        atomic_fetch_sub(&s->permits, 1);
        leave(s);
        atomic_store(&t->served, round);
    }
    return 0;
}

START_TEST(a_waiter_who_comes_while_a_signal_finds_nobody_is_found_by_the_next)
{
    static struct tidying t;
    ck_assert_ptr_null(init_station(&t.station, &kinds[0], _i));
    struct station *s = &t.station;
    struct unit_call tidier, waiter;
    unit_start(&tidier, tidy_up, &t);
    unit_start(&waiter, come_meanwhile, &t);
    for (int round = 1; round <= TIDYINGS; round++) {
        struct timespec past = {1, 0};
        enter(s);
        ck_assert_int_eq(station_wait(s, TIMED, &past), ETIMEDOUT);
        leave(s);
        atomic_store(&t.round, round);
        must_reach(&t.tidied, round, "signals that find nobody");
        enter_when_waiting(s, 1);
        atomic_fetch_add(&s->permits, 1);
        leave(s);
        must(pthread_cond_signal(&s->cond));
        must_reach(&t.served, round, "waiters who came during a signal");
    }
    ck_assert_int_eq(unit_finish(&tidier), 0);
    ck_assert_int_eq(unit_finish(&waiter), 0);
    end_station(s);
}
END_TEST

/*
 * The same question to a crowd: one token at a time, each with one signal, for patient waiters,
 * hasty ones and ones that are cancelled and replaced, all at once.
 */
struct storm {
    struct duel duel;
    atomic_bool over;
};

static int wait_for_a_moment(void *arg)
{
    struct storm *storm = arg;
    struct station *s = &storm->duel.station;
    uint32_t random = (uint32_t)(uintptr_t)pthread_self() | 1;
    while (!atomic_load(&storm->over)) {
        random = random * 1664525 + 1013904223;
        struct timespec at = unit_deadline(CLOCK_REALTIME, 0);
        at.tv_nsec += random >> 13;
        if (at.tv_nsec >= 1000000000) {
            at.tv_sec++;
            at.tv_nsec -= 1000000000;
        }
        enter(s);
        int error = station_wait(s, TIMED, &at);
        if (error == 0 && atomic_load(&s->permits) > 0) {
            atomic_fetch_add(&s->taken, 1);
            atomic_fetch_sub(&s->permits, 1);
        }
        leave(s);
        insist(error == 0 || error == ETIMEDOUT);
    }
    return 0;
}

static int cancel_waiters(void *arg)
{
    struct storm *storm = arg;
    while (!atomic_load(&storm->over)) {
        pthread_t thread;
        void *result;
        must(pthread_create(&thread, NULL, wait_for_cancellation, &storm->duel));
        for (int i = 0; i < 100 && !atomic_load(&storm->duel.hasty_waiting); i++)
            sched_yield();
        must(pthread_cancel(thread));
        must(pthread_join(thread, &result));
    }
    return 0;
}

START_TEST(no_signal_is_lost_in_a_storm)
{
    enum { TOKENS = 1500, PATIENT = 3, HASTY = 2 };
    static struct storm storm;
    struct station *s = &storm.duel.station;
    ck_assert_ptr_null(init_station(s, &kinds[0], _i));
    struct unit_call patient[PATIENT], hasty[HASTY], canceller;
    for (int i = 0; i < PATIENT; i++)
        unit_start(&patient[i], wait_patiently, &storm.duel);
    for (int i = 0; i < HASTY; i++)
        unit_start(&hasty[i], wait_for_a_moment, &storm);
    unit_start(&canceller, cancel_waiters, &storm);
    for (int i = 0; i < TOKENS; i++) {
        enter(s);
        atomic_store(&s->permits, 1);
        if (i % 2)
            must(pthread_cond_signal(&s->cond));
        leave(s);
        if (i % 2 == 0)
            must(pthread_cond_signal(&s->cond));
        must_be_taken(&s->permits, "a signal was lost");
    }
    atomic_store(&storm.over, true);
    for (int i = 0; i < HASTY; i++)
        ck_assert_int_eq(unit_finish(&hasty[i]), 0);
    ck_assert_int_eq(unit_finish(&canceller), 0);
    ck_assert_int_eq(atomic_load(&s->taken) + atomic_load(&storm.duel.by_hasty), TOKENS);
    enter(s);
    atomic_store(&storm.duel.over, true);
    ck_assert_int_eq(pthread_cond_broadcast(&s->cond), 0);
    leave(s);
    for (int i = 0; i < PATIENT; i++)
        ck_assert_int_eq(unit_finish(&patient[i]), 0);
    end_station(s);
}
END_TEST

/* A child process that takes a permit; its exit status 0 says that it has one. */
static pid_t start_process(struct station *s)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct passenger p = {.station = s, .form = PLAIN};
        _exit(take_permit(&p) != 0);
    }
    return pid;
}

static void must_end(pid_t pid, const char *what)
{
    struct timespec nap = {0, 200000};
    int64_t start = unit_now_ms();
    int status;
    pid_t ended;
    while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
        if (unit_now_ms() - start > 5000) {
            unit_kill(pid);
            ck_assert_msg(0, "%s", what);
        }
        nanosleep(&nap, NULL);
    }
    ck_assert_int_eq(ended, pid);
    ck_assert_msg(status == 0, "child ended with status 0x%x", (unsigned)status);
}

/*
 * Processes that are killed while they sleep take no later signal with them to the grave, in
 * whatever order they and the others have fallen asleep, and however many ghosts there are.
 */
START_TEST(no_signal_goes_to_the_dead)
{
    /*
     * libc defect: glibc counts the waiters in the object, the dead among them, and waits for them:
     * pthread_cond_signal and pthread_cond_destroy hang for ever.
     */
    if (!unit_on_furwock())
        return;
    enum { PROCESSES = 5, ROUNDS = 8 };
    int fd = unit_memory(sizeof(struct station));
    struct station *s = unit_map(fd, sizeof *s);
    const char *why = init_station(s, &kinds[_i], PTHREAD_PROCESS_SHARED);
    if (why)
        unit_skip(why);
    for (int round = 0; round < ROUNDS; round++) {
        static const unsigned doomed[] = {0x01, 0x10, 0x0f, 0x15, 0x0a, 0x03, 0x1e, 0x18};
        unsigned dead = doomed[round % COUNT(doomed)];
        pid_t pids[PROCESSES];
        int alive = 0;
        for (int i = 0; i < PROCESSES; i++) {
            pids[i] = start_process(s);
            enter_when_waiting(s, i + 1);
            leave(s);
            unit_wait_until_asleep(pids[i], pids[i]);
        }
        for (int i = 0; i < PROCESSES; i++) {
            if (dead >> i & 1)
                unit_kill(pids[i]);
            else
                alive++;
        }
        enter(s);
        atomic_store(&s->waiting, alive);
        if (round % 3 == 2) {
            atomic_store(&s->permits, alive);
            ck_assert_int_eq(pthread_cond_broadcast(&s->cond), 0);
            leave(s);
        } else {
            leave(s);
            for (int i = 0; i < alive; i++) {
                enter(s);
                atomic_fetch_add(&s->permits, 1);
                leave(s);
                ck_assert_int_eq(pthread_cond_signal(&s->cond), 0);
            }
        }
        for (int i = 0; i < PROCESSES; i++) {
            if (!(dead >> i & 1))
                must_end(pids[i], "a signal was lost to a process that is dead");
        }
        ck_assert_int_eq(atomic_load(&s->permits), 0);
    }
    /* Nor do the dead keep the object from its end. */
    end_station(s);
    ck_assert_int_eq(munmap(s, sizeof *s), 0);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* ---- Robust mutexes whose owner dies ---- */

static int die_owning(void *arg)
{
    struct station *s = arg;
    must(pthread_mutex_lock(&s->mutex));
    atomic_store(&s->permits, 1);
    return pthread_cond_broadcast(&s->cond);
}

static int wait_once(void *arg)
{
    struct passenger *p = arg;
    struct station *s = p->station;
    must(pthread_mutex_lock(&s->mutex));
    atomic_fetch_add(&s->waiting, 1);
    int error = 0;
    while (error == 0 && atomic_load(&s->permits) == 0)
        error = wait_for(&s->cond, &s->mutex, p->form, 10000);
    return error;
}

static int wait_and_recover(void *arg)
{
    struct passenger *p = arg;
    int error = wait_once(arg);
    if (error == EOWNERDEAD) {
        insist(unit_elsewhere(try_and_unlock, &p->station->mutex) == EBUSY);
        must(pthread_mutex_consistent(&p->station->mutex));
    }
    must(pthread_mutex_unlock(&p->station->mutex));
    return error;
}

static int wait_and_give_up(void *arg)
{
    struct passenger *p = arg;
    int error = wait_once(arg);
    /* An owner that unlocks without mending makes the mutex unusable for good. */
    if (error == EOWNERDEAD)
        must(pthread_mutex_unlock(&p->station->mutex));
    return error;
}

START_TEST(a_waiter_is_told_that_the_owner_died)
{
    const struct kind *kind = &kinds[_i];
    if (kind->robust != PTHREAD_MUTEX_ROBUST)
        return;
    for (int pshared = 0; pshared < 2; pshared++) {
        for (int form = PLAIN; form < FORMS; form++) {
            struct station s;
            struct passenger p = {.station = &s, .form = form};
            if (!form_exists(form))
                continue;
            ck_assert_ptr_null(init_station(&s, kind, pshared));
            unit_start(&p.call, wait_and_recover, &p);
            enter_when_waiting(&s, 1);
            leave(&s);
            ck_assert_int_eq(unit_elsewhere(die_owning, &s), 0);
            ck_assert_int_eq(unit_finish(&p.call), EOWNERDEAD);
            end_station(&s);

            /* Of two, one mends the mutex, and the other has it as usual. */
            struct passenger two[2] = {{.station = &s, .form = form}, {.station = &s}};
            ck_assert_ptr_null(init_station(&s, kind, pshared));
            for (int i = 0; i < 2; i++)
                unit_start(&two[i].call, wait_and_recover, &two[i]);
            enter_when_waiting(&s, 2);
            leave(&s);
            ck_assert_int_eq(unit_elsewhere(die_owning, &s), 0);
            int results[2];
            for (int i = 0; i < 2; i++)
                results[i] = unit_finish(&two[i].call);
            ck_assert_int_eq(results[0] + results[1], EOWNERDEAD);
            end_station(&s);

            /* Or does not mend it, and the other cannot have it. */
            ck_assert_ptr_null(init_station(&s, kind, pshared));
            for (int i = 0; i < 2; i++)
                unit_start(&two[i].call, wait_and_give_up, &two[i]);
            enter_when_waiting(&s, 2);
            leave(&s);
            ck_assert_int_eq(unit_elsewhere(die_owning, &s), 0);
            for (int i = 0; i < 2; i++)
                results[i] = unit_finish(&two[i].call);
            ck_assert_int_eq(results[0] + results[1], EOWNERDEAD + ENOTRECOVERABLE);
            ck_assert_int_eq(pthread_mutex_lock(&s.mutex), ENOTRECOVERABLE);
            ck_assert_int_eq(pthread_cond_destroy(&s.cond), 0);
            ck_assert_int_eq(pthread_mutex_destroy(&s.mutex), 0);
        }
    }
}
END_TEST

static int lock_and_die(void *arg)
{
    struct station *s = arg;
    return pthread_mutex_lock(&s->mutex);
}

START_TEST(a_waiter_that_times_out_is_told_that_the_owner_died)
{
    const struct kind *kind = &kinds[_i];
    if (kind->robust != PTHREAD_MUTEX_ROBUST)
        return;
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        ck_assert_ptr_null(init_station(&s, kind, pshared));
        /* Nobody signals: the wait ends by the clock, and then finds the mutex as it is. */
        struct unit_call call;
        must(pthread_mutex_lock(&s.mutex));
        unit_start(&call, lock_and_die, &s);
        /* On a slow machine the other thread may not have had the mutex by the first deadline. */
        int error = ETIMEDOUT;
        for (long ms = 5; error == ETIMEDOUT && ms < 10000; ms *= 2) {
            struct timespec at = unit_deadline(CLOCK_REALTIME, ms);
            do
                error = wait_until(&s.cond, &s.mutex, TIMED, &at);
            while (error == 0);
        }
        ck_assert_int_eq(error, EOWNERDEAD);
        ck_assert_int_eq(unit_finish(&call), 0);
        ck_assert_int_eq(pthread_mutex_consistent(&s.mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&s.mutex), 0);
        end_station(&s);
    }
}
END_TEST

START_TEST(a_waiter_is_told_that_the_owner_was_killed_in_another_process)
{
    const struct kind *kind = &kinds[_i];
    if (kind->robust != PTHREAD_MUTEX_ROBUST)
        return;
    int fd = unit_memory(sizeof(struct station));
    struct station *s = unit_map(fd, sizeof *s);
    ck_assert_ptr_null(init_station(s, kind, PTHREAD_PROCESS_SHARED));
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct station *mine = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        unit_child_assert(mine != MAP_FAILED && mine != s);
        struct timespec nap = {0, 100000};
        while (atomic_load(&mine->waiting) == 0)
            nanosleep(&nap, NULL);
        unit_child_assert(die_owning(mine) == 0);
        atomic_store(&mine->taken, 1);
        for (;;)
            pause();
    }
    struct passenger p = {.station = s, .form = PLAIN};
    unit_start(&p.call, wait_and_recover, &p);
    unit_wait_for(&s->taken, 1);
    /* The child owns the mutex, so the waiter cannot have returned. */
    unit_wait_until_blocked(&p.call);
    unit_kill(pid);
    ck_assert_int_eq(unit_finish(&p.call), EOWNERDEAD);
    end_station(s);
    ck_assert_int_eq(munmap(s, sizeof *s), 0);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* ---- Priorities ---- */

/* The kernel's view of a thread's priority, lent priorities included: -1 - the real-time one. */
static int effective_priority(pid_t tid)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    char *ok = fgets(line, sizeof line, f);
    fclose(f);
    ck_assert_ptr_nonnull(ok);
    char *field = strrchr(line, ')');
    ck_assert_ptr_nonnull(field);
    /* The state is the third field, the priority the eighteenth. */
    for (int i = 2; i < 18 && field; i++)
        field = strchr(field + 1, ' ');
    ck_assert_ptr_nonnull(field);
    return atoi(field);
}

static void priority_must_become(pid_t tid, int expected)
{
    struct timespec nap = {0, 200000};
    int64_t start = unit_now_ms();
    int got;
    while ((got = effective_priority(tid)) != expected) {
        ck_assert_msg(unit_now_ms() - start < 5000, "priority %d, not %d", got, expected);
        nanosleep(&nap, NULL);
    }
}

struct ranked {
    struct station *station;
    int priority;
    atomic_int tid;
    /* when it got the mutex, among all */
    int place;
    struct unit_call call;
};

static int wait_ranked(void *arg)
{
    struct ranked *r = arg;
    struct station *s = r->station;
    if (r->priority && !become_fifo(r->priority - 1))
        return EPERM;
    must(pthread_mutex_lock(&s->mutex));
    atomic_store(&r->tid, unit_gettid());
    atomic_fetch_add(&s->waiting, 1);
    while (atomic_load(&s->permits) == 0)
        must(pthread_cond_wait(&s->cond, &s->mutex));
    atomic_fetch_sub(&s->waiting, 1);
    atomic_fetch_sub(&s->permits, 1);
    r->place = atomic_fetch_add(&s->taken, 1);
    return pthread_mutex_unlock(&s->mutex);
}

static int try_fifo(void *unused)
{
    (void)unused;
    return !become_fifo(0);
}

static bool may_use_fifo(void)
{
    return unit_elsewhere(try_fifo, NULL) == 0;
}

/*
 * "The scheduling policy shall determine the order in which threads are unblocked": the highest
 * priority first, whoever came first. All on one processor, on which this thread runs only when no
 * waiter can.
 */
START_TEST(waiters_get_an_inheriting_mutex_in_order_of_priority)
{
    enum { WAITERS = 4, ONE_BY_ONE = 0, AT_ONCE = 1, BROADCAST = 2 };
    static const int priorities[WAITERS] = {10, 40, 20, 30};
    if (!may_use_fifo())
        unit_skip("may not use SCHED_FIFO");
    share_a_processor();
    for (int mode = ONE_BY_ONE; mode <= BROADCAST; mode++) {
        struct station s;
        struct ranked r[WAITERS];
        struct timespec nap = {0, 200000};
        memset(&s, 0, sizeof s);
        must(unit_mutex_init(&s.mutex, PTHREAD_MUTEX_NORMAL, _i, PTHREAD_MUTEX_STALLED,
                             PTHREAD_PRIO_INHERIT));
        init_cond(&s.cond, CLOCK_REALTIME, _i);
        for (int i = 0; i < WAITERS; i++) {
            r[i] = (struct ranked){.station = &s, .priority = priorities[i]};
            unit_start(&r[i].call, wait_ranked, &r[i]);
            unit_wait_for(&r[i].tid, 1);
            unit_wait_until_asleep(getpid(), atomic_load(&r[i].tid));
        }
        while (atomic_load(&s.waiting) < WAITERS)
            nanosleep(&nap, NULL);
        for (int i = 0; i < WAITERS; i++) {
            if (mode == ONE_BY_ONE || i == 0)
                must(pthread_mutex_lock(&s.mutex));
            if (mode == BROADCAST) {
                atomic_store(&s.permits, WAITERS);
                must(pthread_cond_broadcast(&s.cond));
                i = WAITERS - 1;
            } else {
                atomic_fetch_add(&s.permits, 1);
                must(pthread_cond_signal(&s.cond));
            }
            if (mode == ONE_BY_ONE || i == WAITERS - 1)
                must(pthread_mutex_unlock(&s.mutex));
            if (mode == ONE_BY_ONE)
                must_reach(&s.taken, i + 1, "waiters of different priorities");
        }
        for (int i = 0; i < WAITERS; i++)
            ck_assert_int_eq(unit_finish(&r[i].call), 0);
        for (int i = 0; i < WAITERS; i++) {
            int higher = 0;
            for (int j = 0; j < WAITERS; j++)
                higher += priorities[j] > priorities[i];
            ck_assert_msg(r[i].place == higher, "mode %d: priority %d came as number %d", mode,
                          priorities[i], r[i].place);
        }
        ck_assert_int_eq(pthread_cond_destroy(&s.cond), 0);
        ck_assert_int_eq(pthread_mutex_destroy(&s.mutex), 0);
    }
}
END_TEST

/* A waiter that has been woken, and queues for the mutex, lends its owner its priority. */
START_TEST(a_woken_waiter_lends_the_owner_its_priority)
{
    if (!may_use_fifo())
        unit_skip("may not use SCHED_FIFO");
    struct station s;
    memset(&s, 0, sizeof s);
    must(unit_mutex_init(&s.mutex, PTHREAD_MUTEX_NORMAL, _i, PTHREAD_MUTEX_STALLED,
                         PTHREAD_PRIO_INHERIT));
    init_cond(&s.cond, CLOCK_REALTIME, _i);
    int own = effective_priority(unit_gettid());
    for (int broadcast = 0; broadcast < 2; broadcast++) {
        struct ranked r = {.station = &s, .priority = 20};
        unit_start(&r.call, wait_ranked, &r);
        unit_wait_for(&r.tid, 1);
        must(pthread_mutex_lock(&s.mutex));
        ck_assert_int_eq(effective_priority(unit_gettid()), own);
        atomic_store(&s.permits, 1);
        must(broadcast ? pthread_cond_broadcast(&s.cond) : pthread_cond_signal(&s.cond));
        priority_must_become(unit_gettid(), -1 - r.priority);
        must(pthread_mutex_unlock(&s.mutex));
        priority_must_become(unit_gettid(), own);
        ck_assert_int_eq(unit_finish(&r.call), 0);
    }
    ck_assert_int_eq(pthread_cond_destroy(&s.cond), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&s.mutex), 0);
}
END_TEST

struct borrower {
    struct station *station;
    atomic_int owns, leave;
    struct unit_call call;
};

static int wait_and_keep(void *arg)
{
    struct borrower *b = arg;
    struct station *s = b->station;
    must(pthread_mutex_lock(&s->mutex));
    atomic_store(&s->waiting, 1);
    while (atomic_load(&s->permits) == 0)
        must(pthread_cond_wait(&s->cond, &s->mutex));
    atomic_store(&b->owns, 1);
    unit_wait_for(&b->leave, 1);
    return pthread_mutex_unlock(&s->mutex);
}

/* The owner that a wait has made is one to the kernel too. */
START_TEST(the_mutex_a_waiter_gets_back_inherits_priority)
{
    if (!may_use_fifo())
        unit_skip("may not use SCHED_FIFO");
    struct station s;
    memset(&s, 0, sizeof s);
    must(unit_mutex_init(&s.mutex, PTHREAD_MUTEX_NORMAL, _i, PTHREAD_MUTEX_STALLED,
                         PTHREAD_PRIO_INHERIT));
    init_cond(&s.cond, CLOCK_REALTIME, _i);
    int own = effective_priority(unit_gettid());
    for (int round = 0; round < 4; round++) {
        bool holding = round & 1, broadcast = round & 2;
        struct borrower b = {.station = &s};
        atomic_store(&s.waiting, 0);
        atomic_store(&s.permits, 0);
        unit_start(&b.call, wait_and_keep, &b);
        unit_wait_for(&s.waiting, 1);
        must(pthread_mutex_lock(&s.mutex));
        atomic_store(&s.permits, 1);
        if (!holding)
            must(pthread_mutex_unlock(&s.mutex));
        must(broadcast ? pthread_cond_broadcast(&s.cond) : pthread_cond_signal(&s.cond));
        if (holding)
            must(pthread_mutex_unlock(&s.mutex));
        unit_wait_for(&b.owns, 1);
        pid_t tid = atomic_load(&b.call.tid);
        ck_assert_int_eq(effective_priority(tid), own);

        struct ranked r = {.station = &s, .priority = 20};
        unit_start(&r.call, wait_ranked, &r);
        priority_must_become(tid, -1 - r.priority);
        atomic_store(&b.leave, 1);
        ck_assert_int_eq(unit_finish(&b.call), 0);
        ck_assert_int_eq(unit_finish(&r.call), 0);
    }
    ck_assert_int_eq(pthread_cond_destroy(&s.cond), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&s.mutex), 0);
}
END_TEST

/* ---- Signals, cancellation, fork ---- */

static atomic_int handled;

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
}

START_TEST(a_signal_handler_does_not_fail_the_wait)
{
    struct sigaction action = {.sa_handler = count_signal};
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        for (int form = pshared ? TIMED : PLAIN; form < FORMS; form += 2) {
            struct passenger p;
            start_passenger(&p, &s, form);
            for (int i = 0; i < 2; i++) {
                int before = atomic_load(&handled);
                enter_when_waiting(&s, 1);
                leave(&s);
                unit_wait_until_blocked(&p.call);
                ck_assert_int_eq(pthread_kill(p.call.thread, SIGUSR1), 0);
                unit_wait_for(&handled, before + 1);
            }
            enter_when_waiting(&s, 1);
            atomic_store(&s.permits, 1);
            ck_assert_int_eq(pthread_cond_signal(&s.cond), 0);
            leave(&s);
            ck_assert_int_eq(unit_finish(&p.call), 0);
        }

        /* Nor do handlers, coming more often than it, put off the timeout. */
        struct passenger p = {.station = &s};
        struct short_wait w = {&s, 12};
        int before = atomic_load(&handled);
        atomic_store(&s.permits, 0);
        unit_start(&p.call, wait_briefly, &w);
        struct timespec nap = {0, 1000000};
        while (!atomic_load(&p.call.returned)) {
            pthread_kill(p.call.thread, SIGUSR1);
            nanosleep(&nap, NULL);
        }
        ck_assert_int_eq(unit_finish(&p.call), ETIMEDOUT);
        ck_assert_int_gt(atomic_load(&handled), before);
        end_station(&s);
    }
}
END_TEST

struct condemned {
    struct station *station;
    enum form form;
    int type;
    bool by_itself;
    atomic_int tid, cleaned, returned;
};

static void clean_up(void *arg)
{
    struct condemned *c = arg;
    struct station *s = c->station;
    insist(atomic_fetch_add(&s->inside, 1) == 0);
    atomic_fetch_sub(&s->waiting, 1);
    must_own(&s->mutex, s->kind);
    atomic_store(&c->cleaned, 1);
    leave(s);
}

static void *wait_condemned(void *arg)
{
    struct condemned *c = arg;
    struct station *s = c->station;
    int old;
    enter(s);
    atomic_store(&c->tid, unit_gettid());
    atomic_fetch_add(&s->waiting, 1);
    insist(atomic_fetch_sub(&s->inside, 1) == 1);
    pthread_cleanup_push(clean_up, c);
    if (c->by_itself)
        must(pthread_cancel(pthread_self()));
    must(pthread_setcanceltype(c->type, &old));
    for (;;)
        must(wait_for(&s->cond, &s->mutex, c->form, 10000));
    pthread_cleanup_pop(0);
    return NULL;
}

START_TEST(a_cancelled_waiter_has_the_mutex_in_its_cleanup_handler)
{
    for (int round = 0; round < 8 * FORMS; round++) {
        int pshared = round & 1;
        bool holding = round & 2, asleep = round & 4;
        enum form form = round / 8;
        if (!form_exists(form))
            continue;
        struct station s;
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        struct condemned c = {.station = &s, .form = form, .type = PTHREAD_CANCEL_DEFERRED};
        pthread_t thread;
        void *result;
        must(pthread_create(&thread, NULL, wait_condemned, &c));
        enter_when_waiting(&s, 1);
        if (!holding)
            leave(&s);
        if (asleep)
            unit_wait_until_asleep(getpid(), atomic_load(&c.tid));
        must(pthread_cancel(thread));
        if (holding) {
            struct timespec nap = {0, 500000};
            nanosleep(&nap, NULL);
            ck_assert_int_eq(atomic_load(&c.cleaned), 0);
            leave(&s);
        }
        must(pthread_join(thread, &result));
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
        ck_assert_int_eq(atomic_load(&c.cleaned), 1);

        /* It has left no trace: a waiter and a signal find each other. */
        struct passenger p;
        start_passenger(&p, &s, form);
        enter_when_waiting(&s, 1);
        atomic_store(&s.permits, 1);
        must(pthread_cond_signal(&s.cond));
        leave(&s);
        ck_assert_int_eq(unit_finish(&p.call), 0);
        end_station(&s);
    }
}
END_TEST

START_TEST(a_pending_cancellation_ends_the_wait_before_it_begins)
{
    for (int form = PLAIN; form < FORMS; form++) {
        if (!form_exists(form))
            continue;
        struct station s;
        const char *why = init_station(&s, &kinds[_i], form % 2);
        if (why)
            unit_skip(why);
        struct condemned c = {
            .station = &s, .form = form, .type = PTHREAD_CANCEL_DEFERRED, .by_itself = true};
        pthread_t thread;
        void *result;
        must(pthread_create(&thread, NULL, wait_condemned, &c));
        must(pthread_join(thread, &result));
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
        ck_assert_int_eq(atomic_load(&c.cleaned), 1);
        end_station(&s);
    }
}
END_TEST

START_TEST(asynchronous_cancellation_ends_the_wait_too)
{
    for (int round = 0; round < 2 * FORMS; round++) {
        enum form form = round / 2;
        if (!form_exists(form))
            continue;
        struct station s;
        const char *why = init_station(&s, &kinds[_i], round & 1);
        if (why)
            unit_skip(why);
        struct condemned c = {.station = &s, .form = form, .type = PTHREAD_CANCEL_ASYNCHRONOUS};
        pthread_t thread;
        void *result;
        must(pthread_create(&thread, NULL, wait_condemned, &c));
        enter_when_waiting(&s, 1);
        leave(&s);
        unit_wait_until_asleep(getpid(), atomic_load(&c.tid));
        must(pthread_cancel(thread));
        must(pthread_join(thread, &result));
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
        ck_assert_int_eq(atomic_load(&c.cleaned), 1);
        end_station(&s);
    }
}
END_TEST

/* The cancel type is the caller's own after the wait as before it. */
static int wait_with_types(void *arg)
{
    struct passenger *p = arg;
    static const int types[] = {PTHREAD_CANCEL_DEFERRED, PTHREAD_CANCEL_ASYNCHRONOUS};
    for (int i = 0; i < 2; i++) {
        int old;
        must(pthread_setcanceltype(types[i], &old));
        struct timespec at = unit_deadline(CLOCK_REALTIME, 2);
        enter(p->station);
        while (station_wait(p->station, TIMED, &at) == 0)
            ;
        leave(p->station);
        must(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &old));
        insist(old == types[i]);
        must(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
        insist(old == PTHREAD_CANCEL_ENABLE);
        must(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old));
    }
    return 0;
}

static void *wait_uncancellable(void *arg)
{
    int old;
    must(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
    must(take_permit(arg));
    must(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old));
    insist(old == PTHREAD_CANCEL_DISABLE);
    pthread_testcancel();
    return NULL;
}

START_TEST(cancellation_disabled_is_put_off)
{
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        struct passenger p = {.station = &s, .form = pshared ? TIMED : PLAIN};
        pthread_t thread;
        void *result;
        ck_assert_int_eq(unit_elsewhere(wait_with_types, &p), 0);
        must(pthread_create(&thread, NULL, wait_uncancellable, &p));
        enter_when_waiting(&s, 1);
        leave(&s);
        must(pthread_cancel(thread));
        enter_when_waiting(&s, 1);
        atomic_store(&s.permits, 1);
        must(pthread_cond_signal(&s.cond));
        leave(&s);
        must(pthread_join(thread, &result));
        ck_assert_int_eq(atomic_load(&s.taken), 1);
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
        end_station(&s);
    }
}
END_TEST

static atomic_int survived;

static void *wake_while_cancelled(void *arg)
{
    struct station *s = arg;
    pthread_cond_t cond;
    must(pthread_cancel(pthread_self()));
    init_cond(&cond, CLOCK_MONOTONIC, PTHREAD_PROCESS_PRIVATE);
    must(pthread_cond_destroy(&cond));
    enter(s);
    atomic_store(&s->permits, 2);
    must(pthread_cond_signal(&s->cond));
    must(pthread_cond_broadcast(&s->cond));
    leave(s);
    atomic_store(&survived, 1);
    pthread_testcancel();
    return NULL;
}

START_TEST(waking_is_no_cancellation_point)
{
    struct station s;
    const char *why = init_station(&s, &kinds[_i], PTHREAD_PROCESS_PRIVATE);
    if (why)
        unit_skip(why);
    struct passenger p[2];
    pthread_t thread;
    void *result;
    for (int i = 0; i < 2; i++)
        start_passenger(&p[i], &s, PLAIN);
    enter_when_waiting(&s, 2);
    leave(&s);
    must(pthread_create(&thread, NULL, wake_while_cancelled, &s));
    must(pthread_join(thread, &result));
    ck_assert_int_eq(atomic_load(&survived), 1);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(unit_finish(&p[i].call), 0);
    end_station(&s);
}
END_TEST

/* In a child: no Check. Turns between two of its threads, and a timeout. */
static bool works_in_child(struct station *s)
{
    static struct table table;
    table.station.kind = s->kind;
    memcpy(&table.station.mutex, &(pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER,
           sizeof(pthread_mutex_t));
    memcpy(&table.station.cond, &(pthread_cond_t)PTHREAD_COND_INITIALIZER, sizeof(pthread_cond_t));
    struct player players[2] = {{&table, 0, 50, false}, {&table, 1, 50, false}};
    struct unit_call call = {.function = play, .argument = &players[1]};
    if (pthread_create(&call.thread, NULL, unit_call_thread, &call) != 0)
        return false;
    if (play(&players[0]) != 0 || pthread_join(call.thread, NULL) != 0 || call.result != 0)
        return false;

    struct passenger p = {.station = s, .form = PLAIN};
    call = (struct unit_call){.function = take_permit, .argument = &p};
    if (pthread_create(&call.thread, NULL, unit_call_thread, &call) != 0)
        return false;
    enter_when_waiting(s, 1);
    atomic_store(&s->permits, 1);
    int error = pthread_cond_signal(&s->cond);
    leave(s);
    return error == 0 && pthread_join(call.thread, NULL) == 0 && call.result == 0 &&
           pthread_cond_destroy(&s->cond) == 0;
}

START_TEST(a_forked_child_can_wait_and_wake)
{
    struct station s;
    const char *why = init_station(&s, &kinds[_i], PTHREAD_PROCESS_PRIVATE);
    if (why)
        unit_skip(why);
    /* Used before, so that whatever is learned or filled in by use is there in the child. */
    struct passenger p;
    start_passenger(&p, &s, PLAIN);
    enter_when_waiting(&s, 1);
    atomic_store(&s.permits, 1);
    must(pthread_cond_signal(&s.cond));
    leave(&s);
    ck_assert_int_eq(unit_finish(&p.call), 0);
    pid_t pid = unit_fork();
    if (pid == 0)
        _exit(!works_in_child(&s));
    unit_reap(pid);

    /* With a waiter in the parent, whom the child has not got: it makes the objects anew. */
    start_passenger(&p, &s, PLAIN);
    enter_when_waiting(&s, 1);
    pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(init_station(&s, &kinds[_i], PTHREAD_PROCESS_PRIVATE) == NULL);
        _exit(!works_in_child(&s));
    }
    leave(&s);
    unit_reap(pid);
    enter(&s);
    atomic_store(&s.permits, 1);
    must(pthread_cond_signal(&s.cond));
    leave(&s);
    ck_assert_int_eq(unit_finish(&p.call), 0);
    end_station(&s);
}
END_TEST

static Suite *cond_suite(void)
{
    Suite *suite = suite_create("cond");

    TCase *alone = tcase_create("one thread");
    tcase_set_timeout(alone, 20);
    tcase_add_test(alone, every_initialiser_makes_a_working_object);
    tcase_add_test(alone, signals_without_waiters_are_not_kept);
    tcase_add_loop_test(alone, a_wait_times_out_no_sooner_than_asked_and_owns_the_mutex, 0, KINDS);
    tcase_add_test(alone, a_wait_until_a_time_past_lets_others_have_the_mutex);
    tcase_add_loop_test(alone, an_invalid_time_is_an_error_and_keeps_the_mutex, 0, KINDS);
    tcase_add_loop_test(alone, an_unknown_clock_is_an_error_and_keeps_the_mutex, 0, KINDS);
    tcase_add_loop_test(alone, waiting_without_the_mutex_is_an_error, 0, KINDS);
    suite_add_tcase(suite, alone);

    TCase *waking = tcase_create("waking");
    tcase_set_timeout(waking, 20);
    tcase_add_loop_test(waking, signal_and_broadcast_wake_and_hand_the_mutex_back, 0, KINDS);
    tcase_add_loop_test(waking, two_threads_take_turns, 0, KINDS);
    tcase_add_loop_test(waking, two_threads_take_many_turns, 0, 2);
    tcase_add_loop_test(waking, two_processes_take_turns_at_different_addresses, 0, KINDS);
    tcase_add_loop_test(waking, a_signal_is_not_for_those_who_come_later, 0, 2);
    tcase_add_loop_test(waking, broadcast_wakes_a_hundred, 0, KINDS);
    tcase_add_loop_test(waking, two_thousand_wait_and_are_woken_one_by_one_and_together, 0, 2);
    tcase_add_loop_test(waking, sleepers_woken_while_the_mutex_is_held_queue_for_it, 0, KINDS);
    tcase_add_loop_test(waking, a_deadline_that_passes_while_the_mutex_is_held_by_another, 0,
                        KINDS);
    tcase_add_loop_test(waking, another_mutex_may_be_used_when_nobody_is_blocked, 0, 2);
    tcase_add_loop_test(waking, another_mutex_may_be_used_while_woken_waiters_queue_for_theirs, 0,
                        KINDS);
    tcase_add_loop_test(waking, memory_may_go_right_after_the_last_wake, 0, KINDS);
    suite_add_tcase(suite, waking);

    TCase *losing = tcase_create("losing");
    tcase_set_timeout(losing, 30);
    tcase_add_loop_test(losing, no_signal_goes_to_one_that_times_out, 0, 2 * KINDS);
    tcase_add_loop_test(losing, no_signal_goes_to_one_that_is_cancelled, 0, 2 * KINDS);
    tcase_add_loop_test(losing, a_lock_passed_on_by_signals_is_never_stuck, 0, 2);
    tcase_add_loop_test(losing, a_waiter_who_comes_while_a_signal_finds_nobody_is_found_by_the_next,
                        0, 2);
    tcase_add_loop_test(losing, no_signal_is_lost_in_a_storm, 0, 2);
    tcase_add_loop_test(losing, no_signal_goes_to_the_dead, 0, KINDS);
    suite_add_tcase(suite, losing);

    TCase *dying = tcase_create("dying owners");
    tcase_set_timeout(dying, 20);
    tcase_add_loop_test(dying, a_waiter_is_told_that_the_owner_died, 0, KINDS);
    tcase_add_loop_test(dying, a_waiter_that_times_out_is_told_that_the_owner_died, 0, KINDS);
    tcase_add_loop_test(dying, a_waiter_is_told_that_the_owner_was_killed_in_another_process, 0,
                        KINDS);
    suite_add_tcase(suite, dying);

    /* Private, then process-shared. */
    TCase *priorities = tcase_create("priorities");
    tcase_set_timeout(priorities, 20);
    tcase_add_loop_test(priorities, waiters_get_an_inheriting_mutex_in_order_of_priority, 0, 2);
    tcase_add_loop_test(priorities, a_woken_waiter_lends_the_owner_its_priority, 0, 2);
    tcase_add_loop_test(priorities, the_mutex_a_waiter_gets_back_inherits_priority, 0, 2);
    suite_add_tcase(suite, priorities);

    TCase *interrupted = tcase_create("signals, cancellation, fork");
    tcase_set_timeout(interrupted, 20);
    tcase_add_loop_test(interrupted, a_signal_handler_does_not_fail_the_wait, 0, KINDS);
    tcase_add_loop_test(interrupted, a_cancelled_waiter_has_the_mutex_in_its_cleanup_handler, 0,
                        KINDS);
    tcase_add_loop_test(interrupted, a_pending_cancellation_ends_the_wait_before_it_begins, 0,
                        KINDS);
    tcase_add_loop_test(interrupted, asynchronous_cancellation_ends_the_wait_too, 0, KINDS);
    tcase_add_loop_test(interrupted, cancellation_disabled_is_put_off, 0, KINDS);
    tcase_add_loop_test(interrupted, waking_is_no_cancellation_point, 0, KINDS);
    tcase_add_loop_test(interrupted, a_forked_child_can_wait_and_wake, 0, KINDS);
    suite_add_tcase(suite, interrupted);
    return suite;
}

UNIT_MAIN(cond_suite)
