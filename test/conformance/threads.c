/*
 * C threads: XSH mtx_destroy, mtx_lock, cnd_broadcast, cnd_destroy, cnd_timedwait, thrd_create,
 * thrd_current, thrd_detach, thrd_equal, thrd_exit, thrd_join, thrd_sleep and thrd_yield. call_once
 * is in once.c, and what has tss_ in front in key.c.
 *
 * Mutexes and condition variables do not care for who made a thread: there the threads are POSIX's,
 * which can be cancelled.
 */
#include "conform.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <threads.h>

/* TIME_UTC is the same clock. */
static struct timespec deadline(long ms)
{
    return unit_deadline(CLOCK_REALTIME, ms);
}

static void nap(void)
{
    nanosleep(&(struct timespec){0, 100000}, NULL);
}

/* Interrupt a call that has blocked; the handler has run when this returns. */
static void interrupt(struct unit_call *call)
{
    int before = atomic_load(&handled);
    unit_wait_until_blocked(call);
    ck_assert_int_eq(pthread_kill(call->thread, SIGUSR1), 0);
    unit_wait_for(&handled, before + 1);
}

/* ---- Mutexes ---- */

static const int types[] = {mtx_plain, mtx_plain | mtx_recursive, mtx_timed,
                            mtx_timed | mtx_recursive};
enum { TYPES = 4, FIRST_TIMED = 2 };

static mtx_t mtx;

static void init(int type)
{
    ck_assert_int_eq(mtx_init(&mtx, type), thrd_success);
}

static void lock(void)
{
    ck_assert_int_eq(mtx_lock(&mtx), thrd_success);
}

static void unlock(void)
{
    ck_assert_int_eq(mtx_unlock(&mtx), thrd_success);
}

/* mtx_trylock() may fail for no reason, but hardly each time. */
static int trylock(mtx_t *m)
{
    int result = thrd_busy;
    for (int i = 0; result == thrd_busy && i < 100; i++)
        result = mtx_trylock(m);
    return result;
}

static int timedlock(mtx_t *m)
{
    struct timespec end = deadline(FAR_MS);
    return mtx_timedlock(m, &end);
}

static int try_elsewhere(void *unused)
{
    (void)unused;
    int result = trylock(&mtx);
    if (result == thrd_success)
        unlock();
    return result;
}

static void is_locked(void)
{
    ck_assert_int_eq(unit_elsewhere(try_elsewhere, NULL), thrd_busy);
}

static void is_unlocked(void)
{
    ck_assert_int_eq(unit_elsewhere(try_elsewhere, NULL), thrd_success);
}

static void check_init(int type)
{
    memset(&mtx, 0xa5, sizeof mtx);
    ck_assert_int_eq(mtx_init(&mtx, type), thrd_success);
    is_unlocked();
    lock();
    is_locked();
    if (type & mtx_recursive) {
        lock();
        unlock();
        is_locked();
    }
    unlock();
    is_unlocked();
}

ASSERTION(mtx_init, 1, "mtx_plain makes an unlocked mutex, which is not recursive; thrd_success")
{
    check_init(mtx_plain);
}

ASSERTION(mtx_init, 2, "mtx_timed makes one that has timeouts")
{
    check_init(mtx_timed);
    ck_assert_int_eq(timedlock(&mtx), thrd_success);
}

ASSERTION(mtx_init, 3, "mtx_plain | mtx_recursive makes one that is recursive")
{
    check_init(mtx_plain | mtx_recursive);
}

ASSERTION(mtx_init, 4, "mtx_timed | mtx_recursive makes one that has timeouts and is recursive")
{
    check_init(mtx_timed | mtx_recursive);
    ck_assert_int_eq(timedlock(&mtx), thrd_success);
    ck_assert_int_eq(timedlock(&mtx), thrd_success);
}

UNTESTED(mtx_init, 5, "returns thrd_error if it cannot make the mutex",
         "no way is known to make that happen with a type that is valid")

static void init_and_destroy(void)
{
    init(mtx_timed);
    mtx_destroy(&mtx);
}

ASSERTION(mtx_init, 6, "a signal handler that runs meanwhile changes nothing")
{
    while (hailing())
        init_and_destroy();
}

