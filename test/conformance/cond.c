/*
 * Condition variables and their attributes: XSH pthread_cond_destroy, pthread_cond_clockwait (which
 * has all three waits), pthread_cond_broadcast, pthread_condattr_destroy, pthread_condattr_getclock
 * and pthread_condattr_getpshared.
 *
 * A wait may return without a signal, so threads wait for a predicate, in a loop. A thread that has
 * said under the mutex that it will wait is known to be blocked as soon as another has the mutex.
 */
#include "conform.h"

/* The three waits, with an end far away where they take one. */
typedef int wait_function(pthread_cond_t *, pthread_mutex_t *);

static int wait_plain(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return pthread_cond_wait(cond, mutex);
}

static int wait_timed(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    return pthread_cond_timedwait(cond, mutex, &end);
}

static int wait_clock(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    struct timespec end = unit_deadline(CLOCK_MONOTONIC, FAR_MS);
    return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &end);
}

/* What ends them. */
typedef int awaken_function(pthread_cond_t *);

/* The same assertion about each of the waits. */
#define ASSERTION_OF_WAITS(number, text, check)                                                    \
    ASSERTION(pthread_cond_wait, number, text)                                                     \
    {                                                                                              \
        check(wait_plain);                                                                         \
    }                                                                                              \
    ASSERTION(pthread_cond_timedwait, number, text)                                                \
    {                                                                                              \
        check(wait_timed);                                                                         \
    }                                                                                              \
    ASSERTION(pthread_cond_clockwait, number, text)                                                \
    {                                                                                              \
        check(wait_clock);                                                                         \
    }

/* What threads wait at until it is open. The mutex tells when who unlocks it does not own it. */
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    wait_function *wait;
    int entered; /* threads that have come to wait */
    int passed;  /* and gone on, the mutex locked */
    int cleaned; /* or been cancelled */
    bool open;
    bool held; /* whoever made it true has the mutex */
};

static void init_cond(pthread_cond_t *cond, clockid_t clock, int pshared)
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, clock), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, pshared), 0);
    ck_assert_int_eq(pthread_cond_init(cond, &attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
}

static void init_mutex(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_mutex_init(mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_PRIVATE,
                                     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE),
                     0);
}

static void init_gate(struct gate *gate, wait_function *wait)
{
    *gate = (struct gate){.wait = wait};
    init_mutex(&gate->mutex);
    ck_assert_int_eq(pthread_cond_init(&gate->cond, NULL), 0);
}

static void init_robust_gate(struct gate *gate, wait_function *wait, int pshared)
{
    *gate = (struct gate){.wait = wait};
    ck_assert_int_eq(unit_mutex_init(&gate->mutex, PTHREAD_MUTEX_ERRORCHECK, pshared,
                                     PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE),
                     0);
    init_cond(&gate->cond, CLOCK_REALTIME, pshared);
}

static void init_shared_gate(struct gate *gate)
{
    *gate = (struct gate){.wait = wait_plain};
    ck_assert_int_eq(unit_mutex_init(&gate->mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_SHARED,
                                     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE),
                     0);
    init_cond(&gate->cond, CLOCK_REALTIME, PTHREAD_PROCESS_SHARED);
}

static void lock(struct gate *gate)
{
    ck_assert_int_eq(pthread_mutex_lock(&gate->mutex), 0);
}

static void unlock(struct gate *gate)
{
    ck_assert_int_eq(pthread_mutex_unlock(&gate->mutex), 0);
}

static void unlock_when_cancelled(void *argument)
{
    struct gate *gate = argument;
    ck_assert(!gate->held);
    gate->cleaned++;
    unlock(gate);
}

/* Wait at the gate; what made the wait end. EOWNERDEAD leaves the mutex in order again. */
static int pass(void *argument)
{
    struct gate *gate = argument;
    volatile int error = 0; /* as a handler may be pushed by way of setjmp */
    lock(gate);
    gate->entered++;
    pthread_cleanup_push(unlock_when_cancelled, gate);
    while (error == 0 && !gate->open)
        error = gate->wait(&gate->cond, &gate->mutex);
    pthread_cleanup_pop(0);
    ck_assert(!gate->held);
    if (error != ENOTRECOVERABLE) {
        if (error == EOWNERDEAD)
            ck_assert_int_eq(pthread_mutex_consistent(&gate->mutex), 0);
        gate->passed++;
        unlock(gate);
    }
    return error;
}

/* The same with a request to cancel already there. */
static int pass_when_cancelled(void *argument)
{
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    return pass(argument);
}

/* Return with the mutex locked when so many threads are blocked at the gate. */
static void lock_when_entered(struct gate *gate, int count)
{
    struct timespec nap = {0, 100000};
    for (lock(gate); gate->entered < count; lock(gate)) {
        unlock(gate);
        nanosleep(&nap, NULL);
    }
}

static void await_entered(struct gate *gate, int count)
{
    lock_when_entered(gate, count);
    unlock(gate);
}

static void await_passed(struct gate *gate, int count)
{
    struct timespec nap = {0, 100000};
    for (lock(gate); gate->passed < count; lock(gate)) {
        unlock(gate);
        nanosleep(&nap, NULL);
    }
    unlock(gate);
}

static void open_gate(struct gate *gate)
{
    lock(gate);
    gate->open = true;
    ck_assert_int_eq(pthread_cond_broadcast(&gate->cond), 0);
    unlock(gate);
}

static int lock_and_end(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

static int try_lock(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    if (error == 0)
        ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
    return error;
}

/* ---- Initialising and destroying ---- */

/* The clock that timedwait goes by: it ends neither at once nor never. */
static void check_timed_by(pthread_cond_t *cond, clockid_t clock)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct timespec end = unit_deadline(clock, 20);
    int error;
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    do
        error = pthread_cond_timedwait(cond, &mutex, &end);
    while (error == 0);
    ck_assert_int_eq(error, ETIMEDOUT);
    is_over(clock, end);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
}

/* The gate's condition variable does its work. */
static void check_signals(struct gate *gate)
{
    struct unit_call call;
    unit_start(&call, pass, gate);
    await_entered(gate, 1);
    open_gate(gate);
    ck_assert_int_eq(unit_finish(&call), 0);
}

ASSERTION(pthread_cond_init, 1, "initialises a condition variable for waits and signals; returns 0")
{
    struct gate gate = {.wait = wait_plain};
    init_mutex(&gate.mutex);
    memset(&gate.cond, 0xa5, sizeof gate.cond);
    ck_assert_int_eq(pthread_cond_init(&gate.cond, NULL), 0);
    check_signals(&gate);
}

ASSERTION(pthread_cond_init, 2, "a null attr means the default attributes")
{
    pthread_cond_t cond;
    ck_assert_int_eq(pthread_cond_init(&cond, NULL), 0);
    check_timed_by(&cond, CLOCK_REALTIME);
}

