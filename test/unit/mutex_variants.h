/* What the programs share that test every kind of mutex there is. */
#ifndef FURWOCK_TEST_MUTEX_VARIANTS_H
#define FURWOCK_TEST_MUTEX_VARIANTS_H

#include "mutex.h"

static const pthread_mutex_t zeroed;
static const pthread_mutex_t initializer = PTHREAD_MUTEX_INITIALIZER;
#ifdef PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP
static const pthread_mutex_t recursive_initializer = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
#endif
#ifdef PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP
static const pthread_mutex_t errorcheck_initializer = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
#endif
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
static const pthread_mutex_t adaptive_initializer = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
#endif

static const struct {
    int type;
    const pthread_mutex_t *image;
} images[] = {
    {PTHREAD_MUTEX_DEFAULT, &initializer},
    {PTHREAD_MUTEX_DEFAULT, &zeroed},
#ifdef PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP
    {PTHREAD_MUTEX_RECURSIVE, &recursive_initializer},
#endif
#ifdef PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP
    {PTHREAD_MUTEX_ERRORCHECK, &errorcheck_initializer},
#endif
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
    {PTHREAD_MUTEX_ADAPTIVE_NP, &adaptive_initializer},
#endif
};

/*
 * Every way of making a mutex that may differ, numbered for loop tests: the static initialisers,
 * then all types as the attributes make them, private and shared, then those robust, then all of
 * these again with priority inheritance.
 */
enum {
    IMAGES = sizeof images / sizeof images[0],
    VARIANTS = IMAGES + 8 * TYPES,
};

struct variant {
    int type, pshared, robust, protocol;
    const pthread_mutex_t *image;
};

static inline struct variant variant_of(int number)
{
    if (number < IMAGES)
        return (struct variant){images[number].type, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED,
                                PTHREAD_PRIO_NONE, images[number].image};
    number -= IMAGES;
    int choice = number / TYPES;
    return (struct variant){types[number % TYPES],
                            choice & 1 ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE,
                            choice & 2 ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED,
                            choice & 4 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE, NULL};
}

static inline int make(pthread_mutex_t *mutex, int number)
{
    struct variant v = variant_of(number);
    if (v.image != NULL) {
        *mutex = *v.image;
        return 0;
    }
    return unit_mutex_init(mutex, v.type, v.pshared, v.robust, v.protocol);
}

static inline bool recursive(int number)
{
    return variant_of(number).type == PTHREAD_MUTEX_RECURSIVE;
}

static inline bool errorcheck(int number)
{
    return variant_of(number).type == PTHREAD_MUTEX_ERRORCHECK;
}

static inline bool robust(int number)
{
    return variant_of(number).robust == PTHREAD_MUTEX_ROBUST;
}

static inline bool inherits(int number)
{
    return variant_of(number).protocol == PTHREAD_PRIO_INHERIT;
}

static inline bool shared(int number)
{
    return variant_of(number).pshared == PTHREAD_PROCESS_SHARED;
}

/* Whether POSIX obliges unlock to notice that the caller is not the owner. */
static inline bool knows_owner(int number)
{
    return recursive(number) || errorcheck(number) || robust(number);
}

/* A thread that locks, holds until told, and unlocks. */
struct holder {
    pthread_mutex_t *mutex;
    struct unit_call call;
    atomic_int stage;
};

enum { HOLDER_HOLDS = 1, HOLDER_MAY_GO = 2 };

static inline int hold(void *arg)
{
    struct holder *holder = arg;
    int error = pthread_mutex_lock(holder->mutex);
    atomic_store(&holder->stage, HOLDER_HOLDS);
    unit_wait_for(&holder->stage, HOLDER_MAY_GO);
    return error != 0 ? error : pthread_mutex_unlock(holder->mutex);
}

static inline void holder_start(struct holder *holder, pthread_mutex_t *mutex)
{
    holder->mutex = mutex;
    atomic_init(&holder->stage, 0);
    unit_start(&holder->call, hold, holder);
    unit_wait_for(&holder->stage, HOLDER_HOLDS);
}

static inline void holder_stop(struct holder *holder)
{
    atomic_store(&holder->stage, HOLDER_MAY_GO);
    ck_assert_int_eq(unit_finish(&holder->call), 0);
}

/*
 * Between processes. The room is mapped at one address in the parent and at another in the child.
 */
struct room {
    pthread_mutex_t mutex;
    atomic_int stage;
    volatile long counter;
    volatile long mirror;
    atomic_long locked;
};

static inline struct room *room_make(int *fd, int variant)
{
    *fd = unit_memory(sizeof(struct room));
    struct room *room = unit_map(*fd, sizeof *room);
    ck_assert_int_eq(make(&room->mutex, variant), 0);
    return room;
}

static inline void room_close(int fd, struct room *room)
{
    ck_assert_int_eq(pthread_mutex_destroy(&room->mutex), 0);
    ck_assert_int_eq(munmap(room, sizeof *room), 0);
    ck_assert_int_eq(close(fd), 0);
}

#endif
