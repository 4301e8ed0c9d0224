/*
 * What valgrind's helgrind and drd are told in a library configured --enable-valgrind; nothing
 * otherwise. Of libc's functions they know what is ordered, by the names in libc's files; of
 * Furwock's they see bare accesses to memory. drd understands these requests of helgrind's.
 *
 * A mutex is told as a lock held for writing, from its first lock to its last unlock. A release is
 * told before it is made and an acquisition after, so that for the tools no lock is held by two.
 */
#ifndef FURWOCK_CHECKED_H
#define FURWOCK_CHECKED_H

#include "layout.h"

#include <errno.h>
#include <stdbool.h>

#ifdef FURWOCK_VALGRIND
#include <helgrind.h>
#include <drd.h>
#else
#define DRD_GET_DRD_THREADID 0
#define ANNOTATE_RWLOCK_ACQUIRED(lock, exclusive) ((void)(lock), (void)(exclusive))
#define ANNOTATE_RWLOCK_RELEASED(lock, exclusive) ((void)(lock))
#define ANNOTATE_HAPPENS_BEFORE(object) ((void)(object))
#define ANNOTATE_HAPPENS_AFTER(object) ((void)(object))
#define ANNOTATE_RWLOCK_CREATE(lock) ((void)(lock))
#define ANNOTATE_RWLOCK_DESTROY(lock) ((void)(lock))
#define VALGRIND_HG_CLEAN_MEMORY(object, size) ((void)(object), (void)(size))
#endif

/* What takes an error tells nothing if there was one, and returns it. */

static inline int checked_locked(void *lock, bool exclusive, int error)
{
    if (!error || error == EOWNERDEAD)
        ANNOTATE_RWLOCK_ACQUIRED(lock, exclusive || error);
    return error;
}

static inline void checked_unlock(void *lock)
{
    ANNOTATE_RWLOCK_RELEASED(lock, true);
}

static inline int checked_mutex_locked(struct mutex *mutex, int error)
{
    if ((!error || error == EOWNERDEAD) && mutex->depth == 0)
        ANNOTATE_RWLOCK_ACQUIRED(mutex, true);
    return error;
}

static inline void checked_mutex_unlock(struct mutex *mutex)
{
    if (mutex->depth == 0)
        ANNOTATE_RWLOCK_RELEASED(mutex, true);
}

/* Whoever is told `after` sees what those have done who were told `before`. */
static inline void checked_before(void *object)
{
    ANNOTATE_HAPPENS_BEFORE(object);
}

static inline int checked_after(void *object, int error)
{
    if (!error)
        ANNOTATE_HAPPENS_AFTER(object);
    return error;
}

/*
 * The object was destroyed: its memory is the caller's, and it has no place any more in the order of
 * locks. That order is helgrind's alone, which complains of a lock that it has never seen, and so is
 * shown one; drd would complain of that.
 */
static inline int checked_gone(void *object, size_t size, int error)
{
    if (!error)
        VALGRIND_HG_CLEAN_MEMORY(object, size);
    if (!error && DRD_GET_DRD_THREADID == 0) {
        ANNOTATE_RWLOCK_CREATE(object);
        ANNOTATE_RWLOCK_DESTROY(object);
    }
    return error;
}

#endif
