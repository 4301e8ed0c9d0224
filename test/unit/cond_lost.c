/*
 * Condition variables: no signal is lost, whatever happens to those who wait, and no memory is
 * touched that a destroyed one has left.
 */
#include "cond.h"

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
    while (atomic_load(&d->laps) == before && !unit_has_passed(CLOCK_MONOTONIC, &at))
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
        while (!unit_has_passed(CLOCK_REALTIME, &at))
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

static Suite *cond_lost_suite(void)
{
    Suite *suite = suite_create("cond_lost");

    TCase *leaving = tcase_create("leaving");
    tcase_set_timeout(leaving, 20);
    tcase_add_loop_test(leaving, memory_may_go_right_after_the_last_wake, 0, KINDS);
    suite_add_tcase(suite, leaving);

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
    return suite;
}

UNIT_MAIN(cond_lost_suite)
