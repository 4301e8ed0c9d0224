/* One point of the plane of workloads: a kind of synchronisation, a number of threads, iterations of
 * work inside of sections and outside of them, and where the threads may run. The point's name says
 * it all: point/KIND/THREADS/INSIDE/OUTSIDE/free or one. sweep/run chooses the points. */
#define _GNU_SOURCE
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { MOST_THREADS = 64, PLACES = 16 };

/* Even threads put into a queue and odd ones take; neighbours pass turns to each other. */
struct pass {
    _Alignas(APART) pthread_mutex_t mutex;
    pthread_cond_t may_go[2];
    _Alignas(APART) sem_t permit[2];
    _Alignas(APART) unsigned turn;
    bool leave;
};

struct point {
    _Alignas(APART) union {
        pthread_mutex_t mutex;
        pthread_rwlock_t rwlock;
        sem_t permit;
    } lock;
    /* Beside the lock, so that an empty section moves no second cache line: what writers count. */
    volatile uint64_t counter;
    _Alignas(APART) pthread_cond_t not_empty;
    _Alignas(APART) pthread_cond_t not_full;
    _Alignas(APART) unsigned queued;
    unsigned open_producers;
    _Alignas(APART) pthread_barrier_t barrier;
    _Alignas(APART) unsigned long last_round;
    /* Set before the threads begin. */
    _Alignas(APART) long inside;
    long outside;
    unsigned percent_writes;
    void (*enter)(struct point *point, bool writes);
    void (*leave)(struct point *point);
    _Alignas(APART) uint64_t written;
    struct pass passes[MOST_THREADS / 2];
};

static struct point the_point;

/* As must, in line. */
static inline void check(int error, const char *what)
{
    if (__builtin_expect(error != 0, 0))
        must(error, what);
}

static uint64_t start_time(const struct worker *worker)
{
    return worker->team->timed ? now_ns() : 0;
}

static void record_wait(struct worker *worker, uint64_t start)
{
    if (worker->team->timed)
        record_time(worker, now_ns() - start);
}

/* ---- Sections that exclude each other ---- */

static void lock_mutex(struct point *point, bool writes)
{
    (void)writes;
    check(pthread_mutex_lock(&point->lock.mutex), "pthread_mutex_lock");
}

static void unlock_mutex(struct point *point)
{
    check(pthread_mutex_unlock(&point->lock.mutex), "pthread_mutex_unlock");
}

static void lock_rwlock(struct point *point, bool writes)
{
    if (writes)
        check(pthread_rwlock_wrlock(&point->lock.rwlock), "pthread_rwlock_wrlock");
    else
        check(pthread_rwlock_rdlock(&point->lock.rwlock), "pthread_rwlock_rdlock");
}

static void unlock_rwlock(struct point *point)
{
    check(pthread_rwlock_unlock(&point->lock.rwlock), "pthread_rwlock_unlock");
}

static void take(sem_t *permit)
{
    if (sem_wait(permit) != 0)
        broken_row("sem_wait", errno);
}

static void post(sem_t *permit)
{
    if (sem_post(permit) != 0)
        broken_row("sem_post", errno);
}

static void take_permit(struct point *point, bool writes)
{
    (void)writes;
    take(&point->lock.permit);
}

static void post_permit(struct point *point)
{
    post(&point->lock.permit);
}

static bool is_write(struct worker *worker, unsigned percent)
{
    return percent == 100 || (percent != 0 && next_random(worker) % 100 < percent);
}

static void sections_body(struct worker *worker)
{
    struct point *point = worker->team->shared;
    uint64_t written = 0;
    while (!team_stopped(worker->team)) {
        const bool writes = is_write(worker, point->percent_writes);
        const uint64_t start = start_time(worker);
        point->enter(point, writes);
        record_wait(worker, start);
        const uint64_t counter = point->counter;
        work(point->inside);
        if (point->counter != counter)
            broken_row("another thread wrote in this thread's section", 0);
        if (writes)
            point->counter = counter + 1;
        point->leave(point);
        written += writes;
        work(point->outside);
        worker->operations++;
    }
    __atomic_fetch_add(&point->written, written, __ATOMIC_RELAXED);
}

