/* Mutexes that inherit priority, and condition variables with them. */
#include "station.h"

/* linux/futex.h */
enum { FUTEX_LOCK_PI = 6, FUTEX_UNLOCK_PI = 7, FUTEX_CMP_REQUEUE_PI = 12 };

static pthread_mutex_t m2;
static uint32_t blocked;
static int cancelled;

static void init_mutex(pthread_mutex_t *mutex, int type, int robust, int shared)
{
    pthread_mutexattr_t attributes;
    ok(pthread_mutexattr_init(&attributes));
    ok(pthread_mutexattr_settype(&attributes, type));
    ok(pthread_mutexattr_setrobust(&attributes, robust));
    ok(pthread_mutexattr_setpshared(&attributes, shared));
    ok(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    ok(pthread_mutex_init(mutex, &attributes));
}

static void init_kind(int type, int robust, int shared)
{
    init_mutex(&m, type, robust, shared);
    init_mutex(&m2, type, robust, shared);
    ok(pthread_cond_init(&c, NULL));
    NAME(m);
    NAME(m2);
    NAME(c);
    NAME(inside);
}

static void init(void)
{
    init_kind(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void init_watched(void)
{
    init();
    WATCH(m, m_taken);
}

static void init_shared(void)
{
    init_kind(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
}

static void init_recursive(void)
{
    init_kind(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void init_checked(void)
{
    init_kind(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void init_robust(void)
{
    init_kind(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
}

static void init_recursive_robust(void)
{
    init_kind(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
}

static void lock_deep(void)
{
    lock();
    lock_once();
    unlock();
    model_assert(pthread_mutex_unlock(&m) == EPERM);
}

static void lock_checked(void)
{
    lock();
    model_assert(pthread_mutex_lock(&m) == EDEADLK);
    visit(&inside);
    unlock();
    model_assert(pthread_mutex_unlock(&m) == EPERM);
}

static void try_once(void)
{
    int error = pthread_mutex_trylock(&m);
    model_assert(error == 0 || error == EBUSY);
    if (error)
        return;
    visit(&inside);
    unlock();
}

static int references = 3;

static void drop_reference(void)
{
    lock();
    bool last = --references == 0;
    unlock();
    if (last) {
        ok(pthread_mutex_destroy(&m));
        GONE(m);
    }
}

/* The circle ends when one in it gives up. */
static void lock_both_timed(void)
{
    lock();
    int error = pthread_mutex_timedlock(&m2, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    if (!error)
        ok(pthread_mutex_unlock(&m2));
    unlock();
}

static void lock_both_other_way(void)
{
    ok(pthread_mutex_lock(&m2));
    lock_once();
    ok(pthread_mutex_unlock(&m2));
}

/* The first may die. */
static void lock_robust(void)
{
    int error = pthread_mutex_lock(&m);
    model_assert(error == 0 || (error == EOWNERDEAD && model_died(0)));
    if (error) {
        arch_exchange(&inside, 0);
        ok(pthread_mutex_consistent(&m));
    }
    visit(&inside);
    unlock();
}

static void free_or_dead(void)
{
    int error = pthread_mutex_trylock(&m);
    model_assert(error == 0 || (error == EOWNERDEAD && model_died(0)));
    if (error)
        ok(pthread_mutex_consistent(&m));
    unlock();
    ok(pthread_mutex_destroy(&m));
}

/* It dies with the mutex locked three times; the next has locked it once. */
static void lock_robust_deep(void)
{
    lock_robust();
    int error = pthread_mutex_lock(&m);
    model_assert(error == 0 || error == EOWNERDEAD);
    if (error)
        ok(pthread_mutex_consistent(&m));
    lock();
    lock();
    unlock();
    unlock();
    unlock();
}

static void lock_robust_once(void)
{
    lock_robust();
    model_assert(pthread_mutex_unlock(&m) == EPERM);
}

/* Not robust: who is queued already has it. */
static void lock_thrice(void)
{
    lock();
    lock();
    lock();
    unlock();
    unlock();
    unlock();
}

static void lock_once_timed(void)
{
    int error = pthread_mutex_timedlock(&m, &deadline);
    model_assert(error == 0 || (error == ETIMEDOUT));
    if (error)
        return;
    unlock();
    model_assert(pthread_mutex_unlock(&m) == EPERM);
}

/* Condition variables. */

static void take_deep(void)
{
    lock();
    take();
    unlock();
    model_assert(pthread_mutex_unlock(&m) == EPERM);
}

static void c_free(void)
{
    ok(pthread_cond_destroy(&c));
    m_usable();
}

static void none_left(void)
{
    model_assert(tokens == 0);
    c_free();
}

static void timeouts_left(void)
{
    model_assert(tokens == timeouts);
    c_free();
}

static void give_up(void *unused)
{
    (void)unused;
    cancelled++;
    unlock();
}

static void take_or_give_up(void)
{
    struct cleanup_record record;
    lock();
    host_push_cleanup(&record, give_up, NULL);
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    host_pop_cleanup(&record);
    tokens--;
    unlock();
}

static void cancelled_left(void)
{
    model_assert(tokens == cancelled && cancelled <= 1);
    c_free();
}

/* A single signal, which each who is woken passes on. */

static void pass_on(void)
{
    struct cleanup_record record;
    lock();
    host_push_cleanup(&record, give_up, NULL);
    while (!arrived)
        ok(pthread_cond_wait(&c, &m));
    host_pop_cleanup(&record);
    ok(pthread_cond_signal(&c));
    unlock();
}

/*
 * One waits with a mutex held that the holder of its own mutex wants: the kernel cannot queue it,
 * since that would be a circle, and the signal is not lost, since the other gives up.
 */
static void wait_holding_other(void)
{
    ok(pthread_mutex_lock(&m2));
    lock();
    arch_exchange(&blocked, 1);
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    unlock();
    ok(pthread_mutex_unlock(&m2));
}

static void want_other(void)
{
    model_await(&blocked, 1);
    lock();
    tokens = 1;
    arch_exchange(&blocked, 2);
    int error = pthread_mutex_timedlock(&m2, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    if (!error)
        ok(pthread_mutex_unlock(&m2));
    unlock();
}

static void signal_meanwhile(void)
{
    model_await(&blocked, 2);
    ok(pthread_cond_signal(&c));
}

static void broadcast_meanwhile(void)
{
    model_await(&blocked, 2);
    ok(pthread_cond_broadcast(&c));
}

static void nothing(void)
{
}

/* The highest priority first. */
static int first_taker;
static uint32_t taken;

static void take_in_order(void)
{
    lock();
    arch_fetch_add(&blocked, 1);
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    tokens--;
    if (!first_taker)
        first_taker = 1 + model_thread();
    arch_store_release(&taken, 1);
    unlock();
}

static void put_twice_when_blocked(void)
{
    model_await(&blocked, 2);
    model_await_sleep(0);
    model_await_sleep(1);
    put();
    model_await(&taken, 1);
    put();
}

static void highest_first(void)
{
    model_assert(first_taker == 2);
    none_left();
}

const struct scenario inheriting_scenarios[] = {
    SCENARIO("mutex-inherit", init, m_free, RUN(lock_once, lock_once, lock_once)),
    SCENARIO("mutex-inherit-timed", init, m_free, RUN(lock_timed, lock_timed, lock_once)),
    SCENARIO("mutex-inherit-try", init, m_free, RUN(lock_once, try_once, lock_once)),
    SCENARIO("mutex-inherit-shared", init_shared, m_free, RUN(lock_once, lock_timed, lock_once)),
    SCENARIO("mutex-inherit-recursive", init_recursive, m_free, RUN(lock_deep, lock_deep)),
    SCENARIO("mutex-inherit-checked", init_checked, m_free, RUN(lock_checked, lock_checked)),
    SCENARIO("mutex-inherit-destroy", init, NULL,
             RUN(drop_reference, drop_reference, drop_reference)),
    SCENARIO("mutex-inherit-robust", init_robust, free_or_dead,
             RUN(lock_robust, lock_robust, lock_robust), .mortal = 1, .quick = 2),
    SCENARIO("mutex-inherit-robust-deep", init_recursive_robust, free_or_dead,
             RUN(lock_robust_deep, lock_robust_once), .mortal = 1, .quick = 2),
    SCENARIO("mutex-inherit-deep-dies", init_recursive, NULL, RUN(lock_thrice, lock_once_timed),
             .mortal = 1, .quick = 2),
    SCENARIO("mutex-inherit-freeze", init_watched, m_free, RUN(lock_once, lock_once, lock_once),
             .frozen = 1),
    SCENARIO("mutex-inherit-jump", init_watched, m_free, RUN(lock_or_jump, lock_once, lock_once),
             .jumps = 1),
    SCENARIO("mutex-inherit-handler", init, m_free, RUN(lock_timed, lock_once), .handles = 1,
             .handler = try_once),
    SCENARIO("mutex-inherit-lock-again", init, m_free, RUN(lock_once, lock_once),
             .refused = FUTEX_LOCK_PI, .error = EAGAIN),
    SCENARIO("mutex-inherit-unlock-again", init, m_free, RUN(lock_once, lock_once),
             .refused = FUTEX_UNLOCK_PI, .error = EAGAIN),
    SCENARIO("mutex-inherit-circle", init, m_free, RUN(lock_both_timed, lock_both_other_way)),

    SCENARIO("cond-inherit", init, none_left, RUN(take, put)),
    SCENARIO("cond-inherit-outside", init, none_left, RUN(take, put_outside)),
    SCENARIO("cond-inherit-2", init, none_left, RUN(take, take, put_twice), .quick = 2),
    SCENARIO("cond-inherit-2-outside", init, none_left, RUN(take, take, put_twice_outside),
             .quick = 2),
    SCENARIO("cond-inherit-broadcast", init, none_left, RUN(take, take, put_all), .quick = 2),
    SCENARIO("cond-inherit-broadcast-outside", init, none_left, RUN(take, take, put_all_outside),
             .quick = 2),
    SCENARIO("cond-inherit-timed", init, timeouts_left, RUN(take_timed, take_timed, put_twice),
             .quick = 2, .deep = 2),
    SCENARIO("cond-inherit-recursive", init_recursive, none_left, RUN(take_deep, put)),
    SCENARIO("cond-inherit-cancel", init, cancelled_left, RUN(take_or_give_up, take, put_twice),
             .cancelled = 1, .quick = 2),
    SCENARIO("cond-inherit-cancel-last-signal", init, c_free, RUN(pass_on, pass_on, arrive),
             .cancelled = 1, .quick = 2),
    SCENARIO("cond-inherit-destroy", init, NULL, RUN(wait_over, wait_over, broadcast_and_free),
             .quick = 2),
    SCENARIO("cond-inherit-handler", init, none_left, RUN(take, put), .handles = 1,
             .handler = nothing),
    SCENARIO("cond-inherit-freeze", init_watched, c_free, RUN(take, take, put_twice), .frozen = 1,
             .quick = 2),
    SCENARIO("cond-inherit-jump", init_watched, c_free, RUN(take_or_jump, take, put_twice),
             .jumps = 1, .quick = 2),
    SCENARIO("cond-inherit-again", init, none_left, RUN(take, put_outside),
             .refused = FUTEX_CMP_REQUEUE_PI, .error = EAGAIN),
    SCENARIO("cond-inherit-no-memory", init, none_left, RUN(take, put_outside),
             .refused = FUTEX_CMP_REQUEUE_PI, .error = ENOMEM),
    SCENARIO("cond-inherit-no-memory-2", init, none_left, RUN(take, take, put_all_outside),
             .refused = FUTEX_CMP_REQUEUE_PI, .error = ENOMEM, .quick = 2),
    SCENARIO("cond-inherit-circle", init, NULL,
             RUN(wait_holding_other, want_other, signal_meanwhile), .quick = 2),
    SCENARIO("cond-inherit-circle-broadcast", init, NULL,
             RUN(wait_holding_other, want_other, broadcast_meanwhile), .quick = 2),
    SCENARIO("cond-inherit-order", init, highest_first,
             RUN(take_in_order, take_in_order, put_twice_when_blocked), .priority = {1, 2, 1},
             .quick = 2),
    {.name = NULL},
};
