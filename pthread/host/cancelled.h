/* The way from libc's cancellation into Furwock: see host_cancelled in libc.c. */
#ifndef FURWOCK_HOST_CANCELLED_H
#define FURWOCK_HOST_CANCELLED_H

/* Aligns the stack and calls host_cancelled. */
void arch_cancelled(void *argument);
void host_cancelled(void *argument);

#endif
