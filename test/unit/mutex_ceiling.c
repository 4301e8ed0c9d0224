/* Mutexes and priorities: ceilings, and what they do to the scheduling of an owner. */
#include "mutex_priority.h"
#include <sys/resource.h>

static void make_with_ceiling(pthread_mutex_t *mutex, int variant, int ceiling)
{
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, type_of(variant)), 0);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, pshared_of(variant)), 0);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, ceiling), 0);
    ck_assert_int_eq(pthread_mutex_init(mutex, &attr), 0);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}

/*
 * Ceilings. What follows needs no privilege: attributes, getters and setters.
 */
START_TEST(mutex_has_the_ceiling_of_its_attributes)
{
    int low = sched_get_priority_min(SCHED_FIFO), high = sched_get_priority_max(SCHED_FIFO);
    for (int ceiling = low; ceiling <= high; ceiling++) {
        pthread_mutex_t mutex;
        int value = -1;
        make_with_ceiling(&mutex, _i, ceiling);
        ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), 0);
        ck_assert_int_eq(value, ceiling);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

START_TEST(default_ceiling_is_a_realtime_priority)
{
    pthread_mutex_t mutex;
    int value = -1;
    ck_assert_int_eq(unit_mutex_init(&mutex, type_of(_i), pshared_of(_i), PTHREAD_MUTEX_STALLED,
                                     PTHREAD_PRIO_PROTECT),
                     0);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), 0);
    ck_assert_int_ge(value, sched_get_priority_min(SCHED_FIFO));
    ck_assert_int_le(value, sched_get_priority_max(SCHED_FIFO));
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(mutex_without_a_ceiling_is_einval)
{
    static const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT};
    for (int i = 0; i < 2; i++) {
        pthread_mutex_t mutex;
        int value = 77;
        ck_assert_int_eq(unit_mutex_init(&mutex, type_of(_i), pshared_of(_i), PTHREAD_MUTEX_STALLED,
                                         protocols[i]),
                         0);
        ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), EINVAL);
        ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, 10, &value), EINVAL);
        ck_assert_int_eq(value, 77);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

/* From here on, bodies of tests that run in a thread of their own with a real-time priority. */
struct body {
    int priority;
    void (*function)(int variant);
    int variant;
};

static int run_body(void *arg)
{
    struct body *body = arg;
    ck_assert_int_eq(set_priority(body->priority), 0);
    body->function(body->variant);
    ck_assert_int_eq(my_priority(), body->priority);
    return 0;
}

static void run_at(int priority, void (*function)(int), int variant)
{
    struct body body = {priority, function, variant};
    ck_assert_int_eq(unit_elsewhere(run_body, &body), 0);
}

/* What a call returns in another thread, which has a priority of its own. */
struct visit {
    int priority;
    int (*function)(void *);
    void *argument;
};

static int run_visit(void *arg)
{
    struct visit *visit = arg;
    int error = set_priority(visit->priority);
    return error != 0 ? error : visit->function(visit->argument);
}

static int elsewhere_at(int priority, int (*function)(void *), void *argument)
{
    struct visit visit = {priority, function, argument};
    return unit_elsewhere(run_visit, &visit);
}

