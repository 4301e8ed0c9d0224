/*
 * C condition variables: XSH cnd_broadcast, cnd_destroy and cnd_timedwait. The threads are POSIX's,
 * which can be cancelled.
 */
#include "c11.h"
#include <sys/prctl.h>

static atomic_int owned;
static struct timespec end;

/* The two waits; one has an end, but far away. */
typedef int wait_function(cnd_t *, mtx_t *);

static int timedwait(cnd_t *c, mtx_t *m)
{
    struct timespec far = deadline(FAR_MS);
    return cnd_timedwait(c, m, &far);
}

/* A wait may end without reason: threads wait for a ticket each, and tickets are what ends it. */
static cnd_t cnd;
static wait_function *waiting;
static int entered, tickets, passed; /* under the mutex */
static bool cleaned;
static atomic_int may_unlock;

static void init_cnd(wait_function *function)
{
    waiting = function;
    entered = tickets = passed = 0;
    atomic_store(&may_unlock, 1);
    init(mtx_plain);
    ck_assert_int_eq(cnd_init(&cnd), thrd_success);
}

static void unlock_when_cancelled(void *unused)
{
    (void)unused;
    cleaned = true;
    unit_wait_for(&may_unlock, 1);
    unlock();
}

static int pass(void *unused)
{
    (void)unused;
    volatile int result = thrd_success;
    lock();
    entered++;
    pthread_cleanup_push(unlock_when_cancelled, NULL);
    while (result == thrd_success && tickets == 0)
        result = waiting(&cnd, &mtx);
    pthread_cleanup_pop(0);
    if (result == thrd_success) {
        tickets--;
        passed++;
    }
    atomic_store(&owned, 1);
    while (atomic_load(&may_unlock) == 0)
        sched_yield(); /* no cancellation point */
    unlock();
    return result;
}

/* Lock the mutex when so many threads have come to wait: then they do, as they have released it. */
static void lock_with_waiters(int count)
{
    for (;;) {
        lock();
        if (entered >= count)
            return;
        unlock();
        nap();
    }
}

static void start_passing(struct unit_call *calls, int count)
{
    for (int i = 0; i < count; i++) {
        unit_start(&calls[i], pass, NULL);
        lock_with_waiters(i + 1);
        unlock();
    }
}

static void finish_passing(struct unit_call *calls, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), thrd_success);
}

static void give_ticket(int (*awaken)(cnd_t *), int count)
{
    lock();
    tickets += count;
    ck_assert_int_eq(awaken(&cnd), thrd_success);
    unlock();
}

ASSERTION(cnd_init, 1, "initialises a condition variable, and returns thrd_success")
{
    struct unit_call call;
    memset(&cnd, 0xa5, sizeof cnd);
    init_cnd(cnd_wait);
    start_passing(&call, 1);
    give_ticket(cnd_signal, 1);
    finish_passing(&call, 1);
}

ASSERTION(cnd_init, 2, "a thread that waits on it then blocks")
{
    struct unit_call call;
    init_cnd(cnd_wait);
    start_passing(&call, 1);
    unit_wait_until_blocked(&call);
    give_ticket(cnd_signal, 1);
    finish_passing(&call, 1);
}

UNTESTED(cnd_init, 3, "returns thrd_nomem when there is no memory for it",
         "the caller provides the memory, and no way is known to make it need more")

static void init_and_destroy_cnd(void)
{
    ck_assert_int_eq(cnd_init(&cnd), thrd_success);
    cnd_destroy(&cnd);
}

ASSERTION(cnd_init, 4, "a signal handler that runs meanwhile changes nothing")
{
    while (hailing())
        init_and_destroy_cnd();
}

ASSERTION(cnd_destroy, 1,
          "one that no thread is blocked on can be destroyed, and initialised again")
{
    for (int i = 0; i < 20; i++) {
        struct unit_call call;
        init_cnd(cnd_wait);
        start_passing(&call, 1);
        give_ticket(cnd_signal, 1);
        finish_passing(&call, 1);
        cnd_destroy(&cnd);
        memset(&cnd, 0xa5, sizeof cnd);
    }
}

