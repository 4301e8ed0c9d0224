/* What condition variables need of mutexes beyond the public functions. */
#ifndef FURWOCK_MUTEX_MUTEX_H
#define FURWOCK_MUTEX_MUTEX_H

#include "kind.h"

/* May the caller wait on a condition with it? 0, EPERM if another's, EINVAL if it is no mutex. */
int mutex_check_held(struct mutex *mutex);
/* Unlock however deep the recursion; returns what mutex_reacquire needs to restore it. */
uint32_t mutex_release(struct mutex *mutex);
/*
 * Lock again. OTHERS_MOVED: the caller slept on a word whose other sleepers may have been moved here,
 * so its unlock has to wake. Returns what pthread_mutex_lock would.
 */
enum reacquire { NOBODY_MOVED, OTHERS_MOVED };
int mutex_reacquire(struct mutex *mutex, uint32_t depth, enum reacquire others);

static inline bool mutex_inherits(const struct mutex *mutex)
{
    return arch_load_relaxed(&mutex->kind) & MUTEX_INHERIT;
}

#endif
