/*
 * Robust mutexes: what their users learn when an owner dies, however it dies, and what becomes of
 * the mutex then. The ordinary duties of a robust mutex are in mutex.c.
 */
#include "mutex.h"
#include <sys/prctl.h>

static const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_PROTECT};

/*
 * Loop tests run over every type; first process-private, then process-shared; and all that for each
 * protocol.
 */
enum { VARIANTS = 2 * 3 * TYPES };

static int type_of(int variant)
{
    return types[variant % TYPES];
}

static bool shared(int variant)
{
    return variant / TYPES % 2 != 0;
}

static int protocol_of(int variant)
{
    return protocols[variant / TYPES / 2];
}

static void make(pthread_mutex_t *mutex, int variant)
{
    int pshared = shared(variant) ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    ck_assert_int_eq(unit_mutex_init(mutex, type_of(variant), pshared, PTHREAD_MUTEX_ROBUST,
                                     protocol_of(variant)),
                     0);
}

/* libc defect: glibc has no robust mutexes with a ceiling. Owning one takes a real-time priority.
 */
#define NEEDS_VARIANT(variant)                                                                     \
    do {                                                                                           \
        if (protocol_of(variant) == PTHREAD_PRIO_PROTECT) {                                        \
            if (!unit_on_furwock())                                                                \
                unit_skip("libc does not combine robustness and ceilings");                        \
            if (!may_be_realtime())                                                                \
                unit_skip("SCHED_FIFO is not permitted here");                                     \
        }                                                                                          \
    } while (0)

/*
 * Every call that locks, for loops over them: the forms, and trylock. None of them has a reason to wait
 * here for long.
 */
enum { TRYLOCK = FORMS, WAYS };

static int lock_by(int way, pthread_mutex_t *mutex, long ms)
{
    return way == TRYLOCK ? pthread_mutex_trylock(mutex) : lock_within(way, mutex, ms);
}

/* A thread that locks, waits for its hour, and dies in its way without unlocking. */
enum { BY_RETURN, BY_EXIT, BY_CANCELLATION, JOINED_DEATHS, DETACHED = JOINED_DEATHS, DEATHS };

struct victim {
    pthread_mutex_t *mutex;
    int depth;
    int death;
    int result;
    atomic_int stage;
    pthread_t thread;
};

static void *victim_thread(void *arg)
{
    struct victim *victim = arg;
    victim->result = pthread_mutex_lock(victim->mutex);
    for (int i = 1; i < victim->depth; i++)
        if (pthread_mutex_lock(victim->mutex) != 0)
            victim->result = -1;
    atomic_store(&victim->stage, 1);
    unit_wait_for(&victim->stage, 2);
    if (victim->death == BY_EXIT)
        pthread_exit(NULL);
    return NULL;
}

/* Start a victim; what it was told when it locked. */
static int victim_start(struct victim *victim, pthread_mutex_t *mutex, int depth, int death)
{
    pthread_attr_t attr;
    victim->mutex = mutex;
    victim->depth = depth;
    victim->death = death;
    atomic_init(&victim->stage, 0);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    if (death == DETACHED)
        ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_create(&victim->thread, &attr, victim_thread, victim), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    unit_wait_for(&victim->stage, 1);
    return victim->result;
}

/* Its hour has come. A detached thread may still be dying when this returns. */
static void victim_die(struct victim *victim)
{
    if (victim->death == BY_CANCELLATION)
        ck_assert_int_eq(pthread_cancel(victim->thread), 0);
    else
        atomic_store(&victim->stage, 2);
    if (victim->death != DETACHED)
        ck_assert_int_eq(pthread_join(victim->thread, NULL), 0);
}

/* A thread locked this and died; what it was told when it locked. */
static int orphan(pthread_mutex_t *mutex)
{
    struct victim victim;
    int result = victim_start(&victim, mutex, 1, BY_RETURN);
    victim_die(&victim);
    return result;
}

static void is_healthy(pthread_mutex_t *mutex)
{
    for (int way = 0; way < WAYS; way++) {
        ck_assert_int_eq(lock_by(way, mutex, 10000), 0);
        ck_assert_int_eq(unit_elsewhere(trylock, mutex), EBUSY);
        ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
    }
    ck_assert_int_eq(unit_elsewhere(lock_unlock, mutex), 0);
}

/*
 * libc defect: without priority inheritance, a trylock or a lock with a deadline that finds the
 * mutex lost leaves it locked, so that whoever comes next waits for ever; and a lock that does so
 * does not wake the next waiter. There, only lock is asked, and only one waiter to be told.
 */
static bool one_lock_learns_of_a_loss(int variant)
{
    return !unit_on_furwock() && protocol_of(variant) == PTHREAD_PRIO_NONE;
}

static void is_lost(pthread_mutex_t *mutex, int variant)
{
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < WAYS; i++) {
            int way = one_lock_learns_of_a_loss(variant) ? PLAIN : i;
            ck_assert_int_eq(lock_by(way, mutex, i % 2 ? -10000 : 10000), ENOTRECOVERABLE);
        }
    ck_assert_int_eq(unit_elsewhere(lock_unlock, mutex), ENOTRECOVERABLE);
    ck_assert_int_eq(pthread_mutex_consistent(mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_unlock(mutex), EPERM);
    ck_assert_int_eq(unit_elsewhere(trylock, mutex), ENOTRECOVERABLE);
}

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

/* Waiters by every call that waits. */
enum { WAITERS = 4 };
static const int waiting_ways[WAITERS] = {PLAIN, TIMED, CLOCK_REAL, CLOCK_MONO};

struct waiter {
    pthread_mutex_t *mutex;
    int way;
    bool repairs;
    struct unit_call call;
};

