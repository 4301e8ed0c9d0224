/*
 * Words that record their owner, in the format of the kernel's robust list; the kernel marks those of
 * robust mutexes if the owner dies, and inheriting ones that it passes on.
 *
 *      31        30           29                0
 *      +---------+------------+-----------------+    0                free
 *      | WAITERS | OWNER_DIED | tid of owner    |    tid              held
 *      +---------+------------+-----------------+    OWNER_DIED       its owner died
 *
 * Owned ones (owned.c): robust mutexes, and process-shared ones that check their owner. WAITERS is
 * kept through an unlock while anybody sleeps, unlike a plain mutex's CONTENDED: a sleeper that was
 * woken may be killed before it takes the word, and the next unlock must wake another. When an
 * unlock finds nobody asleep, it clears the bit and wakes everyone who came meanwhile.
 *
 * Inheriting ones (inheriting.c), PTHREAD_PRIO_INHERIT: whoever finds the word not free leaves it to
 * the kernel, which queues the waiters, lends the owner their priority and passes the word on.
 */
#ifndef FURWOCK_MUTEX_OWNED_H
#define FURWOCK_MUTEX_OWNED_H

#include "kind.h"

/* 0, EOWNERDEAD, ETIMEDOUT, EINVAL or EBUSY. */
int owned_acquire(struct mutex *mutex, struct attempt how);
void owned_release(struct mutex *mutex);

/* The same. */
int inheriting_acquire(struct mutex *mutex, uint32_t kind, struct attempt how);
void inheriting_release(struct mutex *mutex, enum scope scope);

/* Sleep until the deadline, if there is one: what POSIX calls a deadlock. ETIMEDOUT or EINVAL. */
int wait_for_nothing(const struct deadline *deadline);

/*
 * Does the calling thread own it, or has it in the parent of a fork? A thread may be given the tid
 * of one that has died and left its tid in the word. The kernel looks after robust ones; for others
 * that check their owner, it is noted beside the word who that is (kind_me). On the robust list they
 * would break it wherever memory is unmapped in which one is held.
 */
bool owned_by_me(struct mutex *mutex, uint32_t kind);

#endif
