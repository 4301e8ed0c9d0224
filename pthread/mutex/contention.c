/* Contended mutexes: contention.h has the contract. */
#include "contention.h"
#include "../self.h"
#include "../spinning.h"

/*
 * But if condition variables are used with it, the mutex guards what threads do for one another: if
 * one is asleep for a tenth of a millisecond, the others have run out of work before it is back. So it
 * only looks away for 5 microseconds, in which another one fills or empties a queue, say; and not if
 * it has waited for a condition meanwhile, of which one may have told it that waits for the answer.
 */
static void look_away(void)
{
    uint64_t start = arch_ticks();
    while (arch_ticks() - start < ticks_in(BRIEFLY))
        arch_pause();
}

bool spin_for_word(struct mutex *mutex)
{
    struct spin spin;
    if (has_just_waited()) {
        if (!has_conditions(mutex))
            return false;
        look_away();
    }
    if (!spin_wanted(&spin, &mutex->hints))
        return false;
    bool found;
    do
        found = (arch_load_relaxed(&mutex->word) & ~WORD_WAITERS) == 0;
    while (!found && spin_goes_on(&spin));
    spin_report(&spin, found);
    return found;
}