ASSERTION(mtx_destroy, 1, "an unlocked mutex can be destroyed, and be initialised again then")
{
    for (int i = 0; i < TYPES; i++) {
        init(types[i]);
        lock();
        unlock();
        mtx_destroy(&mtx);
    }
    check_init(mtx_plain);
}

ASSERTION(mtx_destroy, 2, "a signal handler that runs meanwhile changes nothing")
{
    while (hailing())
        init_and_destroy();
}

/* The same assertion about the three functions that lock; `first` is the first of the types. */
typedef int lock_function(mtx_t *);

#define ASSERTION_OF_LOCKS(number, text, check)                                                    \
    ASSERTION(mtx_lock, number, text)                                                              \
    {                                                                                              \
        check(mtx_lock, 0);                                                                        \
    }                                                                                              \
    ASSERTION(mtx_timedlock, number, text)                                                         \
    {                                                                                              \
        check(timedlock, FIRST_TIMED);                                                             \
    }                                                                                              \
    ASSERTION(mtx_trylock, number, text)                                                           \
    {                                                                                              \
        check(trylock, 0);                                                                         \
    }

/* And about the two that wait. */
#define ASSERTION_OF_WAITING_LOCKS(number, text, check)                                            \
    ASSERTION(mtx_lock, number, text)                                                              \
    {                                                                                              \
        check(mtx_lock, 0);                                                                        \
    }                                                                                              \
    ASSERTION(mtx_timedlock, number, text)                                                         \
    {                                                                                              \
        check(timedlock, FIRST_TIMED);                                                             \
    }

static void check_lock(lock_function *function, int first)
{
    for (int i = first; i < TYPES; i++) {
        init(types[i]);
        ck_assert_int_eq(function(&mtx), thrd_success);
        is_locked();
        unlock();
        is_unlocked();
    }
}
ASSERTION_OF_LOCKS(1, "locks an unlocked mutex, and returns thrd_success", check_lock)

static lock_function *locking;
static int guarded;

static int add(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5000; i++) {
        int result;
        do
            result = locking(&mtx);
        while (result == thrd_busy);
        ck_assert_int_eq(result, thrd_success);
        guarded++;
        unlock();
    }
    return 0;
}

static void check_exclusion(lock_function *function, int first)
{
    struct unit_call calls[4];
    locking = function;
    for (int i = first; i < TYPES; i++) {
        guarded = 0;
        init(types[i]);
        for (int j = 0; j < 4; j++)
            unit_start(&calls[j], add, NULL);
        for (int j = 0; j < 4; j++)
            unit_finish(&calls[j]);
        ck_assert_int_eq(guarded, 4 * 5000);
    }
}
ASSERTION_OF_LOCKS(2, "one thread at a time owns the mutex, and sees what owners before it wrote",
                   check_exclusion)

static void check_recursion(lock_function *function, int first)
{
    for (int i = first; i < TYPES; i++) {
        if (!(types[i] & mtx_recursive))
            continue;
        init(types[i]);
        for (int j = 0; j < 5; j++)
            ck_assert_int_eq(function(&mtx), thrd_success);
        for (int j = 0; j < 5; j++) {
            is_locked();
            unlock();
        }
        is_unlocked();
    }
}
ASSERTION_OF_LOCKS(3, "the owner of a recursive mutex locks it again, which counts",
                   check_recursion)

static atomic_int owned;

static int lock_and_unlock(void *unused)
{
    (void)unused;
    int result = locking(&mtx);
    if (result != thrd_success)
        return result;
    atomic_store(&owned, 1);
    return mtx_unlock(&mtx);
}

static void check_waits(lock_function *function, int first)
{
    locking = function;
    for (int i = first; i < TYPES; i++) {
        struct unit_call call;
        init(types[i]);
        lock();
        atomic_store(&owned, 0);
        unit_start(&call, lock_and_unlock, NULL);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(atomic_load(&owned), 0);
        unlock();
        ck_assert_int_eq(unit_finish(&call), thrd_success);
    }
}
ASSERTION_OF_WAITING_LOCKS(4, "blocks while another thread owns the mutex, until it can lock it",
                           check_waits)

