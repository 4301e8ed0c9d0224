/*
 * What each object orders: data that one thread has written before, and another reads after, with no
 * other order between the two than what the library's atomic operations declare. A processor's own
 * order hides a missing one; ThreadSanitizer, for which the library is compiled as well, does not.
 *
 * orders PROGRAM; without arguments the names of the programs, that of `nothing` last, which
 * has a race. Threads tell each other things by operations that order nothing.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 3, ROUNDS = 3000 };

/* What is to be ordered: plain accesses. */
static long data[THREADS][ROUNDS], sum;
static int turn, ended;

/* Tells another thread something, and orders nothing. */
static void tell(int *flag, int value)
{
    __atomic_store_n(flag, value, __ATOMIC_RELAXED);
}

static int told(const int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static void await(const int *flag, int value)
{
    while (told(flag) < value)
        sched_yield();
}

static void must(int error)
{
    if (error) {
        fprintf(stderr, "%s\n", strerror(error));
        exit(2);
    }
}

/*
 * The library's system calls. The kernel passes inheriting mutexes on. And whoever slept for a word, or
 * would have, is ordered after the change of it that the kernel has seen: barriers rely on that for the
 * half of a longer word. The others look at their word again, which is to be enough.
 */
void __tsan_acquire(void *);
void __tsan_release(void *);
static bool sleep_orders;

long ordered_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    enum { WAIT = 0, LOCK_PI = 6, UNLOCK_PI = 7, WAIT_BITSET = 9, LOCK_PI2 = 13, OPERATION = 127 };
    int operation = number == SYS_futex ? b & OPERATION : -1;
    if (operation == UNLOCK_PI)
        __tsan_release((void *)a);
    long result = syscall(number, a, b, c, d, e, f);
    if (operation == LOCK_PI || operation == LOCK_PI2)
        __tsan_acquire((void *)a);
    if ((operation == WAIT || operation == WAIT_BITSET) && sleep_orders)
        __tsan_acquire((void *)(a & ~7l));
    return result;
}

/* Nobody knows who comes first. */
static void dawdle(int self, int round)
{
    for (int i = (self * 13 + round * 7) % 16 * 64; i > 0; i--)
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- once ---- */

static pthread_once_t onces[ROUNDS];
static int started[ROUNDS], finished[ROUNDS], round_of_routine;

static void routine(void)
{
    int round = told(&round_of_routine);
    tell(&started[round], 1);
    if (round % 2)
        sched_yield();
    data[0][round] = round;
}

/* Two come while the routine runs, or after it. */
static void once(int self)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (self == 0)
            tell(&round_of_routine, round);
        else if (self == 1)
            await(&started[round], 1);
        else
            await(&finished[round], 1);
        must(pthread_once(&onces[round], routine));
        if (data[0][round] != round)
            abort();
        if (self == 0) {
            tell(&finished[round], 1);
            await(&turn, 2 * round + 2);
        } else {
            __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED);
        }
    }
}

/* ---- barrier ---- */

static pthread_barrier_t barriers[ROUNDS];

static void wait_and_look(pthread_barrier_t *barrier, int self, int round)
{
    dawdle(self, round);
    data[self][round] = round;
    int error = pthread_barrier_wait(barrier);
    must(error == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : error);
    for (int i = 0; i < THREADS; i++)
        if (data[i][round] != round)
            abort();
}

static void wait_often(int self)
{
    for (int round = 0; round < ROUNDS; round++)
        wait_and_look(&barriers[0], self, round);
}

/* One destroys it at once, and uses its memory: what the others did with it was done before. */
static void wait_once(int self)
{
    for (int round = 0; round < ROUNDS; round++) {
        wait_and_look(&barriers[round], self, round);
        if (round % THREADS == self) {
            must(pthread_barrier_destroy(&barriers[round]));
            memset(&barriers[round], 0, sizeof barriers[round]);
        }
    }
}

/* ---- what excludes ---- */

static pthread_mutex_t mutex;
static pthread_spinlock_t spin;
static pthread_rwlock_t rwlock, other_rwlock;
static sem_t sem;
static pthread_cond_t cond;

static void mutex_section(int self)
{
    for (int round = 0; round < ROUNDS; round++) {
        must(round % 4 == 3 && pthread_mutex_trylock(&mutex) == 0 ? 0 : pthread_mutex_lock(&mutex));
        sum += self;
        must(pthread_mutex_unlock(&mutex));
        if (round % 8 == 0)
            sched_yield();
    }
}

static void spin_section(int self)
{
    for (int round = 0; round < ROUNDS; round++) {
        while (round % 4 == 3 && pthread_spin_trylock(&spin))
            sched_yield();
        if (round % 4 != 3)
            must(pthread_spin_lock(&spin));
        sum += self;
        must(pthread_spin_unlock(&spin));
        if (round % 8 == 0)
            sched_yield();
    }
}

