/* Loads an object that only this one's own search path leads to. */
#include <dlfcn.h>

__attribute__((visibility("default"))) void *find(int flags)
{
    void *volatile found = dlopen("found.so", RTLD_NOW | flags);
    return found;
}