/* The work of a section and of what is outside of it, with nothing between: see the limits. */
static void alone_body(struct worker *worker)
{
    struct point *point = worker->team->shared;
    while (!team_stopped(worker->team)) {
        work(point->inside);
        work(point->outside);
        worker->operations++;
    }
}

/* ---- Queues ---- */

static void queue_body(struct worker *worker)
{
    struct point *point = worker->team->shared;
    pthread_mutex_t *mutex = &point->lock.mutex;
    const bool puts = worker->index % 2 == 0;
    for (;;) {
        const uint64_t start = start_time(worker);
        check(pthread_mutex_lock(mutex), "pthread_mutex_lock");
        while (puts ? point->queued == PLACES : point->queued == 0 && point->open_producers != 0)
            check(pthread_cond_wait(puts ? &point->not_full : &point->not_empty, mutex),
                  "pthread_cond_wait");
        record_wait(worker, start);
        if (puts ? team_stopped(worker->team) : point->queued == 0)
            break;
        point->queued += puts ? 1u : -1u;
        work(point->inside);
        check(pthread_mutex_unlock(mutex), "pthread_mutex_unlock");
        check(pthread_cond_signal(puts ? &point->not_empty : &point->not_full),
              "pthread_cond_signal");
        work(point->outside);
        worker->operations++;
    }
    if (puts) {
        point->open_producers--;
        check(pthread_cond_broadcast(&point->not_full), "pthread_cond_broadcast");
        check(pthread_cond_broadcast(&point->not_empty), "pthread_cond_broadcast");
    }
    check(pthread_mutex_unlock(mutex), "pthread_mutex_unlock");
}

/* ---- Turns that two threads pass to each other ---- */

static struct pass *pass_of(struct worker *worker)
{
    struct point *point = worker->team->shared;
    return &point->passes[worker->index / 2];
}

static void give_turn(struct pass *pass, unsigned to)
{
    pass->turn = to;
    check(pthread_cond_signal(&pass->may_go[to]), "pthread_cond_signal");
}

static void handoff_body(struct worker *worker)
{
    const struct point *point = worker->team->shared;
    struct pass *pass = pass_of(worker);
    const unsigned me = worker->index % 2;
    bool leave = false;
    while (!leave) {
        const uint64_t start = start_time(worker);
        check(pthread_mutex_lock(&pass->mutex), "pthread_mutex_lock");
        while (pass->turn != me)
            check(pthread_cond_wait(&pass->may_go[me], &pass->mutex), "pthread_cond_wait");
        record_wait(worker, start);
        work(point->inside);
        leave = pass->leave = pass->leave || team_stopped(worker->team);
        give_turn(pass, !me);
        check(pthread_mutex_unlock(&pass->mutex), "pthread_mutex_unlock");
        work(point->outside);
        worker->operations++;
    }
}

static void sem_handoff_body(struct worker *worker)
{
    const struct point *point = worker->team->shared;
    struct pass *pass = pass_of(worker);
    const unsigned me = worker->index % 2;
    bool leave = false;
    while (!leave) {
        const uint64_t start = start_time(worker);
        take(&pass->permit[me]);
        record_wait(worker, start);
        work(point->inside);
        const bool alone = pass->leave;
        leave = pass->leave = alone || team_stopped(worker->team);
        if (!alone)
            post(&pass->permit[!me]);
        work(point->outside);
        worker->operations++;
    }
}

/* ---- Barriers: in each round another thread comes later, by the work inside ---- */

/* Thread 0 names the last round before it enters it, so all who come out of it know. */
static void barrier_body(struct worker *worker)
{
    struct point *point = worker->team->shared;
    for (unsigned long round = 1;; round++) {
        work(point->outside);
        if (round % worker->team->size == worker->index)
            work(point->inside);
        if (worker->index == 0 && team_stopped(worker->team))
            __atomic_store_n(&point->last_round, round, __ATOMIC_RELAXED);
        const uint64_t start = start_time(worker);
        const int error = pthread_barrier_wait(&point->barrier);
        if (error != PTHREAD_BARRIER_SERIAL_THREAD)
            check(error, "pthread_barrier_wait");
        record_wait(worker, start);
        worker->operations += worker->index == 0;
        if (__atomic_load_n(&point->last_round, __ATOMIC_RELAXED) == round)
            return;
    }
}

/* ---- Kinds ---- */

enum needs { ANY_NUMBER, PAIRS };

