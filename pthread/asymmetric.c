/* asymmetric.h has the contract. */
#include "asymmetric.h"
#include "layout.h"

#include <arch_rseq.h>
#include <arch_syscall.h>
#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>

/* membarrier(2), from the kernel's interface. */
enum {
    MEMBARRIER_PRIVATE_EXPEDITED = 1 << 3,
    MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4,
    MEMBARRIER_PRIVATE_EXPEDITED_RSEQ = 1 << 7,
    MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_RSEQ = 1 << 8,
};

HARDLY_WRITTEN uint32_t asymmetric_state[ASYMMETRIC_PATHS];
static uint64_t price;

static long membarrier(int command)
{
    return arch_syscall(SYS_membarrier, command, 0, 0, 0, 0, 0);
}

static bool registered(void)
{
    return membarrier(MEMBARRIER_REGISTER_PRIVATE_EXPEDITED) == 0 &&
           membarrier(MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_RSEQ) == 0;
}

/*
 * What a pair of changes of a word takes, with atomic operations and without. The fastest of several
 * rounds is right: what disturbs makes it longer.
 */
enum { ROUNDS = 8, PAIRS = 32 };

static inline void atomics(uint32_t *word)
{
    arch_cas(word, 0, 1);
    arch_cas(word, 1, 0);
}

static inline void stores(uint32_t *word)
{
    arch_cas_alone(word, 0, 1);
    arch_cas_alone(word, 1, 0);
}

static inline void sequences(uint32_t *word)
{
    const uint64_t guard = 1;
    arch_store_if(&guard, 1, word, 0, 1);
    arch_store_if(&guard, 1, word, 1, 0);
}

FAST uint64_t fastest(void (*pair)(uint32_t *))
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t word = 0;
        uint64_t start = arch_ticks();
        for (int k = 0; k < PAIRS; k++)
            pair(&word);
        uint64_t ticks = arch_ticks() - start;
        least = ticks < least ? ticks : least;
    }
    return least;
}

/* A tenth saved is not worth what others pay. */
FAST bool pays(void (*pair)(uint32_t *))
{
    return 4 * fastest(pair) <= 3 * fastest(atomics);
}

COLD void asymmetric_start(enum asymmetric_choice choice)
{
    if (!registered())
        return;
    if (choice == ALWAYS || pays(stores))
        arch_store_relaxed(&asymmetric_state[STORES], ASYMMETRIC_WANTED);
    if (choice == ALWAYS || (arch_rseq_ready() && pays(sequences)))
        arch_store_relaxed(&asymmetric_state[SEQUENCES], ASYMMETRIC_WANTED);
}

/*
 * Without the kernel's help: run on every processor once. Whoever ran there has been switched away,
 * which is a fence, and makes it begin its sequence again.
 */
static COLD void visit_processors(void)
{
    enum { WORDS = 128, BITS = 64 };
    uint64_t allowed[WORDS], one[WORDS];
    long size = arch_syscall(SYS_sched_getaffinity, 0, sizeof allowed, (long)allowed, 0, 0, 0);
    for (int i = 0; i < WORDS; i++)
        arch_store64_relaxed(&one[i], 0);
    /* others may run where the caller is not to: one that does not exist is refused */
    for (int i = 0; i < size * 8; i++) {
        arch_store64_relaxed(&one[i / BITS], 1ull << i % BITS);
        arch_syscall(SYS_sched_setaffinity, 0, size, (long)one, 0, 0, 0);
        arch_store64_relaxed(&one[i / BITS], 0);
    }
    if (size > 0)
        arch_syscall(SYS_sched_setaffinity, 0, size, (long)allowed, 0, 0, 0);
}

static bool all_pass(enum asymmetric_path path)
{
    int command = path == STORES ? MEMBARRIER_PRIVATE_EXPEDITED : MEMBARRIER_PRIVATE_EXPEDITED_RSEQ;
    long error = membarrier(command);
    /* a child of fork may have to say it again */
    if (error == -EPERM && registered())
        error = membarrier(command);
    return error == 0;
}

static void begin_no_more(enum asymmetric_path path)
{
    if (asymmetric_may_exist(path))
        arch_store_relaxed(&asymmetric_state[path], ASYMMETRIC_NO_MORE);
}

COLD void asymmetric_barrier(enum asymmetric_path path)
{
    uint64_t start = arch_ticks();
    if (unlikely(!all_pass(path))) {
        begin_no_more(STORES);
        begin_no_more(SEQUENCES);
        visit_processors();
    }
    arch_store64_relaxed(&price, arch_ticks() - start);
}

uint64_t asymmetric_price(void)
{
    return arch_load64_relaxed(&price);
}
