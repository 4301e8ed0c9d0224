/* What a read-write lock's kind says: the word at byte 48, and an attributes object's first. */
#ifndef FURWOCK_RWLOCK_KIND_H
#define FURWOCK_RWLOCK_KIND_H

#include "../layout.h"

#include <stdbool.h>

enum rwlock_kind {
    PREFER_READER = 0,
    PREFER_WRITER = 1,
    PREFER_WRITER_NONRECURSIVE = 2,
    PREFERENCES = 3,
    PREFERENCE = 3,
    RWLOCK_ROBUST = 0x10,
    RWLOCK_SHARED = 0x80,
    RWLOCK_KNOWN = RWLOCK_SHARED | RWLOCK_ROBUST | PREFERENCE,
};

static inline bool rwlock_kind_valid(uint32_t kind)
{
    return !(kind & ~(uint32_t)RWLOCK_KNOWN) && (kind & PREFERENCE) < PREFERENCES;
}

/* Else it is a shared one, or none at all. */
static inline bool is_private(uint32_t kind)
{
    return likely(kind < PREFERENCES);
}

static inline bool prefers_readers(uint32_t kind)
{
    return (kind & PREFERENCE) == PREFER_READER;
}

/* How a thread wants a lock: now or not at all, or until a deadline. */
struct wish {
    const struct deadline *deadline;
    bool try;
};

#endif
