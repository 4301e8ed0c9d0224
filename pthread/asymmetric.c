/* asymmetric.h has the contract. */
#include "asymmetric.h"
#include "layout.h"

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

uint32_t asymmetric_state;
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

void asymmetric_start(void)
{
    if (registered())
        arch_store_relaxed(&asymmetric_state, ASYMMETRIC_WANTED);
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

static bool all_pass(enum asymmetric_barrier barrier)
{
    int command =
        barrier == STORES ? MEMBARRIER_PRIVATE_EXPEDITED : MEMBARRIER_PRIVATE_EXPEDITED_RSEQ;
    long error = membarrier(command);
    /* a child of fork may have to say it again */
    if (error == -EPERM && registered())
        error = membarrier(command);
    return error == 0;
}

COLD void asymmetric_barrier(enum asymmetric_barrier barrier)
{
    uint64_t start = arch_ticks();
    if (unlikely(!all_pass(barrier))) {
        arch_store_relaxed(&asymmetric_state, ASYMMETRIC_NO_MORE);
        visit_processors();
    }
    arch_store64_relaxed(&price, arch_ticks() - start);
}

uint64_t asymmetric_price(void)
{
    return arch_load64_relaxed(&price);
}
