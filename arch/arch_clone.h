/* What every arch_thread.h ends with, whose folder has a thread.S: what is in there. */
#ifndef FURWOCK_ARCH_CLONE_H
#define FURWOCK_ARCH_CLONE_H

#include <stdint.h>

/*
 * clone(2). The child calls function(argument) on its own stack, whose highest address is `stack`,
 * and ends with what that returns as its status.
 */
long arch_clone(int (*function)(void *), void *stack, unsigned long flags, void *argument,
                uint32_t *parent_tid, void *thread_pointer, uint32_t *child_tid)
    __attribute__((visibility("hidden")));

/* Call a function, which does not return, on another stack, whose highest address is `stack`. */
_Noreturn void arch_call_on(void *stack, void (*function)(void))
    __attribute__((visibility("hidden")));

#include "arch_cancel.h"

#endif