/* What the lock returned, or a negative number if what followed went wrong. */
static int wait_for_mutex(void *arg)
{
    struct waiter *waiter = arg;
    int result = lock_by(waiter->way, waiter->mutex, 20000);
    if (result != 0 && result != EOWNERDEAD)
        return result;
    if (result == EOWNERDEAD && waiter->repairs && pthread_mutex_consistent(waiter->mutex) != 0)
        return -1;
    return pthread_mutex_unlock(waiter->mutex) != 0 ? -2 : result;
}

struct waiters {
    struct waiter all[WAITERS];
    int count;
};

/* Start waiters, of whom `heirs` (0 or 1) will be told of a death, and repair it or not. */
static void waiters_start(struct waiters *waiters, pthread_mutex_t *mutex, int variant, bool repair,
                          int heirs)
{
    bool few = !repair && one_lock_learns_of_a_loss(variant);
    waiters->count = few ? heirs + 1 : WAITERS;
    for (int i = 0; i < waiters->count; i++) {
        struct waiter *waiter = &waiters->all[i];
        waiter->mutex = mutex;
        waiter->way = few ? PLAIN : waiting_ways[i];
        waiter->repairs = repair;
        unit_start(&waiter->call, wait_for_mutex, waiter);
    }
    for (int i = 0; i < waiters->count; i++)
        unit_wait_until_blocked(&waiters->all[i].call);
}

/* Hold that one of the waiters was told EOWNERDEAD for each heir, and all others `other`. */
static void waiters_finish(struct waiters *waiters, int heirs, int other)
{
    int told = 0;
    for (int i = 0; i < waiters->count; i++) {
        int result = unit_finish(&waiters->all[i].call);
        ck_assert_msg(result == EOWNERDEAD || result == other, "waiter %d was told %d", i, result);
        told += result == EOWNERDEAD;
    }
    ck_assert_int_eq(told, heirs);
}

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

/* In a child: the same room elsewhere, and no longer where the parent sees it. */
static struct room *room_elsewhere(int fd, struct room *room)
{
    struct room *here = mmap(NULL, sizeof *here, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unit_child_assert(here != MAP_FAILED && here != room);
    unit_child_assert(munmap(room, sizeof *room) == 0);
    return here;
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
            hold_until_the_end(end, room_elsewhere(fd, room));
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
                hold_until_the_end(end, room_elsewhere(fd, room));
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
            _exit(take_turn(room_elsewhere(fd, room), 1));
        unit_wait_for(&room->stage, 1);
        unit_wait_until_asleep(first, first);
        pid_t second = unit_fork();
        if (second == 0) {
            unit_child_assert(sched_setaffinity(0, sizeof all, &all) == 0);
            _exit(take_turn(room_elsewhere(fd, room), 2));
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
            room = room_elsewhere(fd, room);
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
        room = room_elsewhere(fd, room);
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
        room = room_elsewhere(fd, room);
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

static Suite *mutex_robust_suite(void)
{
    Suite *suite = suite_create("mutex_robust");

    TCase *threads = tcase_create("death of a thread");
    tcase_set_timeout(threads, 20);
    tcase_add_loop_test(threads, next_owner_is_told_and_repairs, 0, VARIANTS);
    tcase_add_loop_test(threads, unlock_without_repair_loses_the_mutex, 0, VARIANTS);
    tcase_add_loop_test(threads, consistent_is_einval_where_nothing_died, 0, VARIANTS);
    tcase_add_loop_test(threads, inconsistent_mutex_is_owned_like_any_other, 0, VARIANTS);
    tcase_add_loop_test(threads, recursion_dies_with_its_owner, 0, VARIANTS);
    tcase_add_loop_test(threads, every_death_counts, 0, VARIANTS);
    tcase_add_loop_test(threads, death_wakes_one_waiter_who_repairs_for_all, 0, VARIANTS);
    tcase_add_loop_test(threads, death_wakes_one_waiter_who_loses_it_for_all, 0, VARIANTS);
    tcase_add_loop_test(threads, heir_repairs_or_loses_for_those_who_wait, 0, VARIANTS);
    tcase_add_loop_test(threads, all_that_was_held_is_inherited_and_nothing_else, 0, VARIANTS);
    tcase_add_loop_test(threads, one_thread_holds_robust_mutexes_of_every_kind, 0, 3);
    tcase_add_loop_test(threads, list_does_not_lead_to_unmapped_memory, 0, VARIANTS);
    tcase_add_loop_test(threads, setprioceiling_is_told_too, 0, VARIANTS);
    suite_add_tcase(suite, threads);

    TCase *processes = tcase_create("death of a process");
    tcase_set_timeout(processes, 20);
    tcase_add_loop_test(processes, end_of_a_process_is_told, 0, VARIANTS);
    tcase_add_loop_test(processes, end_of_a_process_wakes_those_who_wait, 0, VARIANTS);
    tcase_add_loop_test(processes, wake_is_not_lost_with_the_woken, 0, VARIANTS);
    tcase_add_loop_test(processes, waiters_of_another_process_learn_it, 0, VARIANTS);
    tcase_add_loop_test(processes, owner_that_sees_it_twice, 0, VARIANTS);
    tcase_add_loop_test(processes, first_thread_dies_like_any_other, 0, VARIANTS);
    suite_add_tcase(suite, processes);

    TCase *forks = tcase_create("forks");
    tcase_set_timeout(forks, 20);
    tcase_add_loop_test(forks, child_has_a_robust_list_of_its_own, 0, VARIANTS);
    tcase_add_loop_test(forks, child_learns_of_its_parents_death, 0, VARIANTS);
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

UNIT_MAIN(mutex_robust_suite)
