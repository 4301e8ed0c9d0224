/* Mutexes biased to one thread: FURWOCK=asymmetric. plain.h has the drawing. */
#ifndef FURWOCK_MUTEX_BIAS_H
#define FURWOCK_MUTEX_BIAS_H

#include "../self.h"

#include <arch_rseq.h>

#define REVOKED UINT64_MAX

static inline bool is_biased_to_me(const struct mutex *mutex)
{
    uint64_t id = arch_load64_relaxed(&mutex->bias);
    return id != 0 && id == self.id;
}

/* The caller has just taken the word: after some thousand times in a row it is biased. */
void bias_earn(struct mutex *mutex);
/* Afterwards the mutex is one as any other, and stays that. */
COLD void bias_revoke(struct mutex *mutex);

#endif
