/*
 * dlopen without RTLD_DEEPBIND. An object that is loaded with that flag finds libc's functions before
 * Furwock's, and then the halves of one object are of two libraries: std::condition_variable's waits
 * are in the C++ library, and the locks in the plugin.
 *
 * libc looks for the file where its caller may look (RUNPATH, $ORIGIN), whom it tells by the return
 * address. So dlopen, in arch/, goes on into libc's by a jump.
 */
#ifndef FURWOCK_HOST_DLOPEN_H
#define FURWOCK_HOST_DLOPEN_H

/* The flags that go on to libc. */
int host_dlopen_flags(int flags) __attribute__((visibility("hidden")));
/* The next dlopen in the search order, mostly libc's; null if there is none. */
void *host_next_dlopen(void) __attribute__((visibility("hidden")));

#endif
