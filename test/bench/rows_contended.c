/* Locks that many threads want at once. Each row checks the exclusion it measures. */
#define _GNU_SOURCE
#include "bench.h"

/* ---- Mutex ---- */

struct contended {
    _Alignas(APART) pthread_mutex_t mutex;
    /* Beside the mutex, so that an empty section moves no second cache line. */
    uint64_t counter;
    _Alignas(APART) long section;
};

static void contended_body(struct worker *worker)
{
    struct contended *c = worker->team->shared;
    const bool timed = worker->team->timed;
    int errors = 0;
    while (!team_stopped(worker->team)) {
        uint64_t before = timed ? now_ns() : 0;
        errors |= pthread_mutex_lock(&c->mutex);
        if (timed)
            record_time(worker, now_ns() - before);
        c->counter++;
        work(c->section);
        errors |= pthread_mutex_unlock(&c->mutex);
        work(c->section);
        worker->operations++;
    }
    must(errors, "pthread_mutex_lock");
}

static void contended_mutex(const struct row *row, struct result *result)
{
    static struct contended c;
    must(pthread_mutex_init(&c.mutex, NULL), "pthread_mutex_init");
    c.section = row->b;
    struct team *team = team_create((unsigned)row->a, ANYWHERE, contended_body, &c);
    team_measure(team, NULL, FAIRNESS | TAILS, result);
    if (c.counter != team->all_operations)
        broken_row("two threads were in the critical section at once", 0);
}

/* ---- Read-write lock ---- */

#define WORDS 4

struct mixed {
    _Alignas(APART) pthread_rwlock_t lock;
    /* Equal whenever no writer is inside. */
    _Alignas(APART) uint64_t words[WORDS];
    /* Writes among 10,000 operations. */
    _Alignas(APART) long writes;
};

static void readers_body(struct worker *worker)
{
    struct mixed *m = worker->team->shared;
    int errors = 0;
    while (!team_stopped(worker->team)) {
        errors |= pthread_rwlock_rdlock(&m->lock);
        errors |= pthread_rwlock_unlock(&m->lock);
        worker->operations++;
    }
    must(errors, "pthread_rwlock_rdlock");
}

static void readers(const struct row *row, struct result *result)
{
    static struct mixed m;
    must(pthread_rwlock_init(&m.lock, NULL), "pthread_rwlock_init");
    struct team *team = team_create((unsigned)row->a, ANYWHERE, readers_body, &m);
    team_measure(team, NULL, row->a > 1 ? FAIRNESS : 0, result);
}

/* volatile, so that each word is really read and written while the lock is held. */
static bool words_differ(const volatile uint64_t *words)
{
    uint64_t first = words[0], difference = 0;
    for (int i = 1; i < WORDS; i++)
        difference |= words[i] ^ first;
    return difference != 0;
}

static void increment_words(volatile uint64_t *words)
{
    for (int i = 0; i < WORDS; i++)
        words[i]++;
}

static void mixed_body(struct worker *worker)
{
    struct mixed *m = worker->team->shared;
    const bool timed = worker->team->timed;
    int errors = 0;
    bool differ = false;
    while (!team_stopped(worker->team)) {
        bool writes = next_random(worker) % 10000 < (uint64_t)m->writes;
        uint64_t before = timed ? now_ns() : 0;
        errors |= writes ? pthread_rwlock_wrlock(&m->lock) : pthread_rwlock_rdlock(&m->lock);
        if (timed)
            record_time(worker, now_ns() - before);
        differ |= words_differ(m->words);
        if (writes)
            increment_words(m->words);
        errors |= pthread_rwlock_unlock(&m->lock);
        worker->operations++;
    }
    must(errors, "pthread_rwlock_rdlock or wrlock");
    if (differ)
        broken_row("a reader and a writer held the lock at once", 0);
}

static void mixed(const struct row *row, struct result *result)
{
    static struct mixed m;
    must(pthread_rwlock_init(&m.lock, NULL), "pthread_rwlock_init");
    m.writes = row->b;
    struct team *team = team_create((unsigned)row->a, ANYWHERE, mixed_body, &m);
    team_measure(team, NULL, FAIRNESS | TAILS, result);
}

