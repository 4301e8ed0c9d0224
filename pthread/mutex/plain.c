/* Plain mutexes: plain.h has the word. */
#include "plain.h"
#include "../asymmetric.h"
#include "../spinning.h"
#include "contention.h"

#include <errno.h>

enum { PATIENCE = 1000 * ARCH_TICKS_PER_US, CROWD = 8 };

/* zero where fork cannot be noticed */
static uint32_t claim_of_this_process(void)
{
    uint32_t generation = self_generation();
    return generation ? CLAIMED | generation << GENERATION_SHIFT : 0;
}

/* One that waits for a plain mutex. */
struct waiter {
    uint64_t start;
    /* it has slept, or what it waits for may have sleepers: others may sleep still, when it has it */
    bool slept;
    /* it may have left CLAIMED in the word, which it takes back before it gives up */
    bool claimed;
};

/* Where there is a crowd, everybody's turn takes longer to come. */
static bool claims(const struct mutex *mutex, const struct waiter *waiter, enum scope scope)
{
    uint64_t patience = PATIENCE + PATIENCE / CROWD * hints_aside(&mutex->hints);
    return scope == PRIVATE && arch_ticks() - waiter->start > patience &&
           claim_of_this_process() != 0;
}

/* Take the word, if it can be had. Else leave one in it under which the waiter may sleep: *word. */
static bool take_or_permit_sleep(struct mutex *mutex, enum scope scope, struct waiter *waiter,
                                 uint32_t *word)
{
    for (;;) {
        uint32_t next, state = *word & STATE;
        bool mine = false;
        if (is_biased(state)) {
            if (state == BIASED_FREE && is_biased_to_me(mutex) && !waiter->slept) {
                mine = true;
                next = BIASED_HELD;
            } else {
                bias_revoke(mutex);
                *word = arch_load_relaxed(&mutex->word);
                continue;
            }
        } else if (state == FREE || (state == PASSED && waiter->slept)) {
            mine = true;
            next = waiter->slept ? CONTENDED : HELD;
        } else if (state != PASSED && state != CLAIMED && claims(mutex, waiter, scope)) {
            waiter->slept = waiter->claimed = true;
            next = claim_of_this_process();
        } else {
            next = state == HELD ? CONTENDED : *word;
        }
        if (next != *word && !arch_cas_fetch(&mutex->word, word, next))
            continue;
        *word = next;
        return mine;
    }
}

/* A holder that runs is through within a few microseconds, mostly. */
static void watch_claim(struct mutex *mutex, uint32_t *word)
{
    uint32_t claim = *word;
    uint64_t start = arch_ticks();
    while (*word == claim && arch_ticks() - start < BRIEFLY) {
        arch_pause();
        *word = arch_load_relaxed(&mutex->word);
    }
}

/* The deadline has passed. False if the mutex was passed on meanwhile: then the caller takes it. */
static bool take_claim_back(struct mutex *mutex)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    while ((word & STATE) == CLAIMED)
        if (arch_cas_fetch(&mutex->word, &word, CONTENDED))
            return true;
    return word != PASSED;
}

static COLD int plain_wait(struct mutex *mutex, uint32_t kind, const struct deadline *deadline,
                           bool slept)
{
    struct waiter waiter = {.start = arch_ticks(), .slept = slept};
    enum scope scope = kind_scope(kind);
    if (!is_biased(arch_load_relaxed(&mutex->word)))
        spin_for_word(mutex);
    uint32_t word = arch_load_relaxed(&mutex->word);
    while (!take_or_permit_sleep(mutex, scope, &waiter, &word)) {
        if (waiter.claimed && (word & STATE) == CLAIMED) {
            watch_claim(mutex, &word);
            if ((word & STATE) != CLAIMED)
                continue;
        }
        int error = park(&mutex->word, word, deadline, scope, ANY);
        if ((error == ETIMEDOUT || error == EINVAL) && (!waiter.claimed || take_claim_back(mutex)))
            return error;
        if (error == EAGAIN && !waiter.claimed && !has_conditions(mutex))
            stand_aside(&mutex->hints, scope);
        if (error == 0)
            waiter.slept = true;
        word = arch_load_relaxed(&mutex->word);
    }
    note_wait(waiter.start);
    return 0;
}

/* Those who come for it themselves are counted: how often each does in a row. */
static bool plain_take(struct mutex *mutex, uint32_t kind)
{
    bool taken = arch_cas(&mutex->word, FREE, HELD);
    if (taken && unlikely(asymmetric_may_begin()) && !(kind & MUTEX_SHARED))
        bias_earn(mutex);
    return taken;
}

static bool plain_try(struct mutex *mutex, uint32_t kind)
{
    if (plain_take(mutex, kind))
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
    if (unlikely(asymmetric_may_exist()) && plain_take(mutex, MUTEX_NORMAL))
        return 0;
    return plain_wait(mutex, MUTEX_NORMAL, NULL, false);
}

/* The word an unlock leaves, given one that is not simply held. */
static uint32_t after_release(const struct mutex *mutex, uint32_t word)
{
    if (word == BIASED_HELD && is_biased_to_me(mutex))
        return BIASED_FREE;
    if ((word & STATE) == CLAIMED && word == claim_of_this_process())
        return PASSED;
    return FREE;
}

COLD int plain_release_slow(struct mutex *mutex, enum scope scope)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    while (!arch_cas_fetch(&mutex->word, &word, after_release(mutex, word)))
        ;
    /* now the mutex may be gone: the wake goes by its address alone */
    if (word == CONTENDED || (word & STATE) == CLAIMED)
        unpark(&mutex->word, 1, scope, ANY);
    return 0;
}
