/* Restartable sequences are a matter of assembly: arch/x86_64/arch_rseq.h. There are none here. */
#ifndef FURWOCK_ARCH_RSEQ_H
#define FURWOCK_ARCH_RSEQ_H

#include <stdbool.h>
#include <stdint.h>

static inline bool arch_rseq_ready(void)
{
    return false;
}

static inline bool arch_store_if(const uint64_t *guard, uint64_t id, uint32_t *word, uint32_t old,
                                 uint32_t new)
{
    (void)guard, (void)id, (void)word, (void)old, (void)new;
    return false;
}

#endif
