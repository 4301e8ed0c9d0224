/*
 * What is counted by numbers of threads: the library's objects, and beside each the plain algorithm.
 * Objects have lines of their own; what a lock protects is on none that counts.
 */
#include "../scenarios/scenarios.h"
#include "simple.h"
#include "transfers.h"

/* In a section, and between two, in nanoseconds. */
enum { INSIDE = 50, OUTSIDE = 200, SELDOM = 1000 };
enum { PAIRS = THREADS / 2, PLACES = 16 };

#define ALONE __attribute__((aligned(64)))
/* Both sides of a workload have the same name. */
#define WORKLOAD(label, what)                                                                      \
    {                                                                                              \
        label, {what##_init, what},                                                                \
        {                                                                                          \
            simple_##what##_init, simple_##what                                                    \
        }                                                                                          \
    }

/* Mutexes. */

static pthread_mutex_t m ALONE;
static struct simple_mutex simple_m ALONE;
static uint32_t inside;

static void mutex_init(void)
{
    NAME(m);
}

static void simple_mutex_init(void)
{
    NAME(simple_m);
}

static void in_section(void)
{
    model_assert(inside++ == 0);
    machine_elapse(INSIDE);
}

static void out_of_section(void)
{
    model_assert(--inside == 0);
}

static void mutex_section(unsigned outside)
{
    ok(pthread_mutex_lock(&m));
    in_section();
    out_of_section();
    ok(pthread_mutex_unlock(&m));
    machine_elapse(outside);
}

static void simple_mutex_section(unsigned outside)
{
    simple_mutex_lock(&simple_m);
    in_section();
    out_of_section();
    simple_mutex_unlock(&simple_m);
    machine_elapse(outside);
}

static bool mutex(void)
{
    mutex_section(OUTSIDE);
    return true;
}

static bool simple_mutex(void)
{
    simple_mutex_section(OUTSIDE);
    return true;
}

/* The more threads, the less each does with the lock: it is held for one part in twenty. */
#define seldom_init mutex_init
#define simple_seldom_init simple_mutex_init

static bool seldom(void)
{
    mutex_section(SELDOM * machine_threads());
    return true;
}

static bool simple_seldom(void)
{
    simple_mutex_section(SELDOM * machine_threads());
    return true;
}

/* Spin locks. */

static pthread_spinlock_t s ALONE;
static uint32_t simple_s ALONE;

static void spin_init(void)
{
    ok(pthread_spin_init(&s, PTHREAD_PROCESS_PRIVATE));
    NAME(s);
}

static void simple_spin_init(void)
{
    NAME(simple_s);
}

static bool spin(void)
{
    ok(pthread_spin_lock(&s));
    in_section();
    out_of_section();
    ok(pthread_spin_unlock(&s));
    machine_elapse(OUTSIDE);
    return true;
}

static bool simple_spin(void)
{
    simple_spin_lock(&simple_s);
    in_section();
    out_of_section();
    simple_spin_unlock(&simple_s);
    machine_elapse(OUTSIDE);
    return true;
}

/* Read-write locks, of whose sections so many in a hundred write. */

static pthread_rwlock_t l ALONE;
static struct simple_rwlock simple_l ALONE;

static void rwlock_init(void)
{
    NAME(l);
}

static void simple_rwlock_init(void)
{
    NAME(simple_l);
}

static bool writes(unsigned percent)
{
    return machine_random() % 100 < percent;
}

static bool rwlock(unsigned percent)
{
    if (writes(percent)) {
        ok(pthread_rwlock_wrlock(&l));
        in_section();
        out_of_section();
    } else {
        ok(pthread_rwlock_rdlock(&l));
        model_assert(inside == 0);
        machine_elapse(INSIDE);
    }
    ok(pthread_rwlock_unlock(&l));
    machine_elapse(OUTSIDE);
    return true;
}

static bool simple_rwlock(unsigned percent)
{
    if (writes(percent)) {
        simple_write_lock(&simple_l);
        in_section();
        out_of_section();
        simple_write_unlock(&simple_l);
    } else {
        simple_read_lock(&simple_l);
        model_assert(inside == 0);
        machine_elapse(INSIDE);
        simple_read_unlock(&simple_l);
    }
    machine_elapse(OUTSIDE);
    return true;
}

#define RWLOCK(percent)                                                                            \
    static bool rwlock_##percent(void)                                                             \
    {                                                                                              \
        return rwlock(percent);                                                                    \
    }                                                                                              \
    static bool simple_rwlock_##percent(void)                                                      \
    {                                                                                              \
        return simple_rwlock(percent);                                                             \
    }
RWLOCK(0)
RWLOCK(1)
RWLOCK(5)
RWLOCK(50)
#define RWLOCK_WORKLOAD(percent)                                                                   \
    {                                                                                              \
        "rwlock, " #percent " % write", {rwlock_init, rwlock_##percent},                           \
        {                                                                                          \
            simple_rwlock_init, simple_rwlock_##percent                                            \
        }                                                                                          \
    }

/* Semaphores: a permit for every second thread. */

static sem_t permits ALONE;
static struct simple_semaphore simple_permits ALONE;

static void permits_init(void)
{
    ok(sem_init(&permits, 0, machine_threads() / 2));
    NAME(permits);
}

static void simple_permits_init(void)
{
    simple_permits.word = machine_threads() / 2;
    NAME(simple_permits);
}

static bool semaphore(void)
{
    ok(sem_wait(&permits));
    machine_elapse(INSIDE);
    ok(sem_post(&permits));
    machine_elapse(OUTSIDE);
    return true;
}

static bool simple_semaphore(void)
{
    simple_wait(&simple_permits);
    machine_elapse(INSIDE);
    simple_post(&simple_permits);
    machine_elapse(OUTSIDE);
    return true;
}

/* Every two threads hand a token to and fro; there and back is one. */

static struct {
    sem_t there ALONE, back ALONE;
} pairs[PAIRS];
static struct {
    struct simple_semaphore there ALONE, back ALONE;
} simple_pairs[PAIRS];

static void hand_over_init(void)
{
    for (int i = 0; i < PAIRS; i++) {
        ok(sem_init(&pairs[i].there, 0, 0));
        ok(sem_init(&pairs[i].back, 0, 0));
    }
    NAME(pairs);
}

static void simple_hand_over_init(void)
{
    NAME(simple_pairs);
}

static bool hand_over(void)
{
    int i = model_thread() / 2;
    bool first = model_thread() % 2 == 0;
    if (first)
        ok(sem_post(&pairs[i].there));
    ok(sem_wait(first ? &pairs[i].back : &pairs[i].there));
    machine_elapse(OUTSIDE);
    if (!first)
        ok(sem_post(&pairs[i].back));
    return first;
}

static bool simple_hand_over(void)
{
    int i = model_thread() / 2;
    bool first = model_thread() % 2 == 0;
    if (first)
        simple_post(&simple_pairs[i].there);
    simple_wait(first ? &simple_pairs[i].back : &simple_pairs[i].there);
    machine_elapse(OUTSIDE);
    if (!first)
        simple_post(&simple_pairs[i].back);
    return first;
}

/* A barrier: each thread's wait is one. */

static pthread_barrier_t b ALONE;
static struct simple_barrier simple_b ALONE;

static void barrier_init(void)
{
    ok(pthread_barrier_init(&b, NULL, machine_threads()));
    NAME(b);
}

static void simple_barrier_init(void)
{
    simple_b.count = machine_threads();
    NAME(simple_b);
}

static bool barrier(void)
{
    int result = pthread_barrier_wait(&b);
    model_assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    machine_elapse(OUTSIDE);
    return true;
}

static bool simple_barrier(void)
{
    simple_barrier_wait(&simple_b);
    machine_elapse(OUTSIDE);
    return true;
}

/* A queue with a mutex and two condition variables: every second thread takes what the others put. */

static pthread_cond_t not_empty ALONE, not_full ALONE;
static struct simple_cond simple_not_empty ALONE, simple_not_full ALONE;
static int items;

static void queue_init(void)
{
    NAME(m);
    NAME(not_empty);
    NAME(not_full);
}

static void simple_queue_init(void)
{
    NAME(simple_m);
    NAME(simple_not_empty);
    NAME(simple_not_full);
}

static bool queue(void)
{
    bool puts = model_thread() % 2 == 0;
    ok(pthread_mutex_lock(&m));
    while (items == (puts ? PLACES : 0))
        ok(pthread_cond_wait(puts ? &not_full : &not_empty, &m));
    in_section();
    items += puts ? 1 : -1;
    out_of_section();
    ok(pthread_cond_signal(puts ? &not_empty : &not_full));
    ok(pthread_mutex_unlock(&m));
    machine_elapse(OUTSIDE);
    return !puts;
}

static bool simple_queue(void)
{
    bool puts = model_thread() % 2 == 0;
    simple_mutex_lock(&simple_m);
    while (items == (puts ? PLACES : 0))
        simple_cond_wait(puts ? &simple_not_full : &simple_not_empty, &simple_m);
    in_section();
    items += puts ? 1 : -1;
    out_of_section();
    simple_cond_signal(puts ? &simple_not_empty : &simple_not_full);
    simple_mutex_unlock(&simple_m);
    machine_elapse(OUTSIDE);
    return !puts;
}

/* What is done once is done. */

static pthread_once_t o ALONE;
static uint32_t simple_o ALONE;

static void nothing(void)
{
}

static void once_init(void)
{
    ok(pthread_once(&o, nothing));
    NAME(o);
}

static void simple_once_init(void)
{
    simple_once(&simple_o, nothing);
    NAME(simple_o);
}

static bool once(void)
{
    ok(pthread_once(&o, nothing));
    machine_elapse(OUTSIDE);
    return true;
}

static bool simple_once_done(void)
{
    simple_once(&simple_o, nothing);
    machine_elapse(OUTSIDE);
    return true;
}

const struct workload transfer_workloads[] = {
    WORKLOAD("mutex", mutex),
    WORKLOAD("mutex, held for 1/20", seldom),
    WORKLOAD("spin lock", spin),
    RWLOCK_WORKLOAD(0),
    RWLOCK_WORKLOAD(1),
    RWLOCK_WORKLOAD(5),
    RWLOCK_WORKLOAD(50),
    {"semaphore, permits for half",
     {permits_init, semaphore},
     {simple_permits_init, simple_semaphore}},
    WORKLOAD("semaphores, hand-over", hand_over),
    WORKLOAD("barrier", barrier),
    WORKLOAD("queue", queue),
    {"once, done", {once_init, once}, {simple_once_init, simple_once_done}},
    {.name = NULL},
};
