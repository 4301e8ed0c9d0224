/* Plain mutexes: plain.h has the word. */
#include "plain.h"
#include "../asymmetric.h"
#include "../spinning.h"
#include "contention.h"

#include <errno.h>

/* until a waiter claims; until one with a deadline takes what is offered to others */
enum { PATIENCE = 1000 * 1000, TIMES_ASIDE = 4, TIMELY = 20 * 1000 };

/* One that waits for a plain mutex. */
struct waiter {
    uint64_t start;
    /* it has slept, or what it waits for may have sleepers: others may sleep still, when it has it */
    bool slept;
    /* it takes what is offered: it is one of those for whom that is meant, or has stood aside */
    bool accepts;
};

static bool claims(const struct waiter *waiter)
{
    /* in a crowd everybody's turn takes longer to come */
    return arch_ticks() - waiter->start > ticks_in(PATIENCE) + TIMES_ASIDE * self.aside.took;
}

/* Take the word, if it can be had. Else leave one in it under which the waiter may sleep: *word. */
static bool take_or_permit_sleep(struct mutex *mutex, struct waiter *waiter, uint32_t *word)
{
    for (;;) {
        uint32_t next;
        bool mine = false;
        if (is_biased(*word)) {
            if (*word == BIASED_FREE && is_biased_to_me(mutex) && !waiter->slept) {
                mine = true;
                next = BIASED_HELD;
            } else {
                bias_revoke(mutex);
                *word = arch_load_relaxed(&mutex->word);
                continue;
            }
        } else if (*word == FREE) {
            mine = true;
            next = waiter->slept ? CONTENDED : HELD;
        } else if (*word == OFFERED) {
            mine = waiter->accepts;
            next = mine ? CONTENDED : OFFERED;
        } else if (*word != CLAIMED && claims(waiter)) {
            waiter->accepts = true;
            next = CLAIMED;
        } else {
            next = *word == HELD ? CONTENDED : *word;
        }
        if (next != *word && !arch_cas_fetch(&mutex->word, word, next))
            continue;
        *word = next;
        return mine;
    }
}

/* Look at the word as long as it stays what it is, but so many nanoseconds at most. */
static void watch(struct mutex *mutex, uint32_t *word, unsigned nanoseconds)
{
    uint32_t then = *word;
    uint64_t start = arch_ticks(), ticks = ticks_in(nanoseconds);
    while (*word == then && arch_ticks() - start < ticks) {
        arch_pause();
        *word = arch_load_relaxed(&mutex->word);
    }
}

/* The mutex is offered to others. A deadline leaves no time to stand aside. */
static void make_way(struct mutex *mutex, struct waiter *waiter, const struct deadline *deadline,
                     uint32_t *word)
{
    if (deadline)
        watch(mutex, word, TIMELY);
    else
        stand_aside();
    waiter->accepts = true;
    *word = arch_load_relaxed(&mutex->word);
}

static COLD int plain_wait(struct mutex *mutex, uint32_t kind, const struct deadline *deadline,
                           bool slept)
{
    struct waiter waiter = {.start = arch_ticks(), .slept = slept, .accepts = slept};
    enum scope scope = kind_scope(kind);
    if (!is_biased(arch_load_relaxed(&mutex->word)))
        spin_for_word(mutex);
    uint32_t word = arch_load_relaxed(&mutex->word);
    while (!take_or_permit_sleep(mutex, &waiter, &word)) {
        if (word == OFFERED) {
            make_way(mutex, &waiter, deadline, &word);
            continue;
        }
        if (word == CLAIMED && waiter.accepts) {
            /* a holder that runs is through within a few microseconds, mostly */
            watch(mutex, &word, BRIEFLY);
            if (word != CLAIMED)
                continue;
        }
        int error = park(&mutex->word, word, deadline, scope, ANY);
        if (error == ETIMEDOUT || error == EINVAL)
            return error;
        if (error == EAGAIN && !waiter.accepts && !deadline && !has_conditions(mutex))
            stand_aside();
        if (error == 0)
            waiter.slept = waiter.accepts = true;
        word = arch_load_relaxed(&mutex->word);
    }
    note_wait();
    return 0;
}

/* Those who come for it themselves are counted: how often each does in a row. */
static bool plain_take(struct mutex *mutex, uint32_t kind)
{
    bool taken = arch_cas(&mutex->word, FREE, HELD);
    if (taken && unlikely(asymmetric_may_begin(SEQUENCES)) && !(kind & MUTEX_SHARED))
        bias_earn(mutex);
    return taken;
}

static bool plain_try(struct mutex *mutex, uint32_t kind)
{
    if (plain_take(mutex, kind) || arch_cas(&mutex->word, OFFERED, CONTENDED))
        return true;
    if (!is_biased(arch_load_relaxed(&mutex->word)))
        return false;
    if (is_biased_to_me(mutex) && arch_cas(&mutex->word, BIASED_FREE, BIASED_HELD))
        return true;
    bias_revoke(mutex);
    return arch_cas(&mutex->word, FREE, HELD);
}

int plain_acquire(struct mutex *mutex, uint32_t kind, struct attempt how)
{
    if (how.try)
        return plain_try(mutex, kind) ? 0 : EBUSY;
    if (how.moved ? arch_cas(&mutex->word, FREE, CONTENDED) : plain_take(mutex, kind))
        return 0;
    return plain_wait(mutex, kind, how.deadline, how.moved);
}

COLD int plain_lock_normal(struct mutex *mutex)
{
    if (unlikely(asymmetric_may_exist(SEQUENCES)) && plain_take(mutex, MUTEX_NORMAL))
        return 0;
    return plain_wait(mutex, MUTEX_NORMAL, NULL, false);
}

/* The word an unlock leaves, given one that is not simply held. */
static uint32_t after_release(const struct mutex *mutex, uint32_t word)
{
    if (word == BIASED_HELD && is_biased_to_me(mutex))
        return BIASED_FREE;
    return word == CLAIMED ? OFFERED : FREE;
}

COLD int plain_release_slow(struct mutex *mutex, enum scope scope)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    while (!arch_cas_fetch(&mutex->word, &word, after_release(mutex, word)))
        ;
    /* now the mutex may be gone: the wake goes by its address alone */
    if (word == CONTENDED || word == CLAIMED)
        unpark(&mutex->word, 1, scope, ANY);
    return 0;
}
