/*
 * Mutexes of every kind, and spin locks: whoever holds one is alone with what it guards, two counters
 * that are written one after the other without atomics. Workers of robust mutexes end in between.
 */
#include "stress.h"

enum { MUTEXES = 3 };

struct guarded {
    pthread_mutex_t mutex;
    pthread_spinlock_t spin;
    unsigned long first;
    struct worker *holder;
    alignas(128) unsigned long second;
};

struct state {
    struct guarded guarded[MUTEXES];
    unsigned count;
    int type;
    bool robust;
    /* one in so many locks of a robust one is its holder's end */
    unsigned life;
};

int make_mutex(pthread_mutex_t *mutex, int type, int sharing, int robust, int protocol)
{
    pthread_mutexattr_t attr;
    RETURNS(pthread_mutexattr_init(&attr), 0);
    RETURNS(pthread_mutexattr_settype(&attr, type), 0);
    RETURNS(pthread_mutexattr_setpshared(&attr, sharing), 0);
    RETURNS(pthread_mutexattr_setrobust(&attr, robust), 0);
    RETURNS(pthread_mutexattr_setprotocol(&attr, protocol), 0);
    int error = pthread_mutex_init(mutex, &attr);
    RETURNS(pthread_mutexattr_destroy(&attr), 0);
    return error;
}

static int any_type(void)
{
    static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
                                PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP};
    return types[pick_round(4)];
}

enum variant { INHERIT = 0x100, PROTECT = 0x200, ROBUST = 0x400, ANY = 0x800 };

static const char *prepare(int variant)
{
    struct state *state = STATE(struct state);
    state->count = 1 + pick_round(MUTEXES);
    state->type = variant & ANY ? any_type() : variant & 0xff;
    state->robust = variant & ROBUST;
    state->life = 4u << pick_round(8);
    int protocol = variant & PROTECT   ? PTHREAD_PRIO_PROTECT
                   : variant & INHERIT ? PTHREAD_PRIO_INHERIT
                                       : PTHREAD_PRIO_NONE;
    int sharing = pick_sharing();
    /* a ceiling is not for threads above it */
    now->mixed = now->mixed && protocol != PTHREAD_PRIO_PROTECT;
    for (unsigned i = 0; i < state->count; i++) {
        pthread_mutex_t *mutex = &state->guarded[i].mutex;
        int error =
            make_mutex(mutex, state->type, sharing,
                       state->robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED, protocol);
        if (error == ENOTSUP)
            return "the kernel has no such mutexes";
        RETURNS(error, 0);
        error = pthread_mutex_lock(mutex);
        if (error == EPERM && protocol == PTHREAD_PRIO_PROTECT)
            return "no right to the ceiling's priority";
        RETURNS(error, 0);
        RETURNS(pthread_mutex_unlock(mutex), 0);
    }
    return NULL;
}

static int lock(struct worker *self, pthread_mutex_t *mutex)
{
    struct timespec time;
    switch (pick(self, now->timed ? 5 : 3)) {
    default:
        self->doing = "pthread_mutex_lock";
        return pthread_mutex_lock(mutex);
    case 2:
        self->doing = "pthread_mutex_trylock";
        return pthread_mutex_trylock(mutex);
    case 3:
        self->doing = "pthread_mutex_timedlock";
        time = soon(self, CLOCK_REALTIME, 3000);
        return pthread_mutex_timedlock(mutex, &time);
    case 4:
        self->doing = "pthread_mutex_clocklock";
        time = soon(self, CLOCK_MONOTONIC, 3000);
        return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &time);
    }
}

/* What a dead owner left is made whole, unless the one who does so dies too. */
static bool repair(struct worker *self, struct guarded *guarded)
{
    CHECK(guarded->first - guarded->second <= 1);
    guarded->holder = NULL;
    if (pick(self, 4) == 0)
        return false;
    guarded->second = guarded->first;
    RETURNS(pthread_mutex_consistent(&guarded->mutex), 0);
    return true;
}

