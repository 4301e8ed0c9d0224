/*
 * pthread_barrier_t and its attributes: every round lets all of its threads go at once and names
 * exactly one of them, for as many rounds as one likes; and whoever has returned may destroy the
 * barrier and give its memory away, however far the others have come.
 */
#include "unit.h"

#define PAGE 4096
#define MAX_THREADS 8

/* Every thread writes its cell, and after the barrier everybody's cell must hold the round. */
struct meeting {
    pthread_barrier_t barrier;
    int threads;
    int rounds;
    /* Written with plain stores: the barrier is what orders them. */
    int cell[MAX_THREADS];
    atomic_int *serial;
};

struct attendant {
    struct meeting *meeting;
    int number;
};

/* 0, or how it went wrong: no assertions in here, they would keep the threads apart. */
static int attend(void *arg)
{
    struct attendant *self = arg;
    struct meeting *m = self->meeting;
    for (int round = 0; round < m->rounds; round++) {
        m->cell[self->number] = round;
        /* The second wait keeps a fast thread from writing the next round's value already. */
        for (int half = 0; half < 2; half++) {
            int got = pthread_barrier_wait(&m->barrier);
            if (got == PTHREAD_BARRIER_SERIAL_THREAD)
                atomic_fetch_add(&m->serial[2 * round + half], 1);
            else if (got != 0)
                return got;
            for (int i = 0; half == 0 && i < m->threads; i++)
                if (m->cell[i] != round)
                    return -2;
        }
    }
    return 0;
}

START_TEST(every_round_meets_and_names_one_serial_thread)
{
    static const int threads[] = {1, 2, 3, MAX_THREADS};
    static const int rounds[] = {5000, 5000, 3000, 500};
    struct meeting m = {.threads = threads[_i], .rounds = rounds[_i]};
    m.serial = calloc(2 * (size_t)m.rounds, sizeof *m.serial);
    ck_assert_int_eq(pthread_barrier_init(&m.barrier, NULL, (unsigned)m.threads), 0);

    struct attendant attendant[MAX_THREADS];
    struct unit_call call[MAX_THREADS];
    for (int i = 0; i < m.threads; i++) {
        attendant[i] = (struct attendant){&m, i};
        unit_start(&call[i], attend, &attendant[i]);
    }
    for (int i = 0; i < m.threads; i++)
        ck_assert_int_eq(unit_finish(&call[i]), 0);
    for (int i = 0; i < 2 * m.rounds; i++)
        ck_assert_msg(atomic_load(&m.serial[i]) == 1, "%d serial threads in wait %d",
                      atomic_load(&m.serial[i]), i);
    ck_assert_int_eq(pthread_barrier_destroy(&m.barrier), 0);
    free(m.serial);
}
END_TEST

static int wait_on(void *barrier)
{
    return pthread_barrier_wait(barrier);
}

START_TEST(nobody_passes_before_the_last_has_come)
{
    enum { COUNT = 4 };
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, COUNT), 0);
    struct unit_call call[COUNT - 1];
    for (int i = 0; i < COUNT - 1; i++) {
        unit_start(&call[i], wait_on, &barrier);
        for (int j = 0; j <= i; j++)
            unit_wait_until_blocked(&call[j]);
    }
    int serial = pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
    for (int i = 0; i < COUNT - 1; i++)
        serial += unit_finish(&call[i]) == PTHREAD_BARRIER_SERIAL_THREAD;
    ck_assert_int_eq(serial, 1);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}
END_TEST

START_TEST(a_count_of_zero_is_invalid)
{
    pthread_barrier_t barrier;
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
    ck_assert_int_eq(pthread_barrier_init(&barrier, &attr, 0), EINVAL);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_barrier_init(&barrier, &attr, 0), EINVAL);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_barrier_that_never_filled_can_be_destroyed)
{
    /* And initialised again, for another count, over whatever bytes destroy has left. */
    pthread_barrier_t barrier;
    memset(&barrier, 0xff, sizeof barrier);
    for (unsigned count = 100000; count > 0; count /= 10) {
        ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, count), 0);
        if (count == 1)
            ck_assert_int_eq(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
        ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
    }
}
END_TEST

