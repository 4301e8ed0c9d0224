/* One thread gives another leave to go on: through a cond, a semaphore, a barrier, a queue. */
#define _GNU_SOURCE
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

/* ---- Pairs of threads ---- */

/* What a pair's two sides do between hand-offs, in iterations. */
enum { NO_WORK = 0, SHORT = 100, MIDDLE = 3000, LONG = 40000 };

/* Worker 2p leads pair p, worker 2p + 1 follows. An operation is a hand-off there and back; both
 * sides do some work before they answer. Each object has its own lines, so that what is measured is
 * the object, not what happens to lie beside it. */
struct pair {
    _Alignas(APART) pthread_mutex_t mutex;
    struct {
        _Alignas(APART) pthread_cond_t cond;
    } may_go[2];
    struct {
        _Alignas(APART) sem_t semaphore;
    } permit[2];
    _Alignas(APART) pthread_barrier_t barrier;
    _Alignas(APART) unsigned turn;
    bool leave;
    long last_round;
    uint64_t signalled;
    _Alignas(APART) long work;
    /* What is timed is the way from the leader's signal to the follower's running. */
    bool one_way;
};

static struct pair *pair_of(struct worker *worker)
{
    struct pair *pairs = worker->team->shared;
    return &pairs[worker->index / 2];
}

static bool leads(const struct worker *worker)
{
    return worker->index % 2 == 0;
}

/* The leader's clock: started anew with each hand-off where times are wanted. */
static uint64_t start_time(const struct worker *worker)
{
    return worker->team->timed ? now_ns() : 0;
}

static void count_round(struct worker *worker, uint64_t start)
{
    if (worker->team->timed)
        record_time(worker, now_ns() - start);
    worker->operations++;
}

/* The leader's count of a hand-off, and its time where that is not the follower's to record. */
static void count_hand_off(struct worker *worker, const struct pair *pair, uint64_t start)
{
    if (pair->one_way)
        worker->operations++;
    else
        count_round(worker, start);
}

static void record_arrival(struct worker *worker, const struct pair *pair, uint64_t arrival)
{
    if (worker->team->timed && pair->one_way)
        record_time(worker, arrival - pair->signalled);
}

/* The mutex is held. */
static void give_turn(struct pair *pair, unsigned to)
{
    pair->turn = to;
    must(pthread_cond_signal(&pair->may_go[to].cond), "pthread_cond_signal");
}

static void await_turn(struct pair *pair, unsigned me)
{
    while (pair->turn != me)
        must(pthread_cond_wait(&pair->may_go[me].cond, &pair->mutex), "pthread_cond_wait");
}

static void cond_leader(struct worker *worker, struct pair *pair)
{
    while (!team_stopped(worker->team)) {
        uint64_t start = start_time(worker);
        must(pthread_mutex_lock(&pair->mutex), "pthread_mutex_lock");
        pair->signalled = start_time(worker);
        give_turn(pair, 1);
        await_turn(pair, 0);
        must(pthread_mutex_unlock(&pair->mutex), "pthread_mutex_unlock");
        work(pair->work);
        count_hand_off(worker, pair, start);
    }
    must(pthread_mutex_lock(&pair->mutex), "pthread_mutex_lock");
    pair->leave = true;
    give_turn(pair, 1);
    must(pthread_mutex_unlock(&pair->mutex), "pthread_mutex_unlock");
}

static void cond_follower(struct worker *worker, struct pair *pair)
{
    for (;;) {
        must(pthread_mutex_lock(&pair->mutex), "pthread_mutex_lock");
        await_turn(pair, 1);
        const uint64_t arrival = start_time(worker);
        const bool leave = pair->leave;
        must(pthread_mutex_unlock(&pair->mutex), "pthread_mutex_unlock");
        if (leave)
            return;
        record_arrival(worker, pair, arrival);
        work(pair->work);
        must(pthread_mutex_lock(&pair->mutex), "pthread_mutex_lock");
        give_turn(pair, 0);
        must(pthread_mutex_unlock(&pair->mutex), "pthread_mutex_unlock");
    }
}

