/*
 * Names of the libc beneath. In a static program a weak reference brings nothing in, and a strong
 * one is always met. In a dynamic one the libc may lack the name.
 */
#ifndef FURWOCK_HOST_LIBC_H
#define FURWOCK_HOST_LIBC_H

#ifdef FURWOCK_ARCHIVE
#define MAY_LACK
#define HAS(name) true
#else
#define MAY_LACK __attribute__((weak))
#define HAS(name) (&(name) != NULL)
#endif

#endif