static void check_waits_on(lock_function *function, int first)
{
    locking = function;
    catch_signal(SIGUSR1, count_signal, 0);
    for (int i = first; i < TYPES; i++) {
        struct unit_call call;
        init(types[i]);
        lock();
        atomic_store(&owned, 0);
        unit_start(&call, lock_and_unlock, NULL);
        for (int j = 0; j < 3; j++)
            interrupt(&call);
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(atomic_load(&owned), 0);
        unlock();
        ck_assert_int_eq(unit_finish(&call), thrd_success);
    }
}
ASSERTION_OF_WAITING_LOCKS(5, "a thread that waits goes on waiting after a signal handler has run",
                           check_waits_on)

static struct timespec end;

static int lock_until_end(void *unused)
{
    (void)unused;
    return mtx_timedlock(&mtx, &end);
}

ASSERTION(mtx_timedlock, 6, "returns thrd_timedout when the time has come, and not before")
{
    for (int i = FIRST_TIMED; i < TYPES; i++) {
        init(types[i]);
        lock();
        end = deadline(40);
        ck_assert_int_eq(unit_elsewhere(lock_until_end, NULL), thrd_timedout);
        is_over(CLOCK_REALTIME, end);
        is_locked();
        unlock();
        is_unlocked();
    }
}

ASSERTION(mtx_timedlock, 7, "returns thrd_timedout when the time is past before the call")
{
    for (int i = FIRST_TIMED; i < TYPES; i++) {
        init(types[i]);
        lock();
        end = deadline(-1000);
        ck_assert_int_eq(unit_elsewhere(lock_until_end, NULL), thrd_timedout);
        end = (struct timespec){0, 0};
        ck_assert_int_eq(unit_elsewhere(lock_until_end, NULL), thrd_timedout);
    }
}

ASSERTION(mtx_timedlock, 8, "never times out if the mutex can be locked at once")
{
    end = deadline(-1000);
    for (int i = FIRST_TIMED; i < TYPES; i++) {
        init(types[i]);
        ck_assert_int_eq(mtx_timedlock(&mtx, &end), thrd_success);
        if (types[i] & mtx_recursive)
            ck_assert_int_eq(mtx_timedlock(&mtx, &end), thrd_success);
    }
}

ASSERTION(mtx_timedlock, 9, "a signal handler that runs meanwhile does not change when it ends")
{
    struct unit_call call;
    catch_signal(SIGUSR1, count_signal, 0);
    init(mtx_timed);
    lock();
    end = deadline(100);
    unit_start(&call, lock_until_end, NULL);
    interrupt(&call);
    ck_assert_int_eq(unit_finish(&call), thrd_timedout);
    is_over(CLOCK_REALTIME, end);
}

ASSERTION(mtx_trylock, 4, "returns thrd_busy, and does not block, if another thread owns the mutex")
{
    for (int i = 0; i < TYPES; i++) {
        init(types[i]);
        lock();
        is_locked();
    }
}

ASSERTION(mtx_trylock, 5, "returns thrd_busy if the caller owns the mutex, and it is not recursive")
{
    for (int i = 0; i < TYPES; i++) {
        if (types[i] & mtx_recursive)
            continue;
        init(types[i]);
        lock();
        ck_assert_int_eq(mtx_trylock(&mtx), thrd_busy);
        unlock();
        is_unlocked();
    }
}

static void trylock_and_unlock(void)
{
    ck_assert_int_eq(trylock(&mtx), thrd_success);
    unlock();
}

ASSERTION(mtx_trylock, 6, "a signal handler that runs meanwhile changes nothing")
{
    init(mtx_plain);
    while (hailing())
        trylock_and_unlock();
}

ASSERTION(mtx_unlock, 1, "unlocks the mutex, and returns thrd_success")
{
    for (int i = 0; i < TYPES; i++) {
        init(types[i]);
        lock();
        ck_assert_int_eq(mtx_unlock(&mtx), thrd_success);
        is_unlocked();
    }
}

ASSERTION(mtx_unlock, 2, "takes as many calls as the owner of a recursive mutex has locked it")
{
    check_recursion(mtx_lock, 0);
}

