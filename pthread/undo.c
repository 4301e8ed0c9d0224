/*
 * Semaphores whose permits are given back when the process that has taken them dies.
 *
 *      63     55 54     46 45     37 36     28     27     26            0
 *      +---------+---------+---------+---------+----------+-------------+
 *      | count 3 | count 2 | count 1 | count 0 |  ASLEEP  |    free     |   state
 *      +---------+---------+---------+---------+----------+-------------+
 *
 *      31             10      9      8       0
 *      +----------------+-----------+---------+
 *      |   process id   |  ADOPTED  |  pins   |   name 0 to 3, a slot's
 *      +----------------+-----------+---------+
 *
 * A permit is free, or counted in the slot of a process that has it. One step on the state moves it from
 * one to the other, so that it is always one of the two, whoever is killed when:
 *
 *   take   pins a slot, moves a permit into its count, and leaves the pin there: for that permit
 *   post   pins a slot of its own process; if it has a count moves a permit from there to `free`, and
 *          takes two pins away. A process without any adds one to `free`
 *   heal   makes the dead process's name its own, as ADOPTED, moves the whole count to `free`, and makes
 *          the name zero
 *
 * Whose a count is, its slot's name says. A name is made another's only if it has no pin, or its process
 * is gone; and there is a pin for each permit of the count, and for each thread that is about to change
 * the count. So while a thread does, the name is its own process's, whatever it has read before, and
 * it does not matter whether the state is another one with the same bits. Pins that the dead leave
 * keep the slot until it is healed. A healer that dies after it has adopted a slot has the permits of
 * that, and the next one adopts it from there. Who is about to heal may have asked long ago: then the
 * name is not the same any more, unless another process has been given the number since, and has
 * taken the slot with as many pins. An adopted slot is left alone by the other threads of the healer.
 *
 *   name   0, or {other, no pins} --take--> {me, 1}        {me, n} --take, post--> {me, n + 1}
 *          {gone, n} --heal--> {me, ADOPTED} --> 0         {me, n} ---------------> {me, n - 1}
 *
 * Sleeping: ASLEEP stays while anybody sleeps; a post that takes it away, having seen nobody, wakes all. A
 * post that is killed before its wake, or a process with all permits, is found out after a tenth of a
 * second, for which anybody sleeps at most. A waiter looks for the dead before its first sleep, too.
 *
 * After the last step on the state the name is touched once more. So unlike others, such a semaphore
 * must not be destroyed before the calls that use it have returned.
 *
 * Process ids are those of the pid namespace of the process that made the semaphore. Others, and those
 * of whom the kernel does not tell, have no slot: their permits are taken from `free`, and given back to
 * it, and are lost if they die.
 */
#include "undo.h"
#include "alive.h"
#include "spinning.h"

#include <errno.h>

/* four; fewer in the model */
#ifndef UNDO_SLOTS
#define UNDO_SLOTS 4
#endif

#define FREE ((1ul << 27) - 1)
#define ASLEEP (1ul << 27)
#define ONE(slot) (1ul << (28 + COUNT_BITS * (slot)))

enum {
    COUNT_BITS = 9,
    NAME_SHIFT = 32 - PROCESS_BITS,
    ADOPTED = 1 << COUNT_BITS,
    PINS = ADOPTED - 1,
    /* some are left for posts on their way */
    MOST_TAKEN = 500,
    NAMESPACE = (1 << UNDO_MARK_SHIFT) - 1,
    /* for which a waiter sleeps; for which it waits for others to leave a slot, and how often */
    A_WHILE = 100 * 1000 * 1000,
    A_MOMENT = 50 * 1000,
    MOMENTS = 10 * 1000,
    NO_SLOT = -1,
};
_Static_assert(NAME_SHIFT == COUNT_BITS + 1, "a name is full");
/* What sem.c's fast paths find: no permit, and no room for one. */
#define ELSEWHERE 0x80000000u

static struct undo *undo_of(const struct semaphore *sem)
{
    return (struct undo *)sem;
}

/* musl's sem_t is aligned as an int is. */
static uint64_t *state_of(const struct undo *undo)
{
    uintptr_t first = (uintptr_t)undo->state_and_name1, size = sizeof(uint64_t);
    return (uint64_t *)((first + size - 1) / size * size);
}

static uint32_t *name_of(struct undo *undo, int slot)
{
    switch (slot) {
    case 0:
        return &undo->name0;
    case 1:
        return &undo->state_and_name1[(uintptr_t)undo % sizeof(uint64_t) ? 2 : 0];
    default:
        return &undo->names[slot - 2];
    }
}

static unsigned count_of(uint64_t state, int slot)
{
    return state / ONE(slot) & PINS;
}

/* The half of the state with ASLEEP and `free`, as one word. */
static const uint32_t *sleep_word(const struct undo *undo)
{
    const uint32_t *halves = (const uint32_t *)state_of(undo);
    return &halves[__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__];
}

