/*
 * Spin locks: 0 free, 1 held. Nobody wakes a waiter, but when the holder has evidently lost the
 * CPU, the waiter leaves its own for a while.
 */
#include "checked.h"
#include "host.h"
#include "layout.h"
#include "park.h"

#include <arch_atomic.h>
#include <errno.h>

enum { FREE = 0, HELD = 1, SPINS_BEFORE_NAP = 1000, NAP = 10 * 1000 };

static COLD int spin(uint32_t *word)
{
    static const uint32_t nothing;
    do {
        for (int spins = 0; arch_load_relaxed(word) != FREE; spins++) {
            arch_pause();
            if (spins == SPINS_BEFORE_NAP) {
                nap(&nothing, 0, NAP, NULL);
                spins = 0;
            }
        }
    } while (arch_exchange(word, HELD) != FREE);
    return 0;
}

PUBLIC int pthread_spin_lock(pthread_spinlock_t *lock)
{
    uint32_t *word = (uint32_t *)lock;
    return checked_locked(word, true, likely(arch_exchange(word, HELD) == FREE) ? 0 : spin(word));
}

PUBLIC int pthread_spin_trylock(pthread_spinlock_t *lock)
{
    uint32_t *word = (uint32_t *)lock;
    return checked_locked(word, true, arch_exchange(word, HELD) == FREE ? 0 : EBUSY);
}

PUBLIC int pthread_spin_unlock(pthread_spinlock_t *lock)
{
    uint32_t *word = (uint32_t *)lock;
    checked_unlock(word);
    arch_store_release(word, FREE);
    return 0;
}

PUBLIC int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    arch_store_release((uint32_t *)lock, FREE);
    return 0;
}

PUBLIC int pthread_spin_destroy(pthread_spinlock_t *lock)
{
    uint32_t *word = (uint32_t *)lock;
    if (!word)
        return 0;
    return checked_gone(word, sizeof *word, arch_load_relaxed(word) == FREE ? 0 : EBUSY);
}
