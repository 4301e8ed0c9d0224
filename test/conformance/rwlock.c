/*
 * Read-write locks: XSH pthread_rwlock_destroy, pthread_rwlock_rdlock, pthread_rwlock_clockrdlock,
 * pthread_rwlock_trywrlock, pthread_rwlock_clockwrlock and pthread_rwlock_unlock. Attributes are in
 * rwlockattr.c.
 *
 * What several functions have in common is one check, which takes the function to look at.
 */
#include "rwlock.h"

/* pthread_rwlock_init(), pthread_rwlock_destroy(), PTHREAD_RWLOCK_INITIALIZER */

ASSERTION(pthread_rwlock_init, 1, "leaves the lock initialised and unlocked, and returns 0")
{
    pthread_rwlock_t rwlock;
    memset(&rwlock, 0xa5, sizeof rwlock);
    ck_assert_int_eq(pthread_rwlock_init(&rwlock, NULL), 0);
    is_unlocked(&rwlock);
}

ASSERTION(pthread_rwlock_init, 2, "null attributes have the effect of an object of default ones")
{
    pthread_rwlock_t by_null, by_default;
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pthread_rwlock_init(&by_null, NULL), 0);
    ck_assert_int_eq(pthread_rwlock_init(&by_default, &attr), 0);
    is_a_lock(&by_null);
    is_a_lock(&by_default);
}

ASSERTION(pthread_rwlock_init, 3, "a lock can be used any number of times after that")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    for (int i = 0; i < 100000; i++) {
        ck_assert_int_eq(pthread_rwlock_rdlock(&rwlock), 0);
        unlock(&rwlock);
        ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
        unlock(&rwlock);
    }
    is_a_lock(&rwlock);
}

ASSERTION(pthread_rwlock_init, 4, "a process-shared lock can be used at another address too")
{
    int fd = unit_memory(sizeof(pthread_rwlock_t));
    pthread_rwlock_t *here = unit_map(fd, sizeof *here), *there = unit_map(fd, sizeof *there);
    ck_assert_ptr_ne(here, there);
    init_shared(here);
    ck_assert_int_eq(pthread_rwlock_wrlock(here), 0);
    is_write_locked(there);
    unlock(there);
    is_unlocked(here);
    ck_assert_int_eq(pthread_rwlock_rdlock(there), 0);
    is_read_locked(here);
    struct user writer;
    start(&writer, pthread_rwlock_wrlock, here);
    must_wait(&writer);
    unlock(there);
    get_and_leave(&writer);
    ck_assert_int_eq(pthread_rwlock_destroy(there), 0);
}

UNTESTED(pthread_rwlock_init, 5,
         "fails with EAGAIN when the system lacks a resource other than memory",
         "no resource is known of which a lock takes some")
UNTESTED(pthread_rwlock_init, 6, "fails with ENOMEM when there is no memory for the lock",
         "the caller provides the memory, and no way is known to make a lock need more")
UNTESTED(pthread_rwlock_init, 7, "fails with EPERM when the caller lacks a privilege for it",
         "no privilege is known that it needs")

static int init_and_destroy(pthread_rwlock_t *rwlock)
{
    int error = pthread_rwlock_init(rwlock, NULL);
    return error ? error : pthread_rwlock_destroy(rwlock);
}

ASSERTION(pthread_rwlock_init, 8, "never returns EINTR")
{
    pthread_rwlock_t rwlock;
    hail(init_and_destroy, &rwlock);
}

ASSERTION(pthread_rwlock_destroy, 1, "destroys an unlocked lock, and returns 0")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    is_a_lock(&rwlock);
    ck_assert_int_eq(pthread_rwlock_destroy(&rwlock), 0);
}

ASSERTION(pthread_rwlock_destroy, 2, "a destroyed lock can be initialised again")
{
    pthread_rwlock_t rwlock;
    for (int i = 0; i < 1000; i++) {
        init(&rwlock);
        ck_assert_int_eq(pthread_rwlock_destroy(&rwlock), 0);
    }
    init(&rwlock);
    is_a_lock(&rwlock);
}

ASSERTION(pthread_rwlock_destroy, 3, "never returns EINTR")
{
    pthread_rwlock_t rwlock;
    hail(init_and_destroy, &rwlock);
}

static pthread_rwlock_t static_lock = PTHREAD_RWLOCK_INITIALIZER;

