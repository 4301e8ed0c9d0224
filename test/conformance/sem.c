/*
 * Semaphores: XSH sem_init, sem_destroy, sem_trywait (which has sem_wait), sem_clockwait (which has
 * sem_timedwait), sem_post and sem_getvalue. Named ones are in sem_named.c.
 */
#include "sem.h"

/* ---- Unnamed semaphores ---- */

ASSERTION(sem_init, 1, "initialises a semaphore with the value; returns 0")
{
    static const unsigned values[] = {0, 1, 7, _POSIX_SEM_VALUE_MAX, SEM_VALUE_MAX};
    for (int i = 0; i < 5; i++) {
        sem_t sem;
        memset(&sem, 0xa5, sizeof sem);
        ck_assert_int_eq(sem_init(&sem, 0, values[i]), 0);
        check_value(&sem, (int)values[i]);
    }
}

ASSERTION(sem_init, 2, "the semaphore serves every operation until it is destroyed")
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    sem_t sem;
    ck_assert_int_eq(sem_init(&sem, 0, 1), 0);
    ck_assert_int_eq(sem_wait(&sem), 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(sem_trywait(&sem), 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(sem_timedwait(&sem, &end), 0);
    check_value(&sem, 0);
    ck_assert_int_eq(sem_destroy(&sem), 0);
}

/* Two semaphores, with which processes answer each other. */
struct pair {
    sem_t there, back;
};

static void answer(struct pair *pair, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        unit_child_assert(sem_wait(&pair->there) == 0);
        unit_child_assert(sem_post(&pair->back) == 0);
    }
}

ASSERTION(sem_init, 3,
          "if pshared is not 0, any process operates that has the semaphore mapped, anywhere")
{
    enum { ROUNDS = 200 };
    int fd = unit_memory(sizeof(struct pair));
    struct pair *here = unit_map(fd, sizeof *here);
    ck_assert_int_eq(sem_init(&here->there, 1, 0), 0);
    ck_assert_int_eq(sem_init(&here->back, 1, 0), 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct pair *there = unit_map(fd, sizeof *there);
        unit_child_assert(there != here);
        answer(there, ROUNDS);
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(sem_post(&here->there), 0);
        ck_assert_int_eq(sem_wait(&here->back), 0);
    }
    unit_reap(pid);
}

ASSERTION(sem_init, 4, "if pshared is 0, all threads of the process operate on the semaphore")
{
    struct waiter waiter;
    sem_t sem;
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, sem_wait);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
}

ASSERTION(sem_init, 5, "fails with EINVAL if the value is greater than SEM_VALUE_MAX")
{
    sem_t sem;
    check_fails(sem_init(&sem, 0, (unsigned)SEM_VALUE_MAX + 1), EINVAL);
    check_fails(sem_init(&sem, 1, UINT_MAX), EINVAL);
}

UNTESTED(sem_init, 6, "fails with ENOSPC when a resource or {SEM_NSEMS_MAX} is exhausted",
         "a semaphore may need no resource beyond its memory, and the number may be unlimited")
UNTESTED(sem_init, 7, "fails with EPERM if the process lacks a privilege that it needs",
         "whether a privilege is needed is the implementation's choice")

ASSERTION(sem_destroy, 1, "destroys a semaphore that sem_init initialised; returns 0")
{
    sem_t sem;
    init_sem(&sem, 3);
    ck_assert_int_eq(sem_destroy(&sem), 0);
}

ASSERTION(sem_destroy, 2, "a destroyed semaphore can be initialised again, in another way too")
{
    sem_t sem;
    init_sem(&sem, 3);
    ck_assert_int_eq(sem_destroy(&sem), 0);
    ck_assert_int_eq(sem_init(&sem, 1, 2), 0);
    check_value(&sem, 2);
    ck_assert_int_eq(sem_destroy(&sem), 0);
    init_sem(&sem, 0);
    check_value(&sem, 0);
}

static int post_once(void *sem)
{
    return sem_post(sem);
}

/* The thread that was let go destroys and unmaps, whether the post has returned or not. */
static void check_destroyed_at_once(int pshared, bool blocked)
{
    enum { ROUNDS = 150 };
    for (int round = 0; round < ROUNDS; round++) {
        size_t size = (size_t)sysconf(_SC_PAGESIZE);
        struct unit_call call;
        sem_t *sem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(sem, MAP_FAILED);
        ck_assert_int_eq(sem_init(sem, pshared, 0), 0);
        unit_start(&call, post_once, sem);
        if (blocked)
            ck_assert_int_eq(sem_wait(sem), 0);
        else
            while (sem_trywait(sem) != 0)
                sched_yield();
        ck_assert_int_eq(sem_destroy(sem), 0);
        ck_assert_int_eq(munmap(sem, size), 0);
        ck_assert_int_eq(unit_finish(&call), 0);
    }
}

