/* The plain algorithms: simple.h says whose. */
#include "simple.h"

#include <arch_atomic.h>
#include <arch_syscall.h>
#include <limits.h>
#include <sys/syscall.h>

enum { FUTEX_WAIT = 128, FUTEX_WAKE = 129 };

static void sleep_while(const uint32_t *word, uint32_t value)
{
    arch_syscall(SYS_futex, (long)word, FUTEX_WAIT, value, 0, 0, 0);
}

static void wake(const uint32_t *word, int count)
{
    arch_syscall(SYS_futex, (long)word, FUTEX_WAKE, count, 0, 0, 0);
}

/* Mutexes. */

enum { FREE, HELD, CONTENDED };

static void lock_contended(struct simple_mutex *mutex)
{
    while (arch_exchange(&mutex->word, CONTENDED) != FREE)
        sleep_while(&mutex->word, CONTENDED);
}

void simple_mutex_lock(struct simple_mutex *mutex)
{
    model_assert(arch_load_relaxed(&mutex->kind) == 0);
    if (!arch_cas(&mutex->word, FREE, HELD))
        lock_contended(mutex);
}

void simple_mutex_unlock(struct simple_mutex *mutex)
{
    model_assert(arch_load_relaxed(&mutex->kind) == 0);
    if (arch_exchange(&mutex->word, FREE) == CONTENDED)
        wake(&mutex->word, 1);
}

/* Condition variables. */

void simple_cond_wait(struct simple_cond *cond, struct simple_mutex *mutex)
{
    arch_fetch_add(&cond->waiters, 1);
    uint32_t sequence = arch_load_relaxed(&cond->sequence);
    simple_mutex_unlock(mutex);
    sleep_while(&cond->sequence, sequence);
    lock_contended(mutex);
    arch_fetch_add(&cond->waiters, -1u);
}

void simple_cond_signal(struct simple_cond *cond)
{
    if (arch_load_relaxed(&cond->waiters) == 0)
        return;
    arch_fetch_add(&cond->sequence, 1);
    wake(&cond->sequence, 1);
}

/* Read-write locks. */

enum { WRITER = 1, WANTED = 2, READER = 4 };

void simple_read_lock(struct simple_rwlock *rwlock)
{
    model_assert(arch_load_relaxed(&rwlock->kind) == 0);
    uint32_t state = arch_fetch_add(&rwlock->state, READER);
    while (state & WRITER) {
        uint32_t phase = arch_load_relaxed(&rwlock->phase);
        state = arch_load_acquire(&rwlock->state);
        if (state & WRITER)
            sleep_while(&rwlock->phase, phase);
    }
}

/* Nobody has it, and writers sleep. */
static void wake_writer(struct simple_rwlock *rwlock)
{
    if (!arch_cas(&rwlock->state, WANTED, 0))
        return;
    arch_fetch_add(&rwlock->turn, 1);
    wake(&rwlock->turn, 1);
}

void simple_read_unlock(struct simple_rwlock *rwlock)
{
    model_assert(arch_load_relaxed(&rwlock->kind) == 0);
    if (arch_fetch_add(&rwlock->state, -(uint32_t)READER) - READER == WANTED)
        wake_writer(rwlock);
}

void simple_write_lock(struct simple_rwlock *rwlock)
{
    model_assert(arch_load_relaxed(&rwlock->kind) == 0);
    uint32_t state = arch_load_relaxed(&rwlock->state), others = 0;
    for (;;) {
        if ((state & ~(uint32_t)WANTED) == 0) {
            if (arch_cas_fetch(&rwlock->state, &state, WRITER | (state & WANTED) | others))
                return;
            continue;
        }
        if (!(state & WANTED) && !arch_cas_fetch(&rwlock->state, &state, state | WANTED))
            continue;
        uint32_t turn = arch_load_relaxed(&rwlock->turn);
        state = arch_load_relaxed(&rwlock->state);
        if ((state & ~(uint32_t)WANTED) != 0 && (state & WANTED)) {
            sleep_while(&rwlock->turn, turn);
            others = WANTED;
            state = arch_load_relaxed(&rwlock->state);
        }
    }
}

void simple_write_unlock(struct simple_rwlock *rwlock)
{
    model_assert(arch_load_relaxed(&rwlock->kind) == 0);
    uint32_t state = arch_fetch_add(&rwlock->state, -(uint32_t)WRITER) - WRITER;
    if (state >= READER) {
        arch_fetch_add(&rwlock->phase, 1);
        wake(&rwlock->phase, INT_MAX);
    } else if (state & WANTED) {
        wake_writer(rwlock);
    }
}

/* Semaphores. */

#define WAITER (1ul << 32)
#define VALUE (WAITER - 1)

void simple_post(struct simple_semaphore *semaphore)
{
    if (arch_fetch_add64(&semaphore->word, 1) >= WAITER)
        wake((const uint32_t *)&semaphore->word, 1);
}

void simple_wait(struct simple_semaphore *semaphore)
{
    uint64_t word = arch_load64_relaxed(&semaphore->word);
    while (word & VALUE)
        if (arch_cas64_fetch(&semaphore->word, &word, word - 1))
            return;
    word = arch_fetch_add64(&semaphore->word, WAITER) + WAITER;
    for (;;) {
        if (!(word & VALUE)) {
            sleep_while((const uint32_t *)&semaphore->word, 0);
            word = arch_load64_relaxed(&semaphore->word);
        } else if (arch_cas64_fetch(&semaphore->word, &word, word - WAITER - 1)) {
            return;
        }
    }
}

/* Barriers. */

void simple_barrier_wait(struct simple_barrier *barrier)
{
    uint32_t round = arch_load_relaxed(&barrier->round);
    if (arch_fetch_add(&barrier->arrived, 1) + 1 == barrier->count) {
        arch_store_relaxed(&barrier->arrived, 0);
        arch_fetch_add(&barrier->round, 1);
        wake(&barrier->round, INT_MAX);
        return;
    }
    while (arch_load_acquire(&barrier->round) == round)
        sleep_while(&barrier->round, round);
}

/* Spin locks. */

void simple_spin_lock(uint32_t *word)
{
    while (arch_exchange(word, 1) != 0)
        while (arch_load_relaxed(word) != 0)
            arch_pause();
}

void simple_spin_unlock(uint32_t *word)
{
    arch_store_release(word, 0);
}

/* Once. The threads that come here find it done, but for the first. */

void simple_once(uint32_t *word, void (*routine)(void))
{
    enum { DONE = 2 };
    if (arch_load_acquire(word) == DONE)
        return;
    routine();
    arch_store_release(word, DONE);
}