ASSERTION_OF_NAME(PTHREAD_RWLOCK_INITIALIZER, 1, "initialises an unlocked lock, without a call")
{
    is_unlocked(&static_lock);
}

ASSERTION_OF_NAME(PTHREAD_RWLOCK_INITIALIZER, 2,
                  "such a lock is as pthread_rwlock_init with null attributes makes it")
{
    is_a_lock(&static_lock);
    ck_assert_int_eq(pthread_rwlock_destroy(&static_lock), 0);
    init(&static_lock);
    is_a_lock(&static_lock);
}

/* Read locks */

static void check_read_unlocked(lock_function *lock)
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(lock(&rwlock), 0);
    is_read_locked(&rwlock);
}
ASSERTION_OF_READS(1, "acquires a lock that no writer holds or waits for, and returns 0",
                   check_read_unlocked)

static void check_read_together(lock_function *lock)
{
    pthread_rwlock_t rwlock;
    struct user readers[4];
    init(&rwlock);
    for (int i = 0; i < 4; i++)
        start(&readers[i], lock, &rwlock);
    for (int i = 0; i < 4; i++)
        must_get(&readers[i]);
    for (int i = 0; i < 4; i++)
        leave(&readers[i]);
    is_unlocked(&rwlock);
}
ASSERTION_OF_READS(2, "several threads hold read locks of the same lock at the same time",
                   check_read_together)

static void check_read_blocks(lock_function *lock)
{
    pthread_rwlock_t rwlock;
    struct user reader;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    start(&reader, lock, &rwlock);
    must_wait(&reader);
    unlock(&rwlock);
    must_get(&reader);
    is_read_locked(&rwlock);
    leave(&reader);
}
ASSERTION_OF_READS(3, "does not acquire it while a writer holds it, but blocks until it can",
                   check_read_blocks)

static void check_read_behind_writer(lock_function *lock, int policy)
{
    for (int priority = 20; priority <= 30; priority += 10) {
        pthread_rwlock_t rwlock;
        struct user writer, reader;
        init(&rwlock);
        need_priorities(policy, 20);
        ck_assert_int_eq(pthread_rwlock_rdlock(&rwlock), 0);
        start_with_priority(&writer, pthread_rwlock_wrlock, &rwlock, policy, priority);
        must_wait(&writer);
        start_with_priority(&reader, lock, &rwlock, policy, 20);
        must_wait(&reader);
        unlock(&rwlock);
        get_and_leave(&writer);
        get_and_leave(&reader);
    }
}

static void check_read_behind_fifo_writer(lock_function *lock)
{
    check_read_behind_writer(lock, SCHED_FIFO);
}
ASSERTION_OF_READS(
    4, "a SCHED_FIFO reader does not acquire it while a writer of its or a higher priority waits",
    check_read_behind_fifo_writer)

static void check_read_behind_rr_writer(lock_function *lock)
{
    check_read_behind_writer(lock, SCHED_RR);
}
ASSERTION_OF_READS(
    5, "a SCHED_RR reader does not acquire it while a writer of its or a higher priority waits",
    check_read_behind_rr_writer)

static void check_read_before_lower_writer(lock_function *lock)
{
    static const int policies[] = {SCHED_FIFO, SCHED_RR};
    for (int i = 0; i < 2; i++) {
        pthread_rwlock_t rwlock;
        struct user writer, reader;
        init(&rwlock);
        need_priorities(policies[i], 20);
        ck_assert_int_eq(pthread_rwlock_rdlock(&rwlock), 0);
        start_with_priority(&writer, pthread_rwlock_wrlock, &rwlock, policies[i], 10);
        must_wait(&writer);
        start_with_priority(&reader, lock, &rwlock, policies[i], 20);
        get_and_leave(&reader);
        unlock(&rwlock);
        get_and_leave(&writer);
    }
}
ASSERTION_OF_READS(6,
                   "with SCHED_FIFO and SCHED_RR, it acquires a lock that no writer holds and on "
                   "which only writers of lower priorities are blocked",
                   check_read_before_lower_writer)

static void check_read_again(lock_function *lock)
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(lock(&rwlock), 0);
    for (int i = 0; i < 5; i++) {
        is_read_locked(&rwlock);
        unlock(&rwlock);
    }
    is_unlocked(&rwlock);
}
ASSERTION_OF_READS(7, "a thread may hold several read locks, and ends them with as many unlocks",
                   check_read_again)

