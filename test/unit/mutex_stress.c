/* Mutexes of every kind: exclusion, wakes, and memory that goes when the next owner says so. */
#include "mutex_variants.h"

/*
 * Mutual exclusion: the counters are not atomic, and every sort of lock and failure to lock is in
 * the mix.
 */
struct stress {
    struct room *room;
    bool recursive;
    unsigned seed;
    int64_t end_ms;
};

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* 0, or the number of the line where something was wrong. */
static int stress_thread(void *arg)
{
    struct stress *stress = arg;
    struct room *room = stress->room;
    unsigned seed = stress->seed;
    long locked = 0;
    for (unsigned round = 0; round % 16 != 0 || unit_now_ms() < stress->end_ms; round++) {
        unsigned random = next_random(&seed);
        int error;
        switch (random % 8) {
        case 0:
        case 1:
            error = pthread_mutex_trylock(&room->mutex);
            if (error == EBUSY)
                continue;
            break;
        case 2:
            error = lock_within(TIMED, &room->mutex, (long)(random >> 3) % 3 - 1);
            if (error == ETIMEDOUT)
                continue;
            break;
        case 3:
            error = lock_within(CLOCK_MONO, &room->mutex, (long)(random >> 3) % 3 - 1);
            if (error == ETIMEDOUT)
                continue;
            break;
        default:
            error = pthread_mutex_lock(&room->mutex);
        }
        if (error != 0)
            return __LINE__;
        bool twice = stress->recursive && (random & 0x40);
        if (twice && pthread_mutex_lock(&room->mutex) != 0)
            return __LINE__;
        long value = room->counter;
        if (room->mirror != value)
            return __LINE__;
        room->counter = value + 1;
        if ((random & 0x700) == 0)
            sched_yield();
        room->mirror = value + 1;
        locked++;
        if (twice && pthread_mutex_unlock(&room->mutex) != 0)
            return __LINE__;
        if (pthread_mutex_unlock(&room->mutex) != 0)
            return __LINE__;
    }
    atomic_fetch_add(&room->locked, locked);
    return 0;
}

static int stress_threads(struct room *room, int variant, int threads, int ms)
{
    enum { MAX = 8 };
    struct stress stress[MAX];
    struct unit_call calls[MAX];
    int wrong = 0;
    for (int i = 0; i < threads; i++) {
        stress[i] = (struct stress){
            .room = room,
            .recursive = recursive(variant),
            .seed = (unsigned)(variant * 1000 + i + getpid()),
            .end_ms = unit_now_ms() + ms,
        };
        unit_start(&calls[i], stress_thread, &stress[i]);
    }
    for (int i = 0; i < threads; i++) {
        int line = unit_finish(&calls[i]);
        if (line != 0)
            wrong = line;
    }
    return wrong;
}

START_TEST(threads_exclude_each_other)
{
    int fd;
    struct room *room = room_make(&fd, _i);
    ck_assert_msg(stress_threads(room, _i, 8, 40) == 0, "an operation failed or let two in");
    ck_assert_int_eq(room->counter, atomic_load(&room->locked));
    ck_assert_int_eq(room->mirror, atomic_load(&room->locked));
    ck_assert_int_gt(room->counter, 0);
    room_close(fd, room);
}
END_TEST

/*
 * A wake that is lost shows best between two: nobody else's unlock makes up for it, and the one who
 * sleeps still does when the other has long finished.
 */
static int contend(void *arg)
{
    struct stress *stress = arg;
    struct room *room = stress->room;
    unsigned seed = stress->seed;
    long locked = 0;
    for (unsigned round = 0; round % 16 != 0 || unit_now_ms() < stress->end_ms; round++) {
        if (pthread_mutex_lock(&room->mutex) != 0)
            return __LINE__;
        room->counter++;
        locked++;
        unsigned random = next_random(&seed);
        for (volatile unsigned i = 0; i < random % 64; i++)
            continue;
        if (random % 128 == 0)
            sched_yield();
        if (pthread_mutex_unlock(&room->mutex) != 0)
            return __LINE__;
        for (volatile unsigned i = 0; i < random / 64 % 64; i++)
            continue;
    }
    atomic_fetch_add(&room->locked, locked);
    return 0;
}

START_TEST(neither_of_two_is_left_asleep)
{
    int fd;
    struct room *room = room_make(&fd, _i);
    struct stress stress[2];
    struct unit_call calls[2];
    for (int i = 0; i < 2; i++) {
        stress[i] = (struct stress){
            .room = room, .seed = (unsigned)(_i * 2 + i), .end_ms = unit_now_ms() + 25};
        unit_start(&calls[i], contend, &stress[i]);
    }
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), 0);
    ck_assert_int_eq(room->counter, atomic_load(&room->locked));
    room_close(fd, room);
}
END_TEST

START_TEST(processes_exclude_each_other)
{
    if (!shared(_i))
        return;
    int fd;
    struct room *room = room_make(&fd, _i);
    pid_t child = unit_fork();
    if (child == 0) {
        room = unit_map_elsewhere(fd, room, sizeof *room);
        unit_child_assert(stress_threads(room, _i, 3, 40) == 0);
        _exit(0);
    }
    ck_assert_msg(stress_threads(room, _i, 3, 40) == 0, "an operation failed or let two in");
    unit_reap(child);
    ck_assert_int_eq(room->counter, atomic_load(&room->locked));
    ck_assert_int_eq(room->mirror, atomic_load(&room->locked));
    room_close(fd, room);
}
END_TEST

/*
 * The moment a thread can lock a mutex, it may destroy it and unmap its memory, though the thread
 * that unlocked it has not returned from its unlock yet. Each object has a page that nothing else
 * will ever be mapped at, so that a late access is a crash.
 */
