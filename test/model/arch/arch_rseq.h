/* Restartable sequences as steps of the model: memory.c. arch/x86_64/arch_rseq.h says more. */
#ifndef FURWOCK_ARCH_RSEQ_H
#define FURWOCK_ARCH_RSEQ_H

#include "../model.h"

/* A macro, so that its steps know their place. */
#define arch_store_if(guard, id, word, old, new)                                                   \
    __extension__({                                                                                \
        static const struct place model_place = {__FILE__, __func__, __LINE__};                    \
        model_store_if(guard, id, word, old, new, &model_place);                                   \
    })

static inline bool arch_rseq_ready(void)
{
    return true;
}

#endif