static void check_read_interrupted(lock_function *lock)
{
    pthread_rwlock_t rwlock;
    struct user reader;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    start(&reader, lock, &rwlock);
    must_wait(&reader);
    catch_signal(SIGUSR1, count_signal, 0);
    for (int i = 0; i < 3; i++)
        interrupt(&reader);
    unlock(&rwlock);
    get_and_leave(&reader);
}
ASSERTION_OF_READS(8,
                   "a thread that waits goes on waiting after a signal handler has run, and never "
                   "gets EINTR",
                   check_read_interrupted)

/* Take the write lock, or a read lock, and then ask for another. */
struct again {
    lock_function *first, *second;
    pthread_rwlock_t rwlock;
};

static int lock_again(void *argument)
{
    struct again *again = argument;
    ck_assert_int_eq(again->first(&again->rwlock), 0);
    int error = again->second(&again->rwlock);
    ck_assert_int_ne(error, 0);
    return error;
}

static void check_deadlock(lock_function *first, lock_function *second)
{
    static struct again again;
    static struct unit_call call;
    again.first = first;
    again.second = second;
    init(&again.rwlock);
    unit_start(&call, lock_again, &again);
    unit_wait_for(&call.tid, 1);
    while (!atomic_load(&call.returned)) {
        if (unit_state(getpid(), atomic_load(&call.tid)) == 'S')
            return; /* it has deadlocked, as it may */
        nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    ck_assert_int_eq(unit_finish(&call), EDEADLK);
}

static void check_read_deadlock(lock_function *lock)
{
    check_deadlock(pthread_rwlock_wrlock, lock);
}
ASSERTION_OF_READS(9,
                   "to a thread that holds the write lock it may return EDEADLK, or it deadlocks, "
                   "but does not acquire the lock",
                   check_read_deadlock)

UNTESTED(pthread_rwlock_rdlock, 10,
         "may fail with EAGAIN when there would be more read locks than the greatest number",
         "that number is the implementation's, and may be out of reach")

ASSERTION(pthread_rwlock_tryrdlock, 1,
          "acquires a lock that no writer holds or waits for, and returns 0")
{
    check_read_unlocked(pthread_rwlock_tryrdlock);
}

ASSERTION(pthread_rwlock_tryrdlock, 2,
          "several threads hold read locks of the same lock at the same time")
{
    check_read_together(pthread_rwlock_tryrdlock);
}

ASSERTION(pthread_rwlock_tryrdlock, 3,
          "fails with EBUSY, and does not block, while a writer holds the lock")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(unit_elsewhere(try_read, &rwlock), EBUSY);
    unlock(&rwlock);
    ck_assert_int_eq(unit_elsewhere(try_read, &rwlock), 0);
}

ASSERTION(pthread_rwlock_tryrdlock, 4,
          "fails with EBUSY when the caller itself holds the write lock")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(pthread_rwlock_tryrdlock(&rwlock), EBUSY);
    is_write_locked(&rwlock);
}

/* What a SCHED_FIFO or SCHED_RR reader of priority 20 gets that does not wait, behind a writer. */
static void check_try_behind_writer(int policy, int priority, int expected)
{
    pthread_rwlock_t rwlock;
    struct user writer;
    init(&rwlock);
    need_priorities(policy, 20);
    ck_assert_int_eq(pthread_rwlock_rdlock(&rwlock), 0);
    start_with_priority(&writer, pthread_rwlock_wrlock, &rwlock, policy, priority);
    must_wait(&writer);
    ck_assert_int_eq(pthread_rwlock_tryrdlock(&rwlock), expected);
    if (expected == 0)
        unlock(&rwlock);
    unlock(&rwlock);
    get_and_leave(&writer);
}

ASSERTION(pthread_rwlock_tryrdlock, 5,
          "with SCHED_FIFO, fails with EBUSY when a writer of a higher or the same priority is "
          "blocked")
{
    check_try_behind_writer(SCHED_FIFO, 20, EBUSY);
    check_try_behind_writer(SCHED_FIFO, 30, EBUSY);
}

ASSERTION(pthread_rwlock_tryrdlock, 6,
          "with SCHED_RR, fails with EBUSY when a writer of a higher or the same priority is "
          "blocked")
{
    check_try_behind_writer(SCHED_RR, 20, EBUSY);
    check_try_behind_writer(SCHED_RR, 30, EBUSY);
}

