/* Words that record their owner: owned.h. */
#include "owned.h"
#include "../self.h"
#include "contention.h"

#include <errno.h>

/* Does the note, if there is one, say that the caller is the owner? */
static bool noted_me(struct mutex *mutex, uint32_t kind)
{
    return !kind_notes_owner(kind) || kind_is_me(kind, arch_load64_relaxed(&mutex->owner.whole));
}

/*
 * In the child of a fork: make a private mutex that the forking thread held the child's. If it inherits
 * priority, those of the parent who wait for it are none of the child's, and the kernel queues nobody
 * behind a thread of another process; should an older one have done so, it is left to them.
 */
static COLD bool adopt(struct mutex *mutex, uint32_t kind, uint32_t word)
{
    if ((kind & MUTEX_SHARED) || !self_inherits(word & WORD_TID) || !noted_me(mutex, kind))
        return false;
    bool inherits = kind & MUTEX_INHERIT;
    uint32_t kept = WORD_OWNER_DIED | (inherits ? 0 : WORD_WAITERS);
    while (!arch_cas_fetch(&mutex->word, &word, self_tid() | (word & kept)))
        ;
    if (inherits && (word & WORD_WAITERS) && parked(&mutex->word, PRIVATE)) {
        arch_exchange(&mutex->word, word);
        return false;
    }
    if (kind & MUTEX_ROBUST) {
        robust_known();
        robust_enlist(mutex, kind_on_list(kind));
    }
    return true;
}

bool owned_by_me(struct mutex *mutex, uint32_t kind)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    uint32_t owner = word & WORD_TID;
    if (owner == 0)
        return false;
    return likely(owner == self_tid()) ? noted_me(mutex, kind) : adopt(mutex, kind, word);
}

int wait_for_nothing(const struct deadline *deadline)
{
    static const uint32_t nothing;
    for (;;) {
        int error = park(&nothing, 0, deadline, PRIVATE, ANY);
        if (error == ETIMEDOUT || error == EINVAL)
            return error;
    }
}

static COLD int owned_wait(struct mutex *mutex, const struct deadline *deadline)
{
    uint32_t word, tid = self_tid(), mark = 0;
    spin_for_word(mutex);
    for (;;) {
        word = arch_load_relaxed(&mutex->word);
        if ((word & WORD_TID) == 0) {
            if (arch_cas(&mutex->word, word, tid | mark | (word & WORD_WAITERS)))
                return word & WORD_OWNER_DIED ? EOWNERDEAD : 0;
            continue;
        }
        if (!(word & WORD_WAITERS) && !arch_cas(&mutex->word, word, word | WORD_WAITERS))
            continue;
        int error = park(&mutex->word, word | WORD_WAITERS, deadline, SHARED, ANY);
        if (error == ETIMEDOUT || error == EINVAL)
            return error;
        mark = WORD_WAITERS;
    }
}

int owned_acquire(struct mutex *mutex, struct attempt how)
{
    uint32_t word = 0, tid = self_tid();
    for (;;) {
        if ((word & WORD_TID) != 0)
            return how.try ? EBUSY : owned_wait(mutex, how.deadline);
        if (arch_cas_fetch(&mutex->word, &word, tid | (word & WORD_WAITERS)))
            return word & WORD_OWNER_DIED ? EOWNERDEAD : 0;
    }
}

void owned_release(struct mutex *mutex)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    if (likely(!(word & WORD_WAITERS)) && arch_cas(&mutex->word, word, 0))
        return;
    /* both stores release the mutex, and the wakes go by its address alone */
    if (parked(&mutex->word, SHARED)) {
        arch_exchange(&mutex->word, WORD_WAITERS);
        unpark(&mutex->word, 1, SHARED, ANY);
    } else {
        arch_exchange(&mutex->word, 0);
        unpark(&mutex->word, EVERYONE, SHARED, ANY);
    }
}
