/*
 * Mutexes and priorities: what inheritance does to the scheduling of an owner. The ordinary duties of an
 * inheriting mutex are in mutex.c.
 */
#include "mutex_priority.h"

#include "../fault/refusal.h"

START_TEST(owner_runs_at_its_waiters_priority)
{
    NEEDS_REALTIME();
    static const int priorities[] = {0, 5};
    for (int i = 0; i < 2; i++) {
        pthread_mutex_t mutex;
        make_inheriting(&mutex, _i);
        struct owner owner = {.priority = priorities[i], .count = 1, .mutexes = {&mutex}};
        owner_start(&owner);
        unit_wait_for(&owner.held, 1);
        ck_assert_int_eq(unit_priority(owner.call.tid), priorities[i]);
        struct wanter low = {.priority = 8, .mutex = &mutex, .call = PLAIN};
        wanter_start(&low);
        unit_wait_for_priority(owner.call.tid, 8);
        struct wanter high = {.priority = 20, .mutex = &mutex, .call = PLAIN};
        wanter_start(&high);
        unit_wait_for_priority(owner.call.tid, 20);
        owner_allow(&owner, 1);
        ck_assert_int_eq(unit_finish(&high.thread), 0);
        ck_assert_int_eq(unit_finish(&low.thread), 0);
        owner_finish(&owner);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

/* An owner that found the mutex free told nobody; the kernel must learn who it is all the same. */
static int own_by_way(void *arg)
{
    struct owner *owner = arg;
    if (set_priority(owner->priority) != 0)
        return __LINE__;
    int error = owner->way == FORMS ? pthread_mutex_trylock(owner->mutexes[0])
                                    : lock_within(owner->way, owner->mutexes[0], 10000);
    atomic_store(&owner->held, 1);
    if (error != 0)
        return __LINE__;
    unit_wait_for(&owner->allowed, 1);
    if (pthread_mutex_unlock(owner->mutexes[0]) != 0 || my_priority() != owner->priority)
        return __LINE__;
    return 0;
}

START_TEST(owner_by_trylock_or_deadline_is_raised_too)
{
    NEEDS_REALTIME();
    pthread_mutex_t mutex;
    make_inheriting(&mutex, _i);
    for (int way = TIMED; way <= FORMS; way++) {
        struct owner owner = {.priority = 5, .mutexes = {&mutex}, .way = way};
        unit_start(&owner.call, own_by_way, &owner);
        unit_wait_for(&owner.held, 1);
        struct wanter wanter = {.priority = 20, .mutex = &mutex, .call = PLAIN};
        wanter_start(&wanter);
        unit_wait_for_priority(owner.call.tid, 20);
        owner_allow(&owner, 1);
        ck_assert_int_eq(unit_finish(&wanter.thread), 0);
        ck_assert_msg(unit_finish(&owner.call) == 0, "owner failed at line %d", owner.call.result);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(owner_is_lowered_when_the_waiter_gives_up)
{
    NEEDS_REALTIME();
    pthread_mutex_t mutex;
    make_inheriting(&mutex, _i);
    struct owner owner = {.priority = 5, .count = 1, .mutexes = {&mutex}};
    owner_start(&owner);
    unit_wait_for(&owner.held, 1);
    for (enum form call = TIMED; call < FORMS; call++) {
        struct wanter wanter = {.priority = 20, .mutex = &mutex, .call = call, .ms = 15};
        int64_t start = unit_now_ms();
        wanter_start(&wanter);
        ck_assert_int_eq(unit_finish(&wanter.thread), ETIMEDOUT);
        ck_assert_int_ge(unit_now_ms() - start, 14);
        unit_wait_for_priority(owner.call.tid, 5);
    }
    struct wanter patient = {.priority = 9, .mutex = &mutex, .call = PLAIN};
    wanter_start(&patient);
    unit_wait_for_priority(owner.call.tid, 9);
    struct wanter wanter = {
        .priority = 20, .mutex = &mutex, .call = TIMED + _i % (FORMS - TIMED), .ms = 150};
    wanter_start(&wanter);
    unit_wait_for_priority(owner.call.tid, 20);
    ck_assert_int_eq(unit_finish(&wanter.thread), ETIMEDOUT);
    unit_wait_for_priority(owner.call.tid, 9);
    owner_allow(&owner, 1);
    ck_assert_int_eq(unit_finish(&patient.thread), 0);
    owner_finish(&owner);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(waiter_with_a_deadline_raises_and_gets_the_mutex)
{
    NEEDS_REALTIME();
    pthread_mutex_t mutex;
    make_inheriting(&mutex, _i);
    for (enum form call = TIMED; call < FORMS; call++) {
        struct owner owner = {.priority = 5, .count = 1, .mutexes = {&mutex}};
        owner_start(&owner);
        unit_wait_for(&owner.held, 1);
        struct wanter wanter = {.priority = 20, .mutex = &mutex, .call = call, .ms = 20000};
        wanter_start(&wanter);
        unit_wait_for_priority(owner.call.tid, 20);
        owner_allow(&owner, 1);
        ck_assert_int_eq(unit_finish(&wanter.thread), 0);
        owner_finish(&owner);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* A waits for what B holds, B for what C holds: C must run at A's priority. */
START_TEST(inheritance_passes_through_a_chain)
{
    NEEDS_REALTIME();
    pthread_mutex_t near, far;
    make_inheriting(&near, _i);
    make_inheriting(&far, _i);
    struct owner last = {.priority = 3, .count = 1, .mutexes = {&far}};
    owner_start(&last);
    unit_wait_for(&last.held, 1);
    struct owner middle = {.priority = 6, .count = 2, .mutexes = {&near, &far}};
    owner_start(&middle);
    unit_wait_for(&middle.held, 1);
    unit_wait_for_priority(last.call.tid, 6);
    struct wanter first = {.priority = 20, .mutex = &near, .call = PLAIN};
    wanter_start(&first);
    unit_wait_for_priority(middle.call.tid, 20);
    unit_wait_for_priority(last.call.tid, 20);
    owner_allow(&last, 1);
    unit_wait_for(&middle.held, 2);
    unit_wait_for_priority(last.call.tid, 3);
    ck_assert_int_eq(unit_priority(middle.call.tid), 20);
    owner_allow(&middle, 1);
    ck_assert_int_eq(unit_finish(&first.thread), 0);
    unit_wait_for_priority(middle.call.tid, 6);
    owner_finish(&middle);
    owner_finish(&last);
    ck_assert_int_eq(pthread_mutex_destroy(&near), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&far), 0);
}
END_TEST

START_TEST(owner_of_two_inherits_from_both)
{
    NEEDS_REALTIME();
    pthread_mutex_t one, two;
    make_inheriting(&one, _i);
    make_inheriting(&two, _i);
    struct owner owner = {.priority = 3, .count = 2, .mutexes = {&one, &two}};
    owner_start(&owner);
    unit_wait_for(&owner.held, 2);
    struct wanter of_one = {.priority = 20, .mutex = &one, .call = PLAIN};
    struct wanter of_two = {.priority = 10, .mutex = &two, .call = PLAIN};
    wanter_start(&of_two);
    unit_wait_for_priority(owner.call.tid, 10);
    wanter_start(&of_one);
    unit_wait_for_priority(owner.call.tid, 20);
    owner_allow(&owner, 1);
    ck_assert_int_eq(unit_finish(&of_one.thread), 0);
    unit_wait_for_priority(owner.call.tid, 10);
    owner_allow(&owner, 2);
    ck_assert_int_eq(unit_finish(&of_two.thread), 0);
    owner_finish(&owner);
    ck_assert_int_eq(pthread_mutex_destroy(&one), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&two), 0);
}
END_TEST

/* A recursive owner keeps what it inherited until its last unlock. */
START_TEST(recursive_owner_stays_raised_until_the_last_unlock)
{
    NEEDS_REALTIME();
    if (type_of(_i) != PTHREAD_MUTEX_RECURSIVE)
        return;
    pthread_mutex_t mutex;
    make_inheriting(&mutex, _i);
    struct owner owner = {.priority = 5, .count = 3, .mutexes = {&mutex, &mutex, &mutex}};
    owner_start(&owner);
    unit_wait_for(&owner.held, 3);
    struct wanter wanter = {.priority = 20, .mutex = &mutex, .call = PLAIN};
    wanter_start(&wanter);
    unit_wait_for_priority(owner.call.tid, 20);
    for (int i = 1; i < 3; i++) {
        owner_allow(&owner, i);
        unit_wait_until_asleep(getpid(), owner.call.tid);
        ck_assert_int_eq(unit_priority(owner.call.tid), 20);
        ck_assert(!atomic_load(&wanter.thread.returned));
    }
    owner_allow(&owner, 3);
    ck_assert_int_eq(unit_finish(&wanter.thread), 0);
    owner_finish(&owner);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(waiters_are_served_by_priority)
{
    NEEDS_REALTIME();
    enum { WANTERS = 4 };
    static const int priorities[WANTERS] = {7, 21, 14, 28};
    static const int turns[WANTERS] = {3, 1, 2, 0};
    pthread_mutex_t mutex;
    make_inheriting(&mutex, _i);
    struct owner owner = {.priority = 5, .count = 1, .mutexes = {&mutex}};
    owner_start(&owner);
    unit_wait_for(&owner.held, 1);
    atomic_int turn = 0;
    struct wanter wanters[WANTERS];
    for (int i = 0; i < WANTERS; i++) {
        wanters[i] = (struct wanter){
            .priority = priorities[i], .mutex = &mutex, .call = PLAIN, .turn = &turn};
        wanter_start(&wanters[i]);
    }
    for (int i = 0; i < WANTERS; i++)
        unit_wait_until_blocked(&wanters[i].thread);
    unit_wait_for_priority(owner.call.tid, 28);
    owner_allow(&owner, 1);
    for (int i = 0; i < WANTERS; i++)
        ck_assert_int_eq(unit_finish(&wanters[i].thread), 0);
    for (int i = 0; i < WANTERS; i++)
        ck_assert_int_eq(wanters[i].my_turn, turns[i]);
    owner_finish(&owner);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(owner_inherits_from_another_process)
{
    NEEDS_REALTIME();
    if (pshared_of(_i) != PTHREAD_PROCESS_SHARED)
        return;
    int fd = unit_memory(sizeof(struct room));
    struct room *room = unit_map(fd, sizeof *room);
    make_inheriting(&room->mutex, _i);
    struct owner owner = {.priority = 5, .count = 1, .mutexes = {&room->mutex}};
    pid_t child = unit_fork();
    if (child == 0) {
        room = unit_map_elsewhere(fd, room, sizeof *room);
        unit_wait_for(&room->stage, 1);
        unit_child_assert(set_priority(20) == 0);
        unit_child_assert(pthread_mutex_lock(&room->mutex) == 0);
        unit_child_assert(pthread_mutex_unlock(&room->mutex) == 0);
        _exit(0);
    }
    owner_start(&owner);
    unit_wait_for(&owner.held, 1);
    atomic_store(&room->stage, 1);
    unit_wait_for_priority(owner.call.tid, 20);
    owner_allow(&owner, 1);
    unit_reap(child);
    owner_finish(&owner);
    ck_assert_int_eq(pthread_mutex_destroy(&room->mutex), 0);
    ck_assert_int_eq(munmap(room, sizeof *room), 0);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

/*
 * The owner's thread ends with the mutex, and the kernel gives it to a waiter, who is stopped on
 * its way out of the kernel: the next thread queues behind that one.
 */
static int end_with(void *arg)
{
    struct owner *owner = arg;
    int error = pthread_mutex_lock(owner->mutexes[0]);
    atomic_store(&owner->held, 1);
    unit_wait_for(&owner->allowed, 1);
    return error;
}

static atomic_int stopped, go_on;

static void stop(int signal)
{
    (void)signal;
    atomic_store(&stopped, 1);
    unit_wait_for(&go_on, 1);
}

/* False if the heir got past before it could be stopped. */
static bool next_queues_behind_heir(int variant)
{
    pthread_mutex_t mutex;
    make_inheriting(&mutex, variant);
    struct owner owner = {.mutexes = {&mutex}};
    unit_start(&owner.call, end_with, &owner);
    unit_wait_for(&owner.held, 1);

    /* The heir shares a processor with this thread, which does not let it run. */
    cpu_set_t one, all;
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    struct wanter heir = {.mutex = &mutex, .call = PLAIN};
    wanter_start(&heir);
    unit_wait_until_blocked(&heir.thread);
    ck_assert_int_eq(set_priority(1), 0);
    int tid = atomic_load(&owner.call.tid);
    atomic_store(&owner.allowed, 1);
    while (syscall(SYS_tgkill, getpid(), tid, 0) == 0)
        ;
    ck_assert_int_eq(pthread_kill(heir.thread.thread, SIGUSR1), 0);
    ck_assert_int_eq(set_priority(0), 0);
    ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
    while (!atomic_load(&stopped) && !atomic_load(&heir.thread.returned))
        sched_yield();

    bool held = atomic_load(&stopped);
    struct wanter next = {.mutex = &mutex, .call = CLOCK_MONO, .ms = 5000};
    wanter_start(&next);
    if (held)
        unit_wait_until_blocked(&next.thread);
    atomic_store(&go_on, 1);
    ck_assert_int_eq(unit_finish(&next.thread), 0);
    ck_assert_int_eq(unit_finish(&heir.thread), 0);
    ck_assert_int_eq(unit_finish(&owner.call), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    return held;
}

START_TEST(what_a_dead_owner_leaves_to_a_waiter_can_be_waited_for)
{
    NEEDS_REALTIME();
    /* libc defect: glibc's waiter takes the mark of the death for an owner, and aborts. */
    if (!unit_on_furwock())
        unit_skip("would abort");
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        unit_skip("needs two processors");
    struct sigaction action = {.sa_handler = stop};
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    while (!next_queues_behind_heir(_i)) {
        atomic_store(&stopped, 0);
        atomic_store(&go_on, 0);
    }
}
END_TEST

/* It is not robust: those who wait learn nothing of a death, whoever is given the mutex. */
START_TEST(waiters_of_a_dead_owner_are_told_of_no_death)
{
    /* libc defect: as above. */
    if (!unit_on_furwock())
        unit_skip("would abort");
    pthread_mutex_t mutex;
    make_inheriting(&mutex, _i);
    struct owner owner = {.mutexes = {&mutex}};
    unit_start(&owner.call, end_with, &owner);
    unit_wait_for(&owner.held, 1);
    struct wanter wanters[2];
    for (int i = 0; i < 2; i++) {
        wanters[i] = (struct wanter){.mutex = &mutex, .call = CLOCK_MONO, .ms = 10000};
        wanter_start(&wanters[i]);
        unit_wait_until_blocked(&wanters[i].thread);
    }
    atomic_store(&owner.allowed, 1);
    ck_assert_int_eq(unit_finish(&owner.call), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(unit_finish(&wanters[i].thread), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/*
 * Where the kernel waits for such a word on CLOCK_REALTIME only, a time of CLOCK_MONOTONIC is
 * converted, and one clock's second may begin between the other's. A second too much or too little
 * shows; a late wake-up, of a machine that has others to serve, is tried again.
 */
static struct timespec later(struct timespec time, long ms)
{
    int64_t ns = time.tv_nsec + (int64_t)ms * 1000000 + 1000000000;
    return (struct timespec){time.tv_sec + ns / 1000000000 - 1, ns % 1000000000};
}

static bool times_out_in_time(pthread_mutex_t *mutex)
{
    struct timespec deadline = unit_deadline(CLOCK_MONOTONIC, 20);
    for (int tries = 0; tries < 3; tries++) {
        unit_child_assert(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &deadline) == ETIMEDOUT);
        unit_child_assert(unit_has_passed(CLOCK_MONOTONIC, &deadline));
        struct timespec late = later(deadline, 500);
        if (!unit_has_passed(CLOCK_MONOTONIC, &late))
            return true;
        deadline = later(deadline, 3000);
        struct timespec start = later(deadline, -20);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, NULL) != 0)
            ;
    }
    return false;
}

static int hold_for_ever(void *mutex)
{
    unit_child_assert(pthread_mutex_lock(mutex) == 0);
    for (;;)
        pause();
}

START_TEST(deadline_is_met_where_the_kernel_knows_one_clock)
{
    /* libc defect: glibc's does without the conversion, and aborts on the error EPERM. */
    if (!unit_on_furwock())
        unit_skip("libc takes it for an error");
    pthread_mutex_t mutex;
    make_inheriting(&mutex, _i);
    pid_t child = unit_fork();
    if (child == 0) {
        struct unit_call holder;
        unit_child_assert(refuse("futex_lock_pi2", _i % 2 ? EPERM : ENOSYS));
        unit_start(&holder, hold_for_ever, &mutex);
        unit_wait_until_blocked(&holder);
        /* Over a second in steps, so that both clocks' seconds begin within one. */
        for (int i = 0; i < 60; i++)
            unit_child_assert(times_out_in_time(&mutex));
        _exit(0);
    }
    unit_reap(child);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

static Suite *mutex_inherit_suite(void)
{
    Suite *suite = suite_create("mutex_inherit");

    TCase *inherit = tcase_create("inheritance");
    tcase_set_timeout(inherit, 20);
    tcase_add_loop_test(inherit, owner_runs_at_its_waiters_priority, 0, VARIANTS);
    tcase_add_loop_test(inherit, owner_by_trylock_or_deadline_is_raised_too, 0, VARIANTS);
    tcase_add_loop_test(inherit, owner_is_lowered_when_the_waiter_gives_up, 0, VARIANTS);
    tcase_add_loop_test(inherit, waiter_with_a_deadline_raises_and_gets_the_mutex, 0, VARIANTS);
    tcase_add_loop_test(inherit, inheritance_passes_through_a_chain, 0, VARIANTS);
    tcase_add_loop_test(inherit, owner_of_two_inherits_from_both, 0, VARIANTS);
    tcase_add_loop_test(inherit, recursive_owner_stays_raised_until_the_last_unlock, 0, VARIANTS);
    tcase_add_loop_test(inherit, waiters_are_served_by_priority, 0, VARIANTS);
    tcase_add_loop_test(inherit, owner_inherits_from_another_process, 0, VARIANTS);
    tcase_add_loop_test(inherit, what_a_dead_owner_leaves_to_a_waiter_can_be_waited_for, 0,
                        VARIANTS);
    tcase_add_loop_test(inherit, waiters_of_a_dead_owner_are_told_of_no_death, 0, VARIANTS);
    tcase_add_loop_test(inherit, deadline_is_met_where_the_kernel_knows_one_clock, 0, 2);
    suite_add_tcase(suite, inherit);
    return suite;
}

UNIT_MAIN(mutex_inherit_suite)