ASSERTION(sem_destroy, 3, "is safe when no thread is blocked, though a post be about to return")
{
    check_destroyed_at_once(0, true);
    check_destroyed_at_once(0, false);
}

ASSERTION(sem_destroy, 4, "the same, for a process-shared semaphore")
{
    check_destroyed_at_once(1, true);
    check_destroyed_at_once(1, false);
}

/* ---- Every wait ---- */

static void check_takes_one(wait_function *wait)
{
    sem_t sem;
    init_sem(&sem, 3);
    for (int left = 2; left >= 0; left--) {
        ck_assert_int_eq(wait(&sem), 0);
        check_value(&sem, left);
    }
}

ASSERTION_OF_WAITS(1, "takes one from a value above 0, and returns 0", check_takes_one)

static void check_blocks(wait_function *wait)
{
    struct waiter waiter;
    sem_t sem;
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    check_value(&sem, 0);
}

ASSERTION_OF_WAITS(2, "blocks while the value is 0, until it can take one; returns 0", check_blocks)

static void check_one_each(wait_function *wait)
{
    enum { WAITERS = 4 };
    struct waiter waiters[WAITERS];
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < WAITERS; i++)
        start_waiter(&waiters[i], &sem, wait);
    for (int posts = 1; posts <= WAITERS; posts++) {
        int returned;
        ck_assert_int_eq(sem_post(&sem), 0);
        do {
            sched_yield();
            returned = 0;
            for (int i = 0; i < WAITERS; i++)
                returned += atomic_load(&waiters[i].call.returned);
        } while (returned < posts);
        ck_assert_int_eq(returned, posts);
        for (int i = 0; i < WAITERS; i++)
            if (!atomic_load(&waiters[i].call.returned))
                unit_wait_until_blocked(&waiters[i].call);
    }
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(unit_finish(&waiters[i].call), 0);
}

ASSERTION_OF_WAITS(3, "what it has taken stays taken: one thread returns for each post",
                   check_one_each)

/* Two threads change plain memory, each while it has the semaphore. */
struct counter {
    sem_t sem;
    wait_function *wait;
    int count, rounds;
};

static int count_up(void *argument)
{
    struct counter *counter = argument;
    for (int i = 0; i < counter->rounds; i++) {
        ck_assert_int_eq(counter->wait(&counter->sem), 0);
        counter->count++;
        ck_assert_int_eq(sem_post(&counter->sem), 0);
    }
    return 0;
}

static void check_memory(wait_function *wait)
{
    struct counter counter = {.wait = wait, .rounds = 5000};
    struct unit_call call;
    init_sem(&counter.sem, 1);
    unit_start(&call, count_up, &counter);
    count_up(&counter);
    unit_finish(&call);
    ck_assert_int_eq(counter.count, 2 * counter.rounds);
    check_value(&counter.sem, 1);
}

ASSERTION_OF_WAITS(4, "synchronises memory: sees what was written before the post", check_memory)

static void check_interrupted(wait_function *wait)
{
    struct waiter waiter;
    sem_t sem;
    catch_signal(SIGUSR1, count_signal, 0);
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(pthread_kill(waiter.call.thread, SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), EINTR);
    ck_assert_int_eq(atomic_load(&handled), 1);
}

ASSERTION_OF_WAITS(5, "a signal handler without SA_RESTART interrupts it: EINTR", check_interrupted)

static void check_restarted(wait_function *wait)
{
    struct waiter waiter;
    sem_t sem;
    catch_signal(SIGUSR1, count_signal, SA_RESTART);
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(pthread_kill(waiter.call.thread, SIGUSR1), 0);
    unit_wait_for(&handled, 1);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    check_value(&sem, 0);
}

ASSERTION_OF_WAITS(6, "a signal handler with SA_RESTART does not make it fail: it waits on",
                   check_restarted)