#define SECONDS 0.15
/* long enough for each to have had many turns: else their numbers say how chance fell */
#define TURNS_OF_8 0.5
#define TURNS_OF_30 1.5

/* clang-format off */
const struct row contended_rows[] = {
    {"contended/2/empty", "mutex wanted by 2 threads all the time, nothing done while it is held",
     "atomics", contended_mutex, 2, 0, 0, SECONDS, NSYNC | ASYMMETRIC},
    {"contended/2/100", "2 threads, 100 iterations of work while it is held and 100 between",
     "work100", contended_mutex, 2, 100, 0, SECONDS, NSYNC | ASYMMETRIC},
    {"contended/8/empty", "8 threads, nothing done while it is held",
     "atomics", contended_mutex, 8, 0, 0, TURNS_OF_8, NSYNC | ASYMMETRIC},
    {"contended/8/100", "8 threads, 100 and 100 iterations",
     "work100", contended_mutex, 8, 100, 0, TURNS_OF_8, NSYNC | ASYMMETRIC},
    {"contended/30/empty", "30 threads, nothing done while it is held",
     "atomics", contended_mutex, 30, 0, 0, TURNS_OF_30, NSYNC | ASYMMETRIC},
    {"contended/30/100", "30 threads, 100 and 100 iterations",
     "work100", contended_mutex, 30, 100, 0, TURNS_OF_30, NSYNC | ASYMMETRIC},
    {"grow-threads/1", "contended mutex, 100 and 100 iterations, as the number of threads grows: 1",
     "work100", contended_mutex, 1, 100, 0, SECONDS, ON_REQUEST | GROWTH},
    {"grow-threads/2", "2",
     "work100", contended_mutex, 2, 100, 0, SECONDS, ON_REQUEST | GROWTH},
    {"grow-threads/4", "4",
     "work100", contended_mutex, 4, 100, 0, SECONDS, ON_REQUEST | GROWTH},
    {"grow-threads/8", "8",
     "work100", contended_mutex, 8, 100, 0, SECONDS, ON_REQUEST | GROWTH},
    {"grow-threads/16", "16",
     "work100", contended_mutex, 16, 100, 0, SECONDS, ON_REQUEST | GROWTH},
    {"grow-threads/32", "32",
     "work100", contended_mutex, 32, 100, 0, SECONDS, ON_REQUEST | GROWTH},
    {"grow-threads/64", "64",
     "work100", contended_mutex, 64, 100, 0, SECONDS, ON_REQUEST | GROWTH},
    {"rwlock-readers/1", "read lock and unlock by 1 thread",
     "atomics", readers, 1, 0, 0, SECONDS, NSYNC | ASYMMETRIC},
    {"rwlock-readers/2", "by 2 threads at once",
     "atomics", readers, 2, 0, 0, SECONDS, NSYNC | ASYMMETRIC},
    {"rwlock-readers/8", "by 8",
     "atomics", readers, 8, 0, 0, SECONDS, NSYNC | ASYMMETRIC},
    {"rwlock-mixed/4/0.01%", "4 threads, 0.01 % of the operations are writes",
     "atomics", mixed, 4, 1, 0, SECONDS, NSYNC | ASYMMETRIC},
    {"rwlock-mixed/4/0.1%", "0.1 %",
     "atomics", mixed, 4, 10, 0, SECONDS, NSYNC | ASYMMETRIC},
    {"rwlock-mixed/4/1%", "1 %",
     "atomics", mixed, 4, 100, 0, SECONDS, NSYNC | ASYMMETRIC},
    {"rwlock-mixed/4/5%", "5 %",
     "atomics", mixed, 4, 500, 0, SECONDS, NSYNC | ASYMMETRIC},
    {"rwlock-mixed/4/50%", "50 %",
     "atomics", mixed, 4, 5000, 0, SECONDS, NSYNC | ASYMMETRIC},
    {0},
};
/* clang-format on */
