/* Calls that find nothing to wait for, in a process with a second thread asleep; and locks that
 * change hands without ever being contended. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>

#include "bench.h"

static int getspecifics(void *object, unsigned long n)
{
    const pthread_key_t *key = object;
    int errors = 0;
    while (n-- > 0)
        errors |= pthread_getspecific(*key) != object;
    return errors;
}

static int setspecifics(void *object, unsigned long n)
{
    const pthread_key_t *key = object;
    int errors = 0;
    while (n-- > 0)
        errors |= pthread_setspecific(*key, object);
    return errors;
}

enum { GET, SET };

static void specific(const struct row *row, struct result *result)
{
    pthread_key_t key;
    park_a_thread();
    must(pthread_key_create(&key, NULL), "pthread_key_create");
    must(pthread_setspecific(key, &key), "pthread_setspecific");
    measure_batches(row->a == GET ? getspecifics : setspecifics, &key, result);
}

static void nothing(void)
{
}

static int onces(void *object, unsigned long n)
{
    int errors = 0;
    while (n-- > 0)
        errors |= pthread_once(object, nothing);
    return errors;
}

static void once(const struct row *row, struct result *result)
{
    (void)row;
    static pthread_once_t done = PTHREAD_ONCE_INIT;
    park_a_thread();
    must(pthread_once(&done, nothing), "pthread_once");
    measure_batches(onces, &done, result);
}

static int signals(void *object, unsigned long n)
{
    int errors = 0;
    while (n-- > 0)
        errors |= pthread_cond_signal(object);
    return errors;
}

static int broadcasts(void *object, unsigned long n)
{
    int errors = 0;
    while (n-- > 0)
        errors |= pthread_cond_broadcast(object);
    return errors;
}

enum { SIGNAL, BROADCAST };

static void nobody(const struct row *row, struct result *result)
{
    static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    park_a_thread();
    measure_batches(row->a == SIGNAL ? signals : broadcasts, &cond, result);
}

static int births(void *object, unsigned long n)
{
    int errors = 0;
    while (n-- > 0) {
        errors |= pthread_mutex_init(object, NULL);
        errors |= pthread_mutex_destroy(object);
    }
    return errors;
}

static void birth(const struct row *row, struct result *result)
{
    (void)row;
    static pthread_mutex_t mutex;
    park_a_thread();
    measure_batches(births, &mutex, result);
}

/* ---- Many mutexes ---- */

static pthread_mutex_t *new_mutexes(long count)
{
    pthread_mutex_t *mutexes = calloc((size_t)count, sizeof *mutexes);
    if (mutexes == NULL)
        skip_row("out of memory");
    for (long i = 0; i < count; i++)
        must(pthread_mutex_init(&mutexes[i], NULL), "pthread_mutex_init");
    return mutexes;
}

struct ring {
    pthread_mutex_t *mutexes;
    long count, next;
};

static int ring_pairs(void *object, unsigned long n)
{
    struct ring *ring = object;
    int errors = 0;
    while (n-- > 0) {
        pthread_mutex_t *mutex = &ring->mutexes[ring->next];
        errors |= pthread_mutex_lock(mutex);
        errors |= pthread_mutex_unlock(mutex);
        if (++ring->next == ring->count)
            ring->next = 0;
    }
    return errors;
}

static void in_turn(const struct row *row, struct result *result)
{
    struct ring ring = {.mutexes = new_mutexes(row->a), .count = row->a};
    park_a_thread();
    measure_batches(ring_pairs, &ring, result);
}

/* ---- Owners that change ---- */

static int mutex_streak(pthread_mutex_t *mutex, long n)
{
    int errors = 0;
    while (n-- > 0) {
        errors |= pthread_mutex_lock(mutex);
        errors |= pthread_mutex_unlock(mutex);
    }
    return errors;
}

/* Two threads work at once, each on the mutexes of its half; after every `streak` acquisitions of
 * each mutex they change halves. No lock is ever contended, and neither thread waits for long. */
#define HALF 128

struct swapping {
    long streak;
    struct {
        _Alignas(APART) pthread_mutex_t mutex;
    } locks[2 * HALF];
    struct {
        _Alignas(APART) _Atomic long finished;
    } side[2];
    /* The epoch after which both leave; written by side 0 before it publishes that epoch. */
    _Atomic long last;
};

static void wait_for_side(struct swapping *s, unsigned side, long epoch)
{
    /* The other CPU may be running something else. */
    for (int spins = 0; atomic_load_explicit(&s->side[side].finished, memory_order_acquire) < epoch;
         spins++)
        if (spins > 1000)
            sched_yield();
}

static void swap_body(struct worker *worker)
{
    struct swapping *s = worker->team->shared;
    unsigned me = worker->index;
    int errors = 0;
    for (long epoch = 1;; epoch++) {
        for (unsigned i = (unsigned)(epoch + me) % 2; i < 2 * HALF; i += 2)
            errors |= mutex_streak(&s->locks[i].mutex, s->streak);
        worker->operations += HALF * (uint64_t)s->streak;
        if (me == 0 && team_stopped(worker->team))
            atomic_store(&s->last, epoch);
        atomic_store_explicit(&s->side[me].finished, epoch, memory_order_release);
        wait_for_side(s, 1 - me, epoch);
        if (atomic_load(&s->last) == epoch)
            break;
    }
    must(errors, "pthread_mutex_lock");
}

