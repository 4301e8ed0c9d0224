/*
 * Semaphores whose permits a process that dies gives back: sem_init_undo_np. sem.c comes here from
 * its slow paths, which the first word of such a semaphore always leads to.
 */
#ifndef FURWOCK_UNDO_H
#define FURWOCK_UNDO_H

#include "layout.h"
#include "park.h"

#include <arch_atomic.h>
#include <stdbool.h>

/* In the highest byte of `shared`, "u"; the others are the pid namespace's. */
enum { UNDO_MARK = 0x75, UNDO_MARK_SHIFT = 24 };

static inline bool undo_is(const struct semaphore *sem)
{
    return unlikely(arch_load_relaxed(&sem->shared) >> UNDO_MARK_SHIFT == UNDO_MARK);
}

/* Each returns 0 or an error number. */
int undo_init(sem_t *object, unsigned value);
int undo_try(struct semaphore *sem);
/* A cancellation point, deferred outside of the sleep. */
int undo_wait(struct semaphore *sem, const struct deadline *deadline);
int undo_post(struct semaphore *sem);
bool undo_parked(const struct semaphore *sem);
unsigned undo_value(const struct semaphore *sem);

#endif