ASSERTION(pthread_cond_init, 3, "an attributes object with defaults does the same as a null attr")
{
    pthread_condattr_t attr;
    pthread_cond_t cond;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
    check_timed_by(&cond, CLOCK_REALTIME);
}

ASSERTION(pthread_cond_init, 4, "the object gets the attributes of attr")
{
    pthread_cond_t cond;
    init_cond(&cond, CLOCK_MONOTONIC, PTHREAD_PROCESS_PRIVATE);
    check_timed_by(&cond, CLOCK_MONOTONIC);
}

/* A child maps the gate anew, at another address. */
static pid_t fork_with_gate(int fd, const struct gate *here, int (*function)(void *))
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct gate *there = unit_map(fd, sizeof *there);
        unit_child_assert(there != here);
        _exit(function(there));
    }
    return pid;
}

static int open_when_entered(void *argument)
{
    struct gate *gate = argument;
    await_entered(gate, 1);
    open_gate(gate);
    return 0;
}

ASSERTION(pthread_cond_init, 5,
          "a process-shared one takes waits and signals of any process that has it mapped")
{
    int fd = unit_memory(sizeof(struct gate));
    struct gate *gate = unit_map(fd, sizeof *gate);
    init_shared_gate(gate);
    pid_t waiter = fork_with_gate(fd, gate, pass);
    open_when_entered(gate);
    unit_reap(waiter);

    init_shared_gate(gate);
    pid_t opener = fork_with_gate(fd, gate, open_when_entered);
    ck_assert_int_eq(pass(gate), 0);
    unit_reap(opener);
}

UNTESTED(pthread_cond_init, 6,
         "fails with EAGAIN when the system lacks a resource other than memory",
         "nothing makes the system lack what the implementation may or may not need")
UNTESTED(pthread_cond_init, 7, "fails with ENOMEM when there is not enough memory",
         "an object may need no memory beyond its own")

static void init_and_destroy(void)
{
    pthread_cond_t cond;
    ck_assert_int_eq(pthread_cond_init(&cond, NULL), 0);
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
}

ASSERTION(pthread_cond_init, 8, "does not return EINTR")
{
    while (hailing())
        init_and_destroy();
}

ASSERTION(pthread_cond_destroy, 1, "destroys an initialised condition variable; returns 0")
{
    pthread_cond_t cond;
    ck_assert_int_eq(pthread_cond_init(&cond, NULL), 0);
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
}

ASSERTION(pthread_cond_destroy, 2, "a destroyed one can be initialised again, in another way too")
{
    struct gate gate;
    init_gate(&gate, wait_plain);
    ck_assert_int_eq(pthread_cond_destroy(&gate.cond), 0);
    init_cond(&gate.cond, CLOCK_MONOTONIC, PTHREAD_PROCESS_SHARED);
    check_timed_by(&gate.cond, CLOCK_MONOTONIC);
    ck_assert_int_eq(pthread_cond_destroy(&gate.cond), 0);
    ck_assert_int_eq(pthread_cond_init(&gate.cond, NULL), 0);
    check_signals(&gate);
}

ASSERTION(pthread_cond_destroy, 3, "is safe once threads that waited have returned")
{
    struct gate gate;
    struct unit_call calls[3];
    init_gate(&gate, wait_plain);
    for (int i = 0; i < 3; i++)
        unit_start(&calls[i], pass, &gate);
    await_entered(&gate, 3);
    open_gate(&gate);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), 0);
    ck_assert_int_eq(pthread_cond_destroy(&gate.cond), 0);
}

/* Threads that wait on a condition variable which is not where the mutex is. */
struct remote {
    pthread_mutex_t mutex;
    pthread_cond_t *cond;
    int entered;
    bool open;
};

static int pass_remote(void *argument)
{
    struct remote *remote = argument;
    ck_assert_int_eq(pthread_mutex_lock(&remote->mutex), 0);
    remote->entered++;
    int error = 0;
    while (error == 0 && !remote->open)
        error = pthread_cond_wait(remote->cond, &remote->mutex);
    ck_assert_int_eq(pthread_mutex_unlock(&remote->mutex), 0);
    return error;
}

/* Awake `count` waiters, then destroy and unmap, while they are in the wait or wait for the mutex. */
static void check_destroyed_when_awoken(int pshared, int count, awaken_function *awaken,
                                        bool with_mutex)
{
    enum { ROUNDS = 100 };
    struct timespec nap = {0, 50000};
    for (int round = 0; round < ROUNDS; round++) {
        struct remote remote = {.mutex = PTHREAD_MUTEX_INITIALIZER};
        struct unit_call calls[count];
        size_t size = (size_t)sysconf(_SC_PAGESIZE);
        remote.cond = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(remote.cond, MAP_FAILED);
        init_cond(remote.cond, CLOCK_REALTIME, pshared);
        for (int i = 0; i < count; i++)
            unit_start(&calls[i], pass_remote, &remote);
        ck_assert_int_eq(pthread_mutex_lock(&remote.mutex), 0);
        while (remote.entered < count) {
            ck_assert_int_eq(pthread_mutex_unlock(&remote.mutex), 0);
            nanosleep(&nap, NULL);
            ck_assert_int_eq(pthread_mutex_lock(&remote.mutex), 0);
        }
        remote.open = true;
        if (!with_mutex)
            ck_assert_int_eq(pthread_mutex_unlock(&remote.mutex), 0);
        ck_assert_int_eq(awaken(remote.cond), 0);
        ck_assert_int_eq(pthread_cond_destroy(remote.cond), 0);
        ck_assert_int_eq(munmap(remote.cond, size), 0);
        if (with_mutex)
            ck_assert_int_eq(pthread_mutex_unlock(&remote.mutex), 0);
        for (int i = 0; i < count; i++)
            ck_assert_int_eq(unit_finish(&calls[i]), 0);
    }
}

ASSERTION(pthread_cond_destroy, 4,
          "is safe right after a broadcast, though the awoken threads have not returned")
{
    check_destroyed_when_awoken(PTHREAD_PROCESS_PRIVATE, 4, pthread_cond_broadcast, true);
    check_destroyed_when_awoken(PTHREAD_PROCESS_PRIVATE, 4, pthread_cond_broadcast, false);
}

ASSERTION(pthread_cond_destroy, 5, "the same, for a process-shared condition variable")
{
    check_destroyed_when_awoken(PTHREAD_PROCESS_SHARED, 4, pthread_cond_broadcast, true);
    check_destroyed_when_awoken(PTHREAD_PROCESS_SHARED, 4, pthread_cond_broadcast, false);
}

ASSERTION(pthread_cond_destroy, 6,
          "is safe right after a signal to the only thread that is blocked")
{
    check_destroyed_when_awoken(PTHREAD_PROCESS_PRIVATE, 1, pthread_cond_signal, true);
    check_destroyed_when_awoken(PTHREAD_PROCESS_PRIVATE, 1, pthread_cond_signal, false);
}

