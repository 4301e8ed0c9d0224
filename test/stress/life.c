/* Once, keys, and the end of objects. */
#include "stress.h"

/*
 * Once: many race for each of a long row of objects; its routine returns once, though it may have
 * been begun and cancelled before, and nobody goes on before that.
 */

enum { ROW = 1 << 16 };

struct row {
    atomic_uint at;
    pthread_once_t once[ROW];
    atomic_uchar begun[ROW], returned[ROW];
};

static __thread struct worker *caller;
static __thread unsigned place;

static void routine(void)
{
    struct row *row = STATE(struct row);
    CHECK(atomic_fetch_add(&row->begun[place], 1) == 0);
    if (now->cancel && pick(caller, 4) == 0) {
        atomic_fetch_sub(&row->begun[place], 1);
        pthread_testcancel();
        CHECK(atomic_fetch_add(&row->begun[place], 1) == 0);
    }
    dawdle(caller);
    atomic_fetch_add(&row->returned[place], 1);
}

static const char *prepare_once(int variant)
{
    (void)variant;
    for (unsigned i = 0; i < ROW; i++)
        STATE(struct row)->once[i] = (pthread_once_t)PTHREAD_ONCE_INIT;
    return NULL;
}

static void work_once(struct worker *self)
{
    struct row *row = STATE(struct row);
    caller = self;
    while (again(self)) {
        place = atomic_load(&row->at);
        if (place == ROW) {
            atomic_store(&now->stop, true);
            break;
        }
        self->doing = "pthread_once";
        RETURNS(pthread_once(&row->once[place], routine), 0);
        CHECK(row->begun[place] == 1 && row->returned[place] == 1);
        /* Some are late for an object, and then go on to the next. */
        unsigned next = place;
        if (pick(self, 4) == 0)
            atomic_compare_exchange_strong(&row->at, &next, next + 1);
    }
}

static void finish_once(void)
{
    struct row *row = STATE(struct row);
    for (unsigned i = 0; i < row->at; i++)
        CHECK(row->returned[i] == 1);
}

/*
 * Keys: each thread sees its own values only, none from before a key was created, and destructors
 * run once for each value that a thread leaves behind.
 */

enum { KEYS = 48, OWN = 8 };

struct keys {
    pthread_key_t key[KEYS];
    atomic_ulong left, destroyed;
};

static void destroy_value(void *value)
{
    CHECK(((uintptr_t)value & 0xfff) == 0xabc);
    atomic_fetch_add(&STATE(struct keys)->destroyed, 1);
}

static const char *prepare_keys(int variant)
{
    (void)variant;
    for (unsigned i = 0; i < KEYS; i++)
        RETURNS(pthread_key_create(&STATE(struct keys)->key[i], destroy_value), 0);
    return NULL;
}

static void *value_of(struct worker *self, unsigned i)
{
    return (void *)((uintptr_t)self->index << 24 | (uintptr_t)i << 12 | 0xabc);
}

/* What the thread has set when it ends, by return or by cancellation. */
static void leave(void *arg)
{
    unsigned set = 0;
    for (unsigned i = 0; i < KEYS; i++)
        set += ((bool *)arg)[i];
    atomic_fetch_add(&STATE(struct keys)->left, set);
}

static void work_keys(struct worker *self)
{
    struct keys *state = STATE(struct keys);
    bool set[KEYS] = {false};
    pthread_cleanup_push(leave, set);
    do {
        self->doing = "pthread_setspecific";
        unsigned i = pick(self, KEYS);
        CHECK(pthread_getspecific(state->key[i]) == (set[i] ? value_of(self, i) : NULL));
        set[i] = pick(self, 4) != 0;
        RETURNS(pthread_setspecific(state->key[i], set[i] ? value_of(self, i) : NULL), 0);
        if (pick(self, 16) == 0) {
            self->doing = "pthread_key_create";
            pthread_key_t own[OWN];
            unsigned count = 1 + pick(self, OWN), made = 0;
            for (; made < count; made++) {
                int error = pthread_key_create(&own[made], NULL);
                if (error == EAGAIN)
                    break;
                RETURNS(error, 0);
                CHECK(pthread_getspecific(own[made]) == NULL);
                RETURNS(pthread_setspecific(own[made], self), 0);
            }
            dawdle(self);
            while (made-- > 0) {
                CHECK(pthread_getspecific(own[made]) == self);
                RETURNS(pthread_key_delete(own[made]), 0);
            }
        }
    } while (again(self) && pick(self, 256) != 0);
    pthread_cleanup_pop(1);
}