ASSERTION(pthread_rwlock_tryrdlock, 7,
          "with SCHED_FIFO and SCHED_RR, acquires the lock when only writers of lower priorities "
          "are blocked")
{
    check_try_behind_writer(SCHED_FIFO, 10, 0);
    check_try_behind_writer(SCHED_RR, 10, 0);
}

ASSERTION(pthread_rwlock_tryrdlock, 8,
          "a thread may hold several read locks, and ends them with as many unlocks")
{
    check_read_again(pthread_rwlock_tryrdlock);
}

UNTESTED(pthread_rwlock_tryrdlock, 9,
         "may fail with EAGAIN when there would be more read locks than the greatest number",
         "that number is the implementation's, and may be out of reach")

static int tryrdlock_and_unlock(pthread_rwlock_t *rwlock)
{
    int error = pthread_rwlock_tryrdlock(rwlock);
    return error ? error : pthread_rwlock_unlock(rwlock);
}

ASSERTION(pthread_rwlock_tryrdlock, 10, "never returns EINTR")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    hail(tryrdlock_and_unlock, &rwlock);
}

/* The write lock */

static void check_write_unlocked(lock_function *lock)
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(lock(&rwlock), 0);
    is_write_locked(&rwlock);
}
ASSERTION_OF_WRITES(1, "acquires a lock that nobody holds, for one thread alone, and returns 0",
                    check_write_unlocked)

static void check_write_behind(lock_function *first, lock_function *lock)
{
    pthread_rwlock_t rwlock;
    struct user writer;
    init(&rwlock);
    ck_assert_int_eq(first(&rwlock), 0);
    start(&writer, lock, &rwlock);
    must_wait(&writer);
    unlock(&rwlock);
    must_get(&writer);
    is_write_locked(&rwlock);
    leave(&writer);
}

static void check_write_behind_reader(lock_function *lock)
{
    check_write_behind(pthread_rwlock_rdlock, lock);
}
ASSERTION_OF_WRITES(2, "blocks while another thread holds a read lock, until it can acquire it",
                    check_write_behind_reader)

static void check_write_behind_writer(lock_function *lock)
{
    check_write_behind(pthread_rwlock_wrlock, lock);
}
ASSERTION_OF_WRITES(3, "blocks while another thread holds the write lock, until it can acquire it",
                    check_write_behind_writer)

static void check_write_interrupted(lock_function *lock)
{
    static lock_function *const firsts[] = {pthread_rwlock_rdlock, pthread_rwlock_wrlock};
    catch_signal(SIGUSR1, count_signal, 0);
    for (int i = 0; i < 2; i++) {
        pthread_rwlock_t rwlock;
        struct user writer;
        init(&rwlock);
        ck_assert_int_eq(firsts[i](&rwlock), 0);
        start(&writer, lock, &rwlock);
        must_wait(&writer);
        for (int j = 0; j < 3; j++)
            interrupt(&writer);
        unlock(&rwlock);
        get_and_leave(&writer);
    }
}
ASSERTION_OF_WRITES(4,
                    "a thread that waits goes on waiting after a signal handler has run, and never "
                    "gets EINTR",
                    check_write_interrupted)

static void check_write_deadlock(lock_function *lock)
{
    check_deadlock(pthread_rwlock_wrlock, lock);
}
ASSERTION_OF_WRITES(5,
                    "to a thread that holds the write lock it may return EDEADLK, or it deadlocks, "
                    "but does not acquire the lock",
                    check_write_deadlock)

static void check_upgrade_deadlock(lock_function *lock)
{
    check_deadlock(pthread_rwlock_rdlock, lock);
}
ASSERTION_OF_WRITES(6,
                    "to a thread that holds a read lock it may return EDEADLK, or it deadlocks, "
                    "but does not acquire the lock",
                    check_upgrade_deadlock)

ASSERTION(pthread_rwlock_trywrlock, 1,
          "acquires a lock that nobody holds, for one thread alone, and returns 0")
{
    check_write_unlocked(pthread_rwlock_trywrlock);
}

