/* Words that record their owner: owned.h. */
#include "owned.h"
#include "../self.h"
#include "contention.h"

#include <errno.h>

/* In the child of a fork: make a private mutex that the forking thread held the child's. */
static COLD bool adopt(struct mutex *mutex, uint32_t kind, uint32_t word)
{
    if ((kind & MUTEX_SHARED) || !self_inherits(word & WORD_TID))
        return false;
    do {
        /* the kernel has given this one's waiters to the parent */
        if ((kind & MUTEX_INHERIT) && (word & WORD_WAITERS))
            return false;
    } while (!arch_cas_fetch(&mutex->word, &word, self_tid() | (word & ~(uint32_t)WORD_TID)));
    if (kind_is_listed(kind)) {
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
    return likely(owner == self_tid()) || adopt(mutex, kind, word);
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

static COLD int owned_wait(struct mutex *mutex, uint32_t kind, const struct deadline *deadline)
{
    uint32_t word, tid = self_tid(), mark = 0;
    spin_for_word(mutex);
    for (;;) {
        word = arch_load_relaxed(&mutex->word);
        bool died = word & WORD_OWNER_DIED;
        if ((word & WORD_TID) == 0 && (!died || (kind & MUTEX_ROBUST))) {
            if (arch_cas(&mutex->word, word, tid | mark | (word & WORD_WAITERS)))
                return died ? EOWNERDEAD : 0;
            continue;
        }
        if (!(word & WORD_WAITERS) && !arch_cas(&mutex->word, word, word | WORD_WAITERS))
            continue;
        int error = park(&mutex->word, word | WORD_WAITERS, deadline, kind_scope(kind), ANY);
        if (error == ETIMEDOUT || error == EINVAL)
            return error;
        mark = WORD_WAITERS;
    }
}

int owned_acquire(struct mutex *mutex, uint32_t kind, struct attempt how)
{
    uint32_t word = 0, tid = self_tid();
    for (;;) {
        bool died = word & WORD_OWNER_DIED;
        if ((word & WORD_TID) != 0 || (died && !(kind & MUTEX_ROBUST)))
            return how.try ? EBUSY : owned_wait(mutex, kind, how.deadline);
        if (arch_cas_fetch(&mutex->word, &word, tid | (word & WORD_WAITERS)))
            return died ? EOWNERDEAD : 0;
    }
}

void owned_release(struct mutex *mutex, enum scope scope)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    if (likely(!(word & WORD_WAITERS)) && arch_cas(&mutex->word, word, 0))
        return;
    /* both stores release the mutex, and the wakes go by its address alone */
    if (parked(&mutex->word, scope)) {
        arch_exchange(&mutex->word, WORD_WAITERS);
        unpark(&mutex->word, 1, scope, ANY);
    } else {
        arch_exchange(&mutex->word, 0);
        unpark(&mutex->word, EVERYONE, scope, ANY);
    }
}
