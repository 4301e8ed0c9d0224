/*
 * Futexes that inherit priority. A word is zero, or holds its owner's tid, with WAITERS if the
 * kernel has others queued for it. The kernel passes a word on as it is unlocked, so it never lies
 * free while threads are queued.
 *
 * That lent priorities matter is not modelled. Circles are: whoever would wait for itself is told
 * EDEADLK, and one whom a requeue would make wait for itself stays where it sleeps.
 */
#include "explore.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>

static struct fibre *owner_of(const uint32_t *word)
{
    for (int i = 0; i < threads; i++)
        if (tid_of(&fibres[i]) == (*word & FUTEX_TID_MASK) && fibres[i].status != ENDED)
            return &fibres[i];
    return NULL;
}

/* Would it wait for itself, if it waited for the word? */
static bool is_circle(const struct fibre *fibre, const uint32_t *word)
{
    for (int i = 0; i <= threads; i++) {
        const struct fibre *owner = owner_of(word);
        if (owner == fibre)
            return true;
        if (!owner || owner->status != ASLEEP || !owner->inherits)
            return false;
        word = owner->word;
    }
    return true;
}

static int queue_of(const uint32_t *word, bool shared, struct fibre **found)
{
    return sleepers(word, shared, FUTEX_BITSET_MATCH_ANY, found);
}

/* 0 if the word was free, and is the thread's now; EAGAIN if it has to wait; other errors. */
static long take(struct fibre *fibre, uint32_t *word)
{
    if (is_gone(word))
        return -EFAULT;
    touch(current, word, false);
    if (*word & FUTEX_TID_MASK) {
        if (is_circle(fibre, word))
            return -EDEADLK;
        return owner_of(word) ? -EAGAIN : -ESRCH;
    }
    kernel_writes(fibre, word, tid_of(fibre) | (*word & (FUTEX_OWNER_DIED | FUTEX_WAITERS)));
    return 0;
}

static void mark_waiters(uint32_t *word)
{
    if (!(*word & FUTEX_WAITERS))
        kernel_writes(current, word, *word | FUTEX_WAITERS);
}

static long lock(uint32_t *word, bool shared, bool timed)
{
    long result = take(current, word);
    trace(NULL, "futex lock %s: %s", name_of(word),
          result == 0         ? "has it"
          : result == -EAGAIN ? "asleep"
                              : "refused");
    if (result != -EAGAIN)
        return result;
    mark_waiters(word);
    current->inherits = true;
    current->owner = owner_of(word);
    return fall_asleep(word, shared, timed, FUTEX_BITSET_MATCH_ANY);
}

static long try(uint32_t *word)
{
    long result = take(current, word);
    trace(NULL, "futex trylock %s: %ld", name_of(word), result);
    return result;
}

/* What one thread holds becomes another's. */
static void pass(struct fibre *from, struct fibre *to, uint32_t *word)
{
    kernel_writes(from, word, tid_of(to) | FUTEX_WAITERS);
    if (from->holds > 0) {
        from->holds--;
        to->holds++;
    }
    trace(NULL, "thread %d owns %s", to->index, name_of(word));
    unqueue(to, 0);
    kernel_wakes(from, to);
    for (int i = 0; i < threads; i++)
        if (fibres[i].status == ASLEEP && fibres[i].inherits && fibres[i].word == word)
            fibres[i].owner = to;
}

void pass_on_inherited(struct fibre *fibre)
{
    for (int i = 0; i < threads; i++) {
        struct fibre *found[THREADS], *next = &fibres[i];
        uint32_t *word = (uint32_t *)next->word;
        if (next->status != ASLEEP || !next->inherits || next->owner != fibre)
            continue;
        int n = queue_of(word, next->shared, found);
        next = choose_sleeper(found, n);
        kernel_writes(fibre, word, tid_of(next) | FUTEX_WAITERS | FUTEX_OWNER_DIED);
        for (int j = 0; j < n; j++)
            found[j]->owner = next;
        trace(NULL, "thread %d owns %s", next->index, name_of(word));
        unqueue(next, 0);
        kernel_wakes(fibre, next);
    }
}

static long unlock(uint32_t *word, bool shared)
{
    struct fibre *found[THREADS];
    touch(current, word, false);
    if ((*word & FUTEX_TID_MASK) != tid_of(current))
        return -EPERM;
    trace(NULL, "futex unlock %s", name_of(word));
    touch_queue(current, word);
    int n = queue_of(word, shared, found);
    if (n > 0)
        pass(current, choose_sleeper(found, n), word);
    else
        kernel_writes(current, word, 0);
    return 0;
}

static long wait_requeue(const uint32_t *word, bool shared, uint32_t value, bool timed,
                         uint32_t *target)
{
    if (is_gone(word))
        return -EFAULT;
    if (word == target)
        return -EINVAL;
    touch(current, word, false);
    trace(NULL, "futex wait %s while %#x, to be moved to %s: found %#x", name_of(word), value,
          name_of(target), *word);
    if (*word != value)
        return -EAGAIN;
    current->target = target;
    long result = fall_asleep(word, shared, timed, FUTEX_BITSET_MATCH_ANY);
    return result == -EINTR ? -EAGAIN : result;
}

/* 1: it owns the target now. 0: it is queued there. */
static long move(struct fibre *fibre, uint32_t *target)
{
    long result = take(fibre, target);
    if (result == 0) {
        trace(NULL, "thread %d owns %s", fibre->index, name_of(target));
        unqueue(fibre, 0);
        kernel_wakes(current, fibre);
        return 1;
    }
    if (result != -EAGAIN)
        return result;
    mark_waiters(target);
    trace(NULL, "futex requeue %s to %s: thread %d", name_of(fibre->word), name_of(target),
          fibre->index);
    touch_queue(current, target);
    is_slept_on(target);
    fibre->word = target;
    fibre->target = NULL;
    fibre->inherits = true;
    fibre->owner = owner_of(target);
    return 0;
}

static long requeue(const uint32_t *word, bool shared, uint32_t expected, int others,
                    uint32_t *target)
{
    struct fibre *found[THREADS];
    int n, done = 0;
    if (is_gone(word))
        return -EFAULT;
    touch(current, word, false);
    trace(NULL, "futex compare %s, found %#x, with %#x", name_of(word), *word, expected);
    if (*word != expected)
        return -EAGAIN;
    touch_queue(current, word);
    while (done <= others && (n = queue_of(word, shared, found)) > 0) {
        struct fibre *first = choose_sleeper(found, n);
        if (first->target != target)
            return -EINVAL;
        long result = move(first, target);
        if (result < 0) {
            trace(NULL, "thread %d is not moved: error %ld", first->index, -result);
            return result;
        }
        current->history = mix(current->history, first->index);
        done++;
    }
    if (!done)
        trace(NULL, "futex requeue %s: nobody", name_of(word));
    return done;
}

long futex_pi(uint32_t *word, int operation, bool shared, uint32_t value, long time_or_count,
              uint32_t *target, uint32_t value3, bool *known)
{
    *known = true;
    switch (operation) {
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
        return lock(word, shared, time_or_count != 0);
    case FUTEX_TRYLOCK_PI:
        return try(word);
    case FUTEX_UNLOCK_PI:
        return unlock(word, shared);
    case FUTEX_WAIT_REQUEUE_PI:
        return wait_requeue(word, shared, value, time_or_count != 0, target);
    case FUTEX_CMP_REQUEUE_PI:
        return value == 1 ? requeue(word, shared, value3, (int)time_or_count, target) : -EINVAL;
    }
    *known = false;
    return 0;
}
