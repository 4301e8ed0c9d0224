/* Robust mutexes: what their users learn when a process dies as owner, and what a fork does. */
#include "mutex_robust.h"

/*
 * Processes. The room is mapped at one address in the parent and at another in each child.
 */
struct room {
    pthread_mutex_t mutex;
    pthread_mutex_t other;
    atomic_int stage;
    volatile long first, second;
};

static struct room *room_make(int *fd, int variant)
{
    *fd = unit_memory(sizeof(struct room));
    struct room *room = unit_map(*fd, sizeof *room);
    make(&room->mutex, variant);
    make(&room->other, variant);
    return room;
}

static void room_close(int fd, struct room *room)
{
    ck_assert_int_eq(pthread_mutex_destroy(&room->mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&room->other), 0);
    ck_assert_int_eq(munmap(room, sizeof *room), 0);
    ck_assert_int_eq(close(fd), 0);
}

/* In a child: a second thread of it that locks and stays. */
static int lock_and_stay(void *arg)
{
    struct room *room = arg;
    unit_child_assert(pthread_mutex_lock(&room->mutex) == 0);
    atomic_store(&room->stage, 1);
    for (;;)
        pause();
}

/* Ways for a process to end while one of its threads holds the mutex. */
enum { KILLED, KILLED_WITH_THREADS, EXITED, REPLACED, ENDS };

static _Noreturn void hold_until_the_end(int end, struct room *room)
{
    struct unit_call call;
    if (end == KILLED_WITH_THREADS) {
        unit_start(&call, lock_and_stay, room);
    } else {
        unit_child_assert(pthread_mutex_lock(&room->mutex) == 0);
        atomic_store(&room->stage, 1);
    }
    if (end == EXITED || end == REPLACED)
        unit_wait_for(&room->stage, 2);
    if (end == EXITED)
        _exit(0);
    if (end == REPLACED) {
        execl("/bin/true", "true", (char *)NULL);
        unit_child_assert(!"/bin/true exists");
    }
    for (;;)
        pause();
}

static void end_of(int end, pid_t child, struct room *room)
{
    if (end == EXITED || end == REPLACED) {
        atomic_store(&room->stage, 2);
        unit_reap(child);
    } else {
        unit_kill(child);
    }
}

/*
 * Memory is given back in which other mutexes are held, as by who unlocks after that what was mapped.
 * They are not robust, and no concern of those that are.
 */
static void hold_and_unmap(int type, int pshared, int protocol)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    int fd = unit_memory(size);
    pthread_mutex_t *mutex = unit_map(fd, size);
    unit_child_assert(unit_mutex_init(mutex, type, pshared, PTHREAD_MUTEX_STALLED, protocol) == 0);
    unit_child_assert(pthread_mutex_lock(mutex) == 0);
    unit_child_assert(munmap(mutex, size) == 0);
    unit_child_assert(close(fd) == 0);
}

START_TEST(unmapped_memory_that_held_a_mutex_hides_no_robust_one)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    int fd;
    struct room *room = room_make(&fd, _i);
    for (int protocol = 0; protocol < 2; protocol++)
        for (int type = 0; type < TYPES; type++) {
            pid_t child = unit_fork();
            if (child == 0) {
                unit_child_assert(pthread_mutex_lock(&room->mutex) == 0);
                for (int pshared = 0; pshared < 2; pshared++)
                    hold_and_unmap(types[type], pshared, protocols[protocol]);
                pthread_mutex_t after;
                unit_child_assert(unit_mutex_init(&after, types[type], PTHREAD_PROCESS_SHARED,
                                                  PTHREAD_MUTEX_STALLED, protocols[protocol]) == 0);
                unit_child_assert(lock_unlock(&after) == 0);
                unit_child_assert(lock_unlock(&room->other) == 0);
                _exit(0);
            }
            unit_reap(child);
            ck_assert_int_eq(lock_within(TIMED, &room->mutex, 10000), EOWNERDEAD);
            ck_assert_int_eq(pthread_mutex_consistent(&room->mutex), 0);
            ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), 0);
            ck_assert_int_eq(lock_within(TIMED, &room->other, 10000), 0);
            ck_assert_int_eq(pthread_mutex_unlock(&room->other), 0);
        }
    room_close(fd, room);
}
END_TEST