static void cond_body(struct worker *worker)
{
    struct pair *pair = pair_of(worker);
    if (leads(worker))
        cond_leader(worker, pair);
    else
        cond_follower(worker, pair);
}

static void post(struct pair *pair, unsigned to)
{
    if (sem_post(&pair->permit[to].semaphore) != 0)
        broken_row("sem_post", errno);
}

static void take(struct pair *pair, unsigned me)
{
    if (sem_wait(&pair->permit[me].semaphore) != 0)
        broken_row("sem_wait", errno);
}

static void sem_leader(struct worker *worker, struct pair *pair)
{
    while (!team_stopped(worker->team)) {
        uint64_t start = start_time(worker);
        pair->signalled = start;
        post(pair, 1);
        take(pair, 0);
        work(pair->work);
        count_hand_off(worker, pair, start);
    }
    pair->leave = true;
    post(pair, 1);
}

static void sem_follower(struct worker *worker, struct pair *pair)
{
    for (;;) {
        take(pair, 1);
        const uint64_t arrival = start_time(worker);
        if (pair->leave)
            return;
        record_arrival(worker, pair, arrival);
        work(pair->work);
        post(pair, 0);
    }
}

static void sem_body(struct worker *worker)
{
    struct pair *pair = pair_of(worker);
    if (leads(worker))
        sem_leader(worker, pair);
    else
        sem_follower(worker, pair);
}

static void meet(pthread_barrier_t *barrier)
{
    int error = pthread_barrier_wait(barrier);
    if (error != PTHREAD_BARRIER_SERIAL_THREAD)
        must(error, "pthread_barrier_wait");
}

/* The leader names the last round before it enters it, so all who come out of that round know; and
 * a slow thread, still on its way out of the round before, is not misled. */
static void barrier_rounds(struct worker *worker, pthread_barrier_t *barrier, long *last_round,
                           bool leader, long iterations)
{
    for (long round = 1;; round++) {
        uint64_t start = start_time(worker);
        if (leader && team_stopped(worker->team))
            __atomic_store_n(last_round, round, __ATOMIC_RELAXED);
        meet(barrier);
        work(iterations);
        if (leader)
            count_round(worker, start);
        if (__atomic_load_n(last_round, __ATOMIC_RELAXED) == round)
            return;
    }
}

static void barrier_body(struct worker *worker)
{
    struct pair *pair = pair_of(worker);
    barrier_rounds(worker, &pair->barrier, &pair->last_round, leads(worker), pair->work);
}

static void pairs_reset(struct team *team)
{
    struct pair *pairs = team->shared;
    for (unsigned i = 0; i < team->size / 2; i++) {
        pairs[i].turn = 0;
        pairs[i].leave = false;
        pairs[i].last_round = 0;
    }
}

#define MAX_PAIRS 32

static void measure_pairs(const struct row *row, void (*body)(struct worker *), bool one_way,
                          struct result *result)
{
    static struct pair pairs[MAX_PAIRS];
    for (long i = 0; i < row->a; i++) {
        struct pair *pair = &pairs[i];
        pair->work = row->c;
        pair->one_way = one_way;
        must(pthread_mutex_init(&pair->mutex, NULL), "pthread_mutex_init");
        must(pthread_barrier_init(&pair->barrier, NULL, 2), "pthread_barrier_init");
        for (int side = 0; side < 2; side++) {
            must(pthread_cond_init(&pair->may_go[side].cond, NULL), "pthread_cond_init");
            if (sem_init(&pair->permit[side].semaphore, 0, 0) != 0)
                broken_row("sem_init", errno);
        }
    }
    struct team *team = team_create(2 * (unsigned)row->a, (enum placement)row->b, body, pairs);
    team_measure(team, pairs_reset, TAILS, result);
}

static void cond_hand_offs(const struct row *row, struct result *result)
{
    measure_pairs(row, cond_body, false, result);
}

static void sem_hand_offs(const struct row *row, struct result *result)
{
    measure_pairs(row, sem_body, false, result);
}

static void cond_one_way(const struct row *row, struct result *result)
{
    measure_pairs(row, cond_body, true, result);
}

static void sem_one_way(const struct row *row, struct result *result)
{
    measure_pairs(row, sem_body, true, result);
}

