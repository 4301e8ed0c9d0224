/* Read-write locks: the fast paths, and the public names. The state is drawn in word.h. */
#include "wait.h"
#include "../checked.h"
#include "../spinning.h"
#include "shared.h"

#include <errno.h>

/* Reading. */

static inline bool may_count(uint64_t state)
{
    return !(state & (WRITE | OFFERED | CLAIM_W | SLEEP_R)) && readers_of(state) < MAX_READERS;
}

static SLOW int read_counted(struct rwlock *rwlock, uint64_t state, struct wish wish)
{
    if (!may_count(state))
        return acquire(rwlock, PREFER_READER, wish, false);
    if (unlikely(!transition(rwlock, &state, state + READER))) {
        if (may_count(state) && !wish.try && !wish.deadline)
            note_collision();
        return acquire(rwlock, PREFER_READER, wish, false);
    }
    count_read(rwlock);
    return 0;
}

/* All kinds, and any slot. */
static SLOW int read_kind(struct rwlock *rwlock, uint32_t kind, struct wish wish)
{
    if (!is_private(kind))
        return shared_read(rwlock, kind, wish);
    if (rows_enter(rwlock, state_of(rwlock), wish.try))
        return 0;
    return acquire(rwlock, kind, wish, false);
}

/* A writer came, while the caller took its first slot. */
static COLD int read_again(struct rwlock *rwlock, uint64_t name, struct wish wish)
{
    row_give_up(self.row, &self.row->slots[0], name);
    return read_counted(rwlock, state_of(rwlock), wish);
}

FAST int read_lock(struct rwlock *rwlock, struct wish wish)
{
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (unlikely(kind != PREFER_READER))
        return read_kind(rwlock, kind, wish);
    uint64_t state = state_of(rwlock), name = rows_name(rwlock);
    if (!likely(is_visible(state)))
        return read_counted(rwlock, state, wish);
    struct reader_row *row = self.row;
    if (!likely(row && arch_load64_relaxed(&row->slots[0]) == 0) ||
        !row_occupy(&row->slots[0], name, state))
        return read_kind(rwlock, kind, wish);
    return likely(row_entered(rwlock, state, &row->slots[0], name))
               ? 0
               : read_again(rwlock, name, wish);
}

PUBLIC int pthread_rwlock_rdlock(pthread_rwlock_t *object)
{
    return checked_locked(object, false, read_lock((struct rwlock *)object, (struct wish){0}));
}

PUBLIC int pthread_rwlock_tryrdlock(pthread_rwlock_t *object)
{
    struct wish now = {.try = true};
    return checked_locked(object, false, read_lock((struct rwlock *)object, now));
}

PUBLIC int pthread_rwlock_clockrdlock(pthread_rwlock_t *object, clockid_t clock,
                                      const struct timespec *time)
{
    struct deadline deadline = {clock, time};
    int error = deadline_clock(clock);
    if (!error)
        error = read_lock((struct rwlock *)object, (struct wish){.deadline = &deadline});
    return checked_locked(object, false, error);
}

PUBLIC int pthread_rwlock_timedrdlock(pthread_rwlock_t *object, const struct timespec *time)
{
    return pthread_rwlock_clockrdlock(object, CLOCK_REALTIME, time);
}

/* Writing. */

static SLOW int write_kind(struct rwlock *rwlock, uint32_t kind, struct wish wish)
{
    return is_private(kind) ? acquire(rwlock, kind, wish, true) : shared_write(rwlock, kind, wish);
}

static inline int write_lock(struct rwlock *rwlock, struct wish wish)
{
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    uint64_t state = state_of(rwlock);
    /* free, counted, and not on offer */
    if (unlikely(kind != PREFER_READER) || !likely((state & ~(LATER | ASLEEP | CLAIMS)) == 0) ||
        !likely(transition(rwlock, &state, state | WRITE)))
        return write_kind(rwlock, kind, wish);
    arch_store64_relaxed(&rwlock->writer.whole, self_name());
    return 0;
}

PUBLIC int pthread_rwlock_wrlock(pthread_rwlock_t *object)
{
    return checked_locked(object, true, write_lock((struct rwlock *)object, (struct wish){0}));
}

