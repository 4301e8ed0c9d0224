/*
 * Barriers and their attributes: XSH pthread_barrier_destroy, pthread_barrier_wait,
 * pthread_barrierattr_destroy and pthread_barrierattr_getpshared.
 *
 * A barrier is destroyed here only when every thread has returned from it, since by the standard a
 * thread that has not is blocked on it.
 */
#include "conform.h"

enum { PARTIES = 4 };

static int wait_at(void *barrier)
{
    return pthread_barrier_wait(barrier);
}

/* So many threads meet once; exactly one of them is told to be the serial one. */
static void check_meeting(pthread_barrier_t *barrier, int count)
{
    struct unit_call calls[count];
    int serial = 0;
    for (int i = 0; i < count - 1; i++)
        unit_start(&calls[i], wait_at, barrier);
    for (int i = 0; i < count - 1; i++)
        unit_wait_until_blocked(&calls[i]);
    unit_start(&calls[count - 1], wait_at, barrier);
    for (int i = 0; i < count; i++) {
        int result = unit_finish(&calls[i]);
        ck_assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        serial += result != 0;
    }
    ck_assert_int_eq(serial, 1);
}

static void init_barrier(pthread_barrier_t *barrier, int pshared, unsigned count)
{
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, pshared), 0);
    ck_assert_int_eq(pthread_barrier_init(barrier, &attr, count), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
}

/* ---- Initialising and destroying ---- */

ASSERTION(pthread_barrier_init, 1, "initialises a barrier; returns 0")
{
    pthread_barrier_t barrier;
    memset(&barrier, 0xa5, sizeof barrier);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, PARTIES), 0);
    check_meeting(&barrier, PARTIES);
}

ASSERTION(pthread_barrier_init, 2,
          "an attributes object with defaults does the same as a null attr")
{
    pthread_barrierattr_t attr;
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrier_init(&barrier, &attr, PARTIES), 0);
    check_meeting(&barrier, PARTIES);
}

/* Another process meets this one through a mapping of its own. */
static void check_processes(void)
{
    enum { ROUNDS = 100 };
    struct shared {
        pthread_barrier_t barrier;
        int serial[2]; /* each process counts its own */
    };
    int fd = unit_memory(sizeof(struct shared));
    struct shared *here = unit_map(fd, sizeof *here);
    init_barrier(&here->barrier, PTHREAD_PROCESS_SHARED, 2);
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct shared *there = unit_map(fd, sizeof *there);
        unit_child_assert(there != here);
        for (int i = 0; i < ROUNDS; i++)
            there->serial[1] += pthread_barrier_wait(&there->barrier) != 0;
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++)
        here->serial[0] += pthread_barrier_wait(&here->barrier) != 0;
    unit_reap(pid);
    ck_assert_int_eq(here->serial[0] + here->serial[1], ROUNDS);
    ck_assert_int_eq(pthread_barrier_destroy(&here->barrier), 0);
}

ASSERTION(pthread_barrier_init, 3,
          "the object gets the attributes of attr: threads of two processes meet at a shared one")
{
    check_processes();
}

ASSERTION(pthread_barrier_init, 4, "count is how many threads must call before any returns")
{
    for (int count = 2; count <= 12; count += 5) {
        pthread_barrier_t barrier;
        ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, (unsigned)count), 0);
        check_meeting(&barrier, count);
    }
}

ASSERTION(pthread_barrier_init, 5, "with a count of 1 no call blocks")
{
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 1), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
}

ASSERTION(pthread_barrier_init, 6, "fails with EINVAL if count is 0")
{
    pthread_barrierattr_t attr;
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrier_init(&barrier, &attr, 0), EINVAL);
}

ASSERTION(pthread_barrier_init, 7, "does not initialise the barrier when it fails: it can be later")
{
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, PARTIES), 0);
    check_meeting(&barrier, PARTIES);
}

UNTESTED(pthread_barrier_init, 8, "fails with EAGAIN when the system lacks a resource",
         "nothing makes the system lack what the implementation may or may not need")
UNTESTED(pthread_barrier_init, 9, "fails with ENOMEM when there is not enough memory",
         "a barrier may need no memory beyond its own")

static void init_and_destroy(void)
{
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, PARTIES), 0);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}

ASSERTION(pthread_barrier_init, 10, "does not return EINTR")
{
    while (hailing())
        init_and_destroy();
}

ASSERTION(pthread_barrier_destroy, 1, "destroys an initialised barrier; returns 0")
{
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, PARTIES), 0);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}

