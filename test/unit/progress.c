/*
 * Whoever holds nothing holds nobody up. A thread that waits is stopped for good, jumps out of its
 * wait, or is left behind in the parent by fork; what it waited for must be there for the others.
 */
#include "unit.h"

#include <sched.h>
#include <setjmp.h>
#include <sys/resource.h>

/* ---- Threads that go no further ---- */

/* A thread in this handler stays there until the gate is opened. */
static int gate[2];
static atomic_int stopped;

static void stop(int signal)
{
    char byte;
    (void)signal;
    atomic_fetch_add(&stopped, 1);
    while (read(gate[0], &byte, 1) < 0)
        ;
}

static _Thread_local sigjmp_buf elsewhere;

static void jump(int signal)
{
    (void)signal;
    siglongjmp(elsewhere, 1);
}

static void prepare(void)
{
    ck_assert_int_eq(pipe(gate), 0);
    catch_signal(SIGUSR1, count_signal, 0);
    catch_signal(SIGUSR2, stop, 0);
    catch_signal(SIGTERM, jump, SA_NODEFER);
}

static void open_gate(void)
{
    ck_assert_int_eq(write(gate[1], "", 1), 1);
}

/* What becomes of the thread that waits. */
enum fate { STOPPED, JUMPED_AWAY, TIMED_OUT, LEFT_IN_THE_PARENT, FATES };

/* ---- Mutexes ---- */

static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
                            3 /* glibc's adaptive one */};
enum { TYPES = sizeof types / sizeof types[0] };
enum way { LOCK, TIMEDLOCK, TRYLOCK, DESTROY, WAYS };

struct wanted {
    pthread_mutex_t mutex;
    enum fate fate;
};

/* It holds the mutex in the end, unless it jumps away or times out. */
static int want(void *arg)
{
    struct wanted *w = arg;
    if (sigsetjmp(elsewhere, 1) != 0)
        return EINTR;
    struct timespec end = unit_deadline(CLOCK_REALTIME, 100);
    int error = w->fate == TIMED_OUT ? pthread_mutex_timedlock(&w->mutex, &end)
                                     : pthread_mutex_lock(&w->mutex);
    if (error == 0)
        must(pthread_mutex_unlock(&w->mutex));
    return error;
}

/* The caller of this holds no lock. */
static int take(pthread_mutex_t *mutex, enum way way)
{
    if (way == DESTROY)
        way = TRYLOCK;
    struct timespec end = unit_deadline(CLOCK_REALTIME, 10000);
    int error = way == LOCK        ? pthread_mutex_lock(mutex)
                : way == TIMEDLOCK ? pthread_mutex_timedlock(mutex, &end)
                                   : pthread_mutex_trylock(mutex);
    return error ? error : pthread_mutex_unlock(mutex);
}

/* A thread that has waited for longer than a millisecond wants the mutex next: it looks again. */
static void look_again(struct unit_call *waiter)
{
    int64_t start = unit_now_ms();
    struct timespec nap = {0, 100000};
    unit_wait_until_blocked_or_over(waiter);
    while (unit_now_ms() < start + 3)
        ;
    int before = atomic_load(&handled);
    must(pthread_kill(waiter->thread, SIGUSR1));
    while (atomic_load(&handled) == before && !atomic_load(&waiter->returned))
        nanosleep(&nap, NULL);
    unit_wait_until_blocked_or_over(waiter);
}

static void meet_its_fate(struct unit_call *waiter, enum fate fate)
{
    int before = atomic_load(&stopped);
    switch (fate) {
    case STOPPED:
        must(pthread_kill(waiter->thread, SIGUSR2));
        unit_wait_for(&stopped, before + 1);
        break;
    case JUMPED_AWAY:
        must(pthread_kill(waiter->thread, SIGTERM));
        ck_assert_int_eq(unit_finish(waiter), EINTR);
        break;
    case TIMED_OUT:
        ck_assert_int_eq(unit_finish(waiter), ETIMEDOUT);
        break;
    default:
        break;
    }
}