static void setprioceiling_body(int variant)
{
    int low = sched_get_priority_min(SCHED_FIFO), high = sched_get_priority_max(SCHED_FIFO);
    const int outside[] = {low - 1, high + 1, -1, 1024, 65536 + high, INT_MAX, INT_MIN};
    pthread_mutex_t mutex;
    int value = -1;
    make_with_ceiling(&mutex, variant, 30);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, 40, &value), 0);
    ck_assert_int_eq(value, 30);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), 0);
    ck_assert_int_eq(value, 40);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, high, &value), 0);
    ck_assert_int_eq(value, 40);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, 25, &value), 0);
    ck_assert_int_eq(value, high);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, outside[i], &value), EINVAL);
        ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), 0);
        ck_assert_int_eq(value, 25);
    }
    ck_assert_int_eq(my_priority(), 10);
    ck_assert_int_eq(elsewhere_at(25, try_unlock, &mutex), 0);
    ck_assert_int_eq(elsewhere_at(26, try_unlock, &mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(my_priority(), 25);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

START_TEST(setprioceiling_changes_the_ceiling_and_tells_the_old_one)
{
    NEEDS_REALTIME();
    run_at(10, setprioceiling_body, _i);
}
END_TEST

static int change_ceiling(pthread_mutex_t *mutex, int ceiling)
{
    int old = -1;
    int error = pthread_mutex_setprioceiling(mutex, ceiling, &old);
    return error != 0 ? error : old == 20 ? 0 : -1;
}

static int raise_ceiling(void *mutex)
{
    return change_ceiling(mutex, 35);
}

static int lower_ceiling(void *mutex)
{
    return change_ceiling(mutex, 5);
}

static void setprioceiling_waits_body(int variant)
{
    pthread_mutex_t mutex;
    int value = -1;
    make_with_ceiling(&mutex, variant, 20);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    if (type_of(variant) == PTHREAD_MUTEX_ERRORCHECK) {
        ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, 30, &value), EDEADLK);
        ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), 0);
        ck_assert_int_eq(value, 20);
    }
    struct unit_call setter;
    struct visit visit = {10, raise_ceiling, &mutex};
    unit_start(&setter, run_visit, &visit);
    unit_wait_until_blocked(&setter);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), 0);
    ck_assert_int_eq(value, 20);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_finish(&setter), 0);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), 0);
    ck_assert_int_eq(value, 35);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(my_priority(), 35);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

START_TEST(setprioceiling_waits_for_the_mutex)
{
    NEEDS_REALTIME();
    run_at(10, setprioceiling_waits_body, _i);
}
END_TEST

