/*
 * C mutexes: XSH mtx_destroy and mtx_lock. They do not care for who made a thread: here the threads
 * are POSIX's, which can be cancelled.
 */
#include "c11.h"

static const int types[] = {mtx_plain, mtx_plain | mtx_recursive, mtx_timed,
                            mtx_timed | mtx_recursive};
enum { TYPES = 4, FIRST_TIMED = 2 };

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