ASSERTION(cnd_destroy, 2, "a signal handler that runs meanwhile changes nothing")
{
    while (hailing())
        init_and_destroy_cnd();
}

/* The same assertion about both waits. */
#define ASSERTION_OF_WAITS(number, text, check)                                                    \
    ASSERTION(cnd_wait, number, text)                                                              \
    {                                                                                              \
        check(cnd_wait);                                                                           \
    }                                                                                              \
    ASSERTION(cnd_timedwait, number, text)                                                         \
    {                                                                                              \
        check(timedwait);                                                                          \
    }

static void check_wait(wait_function *function)
{
    struct unit_call call;
    init_cnd(function);
    start_passing(&call, 1);
    unit_wait_until_blocked(&call);
    lock(); /* which the thread has released */
    unlock();
    give_ticket(cnd_signal, 1);
    finish_passing(&call, 1);
    ck_assert_int_eq(passed, 1);
}
ASSERTION_OF_WAITS(1, "unlocks the mutex and blocks, until cnd_signal: thrd_success", check_wait)

static void check_wait_broadcast(wait_function *function)
{
    struct unit_call calls[3];
    init_cnd(function);
    start_passing(calls, 3);
    give_ticket(cnd_broadcast, 3);
    finish_passing(calls, 3);
    ck_assert_int_eq(passed, 3);
}
ASSERTION_OF_WAITS(2, "unlocks the mutex and blocks, until cnd_broadcast: thrd_success",
                   check_wait_broadcast)

/* Each time the signal comes as soon as the mutex has been released. */
static int pass_often(void *unused)
{
    (void)unused;
    int result = thrd_success;
    lock();
    for (int i = 0; i < 300 && result == thrd_success; i++) {
        entered++;
        while (result == thrd_success && tickets == 0)
            result = waiting(&cnd, &mtx);
        tickets--;
    }
    unlock();
    return result;
}

static void check_atomic(wait_function *function)
{
    struct unit_call call;
    init_cnd(function);
    unit_start(&call, pass_often, NULL);
    for (int i = 1; i <= 300; i++) {
        for (;;) {
            lock();
            if (entered == i && tickets == 0)
                break;
            unlock();
            sched_yield();
        }
        tickets = 1;
        unlock();
        ck_assert_int_eq(cnd_signal(&cnd), thrd_success);
    }
    ck_assert_int_eq(unit_finish(&call), thrd_success);
}
ASSERTION_OF_WAITS(
    3, "does so atomically: a signal by who gets the mutex then finds the thread blocked",
    check_atomic)

static void check_owns(wait_function *function)
{
    struct unit_call call;
    init_cnd(function);
    atomic_store(&may_unlock, 0);
    start_passing(&call, 1);
    give_ticket(cnd_signal, 1);
    unit_wait_for(&owned, 1);
    ck_assert_int_eq(mtx_trylock(&mtx), thrd_busy);
    atomic_store(&may_unlock, 1);
    finish_passing(&call, 1);
}
ASSERTION_OF_WAITS(4, "the caller owns the mutex again when it returns", check_owns)