static void after_its_fate(struct unit_call *waiter, enum fate fate)
{
    if (fate == STOPPED)
        open_gate();
    if (fate == STOPPED || fate == LEFT_IN_THE_PARENT)
        ck_assert_int_eq(unit_finish(waiter), 0);
}

static void try_a_waiter(int type, int pshared, enum fate fate, enum way way)
{
    struct wanted w = {.fate = fate};
    int error = unit_mutex_init(&w.mutex, type, pshared, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    if (error == EINVAL && type == 3)
        return;
    ck_assert_int_eq(error, 0);
    must(pthread_mutex_lock(&w.mutex));
    struct unit_call waiter;
    unit_start(&waiter, want, &w);
    look_again(&waiter);
    meet_its_fate(&waiter, fate);
    if (fate != LEFT_IN_THE_PARENT) {
        must(pthread_mutex_unlock(&w.mutex));
        /* it is free, and that is all that destroying it asks for */
        if (way == DESTROY && fate != STOPPED) {
            must(pthread_mutex_destroy(&w.mutex));
            return;
        }
        ck_assert_int_eq(take(&w.mutex, way), 0);
        ck_assert_int_eq(take(&w.mutex, TRYLOCK), 0);
    } else {
        pid_t pid = unit_fork();
        if (pid == 0) {
            unit_child_assert(pthread_mutex_unlock(&w.mutex) == 0);
            unit_child_assert(take(&w.mutex, way) == 0);
            unit_child_assert(pthread_mutex_destroy(&w.mutex) == 0);
            _exit(0);
        }
        unit_reap(pid);
        must(pthread_mutex_unlock(&w.mutex));
    }
    after_its_fate(&waiter, fate);
    must(pthread_mutex_destroy(&w.mutex));
}

START_TEST(a_mutex_is_not_kept_for_one_who_waited)
{
    if (_i == LEFT_IN_THE_PARENT && !unit_on_furwock())
        unit_skip("the child of a fork does not own libc's recursive mutexes");
    prepare();
    for (int type = 0; type < TYPES; type++)
        for (int way = LOCK; way < WAYS; way++) {
            try_a_waiter(types[type], PTHREAD_PROCESS_PRIVATE, _i, way);
            if (types[type] == PTHREAD_MUTEX_NORMAL && _i != LEFT_IN_THE_PARENT)
                try_a_waiter(types[type], PTHREAD_PROCESS_SHARED, _i, way);
        }
}
END_TEST

/* What the first word says then: one claims the mutex, and the unlock offers it to those who waited. */
enum { HELD = 1, CLAIMED = 3, OFFERED = 6 };

static int word_of(const pthread_mutex_t *mutex)
{
    return atomic_load((const atomic_int *)mutex);
}

START_TEST(a_mutex_is_offered_when_one_has_waited_for_long)
{
    if (!unit_on_furwock())
        unit_skip("libc's word is another one");
    prepare();
    struct wanted w = {.fate = JUMPED_AWAY};
    struct unit_call waiter;
    must(unit_mutex_init(&w.mutex, PTHREAD_MUTEX_NORMAL, _i, 0, 0));
    must(pthread_mutex_lock(&w.mutex));
    ck_assert_int_eq(word_of(&w.mutex), HELD);
    unit_start(&waiter, want, &w);
    while (word_of(&w.mutex) != CLAIMED)
        look_again(&waiter);
    meet_its_fate(&waiter, w.fate);
    ck_assert_int_eq(word_of(&w.mutex), CLAIMED);
    must(pthread_mutex_unlock(&w.mutex));
    ck_assert_int_eq(word_of(&w.mutex), OFFERED);
    must(pthread_mutex_lock(&w.mutex));
    must(pthread_mutex_unlock(&w.mutex));
    ck_assert_int_eq(word_of(&w.mutex), 0);
    must(pthread_mutex_destroy(&w.mutex));
}
END_TEST

/*
 * Who comes to a mutex that is offered sleeps before it takes it, as a courtesy to one that has waited for
 * long: but not a real-time thread, once a few sleeps that ended in time have shown that it is one.
 */
enum { OFFERS = 100 };

static int take_offers(void *policy)
{
    struct sched_param param = {.sched_priority = *(int *)policy == SCHED_FIFO};
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct rusage before, after;
    if (pthread_setschedparam(pthread_self(), *(int *)policy, &param) != 0)
        return -1;
    must(getrusage(RUSAGE_THREAD, &before));
    for (int i = 0; i < OFFERS; i++) {
        /* as if one that has claimed it would not come any more */
        atomic_store((atomic_int *)&mutex, OFFERED);
        must(pthread_mutex_lock(&mutex));
        must(pthread_mutex_unlock(&mutex));
    }
    must(getrusage(RUSAGE_THREAD, &after));
    return after.ru_nvcsw - before.ru_nvcsw;
}

START_TEST(a_real_time_thread_stands_aside_for_nobody)
{
    if (!unit_on_furwock())
        unit_skip("libc's word is another one");
    int ordinary = SCHED_OTHER, real_time = SCHED_FIFO;
    int sleeps = unit_elsewhere(take_offers, &real_time);
    if (sleeps < 0)
        unit_skip("may not use SCHED_FIFO");
    ck_assert_int_lt(sleeps, OFFERS / 2);
    ck_assert_int_ge(unit_elsewhere(take_offers, &ordinary), OFFERS / 2);
}
END_TEST

/* ---- Condition variables ---- */

struct station {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int permits;
    atomic_int waiting;
};

static struct station station;

static void init_station(void)
{
    station.permits = 0;
    atomic_store(&station.waiting, 0);
    must(pthread_mutex_init(&station.mutex, NULL));
    must(pthread_cond_init(&station.cond, NULL));
}

static int travel(void *arg)
{
    (void)arg;
    must(pthread_mutex_lock(&station.mutex));
    atomic_fetch_add(&station.waiting, 1);
    while (station.permits == 0)
        must(pthread_cond_wait(&station.cond, &station.mutex));
    station.permits--;
    must(pthread_mutex_unlock(&station.mutex));
    return 0;
}

static void permit(int count)
{
    must(pthread_mutex_lock(&station.mutex));
    station.permits += count;
    must(count > 1 ? pthread_cond_broadcast(&station.cond) : pthread_cond_signal(&station.cond));
    must(pthread_mutex_unlock(&station.mutex));
}

/* Hold the mutex with so many waiting, and as soon as they do. */
static void hold_with_waiting(int count)
{
    while (atomic_load(&station.waiting) < count)
        ;
    must(pthread_mutex_lock(&station.mutex));
}

enum { FORKED = 100 };

/*
 * A fork comes as soon as a thread waits, when it may not sleep yet. In the child the condition
 * variable serves the child's threads, or is destroyed, or made anew.
 */
START_TEST(a_waiter_left_in_the_parent_takes_no_signal)
{
    if (!unit_on_furwock())
        unit_skip("destroying waits for the parent's threads");
    for (int i = 0; i < FORKED; i++) {
        init_station();
        struct unit_call waiter;
        unit_start(&waiter, travel, NULL);
        hold_with_waiting(1);
        pid_t pid = unit_fork();
        if (pid == 0) {
            must(pthread_mutex_unlock(&station.mutex));
            if (_i == 1)
                unit_child_assert(pthread_cond_destroy(&station.cond) == 0);
            if (_i == 2)
                init_station();
            if (_i != 1) {
                struct unit_call own;
                atomic_store(&station.waiting, 0);
                unit_start(&own, travel, NULL);
                unit_wait_for(&station.waiting, 1);
                permit(1);
                unit_child_assert(unit_finish(&own) == 0);
                unit_child_assert(pthread_cond_destroy(&station.cond) == 0);
            }
            _exit(0);
        }
        must(pthread_mutex_unlock(&station.mutex));
        unit_reap(pid);
        permit(1);
        ck_assert_int_eq(unit_finish(&waiter), 0);
        must(pthread_cond_destroy(&station.cond));
        must(pthread_mutex_destroy(&station.mutex));
    }
}
END_TEST

/* Two threads wait, one of them is stopped or jumps away at some moment; each permit is for the other. */
static int travel_or_jump(void *arg)
{
    if (sigsetjmp(elsewhere, 1) != 0)
        return EINTR;
    return travel(arg);
}

START_TEST(a_waiter_that_goes_no_further_takes_no_signal)
{
#ifndef __GLIBC__
    if (_i == JUMPED_AWAY && unit_on_furwock() && !unit_is_static())
        unit_skip("a cleanup handler would be left behind: README, limits");
#endif
    prepare();
    for (int i = 0; i < 200; i++) {
        init_station();
        struct unit_call first, second;
        unit_start(&first, travel_or_jump, NULL);
        hold_with_waiting(1);
        must(pthread_mutex_unlock(&station.mutex));
        meet_its_fate(&first, _i);
        /* where it holds the mutex it holds it up, and that is right: let it go on */
        if (pthread_mutex_trylock(&station.mutex) == 0) {
            must(pthread_mutex_unlock(&station.mutex));
            unit_start(&second, travel, NULL);
            unit_wait_for(&station.waiting, 2);
            permit(1);
            /* the signal may have been the first one's, which is blocked as well: another is not */
            permit(1);
            ck_assert_int_eq(unit_finish(&second), 0);
        }
        if (_i == STOPPED) {
            open_gate();
            permit(2);
            ck_assert_int_eq(unit_finish(&first), 0);
        }
    }
}
END_TEST

/* It would take the mutex again. Of the parent's threads a child knows nothing. */
START_TEST(a_mutex_with_which_somebody_waits_is_not_destroyed)
{
    if (!unit_on_furwock())
        unit_skip("not of every libc");
    init_station();
    struct unit_call waiter;
    unit_start(&waiter, travel, NULL);
    unit_wait_for(&station.waiting, 1);
    unit_wait_until_blocked(&waiter);
    ck_assert_int_eq(pthread_mutex_destroy(&station.mutex), EBUSY);
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(pthread_mutex_destroy(&station.mutex) == 0);
        _exit(0);
    }
    unit_reap(pid);
    permit(1);
    ck_assert_int_eq(unit_finish(&waiter), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&station.mutex), 0);
}
END_TEST