ASSERTION(pthread_cond_destroy, 7, "is safe when no thread is blocked since waits were cancelled")
{
    struct gate gate;
    struct unit_call call;
    void *result;
    init_gate(&gate, wait_plain);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert_int_eq(pthread_cond_destroy(&gate.cond), 0);
}

ASSERTION(pthread_cond_destroy, 8, "is safe when no thread is blocked since waits timed out")
{
    pthread_cond_t cond;
    ck_assert_int_eq(pthread_cond_init(&cond, NULL), 0);
    check_timed_by(&cond, CLOCK_REALTIME);
    ck_assert_int_eq(pthread_cond_destroy(&cond), 0);
}

ASSERTION(pthread_cond_destroy, 9, "does not return EINTR")
{
    while (hailing())
        init_and_destroy();
}

static struct gate static_gate = {
    .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .wait = wait_plain};

static void check_automatic_initialiser(void)
{
    struct gate gate = {
        .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .wait = wait_plain};
    check_signals(&gate);
}

ASSERTION_OF_NAME(PTHREAD_COND_INITIALIZER, 1,
                  "initialises a static condition variable, without a call of pthread_cond_init")
{
    check_signals(&static_gate);
}

ASSERTION_OF_NAME(PTHREAD_COND_INITIALIZER, 2, "initialises an automatic one too")
{
    check_automatic_initialiser();
}

ASSERTION_OF_NAME(PTHREAD_COND_INITIALIZER, 3, "gives the default attributes")
{
    check_timed_by(&static_gate.cond, CLOCK_REALTIME);
}

ASSERTION_OF_NAME(PTHREAD_COND_INITIALIZER, 4, "what it initialised can be destroyed")
{
    ck_assert_int_eq(pthread_cond_destroy(&static_gate.cond), 0);
}

/* ---- Every wait ---- */

static void check_blocks(wait_function *wait)
{
    struct gate gate;
    struct unit_call call;
    init_gate(&gate, wait);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    unit_wait_until_blocked(&call);
    open_gate(&gate);
    unit_finish(&call);
}

ASSERTION_OF_WAITS(1, "blocks the calling thread on the condition variable", check_blocks)

static void check_releases(wait_function *wait)
{
    struct gate gate;
    struct unit_call call;
    init_gate(&gate, wait);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_mutex_trylock(&gate.mutex), 0);
    unlock(&gate);
    open_gate(&gate);
    unit_finish(&call);
}

ASSERTION_OF_WAITS(2, "releases the mutex while it blocks", check_releases)

/* Two threads that take turns: a signal that is missed leaves both waiting. */
struct turns {
    struct gate gate;
    awaken_function *awaken;
    int turn;
    int rounds;
};

static void take_turns(struct turns *turns, int me)
{
    struct gate *gate = &turns->gate;
    lock(gate);
    for (int i = 0; i < turns->rounds; i++) {
        while (turns->turn != me)
            ck_assert_int_eq(gate->wait(&gate->cond, &gate->mutex), 0);
        turns->turn = !me;
        ck_assert_int_eq(turns->awaken(&gate->cond), 0);
    }
    unlock(gate);
}

static int take_second_turns(void *argument)
{
    take_turns(argument, 1);
    return 0;
}

static void check_turns(wait_function *wait, awaken_function *awaken)
{
    struct turns turns = {.awaken = awaken, .rounds = 1000};
    struct unit_call call;
    init_gate(&turns.gate, wait);
    unit_start(&call, take_second_turns, &turns);
    take_turns(&turns, 0);
    unit_finish(&call);
}

static void check_one_step(wait_function *wait)
{
    check_turns(wait, pthread_cond_signal);
}

ASSERTION_OF_WAITS(3,
                   "releases the mutex and blocks in one step: a thread that then gets the mutex "
                   "signals one that is blocked",
                   check_one_step)

static void check_returns_0(wait_function *wait)
{
    struct gate gate;
    struct unit_call call;
    init_gate(&gate, wait);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    open_gate(&gate);
    ck_assert_int_eq(unit_finish(&call), 0);
}

ASSERTION_OF_WAITS(4, "returns 0 when it is signalled", check_returns_0)

static int own_after_wait(void *argument)
{
    struct gate *gate = argument;
    lock(gate);
    gate->entered++;
    while (!gate->open)
        ck_assert_int_eq(gate->wait(&gate->cond, &gate->mutex), 0);
    ck_assert_int_eq(unit_elsewhere(try_lock, &gate->mutex), EBUSY);
    ck_assert_int_eq(pthread_mutex_lock(&gate->mutex), EDEADLK);
    return pthread_mutex_unlock(&gate->mutex);
}

static void check_owns(wait_function *wait)
{
    struct gate gate;
    struct unit_call call;
    init_gate(&gate, wait);
    unit_start(&call, own_after_wait, &gate);
    await_entered(&gate, 1);
    open_gate(&gate);
    ck_assert_int_eq(unit_finish(&call), 0);
}

ASSERTION_OF_WAITS(5, "the calling thread has locked, and owns, the mutex when it returns",
                   check_owns)

static int open_and_end(void *argument)
{
    struct gate *gate = argument;
    lock(gate);
    gate->open = true;
    return pthread_cond_signal(&gate->cond); /* and leave the mutex locked */
}

static void check_owner_dead(wait_function *wait)
{
    struct gate gate;
    struct unit_call call;
    init_robust_gate(&gate, wait, PTHREAD_PROCESS_PRIVATE);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    ck_assert_int_eq(unit_elsewhere(open_and_end, &gate), 0);
    ck_assert_int_eq(unit_finish(&call), EOWNERDEAD);
    ck_assert_int_eq(gate.passed, 1);
    lock(&gate);
}

ASSERTION_OF_WAITS(6,
                   "returns EOWNERDEAD, the mutex acquired, when a thread ended that owned the "
                   "robust mutex",
                   check_owner_dead)

/* A condition variable and the mutex that one thread waits with. */
struct binding {
    pthread_cond_t *cond;
    pthread_mutex_t *mutex;
    wait_function *wait;
    atomic_int entered;
};

/* What unlocking gives is whether the mutex was this thread's. */
static int wait_bound(void *argument)
{
    struct binding *binding = argument;
    ck_assert_int_eq(pthread_mutex_lock(binding->mutex), 0);
    atomic_store(&binding->entered, 1);
    ck_assert_int_eq(binding->wait(binding->cond, binding->mutex), 0);
    return pthread_mutex_unlock(binding->mutex);
}

static void lock_when_bound(struct binding *binding)
{
    unit_wait_for(&binding->entered, 1);
    ck_assert_int_eq(pthread_mutex_lock(binding->mutex), 0);
}

