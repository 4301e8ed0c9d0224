/* Contended mutexes: contention.h has the contract. */
#include "contention.h"
#include "../self.h"
#include "../spinning.h"

/*
 * A thread that has to wait for a mutex again right after it has waited for one meets others all the
 * time, and has little to do in between. Spinning would have them pass the mutex to and fro with
 * every section, and cache lines each time, which takes longer than what they do meanwhile; asleep,
 * it lets another one work alone for a while.
 *
 * Right after is: before four times as much time has passed as it had waited. (Measured: with once as
 * much, threads that do twice as much between sections as within them still fight side by side, and
 * take a fifth longer, and more CPU time.) What a hand-over takes, one CPU tells another in 50
 * nanoseconds or in 500, shows in how long a wait is. Of a wait that was longer than 2 microseconds,
 * and so than any hand-over, it is not known; then it is a fifth of a microsecond.
 *
 * A rest is the thread's own affair: nobody waits for one who rests, and no word says who does.
 */
enum {
    JUST_NOW = ARCH_TICKS_PER_US / 5,
    HAND_OVER_MOST = 2 * ARCH_TICKS_PER_US,
    TIMES_THE_WAIT = 4,
};

static bool has_just_waited(void)
{
    return arch_ticks() < self.rests_until;
}

void note_wait(uint64_t start)
{
    uint64_t now = arch_ticks(), waited = now - start;
    self.rests_until = now + (waited < HAND_OVER_MOST ? TIMES_THE_WAIT * waited : JUST_NOW);
}

/*
 * But if condition variables are used with it, the mutex guards what threads do for one another: if
 * one is asleep for a tenth of a millisecond, the others have run out of work before it is back. So it
 * only looks away for 5 microseconds, in which another one fills or empties a queue, say; and not if
 * it has waited for a condition meanwhile, of which one may have told it that waits for the answer.
 */
static void look_away(void)
{
    uint64_t start = arch_ticks();
    while (arch_ticks() - start < BRIEFLY)
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

void forget_wait(void)
{
    self.rests_until = 0;
}
