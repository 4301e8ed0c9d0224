/* What scenarios have in common. */
#ifndef FURWOCK_SCENARIOS_H
#define FURWOCK_SCENARIOS_H

#include "host.h"
#include "model.h"

#include <arch_atomic.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#ifndef PTHREAD_RWLOCK_PREFER_WRITER_NP
enum { PTHREAD_RWLOCK_PREFER_WRITER_NP = 1, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP = 2 };
int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *, int);
#endif

/* Furwock's own. */
int pthread_barrier_clockwait_np(pthread_barrier_t *, clockid_t, const struct timespec *);
int sem_init_undo_np(sem_t *, unsigned);

/* All deadlines are to come: a wait may time out at any moment, or never. */
static const struct timespec deadline __attribute__((unused)) = {.tv_sec = 2000};

#define GONE(object) model_gone(&(object), sizeof(object))
#define AGAIN(object) model_again(&(object), sizeof(object))
#define NAME(object) model_name(#object, &(object), sizeof(object))
#define ok(call) model_assert((call) == 0)
/* Under watch: `taken` is a function of the object's. */
#define WATCH(object, taken) model_watch(&(object), sizeof(object), taken)

/* True if the thread has jumped out of the call. */
#define jumps_out_of(call)                                                                         \
    __extension__({                                                                                \
        void *model_buffer[5];                                                                     \
        bool model_jumped = __builtin_setjmp(model_buffer);                                        \
        if (!model_jumped) {                                                                       \
            model_landing(model_buffer);                                                           \
            ok(call);                                                                              \
            model_landing(NULL);                                                                   \
        }                                                                                          \
        model_jumped;                                                                              \
    })

/* What the threads of some scenarios do, in the headers that several files include. */
#define ACT static __attribute__((unused))

/* A row of a table, and its threads. */
#define SCENARIO(label, start, end, ...)                                                           \
    {                                                                                              \
        .name = label, .init = start, .check = end, __VA_ARGS__                                    \
    }
#define RUN(...) .threads = {__VA_ARGS__}

/* In a critical section: alone, and with two steps in it. */
static inline void visit(uint32_t *inside)
{
    model_writes(inside);
    model_assert(arch_exchange(inside, 1) == 0);
    model_assert(arch_exchange(inside, 0) == 1);
}

#endif
