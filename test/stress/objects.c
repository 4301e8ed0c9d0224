/* Semaphores, read-write locks and barriers. */
#include "stress.h"

/*
 * Semaphores. Permits: at no time are there more holders than permits, and in the end none is
 * missing, whatever was cancelled, interrupted and timed out. Ring: permits go from one semaphore to
 * the next, so that everybody depends on every post.
 */

enum { SEMAPHORES = 4 };

struct permits {
    sem_t sem[SEMAPHORES];
    unsigned count, permits;
    atomic_uint holders, extra;
};

static const char *prepare_sem(int ring)
{
    struct permits *state = STATE(struct permits);
    bool shared = pick_sharing() == PTHREAD_PROCESS_SHARED;
    /* of a ring each semaphore has somebody who takes from it */
    unsigned most = now->workers < SEMAPHORES ? now->workers : SEMAPHORES;
    state->count = ring ? 2 + pick_round(most - 1) : 1;
    state->permits = 1 + pick_round(now->workers);
    for (unsigned i = 0; i < state->count; i++)
        CHECK(sem_init(&state->sem[i], shared, i == 0 ? state->permits : 0) == 0);
    return NULL;
}

/* Takes a permit, or returns false if the kind of wait lets it go without. */
static bool take_permit(struct worker *self, sem_t *sem)
{
    struct timespec time;
    int result;
    switch (pick(self, now->timed ? 5 : 3)) {
    default:
        self->doing = "sem_wait";
        result = sem_wait(sem);
        break;
    case 2:
        self->doing = "sem_trywait";
        result = sem_trywait(sem);
        break;
    case 3:
        self->doing = "sem_timedwait";
        time = soon(self, CLOCK_REALTIME, 3000);
        result = sem_timedwait(sem, &time);
        break;
    case 4:
        self->doing = "sem_clockwait";
        time = soon(self, CLOCK_MONOTONIC, 3000);
        result = sem_clockwait(sem, CLOCK_MONOTONIC, &time);
        break;
    }
    if (result != 0 && errno != EAGAIN && !(errno == ETIMEDOUT && now->timed) &&
        !(errno == EINTR && (now->storm || now->timer)))
        fail("%s: errno %d", self->doing, errno);
    return result == 0;
}

static void work_permits(struct worker *self)
{
    struct permits *state = STATE(struct permits);
    while (again(self)) {
        if (!take_permit(self, &state->sem[0]))
            continue;
        CHECK(atomic_fetch_add(&state->holders, 1) < state->permits);
        dawdle(self);
        atomic_fetch_sub(&state->holders, 1);
        self->doing = "sem_post";
        CHECK(sem_post(&state->sem[0]) == 0);
    }
}

static void work_ring(struct worker *self)
{
    struct permits *state = STATE(struct permits);
    unsigned at = self->index % state->count;
    while (again(self)) {
        if (!take_permit(self, &state->sem[at]))
            continue;
        self->doing = "sem_post";
        CHECK(sem_post(&state->sem[(at + 1) % state->count]) == 0);
    }
}

/* Every worker can need one more permit to see the end. */
static void release_ring(void)
{
    struct permits *state = STATE(struct permits);
    for (unsigned i = 0; i < state->count; i++)
        for (unsigned n = 0; n < now->workers; n++) {
            CHECK(sem_post(&state->sem[i]) == 0);
            atomic_fetch_add(&state->extra, 1);
        }
}

static void finish_sem(void)
{
    struct permits *state = STATE(struct permits);
    unsigned sum = 0;
    for (unsigned i = 0; i < state->count; i++) {
        int value;
        CHECK(sem_getvalue(&state->sem[i], &value) == 0);
        for (int n = 0; n < value; n++)
            CHECK(sem_trywait(&state->sem[i]) == 0);
        CHECK(sem_trywait(&state->sem[i]) == -1 && errno == EAGAIN);
        CHECK(sem_destroy(&state->sem[i]) == 0);
        sum += (unsigned)value;
    }
    CHECK(sum == state->permits + state->extra);
}

/* Read-write locks: a writer is alone, and no reader sees half of what it has written. */

struct shelf {
    pthread_rwlock_t lock;
    int kind;
    unsigned long first;
    atomic_uint readers, writers;
    alignas(128) unsigned long second;
};

static const char *prepare_rwlock(int kind)
{
    struct shelf *state = STATE(struct shelf);
    state->kind = kind;
    pthread_rwlockattr_t attr;
    RETURNS(pthread_rwlockattr_init(&attr), 0);
    RETURNS(pthread_rwlockattr_setkind_np(&attr, kind), 0);
    RETURNS(pthread_rwlockattr_setpshared(&attr, pick_sharing()), 0);
    RETURNS(pthread_rwlock_init(&state->lock, &attr), 0);
    RETURNS(pthread_rwlockattr_destroy(&attr), 0);
    return NULL;
}

static int lock_shelf(struct worker *self, pthread_rwlock_t *lock, bool write)
{
    struct timespec time;
    switch (pick(self, now->timed ? 5 : 3)) {
    default:
        self->doing = write ? "pthread_rwlock_wrlock" : "pthread_rwlock_rdlock";
        return (write ? pthread_rwlock_wrlock : pthread_rwlock_rdlock)(lock);
    case 2:
        self->doing = write ? "pthread_rwlock_trywrlock" : "pthread_rwlock_tryrdlock";
        return (write ? pthread_rwlock_trywrlock : pthread_rwlock_tryrdlock)(lock);
    case 3:
        self->doing = write ? "pthread_rwlock_timedwrlock" : "pthread_rwlock_timedrdlock";
        time = soon(self, CLOCK_REALTIME, 3000);
        return (write ? pthread_rwlock_timedwrlock : pthread_rwlock_timedrdlock)(lock, &time);
    case 4:
        self->doing = write ? "pthread_rwlock_clockwrlock" : "pthread_rwlock_clockrdlock";
        time = soon(self, CLOCK_MONOTONIC, 3000);
        return (write ? pthread_rwlock_clockwrlock
                      : pthread_rwlock_clockrdlock)(lock, CLOCK_MONOTONIC, &time);
    }
}