static void swap_reset(struct team *team)
{
    struct swapping *s = team->shared;
    atomic_store(&s->last, 0);
    atomic_store(&s->side[0].finished, 0);
    atomic_store(&s->side[1].finished, 0);
}

static void owner_change(const struct row *row, struct result *result)
{
    static struct swapping s;
    s.streak = row->a;
    for (int i = 0; i < 2 * HALF; i++)
        must(pthread_mutex_init(&s.locks[i].mutex, NULL), "pthread_mutex_init");
    team_measure(team_create(2, ANYWHERE, swap_body, &s), swap_reset, 0, result);
}

/* Every mutex once by one thread, then every mutex once by another. */
struct crowd {
    long count;
    unsigned turn;
    pthread_mutex_t *mutexes;
    uint64_t wall_ns, cpu_ns;
};

static void pass_body(struct worker *worker)
{
    struct crowd *crowd = worker->team->shared;
    if (worker->index != crowd->turn)
        return;
    int errors = 0;
    uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID), start = now_ns();
    for (long i = 0; i < crowd->count; i++)
        errors |= mutex_streak(&crowd->mutexes[i], 1);
    crowd->wall_ns += now_ns() - start;
    crowd->cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    must(errors, "pthread_mutex_lock");
    worker->operations = (uint64_t)crowd->count;
}

/* Small crowds come and go until there were as many mutexes as in the largest. */
#define ALL_MUTEXES 1000000

static void two_owners(const struct row *row, struct result *result)
{
    static struct crowd crowd;
    crowd.count = row->a;
    crowd.mutexes = new_mutexes(ALL_MUTEXES);
    struct team *team = team_create(2, ANYWHERE, pass_body, &crowd);
    for (long done = 0; done < ALL_MUTEXES; done += crowd.count) {
        for (crowd.turn = 0; crowd.turn < 2; crowd.turn++)
            team_phase(team, 0, result);
        crowd.mutexes += crowd.count;
    }
    /* The passes alone: a thread's way through the gate is long beside a small crowd. */
    result->wall_ns = crowd.wall_ns;
    result->cpu_ns = crowd.cpu_ns;
}

#define SECONDS 0.1

/* clang-format off */
const struct row call_rows[] = {
    {"getspecific", "of a key that has a value",
     "call", specific, GET, 0, 0, SECONDS, 0},
    {"setspecific", "of the same value again",
     "call", specific, SET, 0, 0, SECONDS, 0},
    {"once", "pthread_once when it is done",
     "call", once, 0, 0, 0, SECONDS, 0},
    {"cond-signal/nobody", "without waiters",
     "call", nobody, SIGNAL, 0, 0, SECONDS, 0},
    {"cond-broadcast/nobody", "without waiters",
     "call", nobody, BROADCAST, 0, 0, SECONDS, 0},
    {"mutex-init-destroy", "init and destroy again",
     "call", birth, 0, 0, 0, SECONDS, 0},
    {"owner-change/100", "the owner changes every 100 acquisitions, never contended",
     "atomics", owner_change, 100, 0, 0, 0.2, ASYMMETRIC},
    {"two-owners/100", "the same as two-owners/1000000, but 100 mutexes at a time",
     "atomics", two_owners, 100, 0, 0, 0.1, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"two-owners/1000", "1,000 at a time",
     "atomics", two_owners, 1000, 0, 0, 0.1, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"two-owners/10000", "10,000 at a time",
     "atomics", two_owners, 10000, 0, 0, 0.1, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"two-owners/100000", "100,000 at a time",
     "atomics", two_owners, 100000, 0, 0, 0.1, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"two-owners/1000000", "a million mutexes, each locked by one thread and then by another",
     "atomics", two_owners, 1000000, 0, 0, 0.1, GROWTH | ASYMMETRIC},
    {"grow-mutexes/1", "lock and unlock each mutex in turn, as their number grows: 1",
     "atomics", in_turn, 1, 0, 0, SECONDS, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"grow-mutexes/10", "10",
     "atomics", in_turn, 10, 0, 0, SECONDS, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"grow-mutexes/100", "100",
     "atomics", in_turn, 100, 0, 0, SECONDS, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"grow-mutexes/1000", "1,000",
     "atomics", in_turn, 1000, 0, 0, SECONDS, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"grow-mutexes/10000", "10,000",
     "atomics", in_turn, 10000, 0, 0, SECONDS, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"grow-mutexes/100000", "100,000",
     "atomics", in_turn, 100000, 0, 0, SECONDS, ON_REQUEST | GROWTH | ASYMMETRIC},
    {"grow-mutexes/1000000", "1,000,000",
     "atomics", in_turn, 1000000, 0, 0, SECONDS, ON_REQUEST | GROWTH | ASYMMETRIC},
    {0},
};
/* clang-format on */