/* A ceiling that changes under the owner, who may do so where it may lock again. */
static void recursive_setprioceiling_body(int variant)
{
    pthread_mutex_t mutex;
    int value = -1;
    make_with_ceiling(&mutex, variant, 20);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, 35, &value), 0);
    ck_assert_int_eq(value, 20);
    ck_assert_int_eq(my_priority(), 35);
    ck_assert_int_eq(elsewhere_at(10, trylock, &mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, 15, &value), 0);
    ck_assert_int_eq(value, 35);
    ck_assert_int_eq(my_priority(), 15);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(my_priority(), 10);
    ck_assert_int_eq(elsewhere_at(10, try_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

START_TEST(owner_of_a_recursive_mutex_may_change_its_ceiling)
{
    NEEDS_REALTIME();
    if (type_of(_i) != PTHREAD_MUTEX_RECURSIVE)
        return;
    run_at(10, recursive_setprioceiling_body, _i);
}
END_TEST

/*
 * A ceiling that changes under a waiter: it must run at the new one when it gets the mutex, and
 * have lost all of it after its unlock; or be refused, if the new one is below its priority. The
 * setter's priority makes it the first to be woken; that it is above the ceiling does not matter to
 * a setter.
 */
static int lock_and_look(void *mutex)
{
    int error = pthread_mutex_lock(mutex);
    if (error != 0)
        return my_priority() != 10 ? -1 : -error;
    int held = my_priority();
    if (pthread_mutex_unlock(mutex) != 0 || my_priority() != 10)
        return -1;
    return held;
}

static void ceiling_changes(int variant, int (*setter_function)(void *), int result)
{
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, variant, 20);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    struct unit_call setter, waiter;
    struct visit set = {25, setter_function, &mutex}, look = {10, lock_and_look, &mutex};
    unit_start(&setter, run_visit, &set);
    unit_wait_until_blocked(&setter);
    unit_start(&waiter, run_visit, &look);
    unit_wait_until_blocked(&waiter);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_finish(&setter), 0);
    ck_assert_int_eq(unit_finish(&waiter), result);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

static void ceiling_rises_body(int variant)
{
    ceiling_changes(variant, raise_ceiling, 35);
}

/* Below the waiter's own priority: there is no owning this mutex for it any more. */
static void ceiling_falls_body(int variant)
{
    ceiling_changes(variant, lower_ceiling, -EINVAL);
}

START_TEST(ceiling_may_change_while_others_wait)
{
    NEEDS_REALTIME();
    run_at(10, ceiling_rises_body, _i);
    run_at(10, ceiling_falls_body, _i);
}
END_TEST

static void ceiling_raises_body(int variant)
{
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, variant, 20);
    for (int how = PLAIN; how <= FORMS; how++) {
        int error = how < FORMS ? lock_within(how, &mutex, 10000) : pthread_mutex_trylock(&mutex);
        ck_assert_int_eq(error, 0);
        ck_assert_int_eq(my_priority(), 20);
        ck_assert_int_eq(elsewhere_at(10, trylock, &mutex), EBUSY);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(my_priority(), 10);
    }
    ck_assert_int_eq(elsewhere_at(20, lock_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

START_TEST(owner_runs_at_the_ceiling)
{
    NEEDS_REALTIME();
    run_at(10, ceiling_raises_body, _i);
}
END_TEST

static void above_ceiling_body(int variant)
{
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, variant, 20);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EINVAL);
    for (enum form call = TIMED; call < FORMS; call++)
        ck_assert_int_eq(lock_within(call, &mutex, 10000), EINVAL);
    ck_assert_int_eq(my_priority(), 21);
    ck_assert_int_eq(elsewhere_at(20, try_unlock, &mutex), 0);
    ck_assert_int_eq(elsewhere_at(10, trylock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EINVAL);
    ck_assert_int_eq(my_priority(), 21);
}

START_TEST(priority_above_the_ceiling_is_einval)
{
    NEEDS_REALTIME();
    run_at(21, above_ceiling_body, _i);
}
END_TEST

static void nested_ceilings_body(int variant)
{
    pthread_mutex_t low, middle, high;
    make_with_ceiling(&low, variant, 15);
    make_with_ceiling(&middle, variant, 20);
    make_with_ceiling(&high, variant, 30);

    ck_assert_int_eq(pthread_mutex_lock(&low), 0);
    ck_assert_int_eq(my_priority(), 15);
    ck_assert_int_eq(pthread_mutex_lock(&high), 0);
    ck_assert_int_eq(my_priority(), 30);
    /* The caller's own priority is what counts against a ceiling, not what a mutex lent it. */
    ck_assert_int_eq(pthread_mutex_lock(&middle), 0);
    ck_assert_int_eq(my_priority(), 30);
    ck_assert_int_eq(pthread_mutex_unlock(&low), 0);
    ck_assert_int_eq(my_priority(), 30);
    ck_assert_int_eq(pthread_mutex_unlock(&high), 0);
    ck_assert_int_eq(my_priority(), 20);
    ck_assert_int_eq(pthread_mutex_unlock(&middle), 0);
    ck_assert_int_eq(my_priority(), 10);

    ck_assert_int_eq(pthread_mutex_lock(&high), 0);
    ck_assert_int_eq(pthread_mutex_lock(&middle), 0);
    ck_assert_int_eq(pthread_mutex_lock(&low), 0);
    ck_assert_int_eq(my_priority(), 30);
    ck_assert_int_eq(pthread_mutex_unlock(&high), 0);
    ck_assert_int_eq(my_priority(), 20);
    ck_assert_int_eq(pthread_mutex_unlock(&middle), 0);
    ck_assert_int_eq(my_priority(), 15);
    ck_assert_int_eq(pthread_mutex_unlock(&low), 0);
    ck_assert_int_eq(my_priority(), 10);

    ck_assert_int_eq(pthread_mutex_destroy(&low), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&middle), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&high), 0);
}

START_TEST(highest_ceiling_held_counts)
{
    NEEDS_REALTIME();
    run_at(10, nested_ceilings_body, _i);
}
END_TEST

/* Two mutexes of one ceiling: the first unlock must not take away what the second still owes. */
static void equal_ceilings_body(int variant)
{
    pthread_mutex_t one, two;
    make_with_ceiling(&one, variant, 20);
    make_with_ceiling(&two, variant, 20);
    ck_assert_int_eq(pthread_mutex_lock(&one), 0);
    ck_assert_int_eq(pthread_mutex_lock(&two), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&one), 0);
    ck_assert_int_eq(my_priority(), 20);
    ck_assert_int_eq(pthread_mutex_unlock(&two), 0);
    ck_assert_int_eq(my_priority(), 10);
    ck_assert_int_eq(pthread_mutex_destroy(&one), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&two), 0);
}

START_TEST(equal_ceilings_are_counted)
{
    NEEDS_REALTIME();
    run_at(10, equal_ceilings_body, _i);
}
END_TEST