static void nest(struct worker *self, pthread_mutex_t *mutex, int type)
{
    if (type == PTHREAD_MUTEX_ERRORCHECK) {
        RETURNS(pthread_mutex_lock(mutex), EDEADLK);
    } else if (type == PTHREAD_MUTEX_RECURSIVE) {
        unsigned depth = 1 + pick(self, 3);
        for (unsigned i = 0; i < depth; i++)
            RETURNS(lock(self, mutex), 0);
        for (unsigned i = 0; i < depth; i++)
            RETURNS(pthread_mutex_unlock(mutex), 0);
    } else {
        RETURNS(pthread_mutex_trylock(mutex), EBUSY);
    }
}

static void work(struct worker *self)
{
    struct state *state = STATE(struct state);
    while (again(self)) {
        unsigned i = pick(self, state->count);
        struct guarded *guarded = &state->guarded[i];
        int error = lock(self, &guarded->mutex);
        if (error == EBUSY || (error == ETIMEDOUT && now->timed))
            continue;
        if (error == EOWNERDEAD && state->robust) {
            if (!repair(self, guarded))
                return;
            error = 0;
        }
        if (error != 0)
            fail("%s: %d", self->doing, error);
        self->doing = "the critical section";
        CHECK(guarded->holder == NULL);
        guarded->holder = self;
        guarded->first++;
        self->tally[i]++;
        dawdle(self);
        if (state->robust && pick(self, state->life) == 0)
            return;
        guarded->second++;
        CHECK(guarded->first == guarded->second);
        CHECK(guarded->holder == self);
        if (pick(self, 8) == 0)
            nest(self, &guarded->mutex, state->type);
        guarded->holder = NULL;
        self->doing = "pthread_mutex_unlock";
        RETURNS(pthread_mutex_unlock(&guarded->mutex), 0);
    }
}

static void finish(void)
{
    struct state *state = STATE(struct state);
    for (unsigned i = 0; i < state->count; i++) {
        struct guarded *guarded = &state->guarded[i];
        int error = pthread_mutex_trylock(&guarded->mutex);
        if (state->robust && error == EOWNERDEAD) {
            RETURNS(pthread_mutex_consistent(&guarded->mutex), 0);
            guarded->second = guarded->first;
            error = 0;
        }
        RETURNS(error, 0);
        CHECK(guarded->first == guarded->second && guarded->first == total(i));
        RETURNS(pthread_mutex_unlock(&guarded->mutex), 0);
        RETURNS(pthread_mutex_destroy(&guarded->mutex), 0);
    }
}

/*
 * Mutexes of one thread each, locked by it so often in a row that they may have become its own, and by
 * others now and then.
 */

enum { OWNED = 8, OFTEN = 20000 };

struct owned {
    struct guarded mutexes[MAX_WORKERS][OWNED];
    /* the one that each worker is about */
    atomic_uint current[MAX_WORKERS];
    int type;
};

static const char *prepare_owned(int variant)
{
    struct owned *state = STATE(struct owned);
    (void)variant;
    state->type = any_type();
    for (unsigned i = 0; i < now->workers; i++)
        for (unsigned k = 0; k < OWNED; k++)
            RETURNS(make_mutex(&state->mutexes[i][k].mutex, state->type, PTHREAD_PROCESS_PRIVATE,
                               PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE),
                    0);
    return NULL;
}

static void enter(struct worker *self, struct guarded *guarded)
{
    CHECK(guarded->holder == NULL);
    guarded->holder = self;
    guarded->first++;
    guarded->second++;
    CHECK(guarded->first == guarded->second && guarded->holder == self);
    guarded->holder = NULL;
    self->tally[0]++;
}

