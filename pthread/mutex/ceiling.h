/*
 * Priority ceilings (PTHREAD_PRIO_PROTECT): a thread that holds such a mutex runs at the highest
 * ceiling of those it holds. XSH 2.9.3, pthread_mutexattr_setprotocol.
 */
#ifndef FURWOCK_CEILING_H
#define FURWOCK_CEILING_H

/* Before locking: 0, EINVAL if the thread's own priority exceeds the ceiling, or EPERM. */
int ceiling_raise(unsigned ceiling);
/* After unlocking, or when locking failed. */
void ceiling_drop(unsigned ceiling);
/* The ceiling of a held mutex changes. */
int ceiling_change(unsigned from, unsigned to);

/*
 * The caller, who holds ceilings, changes its own scheduling: its base from now on. Weak, since who
 * holds none may be in a program without mutexes.
 */
int ceiling_rebase(int policy, int priority) __attribute__((weak));
/* The base policy of a thread that holds ceilings. */
int ceiling_base_policy(void) __attribute__((weak));

int ceiling_minimum(void);
int ceiling_maximum(void);

#endif