static void check_binds_anew(wait_function *wait)
{
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    for (int i = 0; i < 3; i++) {
        pthread_mutex_t mutex;
        struct binding binding = {&cond, &mutex, wait, 0};
        struct unit_call call;
        init_mutex(&mutex);
        unit_start(&call, wait_bound, &binding);
        lock_when_bound(&binding);
        ck_assert_int_eq(pthread_cond_broadcast(&cond), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(unit_finish(&call), 0);
        ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    }
}

ASSERTION_OF_WAITS(7, "once all threads are unblocked, the next wait may be with another mutex",
                   check_binds_anew)

static void check_keeps_own_mutex(wait_function *wait)
{
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pthread_mutex_t mutexes[2];
    struct binding first = {&cond, &mutexes[0], wait, 0}, second = {&cond, &mutexes[1], wait, 0};
    struct unit_call calls[2];
    init_mutex(&mutexes[0]);
    init_mutex(&mutexes[1]);
    unit_start(&calls[0], wait_bound, &first);
    lock_when_bound(&first);
    ck_assert_int_eq(pthread_cond_broadcast(&cond), 0);

    /* The first is unblocked but for its mutex; the second binds another. */
    unit_start(&calls[1], wait_bound, &second);
    lock_when_bound(&second);
    ck_assert_int_eq(pthread_cond_broadcast(&cond), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutexes[1]), 0);
    ck_assert_int_eq(unit_finish(&calls[1]), 0);

    unit_wait_until_blocked(&calls[0]);
    ck_assert_int_eq(pthread_mutex_unlock(&mutexes[0]), 0);
    ck_assert_int_eq(unit_finish(&calls[0]), 0);
}

ASSERTION_OF_WAITS(8,
                   "a thread re-acquires the mutex it waited with, when others wait with another "
                   "before it returns",
                   check_keeps_own_mutex)