ASSERTION(pthread_rwlock_trywrlock, 2,
          "fails with EBUSY, and does not block, while another thread holds a read lock")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_rdlock(&rwlock), 0);
    ck_assert_int_eq(unit_elsewhere(try_write, &rwlock), EBUSY);
    unlock(&rwlock);
    ck_assert_int_eq(unit_elsewhere(try_write, &rwlock), 0);
}

ASSERTION(pthread_rwlock_trywrlock, 3,
          "fails with EBUSY, and does not block, while another thread holds the write lock")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(unit_elsewhere(try_write, &rwlock), EBUSY);
    unlock(&rwlock);
    ck_assert_int_eq(unit_elsewhere(try_write, &rwlock), 0);
}

ASSERTION(pthread_rwlock_trywrlock, 4,
          "fails with EBUSY when the caller itself holds the lock, for reading or writing")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_rdlock(&rwlock), 0);
    ck_assert_int_eq(pthread_rwlock_trywrlock(&rwlock), EBUSY);
    is_read_locked(&rwlock);
    unlock(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(pthread_rwlock_trywrlock(&rwlock), EBUSY);
    is_write_locked(&rwlock);
}

static int trywrlock_and_unlock(pthread_rwlock_t *rwlock)
{
    int error = pthread_rwlock_trywrlock(rwlock);
    return error ? error : pthread_rwlock_unlock(rwlock);
}

ASSERTION(pthread_rwlock_trywrlock, 5, "never returns EINTR")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    hail(trywrlock_and_unlock, &rwlock);
}

/* Timeouts */

/* The four functions in one form; the clock of two of them is fixed. */
typedef int timed_function(pthread_rwlock_t *, clockid_t, const struct timespec *);

static int timed_read(pthread_rwlock_t *rwlock, clockid_t clock, const struct timespec *end)
{
    (void)clock;
    return pthread_rwlock_timedrdlock(rwlock, end);
}

static int timed_write(pthread_rwlock_t *rwlock, clockid_t clock, const struct timespec *end)
{
    (void)clock;
    return pthread_rwlock_timedwrlock(rwlock, end);
}

/* The same assertion about each; reads have had more numbers than writes before. */
#define ASSERTION_OF_TIMED(of_read, of_write, text, check)                                         \
    ASSERTION(pthread_rwlock_timedrdlock, of_read, text)                                           \
    {                                                                                              \
        check(timed_read, CLOCK_REALTIME);                                                         \
    }                                                                                              \
    ASSERTION(pthread_rwlock_timedwrlock, of_write, text)                                          \
    {                                                                                              \
        check(timed_write, CLOCK_REALTIME);                                                        \
    }                                                                                              \
    ASSERTION(pthread_rwlock_clockrdlock, of_read, text)                                           \
    {                                                                                              \
        check(pthread_rwlock_clockrdlock, CLOCK_REALTIME);                                         \
        check(pthread_rwlock_clockrdlock, CLOCK_MONOTONIC);                                        \
    }                                                                                              \
    ASSERTION(pthread_rwlock_clockwrlock, of_write, text)                                          \
    {                                                                                              \
        check(pthread_rwlock_clockwrlock, CLOCK_REALTIME);                                         \
        check(pthread_rwlock_clockwrlock, CLOCK_MONOTONIC);                                        \
    }

/* A call of one of them in another thread. */
struct timed {
    timed_function *lock;
    pthread_rwlock_t *rwlock;
    clockid_t clock;
    struct timespec end;
};

static int lock_timed(void *argument)
{
    struct timed *timed = argument;
    return timed->lock(timed->rwlock, timed->clock, &timed->end);
}

static int lock_elsewhere(timed_function *lock, pthread_rwlock_t *rwlock, clockid_t clock,
                          struct timespec end)
{
    struct timed timed = {lock, rwlock, clock, end};
    return unit_elsewhere(lock_timed, &timed);
}

static void check_expires(timed_function *lock, clockid_t clock)
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    struct timespec end = unit_deadline(clock, 40);
    ck_assert_int_eq(lock_elsewhere(lock, &rwlock, clock, end), ETIMEDOUT);
    is_over(clock, end);
}
ASSERTION_OF_TIMED(10, 7, "the wait ends with ETIMEDOUT when the clock reaches the time",
                   check_expires)