START_TEST(a_barrier_that_is_destroyed_is_invalid)
{
    if (!unit_on_furwock())
        unit_skip("libc does not check");
    for (unsigned count = 1; count <= 2; count++) {
        pthread_barrier_t barrier;
        ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, count), 0);
        ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
        ck_assert_int_eq(pthread_barrier_wait(&barrier), EINVAL);
        ck_assert_int_eq(pthread_barrier_destroy(&barrier), EINVAL);
    }
}
END_TEST

/* What becomes of the memory of a barrier that its first returner has destroyed. */
enum afterwards { UNMAP, FORBID, OVERWRITE, REINITIALISE, AFTERWARDS };

struct demolition {
    enum afterwards afterwards;
    int rounds;
    /* One page a round, each with its barrier. */
    char *pages;
    /* Set by who came back first from each round's wait, and therefore destroys. */
    atomic_flag *first;
};

/* Make the memory of a destroyed barrier unusable, or use it; 0 if that worked. */
static int reuse(char *page, enum afterwards afterwards)
{
    pthread_barrier_t *barrier = (void *)page;
    switch (afterwards) {
    case UNMAP:
        return munmap(page, PAGE);
    case FORBID:
        return mprotect(page, PAGE, PROT_NONE);
    case OVERWRITE:
        memset(page, 0xa5, sizeof *barrier);
        return 0;
    default:
        if (pthread_barrier_init(barrier, NULL, 1) != 0)
            return -1;
        return pthread_barrier_wait(barrier) == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : -1;
    }
}

static int demolish(void *arg)
{
    struct demolition *d = arg;
    for (int round = 0; round < d->rounds; round++) {
        char *page = d->pages + (size_t)round * PAGE;
        int got = pthread_barrier_wait((void *)page);
        if (got != 0 && got != PTHREAD_BARRIER_SERIAL_THREAD)
            return got;
        if (atomic_flag_test_and_set(&d->first[round]))
            continue;
        if ((got = pthread_barrier_destroy((void *)page)) != 0)
            return got;
        if (reuse(page, d->afterwards) != 0)
            return -2;
    }
    return 0;
}

static void first_returner_destroys(enum afterwards afterwards, int pshared)
{
    enum { THREADS = 3 };
    struct demolition d = {.afterwards = afterwards, .rounds = 500};
    d.first = calloc((size_t)d.rounds, sizeof *d.first);
    d.pages = mmap(NULL, (size_t)d.rounds * PAGE, PROT_READ | PROT_WRITE,
                   MAP_ANONYMOUS | (pshared ? MAP_SHARED : MAP_PRIVATE), -1, 0);
    ck_assert_ptr_ne(d.pages, MAP_FAILED);
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, pshared), 0);
    for (int round = 0; round < d.rounds; round++) {
        atomic_flag_clear(&d.first[round]);
        pthread_barrier_t *barrier = (void *)(d.pages + (size_t)round * PAGE);
        ck_assert_int_eq(pthread_barrier_init(barrier, &attr, THREADS), 0);
    }

    struct unit_call call[THREADS];
    for (int i = 0; i < THREADS; i++)
        unit_start(&call[i], demolish, &d);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(unit_finish(&call[i]), 0);

    for (int round = 0; round < d.rounds; round++) {
        unsigned char *page = (unsigned char *)d.pages + (size_t)round * PAGE;
        for (size_t i = 0; afterwards == OVERWRITE && i < sizeof(pthread_barrier_t); i++)
            if (page[i] != 0xa5)
                ck_assert_msg(false, "byte %zu written after destroy", i);
        if (afterwards == REINITIALISE) {
            ck_assert_int_eq(pthread_barrier_wait((void *)page), PTHREAD_BARRIER_SERIAL_THREAD);
            ck_assert_int_eq(pthread_barrier_destroy((void *)page), 0);
        }
    }
    munmap(d.pages, (size_t)d.rounds * PAGE);
    free(d.first);
}

START_TEST(whoever_returns_first_may_destroy_and_reuse_the_memory)
{
    first_returner_destroys((enum afterwards)_i, PTHREAD_PROCESS_PRIVATE);
}
END_TEST

START_TEST(whoever_returns_first_may_destroy_and_reuse_shared_memory)
{
    first_returner_destroys((enum afterwards)_i, PTHREAD_PROCESS_SHARED);
}
END_TEST