ASSERTION(pthread_barrier_destroy, 2,
          "a destroyed barrier can be initialised again, in another way")
{
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, PARTIES), 0);
    check_meeting(&barrier, PARTIES);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
    init_barrier(&barrier, PTHREAD_PROCESS_SHARED, 2);
    check_meeting(&barrier, 2);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, PARTIES + 1), 0);
    check_meeting(&barrier, PARTIES + 1);
}

/* The last thread to return from the barrier destroys it, at once. */
struct meeting {
    pthread_barrier_t *barrier;
    size_t size;
    atomic_int left;
};

static int meet_and_destroy(void *argument)
{
    struct meeting *meeting = argument;
    int result = pthread_barrier_wait(meeting->barrier);
    if (atomic_fetch_sub(&meeting->left, 1) == 1) {
        ck_assert_int_eq(pthread_barrier_destroy(meeting->barrier), 0);
        ck_assert_int_eq(munmap(meeting->barrier, meeting->size), 0);
    }
    return result;
}

static void check_destroyed_after(int pshared)
{
    enum { ROUNDS = 200 };
    for (int round = 0; round < ROUNDS; round++) {
        size_t size = (size_t)sysconf(_SC_PAGESIZE);
        struct meeting meeting = {.size = size, .left = PARTIES};
        struct unit_call calls[PARTIES];
        int serial = 0;
        meeting.barrier =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(meeting.barrier, MAP_FAILED);
        init_barrier(meeting.barrier, pshared, PARTIES);
        for (int i = 0; i < PARTIES; i++)
            unit_start(&calls[i], meet_and_destroy, &meeting);
        for (int i = 0; i < PARTIES; i++)
            serial += unit_finish(&calls[i]) == PTHREAD_BARRIER_SERIAL_THREAD;
        ck_assert_int_eq(serial, 1);
    }
}

ASSERTION(pthread_barrier_destroy, 3, "works as soon as every thread has returned from the barrier")
{
    check_destroyed_after(PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_barrier_destroy, 4, "the same, for a process-shared barrier")
{
    check_destroyed_after(PTHREAD_PROCESS_SHARED);
}

ASSERTION(pthread_barrier_destroy, 5, "does not return EINTR")
{
    while (hailing())
        init_and_destroy();
}

/* ---- Waiting ---- */

ASSERTION(pthread_barrier_wait, 1, "blocks until the required number of threads have called")
{
    pthread_barrier_t barrier;
    struct unit_call calls[PARTIES];
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, PARTIES), 0);
    for (int i = 0; i < PARTIES - 1; i++)
        unit_start(&calls[i], wait_at, &barrier);
    for (int i = 0; i < PARTIES - 1; i++)
        unit_wait_until_blocked(&calls[i]);
    unit_start(&calls[PARTIES - 1], wait_at, &barrier);
    for (int i = 0; i < PARTIES; i++)
        unit_finish(&calls[i]);
}

/* Threads that meet again and again, without a pause. */
struct rounds {
    pthread_barrier_t barrier;
    int count;
    atomic_int arrived; /* of all rounds */
    atomic_int serial;
    int written[PARTIES]; /* each thread's round, in plain memory */
};

struct party {
    struct rounds *rounds;
    int number;
};

static int go_round(void *argument)
{
    struct party *party = argument;
    struct rounds *rounds = party->rounds;
    for (int round = 1; round <= rounds->count; round++) {
        rounds->written[party->number] = round;
        atomic_fetch_add(&rounds->arrived, 1);
        int result = pthread_barrier_wait(&rounds->barrier);
        ck_assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&rounds->serial, 1);
        ck_assert_int_ge(atomic_load(&rounds->arrived), round * PARTIES);
        for (int i = 0; i < PARTIES; i++)
            ck_assert_int_eq(rounds->written[i], round);
        result = pthread_barrier_wait(&rounds->barrier);
        ck_assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&rounds->serial, 1);
    }
    return 0;
}

static void check_rounds(struct rounds *rounds, int count)
{
    struct unit_call calls[PARTIES];
    struct party parties[PARTIES];
    rounds->count = count;
    ck_assert_int_eq(pthread_barrier_init(&rounds->barrier, NULL, PARTIES), 0);
    for (int i = 0; i < PARTIES; i++) {
        parties[i] = (struct party){rounds, i};
        unit_start(&calls[i], go_round, &parties[i]);
    }
    for (int i = 0; i < PARTIES; i++)
        unit_finish(&calls[i]);
}

ASSERTION(pthread_barrier_wait, 2,
          "returns PTHREAD_BARRIER_SERIAL_THREAD to one thread of each round, 0 to the others")
{
    struct rounds rounds = {.count = 0};
    check_rounds(&rounds, 200);
    ck_assert_int_eq(atomic_load(&rounds.serial), 2 * rounds.count);
}