/* The caller's process id, shifted to where names have it; 0 if it has no slot here. */
static uint32_t my_name(const struct undo *undo)
{
    const struct process *process = alive_process();
    bool known = process->pid != 0 && process->namespace != 0 &&
                 (process->namespace & NAMESPACE) == (undo->shared & NAMESPACE);
    return known ? process->pid << NAME_SHIFT : 0;
}

/* One pin more in a slot that has the caller's name, if it has from `least` to `most`. */
static bool pin(uint32_t *name, uint32_t me, uint32_t least, uint32_t most)
{
    uint32_t found = arch_load_relaxed(name);
    while ((found & ~(uint32_t)PINS) == me && (found & PINS) >= least && (found & PINS) <= most)
        if (arch_cas_fetch(name, &found, found + 1))
            return true;
    return false;
}

static void unpin(uint32_t *name, uint32_t pins)
{
    arch_fetch_add(name, -pins);
}

/* The first pin of a slot that is nobody's. */
static bool claim(uint32_t *name, uint32_t me)
{
    uint32_t found = arch_load_relaxed(name);
    while ((found & (PINS | ADOPTED)) == 0)
        if (arch_cas_fetch(name, &found, me | 1))
            return true;
    return false;
}

static int pin_any(struct undo *undo, uint32_t me)
{
    for (int slot = 0; slot < UNDO_SLOTS; slot++)
        if (pin(name_of(undo, slot), me, 0, MOST_TAKEN - 1))
            return slot;
    for (int slot = 0; slot < UNDO_SLOTS; slot++)
        if (claim(name_of(undo, slot), me))
            return slot;
    return NO_SLOT;
}

/* Move a permit from `free` to where it is counted, if that is anywhere. */
static bool take_free(struct undo *undo, uint64_t counted)
{
    uint64_t state = arch_load64_relaxed(state_of(undo));
    while (state & FREE)
        if (arch_cas64_fetch(state_of(undo), &state, state - 1 + counted))
            return true;
    return false;
}

/* 0, EAGAIN if there is no permit, or ENOSPC if there is one but no slot. */
static int take_once(struct undo *undo, uint32_t me)
{
    if (!(arch_load64_relaxed(state_of(undo)) & FREE))
        return EAGAIN;
    if (!me)
        return take_free(undo, 0) ? 0 : EAGAIN;
    int slot = pin_any(undo, me);
    if (slot == NO_SLOT)
        return ENOSPC;
    if (take_free(undo, ONE(slot)))
        return 0;
    unpin(name_of(undo, slot), 1);
    return EAGAIN;
}

/* The state as a post leaves it, with so many more permits: ASLEEP stays while anybody sleeps. */
static uint64_t with_free(const struct undo *undo, uint64_t state, uint64_t permits)
{
    uint64_t next = state + permits;
    return (state & ASLEEP) && !parked(sleep_word(undo), SHARED) ? next & ~ASLEEP : next;
}

static void wake(const struct undo *undo, uint64_t before, uint64_t after, unsigned permits)
{
    if (before & ASLEEP)
        unpark(sleep_word(undo), after & ASLEEP ? (int)permits : EVERYONE, SHARED, ANY);
}

/* Move one permit of a slot to `free`. The caller has pinned it, and that pin goes as well. */
static bool give_back(struct undo *undo, int slot)
{
    uint64_t state = arch_load64_relaxed(state_of(undo)), next;
    do {
        if (count_of(state, slot) == 0) {
            unpin(name_of(undo, slot), 1);
            return false;
        }
        next = with_free(undo, state - ONE(slot), 1);
    } while (!arch_cas64_fetch(state_of(undo), &state, next));
    unpin(name_of(undo, slot), 2);
    wake(undo, state, next, 1);
    return true;
}

/* A slot in which the caller's process may have a permit: pinned, from this one on. */
static int pin_own(struct undo *undo, uint32_t me, int slot)
{
    for (; me && slot < UNDO_SLOTS; slot++) {
        uint32_t *name = name_of(undo, slot);
        /* full of posts on their way */
        while (arch_load_relaxed(name) == (me | PINS))
            arch_pause();
        if (pin(name, me, 1, PINS - 1))
            return slot;
    }
    return NO_SLOT;
}

static uint64_t permits_of(uint64_t state)
{
    uint64_t sum = state & FREE;
    for (int slot = 0; slot < UNDO_SLOTS; slot++)
        sum += count_of(state, slot);
    return sum;
}

int undo_post(struct semaphore *sem)
{
    struct undo *undo = undo_of(sem);
    uint32_t me = my_name(undo);
    for (int slot = -1; (slot = pin_own(undo, me, slot + 1)) != NO_SLOT;)
        if (give_back(undo, slot))
            return 0;
    uint64_t state = arch_load64_relaxed(state_of(undo)), next;
    do {
        if (permits_of(state) >= FREE)
            return EOVERFLOW;
        next = with_free(undo, state, 1);
    } while (!arch_cas64_fetch(state_of(undo), &state, next));
    wake(undo, state, next, 1);
    return 0;
}