START_TEST(destroy_while_threads_wait_is_busy_and_changes_nothing)
{
    /* POSIX leaves it undefined; libc waits for the threads to leave, which they never would. */
    if (!unit_on_furwock())
        unit_skip("libc's destroy would block");
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 3), 0);
    struct unit_call call[2];
    for (int i = 0; i < 2; i++) {
        unit_start(&call[i], wait_on, &barrier);
        unit_wait_until_blocked(&call[i]);
        ck_assert_int_eq(pthread_barrier_destroy(&barrier), EBUSY);
    }
    int serial = pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
    for (int i = 0; i < 2; i++)
        serial += unit_finish(&call[i]) == PTHREAD_BARRIER_SERIAL_THREAD;
    ck_assert_int_eq(serial, 1);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}
END_TEST

struct shared_meeting {
    pthread_barrier_t barrier;
    int cell[2];
    atomic_int serial;
};

/* One side of a meeting of two processes; 0 if every round was right. */
static int attend_shared(struct shared_meeting *m, int self, int rounds)
{
    for (int round = 0; round < rounds; round++) {
        m->cell[self] = round;
        int got = pthread_barrier_wait(&m->barrier);
        if (got == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&m->serial, 1);
        else if (got != 0)
            return got;
        if (m->cell[!self] != round)
            return -1;
        /* The second wait keeps a fast process from writing the next round's value already. */
        got = pthread_barrier_wait(&m->barrier);
        if (got == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&m->serial, 1);
        else if (got != 0)
            return got;
        if (atomic_load(&m->serial) < 2 * round + 1)
            return -2;
    }
    return 0;
}

static void nothing(void)
{
}

START_TEST(two_processes_meet_at_different_addresses)
{
    /* the parent has used the library: it and its child differ in how often they were forked */
    static pthread_once_t used = PTHREAD_ONCE_INIT;
    must(pthread_once(&used, nothing));
    enum { ROUNDS = 1000 };
    int fd = unit_memory(sizeof(struct shared_meeting));
    struct shared_meeting *m = unit_map(fd, sizeof *m);
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_barrier_init(&m->barrier, &attr, 2), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);

    pid_t child = unit_fork();
    if (child == 0) {
        struct shared_meeting *mine = unit_map(fd, sizeof *mine);
        unit_child_assert(mine != m);
        munmap(m, sizeof *m);
        unit_child_assert(attend_shared(mine, 1, ROUNDS) == 0);
        _exit(0);
    }
    ck_assert_int_eq(attend_shared(m, 0, ROUNDS), 0);
    unit_reap(child);
    ck_assert_int_eq(atomic_load(&m->serial), 2 * ROUNDS);
    ck_assert_int_eq(pthread_barrier_destroy(&m->barrier), 0);
    close(fd);
}
END_TEST

START_TEST(a_process_may_destroy_while_the_other_is_still_leaving)
{
    enum { ROUNDS = 300 };
    size_t size = ROUNDS * sizeof(pthread_barrier_t);
    int fd = unit_memory(size);
    pthread_barrier_t *barrier = unit_map(fd, size);
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    for (int i = 0; i < ROUNDS; i++)
        ck_assert_int_eq(pthread_barrier_init(&barrier[i], &attr, 2), 0);

    pid_t child = unit_fork();
    if (child == 0) {
        pthread_barrier_t *mine = unit_map(fd, size);
        unit_child_assert(mine != barrier);
        for (int i = 0; i < ROUNDS; i++) {
            int got = pthread_barrier_wait(&mine[i]);
            unit_child_assert(got == 0 || got == PTHREAD_BARRIER_SERIAL_THREAD);
        }
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        int got = pthread_barrier_wait(&barrier[i]);
        if ((got != 0 && got != PTHREAD_BARRIER_SERIAL_THREAD) ||
            pthread_barrier_destroy(&barrier[i]) != 0)
            ck_assert_msg(false, "round %d: wait %d, or destroy, failed", i, got);
        memset(&barrier[i], 0xa5, sizeof barrier[i]);
    }
    unit_reap(child);
    for (size_t i = 0; i < size; i++)
        if (((unsigned char *)barrier)[i] != 0xa5)
            ck_assert_msg(false, "byte %zu written after destroy", i);
    close(fd);
}
END_TEST

