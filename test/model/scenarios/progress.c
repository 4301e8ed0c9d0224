/*
 * Whoever holds nothing holds nobody up. A thread, the first mostly, stops for ever wherever it
 * holds no lock and no permit, or jumps out of its wait there, as a siglongjmp or an asynchronous
 * cancel does; the others come to their end.
 */
#include "asymmetric.h"
#include "layout.h"
#include "permits.h"
#include "station.h"

static pthread_barrier_t b;
static pthread_once_t o = PTHREAD_ONCE_INIT;
static pthread_key_t common;
static uint32_t blocked, done;
static int count;

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
    NAME(blocked);
    NAME(flag);
    WATCH(m, m_taken);
}

static void init(void)
{
    init_kind(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void init_shared(void)
{
    init_kind(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
}

static void init_recursive(void)
{
    init_kind(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void init_checked_shared(void)
{
    init_kind(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
}

static void init_robust(void)
{
    init_kind(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
}

/* To the first thread. */
static void init_biased(void)
{
    init();
    asymmetric_start(ALWAYS);
    ((struct mutex *)&m)->bias = 1;
    ((struct mutex *)&m)->word = 4;
}

static void lock_deep(void)
{
    lock();
    lock_once();
    unlock();
}

static void lock_noting(void)
{
    lock_once();
    arch_fetch_add(&done, 1);
}

/* A mutex that nobody holds is had by a thread that only tries. */
static void try_when_done(void)
{
    model_await(&done, 1);
    bool froze = model_froze(0);
    int error = pthread_mutex_trylock(&m);
    model_assert(error == 0 || (error == EBUSY && !froze));
    if (!error)
        unlock();
}

/* It waits elsewhere, and does not come back. */
static void lock_or_leave(void)
{
    if (jumps_out_of(pthread_mutex_lock(&m)))
        return;
    visit(&inside);
    unlock();
}

/* Condition variables. */

static void init_cond_shared(int shared)
{
    pthread_condattr_t attributes;
    init();
    ok(pthread_condattr_init(&attributes));
    ok(pthread_condattr_setpshared(&attributes, shared));
    ok(pthread_cond_init(&c, &attributes));
}

static void init_cond(void)
{
    init_cond_shared(PTHREAD_PROCESS_PRIVATE);
}

static void init_cond_across(void)
{
    init_cond_shared(PTHREAD_PROCESS_SHARED);
}

static void take_telling(void)
{
    lock();
    arch_fetch_add(&blocked, 1);
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    tokens--;
    unlock();
}

/* A single signal, which each who is unblocked passes on. */

static void pass_on(void)
{
    lock();
    while (!arrived)
        ok(pthread_cond_wait(&c, &m));
    ok(pthread_cond_signal(&c));
    unlock();
}

static void wait_over_or_jump(void)
{
    lock();
    while (!over)
        if (jumps_out_of(pthread_cond_wait(&c, &m)))
            return;
    unlock();
}

static void c_free(void)
{
    ok(pthread_cond_destroy(&c));
    m_usable();
}

/* Semaphores. */

static int s_taken(void)
{
    int value;
    ok(sem_getvalue(&s, &value));
    return -value;
}

static void init_sem_watched(void)
{
    init_sem();
    WATCH(s, s_taken);
}

static void init_sem_shared_watched(void)
{
    init_sem_shared();
    WATCH(s, s_taken);
}

static void init_sem_one_watched(void)
{
    init_sem_one();
    WATCH(s, s_taken);
}

static void down_or_jump(void)
{
    if (!jumps_out_of(sem_wait(&s)))
        return;
}

static void s_free(void)
{
    ok(sem_destroy(&s));
}

/* Barriers: a thread that stops has arrived, if it is waited for. */

static int not_arrived(void)
{
    const struct barrier *barrier = (const struct barrier *)&b;
    uint64_t state = barrier->state;
    return -(int)((uint32_t)state + barrier->count * (state >> 33));
}

static void init_barrier(void)
{
    ok(pthread_barrier_init(&b, NULL, 2));
    NAME(b);
    NAME(blocked);
    WATCH(b, not_arrived);
}

static void meet(void)
{
    int result = pthread_barrier_wait(&b);
    model_assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void meet_arriving(void)
{
    model_owes(1);
    meet();
}

/* pthread_once: the routine is held by who runs it. */

static int o_taken(void)
{
    return ((const struct once *)&o)->word > 1;
}

static void init_once(void)
{
    NAME(o);
    NAME(count);
    WATCH(o, o_taken);
}

static void routine(void)
{
    arch_fetch_add(&done, 1);
}

static void call(void)
{
    ok(pthread_once(&o, routine));
    model_assert(arch_load_relaxed(&done) == 1);
}

static void call_or_jump(void)
{
    if (!jumps_out_of(pthread_once(&o, routine)))
        model_assert(arch_load_relaxed(&done) == 1);
}

/* Keys: nobody waits for anybody. */

static void init_key(void)
{
    ok(pthread_key_create(&common, NULL));
}

static void use_keys(void)
{
    pthread_key_t key;
    ok(pthread_key_create(&key, NULL));
    ok(pthread_setspecific(key, &count));
    model_assert(pthread_getspecific(key) == &count);
    ok(pthread_key_delete(key));
}

static void use_common(void)
{
    ok(pthread_setspecific(common, &count));
    model_assert(pthread_getspecific(common) == &count);
    use_keys();
}

const struct scenario progress_scenarios[] = {
    SCENARIO("mutex-freeze", init, m_free, RUN(lock_once, lock_once, lock_once), .frozen = 1),
    SCENARIO("mutex-freeze-twice", init, m_free, RUN(lock_twice, lock_twice), .frozen = 1),
    SCENARIO("mutex-freeze-timed", init, m_free, RUN(lock_timed, lock_once, lock_once),
             .frozen = 1),
    SCENARIO("mutex-freeze-spins", init, m_free, RUN(lock_once, lock_once, lock_once), .frozen = 1,
             .flags = SPINS, .quick = 2),
    SCENARIO("mutex-freeze-shared", init_shared, m_free, RUN(lock_once, lock_once, lock_once),
             .frozen = 1),
    SCENARIO("mutex-freeze-claim", init, m_free, RUN(lock_once, lock_once, lock_once), .frozen = 1,
             .flags = AGES),
    SCENARIO("mutex-freeze-claim-timed", init, m_free, RUN(lock_timed, lock_once, lock_once),
             .frozen = 1, .flags = AGES),
    SCENARIO("mutex-freeze-claim-try", init, m_free, RUN(lock_once, lock_noting, try_when_done),
             .frozen = 1, .flags = AGES),
    SCENARIO("mutex-freeze-recursive", init_recursive, m_free, RUN(lock_deep, lock_deep),
             .frozen = 1),
    SCENARIO("mutex-freeze-checked-shared", init_checked_shared, m_free,
             RUN(lock_once, lock_once, lock_once), .frozen = 1, .quick = 2),
    SCENARIO("mutex-freeze-robust", init_robust, m_free, RUN(lock_once, lock_once, lock_once),
             .frozen = 1, .quick = 2),
    SCENARIO("bias-freeze-owner", init_biased, m_free, RUN(lock_twice, lock_once, lock_once),
             .frozen = 1, .quick = 2),
    SCENARIO("bias-freeze-other", init_biased, m_free, RUN(lock_twice, lock_once, lock_once),
             .frozen = 2, .quick = 2),
    SCENARIO("mutex-jump", init, m_free, RUN(lock_or_jump, lock_once, lock_once), .jumps = 1),
    SCENARIO("mutex-jump-claim", init, m_free, RUN(lock_or_jump, lock_once, lock_once), .jumps = 1,
             .flags = AGES),
    SCENARIO("mutex-jump-leave", init, m_free, RUN(lock_or_leave, lock_once, lock_once), .jumps = 1,
             .flags = AGES),
    SCENARIO("mutex-jump-robust", init_robust, m_free, RUN(lock_or_jump, lock_once, lock_once),
             .jumps = 1, .quick = 2),

    SCENARIO("cond-freeze", init_cond, c_free, RUN(take_telling, take_telling, put_twice),
             .frozen = 1, .quick = 2),
    SCENARIO("cond-freeze-outside", init_cond, c_free,
             RUN(take_telling, take_telling, put_twice_outside), .frozen = 1, .quick = 2),
    SCENARIO("cond-freeze-spins", init_cond, c_free,
             RUN(take_telling, take_telling, put_twice_outside), .frozen = 1, .flags = SPINS,
             .quick = 2),
    SCENARIO("cond-freeze-one-signal", init_cond, c_free, RUN(pass_on, pass_on, arrive),
             .frozen = 1, .flags = CHOSEN, .quick = 2),
    SCENARIO("cond-freeze-one-signal-spins", init_cond, c_free, RUN(pass_on, pass_on, arrive),
             .frozen = 1, .flags = CHOSEN | SPINS, .quick = 1, .deep = 2),
    SCENARIO("cond-freeze-timed", init_cond, c_free, RUN(take_timed, take_telling, put_twice),
             .frozen = 1, .quick = 2),
    SCENARIO("cond-freeze-signaller", init_cond, c_free,
             RUN(put_outside, take_telling, put_outside), .frozen = 1, .quick = 2),
    SCENARIO("cond-freeze-broadcast", init_cond, c_free, RUN(take_telling, take_telling, put_all),
             .frozen = 1, .flags = MOVES, .quick = 2),
    SCENARIO("cond-freeze-broadcast-spins", init_cond, c_free,
             RUN(take_telling, take_telling, put_all_outside), .frozen = 1, .flags = SPINS,
             .quick = 1, .deep = 2),
    SCENARIO("cond-freeze-shared", init_cond_across, c_free,
             RUN(take_telling, take_telling, put_twice_outside), .frozen = 1, .quick = 2),
    SCENARIO("cond-freeze-destroy", init_cond, NULL, RUN(wait_over, wait_over, broadcast_and_free),
             .frozen = 1, .quick = 2),
    SCENARIO("cond-freeze-destroy-spins", init_cond, NULL,
             RUN(wait_over, wait_over, broadcast_and_free), .frozen = 1, .flags = SPINS, .quick = 1,
             .deep = 2),
    SCENARIO("cond-jump", init_cond, c_free, RUN(take_or_jump, take_telling, put_twice), .jumps = 1,
             .quick = 2),
    SCENARIO("cond-jump-spins", init_cond, c_free,
             RUN(take_or_jump, take_telling, put_twice_outside), .jumps = 1, .flags = SPINS,
             .quick = 1, .deep = 2),
    SCENARIO("cond-jump-destroy", init_cond, NULL,
             RUN(wait_over_or_jump, wait_over, broadcast_and_free), .jumps = 1, .flags = SPINS,
             .quick = 1, .deep = 2),

    SCENARIO("sem-freeze", init_sem_watched, s_free, RUN(down, down, up_twice), .frozen = 1),
    SCENARIO("sem-freeze-spins", init_sem_watched, s_free, RUN(down, down, up_twice), .frozen = 1,
             .flags = SPINS, .quick = 2),
    SCENARIO("sem-freeze-timed", init_sem_watched, s_free, RUN(down_timed, down, up_twice),
             .frozen = 1),
    SCENARIO("sem-freeze-shared", init_sem_shared_watched, s_free, RUN(down, down, up_twice),
             .frozen = 1),
    SCENARIO("sem-freeze-exclusive", init_sem_one_watched, s_free,
             RUN(exclude_twice, exclude, exclude), .frozen = 1, .quick = 2),
    SCENARIO("sem-freeze-poster", init_sem_watched, s_free, RUN(up, up, down), .frozen = 1),
    SCENARIO("sem-jump", init_sem_watched, NULL, RUN(down_or_jump, down, up_twice), .jumps = 1),
    SCENARIO("sem-jump-spins", init_sem_watched, NULL, RUN(down_or_jump, down, up_twice),
             .jumps = 1, .flags = SPINS, .quick = 2),
    SCENARIO("sem-jump-shared", init_sem_shared_watched, NULL, RUN(down_or_jump, down, up_twice),
             .jumps = 1),

    SCENARIO("barrier-freeze", init_barrier, NULL, RUN(meet_arriving, meet), .frozen = 1),
    SCENARIO("barrier-freeze-spins", init_barrier, NULL, RUN(meet_arriving, meet), .frozen = 1,
             .flags = SPINS),
    SCENARIO("once-freeze", init_once, NULL, RUN(call, call, call), .frozen = 1),
    SCENARIO("once-freeze-spins", init_once, NULL, RUN(call, call, call), .frozen = 1,
             .flags = SPINS, .quick = 2),
    SCENARIO("once-jump", init_once, NULL, RUN(call_or_jump, call, call), .jumps = 1),
    SCENARIO("once-jump-spins", init_once, NULL, RUN(call_or_jump, call, call), .jumps = 1,
             .flags = SPINS, .quick = 2),
    SCENARIO("key-freeze", init_key, NULL, RUN(use_common, use_common, use_common), .frozen = 1),
    {.name = NULL},
};