static void failures_body(int variant)
{
    static const long nanoseconds[] = {-1, 1000000000, LONG_MAX, LONG_MIN};
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, variant, 20);
    for (enum form call = TIMED; call < FORMS; call++)
        for (size_t i = 0; i < sizeof nanoseconds / sizeof nanoseconds[0]; i++) {
            struct timespec bad = {1, nanoseconds[i]};
            ck_assert_int_eq(lock_until(call, &mutex, &bad), 0);
            ck_assert_int_eq(my_priority(), 20);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        }
    struct owner owner = {.priority = 5, .count = 1, .mutexes = {&mutex}};
    owner_start(&owner);
    unit_wait_for(&owner.held, 1);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    ck_assert_int_eq(my_priority(), 10);
    for (enum form call = TIMED; call < FORMS; call++) {
        for (size_t i = 0; i < sizeof nanoseconds / sizeof nanoseconds[0]; i++) {
            struct timespec bad = unit_deadline(form_clock(call), 10000);
            bad.tv_nsec = nanoseconds[i];
            ck_assert_int_eq(lock_until(call, &mutex, &bad), EINVAL);
            ck_assert_int_eq(my_priority(), 10);
        }
    }
    struct timespec deadline = unit_deadline(CLOCK_MONOTONIC, 10000);
    ck_assert_int_eq(pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, &deadline), EINVAL);
    ck_assert_int_eq(my_priority(), 10);
    if (type_of(variant) == PTHREAD_MUTEX_ERRORCHECK || type_of(variant) == PTHREAD_MUTEX_RECURSIVE)
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    ck_assert_int_eq(my_priority(), 10);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), EBUSY);
    owner_finish(&owner);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

START_TEST(failure_leaves_the_priority_as_it_was)
{
    NEEDS_REALTIME();
    run_at(10, failures_body, _i);
}
END_TEST

static void time_out_body(int variant)
{
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, variant, 20);
    struct owner owner = {.priority = 5, .count = 1, .mutexes = {&mutex}};
    owner_start(&owner);
    unit_wait_for(&owner.held, 1);
    for (enum form call = TIMED; call < FORMS; call++) {
        ck_assert_int_eq(lock_within(call, &mutex, 3), ETIMEDOUT);
        ck_assert_int_eq(my_priority(), 10);
        ck_assert_int_eq(lock_within(call, &mutex, -3), ETIMEDOUT);
        ck_assert_int_eq(my_priority(), 10);
    }
    owner_finish(&owner);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

/* libc defect: glibc leaves a thread at the ceiling of a mutex that it did not get in time. */
START_TEST(time_out_leaves_the_priority_as_it_was)
{
    NEEDS_REALTIME();
    if (!unit_on_furwock())
        unit_skip("libc leaves the priority raised");
    run_at(10, time_out_body, _i);
}
END_TEST