ASSERTION(mtx_unlock, 3, "threads that wait for the mutex lock it one after the other")
{
    locking = mtx_lock;
    for (int i = 0; i < TYPES; i++) {
        struct unit_call calls[4];
        init(types[i]);
        lock();
        for (int j = 0; j < 4; j++) {
            unit_start(&calls[j], lock_and_unlock, NULL);
            unit_wait_until_blocked(&calls[j]);
        }
        unlock();
        for (int j = 0; j < 4; j++)
            ck_assert_int_eq(unit_finish(&calls[j]), thrd_success);
    }
}

ASSERTION(mtx_unlock, 4, "a signal handler that runs meanwhile changes nothing")
{
    init(mtx_plain | mtx_recursive);
    while (hailing())
        trylock_and_unlock();
}

/* ---- Condition variables ---- */

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

/* ---- Threads ---- */

/* Call in another thread, until that has ended; the result. */
static int run(thrd_start_t function, void *argument)
{
    thrd_t thread;
    int result = -1;
    ck_assert_int_eq(thrd_create(&thread, function, argument), thrd_success);
    ck_assert_int_eq(thrd_join(thread, &result), thrd_success);
    return result;
}

static int take_tid(void *tid)
{
    *(pid_t *)tid = unit_gettid();
    return 0;
}

ASSERTION(thrd_create, 1,
          "creates a thread that calls the function with its argument; thrd_success")
{
    pid_t tid = 0;
    thrd_t thread;
    ck_assert_int_eq(thrd_create(&thread, take_tid, &tid), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
    ck_assert_int_ne(tid, 0);
    ck_assert_int_ne(tid, unit_gettid());
}

static int take_current(void *id)
{
    *(thrd_t *)id = thrd_current();
    return 0;
}

ASSERTION(thrd_create, 2, "stores the new thread's identifier")
{
    thrd_t thread, there;
    ck_assert_int_eq(thrd_create(&thread, take_current, &there), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
    ck_assert(thrd_equal(thread, there));
}

struct created {
    thrd_t thread;
    int value;
};

static int is_as_created(void *argument)
{
    struct created *created = argument;
    return thrd_equal(created->thread, thrd_current()) && created->value == 4711;
}

ASSERTION(thrd_create, 3,
          "the thread sees what its creator had written, and the identifier that was stored")
{
    for (int i = 0; i < 3000; i++) {
        struct created created = {.value = 4711};
        int result = 0;
        ck_assert_int_eq(thrd_create(&created.thread, is_as_created, &created), thrd_success);
        ck_assert_int_eq(thrd_join(created.thread, &result), thrd_success);
        ck_assert_int_eq(result, true);
    }
}

static int take_mask(void *mask)
{
    return pthread_sigmask(SIG_BLOCK, NULL, mask);
}

ASSERTION(thrd_create, 4, "the thread inherits its creator's signal mask")
{
    sigset_t mine, there;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    sigaddset(&mine, SIGRTMAX);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &mine, NULL), 0);
    ck_assert_int_eq(run(take_mask, &there), 0);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (sigismember(&mine, signal) >= 0)
            ck_assert_int_eq(sigismember(&there, signal), sigismember(&mine, signal));
}

static int take_pending(void *pending)
{
    return sigpending(pending);
}

ASSERTION(thrd_create, 5, "the thread starts with no pending signals")
{
    sigset_t mine, there;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &mine, NULL), 0);
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(run(take_pending, &there), 0);
    ck_assert_int_eq(sigismember(&there, SIGUSR1), 0);
    ck_assert_int_eq(sigpending(&mine), 0);
    ck_assert_int_eq(sigismember(&mine, SIGUSR1), 1);
}

ASSERTION(thrd_create, 6, "the thread does not inherit the thread-local locale")
{
    locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0), there;
    ck_assert(mine != (locale_t)0);
    ck_assert(uselocale(mine) == LC_GLOBAL_LOCALE);
    run(take_locale, &there);
    ck_assert(uselocale((locale_t)0) == mine);
    ck_assert(there == LC_GLOBAL_LOCALE);
}

