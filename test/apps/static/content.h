/* What the server generates, and what its client expects of it: bytes that depend on a seed alone. */
#ifndef CONTENT_H
#define CONTENT_H

#include <stddef.h>
#include <stdint.h>

enum { CONTENT_LIMIT = 1 << 16 };

static inline uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static inline void generate(uint32_t seed, char *body, size_t size)
{
    uint32_t state = seed * 2654435761u | 1;
    for (size_t i = 0; i < size; i++)
        body[i] = (char)(next_random(&state) >> 24);
}

#endif
