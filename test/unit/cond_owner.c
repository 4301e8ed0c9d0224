/*
 * Condition variables with a robust or inheriting mutex: a waiter is told of its owner's death, and
 * gets it in the order of priorities.
 */
#include "cond.h"

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

/* A recursive mutex is as deep after the wait as it was before, whatever has become of its owner. */
static int wait_deep_and_recover(void *arg)
{
    struct passenger *p = arg;
    pthread_mutex_t *mutex = &p->station->mutex;
    must(pthread_mutex_lock(mutex));
    int error = wait_once(arg);
    if (error == EOWNERDEAD)
        must(pthread_mutex_consistent(mutex));
    for (int i = 0; i < 2; i++) {
        insist(unit_elsewhere(try_and_unlock, mutex) == EBUSY);
        must(pthread_mutex_unlock(mutex));
    }
    insist(pthread_mutex_unlock(mutex) == EPERM);
    return error;
}

/* libc defect: a wait releases the mutex once, however deep it is. */
START_TEST(a_waiter_told_of_a_death_is_as_deep_as_before)
{
    const struct kind *kind = &kinds[_i];
    if (kind->robust != PTHREAD_MUTEX_ROBUST || kind->type != PTHREAD_MUTEX_RECURSIVE)
        return;
    if (!unit_on_furwock())
        unit_skip("libc does not release what is locked twice");
    for (int pshared = 0; pshared < 2; pshared++) {
        struct station s;
        struct passenger p = {.station = &s};
        ck_assert_ptr_null(init_station(&s, kind, pshared));
        unit_start(&p.call, wait_deep_and_recover, &p);
        enter_when_waiting(&s, 1);
        leave(&s);
        ck_assert_int_eq(unit_elsewhere(die_owning, &s), 0);
        ck_assert_int_eq(unit_finish(&p.call), EOWNERDEAD);
        end_station(&s);
    }
}
END_TEST

/* ---- Circles ---- */

/*
 * The waiter holds what the owner of its mutex waits for. When it is signalled, it cannot be queued for
 * its mutex: that would close a circle. It comes all the same, when the owner has given up.
 */
struct ring {
    struct station station;
    pthread_mutex_t other;
    atomic_int owned;
};

static int wait_in_ring(void *arg)
{
    struct ring *ring = arg;
    must(pthread_mutex_lock(&ring->other));
    struct passenger p = {.station = &ring->station};
    int error = take_permit(&p);
    must(pthread_mutex_unlock(&ring->other));
    return error;
}

static int own_and_want(void *arg)
{
    struct ring *ring = arg;
    struct station *s = &ring->station;
    must(pthread_mutex_lock(&s->mutex));
    atomic_store(&s->permits, 2);
    atomic_store(&ring->owned, 1);
    struct timespec at = unit_deadline(CLOCK_REALTIME, 60);
    int error = pthread_mutex_timedlock(&ring->other, &at);
    must(pthread_mutex_unlock(&s->mutex));
    return error;
}

/* libc defect: glibc aborts, or the waiter never gets its mutex. */
START_TEST(a_signal_reaches_a_waiter_in_a_circle)
{
    const struct kind *kind = &kinds[_i];
    if (kind->protocol != PTHREAD_PRIO_INHERIT)
        return;
    if (!unit_on_furwock())
        unit_skip("the waiter never comes back");
    for (int round = 0; round < 4; round++) {
        bool pshared = round & 1, broadcast = round & 2;
        struct ring ring;
        struct station *s = &ring.station;
        struct unit_call waiter, owner;
        struct passenger second = {.station = s};
        ck_assert_ptr_null(init_station(s, kind, pshared));
        ck_assert_ptr_null(init_mutex(&ring.other, kind, PTHREAD_PROCESS_PRIVATE));
        atomic_init(&ring.owned, 0);
        unit_start(&waiter, wait_in_ring, &ring);
        enter_when_waiting(s, 1);
        leave(s);
        unit_start(&second.call, take_permit, &second);
        enter_when_waiting(s, 2);
        leave(s);
        unit_start(&owner, own_and_want, &ring);
        unit_wait_for(&ring.owned, 1);
        unit_wait_until_blocked_or_over(&owner);
        for (int i = 0; i < (broadcast ? 1 : 2); i++)
            must(broadcast ? pthread_cond_broadcast(&s->cond) : pthread_cond_signal(&s->cond));
        ck_assert_int_eq(unit_finish(&owner), ETIMEDOUT);
        ck_assert_int_eq(unit_finish(&waiter), 0);
        ck_assert_int_eq(unit_finish(&second.call), 0);
        end_station(s);
        ck_assert_int_eq(pthread_mutex_destroy(&ring.other), 0);
    }
}
END_TEST

/* ---- Priorities ---- */

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
    int own = unit_priority(unit_gettid());
    for (int broadcast = 0; broadcast < 2; broadcast++) {
        struct ranked r = {.station = &s, .priority = 20};
        unit_start(&r.call, wait_ranked, &r);
        unit_wait_for(&r.tid, 1);
        must(pthread_mutex_lock(&s.mutex));
        ck_assert_int_eq(unit_priority(unit_gettid()), own);
        atomic_store(&s.permits, 1);
        must(broadcast ? pthread_cond_broadcast(&s.cond) : pthread_cond_signal(&s.cond));
        unit_wait_for_priority(unit_gettid(), r.priority);
        must(pthread_mutex_unlock(&s.mutex));
        unit_wait_for_priority(unit_gettid(), own);
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
    int own = unit_priority(unit_gettid());
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
        ck_assert_int_eq(unit_priority(tid), own);

        struct ranked r = {.station = &s, .priority = 20};
        unit_start(&r.call, wait_ranked, &r);
        unit_wait_for_priority(tid, r.priority);
        atomic_store(&b.leave, 1);
        ck_assert_int_eq(unit_finish(&b.call), 0);
        ck_assert_int_eq(unit_finish(&r.call), 0);
    }
    ck_assert_int_eq(pthread_cond_destroy(&s.cond), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&s.mutex), 0);
}
END_TEST

static Suite *cond_owner_suite(void)
{
    Suite *suite = suite_create("cond_owner");

    TCase *dying = tcase_create("dying owners");
    tcase_set_timeout(dying, 20);
    tcase_add_loop_test(dying, a_waiter_is_told_that_the_owner_died, 0, KINDS);
    tcase_add_loop_test(dying, a_waiter_that_times_out_is_told_that_the_owner_died, 0, KINDS);
    tcase_add_loop_test(dying, a_waiter_is_told_that_the_owner_was_killed_in_another_process, 0,
                        KINDS);
    tcase_add_loop_test(dying, a_waiter_told_of_a_death_is_as_deep_as_before, 0, KINDS);
    suite_add_tcase(suite, dying);

    TCase *circles = tcase_create("circles");
    tcase_set_timeout(circles, 20);
    tcase_add_loop_test(circles, a_signal_reaches_a_waiter_in_a_circle, 0, KINDS);
    suite_add_tcase(suite, circles);

    /* Private, then process-shared. */
    TCase *priorities = tcase_create("priorities");
    tcase_set_timeout(priorities, 20);
    tcase_add_loop_test(priorities, waiters_get_an_inheriting_mutex_in_order_of_priority, 0, 2);
    tcase_add_loop_test(priorities, a_woken_waiter_lends_the_owner_its_priority, 0, 2);
    tcase_add_loop_test(priorities, the_mutex_a_waiter_gets_back_inherits_priority, 0, 2);
    suite_add_tcase(suite, priorities);
    return suite;
}

UNIT_MAIN(cond_owner_suite)
