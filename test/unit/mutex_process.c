/* Mutexes of every kind: in several processes, and before and after a fork. */
#include "mutex_variants.h"

START_TEST(process_shared_at_different_addresses)
{
    if (!shared(_i))
        return;
    int fd;
    struct room *room = room_make(&fd, _i);
    ck_assert_int_eq(pthread_mutex_lock(&room->mutex), 0);
    pid_t child = unit_fork();
    if (child == 0) {
        room = unit_map_elsewhere(fd, room, sizeof *room);
        unit_child_assert(pthread_mutex_trylock(&room->mutex) == EBUSY);
        unit_child_assert(lock_within(TIMED, &room->mutex, 3) == ETIMEDOUT);
        unit_child_assert(lock_within(CLOCK_MONO, &room->mutex, 3) == ETIMEDOUT);
        if (knows_owner(_i))
            unit_child_assert(pthread_mutex_unlock(&room->mutex) == EPERM);
        atomic_store(&room->stage, 1);
        unit_child_assert(pthread_mutex_lock(&room->mutex) == 0);
        atomic_store(&room->stage, 3);
        unit_wait_for(&room->stage, 4);
        unit_child_assert(pthread_mutex_unlock(&room->mutex) == 0);
        _exit(0);
    }
    unit_wait_for(&room->stage, 1);
    unit_wait_until_asleep(child, child);
    ck_assert_int_eq(atomic_load(&room->stage), 1);
    ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), 0);
    unit_wait_for(&room->stage, 3);
    ck_assert_int_eq(pthread_mutex_trylock(&room->mutex), EBUSY);
    ck_assert_int_eq(unit_elsewhere(trylock, &room->mutex), EBUSY);
    if (knows_owner(_i))
        ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), EPERM);
    struct unit_call waiter;
    unit_start(&waiter, lock_unlock, &room->mutex);
    unit_wait_until_blocked(&waiter);
    atomic_store(&room->stage, 4);
    ck_assert_int_eq(unit_finish(&waiter), 0);
    unit_reap(child);
    room_close(fd, room);
}
END_TEST

/*
 * The child's thread is a replica of the one that forked, and owns what that one owned, in the
 * child's copy of the memory.
 */