struct mortal {
    pthread_mutex_t mutex;
    int references;
};

struct graveyard {
    char *pages;
    size_t page_size;
    int type, pshared, robust, protocol;
    int rounds;
    atomic_int born;
    atomic_int done;
    atomic_int failed;
};

static struct mortal *mortal_of(struct graveyard *yard, int round)
{
    return (struct mortal *)(yard->pages + (size_t)round * yard->page_size);
}

static void mortal_bear(struct graveyard *yard, int round, int references)
{
    struct mortal *mortal = mortal_of(yard, round);
    ck_assert_int_eq(
        unit_mutex_init(&mortal->mutex, yard->type, yard->pshared, yard->robust, yard->protocol),
        0);
    mortal->references = references;
}

/* Drop a reference that the mutex protects; the last one to do so buries the object. */
static bool mortal_drop(struct graveyard *yard, struct mortal *mortal, unsigned spin)
{
    if (pthread_mutex_lock(&mortal->mutex) != 0)
        return false;
    bool last = --mortal->references == 0;
    for (volatile unsigned i = 0; i < spin; i++)
        continue;
    if (pthread_mutex_unlock(&mortal->mutex) != 0)
        return false;
    return !last ||
           (pthread_mutex_destroy(&mortal->mutex) == 0 && munmap(mortal, yard->page_size) == 0);
}

static int drop_all(void *arg)
{
    struct graveyard *yard = arg;
    unsigned seed = 7;
    for (int round = 0; round < yard->rounds; round++) {
        while (atomic_load(&yard->born) <= round)
            sched_yield();
        if (!mortal_drop(yard, mortal_of(yard, round), next_random(&seed) % 128))
            atomic_store(&yard->failed, 1);
        atomic_store(&yard->done, round + 1);
    }
    return 0;
}

static const struct {
    int type, robust, protocol;
} mortals[] = {
    {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE},
    {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE},
    {PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE},
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
    {PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE},
#endif
    {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE},
    {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT},
    {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT},
};

enum { MORTALS = sizeof mortals / sizeof mortals[0] };

static void graveyard_open(struct graveyard *yard, int index, int rounds)
{
    memset(yard, 0, sizeof *yard);
    yard->page_size = (size_t)sysconf(_SC_PAGESIZE);
    yard->type = mortals[index % MORTALS].type;
    yard->robust = mortals[index % MORTALS].robust;
    yard->protocol = mortals[index % MORTALS].protocol;
    yard->pshared = index < MORTALS ? PTHREAD_PROCESS_PRIVATE : PTHREAD_PROCESS_SHARED;
    yard->rounds = rounds;
    yard->pages = mmap(NULL, (size_t)rounds * yard->page_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(yard->pages, MAP_FAILED);
}

START_TEST(unlock_does_not_touch_what_the_next_owner_unmaps)
{
    struct graveyard yard;
    struct unit_call peer;
    unsigned seed = 1;
    graveyard_open(&yard, _i, 600);
    unit_start(&peer, drop_all, &yard);
    for (int round = 0; round < yard.rounds; round++) {
        mortal_bear(&yard, round, 2);
        atomic_store(&yard.born, round + 1);
        ck_assert(mortal_drop(&yard, mortal_of(&yard, round), next_random(&seed) % 128));
        while (atomic_load(&yard.done) <= round)
            sched_yield();
    }
    ck_assert_int_eq(unit_finish(&peer), 0);
    ck_assert_int_eq(atomic_load(&yard.failed), 0);
}
END_TEST

/*
 * The same when the next owner has been asleep, so that unlock has it to wake. They share a CPU,
 * and the heir comes first on it, where that is permitted: all is over before unlock goes on.
 */
static int drop_all_first(void *yard)
{
    struct sched_param param = {.sched_priority = 1};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
    return drop_all(yard);
}

START_TEST(unlock_wakes_an_heir_who_unmaps)
{
    struct graveyard yard;
    struct unit_call heir;
    cpu_set_t all, one;
    graveyard_open(&yard, _i, 20);
    for (int round = 0; round < yard.rounds; round++) {
        mortal_bear(&yard, round, 1);
        ck_assert_int_eq(pthread_mutex_lock(&mortal_of(&yard, round)->mutex), 0);
    }
    atomic_store(&yard.born, yard.rounds);
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    unit_start(&heir, drop_all_first, &yard);
    for (int round = 0; round < yard.rounds; round++) {
        unit_wait_for(&yard.done, round);
        unit_wait_until_blocked(&heir);
        ck_assert_int_eq(pthread_mutex_unlock(&mortal_of(&yard, round)->mutex), 0);
    }
    ck_assert_int_eq(unit_finish(&heir), 0);
    ck_assert_int_eq(atomic_load(&yard.failed), 0);
    ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
}
END_TEST

static Suite *mutex_stress_suite(void)
{
    Suite *suite = suite_create("mutex_stress");

    TCase *stress = tcase_create("stress");
    tcase_set_timeout(stress, 30);
    tcase_add_loop_test(stress, threads_exclude_each_other, 0, VARIANTS);
    tcase_add_loop_test(stress, neither_of_two_is_left_asleep, 0, VARIANTS);
    tcase_add_loop_test(stress, processes_exclude_each_other, 0, VARIANTS);
    tcase_add_loop_test(stress, unlock_does_not_touch_what_the_next_owner_unmaps, 0, 2 * MORTALS);
    tcase_add_loop_test(stress, unlock_wakes_an_heir_who_unmaps, 0, 2 * MORTALS);
    suite_add_tcase(suite, stress);
    return suite;
}

UNIT_MAIN(mutex_stress_suite)