static void barrier_hand_offs(const struct row *row, struct result *result)
{
    measure_pairs(row, barrier_body, false, result);
}

/* ---- Many threads ---- */

struct meeting {
    _Alignas(APART) pthread_barrier_t barrier;
    _Alignas(APART) long last_round;
};

static void meeting_body(struct worker *worker)
{
    struct meeting *m = worker->team->shared;
    barrier_rounds(worker, &m->barrier, &m->last_round, worker->index == 0, 0);
}

static void meeting_reset(struct team *team)
{
    struct meeting *m = team->shared;
    m->last_round = 0;
}

static void barrier_of_many(const struct row *row, struct result *result)
{
    static struct meeting m;
    must(pthread_barrier_init(&m.barrier, NULL, (unsigned)row->a), "pthread_barrier_init");
    struct team *team = team_create((unsigned)row->a, ANYWHERE, meeting_body, &m);
    team_measure(team, meeting_reset, TAILS, result);
}

/* Worker 0 lets all the others go at once, and sleeps until each has gone. */
struct audience {
    _Alignas(APART) pthread_mutex_t mutex;
    _Alignas(APART) pthread_cond_t go;
    _Alignas(APART) pthread_cond_t all_gone;
    _Alignas(APART) uint64_t generation;
    unsigned pending;
    bool leave;
    /* A signal for each listener instead of a broadcast. */
    bool one_by_one;
};

static void next_generation(struct audience *a, unsigned listeners)
{
    a->pending = listeners;
    a->generation++;
    if (!a->one_by_one)
        must(pthread_cond_broadcast(&a->go), "pthread_cond_broadcast");
    for (unsigned i = 0; a->one_by_one && i < listeners; i++)
        must(pthread_cond_signal(&a->go), "pthread_cond_signal");
}

static void speak(struct worker *worker, struct audience *a)
{
    const unsigned listeners = worker->team->size - 1;
    must(pthread_mutex_lock(&a->mutex), "pthread_mutex_lock");
    while (!team_stopped(worker->team)) {
        uint64_t start = start_time(worker);
        next_generation(a, listeners);
        while (a->pending != 0)
            must(pthread_cond_wait(&a->all_gone, &a->mutex), "pthread_cond_wait");
        count_round(worker, start);
    }
    a->leave = true;
    next_generation(a, listeners);
    must(pthread_mutex_unlock(&a->mutex), "pthread_mutex_unlock");
}

static void listen(struct audience *a)
{
    uint64_t heard = 0;
    must(pthread_mutex_lock(&a->mutex), "pthread_mutex_lock");
    for (;;) {
        while (a->generation == heard)
            must(pthread_cond_wait(&a->go, &a->mutex), "pthread_cond_wait");
        if (a->generation != heard + 1)
            broken_row("a round began before all had gone", 0);
        heard = a->generation;
        if (a->leave)
            break;
        if (--a->pending == 0)
            must(pthread_cond_signal(&a->all_gone), "pthread_cond_signal");
    }
    must(pthread_mutex_unlock(&a->mutex), "pthread_mutex_unlock");
}

static void audience_body(struct worker *worker)
{
    struct audience *a = worker->team->shared;
    if (worker->index == 0)
        speak(worker, a);
    else
        listen(a);
}

static void audience_reset(struct team *team)
{
    struct audience *a = team->shared;
    a->generation = 0;
    a->leave = false;
}

enum { BROADCAST, SIGNALS };

static void let_all_go(const struct row *row, struct result *result)
{
    static struct audience a;
    a.one_by_one = row->b == SIGNALS;
    must(pthread_mutex_init(&a.mutex, NULL), "pthread_mutex_init");
    must(pthread_cond_init(&a.go, NULL), "pthread_cond_init");
    must(pthread_cond_init(&a.all_gone, NULL), "pthread_cond_init");
    struct team *team = team_create((unsigned)row->a + 1, ANYWHERE, audience_body, &a);
    team_measure(team, audience_reset, TAILS, result);
}

/* ---- A crowded futex bucket ---- */

