/*
 * The plain algorithms that the library is compared with: what textbooks say of locks made of futexes, and
 * libcs do much the same. Nobody spins, rests or stands aside; each object is one line.
 */
#ifndef FURWOCK_SIMPLE_H
#define FURWOCK_SIMPLE_H

#include <stdint.h>

/* 0 free, 1 held, 2 held and somebody sleeps: U. Drepper, "Futexes are tricky" */
struct simple_mutex {
    uint32_t word;
    /* which is looked at first, since a POSIX mutex has one of several types */
    uint32_t kind;
};
void simple_mutex_lock(struct simple_mutex *mutex);
void simple_mutex_unlock(struct simple_mutex *mutex);

/* Waiters sleep while the sequence is what they left. */
struct simple_cond {
    uint32_t sequence, waiters;
};
void simple_cond_wait(struct simple_cond *cond, struct simple_mutex *mutex);
void simple_cond_signal(struct simple_cond *cond);

/* Readers count themselves in the word by an addition, and enter if no writer is there. */
struct simple_rwlock {
    uint32_t state, kind;
    /* which readers, and writers, sleep on */
    uint32_t phase, turn;
};
void simple_read_lock(struct simple_rwlock *rwlock);
void simple_read_unlock(struct simple_rwlock *rwlock);
void simple_write_lock(struct simple_rwlock *rwlock);
void simple_write_unlock(struct simple_rwlock *rwlock);

/* The value, and above it how many wait. */
struct simple_semaphore {
    uint64_t word;
};
void simple_post(struct simple_semaphore *semaphore);
void simple_wait(struct simple_semaphore *semaphore);

struct simple_barrier {
    uint32_t count, arrived, round;
};
void simple_barrier_wait(struct simple_barrier *barrier);

void simple_spin_lock(uint32_t *word);
void simple_spin_unlock(uint32_t *word);

void simple_once(uint32_t *word, void (*routine)(void));

#endif