/* ---- Timed waits ---- */

static struct timespec end;

static int wait_for_the_end(void *arg)
{
    struct station *s = arg;
    must(pthread_mutex_lock(&s->mutex));
    int error = pthread_cond_timedwait(&s->cond, &s->mutex, &end);
    must(pthread_mutex_unlock(&s->mutex));
    return error;
}

START_TEST(a_wait_that_nobody_ends_times_out)
{
    enum { CROWD = 30 };
    for (int round = 0; round < 10; round++) {
        init_station();
        struct unit_call calls[CROWD];
        end = unit_deadline(CLOCK_REALTIME, 100);
        for (int i = 0; i < CROWD; i++)
            unit_start(&calls[i], wait_for_the_end, &station);
        for (int i = 0; i < CROWD; i++)
            ck_assert_int_eq(unit_finish(&calls[i]), ETIMEDOUT);
        /* and so after a broadcast, by which waiters expect others */
        must(pthread_cond_broadcast(&station.cond));
    }
}
END_TEST

/* Returns how often the wait ended before it was time. */
static int wait_through_handlers(void *arg)
{
    struct station *s = arg;
    int early = 0;
    must(pthread_mutex_lock(&s->mutex));
    atomic_store(&s->waiting, 1);
    for (;;) {
        must(pthread_cond_wait(&s->cond, &s->mutex));
        if (s->permits > 0)
            break;
        early++;
    }
    must(pthread_mutex_unlock(&s->mutex));
    return early;
}