START_TEST(a_signal_handler_does_not_end_the_wait)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = _i ? SA_RESTART : 0};
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    struct unit_call call;
    unit_start(&call, wait_on, &barrier);
    for (int i = 1; i <= 10; i++) {
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
        unit_wait_for(&handled, i);
    }
    unit_wait_until_blocked(&call);
    int mine = pthread_barrier_wait(&barrier);
    int other = unit_finish(&call);
    ck_assert(mine == PTHREAD_BARRIER_SERIAL_THREAD ? other == 0
                                                    : other == PTHREAD_BARRIER_SERIAL_THREAD);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}
END_TEST

static atomic_int in_handler, leave_handler;

static void linger(int number)
{
    (void)number;
    atomic_store(&in_handler, 1);
    unit_wait_for(&leave_handler, 1);
}

static int wait_then_linger(void *barrier)
{
    int got = pthread_barrier_wait(barrier);
    unit_wait_for(&leave_handler, 1);
    return got;
}

START_TEST(a_round_that_completes_during_a_handler_is_complete_after_it)
{
    catch_signal(SIGUSR1, linger, 0);
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    struct unit_call interrupted, last;
    unit_start(&interrupted, wait_on, &barrier);
    unit_wait_until_blocked(&interrupted);
    ck_assert_int_eq(pthread_kill(interrupted.thread, SIGUSR1), 0);
    unit_wait_for(&in_handler, 1);

    /* It is unspecified whether the last to come may go already; it sleeps in either case. */
    unit_start(&last, wait_then_linger, &barrier);
    unit_wait_until_blocked(&last);
    atomic_store(&leave_handler, 1);
    int results = unit_finish(&interrupted) + unit_finish(&last);
    ck_assert_int_eq(results, PTHREAD_BARRIER_SERIAL_THREAD);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}
END_TEST

START_TEST(the_pshared_attribute_is_kept_and_checked)
{
    pthread_barrierattr_t attr;
    int pshared = -1;
    memset(&attr, 0xff, sizeof attr);
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_getpshared(&attr, &pshared), 0);
    ck_assert_int_eq(pshared, PTHREAD_PROCESS_PRIVATE);

    static const int valid[] = {PTHREAD_PROCESS_SHARED, PTHREAD_PROCESS_PRIVATE};
    static const int invalid[] = {-1, 2, 0x7fffffff};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, valid[i]), 0);
        for (int j = 0; j < 3; j++)
            ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, invalid[j]), EINVAL);
        ck_assert_int_eq(pthread_barrierattr_getpshared(&attr, &pshared), 0);
        ck_assert_int_eq(pshared, valid[i]);

        /* A barrier does not depend on the attributes object that it was made from. */
        pthread_barrier_t barrier;
        ck_assert_int_eq(pthread_barrier_init(&barrier, &attr, 1), 0);
        ck_assert_int_eq(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
        ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
    }
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
}
END_TEST

/* With a deadline. */

static bool has_deadlines(void)
{
    return pthread_barrier_clockwait_np != NULL;
}

static int wait_for_ms(pthread_barrier_t *barrier, clockid_t clock, long ms)
{
    struct timespec deadline = unit_deadline(clock, ms);
    return pthread_barrier_clockwait_np(barrier, clock, &deadline);
}

static int wait_long(void *barrier)
{
    return wait_for_ms(barrier, CLOCK_MONOTONIC, 20000);
}

static void init_for(pthread_barrier_t *barrier, unsigned count, int pshared)
{
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, pshared), 0);
    ck_assert_int_eq(pthread_barrier_init(barrier, &attr, count), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
}

static const int sharing[] = {PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED};
static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};

START_TEST(who_gives_up_does_so_at_the_deadline_and_is_not_counted)
{
    if (!has_deadlines())
        unit_skip("no such function");
    pthread_barrier_t barrier;
    init_for(&barrier, 2, sharing[_i]);
    for (int i = 0; i < 6; i++) {
        clockid_t clock = clocks[i % 2];
        struct timespec deadline = unit_deadline(clock, i < 4 ? 20 : -20);
        ck_assert_int_eq(pthread_barrier_clockwait_np(&barrier, clock, &deadline), ETIMEDOUT);
        ck_assert(unit_has_passed(clock, &deadline));
    }
    /* two more are needed, and enough */
    struct unit_call call;
    unit_start(&call, wait_on, &barrier);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_barrier_wait(&barrier) + unit_finish(&call),
                     PTHREAD_BARRIER_SERIAL_THREAD);
    ck_assert_int_eq(wait_for_ms(&barrier, CLOCK_REALTIME, -1), ETIMEDOUT);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}
