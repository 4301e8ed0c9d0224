/*
 * Forks. The first thread forks wherever the others of its process are, and goes on as the child,
 * which then makes threads of its own. None of these waits for anybody in the parent.
 */
#include "permits.h"
#include "station.h"

static pthread_barrier_t b;
static pthread_once_t o = PTHREAD_ONCE_INIT;
static pthread_key_t common;
static uint32_t done;
static int value;

static void init_robust(int robust)
{
    pthread_mutexattr_t attributes;
    ok(pthread_mutexattr_init(&attributes));
    ok(pthread_mutexattr_setrobust(&attributes, robust));
    ok(pthread_mutex_init(&m, &attributes));
    ok(pthread_cond_init(&c, NULL));
    NAME(m);
    NAME(c);
    NAME(s);
    NAME(b);
    NAME(o);
    NAME(inside);
    WATCH(m, m_taken);
}

static void init(void)
{
    init_robust(PTHREAD_MUTEX_STALLED);
}

static void init_robust_mutex(void)
{
    init_robust(PTHREAD_MUTEX_ROBUST);
}

/* As pthread_atfork's handlers do it: the child holds what its thread held. */
static void fork_holding(void)
{
    lock();
    model_fork();
    unlock();
}

static void fork_then_lock(void)
{
    fork_holding();
    lock_once();
}

/* Nobody holds it, then nobody keeps it from the child. */
static void lock_then_fork(void)
{
    lock_once();
    model_fork();
    if (model_left_held())
        ok(pthread_mutex_init(&m, NULL));
    arch_exchange(&inside, 0);
    ok(pthread_mutex_trylock(&m));
    arch_exchange(&done, 1);
    unlock();
    lock_once();
}

static void lock_in_child(void)
{
    model_await(&done, 1);
    lock_once();
}

static void fork_then_init(void)
{
    lock_once();
    model_fork();
    ok(pthread_mutex_init(&m, NULL));
    arch_exchange(&inside, 0);
    arch_exchange(&done, 1);
    lock_once();
}

/* Condition variables. */

static void wait_in_parent(void)
{
    lock();
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    unlock();
}

static void wait_timed_in_parent(void)
{
    lock();
    pthread_cond_timedwait(&c, &m, &deadline);
    unlock();
}

static void take_in_child(void)
{
    model_await(&done, 1);
    take();
}

static void fork_then_put(void)
{
    fork_holding();
    put();
}

static void fork_then_broadcast(void)
{
    fork_holding();
    put_all();
}

static void fork_then_wait(void)
{
    fork_holding();
    take();
}

static void fork_then_destroy(void)
{
    fork_holding();
    ok(pthread_cond_destroy(&c));
    ok(pthread_cond_init(&c, NULL));
    arch_exchange(&done, 1);
    put();
}

static void fork_then_init_cond(void)
{
    fork_holding();
    ok(pthread_cond_init(&c, NULL));
    arch_exchange(&done, 1);
    put();
}

/* Semaphores. */

static void fork_then_post(void)
{
    model_fork();
    up();
}

static void fork_then_destroy_sem(void)
{
    model_fork();
    ok(sem_destroy(&s));
    ok(sem_init(&s, 0, 0));
    arch_exchange(&done, 1);
    up();
}

static void down_in_child(void)
{
    model_await(&done, 1);
    down();
}

/* Barriers. */

static void init_barrier(void)
{
    init();
    ok(pthread_barrier_init(&b, NULL, 2));
}

static void meet(void)
{
    int result = pthread_barrier_wait(&b);
    model_assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
}

/* Somebody may have arrived, and then it is busy; or not have left. */
static void fork_then_remake(void)
{
    model_fork();
    int error = pthread_barrier_destroy(&b);
    model_assert(error == 0 || error == EBUSY);
    ok(pthread_barrier_init(&b, NULL, 2));
    arch_exchange(&done, 1);
    meet();
}

static void meet_in_child(void)
{
    model_await(&done, 1);
    meet();
}

/* pthread_once: a routine that ran at the time of the fork runs again. */

static uint32_t ran;

static void routine(void)
{
    arch_exchange(&ran, 1);
    arch_exchange(&ran, 2);
}

static void call(void)
{
    ok(pthread_once(&o, routine));
    model_assert(arch_load_relaxed(&ran) == 2);
}

static void fork_then_call(void)
{
    model_fork();
    call();
}

/* Keys. */

static void init_key(void)
{
    ok(pthread_key_create(&common, NULL));
}

static void use_keys(void)
{
    pthread_key_t key;
    ok(pthread_key_create(&key, NULL));
    ok(pthread_setspecific(key, &value));
    ok(pthread_setspecific(common, &tokens));
    model_assert(pthread_getspecific(key) == &value);
    ok(pthread_key_delete(key));
}

static void fork_then_use_keys(void)
{
    ok(pthread_setspecific(common, &tokens));
    model_fork();
    model_assert(pthread_getspecific(common) == &tokens);
    use_keys();
}

/* Robust mutexes: the kernel has to be told of the child's thread, whatever tid it has. */

static void lock_robust(void)
{
    int error = pthread_mutex_lock(&m);
    model_assert(error == 0 || (error == EOWNERDEAD && model_died(0)));
    if (error)
        ok(pthread_mutex_consistent(&m));
    unlock();
}