PUBLIC int pthread_rwlock_trywrlock(pthread_rwlock_t *object)
{
    struct wish now = {.try = true};
    return checked_locked(object, true, write_lock((struct rwlock *)object, now));
}

PUBLIC int pthread_rwlock_clockwrlock(pthread_rwlock_t *object, clockid_t clock,
                                      const struct timespec *time)
{
    struct deadline deadline = {clock, time};
    int error = deadline_clock(clock);
    if (!error)
        error = write_lock((struct rwlock *)object, (struct wish){.deadline = &deadline});
    return checked_locked(object, true, error);
}

PUBLIC int pthread_rwlock_timedwrlock(pthread_rwlock_t *object, const struct timespec *time)
{
    return pthread_rwlock_clockwrlock(object, CLOCK_REALTIME, time);
}

/* Unlocking. While it holds the lock a thread knows from the state how: a writer alone sees WRITE. */

static inline int unlock_write(struct rwlock *rwlock, uint64_t state, uint32_t kind)
{
    if (!likely(is_writer(rwlock)))
        return EPERM;
    checked_unlock(rwlock);
    arch_store64_relaxed(&rwlock->writer.whole, 0);
    if (likely(!(state & ASLEEP)) && likely(transition(rwlock, &state, state & ~WRITE)))
        return 0;
    return release_write(rwlock, state, kind);
}

/* What is in no first slot. */
FAST int unlock_any(struct rwlock *rwlock, uint64_t state, uint32_t kind)
{
    if (state & WRITE)
        return unlock_write(rwlock, state, kind);
    checked_unlock(rwlock);
    /* only while rows are in use does one of them hold the lock; then it has a name */
    if (unlikely(state & IN_ROWS) && rows_leave(rows_name(rwlock)))
        return 0;
    /* of another thread's note it is not known whose: the next writer clears it */
    if ((kind & PREFERENCE) == PREFER_WRITER && rows_name(rwlock) &&
        !rows_leave(rows_name(rwlock) + NOTED) && is_held(rwlock))
        arch_store_relaxed(&rwlock->noted_elsewhere, 1);
    if (readers_of(state) > 0 && likely(!(state & ASLEEP)) &&
        likely(transition(rwlock, &state, state - READER)))
        return 0;
    return release_read(rwlock, state, kind);
}

static SLOW int unlock_elsewhere(struct rwlock *rwlock, uint64_t state)
{
    return unlock_any(rwlock, state, PREFER_READER);
}

static SLOW int unlock_kind(struct rwlock *rwlock, uint32_t kind)
{
    return is_private(kind) ? unlock_any(rwlock, state_of(rwlock), kind)
                            : shared_unlock(rwlock, kind);
}

PUBLIC int pthread_rwlock_unlock(pthread_rwlock_t *object)
{
    struct rwlock *rwlock = (struct rwlock *)object;
    uint32_t kind = arch_load_relaxed(&rwlock->kind);
    if (unlikely(kind != PREFER_READER))
        return unlock_kind(rwlock, kind);
    uint64_t state = state_of(rwlock), name = rows_name(rwlock);
    struct reader_row *row = self.row;
    if (!(state & IN_ROWS) || !likely(row) || !likely(arch_load64_relaxed(&row->slots[0]) == name))
        return unlock_elsewhere(rwlock, state);
    checked_unlock(rwlock);
    /* a signal handler may have left it already */
    if (!likely(arch_cas64_alone(&row->slots[0], name, 0)))
        return unlock_elsewhere(rwlock, state);
    return row_left(row);
}

/* Other names under which programs know these. */
ALIAS(pthread_rwlock_rdlock, __pthread_rwlock_rdlock);
ALIAS(pthread_rwlock_tryrdlock, __pthread_rwlock_tryrdlock);
ALIAS(pthread_rwlock_wrlock, __pthread_rwlock_wrlock);
ALIAS(pthread_rwlock_trywrlock, __pthread_rwlock_trywrlock);
ALIAS(pthread_rwlock_unlock, __pthread_rwlock_unlock);