/* libc defect: glibc records the thread's id, which is another in the child: unlock is EPERM. */
START_TEST(child_owns_what_the_forking_thread_held)
{
    if (shared(_i))
        return;
    if ((knows_owner(_i) || inherits(_i)) && !unit_on_furwock())
        unit_skip("libc takes the child's thread for a stranger");
    pthread_mutex_t mutex;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    if (recursive(_i))
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    for (int how = 0; how < FORKS; how++) {
        pid_t child = unit_fork_by(how);
        if (child < 0)
            continue;
        if (child == 0) {
            if (errorcheck(_i))
                unit_child_assert(pthread_mutex_lock(&mutex) == EDEADLK);
            if (recursive(_i)) {
                unit_child_assert(pthread_mutex_trylock(&mutex) == 0);
                unit_child_assert(pthread_mutex_unlock(&mutex) == 0);
                unit_child_assert(pthread_mutex_unlock(&mutex) == 0);
            } else {
                unit_child_assert(pthread_mutex_trylock(&mutex) == EBUSY);
            }
            unit_child_assert(pthread_mutex_unlock(&mutex) == 0);
            if (knows_owner(_i))
                unit_child_assert(pthread_mutex_unlock(&mutex) == EPERM);
            if (how == BY_FORK)
                unit_child_assert(unit_elsewhere(lock_unlock, &mutex) == 0);
            unit_child_assert(pthread_mutex_trylock(&mutex) == 0);
            unit_child_assert(pthread_mutex_unlock(&mutex) == 0);
            unit_child_assert(pthread_mutex_destroy(&mutex) == 0);
            _exit(0);
        }
        unit_reap(child);
        ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    }
    if (recursive(_i))
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* The same while others wait for it, in the parent, or in the child before its thread looks at it. */
static int cannot_lock_yet(void *mutex)
{
    int error = lock_within(TIMED, mutex, 3);
    return error == ETIMEDOUT ? 0 : -1;
}

/* libc defect: as above. */
START_TEST(child_owns_what_others_wait_for)
{
    if (shared(_i))
        return;
    if ((knows_owner(_i) || inherits(_i)) && !unit_on_furwock())
        unit_skip("libc takes the child's thread for a stranger");
    pthread_mutex_t mutex;
    struct unit_call waiter;
    ck_assert_int_eq(make(&mutex, _i), 0);
    for (int waits = 0; waits < 2; waits++) {
        ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
        if (waits) {
            unit_start(&waiter, lock_unlock, &mutex);
            unit_wait_until_blocked(&waiter);
        }
        pid_t child = unit_fork();
        if (child == 0) {
            unit_child_assert(unit_elsewhere(cannot_lock_yet, &mutex) == 0);
            unit_child_assert(pthread_mutex_unlock(&mutex) == 0);
            unit_child_assert(unit_elsewhere(lock_unlock, &mutex) == 0);
            unit_child_assert(pthread_mutex_destroy(&mutex) == 0);
            _exit(0);
        }
        unit_reap(child);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        if (waits)
            ck_assert_int_eq(unit_finish(&waiter), 0);
    }
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* The same a generation later, when the thread in between has locked something under its own id. */
/* libc defect: as above. */
START_TEST(grandchild_owns_what_the_forking_thread_held)
{
    if (shared(_i))
        return;
    if ((knows_owner(_i) || inherits(_i)) && !unit_on_furwock())
        unit_skip("libc takes the child's thread for a stranger");
    pthread_mutex_t mutex, other;
    ck_assert_int_eq(make(&mutex, _i), 0);
    ck_assert_int_eq(make(&other, _i), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    pid_t child = unit_fork();
    if (child == 0) {
        unit_child_assert(lock_unlock(&other) == 0);
        pid_t grandchild = fork();
        unit_child_assert(grandchild >= 0);
        if (grandchild > 0) {
            int status;
            unit_child_assert(waitpid(grandchild, &status, 0) == grandchild && status == 0);
        }
        unit_child_assert(pthread_mutex_unlock(&mutex) == 0);
        unit_child_assert(unit_elsewhere(lock_unlock, &mutex) == 0);
        unit_child_assert(pthread_mutex_destroy(&mutex) == 0);
        _exit(0);
    }
    unit_reap(child);
    ck_assert_int_eq(unit_elsewhere(trylock, &mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&other), 0);
}
END_TEST

/*
 * libc defect: the kernel refuses (EPERM) to wait in a private futex for an owner of another
 * process, and glibc aborts on that where POSIX has the child wait for ever or until its deadline.
 */
START_TEST(child_does_not_own_what_another_thread_held)
{
    if (inherits(_i) && !unit_on_furwock())
        unit_skip("libc aborts the child");
    pthread_mutex_t mutex;
    struct holder holder;
    ck_assert_int_eq(make(&mutex, _i), 0);
    holder_start(&holder, &mutex);
    for (int how = 0; how < FORKS; how++) {
        pid_t child = unit_fork_by(how);
        if (child < 0)
            continue;
        if (child == 0) {
            unit_child_assert(pthread_mutex_trylock(&mutex) == EBUSY);
            unit_child_assert(lock_within(TIMED, &mutex, 3) == ETIMEDOUT);
            if (knows_owner(_i))
                unit_child_assert(pthread_mutex_unlock(&mutex) == EPERM);
            unit_child_assert(pthread_mutex_trylock(&mutex) == EBUSY);
            _exit(0);
        }
        unit_reap(child);
    }
    holder_stop(&holder);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/*
 * What one process holds in shared memory is not the other's, in neither direction: the identity
 * that a lock records may not be one remembered from before the fork.
 */
/* libc defect: after a bare clone, glibc's thread still goes by its parent's id. */
START_TEST(fork_makes_another_owner_of_shared_mutexes)
{
    if (!shared(_i))
        return;
    for (int how = 0; how < FORKS; how++) {
        if (how == BY_SYSTEM_CALL && !unit_on_furwock())
            continue;
        int fd, fd2;
        struct room *ours = room_make(&fd, _i);
        struct room *theirs = room_make(&fd2, _i);
        ck_assert_int_eq(pthread_mutex_lock(&ours->mutex), 0);
        pid_t child = unit_fork_by(how);
        if (child == 0) {
            unit_child_assert(pthread_mutex_trylock(&ours->mutex) == EBUSY);
            unit_child_assert(lock_within(TIMED, &ours->mutex, 3) == ETIMEDOUT);
            if (knows_owner(_i))
                unit_child_assert(pthread_mutex_unlock(&ours->mutex) == EPERM);
            unit_child_assert(pthread_mutex_lock(&theirs->mutex) == 0);
            if (errorcheck(_i))
                unit_child_assert(pthread_mutex_lock(&theirs->mutex) == EDEADLK);
            atomic_store(&theirs->stage, 1);
            unit_wait_for(&theirs->stage, 2);
            unit_child_assert(pthread_mutex_unlock(&theirs->mutex) == 0);
            _exit(0);
        }
        if (child > 0) {
            unit_wait_for(&theirs->stage, 1);
            ck_assert_int_eq(pthread_mutex_trylock(&theirs->mutex), EBUSY);
            if (knows_owner(_i))
                ck_assert_int_eq(pthread_mutex_unlock(&theirs->mutex), EPERM);
            atomic_store(&theirs->stage, 2);
            unit_reap(child);
        }
        ck_assert_int_eq(pthread_mutex_unlock(&ours->mutex), 0);
        room_close(fd, ours);
        room_close(fd2, theirs);
    }
}
END_TEST

/*
 * Nor is it a third process's that is given the number of one that has ended. These two have nothing
 * in common but the parent, which has locked such mutexes itself.
 */
static bool next_pid_shall_be(pid_t pid)
{
    FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");
    if (f == NULL)
        return false;
    bool written = fprintf(f, "%d", (int)pid - 1) > 0;
    return fclose(f) == 0 && written;
}

/* libc defect: glibc tells processes by their number. */
START_TEST(process_of_the_same_number_is_not_the_owner)
{
    if (!shared(_i) || !knows_owner(_i) || robust(_i))
        return;
    if (!unit_on_furwock())
        unit_skip("libc takes a process of the same number for the owner");
    int fd, fd2;
    struct room *room = room_make(&fd, _i), *other = room_make(&fd2, _i);
    ck_assert_int_eq(lock_unlock(&other->mutex), 0);
    pid_t owner = unit_fork();
    if (owner == 0) {
        unit_child_assert(pthread_mutex_lock(&room->mutex) == 0);
        _exit(0);
    }
    unit_reap(owner);
    bool found = false;
    for (int attempt = 0; attempt < 100 && !found; attempt++) {
        if (!next_pid_shall_be(owner))
            unit_skip("process ids cannot be chosen here");
        pid_t namesake = unit_fork();
        if (namesake == 0) {
            if (getpid() == owner) {
                unit_child_assert(pthread_mutex_trylock(&room->mutex) == EBUSY);
                unit_child_assert(pthread_mutex_unlock(&room->mutex) == EPERM);
                unit_child_assert(lock_within(TIMED, &room->mutex, 3) == ETIMEDOUT);
            }
            _exit(0);
        }
        found = namesake == owner;
        unit_reap(namesake);
    }
    if (!found)
        unit_skip("others of the machine took the number");
    ck_assert_int_eq(pthread_mutex_trylock(&room->mutex), EBUSY);
    room_close(fd2, other);
}
END_TEST

/* A vfork child runs on its parent's memory, and must leave it as it found it. */
START_TEST(vfork_child_does_not_disturb_its_parent)
{
    pthread_mutex_t held, other;
    ck_assert_int_eq(make(&held, _i), 0);
    ck_assert_int_eq(make(&other, _i), 0);
    ck_assert_int_eq(pthread_mutex_lock(&held), 0);
    pid_t child = vfork();
    if (child == 0)
        _exit(pthread_mutex_lock(&other) != 0 || pthread_mutex_unlock(&other) != 0);
    unit_reap(child);
    ck_assert_int_eq(unit_elsewhere(trylock, &held), EBUSY);
    if (errorcheck(_i))
        ck_assert_int_eq(pthread_mutex_lock(&held), EDEADLK);
    ck_assert_int_eq(pthread_mutex_unlock(&held), 0);
    ck_assert_int_eq(pthread_mutex_lock(&other), 0);
    if (errorcheck(_i))
        ck_assert_int_eq(pthread_mutex_lock(&other), EDEADLK);
    ck_assert_int_eq(unit_elsewhere(trylock, &other), EBUSY);
    ck_assert_int_eq(pthread_mutex_unlock(&other), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&held), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&other), 0);
}
END_TEST

static Suite *mutex_process_suite(void)
{
    Suite *suite = suite_create("mutex_process");

    TCase *processes = tcase_create("processes");
    tcase_set_timeout(processes, 20);
    tcase_add_loop_test(processes, process_shared_at_different_addresses, 0, VARIANTS);
    tcase_add_loop_test(processes, child_owns_what_the_forking_thread_held, 0, VARIANTS);
    tcase_add_loop_test(processes, child_owns_what_others_wait_for, 0, VARIANTS);
    tcase_add_loop_test(processes, grandchild_owns_what_the_forking_thread_held, 0, VARIANTS);
    tcase_add_loop_test(processes, child_does_not_own_what_another_thread_held, 0, VARIANTS);
    tcase_add_loop_test(processes, fork_makes_another_owner_of_shared_mutexes, 0, VARIANTS);
    tcase_add_loop_test(processes, process_of_the_same_number_is_not_the_owner, 0, VARIANTS);
    tcase_add_loop_test(processes, vfork_child_does_not_disturb_its_parent, 0, VARIANTS);
    suite_add_tcase(suite, processes);
    return suite;
}

UNIT_MAIN(mutex_process_suite)