static void finish_keys(void)
{
    struct keys *state = STATE(struct keys);
    CHECK(state->left == state->destroyed);
    for (unsigned i = 0; i < KEYS; i++)
        RETURNS(pthread_key_delete(state->key[i]), 0);
}

/*
 * The end of objects: two workers share a slot. One of them destroys an object and overwrites its
 * bytes at the earliest moment that POSIX allows, while the other's call may still be returning;
 * when both have returned, nobody may have written there.
 */

struct slot {
    alignas(128) pthread_mutex_t mutex;
    pthread_cond_t cond;
    union {
        sem_t sem;
        pthread_barrier_t barrier;
        pthread_rwlock_t rwlock;
        pthread_mutex_t mutex;
        pthread_cond_t cond;
    } object;
    bool flag;
    unsigned references;
    int game, sharing;
    /* 2n: both have ended game n - 1; 2n + 1: game n is prepared; 0 ends it all */
    atomic_uint ready, done;
};

enum { MUTEX, ROBUST, SEM, RWLOCK, BARRIER, COND, GAMES };

static void poison(struct slot *slot)
{
    memset(&slot->object, 0xa5, sizeof slot->object);
}

static void await(struct worker *self, atomic_uint *word, unsigned value)
{
    self->doing = "meeting the partner";
    while (atomic_load(word) != value)
        sched_yield();
}

static void arrange(struct worker *self, struct slot *slot)
{
    slot->game = (int)pick(self, GAMES);
    slot->flag = false;
    slot->references = 2;
    switch (slot->game) {
    case MUTEX:
    case ROBUST:
        RETURNS(make_mutex(&slot->object.mutex, (int)pick(self, 3), slot->sharing,
                           slot->game == ROBUST ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED,
                           PTHREAD_PRIO_NONE),
                0);
        break;
    case SEM:
        CHECK(sem_init(&slot->object.sem, slot->sharing == PTHREAD_PROCESS_SHARED, 0) == 0);
        break;
    case RWLOCK: {
        pthread_rwlockattr_t attr;
        RETURNS(pthread_rwlockattr_init(&attr), 0);
        RETURNS(pthread_rwlockattr_setpshared(&attr, slot->sharing), 0);
        RETURNS(pthread_rwlock_init(&slot->object.rwlock, &attr), 0);
        break;
    }
    case BARRIER: {
        pthread_barrierattr_t attr;
        RETURNS(pthread_barrierattr_init(&attr), 0);
        RETURNS(pthread_barrierattr_setpshared(&attr, slot->sharing), 0);
        RETURNS(pthread_barrier_init(&slot->object.barrier, &attr, 2), 0);
        break;
    }
    case COND: {
        pthread_condattr_t attr;
        RETURNS(pthread_condattr_init(&attr), 0);
        RETURNS(pthread_condattr_setpshared(&attr, slot->sharing), 0);
        RETURNS(pthread_cond_init(&slot->object.cond, &attr), 0);
        RETURNS(make_mutex(&slot->mutex, PTHREAD_MUTEX_NORMAL, slot->sharing, PTHREAD_MUTEX_STALLED,
                           PTHREAD_PRIO_NONE),
                0);
        break;
    }
    }
}

