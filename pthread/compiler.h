/* What the sources say to the compiler. */
#ifndef FURWOCK_COMPILER_H
#define FURWOCK_COMPILER_H

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A function that programs call; all others are hidden. */
#define PUBLIC __attribute__((visibility("default")))
/* A slow path, kept out of the fast one's cache lines. */
#define COLD __attribute__((noinline, cold))
/* One that is not rare, and whose registers the fast path does not save. */
#define SLOW __attribute__((noinline))
/* Read all the time and hardly ever written: kept off the lines of what is, which begins as zero. */
#define HARDLY_WRITTEN __attribute__((section(".data")))
/* A fast path, whose every caller has a copy. */
#define FAST static inline __attribute__((always_inline))

/* A former or an internal name of libc's, which a shared object exports as well. */
#ifdef FURWOCK_ARCHIVE
#define ALIAS(function, name) extern __typeof__(function) name
#else
#define ALIAS(function, name)                                                                      \
    extern __typeof__(function) name __attribute__((alias(#function), visibility("default")))
#endif

#endif
