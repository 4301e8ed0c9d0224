/* Mutexes that inherit priority: owned.h has the word. */
#include "owned.h"
#include "../self.h"

#include <errno.h>

int inheriting_got(struct mutex *mutex)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    if (likely(!(word & WORD_OWNER_DIED)))
        return 0;
    while (!arch_cas_fetch(&mutex->word, &word, word & ~WORD_OWNER_DIED))
        ;
    return EOWNERDEAD;
}

int inheriting_acquire(struct mutex *mutex, uint32_t kind, struct attempt how)
{
    if (likely(arch_cas(&mutex->word, 0, self_tid())))
        return 0;
    int error;
    uint32_t word = arch_load_relaxed(&mutex->word);
    bool died = word & WORD_OWNER_DIED;
    /* with waiters or an owner besides, the kernel passes it on; the new owner clears the mark */
    if (died && (word & (WORD_TID | WORD_WAITERS)) == 0 && !(kind & MUTEX_ROBUST))
        return how.try ? EBUSY : wait_for_nothing(how.deadline);
    if (how.try) {
        if (!died)
            return EBUSY;
        error = park_trylock_pi(&mutex->word, kind_scope(kind));
        if (error)
            return EBUSY;
    } else {
        error = park_lock_pi(&mutex->word, how.deadline, kind_scope(kind));
        /* the owner is gone for ever, or in the parent of this process, or the caller */
        if (error == ESRCH || error == EDEADLK || error == EPERM)
            return wait_for_nothing(how.deadline);
        if (error)
            return error;
    }
    error = inheriting_got(mutex);
    return kind & MUTEX_ROBUST ? error : 0;
}

void inheriting_release(struct mutex *mutex, enum scope scope)
{
    if (!arch_cas(&mutex->word, self_tid(), 0))
        park_unlock_pi(&mutex->word, scope);
}