START_TEST(end_of_a_process_is_told)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    for (int end = 0; end < ENDS; end++) {
        int fd;
        struct room *room = room_make(&fd, _i);
        pid_t child = unit_fork();
        if (child == 0)
            hold_until_the_end(end, unit_map_elsewhere(fd, room, sizeof *room));
        unit_wait_for(&room->stage, 1);
        ck_assert_int_eq(pthread_mutex_trylock(&room->mutex), EBUSY);
        end_of(end, child, room);
        ck_assert_int_eq(lock_by(end % WAYS, &room->mutex, 10000), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(&room->mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), 0);
        is_healthy(&room->mutex);
        room_close(fd, room);
    }
}
END_TEST

START_TEST(end_of_a_process_wakes_those_who_wait)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    for (int end = 0; end < ENDS; end++)
        for (int repair = 0; repair < 2; repair++) {
            int fd;
            struct room *room = room_make(&fd, _i);
            struct waiters waiters;
            pid_t child = unit_fork();
            if (child == 0)
                hold_until_the_end(end, unit_map_elsewhere(fd, room, sizeof *room));
            unit_wait_for(&room->stage, 1);
            waiters_start(&waiters, &room->mutex, _i, repair, 1);
            end_of(end, child, room);
            waiters_finish(&waiters, 1, repair ? 0 : ENOTRECOVERABLE);
            if (repair)
                is_healthy(&room->mutex);
            else
                is_lost(&room->mutex, _i);
            room_close(fd, room);
        }
}
END_TEST

/*
 * A waiter may be woken and killed before it can take the mutex; its wake must not die with it. The
 * first waiter shares the CPU of the thread that unlocks, which does not let it run.
 */
static int take_turn(struct room *room, int stage)
{
    atomic_store(&room->stage, stage);
    int result = pthread_mutex_lock(&room->mutex);
    if (result == EOWNERDEAD)
        result = pthread_mutex_consistent(&room->mutex);
    return result != 0 ? result : pthread_mutex_unlock(&room->mutex);
}

START_TEST(wake_is_not_lost_with_the_woken)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    if (!may_be_realtime())
        unit_skip("SCHED_FIFO is not permitted here");
    int fd;
    struct room *room = room_make(&fd, _i);
    cpu_set_t all, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    for (int round = 0; round < 5; round++) {
        ck_assert_int_eq(pthread_mutex_lock(&room->mutex), 0);
        atomic_store(&room->stage, 0);
        pid_t first = unit_fork();
        if (first == 0)
            _exit(take_turn(unit_map_elsewhere(fd, room, sizeof *room), 1));
        unit_wait_for(&room->stage, 1);
        unit_wait_until_asleep(first, first);
        pid_t second = unit_fork();
        if (second == 0) {
            unit_child_assert(sched_setaffinity(0, sizeof all, &all) == 0);
            _exit(take_turn(unit_map_elsewhere(fd, room, sizeof *room), 2));
        }
        unit_wait_for(&room->stage, 2);
        unit_wait_until_asleep(second, second);
        ck_assert_int_eq(set_priority(1), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), 0);
        ck_assert_int_eq(kill(first, SIGKILL), 0);
        ck_assert_int_eq(set_priority(0), 0);
        unit_reap(second);
        ck_assert_int_eq(waitpid(first, NULL, 0), first);
        ck_assert_int_eq(take_turn(room, 0), 0);
    }
    ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
    is_healthy(&room->mutex);
    room_close(fd, room);
}
END_TEST

