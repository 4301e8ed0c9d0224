/* dlopen: dlopen.h has the contract. */
#include "dlopen.h"
#include "../options.h"

#include <dlfcn.h>

/* From glibc's interface; musl knows no such flag. */
#ifdef __mips__
enum { DEEPBIND = 0x10 };
#else
enum { DEEPBIND = 8 };
#endif

int host_dlopen_flags(int flags)
{
    return options_deepbind ? flags : flags & ~DEEPBIND;
}

/* dlopen takes the loader's lock anyway, so each call may. */
void *host_next_dlopen(void)
{
    return dlsym(RTLD_NEXT, "dlopen");
}