static void check_cancel_pending(wait_function *wait)
{
    struct gate gate;
    struct unit_call call;
    void *result;
    init_gate(&gate, wait);
    unit_start(&call, pass_when_cancelled, &gate);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

ASSERTION_OF_WAITS(9, "is a cancellation point: acts on a request that is there when it is called",
                   check_cancel_pending)

static void check_cancel_blocked(wait_function *wait)
{
    struct gate gate;
    struct unit_call call;
    void *result;
    init_gate(&gate, wait);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

ASSERTION_OF_WAITS(10, "is a cancellation point: a thread that is blocked in it acts on a request",
                   check_cancel_blocked)

/* The handler finds out whether it has the mutex while this thread has. */
static void check_cancel_mutex(wait_function *wait)
{
    struct gate gate;
    struct unit_call call;
    void *result;
    init_gate(&gate, wait);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    unit_wait_until_blocked(&call);
    lock(&gate);
    gate.held = true;
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    unit_wait_until_blocked(&call);
    gate.held = false;
    unlock(&gate);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert_int_eq(gate.cleaned, 1);
}

ASSERTION_OF_WAITS(11,
                   "re-acquires the mutex before the first cleanup handler runs, when cancelled",
                   check_cancel_mutex)

/* Of two threads that are blocked one is cancelled, then the condition signalled. */
static void check_cancel_signal(wait_function *wait)
{
    enum { ROUNDS = 150 };
    for (int round = 0; round < ROUNDS; round++) {
        struct gate gate;
        struct unit_call calls[2];
        init_gate(&gate, wait);
        struct unit_call *victim = &calls[round % 2], *other = &calls[!(round % 2)];
        unit_start(&calls[0], pass, &gate);
        await_entered(&gate, 1);
        unit_start(&calls[1], pass, &gate);
        lock_when_entered(&gate, 2);
        gate.open = true;
        if (round % 4 < 2)
            unlock(&gate);
        ck_assert_int_eq(pthread_cancel(victim->thread), 0);
        ck_assert_int_eq(pthread_cond_signal(&gate.cond), 0);
        if (round % 4 >= 2)
            unlock(&gate);
        ck_assert_int_eq(pthread_join(victim->thread, NULL), 0);
        if (atomic_load(&victim->returned)) /* the signal ended its wait */
            ck_assert_int_eq(pthread_cond_signal(&gate.cond), 0);
        ck_assert_int_eq(unit_finish(other), 0);
    }
}

ASSERTION_OF_WAITS(12,
                   "a thread that is cancelled consumes no signal while other threads are blocked",
                   check_cancel_signal)

static void check_interrupted(wait_function *wait)
{
    enum { TIMES = 10 };
    struct gate gate;
    struct unit_call call;
    catch_signal(SIGUSR1, count_signal, 0);
    init_gate(&gate, wait);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    for (int i = 1; i <= TIMES; i++) {
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
        unit_wait_for(&handled, i);
    }
    unit_wait_until_blocked(&call);
    open_gate(&gate);
    ck_assert_int_eq(unit_finish(&call), 0);
}

ASSERTION_OF_WAITS(13, "after a signal handler the thread waits on, or returns 0: never EINTR",
                   check_interrupted)

static void check_not_owner(wait_function *wait)
{
    struct gate gate;
    init_gate(&gate, wait);
    ck_assert_int_eq(wait(&gate.cond, &gate.mutex), EPERM);
    ck_assert_int_eq(unit_elsewhere(lock_and_end, &gate.mutex), 0);
    ck_assert_int_eq(wait(&gate.cond, &gate.mutex), EPERM);
}

ASSERTION_OF_WAITS(14, "fails with EPERM if the thread does not own the error-checking mutex",
                   check_not_owner)

static void check_not_robust_owner(wait_function *wait)
{
    pthread_mutex_t mutex;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    ck_assert_int_eq(unit_mutex_init(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE,
                                     PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE),
                     0);
    ck_assert_int_eq(wait(&cond, &mutex), EPERM);
}

ASSERTION_OF_WAITS(15, "fails with EPERM if the thread does not own the robust mutex",
                   check_not_robust_owner)

static int wait_not_owning(void *argument)
{
    struct gate *gate = argument;
    return gate->wait(&gate->cond, &gate->mutex);
}

static void check_unchanged(wait_function *wait)
{
    struct gate gate;
    init_gate(&gate, wait);
    ck_assert_int_eq(wait_not_owning(&gate), EPERM);
    ck_assert_int_eq(unit_elsewhere(try_lock, &gate.mutex), 0);
    lock(&gate);
    ck_assert_int_eq(unit_elsewhere(wait_not_owning, &gate), EPERM);
    ck_assert_int_eq(unit_elsewhere(try_lock, &gate.mutex), EBUSY);
    unlock(&gate);
}

ASSERTION_OF_WAITS(16, "the mutex is as it was when the call fails with EPERM", check_unchanged)

static void check_unrecoverable(wait_function *wait)
{
    struct gate gate;
    struct unit_call call;
    init_robust_gate(&gate, wait, PTHREAD_PROCESS_PRIVATE);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    ck_assert_int_eq(unit_elsewhere(lock_and_end, &gate.mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&gate.mutex), EOWNERDEAD);
    gate.open = true;
    ck_assert_int_eq(pthread_cond_signal(&gate.cond), 0);
    unlock(&gate); /* without pthread_mutex_consistent() */
    ck_assert_int_eq(unit_finish(&call), ENOTRECOVERABLE);
}

ASSERTION_OF_WAITS(17, "fails with ENOTRECOVERABLE if what the robust mutex protects is lost",
                   check_unrecoverable)

static int open_and_die(void *argument)
{
    struct gate *gate = argument;
    lock_when_entered(gate, 1);
    gate->open = true;
    ck_assert_int_eq(pthread_cond_signal(&gate->cond), 0);
    return kill(getpid(), SIGKILL);
}

static void check_process_dead(wait_function *wait)
{
    int fd = unit_memory(sizeof(struct gate)), status;
    struct gate *gate = unit_map(fd, sizeof *gate);
    init_robust_gate(gate, wait, PTHREAD_PROCESS_SHARED);
    pid_t pid = fork_with_gate(fd, gate, open_and_die);
    ck_assert_int_eq(pass(gate), EOWNERDEAD);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    lock(gate);
}

ASSERTION_OF_WAITS(18, "returns EOWNERDEAD when the process died whose thread owned the mutex",
                   check_process_dead)

/* ---- Waits with an end ---- */

/* A wait, and the clock that its end is on. */
struct timing {
    clockid_t clock;
    int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    wait_function *wait_far;
};

static int clockwait_monotonic(pthread_cond_t *cond, pthread_mutex_t *mutex,
                               const struct timespec *end)
{
    return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, end);
}

static int clockwait_realtime(pthread_cond_t *cond, pthread_mutex_t *mutex,
                              const struct timespec *end)
{
    return pthread_cond_clockwait(cond, mutex, CLOCK_REALTIME, end);
}

static const struct timing by_timedwait = {CLOCK_REALTIME, pthread_cond_timedwait, wait_timed},
                           by_clockwait = {CLOCK_MONOTONIC, clockwait_monotonic, wait_clock},
                           by_real_clockwait = {CLOCK_REALTIME, clockwait_realtime, wait_clock};

#define ASSERTION_OF_TIMED_WAITS(number, text, check)                                              \
    ASSERTION(pthread_cond_timedwait, number, text)                                                \
    {                                                                                              \
        check(&by_timedwait);                                                                      \
    }                                                                                              \
    ASSERTION(pthread_cond_clockwait, number, text)                                                \
    {                                                                                              \
        check(&by_clockwait);                                                                      \
    }

/* Wait until the end, which is `ms` from now; the mutex is locked before and after. */
static void time_out(struct gate *gate, const struct timing *timing, long ms)
{
    struct timespec end = unit_deadline(timing->clock, ms);
    int error;
    do
        error = timing->wait(&gate->cond, &gate->mutex, &end);
    while (error == 0);
    ck_assert_int_eq(error, ETIMEDOUT);
    is_over(timing->clock, end);
}

static void check_times_out(const struct timing *timing)
{
    struct gate gate;
    init_gate(&gate, NULL);
    lock(&gate);
    time_out(&gate, timing, 30);
}

ASSERTION_OF_TIMED_WAITS(19, "fails with ETIMEDOUT once the clock has the end, not before",
                         check_times_out)

static void check_past(const struct timing *timing)
{
    struct gate gate;
    struct timespec start = {0, 0};
    init_gate(&gate, NULL);
    lock(&gate);
    time_out(&gate, timing, 0);
    time_out(&gate, timing, -1000);
    ck_assert_int_eq(timing->wait(&gate.cond, &gate.mutex, &start), ETIMEDOUT);
}

ASSERTION_OF_TIMED_WAITS(20, "fails with ETIMEDOUT if the end has passed before the call",
                         check_past)

/* Holds the mutex from when the wait releases it until after the wait's end. */
struct holder {
    struct gate *gate;
    clockid_t clock;
    struct timespec end;
    bool got, released;
};

static int hold_past_end(void *argument)
{
    struct holder *holder = argument;
    struct timespec nap = {0, 1000000}, now;
    lock(holder->gate);
    holder->got = true;
    do {
        nanosleep(&nap, NULL);
        clock_gettime(holder->clock, &now);
    } while (now.tv_sec < holder->end.tv_sec ||
             (now.tv_sec == holder->end.tv_sec && now.tv_nsec < holder->end.tv_nsec));
    nanosleep(&nap, NULL);
    holder->released = true;
    unlock(holder->gate);
    return 0;
}

/* On a busy machine the other thread may come too late to see the mutex free; it gets more time. */
static void check_mutex_at_timeout(const struct timing *timing)
{
    struct gate gate;
    bool seen = false;
    init_gate(&gate, NULL);
    for (long ms = 30; ms < 3000 && !seen; ms *= 4) {
        struct unit_call call;
        lock(&gate);
        struct holder holder = {&gate, timing->clock, unit_deadline(timing->clock, ms), 0, 0};
        unit_start(&call, hold_past_end, &holder);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(timing->wait(&gate.cond, &gate.mutex, &holder.end), ETIMEDOUT);
        seen = holder.got;
        ck_assert(!seen || holder.released);
        unlock(&gate); /* by its owner */
        unit_finish(&call);
    }
    ck_assert(seen);
}

ASSERTION_OF_TIMED_WAITS(21, "releases, and re-acquires, the mutex when it times out too",
                         check_mutex_at_timeout)

struct timed_out_waiter {
    struct gate *gate;
    const struct timing *timing;
};

static int enter_and_time_out(void *argument)
{
    struct timed_out_waiter *waiter = argument;
    lock(waiter->gate);
    waiter->gate->entered++;
    time_out(waiter->gate, waiter->timing, 30);
    unlock(waiter->gate);
    return 0;
}

static void check_timeout_takes_none(const struct timing *timing)
{
    for (int first = 0; first < 2; first++) {
        struct gate gate;
        struct unit_call calls[2];
        struct timed_out_waiter waiter = {&gate, timing};
        init_gate(&gate, timing->wait_far);
        for (int i = 0; i < 2; i++) {
            if (i == first)
                unit_start(&calls[i], enter_and_time_out, &waiter);
            else
                unit_start(&calls[i], pass, &gate);
            await_entered(&gate, i + 1);
        }
        unit_finish(&calls[first]);
        lock(&gate);
        gate.open = true;
        ck_assert_int_eq(pthread_cond_signal(&gate.cond), 0);
        unlock(&gate);
        ck_assert_int_eq(unit_finish(&calls[!first]), 0);
    }
}

ASSERTION_OF_TIMED_WAITS(22, "a thread that has timed out is not what a later signal unblocks",
                         check_timeout_takes_none)

static const long bad_nanoseconds[] = {-1, 1000000000, 2000000000};

static void check_bad_nanoseconds(const struct timing *timing)
{
    struct gate gate;
    init_gate(&gate, NULL);
    lock(&gate);
    for (int i = 0; i < 3; i++) {
        struct timespec end = unit_deadline(timing->clock, FAR_MS), past = {0, bad_nanoseconds[i]};
        end.tv_nsec = bad_nanoseconds[i];
        ck_assert_int_eq(timing->wait(&gate.cond, &gate.mutex, &end), EINVAL);
        ck_assert_int_eq(timing->wait(&gate.cond, &gate.mutex, &past), EINVAL);
    }
}

ASSERTION_OF_TIMED_WAITS(23, "fails with EINVAL if nanoseconds are below 0 or 1000 million or more",
                         check_bad_nanoseconds)

static int lock_and_note(void *argument)
{
    struct gate *gate = argument;
    lock(gate);
    gate->passed++;
    unlock(gate);
    return 0;
}

static void check_kept_locked(const struct timing *timing)
{
    struct gate gate;
    struct unit_call call;
    init_gate(&gate, NULL);
    lock(&gate);
    unit_start(&call, lock_and_note, &gate);
    unit_wait_until_blocked(&call);
    struct timespec end = unit_deadline(timing->clock, FAR_MS);
    end.tv_nsec = -1;
    ck_assert_int_eq(timing->wait(&gate.cond, &gate.mutex, &end), EINVAL);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(gate.passed, 0);
    unlock(&gate);
    unit_finish(&call);
}

ASSERTION_OF_TIMED_WAITS(24, "does not release the mutex at all when it fails with EINVAL",
                         check_kept_locked)

ASSERTION(pthread_cond_timedwait, 25, "goes by the clock of the condition variable's attribute")
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    for (int i = 0; i < 2; i++) {
        pthread_cond_t cond;
        init_cond(&cond, clocks[i], PTHREAD_PROCESS_PRIVATE);
        check_timed_by(&cond, clocks[i]);
    }
}