/* Who finds that the other has been there is the last user, and destroys after its unlock. */
static void play_lock(struct worker *self, struct slot *slot)
{
    bool rwlock = slot->game == RWLOCK;
    self->doing = rwlock ? "pthread_rwlock_wrlock" : "pthread_mutex_lock";
    RETURNS(rwlock ? pthread_rwlock_wrlock(&slot->object.rwlock)
                   : pthread_mutex_lock(&slot->object.mutex),
            0);
    bool last = --slot->references == 0;
    dawdle(self);
    RETURNS(rwlock ? pthread_rwlock_unlock(&slot->object.rwlock)
                   : pthread_mutex_unlock(&slot->object.mutex),
            0);
    if (last) {
        RETURNS(rwlock ? pthread_rwlock_destroy(&slot->object.rwlock)
                       : pthread_mutex_destroy(&slot->object.mutex),
                0);
        poison(slot);
    }
}

static void play_sem(struct worker *self, struct slot *slot, bool first)
{
    self->doing = first ? "sem_post" : "sem_wait";
    if (first) {
        CHECK(sem_post(&slot->object.sem) == 0);
        return;
    }
    while (sem_wait(&slot->object.sem) != 0)
        CHECK(errno == EINTR && (now->storm || now->timer));
    CHECK(sem_destroy(&slot->object.sem) == 0);
    poison(slot);
}

static void play_barrier(struct worker *self, struct slot *slot, bool first)
{
    self->doing = "pthread_barrier_wait";
    int result = pthread_barrier_wait(&slot->object.barrier);
    CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    if (first) {
        RETURNS(pthread_barrier_destroy(&slot->object.barrier), 0);
        poison(slot);
    }
}

static void play_cond(struct worker *self, struct slot *slot, bool first)
{
    self->doing = first ? "pthread_cond_broadcast" : "pthread_cond_wait";
    RETURNS(pthread_mutex_lock(&slot->mutex), 0);
    if (first) {
        slot->flag = true;
        RETURNS(pthread_cond_broadcast(&slot->object.cond), 0);
        bool early = pick(self, 2);
        if (early)
            RETURNS(pthread_mutex_unlock(&slot->mutex), 0);
        RETURNS(pthread_cond_destroy(&slot->object.cond), 0);
        poison(slot);
        if (!early)
            RETURNS(pthread_mutex_unlock(&slot->mutex), 0);
    } else {
        while (!slot->flag)
            RETURNS(pthread_cond_wait(&slot->object.cond, &slot->mutex), 0);
        RETURNS(pthread_mutex_unlock(&slot->mutex), 0);
    }
}

static const char *prepare_ends(int variant)
{
    (void)variant;
    int sharing = pick_sharing();
    for (unsigned i = 0; i < now->workers / 2; i++) {
        STATE(struct slot)[i].sharing = sharing;
        STATE(struct slot)[i].ready = 1;
    }
    return NULL;
}

static void work_ends(struct worker *self)
{
    struct slot *slot = STATE(struct slot) + self->index / 2;
    bool first = self->index % 2 == 0;
    /* A round may call work() again when all is over. */
    if (self->tally[0])
        return;
    for (unsigned n = 2;; n++) {
        stepped(self);
        if (first) {
            if (!stopping())
                arrange(self, slot);
            else
                slot->game = GAMES;
            atomic_store(&slot->ready, n);
        } else {
            await(self, &slot->ready, n);
        }
        if (slot->game == GAMES)
            break;
        if (slot->game == SEM)
            play_sem(self, slot, first);
        else if (slot->game == BARRIER)
            play_barrier(self, slot, first);
        else if (slot->game == COND)
            play_cond(self, slot, first);
        else
            play_lock(self, slot);
        if (!first) {
            atomic_store(&slot->done, n);
            continue;
        }
        await(self, &slot->done, n);
        const unsigned char *bytes = (const unsigned char *)&slot->object;
        for (size_t i = 0; i < sizeof slot->object; i++)
            if (bytes[i] != 0xa5)
                fail("game %d: byte %zu of what was destroyed was written", slot->game, i);
    }
    self->tally[0] = 1;
}

static void finish_ends(void)
{
}

const struct test life_tests[] = {
    {"once", prepare_once, work_once, NULL, finish_once, 0, CANCEL, 0},
    {"keys", prepare_keys, work_keys, NULL, finish_keys, 0, CANCEL, 0},
    {"ends", prepare_ends, work_ends, NULL, finish_ends, 0, PROCESSES, 8 * sizeof(struct slot)},
    {0},
};