/* As in linux/prctl.h. Two buckets are the fewest that the kernel gives a process. */
#define PR_FUTEX_HASH 78
#define PR_FUTEX_HASH_SET_SLOTS 1
#define BUCKETS 2

struct sleeper {
    _Alignas(APART) sem_t never_posted;
    _Atomic uint32_t tid;
};

static void *sleep_for_ever(void *argument)
{
    struct sleeper *sleeper = argument;
    atomic_store(&sleeper->tid, (uint32_t)syscall(SYS_gettid));
    futex_wake(&sleeper->tid, 1);
    sem_wait(&sleeper->never_posted);
    broken_row("sem_wait returned without a post", 0);
}

static void start_sleeper(struct sleeper *sleeper)
{
    if (sem_init(&sleeper->never_posted, 0, 0) != 0)
        broken_row("sem_init", errno);
    create_small_thread(sleep_for_ever, sleeper);
}

static void await_sleeper(struct sleeper *sleeper)
{
    while (atomic_load(&sleeper->tid) == 0)
        futex_wait(&sleeper->tid, 0);
    await_sleep((pid_t)atomic_load(&sleeper->tid));
}

/* Each sleeper has a semaphore of its own; half of them share the bucket of either hand-off. */
static void crowded_bucket(const struct row *row, struct result *result)
{
    if (prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, BUCKETS, 0, 0) != 0)
        skip_row("this kernel does not let a process choose its futex buckets");
    struct sleeper *sleepers = aligned_alloc(APART, (size_t)row->a * sizeof *sleepers);
    if (sleepers == NULL)
        skip_row("out of memory");
    memset(sleepers, 0, (size_t)row->a * sizeof *sleepers);
    for (long i = 0; i < row->a; i++)
        start_sleeper(&sleepers[i]);
    for (long i = 0; i < row->a; i++)
        await_sleeper(&sleepers[i]);
    const struct row one_pair = {.a = 1, .b = ONE_CPU, .c = NO_WORK};
    sem_hand_offs(&one_pair, result);
}

/* ---- Bounded queue ---- */

#define PLACES 64

struct queue {
    _Alignas(APART) pthread_mutex_t mutex;
    _Alignas(APART) pthread_cond_t not_empty;
    _Alignas(APART) pthread_cond_t not_full;
    _Alignas(APART) unsigned first;
    unsigned used;
    unsigned open_producers;
    uint64_t sum_in, sum_out;
    uint64_t items[PLACES];
    _Alignas(APART) unsigned producers;
};

static void produce(struct worker *worker, struct queue *q)
{
    uint64_t sum = 0;
    for (uint64_t item = worker->index; !team_stopped(worker->team); item += 3) {
        must(pthread_mutex_lock(&q->mutex), "pthread_mutex_lock");
        while (q->used == PLACES)
            must(pthread_cond_wait(&q->not_full, &q->mutex), "pthread_cond_wait");
        q->items[(q->first + q->used++) % PLACES] = item;
        must(pthread_cond_signal(&q->not_empty), "pthread_cond_signal");
        must(pthread_mutex_unlock(&q->mutex), "pthread_mutex_unlock");
        sum += item;
    }
    must(pthread_mutex_lock(&q->mutex), "pthread_mutex_lock");
    q->sum_in += sum;
    if (--q->open_producers == 0)
        must(pthread_cond_broadcast(&q->not_empty), "pthread_cond_broadcast");
    must(pthread_mutex_unlock(&q->mutex), "pthread_mutex_unlock");
}

static void consume(struct worker *worker, struct queue *q)
{
    uint64_t sum = 0;
    for (;;) {
        must(pthread_mutex_lock(&q->mutex), "pthread_mutex_lock");
        while (q->used == 0 && q->open_producers != 0)
            must(pthread_cond_wait(&q->not_empty, &q->mutex), "pthread_cond_wait");
        if (q->used == 0)
            break;
        sum += q->items[q->first];
        q->first = (q->first + 1) % PLACES;
        q->used--;
        must(pthread_cond_signal(&q->not_full), "pthread_cond_signal");
        must(pthread_mutex_unlock(&q->mutex), "pthread_mutex_unlock");
        worker->operations++;
    }
    q->sum_out += sum;
    must(pthread_mutex_unlock(&q->mutex), "pthread_mutex_unlock");
}