ASSERTION(thrd_create, 7, "the thread inherits its creator's floating-point environment")
{
    double nearest, upward, there;
    take_third(&nearest);
    round_upward();
    take_third(&upward);
    ck_assert(upward > nearest);
    run(take_third, &there);
    ck_assert(there == upward);
}

static int take_alternate_stack(void *stack)
{
    return sigaltstack(NULL, stack);
}

ASSERTION(thrd_create, 8, "the thread does not inherit the alternate signal stack")
{
    static char memory[1 << 16];
    stack_t mine = {.ss_sp = memory, .ss_size = sizeof memory}, there;
    ck_assert_int_eq(sigaltstack(&mine, NULL), 0);
    ck_assert_int_eq(run(take_alternate_stack, &there), 0);
    ck_assert_int_eq(there.ss_flags & SS_DISABLE, SS_DISABLE);
}

static tss_t key;
static int destroyed;
static void *destroyed_value, *value_in_destructor;

static void destroy(void *value)
{
    destroyed++;
    destroyed_value = value;
    value_in_destructor = tss_get(key);
}

static int set_and_return(void *value)
{
    ck_assert_int_eq(tss_set(key, value), thrd_success);
    return 4711;
}

ASSERTION(thrd_create, 9, "for the function to return is to call thrd_exit with its result")
{
    ck_assert_int_eq(tss_create(&key, destroy), thrd_success);
    ck_assert_int_eq(run(set_and_return, &key), 4711);
    ck_assert_int_eq(destroyed, 1);
}

static int mark(void *done)
{
    *(int *)done = 1;
    return 0;
}

ASSERTION(thrd_create, 10, "returns thrd_nomem, and creates no thread, when there is no memory")
{
    struct rlimit limit;
    thrd_t thread;
    int done = 0;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    int result = thrd_create(&thread, mark, &done);
    limit.rlim_cur = before;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_int_eq(result, thrd_nomem);
    ck_assert_int_eq(done, 0);
}

