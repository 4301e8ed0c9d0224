/* What the tests of the life of a thread share: the ways to join, threads that wait at a gate. */
#ifndef FURWOCK_TEST_THREAD_H
#define FURWOCK_TEST_THREAD_H

#include "unit.h"

/* What a thread runs that ends when it is told to, with the gate's address as its result. */
struct gate {
    atomic_int tid, open;
    sem_t sem;
};

static inline void *wait_at_gate(void *arg)
{
    struct gate *gate = arg;
    atomic_store(&gate->tid, unit_gettid());
    while (sem_wait(&gate->sem) != 0)
        ;
    return gate;
}

static inline void start_at_gate(pthread_t *thread, struct gate *gate)
{
    atomic_init(&gate->tid, 0);
    ck_assert_int_eq(sem_init(&gate->sem, 0, 0), 0);
    ck_assert_int_eq(pthread_create(thread, NULL, wait_at_gate, gate), 0);
}

static inline void open_gate(struct gate *gate)
{
    ck_assert_int_eq(sem_post(&gate->sem), 0);
}

/* Whether the kernel still has the thread. */
static inline bool exists(int tid)
{
    return syscall(SYS_tgkill, getpid(), tid, 0) == 0;
}

static inline void wait_until_gone(const atomic_int *tid)
{
    unit_wait_for(tid, 1);
    struct timespec nap = {0, 100000};
    while (exists(atomic_load(tid)))
        nanosleep(&nap, NULL);
}

static inline void *give_back(void *arg)
{
    return arg;
}

static inline int exit_status(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "child ended with status 0x%x", (unsigned)status);
    return WEXITSTATUS(status);
}

#endif