static void relock_body(int variant)
{
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, variant, 20);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    if (type_of(variant) == PTHREAD_MUTEX_RECURSIVE) {
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
        for (enum form call = TIMED; call < FORMS; call++)
            ck_assert_int_eq(lock_within(call, &mutex, -1000), 0);
        for (int depth = 2 + FORMS; depth > 1; depth--) {
            ck_assert_int_eq(my_priority(), 20);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
            ck_assert_int_eq(elsewhere_at(10, trylock, &mutex), EBUSY);
        }
    } else if (type_of(variant) == PTHREAD_MUTEX_ERRORCHECK) {
        ck_assert_int_eq(pthread_mutex_lock(&mutex), EDEADLK);
        for (enum form call = TIMED; call < FORMS; call++)
            ck_assert_int_eq(lock_within(call, &mutex, 10000), EDEADLK);
        ck_assert_int_eq(elsewhere_at(10, unlock, &mutex), EPERM);
    } else {
        /* Not on libc, which would not let go of the priority afterwards. */
        if (unit_on_furwock())
            for (enum form call = TIMED; call < FORMS; call++)
                ck_assert_int_eq(lock_within(call, &mutex, 3), ETIMEDOUT);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
    }
    ck_assert_int_eq(my_priority(), 20);
    ck_assert_int_eq(elsewhere_at(10, trylock, &mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(my_priority(), 10);
    ck_assert_int_eq(elsewhere_at(10, try_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

START_TEST(relock_under_a_ceiling)
{
    NEEDS_REALTIME();
    run_at(10, relock_body, _i);
}
END_TEST

static void waits_body(int variant)
{
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, variant, 20);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    struct unit_call waiters[3];
    struct visit visits[3];
    for (int i = 0; i < 3; i++) {
        visits[i] = (struct visit){10, lock_and_look, &mutex};
        unit_start(&waiters[i], run_visit, &visits[i]);
    }
    for (int i = 0; i < 3; i++)
        unit_wait_until_blocked(&waiters[i]);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(unit_finish(&waiters[i]), 20);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}

START_TEST(waiters_become_owners_at_the_ceiling)
{
    NEEDS_REALTIME();
    run_at(10, waits_body, _i);
}
END_TEST

static void ceiling_between_processes_body(int variant)
{
    int fd = unit_memory(sizeof(struct room));
    struct room *room = unit_map(fd, sizeof *room);
    make_with_ceiling(&room->mutex, variant, 20);
    pid_t child = unit_fork();
    if (child == 0) {
        int value;
        room = unit_map_elsewhere(fd, room, sizeof *room);
        unit_child_assert(set_priority(7) == 0);
        unit_wait_for(&room->stage, 1);
        unit_child_assert(pthread_mutex_trylock(&room->mutex) == EBUSY);
        unit_child_assert(my_priority() == 7);
        atomic_store(&room->stage, 2);
        unit_child_assert(pthread_mutex_lock(&room->mutex) == 0);
        unit_child_assert(my_priority() == 20);
        unit_child_assert(pthread_mutex_unlock(&room->mutex) == 0);
        unit_child_assert(my_priority() == 7);
        unit_child_assert(pthread_mutex_setprioceiling(&room->mutex, 33, &value) == 0);
        unit_child_assert(value == 20);
        _exit(0);
    }
    ck_assert_int_eq(pthread_mutex_lock(&room->mutex), 0);
    atomic_store(&room->stage, 1);
    unit_wait_for(&room->stage, 2);
    unit_wait_until_asleep(child, child);
    ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), 0);
    unit_reap(child);
    ck_assert_int_eq(pthread_mutex_lock(&room->mutex), 0);
    ck_assert_int_eq(my_priority(), 33);
    ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&room->mutex), 0);
    ck_assert_int_eq(munmap(room, sizeof *room), 0);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(ceiling_between_processes)
{
    NEEDS_REALTIME();
    if (pshared_of(_i) != PTHREAD_PROCESS_SHARED)
        return;
    run_at(10, ceiling_between_processes_body, _i);
}
END_TEST

/* Both protocols at once: a ceiling's owner may still inherit more than the ceiling. */
static void both_protocols_body(int variant)
{
    pthread_mutex_t protected, inheriting;
    make_with_ceiling(&protected, variant, 15);
    make_inheriting(&inheriting, variant);
    ck_assert_int_eq(pthread_mutex_lock(&inheriting), 0);
    ck_assert_int_eq(pthread_mutex_lock(&protected), 0);
    ck_assert_int_eq(my_priority(), 15);
    struct wanter wanter = {.priority = 25, .mutex = &inheriting, .call = PLAIN};
    wanter_start(&wanter);
    unit_wait_for_priority(unit_gettid(), 25);
    ck_assert_int_eq(pthread_mutex_unlock(&inheriting), 0);
    ck_assert_int_eq(unit_finish(&wanter.thread), 0);
    ck_assert_int_eq(my_priority(), 15);
    ck_assert_int_eq(pthread_mutex_unlock(&protected), 0);
    ck_assert_int_eq(my_priority(), 10);
    ck_assert_int_eq(pthread_mutex_destroy(&protected), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&inheriting), 0);
}

START_TEST(ceiling_and_inheritance_together)
{
    NEEDS_REALTIME();
    run_at(10, both_protocols_body, _i);
}
END_TEST

/* Mutual exclusion of threads under a ceiling, with a counter that is not atomic. */
struct stress {
    pthread_mutex_t mutex;
    int64_t end_ms;
    volatile long counter;
    atomic_long locked;
};

