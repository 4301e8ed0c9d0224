/*
 * Long randomised stress: what the tests and the harness share.
 *
 * A test is a function that each of many workers runs until it is told to stop, on objects in shared
 * memory, and invariants that hold if the objects do what they are for. A round of a test is a
 * process of its own, so that neither a crash nor a hang takes the others with it; it may have forked
 * others, and each of them runs some of the workers as threads. Its first thread manages: it ends
 * and replaces workers by cancellation, and storms them with signals, where the round has these.
 */
#ifndef STRESS_H
#define STRESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORKERS = 256, TALLIES = 8, STATE_SIZE = 1 << 20 };

struct worker {
    alignas(128) unsigned index;
    uint64_t random;
    /* what it is about to call, for who reads a report of a stall */
    const char *volatile doing;
    atomic_ulong steps;
    atomic_bool ended;
    /* the test's own; kept when another thread takes the worker's place */
    unsigned long tally[TALLIES];
    /* a real-time one sleeps after so many steps; 0 of others */
    unsigned rests;
    pthread_t thread;
};

struct round {
    const struct test *test;
    uint64_t seed;
    unsigned processes, workers;
    /* what the round has: waits with timeouts, cancellation of workers, signals, SA_RESTART */
    bool timed, cancel, storm, restart;
    /* workers of different policies, children forked in the middle, a timer (trouble.c) */
    bool mixed, forks, timer;
    /* why there is nothing to do, for instance because the system refuses it */
    const char *left_out;
    atomic_bool stop, failed;
    struct worker worker[MAX_WORKERS];
    alignas(128) unsigned char state[STATE_SIZE];
};

struct test {
    const char *name;
    /* The round's objects, in state, and what the round is to be like; returns why it cannot be. */
    const char *(*prepare)(int variant);
    /* What each worker does until again() says no; it may return earlier and is called anew. */
    void (*work)(struct worker *);
    /* Called in every process after the stop, for workers that would sleep on; may be null. */
    void (*release)(void);
    /* The last invariants, when all workers are gone. */
    void (*finish)(void);
    int variant;
    enum { PROCESSES = 1, CANCEL = 2 } allows;
    /* how much of the state a report of a stall prints */
    size_t objects;
};

/* There is one round at a time, and it is everywhere at the same address. */
extern struct round *now;

extern const struct test mutex_tests[], cond_tests[], object_tests[], life_tests[];

#define STATE(type) ((type *)now->state)

_Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition);                             \
    } while (0)

/* An error number that has to be `expected`. */
#define RETURNS(call, expected)                                                                    \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_ != (expected))                                                                  \
            fail("%s:%d: %s: %d, not %d", __FILE__, __LINE__, #call, error_, (expected));          \
    } while (0)

/* xorshift64* */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1d;
}

/* One of 0 .. n-1. */
static inline unsigned pick(struct worker *self, unsigned n)
{
    return (unsigned)(draw(&self->random) >> 33) % n;
}

/* The same, for choices that are the whole round's. */
static inline unsigned pick_round(unsigned n)
{
    return (unsigned)(draw(&now->seed) >> 33) % n;
}

/* Whether objects have to be process-shared: they may be in any round. */
static inline int pick_sharing(void)
{
    bool shared = now->processes > 1 || pick_round(3) == 0;
    return shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
}

static inline void stepped(struct worker *self)
{
    atomic_store_explicit(&self->steps,
                          atomic_load_explicit(&self->steps, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static inline bool stopping(void)
{
    return atomic_load_explicit(&now->stop, memory_order_relaxed);
}

/* At the head of a worker's loop, where it holds nothing: a step done. */
static inline bool again(struct worker *self)
{
    stepped(self);
    if (self->rests > 0 && self->steps % self->rests == 0)
        nanosleep(&(struct timespec){0, 200000}, NULL);
    self->doing = "testcancel";
    pthread_testcancel();
    return !stopping();
}

/* A pause in a critical section: mostly none, sometimes another thread's turn. */
static inline void dawdle(struct worker *self)
{
    unsigned n = pick(self, 64);
    if (n == 0) {
        sched_yield();
    } else if (n < 8) {
        for (volatile unsigned i = 0; i < n * 16; i++)
            ;
    }
}

/* A time from a millisecond ago to `us` microseconds from now. */
static inline struct timespec soon(struct worker *self, clockid_t clock, unsigned us)
{
    struct timespec time;
    clock_gettime(clock, &time);
    int64_t ns = time.tv_nsec + ((int64_t)pick(self, us + 1000) - 1000) * 1000;
    time.tv_sec += ns < 0 ? -1 : ns / 1000000000;
    time.tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
    return time;
}

/* Over all workers. */
static inline unsigned long total(unsigned tally)
{
    unsigned long sum = 0;
    for (unsigned i = 0; i < now->workers; i++)
        sum += now->worker[i].tally[tally];
    return sum;
}

/* trouble.c: the calling worker's policy; a child of this process; the timer of this process. */
void take_policy(struct worker *self);
void have_a_child(void);
void see_to_the_child(bool wait);
void set_timer(bool on);

/* mutex.c: a mutex of any kind; returns pthread_mutex_init()'s error. */
enum { ANY_TYPE = -1 };
int make_mutex(pthread_mutex_t *mutex, int type, int sharing, int robust, int protocol);

#endif
