/* Mutexes of any kind, whatever their class: what the fast paths leave to do. */
#ifndef FURWOCK_MUTEX_ANY_H
#define FURWOCK_MUTEX_ANY_H

#include "kind.h"

/* What has become of a robust mutex: in `recovery`. NOT_RECOVERABLE is final. */
enum recovery { CONSISTENT = 0, INCONSISTENT = 1, NOT_RECOVERABLE = 2 };

/* Has the caller locked it, as far as the mutex knows that? */
bool mutex_is_mine(struct mutex *mutex, uint32_t kind);

/* What pthread_mutex_lock and its kin do and return. */
int mutex_lock_any(struct mutex *mutex, struct attempt how);
COLD int mutex_unlock_any(struct mutex *mutex);

/* Lock once more what the caller holds. */
int mutex_relock(struct mutex *mutex, uint32_t kind, struct attempt how);
/* Release a mutex that the caller may unlock, whatever its depth. */
void mutex_unlock_whole(struct mutex *mutex, uint32_t kind);

/* The word alone, with its place on the robust list: neither owner, nor depth, nor ceiling. */
int mutex_acquire_word(struct mutex *mutex, uint32_t kind, struct attempt how);
void mutex_release_word(struct mutex *mutex, uint32_t kind);

#endif
