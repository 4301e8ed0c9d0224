/* Waiting awake, and standing aside: spinning.h has the contract. */
#include "spinning.h"
#include "self.h"

#include <stddef.h>

/*
 * Adaptive spinning.
 *
 * Whom a thread waits for runs on another processor, and then a look at the word costs nothing; or it
 * does not run, because the waiter does. A spin cannot tell which, so it is short, and what it has
 * brought is remembered. It never gives the processor away by sched_yield: a thread that has yielded
 * is not asleep, and has its turn when the others have had theirs, where a sleeper that is woken runs
 * at once. So a thread that waits either runs, for 30 microseconds at most, or is the kernel's.
 *
 * The bound exceeds what a wake takes. Otherwise two threads that hand a token back and forth, each
 * asleep while the other is being woken, would both always give up just too early.
 *
 * An object's hints (hints.h) hold a credit between 1 and 64 that begins at 32. While the credit is at
 * least 16, waiters spin. A spin that ends within 4 microseconds earns 4, one that takes longer pays 1,
 * one that fails 17: one failure at the start is enough to switch spinning off. When off, one wait in
 * 16 probes, and fewer after each failed probe, down to one in 2048; a probe that succeeds switches
 * spinning on again. An object without a history goes by that of the thread, which learns in the same
 * way from all the objects it waits for: programs exist that make a new semaphore for every wait.
 */
enum {
    CREDIT_START = 32,
    CREDIT_ON = 16,
    CREDIT_MAX = 64,
    INTERVAL_FIRST = 4,
    INTERVAL_LAST = 11,
    SOON = 4 * 1000,
    /*
     * Between two looks at the clock little but preemption takes this long. (Measured: to switch to another
     * thread and back takes 2 microseconds. With 5 here, two threads on one CPU spun for each other.)
     */
    JUMP = 1000,
    BOUND = 30 * 1000,
};

static HARDLY_WRITTEN uint32_t never;

void spinning_never(void)
{
    arch_store_relaxed(&never, 1);
}

static int learned_credit(uint32_t learned)
{
    return CREDIT_START + (int8_t)(learned & HINTS_CREDIT);
}

static unsigned learned_interval(uint32_t learned)
{
    return INTERVAL_FIRST + (learned >> HINTS_INTERVAL_SHIFT & HINTS_INTERVAL);
}

bool spin_wanted(struct spin *spin, uint32_t *hints)
{
    if (unlikely(arch_load_relaxed(&never)))
        return false;
    uint32_t now = hints_learned(hints);
    if (now == 0)
        now = self.spin;
    spin->probe = learned_credit(now) < CREDIT_ON;
    if (spin->probe && (self_random() & ((1u << learned_interval(now)) - 1)) != 0)
        return false;
    spin->hints = hints;
    spin->jump = ticks_in(JUMP);
    spin->start = spin->last = arch_ticks();
    spin->end = spin->start + ticks_in(BOUND);
    return true;
}

bool spin_goes_on(struct spin *spin)
{
    arch_pause();
    uint64_t now = arch_ticks(), since = now - spin->last;
    spin->last = now;
    return since < spin->jump && now < spin->end;
}

static uint32_t learn(uint32_t now, const struct spin *spin, bool success, bool soon)
{
    int credit = learned_credit(now);
    unsigned interval = learned_interval(now);
    if (!success) {
        credit = credit > 17 ? credit - 17 : 1;
        if (spin->probe && interval < INTERVAL_LAST)
            interval++;
    } else if (spin->probe) {
        credit = CREDIT_START;
        interval = INTERVAL_FIRST;
    } else if (soon) {
        credit = credit + 4 < CREDIT_MAX ? credit + 4 : CREDIT_MAX;
    } else if (credit > 1) {
        credit--;
    }
    return (uint8_t)(credit - CREDIT_START) | (interval - INTERVAL_FIRST) << HINTS_INTERVAL_SHIFT;
}

/*
 * What it takes to hand something over: one CPU's change of a line comes here, and the answer goes back.
 * That is 50 nanoseconds on one machine and 500 on another, and changes with where the host runs the
 * CPUs. Each look that finds a change after one that did not has waited for half of it. The thread knows the
 * sum of sixteen: a clock may tick only once in 40 nanoseconds.
 */
enum { HAND_OVERS_KNOWN = 16 };

static uint64_t hand_overs(uint64_t count)
{
    enum { AT_FIRST = 250 };
    uint64_t known = self.hand_overs ? self.hand_overs : HAND_OVERS_KNOWN * ticks_in(AT_FIRST);
    return known * count / HAND_OVERS_KNOWN;
}

static void learn_hand_over(uint64_t look)
{
    self.hand_overs = hand_overs(HAND_OVERS_KNOWN - 1) + 2 * look + 1;
}