ASSERTION(thrd_create, 11, "returns thrd_error, and creates no thread, beyond the limit of threads")
{
    enum { NOBODY = 54321 };
    struct rlimit limit = {1, 1};
    thrd_t thread;
    int done = 0;
    if (setrlimit(RLIMIT_NPROC, &limit) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
        unsupported("cannot limit the number of threads");
    ck_assert_int_eq(thrd_create(&thread, mark, &done), thrd_error);
    ck_assert_int_eq(done, 0);
}

static void create_and_join(void)
{
    int done = 0;
    run(mark, &done);
    ck_assert_int_eq(done, 1);
}

ASSERTION(thrd_create, 12, "a signal handler that runs meanwhile changes nothing")
{
    while (hailing())
        create_and_join();
}

ASSERTION(thrd_current, 1, "returns the calling thread's identifier, always the same")
{
    thrd_t first = thrd_current(), thread, there;
    ck_assert_int_eq(thrd_create(&thread, take_current, &there), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
    ck_assert(thrd_equal(there, thread));
    ck_assert(thrd_equal(first, thrd_current()));
}

ASSERTION(thrd_equal, 1, "is not 0 for two identifiers of the same thread")
{
    thrd_t one = thrd_current(), two = thrd_current();
    ck_assert_int_ne(thrd_equal(one, two), 0);
    ck_assert_int_ne((thrd_equal)(one, two), 0);
}

static atomic_int go;

static int wait_for_go(void *unused)
{
    (void)unused;
    unit_wait_for(&go, 1);
    return 4711;
}

ASSERTION(thrd_equal, 2, "is 0 for identifiers of different threads")
{
    thrd_t one, two;
    ck_assert_int_eq(thrd_create(&one, wait_for_go, NULL), thrd_success);
    ck_assert_int_eq(thrd_create(&two, wait_for_go, NULL), thrd_success);
    ck_assert_int_eq(thrd_equal(one, two), 0);
    ck_assert_int_eq(thrd_equal(one, thrd_current()), 0);
    ck_assert_int_eq((thrd_equal)(two, thrd_current()), 0);
}

/* ---- thrd_exit() ---- */

static int exit_with(void *result)
{
    thrd_exit(*(int *)result);
}

ASSERTION(thrd_exit, 1, "ends the calling thread, and gives its result to who joins it")
{
    static const int results[] = {0, 1, -1, 4711, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        ck_assert_int_eq(run(exit_with, (void *)&results[i]), results[i]);
}

static int set_and_exit(void *value)
{
    ck_assert_int_eq(tss_set(key, value), thrd_success);
    thrd_exit(0);
}

ASSERTION(thrd_exit, 2,
          "sets each value that has a destructor to null and calls that with it before")
{
    ck_assert_int_eq(tss_create(&key, destroy), thrd_success);
    value_in_destructor = &key;
    run(set_and_exit, &key);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_ptr_eq(destroyed_value, &key);
    ck_assert_ptr_null(value_in_destructor);
}

static void destroy_again(void *value)
{
    if (++destroyed < TSS_DTOR_ITERATIONS)
        ck_assert_int_eq(tss_set(key, value), thrd_success);
}

ASSERTION(thrd_exit, 3, "repeats that while values are left, up to TSS_DTOR_ITERATIONS times")
{
    ck_assert_int_eq(tss_create(&key, destroy_again), thrd_success);
    run(set_and_exit, &key);
    ck_assert_int_eq(destroyed, TSS_DTOR_ITERATIONS);
}

static int lock_and_exit(void *fd)
{
    lock();
    *(int *)fd = open("/dev/null", O_RDWR);
    thrd_exit(0);
}

ASSERTION(thrd_exit, 4, "releases nothing the process can see: mutexes stay locked, files open")
{
    int fd;
    init(mtx_plain);
    run(lock_and_exit, &fd);
    is_locked();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "", 1), 1);
}

/* What atexit() functions do in a child. */
static atomic_int *at_exit;

static void count_exit(void)
{
    atomic_fetch_add(at_exit, 1);
}

static void map_at_exit(void)
{
    at_exit = unit_map(unit_memory(sizeof *at_exit), sizeof *at_exit);
}

ASSERTION(thrd_exit, 5, "does not call functions that are registered with atexit")
{
    map_at_exit();
    pid_t child = unit_fork();
    if (child == 0) {
        int result = 0;
        unit_child_assert(atexit(count_exit) == 0);
        run(exit_with, &result);
        unit_child_assert(atomic_load(at_exit) == 0);
        _exit(0);
    }
    unit_reap(child);
}

static int outlive_main(void *unused)
{
    (void)unused;
    while (unit_state(getpid(), getpid()) != 'Z')
        nap();
    thrd_exit(4711);
}

ASSERTION(thrd_exit, 6, "of the last thread, ends the process as exit(0) does")
{
    map_at_exit();
    pid_t child = unit_fork();
    if (child == 0) {
        thrd_t thread;
        unit_child_assert(atexit(count_exit) == 0);
        unit_child_assert(thrd_create(&thread, outlive_main, NULL) == thrd_success);
        thrd_exit(1);
    }
    unit_reap(child);
    ck_assert_int_eq(atomic_load(at_exit), 1);
}

/* ---- thrd_join() ---- */

static thrd_t joined;

static int join(void *result)
{
    return thrd_join(joined, result);
}

ASSERTION(thrd_join, 1, "blocks until the thread has ended, and returns thrd_success")
{
    struct unit_call call;
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    unit_start(&call, join, NULL);
    unit_wait_until_blocked(&call);
    atomic_store(&go, 1);
    ck_assert_int_eq(unit_finish(&call), thrd_success);
}

ASSERTION(thrd_join, 2, "stores the thread's result")
{
    int result = 0;
    atomic_store(&go, 1);
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    ck_assert_int_eq(thrd_join(joined, &result), thrd_success);
    ck_assert_int_eq(result, 4711);
}

ASSERTION(thrd_join, 3, "stores nothing if the pointer is null")
{
    atomic_store(&go, 1);
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    ck_assert_int_eq(thrd_join(joined, NULL), thrd_success);
}

static int write_and_note(void *tid)
{
    guarded = 4711;
    atomic_store((atomic_int *)tid, unit_gettid());
    return 1;
}

ASSERTION(thrd_join, 4, "joins a thread that has ended before")
{
    atomic_int tid = 0;
    int result = 0;
    ck_assert_int_eq(thrd_create(&joined, write_and_note, &tid), thrd_success);
    unit_wait_for(&tid, 1);
    while (unit_state(getpid(), atomic_load(&tid)) != 0)
        nap();
    ck_assert_int_eq(thrd_join(joined, &result), thrd_success);
    ck_assert_int_eq(result, 1);
}

ASSERTION(thrd_join, 5, "the caller sees what the thread has written")
{
    for (int i = 0; i < 300; i++) {
        atomic_int tid = 0;
        guarded = 0;
        ck_assert_int_eq(run(write_and_note, &tid), 1);
        ck_assert_int_eq(guarded, 4711);
    }
}

ASSERTION(thrd_join, 6, "is a cancellation point; the thread can be joined still")
{
    struct unit_call call;
    void *cancelled;
    int result = 0;
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    unit_start(&call, join, NULL);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, &cancelled), 0);
    ck_assert_ptr_eq(cancelled, PTHREAD_CANCELED);
    atomic_store(&go, 1);
    ck_assert_int_eq(thrd_join(joined, &result), thrd_success);
    ck_assert_int_eq(result, 4711);
}

