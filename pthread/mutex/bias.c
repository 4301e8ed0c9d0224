/* Biasing mutexes to the thread that locks them, and revoking that: bias.h has the contract. */
#include "bias.h"
#include "../asymmetric.h"
#include "../ticks.h"
#include "plain.h"

/*
 * How often one thread is to lock a mutex in a row, and nobody else, until it is biased to it: what twenty
 * revocations of 16 microseconds cost, at 10 nanoseconds a time.
 */
enum { TIMES_IN_A_ROW = 1 << 15, SAVED_BY_100 = 1000, REVOCATIONS_WORTH = 20 };
static uint32_t times_in_a_row = TIMES_IN_A_ROW;

/* The caller has just locked it; it does not wait for anyone to try. */
static COLD void begin(struct mutex *mutex)
{
    if (!arch_rseq_ready())
        return;
    arch_store64_relaxed(&mutex->bias, self_id());
    if (!arch_cas(&mutex->word, HELD, BIASED_HELD))
        arch_store64_relaxed(&mutex->bias, 0);
}

void bias_earn(struct mutex *mutex)
{
    uint32_t me = self_id();
    if (arch_load64_relaxed(&mutex->bias) != 0)
        return;
    if (mutex->candidate != me) {
        mutex->candidate = me;
        mutex->in_a_row = 0;
    } else if (unlikely(++mutex->in_a_row >= arch_load_relaxed(&times_in_a_row))) {
        mutex->in_a_row = 0;
        begin(mutex);
    }
}

/*
 * The dearer a revocation is, the more has to be saved before there may be one. But one that was only
 * preempted says little: what has to be saved doubles at most.
 */
static void learn_price(uint64_t ticks)
{
    uint32_t known = arch_load_relaxed(&times_in_a_row);
    uint64_t times = REVOCATIONS_WORTH * 100 * ticks / ticks_in(SAVED_BY_100);
    if (times > 2 * (uint64_t)known)
        times = 2 * (uint64_t)known;
    if (times < TIMES_IN_A_ROW)
        times = TIMES_IN_A_ROW;
    if (times != known && times <= INT32_MAX)
        arch_store_relaxed(&times_in_a_row, times);
}

COLD void bias_revoke(struct mutex *mutex)
{
    bool mine = is_biased_to_me(mutex);
    arch_store64_relaxed(&mutex->bias, REVOKED);
    /* the caller is in no sequence itself */
    if (!mine)
        asymmetric_barrier(SEQUENCES);
    uint32_t word = arch_load_relaxed(&mutex->word);
    while (is_biased(word) &&
           !arch_cas_fetch(&mutex->word, &word, word == BIASED_HELD ? HELD : FREE))
        ;
    learn_price(asymmetric_price());
}