static void check_interrupted_unchanged(wait_function *wait)
{
    struct waiter waiter;
    sem_t sem;
    catch_signal(SIGUSR1, count_signal, 0);
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(pthread_kill(waiter.call.thread, SIGUSR1), 0);
    ck_assert_int_ne(unit_finish(&waiter.call), 0);
    check_value(&sem, 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    check_value(&sem, 1);
    ck_assert_int_eq(sem_trywait(&sem), 0);
}

ASSERTION_OF_WAITS(7, "leaves the semaphore as it is when it fails", check_interrupted_unchanged)

static void check_cancel_pending(wait_function *wait)
{
    for (unsigned value = 0; value < 2; value++) {
        struct waiter waiter;
        void *result;
        sem_t sem;
        init_sem(&sem, value);
        waiter.sem = &sem;
        waiter.wait = wait;
        unit_start(&waiter.call, wait_in_thread_cancelled, &waiter);
        ck_assert_int_eq(pthread_join(waiter.call.thread, &result), 0);
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    }
}

ASSERTION_OF_WAITS(8, "is a cancellation point: acts on a request that is there, block or not",
                   check_cancel_pending)

static void check_cancel_blocked(wait_function *wait)
{
    struct waiter waiter;
    void *result;
    sem_t sem;
    init_sem(&sem, 0);
    start_waiter(&waiter, &sem, wait);
    ck_assert_int_eq(pthread_cancel(waiter.call.thread), 0);
    ck_assert_int_eq(pthread_join(waiter.call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    check_value(&sem, 0);
}

ASSERTION_OF_WAITS(9, "is a cancellation point: a thread that is blocked in it acts on a request",
                   check_cancel_blocked)

/* Of two threads that are blocked one is cancelled, and one post is made: it is never lost. */
static void check_cancel_takes_none(wait_function *wait)
{
    enum { ROUNDS = 150 };
    for (int round = 0; round < ROUNDS; round++) {
        struct waiter waiters[2], *victim = &waiters[round % 2], *other = &waiters[!(round % 2)];
        sem_t sem;
        init_sem(&sem, 0);
        start_waiter(&waiters[0], &sem, wait);
        start_waiter(&waiters[1], &sem, wait);
        if (round % 4 < 2)
            ck_assert_int_eq(sem_post(&sem), 0);
        ck_assert_int_eq(pthread_cancel(victim->call.thread), 0);
        if (round % 4 >= 2)
            ck_assert_int_eq(sem_post(&sem), 0);
        ck_assert_int_eq(pthread_join(victim->call.thread, NULL), 0);
        if (atomic_load(&victim->call.returned)) /* it took what was posted */
            ck_assert_int_eq(sem_post(&sem), 0);
        ck_assert_int_eq(unit_finish(&other->call), 0);
        check_value(&sem, 0);
    }
}

ASSERTION_OF_WAITS(10, "takes nothing from the semaphore when it is cancelled",
                   check_cancel_takes_none)

UNTESTED(sem_wait, 11, "may fail with EDEADLK when it detects a deadlock",
         "a semaphore has no owner, so that a deadlock cannot be told from a long wait")

ASSERTION(sem_trywait, 1, "takes one from a value above 0, and returns 0")
{
    sem_t sem;
    init_sem(&sem, 2);
    ck_assert_int_eq(sem_trywait(&sem), 0);
    check_value(&sem, 1);
    ck_assert_int_eq(sem_trywait(&sem), 0);
    check_value(&sem, 0);
}

ASSERTION(sem_trywait, 2, "fails with EAGAIN, without a wait, if the value is 0")
{
    sem_t sem;
    init_sem(&sem, 0);
    check_fails(sem_trywait(&sem), EAGAIN);
}

ASSERTION(sem_trywait, 3, "leaves the semaphore as it is when it fails")
{
    sem_t sem;
    init_sem(&sem, 0);
    check_fails(sem_trywait(&sem), EAGAIN);
    check_value(&sem, 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    check_value(&sem, 1);
}

static int trywait(sem_t *sem)
{
    int result;
    while ((result = sem_trywait(sem)) != 0 && errno == EAGAIN)
        sched_yield();
    return result;
}

ASSERTION(sem_trywait, 4, "synchronises memory when it succeeds")
{
    check_memory(trywait);
}

static int call_when_cancelled(void *argument)
{
    struct waiter *waiter = argument;
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    int result = waiter->wait(waiter->sem);
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL), 0);
    return result;
}

static void check_no_cancellation_point(int (*function)(sem_t *), sem_t *sem)
{
    struct waiter waiter = {.sem = sem, .wait = function};
    void *result;
    unit_start(&waiter.call, call_when_cancelled, &waiter);
    ck_assert_int_eq(pthread_join(waiter.call.thread, &result), 0);
    ck_assert_ptr_ne(result, PTHREAD_CANCELED);
    ck_assert_int_eq(waiter.call.result, 0);
}

ASSERTION(sem_trywait, 5, "is no cancellation point")
{
    sem_t sem;
    init_sem(&sem, 1);
    check_no_cancellation_point(sem_trywait, &sem);
    check_value(&sem, 0);
}

/* ---- Waits with an end ---- */

/* A wait, and the clock that its end is on. */
struct timing {
    clockid_t clock;
    int (*wait)(sem_t *, const struct timespec *);
};

static int clockwait_monotonic(sem_t *sem, const struct timespec *end)
{
    return sem_clockwait(sem, CLOCK_MONOTONIC, end);
}

static int clockwait_realtime(sem_t *sem, const struct timespec *end)
{
    return sem_clockwait(sem, CLOCK_REALTIME, end);
}

static const struct timing by_timedwait = {CLOCK_REALTIME, sem_timedwait},
                           by_clockwait = {CLOCK_MONOTONIC, clockwait_monotonic},
                           by_real_clockwait = {CLOCK_REALTIME, clockwait_realtime};

#define ASSERTION_OF_TIMED_WAITS(number, text, check)                                              \
    ASSERTION(sem_timedwait, number, text)                                                         \
    {                                                                                              \
        check(&by_timedwait);                                                                      \
    }                                                                                              \
    ASSERTION(sem_clockwait, number, text)                                                         \
    {                                                                                              \
        check(&by_clockwait);                                                                      \
    }

/* On another clock it would end at once, or not while the test lasts. */
static void check_times_out(const struct timing *timing)
{
    struct timespec end;
    sem_t sem;
    init_sem(&sem, 0);
    end = unit_deadline(timing->clock, 30);
    check_fails(timing->wait(&sem, &end), ETIMEDOUT);
    is_over(timing->clock, end);
}

ASSERTION_OF_TIMED_WAITS(11, "fails with ETIMEDOUT once its clock has the end, not before",
                         check_times_out)

static void check_past(const struct timing *timing)
{
    struct timespec past, start = {0, 0};
    sem_t sem;
    init_sem(&sem, 0);
    past = unit_deadline(timing->clock, -1000);
    check_fails(timing->wait(&sem, &past), ETIMEDOUT);
    check_fails(timing->wait(&sem, &start), ETIMEDOUT);
}

ASSERTION_OF_TIMED_WAITS(12, "fails with ETIMEDOUT if the end has passed before the call",
                         check_past)

static void check_past_unlocked(const struct timing *timing)
{
    struct timespec past, start = {0, 0};
    sem_t sem;
    init_sem(&sem, 2);
    past = unit_deadline(timing->clock, -1000);
    ck_assert_int_eq(timing->wait(&sem, &past), 0);
    ck_assert_int_eq(timing->wait(&sem, &start), 0);
    check_value(&sem, 0);
}

ASSERTION_OF_TIMED_WAITS(13, "does not time out if it can take one at once, whatever the end",
                         check_past_unlocked)

static void check_timeout_unchanged(const struct timing *timing)
{
    struct timespec end;
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < 3; i++) {
        end = unit_deadline(timing->clock, 5);
        check_fails(timing->wait(&sem, &end), ETIMEDOUT);
    }
    check_value(&sem, 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    check_value(&sem, 1);
    ck_assert_int_eq(sem_trywait(&sem), 0);
}

ASSERTION_OF_TIMED_WAITS(14, "leaves the semaphore as it is when it times out",
                         check_timeout_unchanged)

static const long bad_nanoseconds[] = {-1, 1000000000, 2000000000};

static void check_bad_nanoseconds(const struct timing *timing)
{
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < 3; i++) {
        struct timespec end = unit_deadline(timing->clock, FAR_MS);
        end.tv_nsec = bad_nanoseconds[i];
        check_fails(timing->wait(&sem, &end), EINVAL);
    }
    check_value(&sem, 0);
}

ASSERTION_OF_TIMED_WAITS(15,
                         "fails with EINVAL if it would block, and nanoseconds are below 0 or 1000 "
                         "million or more",
                         check_bad_nanoseconds)

static void check_unblocked_nanoseconds(const struct timing *timing)
{
    sem_t sem;
    for (int i = 0; i < 3; i++) {
        struct timespec end = unit_deadline(timing->clock, FAR_MS);
        end.tv_nsec = bad_nanoseconds[i];
        init_sem(&sem, 1);
        errno = 0;
        bool failed = timing->wait(&sem, &end) != 0;
        ck_assert_int_eq(errno, failed ? EINVAL : 0);
        check_value(&sem, failed);
    }
}

ASSERTION_OF_TIMED_WAITS(16, "need not look at the end if it can take one at once, but may",
                         check_unblocked_nanoseconds)

UNTESTED(sem_timedwait, 17, "may fail with EDEADLK when it detects a deadlock",
         "a semaphore has no owner, so that a deadlock cannot be told from a long wait")

ASSERTION(sem_clockwait, 17, "takes CLOCK_REALTIME as it does CLOCK_MONOTONIC")
{
    check_times_out(&by_real_clockwait);
}

ASSERTION(sem_clockwait, 18, "fails with EINVAL if it would block and the clock is not a known one")
{
    struct timespec end = unit_deadline(CLOCK_MONOTONIC, 20);
    sem_t sem;
    init_sem(&sem, 0);
    check_fails(sem_clockwait(&sem, 12345, &end), EINVAL);
}

UNTESTED(sem_clockwait, 19, "may fail with EDEADLK when it detects a deadlock",
         "a semaphore has no owner, so that a deadlock cannot be told from a long wait")

/* ---- Posting ---- */

ASSERTION(sem_post, 1, "adds one to the value when no thread is blocked")
{
    sem_t sem;
    init_sem(&sem, 0);
    for (int value = 1; value <= 3; value++) {
        ck_assert_int_eq(sem_post(&sem), 0);
        check_value(&sem, value);
    }
}

ASSERTION(sem_post, 2, "lets one of the threads go that are blocked, and the value stays 0")
{
    struct waiter waiters[2];
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < 2; i++)
        start_waiter(&waiters[i], &sem, sem_wait);
    ck_assert_int_eq(sem_post(&sem), 0);
    while (!atomic_load(&waiters[0].call.returned) && !atomic_load(&waiters[1].call.returned))
        sched_yield();
    check_fails(sem_trywait(&sem), EAGAIN);
    ck_assert_int_eq(sem_post(&sem), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(unit_finish(&waiters[i].call), 0);
    check_value(&sem, 0);
}

/* Threads with priorities, on one processor, leave their waits; each notes itself. */
struct queue {
    sem_t sem, mutex;
    int count, order[4];
};

struct queued {
    struct queue *queue;
    int priority, number;
};

static int wait_with_priority(void *argument)
{
    struct queued *queued = argument;
    struct queue *queue = queued->queue;
    struct sched_param param = {.sched_priority = queued->priority};
    int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
    if (error == EPERM)
        unsupported("may not use SCHED_FIFO");
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(sem_wait(&queue->sem), 0);
    ck_assert_int_eq(sem_wait(&queue->mutex), 0);
    queue->order[queue->count++] = queued->number;
    ck_assert_int_eq(sem_post(&queue->mutex), 0);
    return 0;
}

/* Threads wait in the order of `priorities`; posts let them go in the order of `expected`. */
static void check_order(const int priorities[4], const int expected[4])
{
    struct queue queue = {.count = 0};
    struct queued queued[4];
    struct unit_call calls[4];
    use_one_processor();
    init_sem(&queue.sem, 0);
    init_sem(&queue.mutex, 1);
    for (int i = 0; i < 4; i++) {
        queued[i] = (struct queued){&queue, priorities[i], i};
        unit_start(&calls[i], wait_with_priority, &queued[i]);
        unit_wait_until_blocked(&calls[i]);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(sem_post(&queue.sem), 0);
        ck_assert_int_eq(unit_finish(&calls[expected[i]]), 0);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(queue.order[i], expected[i]);
}

ASSERTION(sem_post, 3, "lets the thread of the highest priority go, of those under SCHED_FIFO")
{
    check_order((const int[]){5, 20, 10, 15}, (const int[]){1, 3, 2, 0});
}

ASSERTION(sem_post, 4, "among threads of the same priority, the one that has waited the longest")
{
    check_order((const int[]){5, 10, 10, 10}, (const int[]){1, 2, 3, 0});
}

/* The handler posts to what the thread it interrupts works on. */
static sem_t posted;

static void on_signal_post(int number)
{
    int error = errno;
    ck_assert_int_eq(sem_post(&posted), 0);
    errno = error;
    count_signal(number);
}

ASSERTION(sem_post, 5, "can be called from a signal handler that interrupts an operation on it")
{
    struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    catch_signal(SIGALRM, on_signal_post, SA_RESTART);
    init_sem(&posted, 1);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (atomic_load(&handled) < 200) {
        ck_assert_int_eq(sem_wait(&posted), 0);
        ck_assert_int_eq(sem_post(&posted), 0);
        ck_assert_int_eq(sem_trywait(&posted), 0);
        ck_assert_int_eq(sem_post(&posted), 0);
    }
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    check_value(&posted, 1 + atomic_load(&handled));
}

ASSERTION(sem_post, 6, "called from a signal handler, lets the thread go that it interrupted")
{
    struct waiter waiter;
    catch_signal(SIGUSR1, on_signal_post, SA_RESTART);
    init_sem(&posted, 0);
    start_waiter(&waiter, &posted, sem_wait);
    ck_assert_int_eq(pthread_kill(waiter.call.thread, SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    check_value(&posted, 0);
}

ASSERTION(sem_post, 7, "called from a signal handler, lets another thread go")
{
    struct waiter waiter;
    catch_signal(SIGUSR1, on_signal_post, 0);
    init_sem(&posted, 0);
    start_waiter(&waiter, &posted, sem_wait);
    ck_assert_int_eq(raise(SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
    check_value(&posted, 0);
}

ASSERTION(sem_post, 8, "fails with EOVERFLOW if the value is the greatest there can be")
{
    sem_t sem;
    init_sem(&sem, SEM_VALUE_MAX);
    check_fails(sem_post(&sem), EOVERFLOW);
}

ASSERTION(sem_post, 9, "leaves the semaphore as it is when it fails")
{
    sem_t sem;
    init_sem(&sem, SEM_VALUE_MAX);
    ck_assert_int_eq(sem_post(&sem), -1);
    check_value(&sem, SEM_VALUE_MAX);
    ck_assert_int_eq(sem_wait(&sem), 0);
    ck_assert_int_eq(sem_post(&sem), 0);
    check_value(&sem, SEM_VALUE_MAX);
}

ASSERTION(sem_post, 10, "is no cancellation point")
{
    sem_t sem;
    init_sem(&sem, 1);
    check_no_cancellation_point(sem_post, &sem);
    check_value(&sem, 2);
}

ASSERTION(sem_getvalue, 1, "stores the value, and returns 0")
{
    sem_t sem;
    int value = -12345;
    init_sem(&sem, 5);
    ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
    ck_assert_int_eq(value, 5);
    ck_assert_int_eq(sem_wait(&sem), 0);
    ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
    ck_assert_int_eq(value, 4);
}

ASSERTION(sem_getvalue, 2, "does not change the semaphore")
{
    struct waiter waiter;
    sem_t sem;
    int value;
    init_sem(&sem, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
    ck_assert_int_eq(sem_trywait(&sem), 0);
    check_fails(sem_trywait(&sem), EAGAIN);
    start_waiter(&waiter, &sem, sem_wait);
    ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
    unit_wait_until_blocked(&waiter.call);
    ck_assert_int_eq(sem_post(&sem), 0);
    ck_assert_int_eq(unit_finish(&waiter.call), 0);
}

static atomic_bool stop;

static int take_and_give(void *sem)
{
    while (!atomic_load(&stop)) {
        ck_assert_int_eq(sem_wait(sem), 0);
        ck_assert_int_eq(sem_post(sem), 0);
    }
    return 0;
}

ASSERTION(sem_getvalue, 3, "stores a value that the semaphore had during the call")
{
    struct unit_call call;
    sem_t sem;
    init_sem(&sem, 8);
    unit_start(&call, take_and_give, &sem);
    for (int i = 0; i < 10000; i++) {
        int value = -12345;
        ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
        ck_assert(value == 7 || value == 8);
    }
    atomic_store(&stop, true);
    unit_finish(&call);
}

ASSERTION(sem_getvalue, 4,
          "while threads are blocked stores 0, or a negative number that counts them")
{
    enum { WAITERS = 3 };
    struct waiter waiters[WAITERS];
    sem_t sem;
    init_sem(&sem, 0);
    for (int i = 0; i < WAITERS; i++) {
        int value = -12345;
        start_waiter(&waiters[i], &sem, sem_wait);
        ck_assert_int_eq(sem_getvalue(&sem, &value), 0);
        ck_assert(value == 0 || value == -(i + 1));
    }
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(sem_post(&sem), 0);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(unit_finish(&waiters[i].call), 0);
}
