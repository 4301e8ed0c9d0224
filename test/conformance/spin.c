/* pthread_spin_init() and its family: XSH, pthread_spin_destroy, pthread_spin_lock, … */
#include "conform.h"

ASSERTION(pthread_spin_init, 1, "leaves the lock unlocked, and returns 0")
{
    pthread_spinlock_t lock;
    ck_assert_int_eq(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE), 0);
    ck_assert_int_eq(pthread_spin_trylock(&lock), 0);
}

UNTESTED(pthread_spin_init, 2, "returns EAGAIN when the system lacks a resource for another lock",
         "a lock takes no resource beyond its memory")
