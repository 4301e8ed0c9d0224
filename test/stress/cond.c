/*
 * Condition variables: every token put into a bounded queue is announced by one signal, and every
 * place that becomes free by another, so a single signal lost leaves everybody asleep in the end,
 * which the watchdog sees. Waiters that time out or are cancelled must not take a signal with them.
 * Rounds without timeouts, cancellation and signals let nobody save the others.
 */
#include "stress.h"

enum { PLACES = 8 };

struct pair {
    alignas(128) pthread_mutex_t mutex;
    pthread_cond_t turned;
    unsigned turn;
    bool over;
};

struct state {
    pthread_mutex_t mutex;
    pthread_cond_t filled, emptied;
    clockid_t clock;
    bool done;
    unsigned places;
    unsigned long put, taken;
    unsigned long queue[PLACES];
    /* of the broadcast's test */
    unsigned long generation, seen[MAX_WORKERS];
    unsigned missing;
    struct pair pair[MAX_WORKERS / 2];
};

enum { INHERIT = 1 };

static const char *prepare(int variant)
{
    static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
                                PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP};
    struct state *state = STATE(struct state);
    int sharing = pick_sharing();
    state->clock = pick_round(2) ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    state->places = 1 + pick_round(pick_round(2) ? 1 : PLACES);
    int type = types[pick_round(4)];
    int robust = pick_round(4) == 0 ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED;
    int protocol = variant & INHERIT ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE;
    int error = make_mutex(&state->mutex, type, sharing, robust, protocol);
    if (error == ENOTSUP)
        return "the kernel has no such mutexes";
    RETURNS(error, 0);
    pthread_condattr_t attr;
    RETURNS(pthread_condattr_init(&attr), 0);
    RETURNS(pthread_condattr_setclock(&attr, state->clock), 0);
    RETURNS(pthread_condattr_setpshared(&attr, sharing), 0);
    RETURNS(pthread_cond_init(&state->filled, &attr), 0);
    RETURNS(pthread_cond_init(&state->emptied, &attr), 0);
    for (unsigned i = 0; i < now->workers / 2; i++) {
        RETURNS(make_mutex(&state->pair[i].mutex, type, sharing, robust, protocol), 0);
        RETURNS(pthread_cond_init(&state->pair[i].turned, &attr), 0);
    }
    RETURNS(pthread_condattr_destroy(&attr), 0);
    return NULL;
}

/* Cleanup of a wait that was cancelled: which has locked the mutex again. */
static void unlock(void *mutex)
{
    RETURNS(pthread_mutex_unlock(mutex), 0);
}

/* One wait, of whatever kind the round has. */
static void wait_once(struct worker *self, pthread_cond_t *cond, pthread_mutex_t *mutex,
                      const char *name)
{
    clockid_t clock = STATE(struct state)->clock;
    struct timespec time;
    int error;
    self->doing = name;
    switch (pick(self, now->timed ? 4 : 1)) {
    default:
        error = pthread_cond_wait(cond, mutex);
        break;
    case 2:
        time = soon(self, clock, 3000);
        error = pthread_cond_timedwait(cond, mutex, &time);
        break;
    case 3:
        time = soon(self, CLOCK_MONOTONIC, 3000);
        error = pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &time);
        break;
    }
    if (error != 0 && (error != ETIMEDOUT || !now->timed))
        fail("%s: %d", name, error);
    stepped(self);
}

static void put(struct state *state)
{
    CHECK(state->put - state->taken < state->places);
    state->queue[state->put % PLACES] = state->put;
    state->put++;
}

static void take(struct state *state)
{
    CHECK(state->put != state->taken);
    CHECK(state->queue[state->taken % PLACES] == state->taken);
    state->queue[state->taken % PLACES] = ~0ul;
    state->taken++;
}

static void work(struct worker *self)
{
    struct state *state = STATE(struct state);
    bool producer = self->index % 2 == 0;
    while (again(self)) {
        bool late = pick(self, 2);
        unsigned long moved = self->tally[producer];
        self->doing = "pthread_mutex_lock";
        RETURNS(pthread_mutex_lock(&state->mutex), 0);
        pthread_cleanup_push(unlock, &state->mutex);
        if (producer) {
            while (!state->done && state->put - state->taken == state->places)
                wait_once(self, &state->emptied, &state->mutex, "a wait for a free place");
        } else {
            while (!state->done && state->put == state->taken)
                wait_once(self, &state->filled, &state->mutex, "a wait for a token");
        }
        if (!state->done) {
            self->tally[producer]++;
            if (producer)
                put(state);
            else
                take(state);
            if (!late)
                RETURNS(pthread_cond_signal(producer ? &state->filled : &state->emptied), 0);
        }
        pthread_cleanup_pop(1);
        if (late && moved != self->tally[producer])
            RETURNS(pthread_cond_signal(producer ? &state->filled : &state->emptied), 0);
    }
}

