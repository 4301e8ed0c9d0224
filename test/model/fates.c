/*
 * What can befall a thread between two of its steps: it dies, it stops for ever, it jumps out of its
 * wait, a signal handler runs on its stack, or it forks, and goes on as the child. And how a system
 * call of its own may fail.
 *
 * A thread may stop, or jump, when nobody may have to wait for it. That is unless
 *
 *   - it holds something of an object under watch: its own steps have taken more than they gave;
 *   - a wake has chosen it, and since then it has neither changed a word that threads sleep on, nor
 *     fallen asleep, so that what it was woken for has not been tried for. A compare-and-swap that
 *     fails is not yet an attempt, since what the kernel's choice relies on is that the word is
 *     looked at in one step with its change;
 *   - its last change of a word that threads sleep on may be a release, and a wake may follow: before
 *     a wake, and before loads, and changes of the library's own table, on the way to it. No futex lock
 *     can be without this gap.
 */
#include "explore.h"

#include <errno.h>
#include <string.h>

enum { FORKED_TIDS = 100 };

static bool forked, left_held, may_refuse;
static int handlers;

unsigned troubles(void)
{
    return handlers * 4 + may_refuse * 2 + forked;
}

void troubles_begin(void)
{
    forked = left_held = false;
    handlers = scenario->handles != 0;
    may_refuse = scenario->refused != 0;
    for (int i = 0; i < threads; i++)
        if (scenario->child && i + 1 >= scenario->child)
            fibres[i].status = UNBORN;
}

/* Deaths. */

bool is_mortal(const struct fibre *fibre)
{
    return fibre->index + 1 == scenario->mortal && !fibre->dead && !fibre->handling &&
           (forked || !scenario->child);
}

void die(void)
{
    current->dead = true;
    touch(current, &current->dead, true);
    trace(NULL, "dies");
    drain(current);
    if (current->robust_list)
        model_killed(current->robust_list);
    pass_on_inherited(current);
    end();
}

bool model_died(int thread)
{
    return fibres[thread].dead;
}

bool model_asks_whether_dead(int thread)
{
    may_die();
    schedule();
    bool dead = thread < 0 || thread >= threads || fibres[thread].dead;
    current->history = mix(current->history, 11 + dead);
    if (dead && thread >= 0 && thread < threads)
        weak_follow(&fibres[thread]);
    trace(NULL, "asks for thread %d: %s", thread, dead ? "dead" : "alive");
    return dead;
}

/* Signal handlers. */

bool may_handle(const struct fibre *fibre)
{
    return fibre->index + 1 == scenario->handles && handlers > 0;
}

void run_handler(void)
{
    int error = errno;
    handlers--;
    current->handling = true;
    abort_sequence(current);
    current->history = mix(current->history, 7);
    trace(NULL, "a signal handler runs");
    scenario->handler();
    trace(NULL, "the handler returns");
    current->handling = false;
    errno = error;
}

void meet_fate(void)
{
    if (is_mortal(current) && choose(SITE_DEATH, 2))
        die();
    if (may_handle(current) && choose(SITE_HANDLER, 2))
        run_handler();
}

/* Stopping and jumping. */

static bool is_idle(const struct fibre *fibre)
{
    return fibre->holds <= 0 && !fibre->chosen;
}

bool may_jump(const struct fibre *fibre)
{
    return fibre->landing && fibre->index + 1 == scenario->jumps && is_idle(fibre);
}

void jump(void)
{
    void **landing = current->landing;
    current->landing = NULL;
    current->cancellable = false;
    current->sequence = NONE;
    current->history = mix(current->history, 8);
    trace(NULL, "jumps out of its wait");
    __builtin_longjmp(landing, 1);
}

void model_landing(void **buffer)
{
    current->landing = buffer;
}

static void freeze(void)
{
    trace(NULL, "stops for ever");
    current->status = FROZEN;
    yield();
}

void model_owes(int count)
{
    current->holds += count;
}

bool model_froze(int thread)
{
    bool froze = fibres[thread].status == FROZEN;
    current->history = mix(current->history, froze);
    return froze;
}

void may_stop(enum step step)
{
    if (!scheduling || !is_idle(current) || (current->owes && (step == LOOKS || step == WAKES)))
        return;
    if (current->index + 1 == scenario->frozen && choose(SITE_FREEZE, 2))
        freeze();
    if (may_jump(current) && choose(SITE_JUMP, 2))
        jump();
}

/* Forks. */

uint32_t tid_of(const struct fibre *fibre)
{
    return 1 + THREADS + fibre->index +
           (forked && !(scenario->flags & SAME_TIDS) ? FORKED_TIDS : 0);
}

static void leave_behind(struct fibre *fibre)
{
    left_held |= fibre->holds > 0;
    fibre->status = ENDED;
    fibre->buffered = 0;
}

static void bear(struct fibre *fibre)
{
    model_make(fibre->self, scenario->flags & SPINS);
    fibre->robust_list = NULL;
    fibre->status = RUNNING;
}

void model_fork(void)
{
    may_die();
    schedule();
    drain(current);
    trace(NULL, "forks, and goes on as the child");
    for (int i = 0; i < threads; i++) {
        if (fibres[i].status == UNBORN)
            bear(&fibres[i]);
        else if (&fibres[i] != current)
            leave_behind(&fibres[i]);
    }
    weak_fork();
    model_wipe();
    current->robust_list = NULL;
    current->history = mix(current->history, 9);
    forked = true;
}

bool has_forked(void)
{
    return forked;
}

bool model_left_held(void)
{
    return left_held;
}

/* System calls that fail. */

bool is_refused(int operation)
{
    if (!scheduling || !may_refuse || operation != scenario->refused || !choose(SITE_REFUSAL, 2))
        return false;
    may_refuse = false;
    current->history = mix(current->history, 10);
    trace(NULL, "the kernel refuses: %s", strerror(scenario->error));
    return true;
}
