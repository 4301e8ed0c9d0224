/*
 * Without assembly, the compiler makes a jump of a call that is a function's last act: told to where it
 * knows how, else when it optimises.
 */
#include "../../pthread/host/dlopen.h"

#include <stddef.h>

#ifdef __has_attribute
#if __has_attribute(musttail)
#define JUMP __attribute__((musttail))
#endif
#endif
#ifndef JUMP
#define JUMP
#endif
#ifdef __clang__
#define OPTIMISED
#else
#define OPTIMISED __attribute__((optimize("O2")))
#endif

OPTIMISED __attribute__((visibility("default"))) void *dlopen(const char *name, int flags)
{
    void *(*next)(const char *, int) = (void *(*)(const char *, int))host_next_dlopen();
    if (!next)
        return NULL;
    JUMP return next(name, host_dlopen_flags(flags));
}