static const struct kind {
    const char *name;
    void (*body)(struct worker *worker);
    enum needs needs;
    void (*enter)(struct point *point, bool writes);
    void (*leave)(struct point *point);
} kinds[] = {
    {"alone", alone_body, ANY_NUMBER, NULL, NULL},
    {"mutex", sections_body, ANY_NUMBER, lock_mutex, unlock_mutex},
    /* The percentage of writes follows. */
    {"rwlock", sections_body, ANY_NUMBER, lock_rwlock, unlock_rwlock},
    {"sem", sections_body, ANY_NUMBER, take_permit, post_permit},
    {"queue", queue_body, PAIRS, NULL, NULL},
    {"handoff", handoff_body, PAIRS, NULL, NULL},
    {"sem-handoff", sem_handoff_body, PAIRS, NULL, NULL},
    {"barrier", barrier_body, ANY_NUMBER, NULL, NULL},
};

static bool is(const struct kind *kind, const char *name)
{
    return strcmp(kind->name, name) == 0;
}

static const struct kind *find_kind(const char *name)
{
    char plain[32];
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(name, "0123456789"), name);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (is(&kinds[i], plain))
            return &kinds[i];
    broken_row("no such kind of point", 0);
}

static void must_sem(int result)
{
    if (result != 0)
        broken_row("sem_init", errno);
}

static void make_lock(struct point *point, const struct kind *kind)
{
    if (is(kind, "rwlock"))
        must(pthread_rwlock_init(&point->lock.rwlock, NULL), "pthread_rwlock_init");
    else if (is(kind, "sem"))
        must_sem(sem_init(&point->lock.permit, 0, 1));
    else
        must(pthread_mutex_init(&point->lock.mutex, NULL), "pthread_mutex_init");
}

static void make_pass(struct pass *pass)
{
    must(pthread_mutex_init(&pass->mutex, NULL), "pthread_mutex_init");
    for (int side = 0; side < 2; side++) {
        must(pthread_cond_init(&pass->may_go[side], NULL), "pthread_cond_init");
        must_sem(sem_init(&pass->permit[side], 0, 0));
    }
}

static void make_objects(struct point *point, const struct kind *kind, unsigned threads)
{
    make_lock(point, kind);
    must(pthread_cond_init(&point->not_empty, NULL), "pthread_cond_init");
    must(pthread_cond_init(&point->not_full, NULL), "pthread_cond_init");
    if (is(kind, "barrier"))
        must(pthread_barrier_init(&point->barrier, NULL, threads), "pthread_barrier_init");
    for (unsigned i = 0; i < threads / 2; i++)
        make_pass(&point->passes[i]);
}

static void reset(struct team *team)
{
    struct point *point = team->shared;
    point->open_producers = team->size / 2;
    point->last_round = 0;
    for (unsigned i = 0; i < team->size / 2; i++) {
        struct pass *pass = &point->passes[i];
        pass->turn = 0;
        pass->leave = false;
        post(&pass->permit[0]);
    }
}

static void run_point(const struct row *row, struct result *result)
{
    struct point *point = &the_point;
    char name[16], place[8];
    unsigned threads;
    if (sscanf(row->name, "point/%15[^/]/%u/%ld/%ld/%7s", name, &threads, &point->inside,
               &point->outside, place) != 5 ||
        threads < 1 || threads > MOST_THREADS)
        broken_row("point/KIND/THREADS/INSIDE/OUTSIDE/free or one is what names a point", 0);
    const struct kind *kind = find_kind(name);
    if (kind->needs == PAIRS && threads % 2 != 0)
        skip_row("needs an even number of threads");
    point->percent_writes = is(kind, "rwlock") ? (unsigned)atoi(name + strlen(kind->name)) : 100;
    point->enter = kind->enter;
    point->leave = kind->leave;
    make_objects(point, kind, threads);
    struct team *team =
        team_create(threads, strcmp(place, "one") == 0 ? ONE_CPU : ANYWHERE, kind->body, point);
    /* At a barrier all have equal shares, and one counts. */
    team_measure(team, reset, is(kind, "barrier") ? TAILS : FAIRNESS | TAILS, result);
    if (kind->enter != NULL && point->counter != point->written)
        broken_row("two threads were in a section for one at once", 0);
}

struct row row_of_point(const char *name)
{
    return (struct row){.name = name, .run = run_point};
}
