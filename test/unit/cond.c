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
    must(unit_mutex_init(mutex, kind->type, pshared, kind->robust, kind->protocol));
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
                struct timespec at = unit_deadline(clock, 5);
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
    static const struct timespec bad[] = {{0, -1},       {0, 1000000000},      {0, LONG_MAX},
                                          {0, LONG_MIN}, {4000000000, -1},     {-1, 1000000000},
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
        struct table *mine =
            mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
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
    enum { WAITERS = 3, ROUNDS = 150 };
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
 * let the next one in, though some have a deadline that passes meanwhile.
 */
START_TEST(woken_waiters_get_a_mutex_held_past_their_deadlines)
{
    enum { WAITERS = 8 };
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        struct passenger p[WAITERS];
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        /* The first half wait for ever, the others, in this thread's stead, until a time. */
        for (int i = 0; i < WAITERS; i++) {
            start_passenger(&p[i], &s, PLAIN);
            unit_wait_until_blocked(&p[i].call);
        }
        enter_when_waiting(&s, WAITERS);
        atomic_store(&s.permits, WAITERS);
        ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
        struct timespec nap = {0, 10000000};
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
    enter(s);
    atomic_fetch_add(&s->waiting, 1);
    int error = station_wait(s, TIMED, &at);
    atomic_fetch_sub(&s->waiting, 1);
    atomic_fetch_add(&s->taken, 1);
    must_own(&s->mutex, s->kind);
    leave(s);
    return error;
}

START_TEST(a_deadline_that_passes_while_the_mutex_is_held_by_another)
{
    enum { WAITERS = 4 };
    for (int round = 0; round < 4; round++) {
        bool broadcast = round & 1;
        struct station s;
        const char *why = init_station(&s, &kinds[_i], round / 2);
        if (why)
            unit_skip(why);
        struct short_wait w = {&s, 30};
        struct unit_call calls[WAITERS];
        for (int i = 0; i < WAITERS; i++)
            unit_start(&calls[i], wait_briefly, &w);
        enter_when_waiting(&s, WAITERS);
        if (broadcast)
            ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
        struct timespec nap = {0, 40000000};
        nanosleep(&nap, NULL);
        /* Nobody may return before the mutex is free. */
        ck_assert_int_eq(atomic_load(&s.taken), 0);
        leave(&s);
        must_reach(&s.taken, WAITERS, "timed waiters");
        for (int i = 0; i < WAITERS; i++) {
            int error = unit_finish(&calls[i]);
            if (!broadcast)
                ck_assert_int_eq(error, ETIMEDOUT);
            else
                ck_assert(error == 0 || error == ETIMEDOUT);
        }
        end_station(&s);
    }
}
END_TEST

/* ---- Two mutexes ---- */

START_TEST(another_mutex_may_be_used_when_nobody_is_blocked)
{
    pthread_cond_t cond;
    init_cond(&cond, CLOCK_REALTIME, _i);
    for (int round = 0; round < 2 * KINDS; round++) {
        /* The station's own condition variable is not the one waited on. */
        struct station s;
        if (init_station(&s, &kinds[round % KINDS], PTHREAD_PROCESS_PRIVATE))
            continue;
        ck_assert_int_eq(pthread_cond_destroy(&s.cond), 0);
        memcpy(&s.cond, &cond, sizeof cond);
        struct passenger p[2];
        for (int i = 0; i < 2; i++)
            start_passenger(&p[i], &s, PLAIN);
        enter_when_waiting(&s, 2);
        atomic_store(&s.permits, 2);
        ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
        leave(&s);
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(unit_finish(&p[i].call), 0);
        memcpy(&cond, &s.cond, sizeof cond);
        must_be_free(&s.mutex);
        ck_assert_int_eq(pthread_mutex_destroy(&s.mutex), 0);
    }
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
}
END_TEST