ASSERTION(thrd_join, 7, "a signal handler that runs meanwhile changes nothing: it goes on waiting")
{
    struct unit_call call;
    int result = 0;
    catch_signal(SIGUSR1, count_signal, 0);
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    unit_start(&call, join, &result);
    for (int i = 0; i < 3; i++)
        interrupt(&call);
    unit_wait_until_blocked(&call);
    atomic_store(&go, 1);
    ck_assert_int_eq(unit_finish(&call), thrd_success);
    ck_assert_int_eq(result, 4711);
}

UNTESTED(thrd_join, 8, "returns thrd_error if it cannot join the thread",
         "what it may refuse to do is undefined, or the application's duty not to ask for")

/* ---- thrd_detach() ---- */

static int note_and_wait(void *tid)
{
    atomic_store((atomic_int *)tid, unit_gettid());
    unit_wait_for(&go, 1);
    return 0;
}

ASSERTION(thrd_detach, 1, "what a thread takes is given back when it ends; thrd_success")
{
    enum { THREADS = 200 };
    size_t before = address_space(), of_one = 0;
    for (int i = 0; i < THREADS; i++) {
        atomic_int tid = 0;
        thrd_t thread;
        atomic_store(&go, 0);
        ck_assert_int_eq(thrd_create(&thread, note_and_wait, &tid), thrd_success);
        if (i == 0)
            of_one = address_space() - before;
        ck_assert_int_eq(thrd_detach(thread), thrd_success);
        atomic_store(&go, 1);
        wait_until_gone(&tid);
    }
    ck_assert_uint_gt(of_one, 0);
    ck_assert_uint_lt(address_space() - before, THREADS / 4 * of_one); /* some may be kept */
}

ASSERTION(thrd_detach, 2, "a thread that is detached goes on")
{
    thrd_t thread;
    atomic_int tid = 0;
    ck_assert_int_eq(thrd_create(&thread, note_and_wait, &tid), thrd_success);
    unit_wait_for(&tid, 1);
    ck_assert_int_eq(thrd_detach(thread), thrd_success);
    ck_assert_int_ne(unit_state(getpid(), atomic_load(&tid)), 0);
    atomic_store(&go, 1);
    wait_until_gone(&tid);
}

ASSERTION(thrd_detach, 3, "a thread that has ended can be detached")
{
    thrd_t thread;
    atomic_int tid = 0;
    atomic_store(&go, 1);
    ck_assert_int_eq(thrd_create(&thread, note_and_wait, &tid), thrd_success);
    wait_until_gone(&tid);
    ck_assert_int_eq(thrd_detach(thread), thrd_success);
}

static void create_and_detach(void)
{
    static atomic_int tid;
    thrd_t thread;
    atomic_store(&tid, 0);
    ck_assert_int_eq(thrd_create(&thread, note_and_wait, &tid), thrd_success);
    ck_assert_int_eq(thrd_detach(thread), thrd_success);
    wait_until_gone(&tid);
}