static void check_expired(timed_function *lock, clockid_t clock)
{
    pthread_rwlock_t rwlock;
    struct timespec start_of_time = {0, 0};
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(lock_elsewhere(lock, &rwlock, clock, unit_deadline(clock, -1)), ETIMEDOUT);
    ck_assert_int_eq(lock_elsewhere(lock, &rwlock, clock, start_of_time), ETIMEDOUT);
}
ASSERTION_OF_TIMED(
    11, 8,
    "fails with ETIMEDOUT, unless it can acquire the lock, if the time has passed before the call",
    check_expired)

static void check_no_timeout(timed_function *lock, clockid_t clock)
{
    pthread_rwlock_t rwlock;
    struct timespec past = unit_deadline(clock, -1000);
    init(&rwlock);
    ck_assert_int_eq(lock(&rwlock, clock, &past), 0);
    unlock(&rwlock);
}
ASSERTION_OF_TIMED(12, 9, "never times out if the lock can be acquired at once", check_no_timeout)

static void check_timeout_leaves_lock(timed_function *lock, clockid_t clock)
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(lock_elsewhere(lock, &rwlock, clock, unit_deadline(clock, 5)), ETIMEDOUT);
    is_write_locked(&rwlock);
    unlock(&rwlock);
    is_a_lock(&rwlock);
}
ASSERTION_OF_TIMED(13, 10, "a call that times out does not acquire the lock",
                   check_timeout_leaves_lock)

static void check_timeout_interrupted(timed_function *lock, clockid_t clock)
{
    pthread_rwlock_t rwlock;
    struct unit_call call;
    init(&rwlock);
    catch_signal(SIGUSR1, count_signal, 0);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    struct timed timed = {lock, &rwlock, clock, unit_deadline(clock, 100)};
    unit_start(&call, lock_timed, &timed);
    unit_wait_for(&call.tid, 1);
    unit_wait_until_asleep(getpid(), atomic_load(&call.tid));
    ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&call), ETIMEDOUT);
    is_over(clock, timed.end);
    ck_assert_int_ge(atomic_load(&handled), 1);
}
ASSERTION_OF_TIMED(14, 11, "a signal handler that runs meanwhile does not change when it ends",
                   check_timeout_interrupted)

static void check_invalid_time(timed_function *lock, clockid_t clock)
{
    static const long wrong[] = {-1, 1000000000};
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    for (int i = 0; i < 2; i++) {
        struct timespec past = {1, wrong[i]};
        int error = lock_elsewhere(lock, &rwlock, clock, past);
        ck_assert_msg(error == EINVAL || error == ETIMEDOUT, "error %d", error);
    }
    is_write_locked(&rwlock);
}
ASSERTION_OF_TIMED(15, 12,
                   "may fail with EINVAL when it would wait and the nanoseconds are below 0 or not "
                   "below 1000 million; else with no other error than ETIMEDOUT",
                   check_invalid_time)

UNTESTED(pthread_rwlock_timedrdlock, 16,
         "may fail with EAGAIN when there would be more read locks than the greatest number",
         "that number is the implementation's, and may be out of reach")
UNTESTED(pthread_rwlock_clockrdlock, 16,
         "may fail with EAGAIN when there would be more read locks than the greatest number",
         "that number is the implementation's, and may be out of reach")

/* pthread_rwlock_unlock() */

ASSERTION(pthread_rwlock_unlock, 1, "releases the write lock, which leaves the lock unlocked: 0")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(pthread_rwlock_unlock(&rwlock), 0);
    is_unlocked(&rwlock);
}

ASSERTION(pthread_rwlock_unlock, 2, "the lock remains read-locked while other read locks are held")
{
    pthread_rwlock_t rwlock;
    struct user reader;
    init(&rwlock);
    start(&reader, pthread_rwlock_rdlock, &rwlock);
    must_get(&reader);
    ck_assert_int_eq(pthread_rwlock_rdlock(&rwlock), 0);
    ck_assert_int_eq(pthread_rwlock_unlock(&rwlock), 0);
    is_read_locked(&rwlock);
    leave(&reader);
}

ASSERTION(pthread_rwlock_unlock, 3, "releases the last read lock, which leaves the lock unlocked")
{
    pthread_rwlock_t rwlock;
    struct user readers[2];
    init(&rwlock);
    for (int i = 0; i < 2; i++) {
        start(&readers[i], pthread_rwlock_rdlock, &rwlock);
        must_get(&readers[i]);
    }
    leave(&readers[0]);
    leave(&readers[1]);
    is_unlocked(&rwlock);
}