/* The mark that sleepers leave outlives one who was woken and killed: the mutex is free all the same. */
START_TEST(mutex_of_a_killed_waiter_may_be_destroyed)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    if (!may_be_realtime())
        unit_skip("SCHED_FIFO is not permitted here");
    int fd;
    struct room *room = room_make(&fd, _i);
    cpu_set_t all, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_int_eq(pthread_mutex_lock(&room->mutex), 0);
    pid_t child = unit_fork();
    if (child == 0)
        _exit(take_turn(unit_map_elsewhere(fd, room, sizeof *room), 1));
    unit_wait_for(&room->stage, 1);
    unit_wait_until_asleep(child, child);
    ck_assert_int_eq(set_priority(1), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), 0);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(set_priority(0), 0);
    ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    room_close(fd, room);
}
END_TEST

/* The other way round: the mutex is lost or repaired in one process, and another learns it. */
START_TEST(waiters_of_another_process_learn_it)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    for (int repair = 0; repair < 2; repair++) {
        int fd;
        struct room *room = room_make(&fd, _i);
        ck_assert_int_eq(orphan(&room->mutex), 0);
        ck_assert_int_eq(pthread_mutex_lock(&room->mutex), EOWNERDEAD);
        pid_t child = unit_fork();
        if (child == 0) {
            room = unit_map_elsewhere(fd, room, sizeof *room);
            atomic_store(&room->stage, 1);
            int result = pthread_mutex_lock(&room->mutex);
            unit_child_assert(result == (repair ? 0 : ENOTRECOVERABLE));
            if (repair)
                unit_child_assert(pthread_mutex_unlock(&room->mutex) == 0);
            else
                unit_child_assert(pthread_mutex_trylock(&room->mutex) == ENOTRECOVERABLE);
            _exit(0);
        }
        unit_wait_for(&room->stage, 1);
        unit_wait_until_asleep(child, child);
        if (repair)
            ck_assert_int_eq(pthread_mutex_consistent(&room->mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), 0);
        unit_reap(child);
        room_close(fd, room);
    }
}
END_TEST

/* The kernel may be told to look for the mutex only where its owner sees it. */
START_TEST(owner_that_sees_it_twice)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    int fd;
    struct room *room = room_make(&fd, _i);
    struct room *again = unit_map(fd, sizeof *again);
    ck_assert_ptr_ne(room, again);
    for (int way = 0; way < WAYS; way++) {
        ck_assert_int_eq(orphan(way % 2 ? &room->mutex : &again->mutex), 0);
        ck_assert_int_eq(lock_by(way, way % 2 ? &again->mutex : &room->mutex, 10000), EOWNERDEAD);
        ck_assert_int_eq(pthread_mutex_consistent(way % 2 ? &again->mutex : &room->mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(way % 2 ? &again->mutex : &room->mutex), 0);
    }
    is_healthy(&room->mutex);
    is_healthy(&again->mutex);
    ck_assert_int_eq(munmap(again, sizeof *again), 0);
    room_close(fd, room);
}
END_TEST

/* The first thread of a process may end before the process does. */
static int learn_of_the_first_thread(void *arg)
{
    struct room *room = arg;
    unit_child_assert(pthread_mutex_lock(&room->mutex) == EOWNERDEAD);
    unit_child_assert(pthread_mutex_consistent(&room->mutex) == 0);
    unit_child_assert(pthread_mutex_unlock(&room->mutex) == 0);
    _exit(0);
}

START_TEST(first_thread_dies_like_any_other)
{
    NEEDS_VARIANT(_i);
    int fd;
    struct room *room = room_make(&fd, _i);
    pid_t child = unit_fork();
    if (child == 0) {
        struct unit_call call;
        room = unit_map_elsewhere(fd, room, sizeof *room);
        unit_child_assert(pthread_mutex_lock(&room->mutex) == 0);
        unit_start(&call, learn_of_the_first_thread, room);
        unit_wait_until_blocked(&call);
        pthread_exit(NULL);
    }
    unit_reap(child);
    room_close(fd, room);
}
END_TEST