void spin_report(struct spin *spin, bool success)
{
    bool soon = spin->last - spin->start < ticks_in(SOON);
    uint64_t look = arch_ticks() - spin->last;
    /* what came while the processor was taken away has shown nothing but that it was */
    if (success && look >= spin->jump)
        success = false;
    else if (success && spin->last != spin->start)
        learn_hand_over(look);
    hints_learn(spin->hints, learn(hints_learned(spin->hints), spin, success, soon));
    self.spin = learn(self.spin, spin, success, soon);
}

/*
 * Resting. A thread that has to wait for a lock again right after it has waited for one meets others all the
 * time, and has little to do in between. Spinning would have them pass the lock to and fro with
 * every section, and cache lines each time, which takes longer than what they do meanwhile; asleep,
 * it lets another one work alone for a while.
 *
 * Right after is: before four times as much time has passed as a hand-over takes. Who does more than that
 * in between had better do it side by side with others. (Measured where it takes a tenth of a microsecond:
 * 30 threads with half a microsecond inside and outside of sections of a mutex took 1.19 of libc's time when
 * it was four times as much as they had waited, up to 8 microseconds, and 0.65 since.)
 *
 * Readers that count themselves in a lock fight for its word, too, although none waits. One that loses it
 * to another, and has lost it before within the same time, stands aside.
 *
 * A rest is the thread's own affair: nobody waits for one who rests, and no word says who does.
 */
static uint64_t soon_after(uint64_t now)
{
    enum { FEW = 4 };
    return now + hand_overs(FEW);
}

bool has_just_waited(void)
{
    return arch_ticks() < self.rests_until;
}

void note_wait(void)
{
    self.rests_until = soon_after(arch_ticks());
}

void forget_wait(void)
{
    self.rests_until = 0;
}

/*
 * Standing aside. A thread that comes back to a crowd stands aside for longer the next time, twice as
 * long each time, so that no more of them come back in a tenth of a millisecond than one: that is the
 * next time if it comes before four times as much time has passed as the last one took.
 *
 * A nap ends 50 microseconds late for an ordinary thread, the slack of the kernel's timers, or less if
 * another timer wakes the processor meanwhile: of 30 that napped all the time, measured, one nap in
 * twenty was not 32 microseconds late. A real-time thread's is not 97 times in a hundred. So a nap that
 * ends promptly counts one, up to eight, and another one takes four away; with four a thread is taken
 * for a real-time thread: it stands aside for no one, and is asked again, by another nap, after a tenth of
 * a second. Until it is known for an ordinary thread its naps last a microsecond, and the slack.
 */
enum {
    A_MOMENT = 1000,
    A_WHILE = 50 * 1000,
    AND_MORE = 10 * 1000,
    MOST_DOUBLED = 7,
    MOST_DOUBLED_AWAKE = 5,
    LONGEST = 2000 * 1000,
    PROMPT = 32 * 1000,
    KNOWN_FOR = 100 * 1000 * 1000,
    A_REAL_TIME_THREAD = 4,
    BEYOND_DOUBT = 8,
};

/* Has a nap that was to take so long, and took so long, shown the caller to be a real-time thread? */
static bool is_prompt(struct aside *aside, uint64_t meant, uint64_t took)
{
    if (took >= meant + ticks_in(PROMPT))
        aside->prompt -= aside->prompt < A_REAL_TIME_THREAD ? aside->prompt : A_REAL_TIME_THREAD;
    else if (took >= meant && aside->prompt < BEYOND_DOUBT)
        aside->prompt++;
    return aside->prompt >= A_REAL_TIME_THREAD;
}

static void nap_aside(unsigned most_doubled)
{
    static const uint32_t nothing;
    struct aside *aside = &self.aside;
    uint64_t start = arch_ticks();
    if (unlikely(arch_load_relaxed(&never)) || start < self.prompt_until)
        return;
    bool again = start - aside->ended < 4 * aside->took;
    aside->doubled = !again ? 0 : aside->doubled < most_doubled ? aside->doubled + 1 : most_doubled;
    bool unknown = aside->prompt > 0 || aside->ended == 0;
    long time = unknown ? A_MOMENT : A_WHILE + ((long)AND_MORE << aside->doubled);
    nap(&nothing, 0, time, NULL);
    aside->ended = arch_ticks();
    aside->took = aside->ended - start;
    if (is_prompt(aside, ticks_in(time), aside->took))
        self.prompt_until = aside->ended + ticks_in(KNOWN_FOR);
    /* more than that was the want of a processor */
    if (aside->took > ticks_in(LONGEST))
        aside->took = ticks_in(LONGEST);
}

void stand_aside(void)
{
    nap_aside(MOST_DOUBLED);
}

/* It need not wait at all, and others may wait for what else it holds: 0.4 milliseconds is the longest. */
void note_collision(void)
{
    if (arch_ticks() < self.collides_until)
        nap_aside(MOST_DOUBLED_AWAKE);
    self.collides_until = soon_after(arch_ticks());
}