static void visit(struct worker *self, struct guarded *guarded)
{
    int error = lock(self, &guarded->mutex);
    if (error == EBUSY || (error == ETIMEDOUT && now->timed))
        return;
    RETURNS(error, 0);
    enter(self, guarded);
    if (pick(self, 8) == 0)
        nest(self, &guarded->mutex, STATE(struct owned)->type);
    RETURNS(pthread_mutex_unlock(&guarded->mutex), 0);
}

static void work_owned(struct worker *self)
{
    struct owned *state = STATE(struct owned);
    while (again(self)) {
        unsigned k = pick(self, OWNED);
        struct guarded *own = &state->mutexes[self->index][k];
        atomic_store(&state->current[self->index], k);
        self->doing = "locking its own";
        for (unsigned n = OFTEN + pick(self, 2 * OFTEN); n > 0 && !stopping(); n--) {
            RETURNS(pthread_mutex_lock(&own->mutex), 0);
            enter(self, own);
            RETURNS(pthread_mutex_unlock(&own->mutex), 0);
        }
        unsigned other = pick(self, now->workers);
        visit(self, &state->mutexes[other][atomic_load(&state->current[other])]);
    }
}

static void finish_owned(void)
{
    struct owned *state = STATE(struct owned);
    unsigned long sections = 0;
    for (unsigned i = 0; i < now->workers; i++) {
        for (unsigned k = 0; k < OWNED; k++) {
            struct guarded *guarded = &state->mutexes[i][k];
            CHECK(guarded->first == guarded->second && guarded->holder == NULL);
            sections += guarded->first;
            RETURNS(pthread_mutex_destroy(&guarded->mutex), 0);
        }
    }
    CHECK(sections == total(0));
}

static const char *prepare_spin(int variant)
{
    (void)variant;
    RETURNS(pthread_spin_init(&STATE(struct state)->guarded->spin, pick_sharing()), 0);
    return NULL;
}

static void work_spin(struct worker *self)
{
    struct guarded *guarded = STATE(struct state)->guarded;
    while (again(self)) {
        self->doing = "pthread_spin_lock";
        int error = pick(self, 4) ? pthread_spin_lock(&guarded->spin)
                                  : pthread_spin_trylock(&guarded->spin);
        if (error == EBUSY)
            continue;
        RETURNS(error, 0);
        guarded->first++;
        dawdle(self);
        guarded->second++;
        CHECK(guarded->first == guarded->second);
        self->tally[0]++;
        RETURNS(pthread_spin_unlock(&guarded->spin), 0);
    }
}

static void finish_spin(void)
{
    struct guarded *guarded = STATE(struct state)->guarded;
    CHECK(guarded->first == guarded->second && guarded->first == total(0));
    RETURNS(pthread_spin_destroy(&guarded->spin), 0);
}

#define MUTEX(name, variant)                                                                       \
    {                                                                                              \
        name, prepare, work, NULL, finish, variant, PROCESSES | CANCEL, sizeof(struct state)       \
    }

const struct test mutex_tests[] = {
    MUTEX("mutex-normal", PTHREAD_MUTEX_NORMAL),
    MUTEX("mutex-errorcheck", PTHREAD_MUTEX_ERRORCHECK),
    MUTEX("mutex-recursive", PTHREAD_MUTEX_RECURSIVE),
    MUTEX("mutex-adaptive", PTHREAD_MUTEX_ADAPTIVE_NP),
    MUTEX("mutex-robust", ANY | ROBUST),
    MUTEX("mutex-inherit", ANY | INHERIT),
    MUTEX("mutex-protect", ANY | PROTECT),
    MUTEX("mutex-robust-inherit", ANY | ROBUST | INHERIT),
    {"mutex-owned", prepare_owned, work_owned, NULL, finish_owned, 0, CANCEL,
     sizeof(struct guarded)},
    {"spin", prepare_spin, work_spin, NULL, finish_spin, 0, PROCESSES | CANCEL,
     sizeof(struct guarded)},
    {0},
};
