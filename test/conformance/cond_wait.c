/* Waits: XSH pthread_cond_clockwait, which has all three. */
#include "cond.h"

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
