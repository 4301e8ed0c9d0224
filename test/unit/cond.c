/*
 * Condition variables: every function, both clocks, every kind of mutex, one process and two. That
 * no signal is lost is in cond_lost.c, who gets the mutex in cond_owner.c, and what interrupts a
 * wait in cond_interrupted.c.
 */
#include "cond.h"

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
    ck_assert(unit_has_passed(clock, &at));
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
                ck_assert(unit_has_passed(clock, &at));
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
        struct table *mine = unit_map_elsewhere(fd, table, sizeof *table);
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

/* Private sleepers cannot be moved to a process-shared word, whose wakes would not reach them. */
START_TEST(broadcast_wakes_all_though_only_the_mutex_is_shared)
{
    enum { WAITERS = 8 };
    struct station s;
    struct passenger p[WAITERS];
    const char *why = init_station(&s, &kinds[_i], PTHREAD_PROCESS_SHARED);
    if (why)
        unit_skip(why);
    init_cond(&s.cond, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
    for (int round = 0; round < 3; round++) {
        atomic_store(&s.taken, 0);
        for (int i = 0; i < WAITERS; i++)
            start_passenger(&p[i], &s, PLAIN);
        for (int i = 0; i < WAITERS; i++)
            unit_wait_until_blocked(&p[i].call);
        enter_when_waiting(&s, WAITERS);
        atomic_store(&s.permits, WAITERS);
        ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
        leave(&s);
        must_reach(&s.taken, WAITERS, "waiters woken by one broadcast");
        for (int i = 0; i < WAITERS; i++)
            ck_assert_int_eq(unit_finish(&p[i].call), 0);
    }
    end_station(&s);
}
END_TEST

START_TEST(destroy_is_refused_while_somebody_sleeps)
{
    /* libc defect: glibc's waits for the waiter, and musl's answers 0. */
    if (!unit_on_furwock())
        unit_skip("libc does not tell");
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        struct passenger p;
        const char *why = init_station(&s, &kinds[_i], pshared);
        if (why)
            unit_skip(why);
        start_passenger(&p, &s, PLAIN);
        enter_when_waiting(&s, 1);
        leave(&s);
        unit_wait_until_blocked(&p.call);
        ck_assert_int_eq(pthread_cond_destroy(&s.cond), EBUSY);
        enter(&s);
        atomic_store(&s.permits, 1);
        ck_assert_int_eq(pthread_cond_signal(&s.cond), 0);
        leave(&s);
        ck_assert_int_eq(unit_finish(&p.call), 0);
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
            struct timespec earliest = unit_deadline(CLOCK_REALTIME, ms);
            bool unblocked = false;
            for (int i = 0; i < WAITERS; i++)
                unit_start(&calls[i], wait_briefly, &w);
            in_time = enter_in_time(&s, WAITERS);
            if (in_time) {
                if (broadcast) {
                    atomic_store(&s.permits, 1);
                    ck_assert_int_eq(pthread_cond_broadcast(&s.cond), 0);
                    unblocked = !unit_has_passed(CLOCK_REALTIME, &earliest);
                }
                struct timespec at = unit_deadline(CLOCK_REALTIME, ms + 2);
                while (!unit_has_passed(CLOCK_REALTIME, &at)) {
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
                /* Who was unblocked in time has waited for the mutex since, and no longer for a time. */
                if (unblocked && unit_on_furwock())
                    ck_assert_int_eq(error, 0);
                else if (broadcast && in_time)
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

/* ---- The word ---- */

/* The bits of waiters, and the sequence above them: what is in the first word. */
enum { SLEEPERS = 1, BITS = 7 };

static uint32_t word_of(const pthread_cond_t *cond)
{
    uint32_t word;
    memcpy(&word, cond, sizeof word);
    return word;
}

static void time_out(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    must(pthread_mutex_lock(mutex));
    ck_assert_int_eq(wait_for(cond, mutex, TIMED, 1), ETIMEDOUT);
    must(pthread_mutex_unlock(mutex));
}

/* The first one cannot know who else is about to sleep; and what it has found out holds once. */
START_TEST(the_second_signal_in_vain_forgets_those_who_timed_out)
{
    if (!unit_on_furwock())
        unit_skip("libc's word is another one");
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond;
    init_cond(&cond, CLOCK_REALTIME, PTHREAD_PROCESS_SHARED);
    for (int round = 0; round < 3; round++) {
        time_out(&cond, &mutex);
        ck_assert_uint_eq(word_of(&cond) & BITS, SLEEPERS);
        must(pthread_cond_signal(&cond));
        ck_assert_uint_eq(word_of(&cond) & BITS, SLEEPERS);
        must(pthread_cond_signal(&cond));
        ck_assert_uint_eq(word_of(&cond) & BITS, 0);
    }
    must(pthread_cond_destroy(&cond));
}
END_TEST

START_TEST(a_waiter_with_an_inheriting_mutex_sleeps_and_does_not_watch)
{
    if (!unit_on_furwock())
        unit_skip("libc's word is another one");
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    if (kinds[_i].protocol != PTHREAD_PRIO_INHERIT)
        return;
    const char *why = init_mutex(&mutex, &kinds[_i], PTHREAD_PROCESS_PRIVATE);
    if (why)
        unit_skip(why);
    init_cond(&cond, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
    time_out(&cond, &mutex);
    ck_assert_uint_eq(word_of(&cond) & BITS, SLEEPERS);
    must(pthread_cond_destroy(&cond));
    must(pthread_mutex_destroy(&mutex));
}
END_TEST

/* Conditions one after the other in the same memory; shared ones each of another process. */
struct place {
    pthread_cond_t cond;
    pthread_mutex_t mutex;
    uint32_t first;
};

static void begin_and_end(struct place *place, int pshared)
{
    init_cond(&place->cond, CLOCK_REALTIME, pshared);
    time_out(&place->cond, &place->mutex);
    place->first = word_of(&place->cond) & ~(uint32_t)BITS;
    must(pthread_cond_destroy(&place->cond));
}

START_TEST(every_condition_begins_with_another_sequence)
{
    enum { CONDITIONS = 4 };
    if (!unit_on_furwock())
        unit_skip("libc's word is another one");
    struct place *place = unit_map(unit_memory(sizeof *place), sizeof *place);
    uint32_t former[CONDITIONS];
    must(unit_mutex_init(&place->mutex, 0, PTHREAD_PROCESS_SHARED, 0, 0));
    for (int i = 0; i < CONDITIONS; i++) {
        pid_t child = _i == PTHREAD_PROCESS_SHARED ? unit_fork() : -1;
        if (child <= 0)
            begin_and_end(place, _i);
        if (child == 0)
            _exit(0);
        if (child > 0)
            unit_reap(child);
        ck_assert_uint_ne(place->first, 0);
        for (int j = 0; j < i; j++)
            ck_assert_uint_ne(place->first, former[j]);
        former[i] = place->first;
    }
}
END_TEST

/* ---- Two mutexes ---- */

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
    tcase_add_test(alone, the_second_signal_in_vain_forgets_those_who_timed_out);
    tcase_add_loop_test(alone, a_waiter_with_an_inheriting_mutex_sleeps_and_does_not_watch, 0,
                        KINDS);
    tcase_add_loop_test(alone, every_condition_begins_with_another_sequence, 0, 2);
    suite_add_tcase(suite, alone);

    TCase *waking = tcase_create("waking");
    tcase_set_timeout(waking, 20);
    tcase_add_loop_test(waking, signal_and_broadcast_wake_and_hand_the_mutex_back, 0, KINDS);
    tcase_add_loop_test(waking, two_threads_take_turns, 0, KINDS);
    tcase_add_loop_test(waking, two_threads_take_many_turns, 0, 2);
    tcase_add_loop_test(waking, two_processes_take_turns_at_different_addresses, 0, KINDS);
    tcase_add_loop_test(waking, a_signal_is_not_for_those_who_come_later, 0, 2);
    tcase_add_loop_test(waking, broadcast_wakes_a_hundred, 0, KINDS);
    tcase_add_loop_test(waking, broadcast_wakes_all_though_only_the_mutex_is_shared, 0, KINDS);
    tcase_add_loop_test(waking, destroy_is_refused_while_somebody_sleeps, 0, KINDS);
    tcase_add_loop_test(waking, two_thousand_wait_and_are_woken_one_by_one_and_together, 0, 2);
    tcase_add_loop_test(waking, sleepers_woken_while_the_mutex_is_held_queue_for_it, 0, KINDS);
    tcase_add_loop_test(waking, a_deadline_that_passes_while_the_mutex_is_held_by_another, 0,
                        KINDS);
    tcase_add_loop_test(waking, another_mutex_may_be_used_when_nobody_is_blocked, 0, 2);
    tcase_add_loop_test(waking, another_mutex_may_be_used_while_woken_waiters_queue_for_theirs, 0,
                        KINDS);
    suite_add_tcase(suite, waking);
    return suite;
}

UNIT_MAIN(cond_suite)