ASSERTION(pthread_cond_clockwait, 25, "takes CLOCK_REALTIME as it does CLOCK_MONOTONIC")
{
    check_times_out(&by_real_clockwait);
}

ASSERTION(pthread_cond_clockwait, 26, "goes by its argument, whatever clock the attribute names")
{
    static const clockid_t attributes[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    for (int i = 0; i < 2; i++) {
        struct gate gate = {.open = false};
        init_mutex(&gate.mutex);
        init_cond(&gate.cond, attributes[i], PTHREAD_PROCESS_PRIVATE);
        lock(&gate);
        time_out(&gate, &by_clockwait, 20);
        time_out(&gate, &by_real_clockwait, 20);
        unlock(&gate);
    }
}

ASSERTION(pthread_cond_clockwait, 27, "fails with EINVAL if the clock is not a known one")
{
    struct gate gate;
    init_gate(&gate, NULL);
    lock(&gate);
    struct timespec end = unit_deadline(CLOCK_MONOTONIC, 20);
    ck_assert_int_eq(pthread_cond_clockwait(&gate.cond, &gate.mutex, 12345, &end), EINVAL);
}

/* ---- Signal and broadcast ---- */

#define ASSERTION_OF_AWAKENING(number, text, check)                                                \
    ASSERTION(pthread_cond_signal, number, text)                                                   \
    {                                                                                              \
        check(pthread_cond_signal);                                                                \
    }                                                                                              \
    ASSERTION(pthread_cond_broadcast, number, text)                                                \
    {                                                                                              \
        check(pthread_cond_broadcast);                                                             \
    }

enum { WAITERS = 4 };

static void start_waiters(struct gate *gate, struct unit_call calls[WAITERS])
{
    for (int i = 0; i < WAITERS; i++)
        unit_start(&calls[i], pass, gate);
    await_entered(gate, WAITERS);
}

static void finish_waiters(struct unit_call calls[WAITERS])
{
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), 0);
}

ASSERTION(pthread_cond_signal, 1, "unblocks at least one of the threads that are blocked")
{
    struct gate gate;
    struct unit_call calls[WAITERS];
    init_gate(&gate, wait_plain);
    start_waiters(&gate, calls);
    lock(&gate);
    gate.open = true;
    ck_assert_int_eq(pthread_cond_signal(&gate.cond), 0);
    unlock(&gate);
    await_passed(&gate, 1);
    open_gate(&gate);
    finish_waiters(calls);
}

ASSERTION(pthread_cond_broadcast, 1, "unblocks all threads that are blocked")
{
    struct gate gate;
    struct unit_call calls[WAITERS];
    init_gate(&gate, wait_plain);
    start_waiters(&gate, calls);
    lock(&gate);
    gate.open = true;
    ck_assert_int_eq(pthread_cond_broadcast(&gate.cond), 0);
    unlock(&gate);
    finish_waiters(calls);
}

ASSERTION(pthread_cond_signal, 2, "as many calls as threads are blocked unblock them all")
{
    struct gate gate;
    struct unit_call calls[WAITERS];
    init_gate(&gate, wait_plain);
    start_waiters(&gate, calls);
    lock(&gate);
    gate.open = true;
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(pthread_cond_signal(&gate.cond), 0);
    unlock(&gate);
    finish_waiters(calls);
}

/* Threads that go from generation to generation; the last of each awakens the others. */
struct generations {
    struct gate gate;
    int arrived;
    int generation;
};

static int go_through_generations(void *argument)
{
    struct generations *generations = argument;
    struct gate *gate = &generations->gate;
    lock(gate);
    for (int i = 0; i < 300; i++) {
        int mine = generations->generation;
        if (++generations->arrived == WAITERS) {
            generations->arrived = 0;
            generations->generation++;
            ck_assert_int_eq(pthread_cond_broadcast(&gate->cond), 0);
        }
        while (generations->generation == mine)
            ck_assert_int_eq(pthread_cond_wait(&gate->cond, &gate->mutex), 0);
    }
    unlock(gate);
    return 0;
}

ASSERTION(pthread_cond_broadcast, 2,
          "threads that begin to wait just after it take no place of those it unblocks")
{
    struct generations generations = {.arrived = 0};
    struct unit_call calls[WAITERS];
    init_gate(&generations.gate, wait_plain);
    for (int i = 0; i < WAITERS; i++)
        unit_start(&calls[i], go_through_generations, &generations);
    finish_waiters(calls);
}

/* Each thread waits just after it has awoken the other, on the same condition variable. */
static void check_not_stolen(awaken_function *awaken)
{
    check_turns(wait_plain, awaken);
}

ASSERTION_OF_AWAKENING(3, "unblocks who is blocked at the time, not a thread that waits later",
                       check_not_stolen)

