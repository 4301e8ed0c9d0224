/* Condition variables: signal handlers, cancellation and fork in the midst of a wait. */
#include "cond.h"

/* ---- Signals, cancellation, fork ---- */

START_TEST(a_signal_handler_does_not_fail_the_wait)
{
    catch_signal(SIGUSR1, count_signal, 0);
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

static Suite *cond_interrupted_suite(void)
{
    Suite *suite = suite_create("cond_interrupted");

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

UNIT_MAIN(cond_interrupted_suite)