static int stress_thread(void *arg)
{
    struct stress *stress = arg;
    struct timespec nap = {0, 20000};
    long locked = 0;
    /* On libc a time-out would leave the thread at the ceiling. */
    long patience = unit_on_furwock() ? 0 : 10000;
    for (int round = 0; unit_now_ms() < stress->end_ms; round++) {
        int error = round % 3 == 0   ? pthread_mutex_trylock(&stress->mutex)
                    : round % 3 == 1 ? lock_within(CLOCK_MONO, &stress->mutex, patience)
                                     : pthread_mutex_lock(&stress->mutex);
        if (error == EBUSY || error == ETIMEDOUT) {
            /* Real-time threads have to let the ordinary ones run. */
            nanosleep(&nap, NULL);
            continue;
        }
        if (error != 0)
            return __LINE__;
        long value = stress->counter;
        if (round % 16 == 0)
            sched_yield();
        stress->counter = value + 1;
        locked++;
        if (pthread_mutex_unlock(&stress->mutex) != 0)
            return __LINE__;
    }
    atomic_fetch_add(&stress->locked, locked);
    return my_priority() == 10 ? 0 : __LINE__;
}

START_TEST(threads_under_a_ceiling_exclude_each_other)
{
    NEEDS_REALTIME();
    enum { THREADS = 8 };
    struct stress stress = {.end_ms = unit_now_ms() + 40};
    struct unit_call calls[THREADS];
    struct visit visit = {10, stress_thread, &stress};
    make_with_ceiling(&stress.mutex, _i, 20);
    for (int i = 0; i < THREADS; i++)
        unit_start(&calls[i], run_visit, &visit);
    for (int i = 0; i < THREADS; i++)
        ck_assert_msg(unit_finish(&calls[i]) == 0, "failed at line %d", calls[i].result);
    ck_assert_int_eq(stress.counter, atomic_load(&stress.locked));
    ck_assert_int_eq(pthread_mutex_destroy(&stress.mutex), 0);
}
END_TEST

/* libc defect: an ordinary thread's priority is below any ceiling, but glibc's lock is EINVAL. */
START_TEST(ordinary_thread_may_lock_under_a_ceiling)
{
    NEEDS_REALTIME();
    if (!unit_on_furwock())
        unit_skip("libc returns EINVAL");
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, _i, 20);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        ck_assert_int_eq(my_priority(), 20);
        ck_assert_int_eq(elsewhere_at(0, trylock, &mutex), EBUSY);
        ck_assert_int_eq(elsewhere_at(10, trylock, &mutex), EBUSY);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(my_priority(), 0);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        for (enum form call = TIMED; call < FORMS; call++) {
            ck_assert_int_eq(lock_within(call, &mutex, 10000), 0);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        }
    }
    /* by the system call, because musl's function does nothing but fail */
    ck_assert_int_eq(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/*
 * A thread of SCHED_DEADLINE comes before every priority, and so exceeds every ceiling. The kernel's
 * struct sched_attr, which not all headers have.
 */
struct deadline_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
enum { DEADLINE_POLICY = 6 };

static int policy_of_thread(void)
{
    return (int)syscall(SYS_sched_getscheduler, 0);
}

static int lock_by_deadline(void *arg)
{
    pthread_mutex_t *mutex = arg;
    struct deadline_attr attr = {.size = sizeof attr,
                                 .policy = DEADLINE_POLICY,
                                 .runtime = 10000000,
                                 .deadline = 100000000,
                                 .period = 100000000};
    int former = -1;
    if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0)
        return ENOSYS;
    ck_assert_int_eq(pthread_mutex_trylock(mutex), EINVAL);
    ck_assert_int_eq(policy_of_thread(), DEADLINE_POLICY);
    for (enum form form = PLAIN; form < FORMS; form++) {
        ck_assert_int_eq(lock_within(form, mutex, 10000), EINVAL);
        ck_assert_int_eq(policy_of_thread(), DEADLINE_POLICY);
    }
    ck_assert_int_eq(pthread_mutex_setprioceiling(mutex, 21, &former), 0);
    ck_assert_int_eq(former, 20);
    ck_assert_int_eq(policy_of_thread(), DEADLINE_POLICY);
    return 0;
}

