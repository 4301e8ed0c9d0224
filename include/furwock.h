/*
 * <furwock.h>: what Furwock has that is neither POSIX nor ISO C.
 *
 * The environment variable FURWOCK holds options for a process, separated by commas; an empty list,
 * or nothing between two commas, is allowed. It is read once, when the library starts. Each word that
 * is not the name of an option is reported on standard error, and otherwise ignored. In a secure-execution program (set-user-ID, set-group-ID, file capabilities: AT_SECURE)
 * the variable is not looked at.
 *
 * Options:
 *   asymmetric   private mutexes of one user, and read-write locks that are hardly ever written, are
 *                locked without atomic operations or fences; who else comes pays with membarrier(2).
 *                lock and unlock of such a mutex are no full fence. Off where the kernel lacks it, and
 *                where atomic operations are as cheap, which is measured when the library starts.
 *   asymmetric-always   the same, even where it does not pay: for tests.
 *   deepbind     dlopen keeps the flag RTLD_DEEPBIND, which it drops else.
 *   nospin       a thread that has to wait sleeps at once. Without it the thread looks for up to 30
 *                microseconds whether what it waits for comes, where that has paid before.
 *   recover      process-shared read-write locks and mutexes that are not robust go to the next who
 *                waits or comes when their holder has been killed; standard error is told.
 */
#ifndef FURWOCK_H
#define FURWOCK_H

/* The version of this header, for #if. The library's own is furwock_version(). */
#define FURWOCK_VERSION_MAJOR 0
#define FURWOCK_VERSION_MINOR 1
#define FURWOCK_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of the library that is running: "major.minor.patch" in decimal, in static storage,
 * never null. Thread-safe, async-signal-safe, not a cancellation point.
 *
 * No libc has this name, so a program that declares it weak, with __attribute__((weak)), learns
 * from whether it is null whether it runs on Furwock.
 */
const char *furwock_version(void);

#ifdef __cplusplus
}
#endif

#endif