ASSERTION(pthread_barrier_wait, 3,
          "then the barrier is as it was initialised: threads can go on to the next round at once")
{
    struct rounds rounds = {.count = 0};
    check_rounds(&rounds, 200);
    ck_assert_int_eq(atomic_load(&rounds.arrived), PARTIES * rounds.count);
}

ASSERTION(pthread_barrier_wait, 4, "after a signal handler the thread waits on at the barrier")
{
    enum { TIMES = 10 };
    pthread_barrier_t barrier;
    struct unit_call call;
    catch_signal(SIGUSR1, count_signal, 0);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    unit_start(&call, wait_at, &barrier);
    for (int i = 1; i <= TIMES; i++) {
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
        unit_wait_for(&handled, i);
    }
    unit_wait_until_blocked(&call);
    int mine = pthread_barrier_wait(&barrier), its = unit_finish(&call);
    ck_assert(mine == 0 || mine == PTHREAD_BARRIER_SERIAL_THREAD);
    ck_assert_int_eq(mine + its, PTHREAD_BARRIER_SERIAL_THREAD);
}

/* A handler that returns when it is told to. */
static atomic_int may_leave;

static void on_signal_stay(int number)
{
    count_signal(number);
    unit_wait_for(&may_leave, 1);
}

/* Whether this returns before the handler does is unspecified, so it sleeps in either case. */
static int wait_at_then_stay(void *barrier)
{
    int result = pthread_barrier_wait(barrier);
    unit_wait_for(&may_leave, 1);
    return result;
}

ASSERTION(pthread_barrier_wait, 5,
          "a thread whose round was completed during a signal handler goes on after it")
{
    pthread_barrier_t barrier;
    struct unit_call first, last;
    catch_signal(SIGUSR1, on_signal_stay, 0);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    unit_start(&first, wait_at, &barrier);
    unit_wait_until_blocked(&first);
    ck_assert_int_eq(pthread_kill(first.thread, SIGUSR1), 0);
    unit_wait_for(&handled, 1);
    unit_start(&last, wait_at_then_stay, &barrier);
    unit_wait_until_blocked(&last);
    atomic_store(&may_leave, 1);
    int results[] = {unit_finish(&first), unit_finish(&last)};
    ck_assert(results[0] == 0 || results[1] == 0);
    ck_assert_int_eq(results[0] + results[1], PTHREAD_BARRIER_SERIAL_THREAD);
}

static int wait_with_priority(void *barrier, int priority)
{
    set_priority(SCHED_FIFO, priority);
    return pthread_barrier_wait(barrier);
}

static int wait_high(void *barrier)
{
    return wait_with_priority(barrier, 10);
}

static int wait_low(void *barrier)
{
    return wait_with_priority(barrier, 5);
}

ASSERTION(pthread_barrier_wait, 6,
          "a blocked thread leaves its processor to others, though their priority be lower")
{
    pthread_barrier_t barrier;
    struct unit_call high, low;
    use_one_processor();
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    unit_start(&high, wait_high, &barrier);
    unit_start(&low, wait_low, &barrier);
    ck_assert_int_eq(unit_finish(&high) + unit_finish(&low), PTHREAD_BARRIER_SERIAL_THREAD);
}

ASSERTION(pthread_barrier_wait, 7,
          "synchronises memory: all see what each had written before it called")
{
    struct rounds rounds = {.count = 0};
    check_rounds(&rounds, 200);
    for (int i = 0; i < PARTIES; i++)
        ck_assert_int_eq(rounds.written[i], rounds.count);
}

static int wait_when_cancelled(void *barrier)
{
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    int result = pthread_barrier_wait(barrier);
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL), 0);
    return result;
}

ASSERTION(pthread_barrier_wait, 8, "is no cancellation point, for a request made before it")
{
    pthread_barrier_t barrier;
    struct unit_call calls[2];
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int i = 0; i < 2; i++)
        unit_start(&calls[i], wait_when_cancelled, &barrier);
    for (int i = 0; i < 2; i++) {
        void *result;
        ck_assert_int_eq(pthread_join(calls[i].thread, &result), 0);
        ck_assert_ptr_ne(result, PTHREAD_CANCELED);
    }
    ck_assert_int_eq(calls[0].result + calls[1].result, PTHREAD_BARRIER_SERIAL_THREAD);
}

static int wait_until_cancelled(void *barrier)
{
    pthread_barrier_wait(barrier);
    atomic_fetch_add(&handled, 1);
    for (;;)
        pause();
    return 0;
}