static void lock_robust_after_fork(void)
{
    lock_robust();
    model_fork();
    lock_robust();
}

static void c_free(void)
{
    ok(pthread_cond_destroy(&c));
    m_free();
}

/* _Fork is async-signal-safe: the child goes on in the middle of what the handler interrupted. */

static bool forked;

static void fork_once(void)
{
    if (forked)
        return;
    forked = true;
    model_fork();
}

static void lock_forking(void)
{
    lock_once();
    fork_once();
    lock_once();
}

static void init_recursive(void)
{
    pthread_mutexattr_t attributes;
    init();
    ok(pthread_mutexattr_init(&attributes));
    ok(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE));
    ok(pthread_mutex_init(&m, &attributes));
}

static void down_forking(void)
{
    down_patiently();
    fork_once();
    up();
}

const struct scenario fork_scenarios[] = {
    SCENARIO("mutex-fork", init, m_free, RUN(fork_then_lock, lock_once, lock_once), .child = 3),
    SCENARIO("mutex-fork-claim", init, m_free, RUN(fork_then_lock, lock_once, lock_once, lock_once),
             .child = 4, .flags = AGES, .quick = 2),
    SCENARIO("mutex-fork-passed", init, m_free, RUN(lock_then_fork, lock_twice, lock_in_child),
             .child = 3, .flags = AGES, .quick = 2),
    SCENARIO("mutex-fork-init", init, m_free,
             RUN(fork_then_init, lock_once, lock_once, lock_in_child), .child = 4, .flags = AGES,
             .quick = 2),
    SCENARIO("mutex-fork-robust", init_robust_mutex, m_free,
             RUN(fork_then_lock, lock_once, lock_once), .child = 3),
    SCENARIO("mutex-fork-robust-dies", init_robust_mutex, NULL,
             RUN(lock_robust_after_fork, lock_robust, lock_robust), .child = 2, .mortal = 1,
             .quick = 2),
    SCENARIO("mutex-fork-same-tid", init_robust_mutex, m_free,
             RUN(fork_then_lock, lock_once, lock_once), .child = 3, .flags = SAME_TIDS),
    SCENARIO("mutex-fork-same-tid-dies", init_robust_mutex, NULL,
             RUN(lock_robust_after_fork, lock_robust), .child = 2, .mortal = 1, .flags = SAME_TIDS),
    SCENARIO("mutex-fork-in-handler", init, m_free, RUN(lock_forking, lock_once, lock_once),
             .child = 2, .handles = 1, .handler = fork_once, .quick = 2),
    SCENARIO("mutex-fork-in-handler-recursive", init_recursive, m_free,
             RUN(lock_forking, lock_once, lock_once), .child = 2, .handles = 1,
             .handler = fork_once, .quick = 2),
    SCENARIO("mutex-fork-in-handler-robust", init_robust_mutex, m_free,
             RUN(lock_forking, lock_once, lock_once), .child = 2, .handles = 1,
             .handler = fork_once, .quick = 2),
    SCENARIO("sem-fork-in-handler", init_sem_one, NULL, RUN(down_forking, down_and_up), .child = 2,
             .handles = 1, .handler = fork_once, .quick = 2),
    SCENARIO("cond-fork-signal", init, c_free, RUN(fork_then_put, wait_in_parent, take), .child = 3,
             .quick = 2),
    SCENARIO("cond-fork-signal-spins", init, c_free, RUN(fork_then_put, wait_in_parent, take),
             .child = 3, .flags = SPINS, .quick = 2),
    SCENARIO("cond-fork-broadcast", init, c_free,
             RUN(fork_then_broadcast, wait_in_parent, take, take), .child = 3,
             .flags = SPINS | MOVES, .quick = 1),
    SCENARIO("cond-fork-wait", init, c_free, RUN(fork_then_wait, wait_timed_in_parent, put),
             .child = 3, .flags = SPINS, .quick = 2),
    SCENARIO("cond-fork-destroy", init, c_free,
             RUN(fork_then_destroy, wait_in_parent, take_in_child), .child = 3, .quick = 2),
    SCENARIO("cond-fork-destroy-spins", init, c_free,
             RUN(fork_then_destroy, wait_in_parent, take_in_child), .child = 3, .flags = SPINS,
             .quick = 2),
    SCENARIO("cond-fork-init-spins", init, c_free,
             RUN(fork_then_init_cond, wait_in_parent, take_in_child), .child = 3, .flags = SPINS,
             .quick = 2),
    SCENARIO("sem-fork", init_sem, none_left, RUN(fork_then_post, down, down), .child = 3),
    SCENARIO("sem-fork-destroy", init_sem, none_left,
             RUN(fork_then_destroy_sem, down, down_in_child), .child = 3, .flags = SPINS),
    SCENARIO("barrier-fork", init_barrier, NULL, RUN(fork_then_remake, meet, meet, meet_in_child),
             .child = 4),
    SCENARIO("once-fork", init, NULL, RUN(fork_then_call, call, call), .child = 3),
    SCENARIO("once-fork-2", init, NULL, RUN(fork_then_call, call, call, call), .child = 4,
             .quick = 2),
    SCENARIO("key-fork", init_key, NULL, RUN(fork_then_use_keys, use_keys, use_keys), .child = 3,
             .quick = 2),
    {.name = NULL},
};
