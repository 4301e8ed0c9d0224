/*
 * Robust mutexes: what their users learn when a thread dies as owner, however it dies, and what becomes
 * of the mutex then. Processes that die are in mutex_robust_process.c; the ordinary duties of a robust
 * mutex are in mutex.c.
 */
#include "mutex_robust.h"

START_TEST(next_owner_is_told_and_repairs)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    make(&mutex, _i);
    for (int death = 0; death < JOINED_DEATHS; death++)
        for (int way = 0; way < WAYS; way++) {
            struct victim victim;
            ck_assert_int_eq(victim_start(&victim, &mutex, 1, death), 0);
            victim_die(&victim);
            ck_assert_int_eq(lock_by(way, &mutex, way % 2 ? -10000 : 10000), EOWNERDEAD);
            ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
            ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
            ck_assert_int_eq(pthread_mutex_consistent(&mutex), EINVAL);
            ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
            ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        }
    is_healthy(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(unlock_without_repair_loses_the_mutex)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    make(&mutex, _i);
    ck_assert_int_eq(orphan(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    is_lost(&mutex, _i);
    /* All that is left to do is to make it anew. */
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    make(&mutex, _i);
    is_healthy(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(consistent_is_einval_where_nothing_died)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    make(&mutex, _i);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    is_healthy(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);

    ck_assert_int_eq(unit_mutex_init(&mutex, type_of(_i), PTHREAD_PROCESS_PRIVATE,
                                     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE),
                     0);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* The owner of an inconsistent mutex has all the rights and duties of an owner. */
START_TEST(inconsistent_mutex_is_owned_like_any_other)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    make(&mutex, _i);
    ck_assert_int_eq(orphan(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EOWNERDEAD);
    ck_assert_int_eq(unit_elsewhere(unlock, &mutex), EPERM);
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    switch (type_of(_i)) {
    case PTHREAD_MUTEX_ERRORCHECK:
        ck_assert_int_eq(pthread_mutex_lock(&mutex), EDEADLK);
        ck_assert_int_eq(lock_by(CLOCK_MONO, &mutex, 10000), EDEADLK);
        break;
    case PTHREAD_MUTEX_RECURSIVE:
        /* libc defect: an inner unlock already loses the mutex. */
        if (!unit_on_furwock())
            break;
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        break;
    default:
        ck_assert_int_eq(lock_by(TIMED, &mutex, 3), ETIMEDOUT);
        ck_assert_int_eq(lock_by(CLOCK_MONO, &mutex, 3), ETIMEDOUT);
    }
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(unlock, &mutex), EPERM);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    is_healthy(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* Only the heir may repair; anybody else's attempt is refused and repairs nothing. */
static int consistent(void *mutex)
{
    return pthread_mutex_consistent(mutex);
}

START_TEST(consistent_is_einval_for_others_than_the_heir)
{
    NEEDS_VARIANT(_i);
    /* libc defect: it does not ask who calls. */
    if (!unit_on_furwock())
        unit_skip("libc lets a stranger repair");
    int fd = unit_memory(sizeof(pthread_mutex_t));
    pthread_mutex_t *mutex = unit_map(fd, sizeof *mutex);
    make(mutex, _i);
    ck_assert_int_eq(orphan(mutex), 0);
    ck_assert_int_eq(pthread_mutex_consistent(mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_lock(mutex), EOWNERDEAD);
    ck_assert_int_eq(unit_elsewhere(consistent, mutex), EINVAL);
    /* The child of a fork is another owner of a process-shared one. */
    if (shared(_i)) {
        pid_t child = unit_fork();
        if (child == 0) {
            unit_child_assert(pthread_mutex_consistent(mutex) == EINVAL);
            _exit(0);
        }
        unit_reap(child);
    }
    ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
    is_lost(mutex, _i);
    ck_assert_int_eq(pthread_mutex_destroy(mutex), 0);
    munmap(mutex, sizeof *mutex);
    close(fd);
}
END_TEST

/* Nobody holds what its owner's death has left, so it may be destroyed. */
START_TEST(orphan_may_be_destroyed)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    struct victim victim;
    for (int waited = 0; waited < 2; waited++) {
        make(&mutex, _i);
        ck_assert_int_eq(victim_start(&victim, &mutex, 1, BY_RETURN), 0);
        /* One who has waited, and has given up, leaves a trace in it. */
        if (waited)
            ck_assert_int_eq(lock_by(TIMED, &mutex, 3), ETIMEDOUT);
        /* libc defect: it does not look at the owner. */
        if (unit_on_furwock())
            ck_assert_int_eq(pthread_mutex_destroy(&mutex), EBUSY);
        victim_die(&victim);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

/* However often the dead owner of a recursive mutex had locked it, its heir has locked it once. */
START_TEST(recursion_dies_with_its_owner)
{
    NEEDS_VARIANT(_i);
    if (type_of(_i) != PTHREAD_MUTEX_RECURSIVE)
        return;
    pthread_mutex_t mutex;
    make(&mutex, _i);
    for (int way = 0; way < WAYS; way++) {
        struct victim victim;
        ck_assert_int_eq(victim_start(&victim, &mutex, 3, BY_RETURN), 0);
        victim_die(&victim);
        ck_assert_int_eq(lock_by(way, &mutex, 10000), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
        ck_assert_int_eq(unit_elsewhere(lock_unlock, &mutex), 0);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(every_death_counts)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    make(&mutex, _i);
    ck_assert_int_eq(orphan(&mutex), 0);
    /* These heirs die without having repaired anything: the next must be told as they were. */
    ck_assert_int_eq(orphan(&mutex), EOWNERDEAD);
    ck_assert_int_eq(orphan(&mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(orphan(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    is_lost(&mutex, _i);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(death_wakes_one_waiter_who_repairs_for_all)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    make(&mutex, _i);
    for (int death = 0; death < DEATHS; death++) {
        struct victim victim;
        struct waiters waiters;
        ck_assert_int_eq(victim_start(&victim, &mutex, 1, death), 0);
        waiters_start(&waiters, &mutex, _i, true, 1);
        victim_die(&victim);
        waiters_finish(&waiters, 1, 0);
        ck_assert_int_eq(unit_elsewhere(lock_unlock, &mutex), 0);
    }
    is_healthy(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

START_TEST(death_wakes_one_waiter_who_loses_it_for_all)
{
    NEEDS_VARIANT(_i);
    for (int death = 0; death < DEATHS; death++) {
        pthread_mutex_t mutex;
        struct victim victim;
        struct waiters waiters;
        make(&mutex, _i);
        ck_assert_int_eq(victim_start(&victim, &mutex, 1, death), 0);
        waiters_start(&waiters, &mutex, _i, false, 1);
        victim_die(&victim);
        waiters_finish(&waiters, 1, ENOTRECOVERABLE);
        is_lost(&mutex, _i);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}
END_TEST

/* Waiters who came after the death wait for its heir. */
START_TEST(heir_repairs_or_loses_for_those_who_wait)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    struct waiters waiters;
    make(&mutex, _i);
    ck_assert_int_eq(orphan(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EOWNERDEAD);
    waiters_start(&waiters, &mutex, _i, true, 0);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    waiters_finish(&waiters, 0, 0);

    ck_assert_int_eq(orphan(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EOWNERDEAD);
    waiters_start(&waiters, &mutex, _i, false, 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    waiters_finish(&waiters, 0, ENOTRECOVERABLE);
    is_lost(&mutex, _i);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* A thread that holds many, drops some from the middle of its list, and dies. */
enum { MANY = 9 };

struct many {
    pthread_mutex_t mutexes[MANY];
};

static int hold_many(void *arg)
{
    struct many *many = arg;
    for (int i = 0; i < MANY; i++)
        if (pthread_mutex_lock(&many->mutexes[i]) != 0)
            return __LINE__;
    for (int i = 0; i < MANY; i += 4)
        if (pthread_mutex_unlock(&many->mutexes[i]) != 0)
            return __LINE__;
    if (pthread_mutex_lock(&many->mutexes[4]) != 0 || pthread_mutex_unlock(&many->mutexes[5]) != 0)
        return __LINE__;
    return 0;
}

static void many_are_orphaned(struct many *many)
{
    for (int i = 0; i < MANY; i++) {
        int expected = i == 0 || i == 5 || i == 8 ? 0 : EOWNERDEAD;
        ck_assert_int_eq(pthread_mutex_trylock(&many->mutexes[i]), expected);
        if (expected == EOWNERDEAD)
            ck_assert_int_eq(pthread_mutex_consistent(&many->mutexes[i]), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&many->mutexes[i]), 0);
        ck_assert_int_eq(pthread_mutex_destroy(&many->mutexes[i]), 0);
    }
}

START_TEST(all_that_was_held_is_inherited_and_nothing_else)
{
    NEEDS_VARIANT(_i);
    struct many many;
    for (int i = 0; i < MANY; i++)
        make(&many.mutexes[i], _i);
    ck_assert_int_eq(unit_elsewhere(hold_many, &many), 0);
    many_are_orphaned(&many);
}
END_TEST

START_TEST(one_thread_holds_robust_mutexes_of_every_kind)
{
    struct many many;
    /* Without ceilings where libc has none, which are the last third of the variants. */
    int variants =
        unit_on_furwock() && unit_elsewhere(try_realtime, NULL) == 0 ? VARIANTS : VARIANTS / 3 * 2;
    for (int i = 0; i < MANY; i++)
        make(&many.mutexes[i], (i * 5 + _i) % variants);
    ck_assert_int_eq(unit_elsewhere(hold_many, &many), 0);
    many_are_orphaned(&many);
}
END_TEST

/* What was unlocked may be unmapped; the dying thread's list must not lead there. */
struct two_pages {
    pthread_mutex_t *unmapped, *kept;
    size_t size;
};

static int unmap_one_and_die(void *arg)
{
    struct two_pages *pages = arg;
    if (pthread_mutex_lock(pages->kept) != 0 || pthread_mutex_lock(pages->unmapped) != 0 ||
        pthread_mutex_unlock(pages->unmapped) != 0 || pthread_mutex_destroy(pages->unmapped) != 0)
        return __LINE__;
    return munmap(pages->unmapped, pages->size) != 0 ? __LINE__ : 0;
}

START_TEST(list_does_not_lead_to_unmapped_memory)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    struct two_pages pages = {page, &mutex, size};
    make(pages.unmapped, _i);
    make(pages.kept, _i);
    ck_assert_int_eq(unit_elsewhere(unmap_one_and_die, &pages), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* setprioceiling locks the mutex, and so is told what every other lock is told. */
START_TEST(setprioceiling_is_told_too)
{
    NEEDS_VARIANT(_i);
    if (protocol_of(_i) != PTHREAD_PRIO_PROTECT)
        return;
    pthread_mutex_t mutex;
    int before, value = -1;
    make(&mutex, _i);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &before), 0);
    ck_assert_int_eq(orphan(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, before + 1, &value), EOWNERDEAD);
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &value), 0);
    ck_assert_int_eq(value, before);
    ck_assert_int_eq(orphan(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, before + 1, &value), ENOTRECOVERABLE);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* The heir owns the mutex as by any lock: at its ceiling, which the unlock drops, and no other. */
START_TEST(heir_by_setprioceiling_runs_at_the_ceiling)
{
    NEEDS_VARIANT(_i);
    if (protocol_of(_i) != PTHREAD_PRIO_PROTECT)
        return;
    pthread_mutex_t mutex, other;
    int ceiling, value, base = unit_priority(unit_gettid());
    make(&mutex, _i);
    make(&other, _i);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &ceiling), 0);
    for (int holds_other = 0; holds_other < 2; holds_other++) {
        ck_assert_int_eq(orphan(&mutex), 0);
        if (holds_other)
            ck_assert_int_eq(pthread_mutex_lock(&other), 0);
        ck_assert_int_eq(pthread_mutex_setprioceiling(&mutex, ceiling + 1, &value), EOWNERDEAD);
        ck_assert_int_eq(unit_priority(unit_gettid()), ceiling);
        ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        if (holds_other) {
            ck_assert_int_eq(unit_priority(unit_gettid()), ceiling);
            ck_assert_int_eq(pthread_mutex_unlock(&other), 0);
        }
        ck_assert_int_eq(unit_priority(unit_gettid()), base);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&other), 0);
}
END_TEST

static Suite *mutex_robust_suite(void)
{
    Suite *suite = suite_create("mutex_robust");

    TCase *threads = tcase_create("death of a thread");
    tcase_set_timeout(threads, 20);
    tcase_add_loop_test(threads, next_owner_is_told_and_repairs, 0, VARIANTS);
    tcase_add_loop_test(threads, unlock_without_repair_loses_the_mutex, 0, VARIANTS);
    tcase_add_loop_test(threads, consistent_is_einval_where_nothing_died, 0, VARIANTS);
    tcase_add_loop_test(threads, inconsistent_mutex_is_owned_like_any_other, 0, VARIANTS);
    tcase_add_loop_test(threads, consistent_is_einval_for_others_than_the_heir, 0, VARIANTS);
    tcase_add_loop_test(threads, orphan_may_be_destroyed, 0, VARIANTS);
    tcase_add_loop_test(threads, recursion_dies_with_its_owner, 0, VARIANTS);
    tcase_add_loop_test(threads, every_death_counts, 0, VARIANTS);
    tcase_add_loop_test(threads, death_wakes_one_waiter_who_repairs_for_all, 0, VARIANTS);
    tcase_add_loop_test(threads, death_wakes_one_waiter_who_loses_it_for_all, 0, VARIANTS);
    tcase_add_loop_test(threads, heir_repairs_or_loses_for_those_who_wait, 0, VARIANTS);
    tcase_add_loop_test(threads, all_that_was_held_is_inherited_and_nothing_else, 0, VARIANTS);
    tcase_add_loop_test(threads, one_thread_holds_robust_mutexes_of_every_kind, 0, 3);
    tcase_add_loop_test(threads, list_does_not_lead_to_unmapped_memory, 0, VARIANTS);
    tcase_add_loop_test(threads, setprioceiling_is_told_too, 0, VARIANTS);
    tcase_add_loop_test(threads, heir_by_setprioceiling_runs_at_the_ceiling, 0, VARIANTS);
    suite_add_tcase(suite, threads);
    return suite;
}

UNIT_MAIN(mutex_robust_suite)
