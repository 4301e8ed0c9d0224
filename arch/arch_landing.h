/*
 * Landing after a cancel: libc may call a cleanup handler with a stack that is not aligned as the ABI
 * wants it.
 */
#ifndef FURWOCK_ARCH_LANDING_H
#define FURWOCK_ARCH_LANDING_H

struct arch_landing {
    void (*continue_with)(struct arch_landing *);
};

/* Call landing->continue_with(landing) on an aligned stack, whatever the caller's is. */
void arch_land(void *landing) __attribute__((visibility("hidden")));

#endif