ASSERTION(pthread_barrier_wait, 9, "is no cancellation point, for a request made while it blocks")
{
    pthread_barrier_t barrier;
    struct unit_call call;
    void *result;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    unit_start(&call, wait_until_cancelled, &barrier);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    unit_wait_until_blocked(&call);
    pthread_barrier_wait(&barrier);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert_int_eq(atomic_load(&handled), 1);
}

static void wait_alone(void)
{
    static pthread_barrier_t barrier;
    static bool initialised;
    if (!initialised)
        ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 1), 0);
    initialised = true;
    ck_assert_int_eq(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
}

ASSERTION(pthread_barrier_wait, 10, "does not return EINTR")
{
    while (hailing())
        wait_alone();
}

static const int serial_thread = PTHREAD_BARRIER_SERIAL_THREAD;

ASSERTION_OF_NAME(PTHREAD_BARRIER_SERIAL_THREAD, 1,
                  "differs from whatever else pthread_barrier_wait returns: 0 and error numbers")
{
    static const int others[] = {0, EAGAIN, EBUSY, EDEADLK, EINTR, EINVAL, ENOMEM, ENOSYS, EPERM};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_int_ne(serial_thread, others[i]);
}

/* ---- Attributes ---- */

static void check_pshared(const pthread_barrierattr_t *attr, int expected)
{
    int pshared = 12345;
    ck_assert_int_eq(pthread_barrierattr_getpshared(attr, &pshared), 0);
    ck_assert_int_eq(pshared, expected);
}

ASSERTION(pthread_barrierattr_init, 1, "initialises an attributes object; returns 0")
{
    pthread_barrierattr_t attr;
    memset(&attr, 0xa5, sizeof attr);
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
}

ASSERTION(pthread_barrierattr_init, 2, "every attribute has its default value")
{
    pthread_barrierattr_t attr;
    memset(&attr, 0xa5, sizeof attr);
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    check_pshared(&attr, PTHREAD_PROCESS_PRIVATE);
}

UNTESTED(pthread_barrierattr_init, 3, "fails with ENOMEM when there is not enough memory",
         "an attributes object may need no memory beyond its own")

static void use_attributes(void)
{
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    check_pshared(&attr, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
}

ASSERTION(pthread_barrierattr_init, 4, "does not return EINTR")
{
    while (hailing())
        use_attributes();
}

ASSERTION(pthread_barrierattr_destroy, 1, "destroys an attributes object; returns 0")
{
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
}

ASSERTION(pthread_barrierattr_destroy, 2, "a destroyed object can be initialised again")
{
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    check_pshared(&attr, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_barrierattr_destroy, 3, "leaves a barrier alone that was made with the object")
{
    pthread_barrierattr_t attr;
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrier_init(&barrier, &attr, PARTIES), 0);
    ck_assert_int_eq(pthread_barrierattr_destroy(&attr), 0);
    memset(&attr, 0xa5, sizeof attr);
    check_meeting(&barrier, PARTIES);
}

ASSERTION(pthread_barrierattr_destroy, 4, "does not return EINTR")
{
    while (hailing())
        use_attributes();
}

ASSERTION(pthread_barrierattr_getpshared, 1, "gives the process-shared attribute, and returns 0")
{
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    check_pshared(&attr, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE), 0);
    check_pshared(&attr, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_barrierattr_getpshared, 2, "the default is PTHREAD_PROCESS_PRIVATE")
{
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    check_pshared(&attr, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_barrierattr_getpshared, 3, "does not return EINTR")
{
    while (hailing())
        use_attributes();
}

ASSERTION(pthread_barrierattr_setpshared, 1, "sets the process-shared attribute, and returns 0")
{
    static const int values[] = {PTHREAD_PROCESS_SHARED, PTHREAD_PROCESS_PRIVATE,
                                 PTHREAD_PROCESS_SHARED};
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_barrierattr_setpshared(&attr, values[i]), 0);
        check_pshared(&attr, values[i]);
    }
}

ASSERTION(pthread_barrierattr_setpshared, 2,
          "PTHREAD_PROCESS_SHARED lets any thread operate that has access to the memory")
{
    check_processes();
}

ASSERTION(pthread_barrierattr_setpshared, 3, "may fail with EINVAL for a value that is neither")
{
    pthread_barrierattr_t attr;
    ck_assert_int_eq(pthread_barrierattr_init(&attr), 0);
    int error = pthread_barrierattr_setpshared(&attr, 12345);
    ck_assert(error == 0 || error == EINVAL);
}

ASSERTION(pthread_barrierattr_setpshared, 4, "does not return EINTR")
{
    while (hailing())
        use_attributes();
}
