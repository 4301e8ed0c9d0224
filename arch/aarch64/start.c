/* Has the processor the Large System Extensions? Before this has asked, none are used. */
#include <arch_atomic.h>

#ifdef ARCH_STARTS
#include <sys/auxv.h>

bool arch_lse;

__attribute__((constructor)) static void ask(void)
{
    arch_lse = getauxval(AT_HWCAP) & HWCAP_ATOMICS;
}
#endif