END_TEST

START_TEST(a_round_completes_for_those_with_a_deadline_and_those_without)
{
    if (!has_deadlines())
        unit_skip("no such function");
    pthread_barrier_t barrier;
    init_for(&barrier, 3, sharing[_i]);
    for (int round = 0; round < 50; round++) {
        struct unit_call patient, timed;
        unit_start(&patient, wait_on, &barrier);
        unit_start(&timed, wait_long, &barrier);
        unit_wait_until_blocked(&patient);
        unit_wait_until_blocked(&timed);
        if (round % 3 == 0)
            ck_assert_int_eq(pthread_barrier_destroy(&barrier), EBUSY);
        /* the last has not to wait, whatever its time */
        int serial = round % 2 ? wait_for_ms(&barrier, clocks[round / 2 % 2], -1000)
                               : pthread_barrier_wait(&barrier);
        serial += unit_finish(&patient) + unit_finish(&timed);
        ck_assert_int_eq(serial, PTHREAD_BARRIER_SERIAL_THREAD);
    }
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}
END_TEST

START_TEST(an_ill_formed_deadline_is_invalid_for_who_has_to_wait)
{
    if (!has_deadlines())
        unit_skip("no such function");
    static const struct timespec malformed[] = {{0, -1}, {0, 1000000000}, {-1, -1}};
    static const clockid_t unknown[] = {CLOCK_PROCESS_CPUTIME_ID, -1, 4711};
    pthread_barrier_t two, one;
    init_for(&two, 2, sharing[_i]);
    init_for(&one, 1, sharing[_i]);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_barrier_clockwait_np(&two, clocks[i % 2], &malformed[i]), EINVAL);
        ck_assert_int_eq(pthread_barrier_clockwait_np(&one, clocks[i % 2], &malformed[i]),
                         PTHREAD_BARRIER_SERIAL_THREAD);
        ck_assert_int_eq(wait_for_ms(&two, CLOCK_REALTIME, -1), ETIMEDOUT);
        struct timespec past = {0, 0};
        ck_assert_int_eq(pthread_barrier_clockwait_np(&two, unknown[i], &past), EINVAL);
        ck_assert_int_eq(pthread_barrier_clockwait_np(&one, unknown[i], &past), EINVAL);
    }
    ck_assert_int_eq(pthread_barrier_destroy(&two), 0);
    ck_assert_int_eq(pthread_barrier_destroy(&one), 0);
    if (unit_on_furwock())
        ck_assert_int_eq(wait_for_ms(&one, CLOCK_REALTIME, 10), EINVAL);
}
END_TEST

START_TEST(who_was_killed_before_it_came_frees_the_others_by_time)
{
    if (!has_deadlines())
        unit_skip("no such function");
    int fd = unit_memory(sizeof(pthread_barrier_t));
    pthread_barrier_t *barrier = unit_map(fd, sizeof *barrier);
    init_for(barrier, 2, PTHREAD_PROCESS_SHARED);
    pid_t child = unit_fork();
    if (child == 0) {
        pthread_barrier_wait(barrier);
        pause();
    }
    int first = wait_for_ms(barrier, CLOCK_MONOTONIC, 20000);
    ck_assert(first == 0 || first == PTHREAD_BARRIER_SERIAL_THREAD);
    unit_kill(child);
    ck_assert_int_eq(wait_for_ms(barrier, CLOCK_MONOTONIC, 50), ETIMEDOUT);
    ck_assert_int_eq(pthread_barrier_destroy(barrier), 0);
    close(fd);
}
END_TEST

START_TEST(a_signal_handler_does_not_end_a_wait_with_a_deadline)
{
    if (!has_deadlines())
        unit_skip("no such function");
    catch_signal(SIGUSR1, count_signal, _i ? SA_RESTART : 0);
    pthread_barrier_t barrier;
    init_for(&barrier, 2, sharing[_i]);
    struct unit_call call;
    unit_start(&call, wait_long, &barrier);
    for (int i = 1; i <= 10; i++) {
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
        unit_wait_for(&handled, i);
    }
    ck_assert_int_eq(pthread_barrier_wait(&barrier) + unit_finish(&call),
                     PTHREAD_BARRIER_SERIAL_THREAD);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}