static void read_shelf(struct worker *self, struct shelf *state)
{
    unsigned long seen = state->first;
    atomic_fetch_add(&state->readers, 1);
    dawdle(self);
    /* One who reads already must not have to wait for a writer, with the two kinds that say so. */
    if (state->kind != PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP && pick(self, 8) == 0) {
        self->doing = "pthread_rwlock_rdlock, while reading";
        RETURNS(pthread_rwlock_rdlock(&state->lock), 0);
        dawdle(self);
        RETURNS(pthread_rwlock_unlock(&state->lock), 0);
    }
    CHECK(state->writers == 0);
    CHECK(state->first == seen && state->second == seen);
    atomic_fetch_sub(&state->readers, 1);
}

static void write_shelf(struct worker *self, struct shelf *state)
{
    CHECK(atomic_fetch_add(&state->writers, 1) == 0);
    state->first++;
    dawdle(self);
    if (pick(self, 8) == 0)
        RETURNS(pthread_rwlock_trywrlock(&state->lock), EBUSY);
    CHECK(state->readers == 0);
    state->second++;
    self->tally[0]++;
    CHECK(state->first == state->second);
    CHECK(atomic_fetch_sub(&state->writers, 1) == 1);
}

static void work_rwlock(struct worker *self)
{
    struct shelf *state = STATE(struct shelf);
    while (again(self)) {
        bool write = pick(self, 4) == 0;
        int error = lock_shelf(self, &state->lock, write);
        if (error == EBUSY || (error == ETIMEDOUT && now->timed))
            continue;
        if (error != 0)
            fail("%s: %d", self->doing, error);
        (write ? write_shelf : read_shelf)(self, state);
        self->doing = "pthread_rwlock_unlock";
        RETURNS(pthread_rwlock_unlock(&state->lock), 0);
    }
}

static void finish_rwlock(void)
{
    struct shelf *state = STATE(struct shelf);
    RETURNS(pthread_rwlock_trywrlock(&state->lock), 0);
    CHECK(state->first == state->second && state->first == total(0));
    RETURNS(pthread_rwlock_unlock(&state->lock), 0);
    RETURNS(pthread_rwlock_destroy(&state->lock), 0);
}

/* Barriers: nobody leaves a round before all have come to it, and one of them is told so. */

struct meeting {
    pthread_barrier_t barrier;
    unsigned long last;
    atomic_ulong serials, come[MAX_WORKERS];
};

static const char *prepare_barrier(int variant)
{
    (void)variant;
    struct meeting *state = STATE(struct meeting);
    pthread_barrierattr_t attr;
    RETURNS(pthread_barrierattr_init(&attr), 0);
    RETURNS(pthread_barrierattr_setpshared(&attr, pick_sharing()), 0);
    RETURNS(pthread_barrier_init(&state->barrier, &attr, now->workers), 0);
    RETURNS(pthread_barrierattr_destroy(&attr), 0);
    return NULL;
}

static void work_barrier(struct worker *self)
{
    struct meeting *state = STATE(struct meeting);
    unsigned long *round = &self->tally[0];
    while (state->last == 0 || *round < state->last) {
        ++*round;
        stepped(self);
        self->doing = "pthread_barrier_wait";
        atomic_store(&state->come[self->index], *round);
        /* The first worker decides for all that this round is the last. */
        if (self->index == 0 && stopping())
            state->last = *round;
        int result = pthread_barrier_wait(&state->barrier);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&state->serials, 1);
        else
            RETURNS(result, 0);
        for (unsigned i = 0; i < now->workers; i++) {
            unsigned long come = atomic_load(&state->come[i]);
            CHECK(come == *round || come == *round + 1);
        }
    }
}

static void finish_barrier(void)
{
    struct meeting *state = STATE(struct meeting);
    CHECK(state->serials == state->last);
    RETURNS(pthread_barrier_destroy(&state->barrier), 0);
}

#define RWLOCK(name, kind)                                                                         \
    {                                                                                              \
        name, prepare_rwlock, work_rwlock, NULL, finish_rwlock, kind, PROCESSES | CANCEL,          \
            sizeof(struct shelf)                                                                   \
    }

const struct test object_tests[] = {
    {"sem-permits", prepare_sem, work_permits, NULL, finish_sem, 0, PROCESSES | CANCEL,
     sizeof(struct permits)},
    {"sem-ring", prepare_sem, work_ring, release_ring, finish_sem, 1, PROCESSES | CANCEL,
     sizeof(struct permits)},
    RWLOCK("rwlock-reader", PTHREAD_RWLOCK_PREFER_READER_NP),
    RWLOCK("rwlock-writer", PTHREAD_RWLOCK_PREFER_WRITER_NP),
    RWLOCK("rwlock-strict", PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP),
    {"barrier", prepare_barrier, work_barrier, NULL, finish_barrier, 0, PROCESSES, 64},
    {0},
};
