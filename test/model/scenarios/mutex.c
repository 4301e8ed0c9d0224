/* Mutexes. */
#include "alive.h"
#include "asymmetric.h"
#include "layout.h"
#include "scenarios.h"
#include "self.h"

static pthread_mutex_t m;
static uint32_t inside, flag;
static int count;

static void init_kind(int type, int robust, int shared)
{
    pthread_mutexattr_t attributes;
    ok(pthread_mutexattr_init(&attributes));
    ok(pthread_mutexattr_settype(&attributes, type));
    ok(pthread_mutexattr_setrobust(&attributes, robust));
    ok(pthread_mutexattr_setpshared(&attributes, shared));
    ok(pthread_mutex_init(&m, &attributes));
    NAME(m);
    NAME(inside);
    NAME(flag);
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

static void init_errorcheck(void)
{
    init_kind(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void init_errorcheck_shared(void)
{
    init_kind(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
}

static void init_robust(void)
{
    init_kind(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
}

static void init_robust_shared(void)
{
    init_kind(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
}

static void lock_once(void)
{
    ok(pthread_mutex_lock(&m));
    visit(&inside);
    count++;
    ok(pthread_mutex_unlock(&m));
}

static void lock_twice(void)
{
    lock_once();
    lock_once();
}

static void try_once(void)
{
    int error = pthread_mutex_trylock(&m);
    model_assert(error == 0 || error == EBUSY);
    if (error)
        return;
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
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

static void free_at_end(void)
{
    ok(pthread_mutex_trylock(&m));
    ok(pthread_mutex_unlock(&m));
    ok(pthread_mutex_destroy(&m));
}

static void both_counted(void)
{
    model_assert(count == 2);
    free_at_end();
}

/* The last to unlock may free the mutex at once: POSIX's own example, an object's references. */
static int references = 2;

static void drop_reference(void)
{
    ok(pthread_mutex_lock(&m));
    bool last = --references == 0;
    ok(pthread_mutex_unlock(&m));
    if (last) {
        ok(pthread_mutex_destroy(&m));
        GONE(m);
    }
}

static void three_references(void)
{
    init();
    references = 3;
}

static void three_references_robust(void)
{
    init_robust();
    references = 3;
}

static void lock_recursively(void)
{
    ok(pthread_mutex_lock(&m));
    ok(pthread_mutex_lock(&m));
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
    model_assert(pthread_mutex_unlock(&m) == EPERM);
}

static void lock_checked(void)
{
    model_assert(pthread_mutex_unlock(&m) == EPERM);
    ok(pthread_mutex_lock(&m));
    model_assert(pthread_mutex_lock(&m) == EDEADLK);
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
    model_assert(pthread_mutex_unlock(&m) == EPERM);
}

/* Robust ones: thread 0 may die anywhere, and the others always get on. */

static int deaths_seen;

static void repair(int error)
{
    model_assert(error == 0 || error == EOWNERDEAD);
    if (error == EOWNERDEAD) {
        model_assert(model_died(0));
        deaths_seen++;
        arch_exchange(&inside, 0);
        ok(pthread_mutex_consistent(&m));
    }
}

static void lock_robust(void)
{
    repair(pthread_mutex_lock(&m));
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
}

static void lock_robust_twice(void)
{
    lock_robust();
    lock_robust();
}

static void lock_robust_timed(void)
{
    int error = pthread_mutex_timedlock(&m, &deadline);
    if (error == ETIMEDOUT)
        return;
    repair(error);
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
}

static void one_death(void)
{
    model_assert(deaths_seen <= model_died(0));
    int error = pthread_mutex_trylock(&m);
    repair(error);
    ok(pthread_mutex_unlock(&m));
    model_assert(deaths_seen <= model_died(0));
    free_at_end();
}

/* Nobody repairs it: it is lost for all. */
static void lock_robust_and_leave(void)
{
    int error = pthread_mutex_lock(&m);
    model_assert(error == 0 || error == EOWNERDEAD || error == ENOTRECOVERABLE);
    if (error == ENOTRECOVERABLE) {
        model_assert(deaths_seen == 1);
        return;
    }
    if (error)
        deaths_seen++;
    ok(pthread_mutex_unlock(&m));
}

static void lost_or_free(void)
{
    int error = pthread_mutex_trylock(&m);
    model_assert(error == (deaths_seen ? ENOTRECOVERABLE : error == EOWNERDEAD ? error : 0));
    model_assert(error != EOWNERDEAD || model_died(0));
}

static void lock_shared_typed(void)
{
    ok(pthread_mutex_lock(&m));
    visit(&inside);
    ok(pthread_mutex_unlock(&m));
}

/* FURWOCK=recover: thread 0 may die anywhere, and nobody is told. */

static void init_recovering_kind(int type)
{
    alive_recovers = true;
    init_kind(type, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
}

static void init_recovering(void)
{
    init_recovering_kind(PTHREAD_MUTEX_NORMAL);
}

static void init_recovering_recursive(void)
{
    init_recovering_kind(PTHREAD_MUTEX_RECURSIVE);
}

/* Alone, or after one that has died here. */
static void visit_after_death(void)
{
    uint32_t me = model_thread() + 1, before = arch_exchange(&inside, me);
    model_assert(before == 0 || model_died(before - 1));
    model_assert(arch_exchange(&inside, 0) == me);
}

static void lock_recovering(void)
{
    ok(pthread_mutex_lock(&m));
    visit_after_death();
    ok(pthread_mutex_unlock(&m));
}

static void lock_recovering_deeply(void)
{
    ok(pthread_mutex_lock(&m));
    ok(pthread_mutex_lock(&m));
    visit_after_death();
    ok(pthread_mutex_unlock(&m));
    ok(pthread_mutex_unlock(&m));
}

static void lock_recovering_timed(void)
{
    int error = pthread_mutex_timedlock(&m, &deadline);
    if (error == ETIMEDOUT)
        return;
    model_assert(error == 0);
    visit_after_death();
    ok(pthread_mutex_unlock(&m));
}

static void recovered(void)
{
    ok(pthread_mutex_trylock(&m));
    ok(pthread_mutex_unlock(&m));
    ok(pthread_mutex_destroy(&m));
}

/* Biased ones: to thread 0, from the start or as soon as it has locked it once. */

static struct mutex *biased(void)
{
    return (struct mutex *)&m;
}

static void init_biased_kind(int type)
{
    init_kind(type, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
    asymmetric_start(ALWAYS);
    biased()->bias = 1;
    biased()->word = 4;
}

static void init_biased(void)
{
    init_biased_kind(PTHREAD_MUTEX_NORMAL);
}

static void init_biased_recursive(void)
{
    init_biased_kind(PTHREAD_MUTEX_RECURSIVE);
}

static void init_earning(void)
{
    init();
    asymmetric_start(ALWAYS);
    biased()->candidate = 1;
    biased()->in_a_row = 1 << 20;
}

static void init_biased_references(void)
{
    init_biased();
    references = 2;
}

static void own_once(void)
{
    model_assert(self_id() == 1);
    lock_once();
}

static void own_twice(void)
{
    own_once();
    own_once();
}

/* What a thread is that has asked for no id yet. */
static void lock_as_newcomer(void)
{
    self.id = 0;
    lock_once();
}

static void free_at_end_by_any(void)
{
    ok(pthread_mutex_destroy(&m));
}

/* Those asleep are served by priority. */
static uint32_t turn;

static void lock_in_turn(uint32_t mine)
{
    model_await(&flag, 1);
    ok(pthread_mutex_lock(&m));
    model_assert(arch_fetch_add(&turn, 1) == mine);
    ok(pthread_mutex_unlock(&m));
}

static void lock_first(void)
{
    lock_in_turn(0);
}

static void lock_second(void)
{
    lock_in_turn(1);
}

static void hold_for_both(void)
{
    ok(pthread_mutex_lock(&m));
    arch_exchange(&flag, 1);
    model_await_sleep(0);
    model_await_sleep(1);
    ok(pthread_mutex_unlock(&m));
}

const struct scenario mutex_scenarios[] = {
    SCENARIO("mutex-claim", init, free_at_end, RUN(lock_twice, lock_once, lock_once),
             .flags = AGES),
    SCENARIO("mutex-claim-timed", init, free_at_end, RUN(lock_once, lock_timed, lock_once),
             .flags = AGES | INTERRUPTED),
    SCENARIO("mutex-claim-2-timed", init, free_at_end, RUN(lock_timed, lock_timed, lock_twice),
             .flags = AGES),
    SCENARIO("mutex-claim-destroy", three_references, NULL,
             RUN(drop_reference, drop_reference, drop_reference), .flags = AGES),
    SCENARIO("bias-revoked", init_biased, free_at_end, RUN(own_twice, lock_once),
             .flags = BUFFERED | RESTARTS),
    SCENARIO("bias-revoked-twice", init_biased, free_at_end, RUN(own_once, lock_once, lock_once)),
    SCENARIO("bias-try", init_biased, free_at_end, RUN(own_twice, try_once), .flags = RESTARTS),
    SCENARIO("bias-timed", init_biased, free_at_end, RUN(own_once, lock_timed, lock_once)),
    SCENARIO("bias-claim", init_biased, free_at_end, RUN(own_twice, lock_once, lock_once),
             .flags = AGES),
    SCENARIO("bias-recursive", init_biased_recursive, free_at_end,
             RUN(lock_recursively, lock_recursively)),
    SCENARIO("bias-earned", init_earning, free_at_end_by_any, RUN(own_twice, lock_once),
             .flags = BUFFERED | RESTARTS),
    SCENARIO("bias-earned-twice", init_earning, free_at_end_by_any,
             RUN(own_twice, lock_once, lock_once)),
    SCENARIO("bias-newcomer", init_earning, free_at_end_by_any, RUN(own_twice, lock_as_newcomer),
             .flags = BUFFERED),
    SCENARIO("bias-destroy", init_biased_references, NULL, RUN(drop_reference, drop_reference),
             .flags = BUFFERED | RESTARTS),

    SCENARIO("mutex-order", init, free_at_end, RUN(lock_second, lock_first, hold_for_both),
             .priority = {1, 2}),
    SCENARIO("mutex-2", init, free_at_end, RUN(lock_twice, lock_twice),
             .flags = SPURIOUS | INTERRUPTED, .quick = 3),
    SCENARIO("mutex-2-counts", init, both_counted, RUN(lock_once, lock_once), .flags = BUFFERED,
             .quick = UNBOUNDED),
    SCENARIO("mutex-3", init, free_at_end, RUN(lock_once, lock_once, lock_once)),
    SCENARIO("mutex-spins", init, free_at_end, RUN(lock_once, lock_once, lock_once),
             .flags = SPINS),
    SCENARIO("mutex-try", init, free_at_end, RUN(lock_once, try_once, lock_once)),
    SCENARIO("mutex-timed", init, free_at_end, RUN(lock_once, lock_timed, lock_once),
             .flags = INTERRUPTED),
    SCENARIO("mutex-2-timed", init, free_at_end, RUN(lock_timed, lock_timed, lock_once)),
    SCENARIO("mutex-shared", init_shared, free_at_end, RUN(lock_once, lock_timed, lock_once)),
    SCENARIO("mutex-destroy", init, NULL, RUN(drop_reference, drop_reference), .quick = UNBOUNDED,
             .flags = BUFFERED),
    SCENARIO("mutex-destroy-3", three_references, NULL,
             RUN(drop_reference, drop_reference, drop_reference)),
    SCENARIO("mutex-destroy-spins", three_references, NULL,
             RUN(drop_reference, drop_reference, drop_reference), .flags = SPINS),
    SCENARIO("mutex-recursive", init_recursive, free_at_end,
             RUN(lock_recursively, lock_recursively, lock_timed)),
    SCENARIO("mutex-errorcheck", init_errorcheck, free_at_end, RUN(lock_checked, lock_checked),
             .flags = BUFFERED),
    SCENARIO("mutex-errorcheck-shared", init_errorcheck_shared, free_at_end,
             RUN(lock_checked, lock_shared_typed)),
    SCENARIO("mutex-robust", init_robust, one_death, RUN(lock_robust, lock_robust, lock_robust),
             .mortal = 1),
    SCENARIO("mutex-robust-shared", init_robust_shared, one_death, RUN(lock_robust, lock_robust),
             .mortal = 1, .quick = 3),
    SCENARIO("mutex-robust-timed", init_robust, one_death,
             RUN(lock_robust, lock_robust_timed, lock_robust), .mortal = 1),
    SCENARIO("mutex-robust-heir-dies", init_robust, one_death,
             RUN(lock_robust, lock_robust, lock_robust), .mortal = 1, .flags = SPURIOUS),
    /* a woken heir dies while another has taken the mutex */
    SCENARIO("mutex-robust-thief", init_robust, one_death,
             RUN(lock_robust, lock_robust, lock_robust_twice), .mortal = 1),
    SCENARIO("mutex-robust-left", init_robust, lost_or_free,
             RUN(lock_robust_and_leave, lock_robust_and_leave, lock_robust_and_leave), .mortal = 1),
    SCENARIO("mutex-robust-destroy", three_references_robust, NULL,
             RUN(drop_reference, drop_reference, drop_reference)),
    SCENARIO("mutex-recover", init_recovering, recovered,
             RUN(lock_recovering, lock_recovering, lock_recovering), .mortal = 1),
    SCENARIO("mutex-recover-deep", init_recovering_recursive, recovered,
             RUN(lock_recovering_deeply, lock_recovering_deeply), .mortal = 1),
    SCENARIO("mutex-recover-timed", init_recovering, recovered,
             RUN(lock_recovering, lock_recovering_timed, lock_recovering), .mortal = 1),
    {.name = NULL},
};