static void sem_section(int self)
{
    for (int round = 0; round < ROUNDS; round++) {
        while (round % 4 == 3 && sem_trywait(&sem))
            sched_yield();
        if (round % 4 != 3)
            must(sem_wait(&sem));
        sum += self;
        must(sem_post(&sem));
        if (round % 8 == 0)
            sched_yield();
    }
}

/* Mostly reading, so that readers become visible; then one writes. */
static void rwlock_section(int self)
{
    long seen = 0;
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 100 == 33 * self) {
            must(pthread_rwlock_wrlock(&rwlock));
            sum++;
        } else {
            must(pthread_rwlock_rdlock(&rwlock));
            seen += sum;
        }
        must(pthread_rwlock_unlock(&rwlock));
        if (round % 8 == 0)
            sched_yield();
    }
    data[self][0] = seen;
}

/* The row of visible reads that a thread leaves goes to the next one, which comes when it is over. */
static void rwlock_rows(int self)
{
    await(&ended, self);
    for (int round = 0; round < 100; round++) {
        must(pthread_rwlock_rdlock(&rwlock));
        must(pthread_rwlock_rdlock(&other_rwlock));
        must(pthread_rwlock_unlock(&rwlock));
        must(pthread_rwlock_unlock(&other_rwlock));
    }
}

static void take_turns(int self)
{
    for (int round = 0; round < ROUNDS; round++) {
        must(pthread_mutex_lock(&mutex));
        while (sum % THREADS != self)
            must(pthread_cond_wait(&cond, &mutex));
        sum++;
        must(pthread_cond_broadcast(&cond));
        must(pthread_mutex_unlock(&mutex));
    }
}

static void make_mutex(int type, int shared, int robust, int protocol)
{
    pthread_mutexattr_t attributes;
    must(pthread_mutexattr_init(&attributes));
    must(pthread_mutexattr_settype(&attributes, type));
    must(pthread_mutexattr_setpshared(&attributes, shared));
    must(pthread_mutexattr_setrobust(&attributes, robust));
    must(pthread_mutexattr_setprotocol(&attributes, protocol));
    must(pthread_mutex_init(&mutex, &attributes));
}

static void make_normal(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED,
               PTHREAD_PRIO_NONE);
}

static void make_recursive(void)
{
    make_mutex(PTHREAD_MUTEX_RECURSIVE, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED,
               PTHREAD_PRIO_NONE);
}

static void make_shared(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_STALLED,
               PTHREAD_PRIO_NONE);
}

static void make_robust(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_ROBUST,
               PTHREAD_PRIO_NONE);
}

static void make_inheriting(void)
{
    make_mutex(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED,
               PTHREAD_PRIO_INHERIT);
}

static void make_rest(void)
{
    make_normal();
    for (int i = 0; i < ROUNDS; i++)
        must(pthread_barrier_init(&barriers[i], NULL, THREADS));
    must(pthread_spin_init(&spin, 0));
    must(pthread_rwlock_init(&rwlock, NULL));
    must(pthread_rwlock_init(&other_rwlock, NULL));
    must(sem_init(&sem, 0, 1));
    must(pthread_cond_init(&cond, NULL));
}

static void nothing(int self)
{
    for (int round = 0; round < ROUNDS; round++)
        sum += self;
}

static pthread_once_t first_once;

static void do_nothing(void)
{
}

static const struct {
    const char *name;
    void (*make)(void);
    void (*run)(int self);
    bool sleep_orders;
} programs[] = {
    {"once", make_rest, once, false},
    {"barrier", make_rest, wait_often, true},
    {"barrier-destroy", make_rest, wait_once, true},
    {"mutex", make_normal, mutex_section, false},
    {"mutex-recursive", make_recursive, mutex_section, false},
    {"mutex-shared", make_shared, mutex_section, false},
    {"mutex-robust", make_robust, mutex_section, false},
    {"mutex-inheriting", make_inheriting, mutex_section, false},
    {"spin", make_rest, spin_section, false},
    {"sem", make_rest, sem_section, false},
    {"rwlock", make_rest, rwlock_section, false},
    {"rwlock-rows", make_rest, rwlock_rows, false},
    {"cond", make_rest, take_turns, false},
    {"nothing", make_rest, nothing, false},
};
enum { PROGRAMS = sizeof programs / sizeof *programs };

static int chosen;

static void *thread(void *self)
{
    programs[chosen].run((int)(intptr_t)self);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        for (int i = 0; i < PROGRAMS; i++)
            printf("%s\n", programs[i].name);
        return 0;
    }
    while (chosen < PROGRAMS && strcmp(programs[chosen].name, argv[1]) != 0)
        chosen++;
    if (chosen == PROGRAMS)
        return 2;
    sleep_orders = programs[chosen].sleep_orders;
    programs[chosen].make();
    /* the library's first use; what it learns once, it learns here */
    must(pthread_once(&first_once, do_nothing));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, thread, (void *)(intptr_t)i));
    for (int i = 0; i < THREADS; i++) {
        must(pthread_join(threads[i], NULL));
        tell(&ended, i + 1);
    }
    return 0;
}