static void check_not_kept(awaken_function *awaken)
{
    struct gate gate;
    struct unit_call call;
    init_gate(&gate, wait_plain);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(awaken(&gate.cond), 0);
    unit_start(&call, pass, &gate);
    await_entered(&gate, 1);
    unit_wait_until_blocked(&call);
    open_gate(&gate);
    unit_finish(&call);
}

ASSERTION_OF_AWAKENING(4, "has no effect when no thread is blocked: a later wait blocks",
                       check_not_kept)

/* Own what nobody else does: what is read stays as it was, in spite of a chance to change it. */
static int pass_owning(void *argument)
{
    struct gate *gate = argument;
    lock(gate);
    gate->entered++;
    while (!gate->open)
        ck_assert_int_eq(gate->wait(&gate->cond, &gate->mutex), 0);
    int passed = ++gate->passed;
    sched_yield();
    ck_assert_int_eq(gate->passed, passed);
    ck_assert_int_eq(pthread_mutex_lock(&gate->mutex), EDEADLK);
    return pthread_mutex_unlock(&gate->mutex);
}

static void check_each_owns(awaken_function *awaken)
{
    struct gate gate;
    struct unit_call calls[WAITERS];
    init_gate(&gate, wait_plain);
    for (int i = 0; i < WAITERS; i++)
        unit_start(&calls[i], pass_owning, &gate);
    lock_when_entered(&gate, WAITERS);
    gate.open = true;
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(awaken(&gate.cond), 0);
    unlock(&gate);
    finish_waiters(calls);
    ck_assert_int_eq(gate.passed, WAITERS);
}

ASSERTION_OF_AWAKENING(5, "a thread that it unblocks owns its mutex when its wait returns",
                       check_each_owns)

/* Threads of three priorities, on one processor, leave their waits; each notes itself. */
struct queue {
    struct gate gate;
    int order[3];
};

struct queued {
    struct queue *queue;
    int priority;
};

static int pass_with_priority(void *argument)
{
    struct queued *queued = argument;
    struct gate *gate = &queued->queue->gate;
    set_priority(SCHED_FIFO, queued->priority);
    lock(gate);
    gate->entered++;
    while (!gate->open)
        ck_assert_int_eq(gate->wait(&gate->cond, &gate->mutex), 0);
    queued->queue->order[gate->passed++] = queued->priority;
    unlock(gate);
    return 0;
}

static void check_order(awaken_function *awaken)
{
    struct queue queue = {.order = {0}};
    struct queued queued[] = {{&queue, 5}, {&queue, 15}, {&queue, 10}};
    struct unit_call calls[3];
    use_one_processor();
    init_gate(&queue.gate, wait_plain);
    for (int i = 0; i < 3; i++) {
        unit_start(&calls[i], pass_with_priority, &queued[i]);
        await_entered(&queue.gate, i + 1);
    }
    lock(&queue.gate);
    queue.gate.open = true;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(awaken(&queue.gate.cond), 0);
        unlock(&queue.gate);
        await_passed(&queue.gate, i + 1);
        lock(&queue.gate);
    }
    unlock(&queue.gate);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), 0);
    ck_assert_int_eq(queue.order[0], 15);
    ck_assert_int_eq(queue.order[1], 10);
    ck_assert_int_eq(queue.order[2], 5);
}

ASSERTION_OF_AWAKENING(6, "the scheduling policy determines the order of threads: by priority",
                       check_order)

static void check_contends(awaken_function *awaken)
{
    struct gate gate;
    struct unit_call calls[WAITERS];
    init_gate(&gate, wait_plain);
    start_waiters(&gate, calls);
    lock(&gate);
    gate.open = gate.held = true;
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(awaken(&gate.cond), 0);
    for (int i = 0; i < WAITERS; i++)
        unit_wait_until_blocked(&calls[i]);
    gate.held = false;
    unlock(&gate);
    finish_waiters(calls);
}

ASSERTION_OF_AWAKENING(7, "threads that it unblocks wait for their mutex as if to lock it",
                       check_contends)

static void check_without_mutex(awaken_function *awaken)
{
    struct gate gate;
    struct unit_call call;
    init_gate(&gate, wait_plain);
    unit_start(&call, pass, &gate);
    lock_when_entered(&gate, 1);
    gate.open = true;
    unlock(&gate);
    ck_assert_int_eq(awaken(&gate.cond), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
}

ASSERTION_OF_AWAKENING(8, "can be called by a thread that does not own the mutex",
                       check_without_mutex)

struct awakening {
    pthread_cond_t *cond;
    awaken_function *awaken;
};

static int awaken_when_cancelled(void *argument)
{
    struct awakening *awakening = argument;
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    int error = awakening->awaken(awakening->cond);
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL), 0);
    return error;
}

static void check_no_cancellation_point(awaken_function *awaken)
{
    struct gate gate;
    struct awakening awakening = {&gate.cond, awaken};
    struct unit_call waiter, awakener;
    void *result;
    init_gate(&gate, wait_plain);
    unit_start(&waiter, pass, &gate);
    lock_when_entered(&gate, 1);
    gate.open = true;
    unlock(&gate);
    unit_start(&awakener, awaken_when_cancelled, &awakening);
    ck_assert_int_eq(pthread_join(awakener.thread, &result), 0);
    ck_assert_ptr_ne(result, PTHREAD_CANCELED);
    ck_assert_int_eq(awakener.result, 0);
    ck_assert_int_eq(unit_finish(&waiter), 0);
}

ASSERTION_OF_AWAKENING(9, "is no cancellation point", check_no_cancellation_point)

static void check_0(awaken_function *awaken)
{
    struct gate gate;
    struct unit_call call;
    init_gate(&gate, wait_plain);
    ck_assert_int_eq(awaken(&gate.cond), 0);
    unit_start(&call, pass, &gate);
    lock_when_entered(&gate, 1);
    gate.open = true;
    ck_assert_int_eq(awaken(&gate.cond), 0);
    unlock(&gate);
    unit_finish(&call);
    ck_assert_int_eq(awaken(&gate.cond), 0);
}

ASSERTION_OF_AWAKENING(10, "returns 0, whether threads are blocked or not", check_0)

static pthread_cond_t signalled = PTHREAD_COND_INITIALIZER;

static void signal_it(void)
{
    ck_assert_int_eq(pthread_cond_signal(&signalled), 0);
}

static void broadcast_it(void)
{
    ck_assert_int_eq(pthread_cond_broadcast(&signalled), 0);
}

ASSERTION(pthread_cond_signal, 11, "does not return EINTR")
{
    while (hailing())
        signal_it();
}

ASSERTION(pthread_cond_broadcast, 11, "does not return EINTR")
{
    while (hailing())
        broadcast_it();
}

/* ---- Attributes ---- */