START_TEST(a_signal_handler_does_not_end_a_wait)
{
    catch_signal(SIGUSR1, count_signal, _i ? SA_RESTART : 0);
    init_station();
    struct unit_call waiter;
    unit_start(&waiter, wait_through_handlers, &station);
    unit_wait_for(&station.waiting, 1);
    for (int i = 0; i < 100; i++) {
        int before = atomic_load(&handled);
        unit_wait_until_blocked(&waiter);
        must(pthread_kill(waiter.thread, SIGUSR1));
        unit_wait_for(&handled, before + 1);
    }
    permit(1);
    ck_assert_int_eq(unit_finish(&waiter), 0);
}
END_TEST

/* ---- Barriers ---- */

static pthread_barrier_t barrier;
static atomic_int coming;

static int meet(void *arg)
{
    (void)arg;
    atomic_fetch_add(&coming, 1);
    return pthread_barrier_wait(&barrier);
}

/* In the child of a fork nobody has arrived, and nobody is on his way out. */
START_TEST(who_has_arrived_in_the_parent_is_not_in_the_child)
{
    if (!unit_on_furwock())
        unit_skip("libc counts the parent's threads");
    for (int i = 0; i < FORKED; i++) {
        must(pthread_barrier_init(&barrier, NULL, 2));
        struct unit_call other;
        atomic_store(&coming, 0);
        unit_start(&other, meet, NULL);
        while (atomic_load(&coming) < 1)
            ;
        if (_i == 1)
            meet(NULL);
        pid_t pid = unit_fork();
        if (pid == 0) {
            if (i % 2 == 0) {
                struct unit_call own;
                unit_start(&own, meet, NULL);
                meet(NULL);
                unit_finish(&own);
            }
            unit_child_assert(pthread_barrier_destroy(&barrier) == 0);
            _exit(0);
        }
        if (_i == 0)
            meet(NULL);
        unit_reap(pid);
        unit_finish(&other);
        must(pthread_barrier_destroy(&barrier));
    }
}
END_TEST