static void queue_body(struct worker *worker)
{
    struct queue *q = worker->team->shared;
    if (worker->index < q->producers)
        produce(worker, q);
    else
        consume(worker, q);
}

static void queue_reset(struct team *team)
{
    struct queue *q = team->shared;
    q->open_producers = q->producers;
}

static void queue(const struct row *row, struct result *result)
{
    static struct queue q;
    q.producers = (unsigned)row->a;
    must(pthread_mutex_init(&q.mutex, NULL), "pthread_mutex_init");
    must(pthread_cond_init(&q.not_empty, NULL), "pthread_cond_init");
    must(pthread_cond_init(&q.not_full, NULL), "pthread_cond_init");
    struct team *team = team_create((unsigned)(row->a + row->b), ANYWHERE, queue_body, &q);
    team_measure(team, queue_reset, 0, result);
    if (q.sum_in != q.sum_out)
        broken_row("what came out of the queue is not what went in", 0);
}

#define SECONDS 0.15

/* clang-format off */
const struct row handoff_rows[] = {
    {"cond-pingpong/2cpus", "signal, wait for the answer; each thread on its own CPU",
     "line", cond_hand_offs, 1, ALTERNATE, NO_WORK, SECONDS, NSYNC},
    {"cond-pingpong/unpinned", "the same, wherever the kernel puts the threads",
     "line", cond_hand_offs, 1, ANYWHERE, NO_WORK, SECONDS, NSYNC},
    {"cond-pingpong/1cpu", "the same, both on one CPU",
     "futex1", cond_hand_offs, 1, ONE_CPU, NO_WORK, SECONDS, NSYNC},
    {"sem-pingpong/2cpus", "post, wait for the answer; each thread on its own CPU",
     "line", sem_hand_offs, 1, ALTERNATE, NO_WORK, SECONDS, 0},
    {"sem-pingpong/unpinned", "the same, wherever the kernel puts the threads",
     "line", sem_hand_offs, 1, ANYWHERE, NO_WORK, SECONDS, 0},
    {"sem-pingpong/1cpu", "the same, both on one CPU",
     "futex1", sem_hand_offs, 1, ONE_CPU, NO_WORK, SECONDS, 0},
    {"barrier-2/2cpus", "a barrier of two; each thread on its own CPU",
     "line", barrier_hand_offs, 1, ALTERNATE, NO_WORK, SECONDS, 0},
    {"barrier-2/unpinned", "the same, wherever the kernel puts the threads",
     "line", barrier_hand_offs, 1, ANYWHERE, NO_WORK, SECONDS, 0},
    {"barrier-2/1cpu", "the same, both on one CPU",
     "futex1", barrier_hand_offs, 1, ONE_CPU, NO_WORK, SECONDS, 0},
    {"cond-wakeup/at-once", "cond-pingpong/2cpus; what is timed is from a signal to the waiter's running",
     "line", cond_one_way, 1, ALTERNATE, NO_WORK, SECONDS, NSYNC},
    {"cond-wakeup/asleep", "the same, the waiter asleep: 40,000 iterations before each signal",
     "work40k", cond_one_way, 1, ALTERNATE, LONG, SECONDS, NSYNC},
    {"cond-wakeup/1cpu", "the same, both on one CPU, no work",
     "futex1", cond_one_way, 1, ONE_CPU, NO_WORK, SECONDS, NSYNC},
    {"sem-wakeup/at-once", "sem-pingpong/2cpus; what is timed is from a post to the waiter's running",
     "line", sem_one_way, 1, ALTERNATE, NO_WORK, SECONDS, 0},
    {"sem-wakeup/asleep", "the same, the waiter asleep: 40,000 iterations before each post",
     "work40k", sem_one_way, 1, ALTERNATE, LONG, SECONDS, 0},
    {"cond-4pairs/short", "4 pairs on 2 CPUs, 100 iterations of work before each answer",
     "work100", cond_hand_offs, 4, TWO_CPUS, SHORT, SECONDS, NSYNC},
    {"cond-4pairs/middle", "4 pairs, 3,000 iterations",
     "work3k", cond_hand_offs, 4, TWO_CPUS, MIDDLE, SECONDS, NSYNC},
    {"cond-4pairs/long", "4 pairs, 40,000 iterations",
     "work40k", cond_hand_offs, 4, TWO_CPUS, LONG, SECONDS, NSYNC},
    {"sem-4pairs/short", "4 pairs on 2 CPUs, 100 iterations of work before each answer",
     "work100", sem_hand_offs, 4, TWO_CPUS, SHORT, SECONDS, 0},
    {"sem-4pairs/middle", "4 pairs, 3,000 iterations",
     "work3k", sem_hand_offs, 4, TWO_CPUS, MIDDLE, SECONDS, 0},
    {"sem-4pairs/long", "4 pairs, 40,000 iterations",
     "work40k", sem_hand_offs, 4, TWO_CPUS, LONG, SECONDS, 0},
    {"barrier-4pairs/short", "4 pairs on 2 CPUs, 100 iterations of work before each answer",
     "work100", barrier_hand_offs, 4, TWO_CPUS, SHORT, SECONDS, 0},
    {"barrier-4pairs/middle", "4 pairs, 3,000 iterations",
     "work3k", barrier_hand_offs, 4, TWO_CPUS, MIDDLE, SECONDS, 0},
    {"barrier-4pairs/long", "4 pairs, 40,000 iterations",
     "work40k", barrier_hand_offs, 4, TWO_CPUS, LONG, SECONDS, 0},
    {"broadcast/8", "one thread lets 8 go, and waits until each has gone",
     "futex1", let_all_go, 8, BROADCAST, 0, SECONDS, NSYNC},
    {"barrier/8", "a barrier of 8",
     "futex1", barrier_of_many, 8, 0, 0, SECONDS, 0},
    {"queue/2p2c", "an item through a queue of 64 places, 2 producers and 2 consumers",
     "line", queue, 2, 2, 0, SECONDS, NSYNC},
    {"grow-broadcast/1", "one thread lets all others go by a broadcast, as their number grows: 1",
     "futex1", let_all_go, 1, BROADCAST, 0, SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-broadcast/10", "10",
     "futex1", let_all_go, 10, BROADCAST, 0, SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-broadcast/100", "100",
     "futex1", let_all_go, 100, BROADCAST, 0, SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-broadcast/1000", "1,000",
     "futex1", let_all_go, 1000, BROADCAST, 0, 2 * SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-broadcast/10000", "10,000",
     "futex1", let_all_go, 10000, BROADCAST, 0, 4 * SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-signals/1", "the same by a signal for each: 1",
     "futex1", let_all_go, 1, SIGNALS, 0, SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-signals/10", "10",
     "futex1", let_all_go, 10, SIGNALS, 0, SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-signals/100", "100",
     "futex1", let_all_go, 100, SIGNALS, 0, SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-signals/1000", "1,000",
     "futex1", let_all_go, 1000, SIGNALS, 0, 2 * SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-signals/10000", "10,000",
     "futex1", let_all_go, 10000, SIGNALS, 0, 4 * SECONDS, ON_REQUEST | GROWTH | NSYNC},
    {"grow-bucket/1", "post and wait on one CPU, as the number of sleepers in the futex bucket grows: 1",
     "futex1", crowded_bucket, 1, 0, 0, SECONDS, ON_REQUEST | GROWTH},
    {"grow-bucket/10", "10",
     "futex1", crowded_bucket, 10, 0, 0, SECONDS, ON_REQUEST | GROWTH},
    {"grow-bucket/100", "100",
     "futex1", crowded_bucket, 100, 0, 0, SECONDS, ON_REQUEST | GROWTH},
    {"grow-bucket/1000", "1,000",
     "futex1", crowded_bucket, 1000, 0, 0, 2 * SECONDS, ON_REQUEST | GROWTH},
    {"grow-bucket/10000", "10,000",
     "futex1", crowded_bucket, 10000, 0, 0, 4 * SECONDS, ON_REQUEST | GROWTH},
    {0},
};
/* clang-format on */
