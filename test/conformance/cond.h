/*
 * What the assertions about condition variables share: the waits, a gate to wait at, turns to take.
 *
 * A wait may return without a signal, so threads wait for a predicate, in a loop. A thread that has
 * said under the mutex that it will wait is known to be blocked as soon as another has the mutex.
 */
#ifndef FURWOCK_TEST_CONFORM_COND_H
#define FURWOCK_TEST_CONFORM_COND_H

#include "conform.h"

/* The three waits, with an end far away where they take one. */
typedef int wait_function(pthread_cond_t *, pthread_mutex_t *);

static inline int wait_plain(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return pthread_cond_wait(cond, mutex);
}

static inline int wait_timed(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    struct timespec end = unit_deadline(CLOCK_REALTIME, FAR_MS);
    return pthread_cond_timedwait(cond, mutex, &end);
}

static inline int wait_clock(pthread_cond_t *cond, pthread_mutex_t *mutex)
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

static inline void init_cond(pthread_cond_t *cond, clockid_t clock, int pshared)
{
    pthread_condattr_t attr;
    ck_assert_int_eq(pthread_condattr_init(&attr), 0);
    ck_assert_int_eq(pthread_condattr_setclock(&attr, clock), 0);
    ck_assert_int_eq(pthread_condattr_setpshared(&attr, pshared), 0);
    ck_assert_int_eq(pthread_cond_init(cond, &attr), 0);
    ck_assert_int_eq(pthread_condattr_destroy(&attr), 0);
}

static inline void init_mutex(pthread_mutex_t *mutex)
{
    ck_assert_int_eq(unit_mutex_init(mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_PRIVATE,
                                     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE),
                     0);
}

static inline void init_gate(struct gate *gate, wait_function *wait)
{
    *gate = (struct gate){.wait = wait};
    init_mutex(&gate->mutex);
    ck_assert_int_eq(pthread_cond_init(&gate->cond, NULL), 0);
}

static inline void init_robust_gate(struct gate *gate, wait_function *wait, int pshared)
{
    *gate = (struct gate){.wait = wait};
    ck_assert_int_eq(unit_mutex_init(&gate->mutex, PTHREAD_MUTEX_ERRORCHECK, pshared,
                                     PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE),
                     0);
    init_cond(&gate->cond, CLOCK_REALTIME, pshared);
}

static inline void init_shared_gate(struct gate *gate)
{
    *gate = (struct gate){.wait = wait_plain};
    ck_assert_int_eq(unit_mutex_init(&gate->mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_SHARED,
                                     PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE),
                     0);
    init_cond(&gate->cond, CLOCK_REALTIME, PTHREAD_PROCESS_SHARED);
}

static inline void lock(struct gate *gate)
{
    ck_assert_int_eq(pthread_mutex_lock(&gate->mutex), 0);
}

static inline void unlock(struct gate *gate)
{
    ck_assert_int_eq(pthread_mutex_unlock(&gate->mutex), 0);
}

static inline void unlock_when_cancelled(void *argument)
{
    struct gate *gate = argument;
    ck_assert(!gate->held);
    gate->cleaned++;
    unlock(gate);
}

/* Wait at the gate; what made the wait end. EOWNERDEAD leaves the mutex in order again. */
static inline int pass(void *argument)
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
static inline int pass_when_cancelled(void *argument)
{
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    return pass(argument);
}

/* Return with the mutex locked when so many threads are blocked at the gate. */
static inline void lock_when_entered(struct gate *gate, int count)
{
    struct timespec nap = {0, 100000};
    for (lock(gate); gate->entered < count; lock(gate)) {
        unlock(gate);
        nanosleep(&nap, NULL);
    }
}

static inline void await_entered(struct gate *gate, int count)
{
    lock_when_entered(gate, count);
    unlock(gate);
}

static inline void await_passed(struct gate *gate, int count)
{
    struct timespec nap = {0, 100000};
    for (lock(gate); gate->passed < count; lock(gate)) {
        unlock(gate);
        nanosleep(&nap, NULL);
    }
    unlock(gate);
}

static inline void open_gate(struct gate *gate)
{
    lock(gate);
    gate->open = true;
    ck_assert_int_eq(pthread_cond_broadcast(&gate->cond), 0);
    unlock(gate);
}

static inline int lock_and_end(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

static inline int try_lock(void *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    if (error == 0)
        ck_assert_int_eq(pthread_mutex_unlock(mutex), 0);
    return error;
}

/* The clock that timedwait goes by: it ends neither at once nor never. */
static inline void check_timed_by(pthread_cond_t *cond, clockid_t clock)
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

/* A child maps the gate anew, at another address. */
static inline pid_t fork_with_gate(int fd, const struct gate *here, int (*function)(void *))
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct gate *there = unit_map(fd, sizeof *there);
        unit_child_assert(there != here);
        _exit(function(there));
    }
    return pid;
}

static inline int open_when_entered(void *argument)
{
    struct gate *gate = argument;
    await_entered(gate, 1);
    open_gate(gate);
    return 0;
}

/* Two threads that take turns: a signal that is missed leaves both waiting. */
struct turns {
    struct gate gate;
    awaken_function *awaken;
    int turn;
    int rounds;
};

static inline void take_turns(struct turns *turns, int me)
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

static inline int take_second_turns(void *argument)
{
    take_turns(argument, 1);
    return 0;
}

static inline void check_turns(wait_function *wait, awaken_function *awaken)
{
    struct turns turns = {.awaken = awaken, .rounds = 1000};
    struct unit_call call;
    init_gate(&turns.gate, wait);
    unit_start(&call, take_second_turns, &turns);
    take_turns(&turns, 0);
    unit_finish(&call);
}

#endif