ASSERTION(thrd_detach, 4, "a signal handler that runs meanwhile changes nothing")
{
    atomic_store(&go, 1);
    while (hailing())
        create_and_detach();
}

UNTESTED(thrd_detach, 5, "returns thrd_error if it cannot detach the thread",
         "what it may refuse to do is the application's duty not to ask for")

/* ---- thrd_sleep(), thrd_yield() ---- */

ASSERTION(thrd_sleep, 1, "suspends the thread for the time at least, and returns 0")
{
    struct timespec duration = {0, 40000000};
    end = deadline(40);
    ck_assert_int_eq(thrd_sleep(&duration, NULL), 0);
    is_over(CLOCK_REALTIME, end);
}

/* Sleep for a minute, to be interrupted. */
static struct timespec minute = {60, 0}, rest;

static int sleep_a_minute(void *remaining)
{
    /* the kernel counts the slack of its timers as time left */
    ck_assert_int_eq(prctl(PR_SET_TIMERSLACK, 1), 0);
    return thrd_sleep(&minute, remaining);
}

static int sleep_interrupted(struct timespec *remaining)
{
    struct unit_call call;
    catch_signal(SIGUSR1, count_signal, 0);
    unit_start(&call, sleep_a_minute, remaining);
    interrupt(&call);
    return unit_finish(&call);
}

ASSERTION(thrd_sleep, 2, "returns -1 when a signal handler has run")
{
    ck_assert_int_eq(sleep_interrupted(NULL), -1);
}

static void check_rest(const struct timespec *remaining)
{
    ck_assert_int_ge(remaining->tv_sec, 50);
    ck_assert_int_lt(remaining->tv_sec, 60);
    ck_assert_int_ge(remaining->tv_nsec, 0);
    ck_assert_int_lt(remaining->tv_nsec, 1000000000);
}

ASSERTION(thrd_sleep, 3, "stores the time that was left when a signal handler has run")
{
    ck_assert_int_eq(sleep_interrupted(&rest), -1);
    check_rest(&rest);
}

ASSERTION(thrd_sleep, 4, "the object for the time left may be that of the duration")
{
    ck_assert_int_eq(sleep_interrupted(&minute), -1);
    check_rest(&minute);
}

static int sleep_shortly(void *unused)
{
    (void)unused;
    struct timespec duration = {0, 100000000};
    return thrd_sleep(&duration, NULL);
}

ASSERTION(thrd_sleep, 5, "a signal that is ignored does not end it")
{
    struct unit_call call;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    ck_assert_int_eq(sigaction(SIGUSR1, &ignore, NULL), 0);
    end = deadline(100);
    unit_start(&call, sleep_shortly, NULL);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    is_over(CLOCK_REALTIME, end);
}

ASSERTION(thrd_sleep, 6, "is a cancellation point")
{
    struct unit_call call;
    void *result;
    unit_start(&call, sleep_a_minute, NULL);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

UNTESTED(thrd_sleep, 7, "returns a negative number if it fails", "what makes it fail is not said")

static atomic_int ran;
static sem_t start_running;

static int run_when_told(void *tid)
{
    set_priority(SCHED_FIFO, 10);
    atomic_store((atomic_int *)tid, unit_gettid());
    while (sem_wait(&start_running) != 0)
        ck_assert_int_eq(errno, EINTR);
    atomic_store(&ran, 1);
    return 0;
}

ASSERTION(thrd_yield, 1,
          "lets another thread of the same priority run that waits for the processor")
{
    thrd_t thread;
    atomic_int tid = 0;
    use_one_processor();
    set_priority(SCHED_FIFO, 10);
    ck_assert_int_eq(sem_init(&start_running, 0, 0), 0);
    ck_assert_int_eq(thrd_create(&thread, run_when_told, &tid), thrd_success);
    unit_wait_for(&tid, 1);
    unit_wait_until_asleep(getpid(), atomic_load(&tid));
    ck_assert_int_eq(sem_post(&start_running), 0);
    ck_assert_int_eq(atomic_load(&ran), 0); /* there is one processor, and this thread has it */
    thrd_yield();
    ck_assert_int_eq(atomic_load(&ran), 1);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
}