/* Give back what the process had that has left its name in the slot, if it is gone. */
static bool heal_slot(struct undo *undo, uint32_t me, int slot)
{
    uint32_t *name = name_of(undo, slot), found = arch_load_relaxed(name);
    if (!(found & (PINS | ADOPTED)) || found >> NAME_SHIFT == me >> NAME_SHIFT ||
        !alive_process_is_gone(found >> NAME_SHIFT) || !arch_cas(name, found, me | ADOPTED))
        return false;
    /* nobody else changes the count */
    uint64_t state = arch_load64_relaxed(state_of(undo)), next;
    unsigned count;
    do {
        count = count_of(state, slot);
        next = with_free(undo, state - count * ONE(slot), count);
    } while (!arch_cas64_fetch(state_of(undo), &state, next));
    arch_exchange(name, 0);
    if (count > 0)
        wake(undo, state, next, count);
    return true;
}

/* Of all slots. True if there was one. */
static COLD bool heal(struct undo *undo, uint32_t me)
{
    bool any = false;
    for (int slot = 0; me && slot < UNDO_SLOTS; slot++)
        any |= heal_slot(undo, me, slot);
    return any;
}

static bool all_counted(uint64_t state)
{
    for (int slot = 0; slot < UNDO_SLOTS; slot++)
        if (count_of(state, slot) == 0)
            return false;
    return true;
}

/*
 * As take_once. ENOSPC if all slots have permits; others, which only pass through a slot, are waited
 * for, but not for ever.
 */
static int take(struct undo *undo, uint32_t me)
{
    static const uint32_t nothing;
    int error;
    for (int moments = 0; (error = take_once(undo, me)) == ENOSPC; moments++) {
        if (heal(undo, me))
            continue;
        if (all_counted(arch_load64_relaxed(state_of(undo))) || moments == MOMENTS)
            break;
        nap(&nothing, 0, A_MOMENT, NULL);
    }
    return error;
}

int undo_try(struct semaphore *sem)
{
    struct undo *undo = undo_of(sem);
    uint32_t me = my_name(undo);
    int error = take(undo, me);
    if (error == EAGAIN && heal(undo, me))
        error = take(undo, me);
    return error ? EAGAIN : 0;
}

/* As in sem.c: one that is cancelled may have been woken. */
static void cancelled_wait(void *argument)
{
    struct undo *undo = argument;
    uint64_t state = arch_load64_relaxed(state_of(undo));
    while (!arch_cas64_fetch(state_of(undo), &state, state | ASLEEP))
        ;
    if (state & FREE)
        unpark(sleep_word(undo), 1, SHARED, ANY);
}

/* For this process's waiters of all such semaphores: there is no room in the object. */
static uint32_t hints;

static void spin_for_permit(const struct undo *undo)
{
    struct spin spin;
    if (!spin_wanted(&spin, &hints))
        return;
    bool seen;
    do
        seen = arch_load64_relaxed(state_of(undo)) & FREE;
    while (!seen && spin_goes_on(&spin));
    spin_report(&spin, seen);
}

int undo_wait(struct semaphore *sem, const struct deadline *deadline)
{
    struct undo *undo = undo_of(sem);
    uint32_t me = my_name(undo);
    int error = take(undo, me);
    if (error == EAGAIN && deadline_check(deadline))
        return EINVAL;
    if (error == EAGAIN)
        spin_for_permit(undo);
    bool over = false, look = false, looked = false;
    while (error == EAGAIN) {
        if (look)
            heal(undo, me);
        error = take(undo, me);
        if (error != EAGAIN)
            break;
        if (over)
            return ETIMEDOUT;
        if (!looked) {
            look = looked = true;
            continue;
        }
        uint64_t state = arch_load64_relaxed(state_of(undo));
        if ((state & FREE) ||
            (!(state & ASLEEP) && !arch_cas64_fetch(state_of(undo), &state, state | ASLEEP)))
            continue;
        struct timespec then;
        struct deadline sooner;
        bool last = deadline_within(deadline, A_WHILE, &sooner, &then);
        int woke = park_cancellable(sleep_word(undo), (uint32_t)(state | ASLEEP), &sooner, SHARED,
                                    cancelled_wait, undo);
        if (woke == EINTR || woke == EINVAL)
            return woke;
        look = woke == ETIMEDOUT;
        over = look && last;
    }
    return error == ENOSPC ? EAGAIN : error;
}

int undo_init(sem_t *object, unsigned value)
{
    uint32_t namespace = alive_namespace();
    if (value > FREE)
        return EINVAL;
    if (!namespace)
        return ENOTSUP;
    struct undo *undo = (struct undo *)object;
    *undo = (struct undo){
        .word = ELSEWHERE,
        .shared = (uint32_t)UNDO_MARK << UNDO_MARK_SHIFT | (namespace & NAMESPACE),
    };
    *state_of(undo) = value;
    return 0;
}

bool undo_parked(const struct semaphore *sem)
{
    const struct undo *undo = undo_of(sem);
    return (arch_load64_relaxed(state_of(undo)) & ASLEEP) && parked(sleep_word(undo), SHARED);
}

unsigned undo_value(const struct semaphore *sem)
{
    return arch_load64_relaxed(state_of(undo_of(sem))) & FREE;
}