/* libc defect: glibc gives the thread the mutex, and another policy for ever. */
START_TEST(deadline_thread_exceeds_every_ceiling)
{
    NEEDS_REALTIME();
    if (!unit_on_furwock())
        unit_skip("libc takes the thread's policy away");
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, _i, 20);
    int error = unit_elsewhere(lock_by_deadline, &mutex);
    if (error == ENOSYS)
        unit_skip("SCHED_DEADLINE is not permitted here");
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(unit_elsewhere(lock_unlock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* Without the runtime that it takes, nobody gets that policy; and who holds a ceiling keeps its own. */
static int ask_for_deadline(void *arg)
{
    pthread_mutex_t *mutex = arg;
    struct sched_param param = {.sched_priority = 0};
    must(pthread_mutex_lock(mutex));
    ck_assert_int_eq(pthread_setschedparam(pthread_self(), DEADLINE_POLICY, &param), EINVAL);
    ck_assert_int_eq(my_priority(), 20);
    must(pthread_mutex_unlock(mutex));
    ck_assert_int_eq(policy_of_thread(), SCHED_OTHER);
    return 0;
}

START_TEST(deadline_is_no_policy_to_return_to)
{
    NEEDS_REALTIME();
    if (!unit_on_furwock())
        unit_skip("libc's ordinary threads cannot lock");
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, _i, 20);
    ck_assert_int_eq(unit_elsewhere(ask_for_deadline, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* A thread that has lost its privileges: its priority may fall, but not rise. */
static void refused_change_body(int variant)
{
    pthread_mutex_t mutex;
    struct rlimit limit;
    int value = -1;
    make_with_ceiling(&mutex, variant, 20);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_RTPRIO, &limit), 0);
    limit.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_RTPRIO, &limit), 0);
    /* by the system call, which changes this thread alone */
    ck_assert_int_eq(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, 30, &value), EPERM);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), 0);
    ck_assert_int_eq(value, 20);
    ck_assert_int_eq(my_priority(), 20);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(my_priority(), 10);
}

START_TEST(refused_change_of_the_ceiling_changes_nothing)
{
    NEEDS_REALTIME();
    if (type_of(_i) != PTHREAD_MUTEX_RECURSIVE)
        return;
    if (getuid() != 0)
        unit_skip("no privileges to drop");
    if (!unit_on_furwock())
        unit_skip("libc's thread stays raised");
    run_at(10, refused_change_body, _i);
}
END_TEST

/* One that waits while the owner lowers the ceiling below the waiter's priority, and dies. */
static int lower_and_die(void *arg)
{
    struct owner *owner = arg;
    int value = -1;
    must(set_priority(1));
    must(pthread_mutex_lock(owner->mutexes[0]));
    atomic_store(&owner->held, 1);
    unit_wait_for(&owner->allowed, 1);
    must(pthread_mutex_setprioceiling(owner->mutexes[0], 5, &value));
    return value;
}

static int repair(void *mutex)
{
    int error = pthread_mutex_lock(mutex);
    if (error != EOWNERDEAD)
        return error;
    ck_assert_int_eq(my_priority(), 10);
    must(pthread_mutex_consistent(mutex));
    must(pthread_mutex_unlock(mutex));
    ck_assert_int_eq(my_priority(), 10);
    return error;
}

START_TEST(heir_above_the_ceiling_repairs_the_mutex)
{
    NEEDS_REALTIME();
    if (type_of(_i) != PTHREAD_MUTEX_RECURSIVE)
        return;
    if (!unit_on_furwock())
        unit_skip("libc's heir is raised to the former ceiling");
    pthread_mutex_t mutex;
    pthread_mutexattr_t attr;
    must(pthread_mutexattr_init(&attr));
    must(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE));
    must(pthread_mutexattr_setpshared(&attr, pshared_of(_i)));
    must(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
    must(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT));
    must(pthread_mutexattr_setprioceiling(&attr, 20));
    must(pthread_mutex_init(&mutex, &attr));
    struct owner owner = {.mutexes = {&mutex}};
    struct unit_call heir;
    struct visit visit = {10, repair, &mutex};
    unit_start(&owner.call, lower_and_die, &owner);
    unit_wait_for(&owner.held, 1);
    unit_start(&heir, run_visit, &visit);
    unit_wait_until_blocked(&heir);
    owner_allow(&owner, 1);
    ck_assert_int_eq(unit_finish(&owner.call), 20);
    ck_assert_int_eq(unit_finish(&heir), EOWNERDEAD);
    ck_assert_int_eq(elsewhere_at(5, lock_unlock, &mutex), 0);
    ck_assert_int_eq(elsewhere_at(6, lock_unlock, &mutex), EINVAL);
    must(pthread_mutex_destroy(&mutex));
}
END_TEST