ASSERTION(pthread_condattr_init, 1, "initialises an attributes object; returns 0")
{
    pthread_condattr_t attr;
    memset(&attr, 0xa5, sizeof attr);
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
}

static void check_attributes(const pthread_condattr_t *attr, clockid_t clock, int pshared)
{
    clockid_t its_clock = 12345;
    int its_pshared = 12345;
    ck_assert_int_eq(pthread_condattr_getclock(attr, &its_clock), 0);
    ck_assert_int_eq(its_clock, clock);
    ck_assert_int_eq(pthread_condattr_getpshared(attr, &its_pshared), 0);
    ck_assert_int_eq(its_pshared, pshared);
}

ASSERTION(pthread_condattr_init, 2, "every attribute has its default value")
{
    pthread_condattr_t attr;
    memset(&attr, 0xa5, sizeof attr);
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    check_attributes(&attr, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
}

UNTESTED(pthread_condattr_init, 3, "fails with ENOMEM when there is not enough memory",
         "an attributes object may need no memory beyond its own")

static void init_and_destroy_attr(void)
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
}

ASSERTION(pthread_condattr_init, 4, "does not return EINTR")
{
    while (hailing())
        init_and_destroy_attr();
}

ASSERTION(pthread_condattr_destroy, 1, "destroys an attributes object; returns 0")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
}

ASSERTION(pthread_condattr_destroy, 2, "a destroyed object can be initialised again, with defaults")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    check_attributes(&attr, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_condattr_destroy, 3, "leaves a condition variable alone that was made with it")
{
    pthread_condattr_t attr;
    pthread_cond_t cond;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
    memset(&attr, 0xa5, sizeof attr);
    check_timed_by(&cond, CLOCK_MONOTONIC);
}

ASSERTION(pthread_condattr_destroy, 4, "does not return EINTR")
{
    while (hailing())
        init_and_destroy_attr();
}

ASSERTION(pthread_condattr_getclock, 1, "gives the clock attribute, and returns 0")
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_MONOTONIC};
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    for (int i = 0; i < 3; i++) {
        clockid_t clock = 12345;
        ck_assert_int_eq(pthread_condattr_setclock(&attr, clocks[i]), 0);
        ck_assert_int_eq(pthread_condattr_getclock(&attr, &clock), 0);
        ck_assert_int_eq(clock, clocks[i]);
    }
}

ASSERTION(pthread_condattr_getclock, 2, "the default is the system clock")
{
    pthread_condattr_t attr;
    clockid_t clock = 12345;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_getclock(&attr, &clock), 0);
    ck_assert_int_eq(clock, CLOCK_REALTIME);
}

static void set_and_get(void)
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    check_attributes(&attr, CLOCK_MONOTONIC, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
}

ASSERTION(pthread_condattr_getclock, 3, "does not return EINTR")
{
    while (hailing())
        set_and_get();
}

ASSERTION(pthread_condattr_setclock, 1, "sets the clock attribute, no other, and returns 0")
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
    static const int pshareds[] = {PTHREAD_PROCESS_SHARED, PTHREAD_PROCESS_PRIVATE};
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_condattr_setpshared(&attr, pshareds[i / 2]), 0);
        ck_assert_int_eq(pthread_condattr_setclock(&attr, clocks[i % 2]), 0);
        check_attributes(&attr, clocks[i % 2], pshareds[i / 2]);
    }
}

ASSERTION(pthread_condattr_setclock, 2, "pthread_cond_timedwait goes by that clock")
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
    for (int i = 0; i < 2; i++) {
        pthread_condattr_t attr;
        pthread_cond_t cond;
        ck_assert_int_eq(pthread_condattr_init(&attr), 0);
        ck_assert_int_eq(pthread_condattr_setclock(&attr, clocks[i]), 0);
        ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
        check_timed_by(&cond, clocks[i]);
    }
}

ASSERTION(pthread_condattr_setclock, 3, "leaves a condition variable alone that was made before")
{
    pthread_condattr_t attr;
    pthread_cond_t cond;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_cond_init(&cond, &attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    check_timed_by(&cond, CLOCK_REALTIME);
}

ASSERTION(pthread_condattr_setclock, 4, "fails, with EINVAL, for a clock of processor time")
{
    clockid_t of_thread, of_process;
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_getcpuclockid(pthread_self(), &of_thread), 0);
    ck_assert_int_eq(clock_getcpuclockid(0, &of_process), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, of_thread), EINVAL);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, of_process), EINVAL);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_THREAD_CPUTIME_ID), EINVAL);
}

ASSERTION(pthread_condattr_setclock, 5, "may fail with EINVAL for a clock that is not known")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    int error = pthread_condattr_setclock(&attr, 12345);
    ck_assert(error == 0 || error == EINVAL);
}

ASSERTION(pthread_condattr_setclock, 6, "does not return EINTR")
{
    while (hailing())
        set_and_get();
}

ASSERTION(pthread_condattr_getpshared, 1, "gives the process-shared attribute, and returns 0")
{
    static const int values[] = {PTHREAD_PROCESS_SHARED, PTHREAD_PROCESS_PRIVATE};
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    for (int i = 0; i < 2; i++) {
        int pshared = 12345;
        ck_assert_int_eq(pthread_condattr_setpshared(&attr, values[i]), 0);
        ck_assert_int_eq(pthread_condattr_getpshared(&attr, &pshared), 0);
        ck_assert_int_eq(pshared, values[i]);
    }
}

ASSERTION(pthread_condattr_getpshared, 2, "the default is PTHREAD_PROCESS_PRIVATE")
{
    pthread_condattr_t attr;
    int pshared = 12345;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_getpshared(&attr, &pshared), 0);
    ck_assert_int_eq(pshared, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_condattr_getpshared, 3, "does not return EINTR")
{
    while (hailing())
        set_and_get();
}

ASSERTION(pthread_condattr_setpshared, 1, "sets the process-shared attribute, no other; returns 0")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    check_attributes(&attr, CLOCK_MONOTONIC, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE), 0);
    check_attributes(&attr, CLOCK_MONOTONIC, PTHREAD_PROCESS_PRIVATE);
}

ASSERTION(pthread_condattr_setpshared, 2,
          "PTHREAD_PROCESS_SHARED lets any thread operate that has access to the memory")
{
    int fd = unit_memory(sizeof(struct gate));
    struct gate *gate = unit_map(fd, sizeof *gate);
    init_shared_gate(gate);
    pid_t waiter = fork_with_gate(fd, gate, pass);
    open_when_entered(gate);
    unit_reap(waiter);
}

ASSERTION(pthread_condattr_setpshared, 3, "may fail with EINVAL for a value that is neither")
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    int error = pthread_condattr_setpshared(&attr, 12345);
    ck_assert(error == 0 || error == EINVAL);
}

ASSERTION(pthread_condattr_setpshared, 4, "does not return EINTR")
{
    while (hailing())
        set_and_get();
}
