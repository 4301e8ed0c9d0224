/*
 * Condition variables: XSH pthread_cond_destroy and pthread_cond_broadcast. Waits are in cond_wait.c,
 * attributes in condattr.c.
 */
#include "cond.h"

/* ---- Initialising and destroying ---- */

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