static Suite *progress_suite(void)
{
    Suite *suite = suite_create("progress");

    TCase *mutexes = tcase_create("mutexes");
    tcase_set_timeout(mutexes, 60);
    tcase_add_loop_test(mutexes, a_mutex_is_not_kept_for_one_who_waited, 0, FATES);
    tcase_add_loop_test(mutexes, a_mutex_is_offered_when_one_has_waited_for_long, 0, 2);
    tcase_add_test(mutexes, a_real_time_thread_stands_aside_for_nobody);
    suite_add_tcase(suite, mutexes);

    TCase *conditions = tcase_create("condition variables");
    tcase_set_timeout(conditions, 60);
    tcase_add_loop_test(conditions, a_waiter_left_in_the_parent_takes_no_signal, 0, 3);
    tcase_add_loop_test(conditions, a_waiter_that_goes_no_further_takes_no_signal, 0, TIMED_OUT);
    tcase_add_test(conditions, a_mutex_with_which_somebody_waits_is_not_destroyed);
    tcase_add_test(conditions, a_wait_that_nobody_ends_times_out);
    tcase_add_loop_test(conditions, a_signal_handler_does_not_end_a_wait, 0, 2);
    suite_add_tcase(suite, conditions);

    TCase *barriers = tcase_create("barriers");
    tcase_set_timeout(barriers, 60);
    tcase_add_loop_test(barriers, who_has_arrived_in_the_parent_is_not_in_the_child, 0, 2);
    suite_add_tcase(suite, barriers);
    return suite;
}

UNIT_MAIN(progress_suite)
