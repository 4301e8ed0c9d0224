/*
 * Signal handlers that call what the headers call async-signal-safe, at any step of the first
 * thread and in its sleep: sem_post; trylock of mutexes and spin locks, and unlock of what the same
 * handler has locked.
 */
#include "asymmetric.h"
#include "layout.h"
#include "permits.h"

static pthread_mutex_t m;
static pthread_cond_t c;
static pthread_spinlock_t spin;
static pthread_barrier_t b;
static uint32_t handled, posted;
static int tokens;

/* Mutexes. */

static void init_kind(int type, int robust, int shared)
{
    pthread_mutexattr_t attributes;
    ok(pthread_mutexattr_init(&attributes));
    ok(pthread_mutexattr_settype(&attributes, type));
    ok(pthread_mutexattr_setrobust(&attributes, robust));
    ok(pthread_mutexattr_setpshared(&attributes, shared));
    ok(pthread_mutex_init(&m, &attributes));
    NAME(m);
    NAME(c);
    NAME(s);
    NAME(inside);
}

static void init(void)
{
    init_kind(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
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

static void init_biased(void)
{
    init();
    asymmetric_start(ALWAYS);
    ((struct mutex *)&m)->bias = 1;
    ((struct mutex *)&m)->word = 4;
}

static void lock_once(void)
{
    ok(pthread_mutex_lock(&m));
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
}

static void lock_twice(void)
{
    lock_once();
    lock_once();
}

static void lock_timed(void)
{
    int error = pthread_mutex_timedlock(&m, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    if (error)
        return;
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
}

static void try_in_handler(void)
{
    int error = pthread_mutex_trylock(&m);
    model_assert(error == 0 || error == EBUSY);
    if (error)
        return;
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
}

/* A recursive one may be the interrupted thread's. */
static void try_again_in_handler(void)
{
    int error = pthread_mutex_trylock(&m);
    model_assert(error == 0 || error == EBUSY);
    if (!error)
        ok(pthread_mutex_unlock(&m));
}

/* Another robust mutex, while this one is on its way on or off the thread's list. */
static pthread_mutex_t other;

static void init_two_robust(void)
{
    pthread_mutexattr_t attributes;
    init_robust();
    ok(pthread_mutexattr_init(&attributes));
    ok(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    ok(pthread_mutex_init(&other, &attributes));
    NAME(other);
}

static void try_other_in_handler(void)
{
    ok(pthread_mutex_trylock(&other));
    ok(pthread_mutex_unlock(&other));
}

static void lock_robust(void)
{
    int error = pthread_mutex_lock(&m);
    model_assert(error == 0 || (error == EOWNERDEAD && model_died(0)));
    if (error) {
        arch_exchange(&inside, 0);
        ok(pthread_mutex_consistent(&m));
    }
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
}

static void m_free(void)
{
    ok(pthread_mutex_trylock(&m));
    ok(pthread_mutex_unlock(&m));
    ok(pthread_mutex_destroy(&m));
}

/* Spin locks. */

static void init_spin(void)
{
    ok(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
    NAME(spin);
    NAME(inside);
}

static void spin_once(void)
{
    ok(pthread_spin_lock(&spin));
    visit(&inside);
    ok(pthread_spin_unlock(&spin));
}

static void try_spin_in_handler(void)
{
    int error = pthread_spin_trylock(&spin);
    model_assert(error == 0 || error == EBUSY);
    if (error)
        return;
    visit(&inside);
    ok(pthread_spin_unlock(&spin));
}

/* Semaphores. */

static void up_in_handler(void)
{
    arch_fetch_add(&handled, 1);
    up();
}

/* Once, by the handler, or at the end if it has not run. */
static void up_at_most_once(void)
{
    if (!arch_exchange(&posted, 1))
        up();
}

static void up_and_once(void)
{
    up();
    up_at_most_once();
}

static void handled_left(void)
{
    value_is(handled);
}

/* Condition variables: a wait goes on after a handler, and waits do not end without a cause. */

static void init_cond(void)
{
    init();
    init_sem();
    ok(pthread_cond_init(&c, NULL));
}

static void take_at_once(void)
{
    ok(pthread_mutex_lock(&m));
    if (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    model_assert(tokens == 1);
    tokens--;
    ok(pthread_mutex_unlock(&m));
}

static void take(void)
{
    ok(pthread_mutex_lock(&m));
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    tokens--;
    ok(pthread_mutex_unlock(&m));
}

static void take_timed(void)
{
    int error = 0;
    ok(pthread_mutex_lock(&m));
    while (tokens == 0 && !error)
        error = pthread_cond_timedwait(&c, &m, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    if (tokens > 0)
        tokens--;
    ok(pthread_mutex_unlock(&m));
}

static void put(void)
{
    ok(pthread_mutex_lock(&m));
    tokens++;
    ok(pthread_cond_signal(&c));
    ok(pthread_mutex_unlock(&m));
}

static void put_twice(void)
{
    put();
    put();
}

static void c_free(void)
{
    ok(pthread_cond_destroy(&c));
    m_free();
}

/* Barriers: a thread that has been interrupted goes on waiting. */

static void init_barrier(void)
{
    init_sem();
    ok(pthread_barrier_init(&b, NULL, 2));
    NAME(b);
}

static void meet(void)
{
    int result = pthread_barrier_wait(&b);
    model_assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void b_free(void)
{
    ok(pthread_barrier_destroy(&b));
    handled_left();
}

const struct scenario handler_scenarios[] = {
    SCENARIO("mutex-handler", init, m_free, RUN(lock_twice, lock_once), .handles = 1,
             .handler = try_in_handler),
    SCENARIO("mutex-handler-3", init, m_free, RUN(lock_timed, lock_once, lock_once), .handles = 1,
             .handler = try_in_handler, .flags = AGES, .quick = 2),
    SCENARIO("mutex-handler-recursive", init_recursive, m_free, RUN(lock_once, lock_once),
             .handles = 1, .handler = try_again_in_handler),
    SCENARIO("mutex-handler-checked", init_checked, m_free, RUN(lock_once, lock_once), .handles = 1,
             .handler = try_in_handler),
    SCENARIO("mutex-handler-robust", init_robust, m_free, RUN(lock_once, lock_once), .handles = 1,
             .handler = try_in_handler),
    SCENARIO("mutex-handler-robust-dies", init_two_robust, NULL, RUN(lock_robust, lock_robust),
             .handles = 1, .handler = try_other_in_handler, .mortal = 1, .quick = 2),
    SCENARIO("bias-handler", init_biased, m_free, RUN(lock_twice, lock_once), .handles = 1,
             .handler = try_in_handler, .quick = 2),
    SCENARIO("spin-handler", init_spin, NULL, RUN(spin_once, spin_once), .handles = 1,
             .handler = try_spin_in_handler),
    SCENARIO("sem-handler", init_sem, handled_left, RUN(down_patiently, down_patiently, up_twice),
             .handles = 1, .handler = up_in_handler),
    SCENARIO("sem-handler-posts", init_sem, none_left,
             RUN(up_and_once, down_patiently, down_patiently), .handles = 1,
             .handler = up_at_most_once),
    SCENARIO("sem-handler-shared", init_sem_shared, handled_left,
             RUN(down_patiently, down_patiently, up_twice), .handles = 1, .handler = up_in_handler),
    SCENARIO("sem-handler-shared-posts", init_sem_shared, none_left,
             RUN(up_and_once, down_patiently, down_patiently), .handles = 1,
             .handler = up_at_most_once),
    SCENARIO("sem-handler-spins", init_sem, handled_left,
             RUN(down_patiently, down_patiently, up_twice), .handles = 1, .handler = up_in_handler,
             .flags = SPINS, .quick = 2),
    SCENARIO("cond-handler", init_cond, c_free, RUN(take_at_once, put), .handles = 1,
             .handler = up_in_handler),
    SCENARIO("cond-handler-3", init_cond, c_free, RUN(take, take, put_twice), .handles = 1,
             .handler = up_in_handler, .quick = 1, .deep = 2),
    SCENARIO("cond-handler-timed", init_cond, c_free, RUN(take_timed, put), .handles = 1,
             .handler = up_in_handler, .flags = SPINS, .quick = 2),
    SCENARIO("barrier-handler", init_barrier, b_free, RUN(meet, meet), .handles = 1,
             .handler = up_in_handler),
    {.name = NULL},
};
