/* What a mutex's kind says: its class, and what goes with that. */
#ifndef FURWOCK_MUTEX_KIND_H
#define FURWOCK_MUTEX_KIND_H

#include "../layout.h"
#include "../park.h"
#include "../self.h"

#include <stdbool.h>

/*
 * A mutex is of one of three classes, by how its word works. PTHREAD_PRIO_PROTECT goes with the
 * first two: ceiling.c.
 */
enum mutex_class {
    /* private ones, and process-shared normal ones, neither robust nor inheriting: plain.c */
    PLAIN,
    /* robust ones, and process-shared ones that check their owner: owned.c */
    OWNED,
    /* PTHREAD_PRIO_INHERIT: inheriting.c */
    INHERITING,
};

static inline bool kind_is_valid(uint32_t kind)
{
    return (kind & ~(uint32_t)(MUTEX_KNOWN | MUTEX_RECOVERS)) == 0;
}

/* Recursive and errorcheck ones know their owner. */
static inline bool kind_is_typed(uint32_t kind)
{
    return (kind & MUTEX_TYPE) == MUTEX_RECURSIVE || (kind & MUTEX_TYPE) == MUTEX_ERRORCHECK;
}

static inline enum mutex_class class_of(uint32_t kind)
{
    switch (kind & (MUTEX_INHERIT | MUTEX_ROBUST | MUTEX_SHARED)) {
    case 0:
        return PLAIN;
    case MUTEX_SHARED:
        return kind_is_typed(kind) ? OWNED : PLAIN;
    case MUTEX_ROBUST:
    case MUTEX_ROBUST | MUTEX_SHARED:
        return OWNED;
    default:
        return INHERITING;
    }
}

/* Does the word hold the owner's tid? */
static inline bool kind_has_tid(uint32_t kind)
{
    return class_of(kind) != PLAIN;
}

/* Is the owner noted beside the word? Of a robust one its recovery is, and the word tells the owner. */
static inline bool kind_notes_owner(uint32_t kind)
{
    return kind_is_typed(kind) && !(kind & MUTEX_ROBUST);
}

/*
 * As whom: an id is kept by fork, as is private memory, and a name is a single thread's in all
 * processes. Neither is given to another thread when this one has died.
 */
static inline uint64_t kind_me(uint32_t kind)
{
    return kind & MUTEX_SHARED ? self_shared_name() : self_name();
}

/* Is that the calling thread? */
static inline bool kind_is_me(uint32_t kind, uint64_t owner)
{
    return kind & MUTEX_SHARED ? owner == self_shared_name() : self_is(owner);
}

/* What the kernel does with a robust one, on the robust list, when its owner dies. */
static inline enum robust_kind kind_on_list(uint32_t kind)
{
    return kind & MUTEX_INHERIT ? ROBUST_PI : ROBUST_PLAIN;
}

/* The kernel wakes the heirs of a robust mutex as sleepers in shared memory, wherever it lies. */
static inline enum scope kind_scope(uint32_t kind)
{
    return (kind & MUTEX_SHARED) || class_of(kind) == OWNED ? SHARED : PRIVATE;
}

/* Can sleepers be moved to its word: private, and without owner in the word? */
static inline bool kind_takes_sleepers(uint32_t kind)
{
    return !(kind & (MUTEX_ROBUST | MUTEX_INHERIT | MUTEX_PROTECT | MUTEX_SHARED));
}

static inline unsigned kind_ceiling(uint32_t kind)
{
    return kind >> MUTEX_CEILING_SHIFT;
}

/* How a caller wants a mutex. */
struct attempt {
    /* null: to wait for ever */
    const struct deadline *deadline;
    /* not to wait at all */
    bool try;
    /* it slept on a word whose other sleepers may have been moved to this one */
    bool moved;
};

#endif