/*
 * The kernel gives a child no robust list, and the parent's is not the child's business: the child
 * must hand in its own, which holds only what the child has locked.
 */
/* libc defect: after a bare clone, glibc's thread still goes by its parent's id. */
static void fork_and_die(int variant, int how)
{
    int fd;
    struct room *room = room_make(&fd, variant);
    ck_assert_int_eq(pthread_mutex_lock(&room->mutex), 0);
    pid_t child = unit_fork_by(how);
    if (child == 0) {
        unit_child_assert(pthread_mutex_trylock(&room->mutex) == EBUSY);
        unit_child_assert(pthread_mutex_unlock(&room->mutex) == EPERM);
        unit_child_assert(pthread_mutex_lock(&room->other) == 0);
        atomic_store(&room->stage, 1);
        for (;;)
            pause();
    }
    if (child > 0) {
        unit_wait_for(&room->stage, 1);
        struct waiters waiters;
        waiters_start(&waiters, &room->other, variant, true, 1);
        unit_kill(child);
        waiters_finish(&waiters, 1, 0);
        ck_assert_int_eq(unit_elsewhere(trylock, &room->mutex), EBUSY);
    }
    ck_assert_int_eq(pthread_mutex_unlock(&room->mutex), 0);
    is_healthy(&room->mutex);
    room_close(fd, room);
}

START_TEST(child_has_a_robust_list_of_its_own)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    for (int how = 0; how < FORKS; how++)
        if (how != BY_SYSTEM_CALL || unit_on_furwock())
            fork_and_die(_i, how);
}
END_TEST

/* The parent holds one and dies while its child lives: that, too, is a death to be told. */
START_TEST(child_learns_of_its_parents_death)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    int fd;
    struct room *room = room_make(&fd, _i);
    /* The orphan becomes this process's child, to be waited for. */
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    pid_t parent = unit_fork();
    if (parent == 0) {
        unit_child_assert(pthread_mutex_lock(&room->mutex) == 0);
        pid_t child = fork();
        unit_child_assert(child >= 0);
        if (child == 0) {
            alarm(30);
            atomic_store(&room->stage, 1);
            int result = pthread_mutex_lock(&room->mutex);
            unit_child_assert(result == EOWNERDEAD);
            unit_child_assert(pthread_mutex_consistent(&room->mutex) == 0);
            unit_child_assert(pthread_mutex_unlock(&room->mutex) == 0);
            _exit(0);
        }
        for (;;)
            pause();
    }
    unit_wait_for(&room->stage, 1);
    unit_kill(parent);
    int status;
    ck_assert_int_gt(wait(&status), 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
    is_healthy(&room->mutex);
    room_close(fd, room);
}
END_TEST

/*
 * A child's thread owns what its parent's had locked, in private memory, as soon as it uses it: then
 * its death, too, is told to the child's other threads.
 */
static int outlive_the_owner(void *mutex)
{
    int result = lock_within(CLOCK_MONO, mutex, 10000);
    if (result != EOWNERDEAD)
        fprintf(stderr, "in child: waiter was told %d\n", result);
    _exit(result != EOWNERDEAD);
}

