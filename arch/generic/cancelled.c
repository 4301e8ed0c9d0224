/* Where no assembly can look at the stack pointer, the compiler's own alignment is trusted. */
#include "../../pthread/host/cancelled.h"

void arch_cancelled(void *argument)
{
    host_cancelled(argument, false);
}