ASSERTION(pthread_rwlock_unlock, 4,
          "threads that are blocked acquire a lock that becomes available")
{
    lock_function *const locks[] = {pthread_rwlock_rdlock, pthread_rwlock_wrlock};
    for (int way = 0; way < 2; way++) {
        pthread_rwlock_t rwlock;
        struct user users[6];
        init(&rwlock);
        ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
        for (int i = 0; i < 6; i++) {
            start(&users[i], locks[(i + way) % 2], &rwlock);
            must_wait(&users[i]);
            atomic_store(&users[i].leave, 1);
        }
        ck_assert_int_eq(pthread_rwlock_unlock(&rwlock), 0);
        for (int i = 0; i < 6; i++)
            leave(&users[i]);
        is_unlocked(&rwlock);
    }
}

ASSERTION(pthread_rwlock_unlock, 5, "readers that are blocked behind a writer all acquire it then")
{
    pthread_rwlock_t rwlock;
    struct user readers[4];
    init(&rwlock);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    for (int i = 0; i < 4; i++) {
        start(&readers[i], pthread_rwlock_rdlock, &rwlock);
        must_wait(&readers[i]);
    }
    ck_assert_int_eq(pthread_rwlock_unlock(&rwlock), 0);
    for (int i = 0; i < 4; i++)
        must_get(&readers[i]);
    for (int i = 0; i < 4; i++)
        leave(&readers[i]);
}

/* Threads that block behind a writer in one order, and must get the lock in another. */
struct order {
    lock_function *lock;
    int priority, place;
};

static void check_order(int policy, const struct order *order, int count)
{
    pthread_rwlock_t rwlock;
    struct user users[4];
    init(&rwlock);
    need_priorities(policy, 40);
    ck_assert_int_eq(pthread_rwlock_wrlock(&rwlock), 0);
    for (int i = 0; i < count; i++) {
        start_with_priority(&users[i], order[i].lock, &rwlock, policy, order[i].priority);
        must_wait(&users[i]);
        atomic_store(&users[i].leave, 1);
    }
    atomic_store(&places, 0);
    ck_assert_int_eq(pthread_rwlock_unlock(&rwlock), 0);
    for (int i = 0; i < count; i++)
        leave(&users[i]);
    for (int i = 0; i < count; i++)
        ck_assert_msg(atomic_load(&users[i].place) == order[i].place,
                      "thread %d, priority %d, was number %d, not %d", i, order[i].priority,
                      atomic_load(&users[i].place), order[i].place);
}

/* Several times, lest it be chance. */
static void check_order_of_realtime(const struct order *order, int count)
{
    for (int i = 0; i < 10; i++) {
        check_order(SCHED_FIFO, order, count);
        check_order(SCHED_RR, order, count);
    }
}

ASSERTION(pthread_rwlock_unlock, 6,
          "SCHED_FIFO and SCHED_RR writers acquire the lock in the order of their priorities")
{
    static const struct order order[] = {
        {pthread_rwlock_wrlock, 10, 4},
        {pthread_rwlock_wrlock, 30, 1},
        {pthread_rwlock_wrlock, 20, 2},
        {pthread_rwlock_wrlock, 15, 3},
    };
    check_order_of_realtime(order, 4);
}

ASSERTION(pthread_rwlock_unlock, 7, "such readers and writers acquire it in that order too")
{
    static const struct order order[] = {
        {pthread_rwlock_wrlock, 10, 3},
        {pthread_rwlock_rdlock, 20, 2},
        {pthread_rwlock_wrlock, 30, 1},
    };
    check_order_of_realtime(order, 3);
}

ASSERTION(pthread_rwlock_unlock, 8, "if their priorities are equal, a writer goes before a reader")
{
    static const struct order order[] = {
        {pthread_rwlock_rdlock, 20, 2},
        {pthread_rwlock_wrlock, 20, 1},
    };
    check_order_of_realtime(order, 2);
}

UNTESTED(pthread_rwlock_unlock, 9, "all this holds for SCHED_SPORADIC too",
         "Linux has no such scheduling policy")

ASSERTION(pthread_rwlock_unlock, 10, "never returns EINTR")
{
    pthread_rwlock_t rwlock;
    init(&rwlock);
    hail(tryrdlock_and_unlock, &rwlock);
    hail(trywrlock_and_unlock, &rwlock);
}