static void must_be_cancelled(struct unit_call *call)
{
    void *result;
    ck_assert_int_eq(pthread_join(call->thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert(cleaned);
}

static int pass_with_request(void *unused)
{
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    return pass(unused);
}

static void check_request(wait_function *function)
{
    struct unit_call call;
    init_cnd(function);
    unit_start(&call, pass_with_request, NULL);
    must_be_cancelled(&call);
    is_unlocked();
}
ASSERTION_OF_WAITS(5, "is a cancellation point", check_request)

static void check_cancel(wait_function *function)
{
    struct unit_call call;
    init_cnd(function);
    atomic_store(&may_unlock, 0);
    start_passing(&call, 1);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    while (!*(volatile bool *)&cleaned)
        nap();
    ck_assert_int_eq(mtx_trylock(&mtx), thrd_busy);
    atomic_store(&may_unlock, 1);
    must_be_cancelled(&call);
    is_unlocked();
}
ASSERTION_OF_WAITS(6,
                   "a thread that is cancelled while it is blocked owns the mutex when its first "
                   "cleanup handler runs",
                   check_cancel)

static void check_cancel_and_signal(wait_function *function)
{
    for (int i = 0; i < 50; i++) {
        struct unit_call calls[2];
        void *result;
        init_cnd(function);
        start_passing(calls, 2);
        lock();
        tickets = 1;
        ck_assert_int_eq(pthread_cancel(calls[0].thread), 0);
        ck_assert_int_eq(cnd_signal(&cnd), thrd_success);
        unlock();
        ck_assert_int_eq(pthread_join(calls[0].thread, &result), 0);
        if (result != PTHREAD_CANCELED)
            give_ticket(cnd_signal, 1); /* the first has had the signal */
        finish_passing(&calls[1], 1);
    }
}
ASSERTION_OF_WAITS(7,
                   "a thread that is cancelled leaves a signal sent at the same time to another "
                   "that is blocked",
                   check_cancel_and_signal)

static void check_wait_interrupted(wait_function *function)
{
    struct unit_call call;
    catch_signal(SIGUSR1, count_signal, 0);
    init_cnd(function);
    start_passing(&call, 1);
    for (int i = 0; i < 3; i++)
        interrupt(&call);
    unit_wait_until_blocked(&call);
    give_ticket(cnd_signal, 1);
    finish_passing(&call, 1);
}
ASSERTION_OF_WAITS(8, "after a signal handler has run it goes on waiting, or returns thrd_success",
                   check_wait_interrupted)

static void check_timeout(long ms)
{
    int result = thrd_success;
    init_cnd(timedwait);
    lock();
    end = deadline(ms);
    while (result == thrd_success)
        result = cnd_timedwait(&cnd, &mtx, &end);
    ck_assert_int_eq(result, thrd_timedout);
    is_over(CLOCK_REALTIME, end);
    is_locked();
    unlock();
}

ASSERTION(cnd_timedwait, 9,
          "returns thrd_timedout when the time has come, not before, and the caller owns the mutex")
{
    check_timeout(40);
}

ASSERTION(
    cnd_timedwait, 10,
    "returns thrd_timedout when the time is past before the call, and the caller owns the mutex")
{
    check_timeout(-1000);
}

static int pass_until_end(cnd_t *c, mtx_t *m)
{
    return cnd_timedwait(c, m, &end);
}

ASSERTION(cnd_timedwait, 11, "the mutex is unlocked until the time has come")
{
    struct unit_call call;
    init_cnd(pass_until_end);
    end = deadline(100);
    start_passing(&call, 1); /* which locks and unlocks it */
    ck_assert_int_eq(unit_finish(&call), thrd_timedout);
    is_over(CLOCK_REALTIME, end);
}

/* The same assertion about what ends waits. */
typedef int awaken_function(cnd_t *);

#define ASSERTION_OF_AWAKENING(number, text, check)                                                \
    ASSERTION(cnd_signal, number, text)                                                            \
    {                                                                                              \
        check(cnd_signal);                                                                         \
    }                                                                                              \
    ASSERTION(cnd_broadcast, number, text)                                                         \
    {                                                                                              \
        check(cnd_broadcast);                                                                      \
    }

ASSERTION(cnd_signal, 1, "unblocks at least one of the threads that are blocked; thrd_success")
{
    static wait_function *const functions[] = {cnd_wait, timedwait};
    for (int i = 0; i < 2; i++) {
        struct unit_call calls[3];
        init_cnd(functions[i]);
        start_passing(calls, 3);
        for (int count = 1; count <= 3; count++) {
            give_ticket(cnd_signal, 1);
            for (bool done = false; !done; nap()) {
                lock();
                done = passed == count;
                unlock();
            }
        }
        finish_passing(calls, 3);
    }
}

ASSERTION(cnd_broadcast, 1, "unblocks all threads that are blocked; thrd_success")
{
    check_wait_broadcast(cnd_wait);
    check_wait_broadcast(timedwait);
}

static void check_nobody(awaken_function *function)
{
    init_cnd(cnd_wait);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(function(&cnd), thrd_success);
    check_timeout(10);
}
ASSERTION_OF_AWAKENING(2, "returns thrd_success and does nothing if no thread is blocked",
                       check_nobody)

static void check_owner_awakens(awaken_function *function)
{
    struct unit_call call;
    init_cnd(cnd_wait);
    start_passing(&call, 1);
    lock();
    tickets = 1;
    ck_assert_int_eq(function(&cnd), thrd_success);
    ck_assert_int_eq(passed, 0); /* as it cannot have the mutex */
    unlock();
    finish_passing(&call, 1);
}
ASSERTION_OF_AWAKENING(3,
                       "may be called by the mutex's owner, with whom the thread contends for it",
                       check_owner_awakens)

static void check_other_awakens(awaken_function *function)
{
    struct unit_call call;
    init_cnd(cnd_wait);
    start_passing(&call, 1);
    lock();
    tickets = 1;
    unlock();
    ck_assert_int_eq(function(&cnd), thrd_success);
    finish_passing(&call, 1);
}
ASSERTION_OF_AWAKENING(4, "may be called by who does not own the mutex", check_other_awakens)

/* SCHED_FIFO threads with priorities in the order of their waits, and the places they must have. */
static const struct {
    int priority, place;
} order[] = {{10, 3}, {30, 1}, {20, 2}};
static int places[3];

static int pass_by_priority(void *number)
{
    int i = (int)(intptr_t)number;
    set_priority(SCHED_FIFO, order[i].priority);
    lock();
    entered++;
    while (tickets == 0)
        ck_assert_int_eq(cnd_wait(&cnd, &mtx), thrd_success);
    tickets--;
    places[i] = ++passed;
    unlock();
    return thrd_success;
}

static void start_by_priority(struct unit_call *calls)
{
    use_one_processor(); /* so that the policy decides alone */
    set_priority(SCHED_FIFO, 40);
    init_cnd(cnd_wait);
    for (int i = 0; i < 3; i++) {
        unit_start(&calls[i], pass_by_priority, (void *)(intptr_t)i);
        lock_with_waiters(i + 1);
        unlock();
        unit_wait_until_blocked(&calls[i]);
    }
}

static void check_places(struct unit_call *calls)
{
    finish_passing(calls, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(places[i] == order[i].place, "priority %d had place %d, not %d",
                      order[i].priority, places[i], order[i].place);
}

ASSERTION(cnd_signal, 5, "SCHED_FIFO threads are unblocked in the order of their priorities")
{
    struct unit_call calls[3];
    start_by_priority(calls);
    for (int count = 1; count <= 3; count++) {
        give_ticket(cnd_signal, 1);
        for (bool done = false; !done; nap()) {
            lock();
            done = passed == count;
            unlock();
        }
    }
    check_places(calls);
}

ASSERTION(cnd_broadcast, 5,
          "SCHED_FIFO threads get the mutex in the order of their priorities then")
{
    struct unit_call calls[3];
    start_by_priority(calls);
    give_ticket(cnd_broadcast, 3);
    check_places(calls);
}

static void awaken_nobody(void)
{
    ck_assert_int_eq(cnd_signal(&cnd), thrd_success);
    ck_assert_int_eq(cnd_broadcast(&cnd), thrd_success);
}

static void check_awakening_interrupted(awaken_function *function)
{
    (void)function;
    init_cnd(cnd_wait);
    while (hailing())
        awaken_nobody();
}
ASSERTION_OF_AWAKENING(6, "a signal handler that runs meanwhile changes nothing",
                       check_awakening_interrupted)