START_TEST(death_of_the_childs_thread_is_told_of_what_it_has_inherited)
{
    NEEDS_VARIANT(_i);
    if (shared(_i))
        return;
    if (!unit_on_furwock())
        unit_skip("libc takes the child's thread for a stranger");
    pthread_mutex_t mutex;
    make(&mutex, _i);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    pid_t child = unit_fork();
    if (child == 0) {
        struct unit_call waiter;
        int again = type_of(_i) == PTHREAD_MUTEX_RECURSIVE ? 0 : EBUSY;
        unit_child_assert(pthread_mutex_trylock(&mutex) == again);
        unit_start(&waiter, outlive_the_owner, &mutex);
        unit_wait_until_blocked(&waiter);
        pthread_exit(NULL);
    }
    unit_reap(child);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    is_healthy(&mutex);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* Threads of a child, too, are robust, though their process began as a copy of another. */
START_TEST(threads_of_a_child_are_told)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    make(&mutex, _i);
    ck_assert_int_eq(orphan(&mutex), 0);
    pid_t child = unit_fork();
    if (child == 0) {
        for (int round = 0; round < 3; round++) {
            unit_child_assert(pthread_mutex_trylock(&mutex) == EOWNERDEAD);
            unit_child_assert(pthread_mutex_consistent(&mutex) == 0);
            unit_child_assert(pthread_mutex_unlock(&mutex) == 0);
            unit_child_assert(orphan(&mutex) == 0);
        }
        _exit(0);
    }
    unit_reap(child);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/* A vfork child has its parent's memory but not its parent's robust list. */
static int vfork_and_die(void *mutex)
{
    if (pthread_mutex_lock(mutex) != 0)
        return __LINE__;
    pid_t child = vfork();
    if (child == 0)
        _exit(0);
    int status;
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : __LINE__;
}

START_TEST(vfork_leaves_the_list_alone)
{
    NEEDS_VARIANT(_i);
    pthread_mutex_t mutex;
    make(&mutex, _i);
    ck_assert_int_eq(unit_elsewhere(vfork_and_die, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_consistent(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

/*
 * Deaths at any moment, the moments inside lock and unlock included: the two counters are equal
 * whenever nobody died between their increments, and nobody ever waits for a dead process.
 */
static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Lock, repair if need be, and count; whether all was right. */
static bool count_once(struct room *room)
{
    int result = lock_by(CLOCK_MONO, &room->mutex, 10000);
    if (result == EOWNERDEAD) {
        long difference = room->first - room->second;
        if (difference < 0 || difference > 1 || pthread_mutex_consistent(&room->mutex) != 0)
            return false;
        room->second = room->first;
    } else if (result != 0) {
        return false;
    }
    if (room->first != room->second)
        return false;
    room->first++;
    room->second++;
    return pthread_mutex_unlock(&room->mutex) == 0;
}

static pid_t start_counting(int fd, struct room *room)
{
    pid_t child = unit_fork();
    if (child == 0) {
        room = unit_map_elsewhere(fd, room, sizeof *room);
        for (unsigned round = 1;; round++) {
            unit_child_assert(count_once(room));
            /* Let the others in, a thread at its ceiling above all. */
            if (round % 64 == 0)
                sched_yield();
            if (atomic_load(&room->stage) < 1)
                atomic_store(&room->stage, 1);
        }
    }
    return child;
}

START_TEST(kill_at_any_moment)
{
    NEEDS_VARIANT(_i);
    if (!shared(_i))
        return;
    int fd;
    struct room *room = room_make(&fd, _i);
    unsigned seed = (unsigned)getpid();
    for (int round = 0; round < 12; round++) {
        atomic_store(&room->stage, 0);
        pid_t children[2] = {start_counting(fd, room), start_counting(fd, room)};
        unit_wait_for(&room->stage, 1);
        for (int i = 0; i < 2; i++) {
            struct timespec moment = {0, (long)(next_random(&seed) % 1000 * 1000)};
            nanosleep(&moment, NULL);
            unit_kill(children[i]);
            ck_assert(count_once(room));
        }
    }
    ck_assert_int_eq(room->first, room->second);
    is_healthy(&room->mutex);
    room_close(fd, room);
}
END_TEST

/* The same with threads, which die where they please, but in greater numbers. */
struct crowd {
    struct room *room;
    int64_t end_ms;
    unsigned seed;
    long locked;
};

struct mayfly {
    struct room *room;
    bool unlocks;
};

static int live_briefly(void *arg)
{
    struct mayfly *mayfly = arg;
    struct room *room = mayfly->room;
    int result = pthread_mutex_lock(&room->mutex);
    if (result == EOWNERDEAD)
        result = pthread_mutex_consistent(&room->mutex);
    if (result != 0)
        return __LINE__;
    if (room->first != room->second)
        return __LINE__;
    room->first++;
    room->second++;
    return mayfly->unlocks && pthread_mutex_unlock(&room->mutex) != 0 ? __LINE__ : 0;
}

static int breed(void *arg)
{
    struct crowd *crowd = arg;
    while (unit_now_ms() < crowd->end_ms) {
        struct mayfly mayfly = {crowd->room, next_random(&crowd->seed) % 2};
        int line = unit_elsewhere(live_briefly, &mayfly);
        if (line != 0)
            return line;
        crowd->locked++;
    }
    return 0;
}

START_TEST(threads_die_in_crowds)
{
    NEEDS_VARIANT(_i);
    enum { CROWDS = 4 };
    struct room room = {.first = 0};
    struct crowd crowds[CROWDS];
    struct unit_call calls[CROWDS];
    long locked = 0;
    make(&room.mutex, _i);
    for (int i = 0; i < CROWDS; i++) {
        crowds[i] = (struct crowd){&room, unit_now_ms() + 30, (unsigned)(i + _i * 10), 0};
        unit_start(&calls[i], breed, &crowds[i]);
    }
    for (int i = 0; i < CROWDS; i++) {
        ck_assert_msg(unit_finish(&calls[i]) == 0, "failed at line %d", calls[i].result);
        locked += crowds[i].locked;
    }
    ck_assert_int_eq(room.first, locked);
    ck_assert_int_eq(room.second, locked);
    int result = pthread_mutex_trylock(&room.mutex);
    ck_assert(result == 0 || result == EOWNERDEAD);
    if (result == EOWNERDEAD)
        ck_assert_int_eq(pthread_mutex_consistent(&room.mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&room.mutex), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&room.mutex), 0);
}
END_TEST

static Suite *mutex_robust_process_suite(void)
{
    Suite *suite = suite_create("mutex_robust_process");

    TCase *processes = tcase_create("death of a process");
    tcase_set_timeout(processes, 20);
    tcase_add_loop_test(processes, end_of_a_process_is_told, 0, VARIANTS);
    tcase_add_loop_test(processes, unmapped_memory_that_held_a_mutex_hides_no_robust_one, 0,
                        VARIANTS);
    tcase_add_loop_test(processes, end_of_a_process_wakes_those_who_wait, 0, VARIANTS);
    tcase_add_loop_test(processes, wake_is_not_lost_with_the_woken, 0, VARIANTS);
    tcase_add_loop_test(processes, mutex_of_a_killed_waiter_may_be_destroyed, 0, VARIANTS);
    tcase_add_loop_test(processes, waiters_of_another_process_learn_it, 0, VARIANTS);
    tcase_add_loop_test(processes, owner_that_sees_it_twice, 0, VARIANTS);
    tcase_add_loop_test(processes, first_thread_dies_like_any_other, 0, VARIANTS);
    suite_add_tcase(suite, processes);

    TCase *forks = tcase_create("forks");
    tcase_set_timeout(forks, 20);
    tcase_add_loop_test(forks, child_has_a_robust_list_of_its_own, 0, VARIANTS);
    tcase_add_loop_test(forks, child_learns_of_its_parents_death, 0, VARIANTS);
    tcase_add_loop_test(forks, death_of_the_childs_thread_is_told_of_what_it_has_inherited, 0,
                        VARIANTS);
    tcase_add_loop_test(forks, threads_of_a_child_are_told, 0, VARIANTS);
    tcase_add_loop_test(forks, vfork_leaves_the_list_alone, 0, VARIANTS);
    suite_add_tcase(suite, forks);

    TCase *stress = tcase_create("stress");
    tcase_set_timeout(stress, 30);
    tcase_add_loop_test(stress, kill_at_any_moment, 0, VARIANTS);
    tcase_add_loop_test(stress, threads_die_in_crowds, 0, VARIANTS);
    suite_add_tcase(suite, stress);
    return suite;
}

UNIT_MAIN(mutex_robust_process_suite)