static void release(void)
{
    struct state *state = STATE(struct state);
    RETURNS(pthread_mutex_lock(&state->mutex), 0);
    state->done = true;
    RETURNS(pthread_cond_broadcast(&state->filled), 0);
    RETURNS(pthread_cond_broadcast(&state->emptied), 0);
    RETURNS(pthread_mutex_unlock(&state->mutex), 0);
}

static void destroy(struct state *state)
{
    RETURNS(pthread_cond_destroy(&state->filled), 0);
    RETURNS(pthread_cond_destroy(&state->emptied), 0);
    RETURNS(pthread_mutex_destroy(&state->mutex), 0);
}

static void finish(void)
{
    struct state *state = STATE(struct state);
    CHECK(state->put == total(1) && state->taken == total(0));
    CHECK(state->put - state->taken <= state->places);
    destroy(state);
}

/* One worker announces generations by broadcast, the next when all the others have seen the last. */
static void work_broadcast(struct worker *self)
{
    struct state *state = STATE(struct state);
    unsigned long *seen = &state->seen[self->index];
    while (again(self)) {
        RETURNS(pthread_mutex_lock(&state->mutex), 0);
        pthread_cleanup_push(unlock, &state->mutex);
        if (self->index == 0) {
            while (!state->done && state->missing > 0)
                wait_once(self, &state->emptied, &state->mutex,
                          "a wait for the last to see a generation");
            if (!state->done) {
                state->generation++;
                state->missing = now->workers - 1;
                RETURNS(pthread_cond_broadcast(&state->filled), 0);
            }
        } else {
            while (!state->done && *seen == state->generation)
                wait_once(self, &state->filled, &state->mutex, "a wait for a generation");
            if (!state->done) {
                CHECK(++*seen == state->generation);
                if (--state->missing == 0)
                    RETURNS(pthread_cond_signal(&state->emptied), 0);
            }
        }
        pthread_cleanup_pop(1);
    }
}

static void finish_broadcast(void)
{
    struct state *state = STATE(struct state);
    unsigned missing = 0;
    for (unsigned i = 1; i < now->workers; i++)
        missing += state->seen[i] != state->generation;
    CHECK(missing == state->missing);
    destroy(state);
}

/*
 * Pairs: each two workers take turns with an object of their own, so that where a signal is lost
 * nobody else's saves them. At the end the one whose turn it is tells the other, in the same way,
 * which is why none of them is cancelled.
 */
static void work_pairs(struct worker *self)
{
    struct pair *pair = &STATE(struct state)->pair[self->index / 2];
    unsigned me = self->index % 2;
    bool over = false;
    while (!over) {
        stepped(self);
        self->doing = "pthread_mutex_lock";
        RETURNS(pthread_mutex_lock(&pair->mutex), 0);
        pthread_cleanup_push(unlock, &pair->mutex);
        while (pair->turn != me && !pair->over)
            wait_once(self, &pair->turned, &pair->mutex, "a wait for its turn");
        over = pair->over || stopping();
        pair->over = over;
        pair->turn = !me;
        RETURNS(pthread_cond_signal(&pair->turned), 0);
        pthread_cleanup_pop(1);
    }
}

static void finish_pairs(void)
{
    struct state *state = STATE(struct state);
    for (unsigned i = 0; i < now->workers / 2; i++) {
        RETURNS(pthread_cond_destroy(&state->pair[i].turned), 0);
        RETURNS(pthread_mutex_destroy(&state->pair[i].mutex), 0);
    }
    destroy(state);
}

#define OBJECTS offsetof(struct state, generation)
#define COND(name, variant)                                                                        \
    {                                                                                              \
        name, prepare, work, release, finish, variant, PROCESSES | CANCEL, OBJECTS                 \
    }
#define PAIRS(name, variant)                                                                       \
    {                                                                                              \
        name, prepare, work_pairs, NULL, finish_pairs, variant, PROCESSES,                         \
            offsetof(struct state, pair[8])                                                        \
    }
#define BROADCAST(name, variant)                                                                   \
    {                                                                                              \
        name, prepare, work_broadcast, release, finish_broadcast, variant, PROCESSES | CANCEL,     \
            OBJECTS                                                                                \
    }

const struct test cond_tests[] = {
    COND("cond-signal", 0),
    COND("cond-signal-inherit", INHERIT),
    PAIRS("cond-pairs", 0),
    PAIRS("cond-pairs-inherit", INHERIT),
    BROADCAST("cond-broadcast", 0),
    BROADCAST("cond-broadcast-inherit", INHERIT),
    {0},
};
