/* What a read-write lock's kind says: the word at byte 48, which attributes are made of as well. */
#ifndef FURWOCK_RWLOCK_KIND_H
#define FURWOCK_RWLOCK_KIND_H

#include <stdbool.h>
#include <stdint.h>

enum kind { PREFER_READER = 0, PREFER_WRITER = 1, PREFER_WRITER_NONRECURSIVE = 2, KINDS = 3 };
enum {
    KIND_BITS = 3,
    RWLOCK_ROBUST = 0x10,
    RWLOCK_SHARED = 0x80,
    KNOWN_BITS = RWLOCK_SHARED | RWLOCK_ROBUST | KIND_BITS,
};

static inline bool is_valid(uint32_t kind)
{
    return !(kind & ~(uint32_t)KNOWN_BITS) && (kind & KIND_BITS) < KINDS;
}

#endif
