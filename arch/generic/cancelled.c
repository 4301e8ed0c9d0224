/*
 * Without assembly: an object that asks for more than the stack's own alignment makes the compiler
 * align the stack anew, whatever it was, for all that is called from here.
 */
#include "../../pthread/host/cancelled.h"

void arch_cancelled(void *argument)
{
    _Alignas(64) volatile char anchor[64];
    anchor[0] = 0;
    host_cancelled(argument);
    (void)anchor[0];
}