END_TEST

/* Two meet again and again, with deadlines about as long as it takes the other to come. */
struct hasty {
    pthread_barrier_t barrier;
    atomic_int serial, passed;
};

static int meet_hastily(void *arg)
{
    struct hasty *h = arg;
    for (int i = 0; i < 20000; i++) {
        struct timespec deadline;
        clock_gettime(CLOCK_MONOTONIC, &deadline);
        deadline.tv_nsec += i % 64 * 1000;
        deadline.tv_sec += deadline.tv_nsec / 1000000000;
        deadline.tv_nsec %= 1000000000;
        int got = pthread_barrier_clockwait_np(&h->barrier, CLOCK_MONOTONIC, &deadline);
        if (got == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&h->serial, 1);
        else if (got != 0 && got != ETIMEDOUT)
            return got;
        if (got != ETIMEDOUT)
            atomic_fetch_add(&h->passed, 1);
    }
    return 0;
}

START_TEST(each_round_has_as_many_as_the_barrier_is_for_however_many_give_up)
{
    if (!has_deadlines())
        unit_skip("no such function");
    enum { HASTY = 3 };
    struct hasty h = {.serial = 0};
    init_for(&h.barrier, 2, sharing[_i]);
    struct unit_call call[HASTY];
    for (int i = 0; i < HASTY; i++)
        unit_start(&call[i], meet_hastily, &h);
    for (int i = 0; i < HASTY; i++)
        ck_assert_int_eq(unit_finish(&call[i]), 0);
    ck_assert_int_gt(atomic_load(&h.serial), 0);
    ck_assert_int_eq(atomic_load(&h.passed), 2 * atomic_load(&h.serial));
    ck_assert_int_eq(pthread_barrier_destroy(&h.barrier), 0);
}
END_TEST

static Suite *barrier_suite(void)
{
    Suite *suite = suite_create("barrier");
    TCase *tcase = tcase_create("barrier");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, every_round_meets_and_names_one_serial_thread, 0, 4);
    tcase_add_test(tcase, nobody_passes_before_the_last_has_come);
    tcase_add_test(tcase, a_count_of_zero_is_invalid);
    tcase_add_test(tcase, a_barrier_that_never_filled_can_be_destroyed);
    tcase_add_test(tcase, a_barrier_that_is_destroyed_is_invalid);
    tcase_add_loop_test(tcase, whoever_returns_first_may_destroy_and_reuse_the_memory, 0,
                        AFTERWARDS);
    tcase_add_loop_test(tcase, whoever_returns_first_may_destroy_and_reuse_shared_memory, 0,
                        AFTERWARDS);
    tcase_add_test(tcase, destroy_while_threads_wait_is_busy_and_changes_nothing);
    tcase_add_test(tcase, two_processes_meet_at_different_addresses);
    tcase_add_test(tcase, a_process_may_destroy_while_the_other_is_still_leaving);
    tcase_add_loop_test(tcase, a_signal_handler_does_not_end_the_wait, 0, 2);
    tcase_add_test(tcase, a_round_that_completes_during_a_handler_is_complete_after_it);
    tcase_add_test(tcase, the_pshared_attribute_is_kept_and_checked);
    tcase_add_loop_test(tcase, who_gives_up_does_so_at_the_deadline_and_is_not_counted, 0, 2);
    tcase_add_loop_test(tcase, a_round_completes_for_those_with_a_deadline_and_those_without, 0, 2);
    tcase_add_loop_test(tcase, an_ill_formed_deadline_is_invalid_for_who_has_to_wait, 0, 2);
    tcase_add_test(tcase, who_was_killed_before_it_came_frees_the_others_by_time);
    tcase_add_loop_test(tcase, a_signal_handler_does_not_end_a_wait_with_a_deadline, 0, 2);
    tcase_add_loop_test(tcase, each_round_has_as_many_as_the_barrier_is_for_however_many_give_up, 0,
                        2);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(barrier_suite)