enum { RESET_ON_FORK = 0x40000000 };

static int look_under_a_ceiling(void *mutex)
{
    struct sched_param param = {.sched_priority = 0};
    int policy = -1;
    ck_assert_int_eq(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER | RESET_ON_FORK, &param), 0);
    must(pthread_mutex_lock(mutex));
    must(pthread_getschedparam(pthread_self(), &policy, &param));
    ck_assert_int_eq(policy, SCHED_OTHER);
    ck_assert_int_eq(param.sched_priority, 0);
    must(pthread_mutex_unlock(mutex));
    ck_assert_int_eq(policy_of_thread(), SCHED_OTHER | RESET_ON_FORK);
    return 0;
}

START_TEST(policy_under_a_ceiling_is_told_as_it_was_before)
{
    NEEDS_REALTIME();
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pthread_mutex_t mutex;
    make_with_ceiling(&mutex, _i, 20);
    ck_assert_int_eq(unit_elsewhere(look_under_a_ceiling, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

static Suite *mutex_ceiling_suite(void)
{
    Suite *suite = suite_create("mutex_ceiling");

    TCase *ceiling = tcase_create("ceilings");
    tcase_set_timeout(ceiling, 20);
    tcase_add_loop_test(ceiling, mutex_has_the_ceiling_of_its_attributes, 0, VARIANTS);
    tcase_add_loop_test(ceiling, default_ceiling_is_a_realtime_priority, 0, VARIANTS);
    tcase_add_loop_test(ceiling, mutex_without_a_ceiling_is_einval, 0, VARIANTS);
    tcase_add_loop_test(ceiling, setprioceiling_changes_the_ceiling_and_tells_the_old_one, 0,
                        VARIANTS);
    tcase_add_loop_test(ceiling, setprioceiling_waits_for_the_mutex, 0, VARIANTS);
    tcase_add_loop_test(ceiling, owner_of_a_recursive_mutex_may_change_its_ceiling, 0, VARIANTS);
    tcase_add_loop_test(ceiling, ceiling_may_change_while_others_wait, 0, VARIANTS);
    tcase_add_loop_test(ceiling, owner_runs_at_the_ceiling, 0, VARIANTS);
    tcase_add_loop_test(ceiling, priority_above_the_ceiling_is_einval, 0, VARIANTS);
    tcase_add_loop_test(ceiling, highest_ceiling_held_counts, 0, VARIANTS);
    tcase_add_loop_test(ceiling, equal_ceilings_are_counted, 0, VARIANTS);
    tcase_add_loop_test(ceiling, failure_leaves_the_priority_as_it_was, 0, VARIANTS);
    tcase_add_loop_test(ceiling, time_out_leaves_the_priority_as_it_was, 0, VARIANTS);
    tcase_add_loop_test(ceiling, relock_under_a_ceiling, 0, VARIANTS);
    tcase_add_loop_test(ceiling, waiters_become_owners_at_the_ceiling, 0, VARIANTS);
    tcase_add_loop_test(ceiling, ceiling_between_processes, 0, VARIANTS);
    tcase_add_loop_test(ceiling, ceiling_and_inheritance_together, 0, VARIANTS);
    tcase_add_loop_test(ceiling, threads_under_a_ceiling_exclude_each_other, 0, VARIANTS);
    tcase_add_loop_test(ceiling, ordinary_thread_may_lock_under_a_ceiling, 0, VARIANTS);
    tcase_add_loop_test(ceiling, deadline_thread_exceeds_every_ceiling, 0, VARIANTS);
    tcase_add_loop_test(ceiling, deadline_is_no_policy_to_return_to, 0, VARIANTS);
    tcase_add_loop_test(ceiling, refused_change_of_the_ceiling_changes_nothing, 0, VARIANTS);
    tcase_add_loop_test(ceiling, heir_above_the_ceiling_repairs_the_mutex, 0, VARIANTS);
    tcase_add_loop_test(ceiling, policy_under_a_ceiling_is_told_as_it_was_before, 0, VARIANTS);
    suite_add_tcase(suite, ceiling);
    return suite;
}

UNIT_MAIN(mutex_ceiling_suite)
