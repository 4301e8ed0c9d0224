/*
 * Without assembly: an object that asks for more than the stack's own alignment makes the compiler
 * align the stack anew, whatever it was, for all that is called from here. The frame address tells
 * whether it was needed.
 */
#include "../../pthread/host/cancelled.h"

#include <stdint.h>

void arch_cancelled(void *argument)
{
    _Alignas(64) volatile char anchor[64];
    anchor[0] = 0;
    host_cancelled(argument, (uintptr_t)__builtin_frame_address(0) % 16 != 0);
}
