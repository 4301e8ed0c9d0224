/*
 * Programs without a race, one an object, for tools that look for races: correct NAME.
 * Shared data are plain variables, so that a tool that misses what an object orders reports them.
 */
#include "checkers.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, TIMES = 100 };

static long counter;

static void counted(long expected)
{
    if (counter != expected)
        die("a count is wrong");
    counter = 0;
}

static struct timespec in(int milliseconds)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_nsec += milliseconds * 1000000l;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

/* Mutexes of every type. */

static void *count_locked(void *mutex)
{
    for (int i = 0; i < TIMES; i++) {
        pthread_mutex_lock(mutex);
        counter++;
        pthread_mutex_unlock(mutex);
        while (pthread_mutex_trylock(mutex) != 0)
            usleep(10);
        counter++;
        pthread_mutex_unlock(mutex);
    }
    return NULL;
}

static void count_with(int type, int robust, int protocol)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setrobust(&attributes, robust);
    pthread_mutexattr_setprotocol(&attributes, protocol);
    need(pthread_mutex_init(&mutex, &attributes));
    in_threads(THREADS, count_locked, &mutex);
    need(pthread_mutex_destroy(&mutex));
    counted(2 * THREADS * TIMES);
}

static void mutex(void)
{
    static pthread_mutex_t initialised = PTHREAD_MUTEX_INITIALIZER;
    in_threads(THREADS, count_locked, &initialised);
    counted(2 * THREADS * TIMES);
    count_with(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    count_with(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    count_with(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    count_with(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    count_with(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
    count_with(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT);
}

/* A recursive mutex stays held until its last unlock. */
static void *count_twice(void *mutex)
{
    for (int i = 0; i < TIMES; i++) {
        pthread_mutex_lock(mutex);
        pthread_mutex_lock(mutex);
        counter++;
        pthread_mutex_unlock(mutex);
        counter++;
        pthread_mutex_unlock(mutex);
    }
    return NULL;
}

static void recursive(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    need(pthread_mutex_init(&mutex, &attributes));
    in_threads(THREADS, count_twice, &mutex);
    need(pthread_mutex_destroy(&mutex));
    counted(2 * THREADS * TIMES);
}

/* A condition variable: what is left in a slot under the mutex is read without it. */

static pthread_mutex_t slot_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t slot_changed = PTHREAD_COND_INITIALIZER;
static long *slot;

static void *produce(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        long *value = malloc(sizeof *value);
        *value = 1;
        pthread_mutex_lock(&slot_mutex);
        while (slot)
            pthread_cond_wait(&slot_changed, &slot_mutex);
        slot = value;
        pthread_cond_broadcast(&slot_changed);
        pthread_mutex_unlock(&slot_mutex);
    }
    return unused;
}

static void *consume(void *unused)
{
    long sum = 0;
    for (int i = 0; i < TIMES; i++) {
        pthread_mutex_lock(&slot_mutex);
        while (!slot)
            pthread_cond_wait(&slot_changed, &slot_mutex);
        long *value = slot;
        slot = NULL;
        pthread_cond_broadcast(&slot_changed);
        pthread_mutex_unlock(&slot_mutex);
        sum += *value;
        free(value);
    }
    pthread_mutex_lock(&slot_mutex);
    counter += sum;
    pthread_mutex_unlock(&slot_mutex);
    return unused;
}

static void *produce_or_consume(void *next)
{
    int *number = next;
    pthread_mutex_lock(&slot_mutex);
    int mine = (*number)++;
    pthread_mutex_unlock(&slot_mutex);
    return mine % 2 ? produce(NULL) : consume(NULL);
}

static void cond(void)
{
    int number = 0;
    in_threads(THREADS, produce_or_consume, &number);
    counted(THREADS / 2 * TIMES);
}

/* Read-write locks. */

static void *read_and_write(void *rwlock)
{
    for (int i = 0; i < TIMES; i++) {
        pthread_rwlock_rdlock(rwlock);
        long before = counter;
        pthread_rwlock_unlock(rwlock);
        pthread_rwlock_wrlock(rwlock);
        if (counter < before)
            die("an rwlock let a count go back");
        counter++;
        pthread_rwlock_unlock(rwlock);
        while (pthread_rwlock_tryrdlock(rwlock) != 0)
            usleep(10);
        before = counter;
        pthread_rwlock_unlock(rwlock);
        while (pthread_rwlock_trywrlock(rwlock) != 0)
            usleep(10);
        counter++;
        pthread_rwlock_unlock(rwlock);
    }
    return NULL;
}

static void rwlock(void)
{
    static const int kinds[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP,
                                PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP};
    for (int i = 0; i < 3; i++) {
        pthread_rwlockattr_t attributes;
        pthread_rwlock_t rwlock;
        pthread_rwlockattr_init(&attributes);
        pthread_rwlockattr_setkind_np(&attributes, kinds[i]);
        need(pthread_rwlock_init(&rwlock, &attributes));
        in_threads(THREADS, read_and_write, &rwlock);
        need(pthread_rwlock_destroy(&rwlock));
        counted(2 * THREADS * TIMES);
    }
}

/* Barriers: in each round one thread writes what the others read in the next. */

static void *rounds(void *barrier)
{
    for (int i = 0; i < TIMES; i++) {
        if (pthread_barrier_wait(barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            counter++;
        pthread_barrier_wait(barrier);
        if (counter != i + 1)
            die("a barrier let somebody through");
    }
    return NULL;
}

static void barrier(void)
{
    pthread_barrier_t *barrier = malloc(sizeof *barrier);
    need(pthread_barrier_init(barrier, NULL, THREADS));
    in_threads(THREADS, rounds, barrier);
    need(pthread_barrier_destroy(barrier));
    free(barrier);
    counted(TIMES);
}

/* Semaphores: as a lock, and as a message. */

static sem_t there, back;

static void *count_permitted(void *sem)
{
    for (int i = 0; i < TIMES; i++) {
        sem_wait(sem);
        counter++;
        sem_post(sem);
        while (sem_trywait(sem) != 0)
            usleep(10);
        counter++;
        sem_post(sem);
    }
    return NULL;
}

static void *answer(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        sem_wait(&there);
        counter++;
        sem_post(&back);
    }
    return unused;
}

static void sem(void)
{
    sem_init(&there, 0, 1);
    in_threads(THREADS, count_permitted, &there);
    sem_destroy(&there);
    counted(2 * THREADS * TIMES);

    sem_init(&there, 0, 0);
    sem_init(&back, 0, 0);
    pthread_t thread;
    need(pthread_create(&thread, NULL, answer, NULL));
    for (int i = 0; i < TIMES; i++) {
        counter++;
        sem_post(&there);
        sem_wait(&back);
    }
    pthread_join(thread, NULL);
    sem_destroy(&there);
    sem_destroy(&back);
    counted(2 * TIMES);
}

/* Spin locks. */

static void *count_spinning(void *lock)
{
    for (int i = 0; i < TIMES; i++) {
        pthread_spin_lock(lock);
        counter++;
        pthread_spin_unlock(lock);
    }
    return NULL;
}

static void spin(void)
{
    pthread_spinlock_t lock;
    need(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE));
    in_threads(2, count_spinning, (void *)&lock);
    need(pthread_spin_destroy(&lock));
    counted(2 * TIMES);
}

/* Once, and keys whose destructors see what the thread wrote. */

static pthread_once_t once_control = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void destroy_value(void *value)
{
    pthread_mutex_lock(&slot_mutex);
    counter += *(long *)value;
    pthread_mutex_unlock(&slot_mutex);
    free(value);
}

static void make_key(void)
{
    usleep(1000);
    slot = malloc(sizeof *slot);
    *slot = 1;
    need(pthread_key_create(&key, destroy_value));
}

static void *use_key(void *unused)
{
    need(pthread_once(&once_control, make_key));
    long *value = malloc(sizeof *value);
    *value = *slot;
    need(pthread_setspecific(key, value));
    if (pthread_getspecific(key) != value)
        die("a key has lost its value");
    return unused;
}

static void once(void)
{
    in_threads(THREADS, use_key, NULL);
    pthread_key_delete(key);
    free(slot);
    slot = NULL;
    counted(THREADS);
}

/* Many keys, whose values nothing else points to. */

static pthread_key_t many[100];

static void *set_many(void *unused)
{
    for (int i = 0; i < 100; i++)
        need(pthread_setspecific(many[i], malloc(100)));
    return unused;
}

static void keys(void)
{
    for (int i = 0; i < 100; i++)
        need(pthread_key_create(&many[i], free));
    in_threads(THREADS, set_many, NULL);
    set_many(NULL);
}

/* Waits with deadlines, some of which pass. */

static void *count_in_time(void *unused)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    for (int i = 0; i < 10; i++) {
        struct timespec late = in(60000), soon = in(2);
        need(pthread_mutex_timedlock(&mutex, &late));
        counter++;
        while (pthread_cond_timedwait(&never, &mutex, &soon) != ETIMEDOUT)
            ;
        counter++;
        pthread_mutex_unlock(&mutex);

        need(pthread_rwlock_timedwrlock(&rwlock, &late));
        slot = NULL;
        pthread_rwlock_unlock(&rwlock);
        need(pthread_rwlock_timedrdlock(&rwlock, &late));
        if (slot)
            die("a slot is not empty");
        pthread_rwlock_unlock(&rwlock);

        soon = in(2);
        if (sem_timedwait(&there, &soon) != -1)
            die("a semaphore had a permit");
        sem_post(&back);
        if (sem_timedwait(&back, &late) != 0)
            die("a semaphore had no permit");
    }
    return unused;
}

static void timed(void)
{
    sem_init(&there, 0, 0);
    sem_init(&back, 0, 0);
    in_threads(THREADS, count_in_time, NULL);
    counted(2 * THREADS * 10);
}

/* The same on another clock. */

static void *count_by_clock(void *unused)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    for (int i = 0; i < 10; i++) {
        struct timespec late = in(60000), past = {0};
        need(pthread_mutex_clocklock(&mutex, CLOCK_REALTIME, &late));
        counter++;
        while (pthread_cond_clockwait(&never, &mutex, CLOCK_MONOTONIC, &past) != ETIMEDOUT)
            ;
        counter++;
        pthread_mutex_unlock(&mutex);
        need(pthread_rwlock_clockwrlock(&rwlock, CLOCK_REALTIME, &late));
        slot = NULL;
        pthread_rwlock_unlock(&rwlock);
        need(pthread_rwlock_clockrdlock(&rwlock, CLOCK_REALTIME, &late));
        if (slot)
            die("a slot is not empty");
        pthread_rwlock_unlock(&rwlock);
        if (sem_clockwait(&there, CLOCK_MONOTONIC, &past) != -1)
            die("a semaphore had a permit");
    }
    return unused;
}

static void clocks(void)
{
    sem_init(&there, 0, 0);
    in_threads(THREADS, count_by_clock, NULL);
    counted(2 * THREADS * 10);
}

/* Threads that are cancelled where they wait. */

static void unlock(void *mutex)
{
    counter++;
    pthread_mutex_unlock(mutex);
}

static void *wait_for_ever(void *unused)
{
    pthread_mutex_lock(&slot_mutex);
    pthread_cleanup_push(unlock, &slot_mutex);
    for (;;)
        pthread_cond_wait(&slot_changed, &slot_mutex);
    pthread_cleanup_pop(0);
    return unused;
}

static void *wait_for_permit(void *unused)
{
    for (;;)
        sem_wait(&there);
    return unused;
}

static void cancel(void)
{
    sem_init(&there, 0, 0);
    for (int i = 0; i < 10; i++) {
        pthread_t waiter, other;
        need(pthread_create(&waiter, NULL, wait_for_ever, NULL));
        need(pthread_create(&other, NULL, wait_for_permit, NULL));
        usleep(i % 2 ? 1000 : 0);
        pthread_cancel(waiter);
        pthread_cancel(other);
        pthread_join(other, NULL);
        pthread_join(waiter, NULL);
    }
    if (sem_destroy(&there) != 0)
        die("a cancelled thread still waits");
    counted(10);
}

/* The child of a fork unlocks what its parent had locked, and has threads of its own. */

static void forked(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pid_t child = fork();
    pthread_mutex_unlock(&mutex);
    in_threads(THREADS, count_locked, &mutex);
    counted(2 * THREADS * TIMES);
    if (child == 0)
        exit(0);
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        die("the child failed");
}

/* Objects in memory that is freed as soon as POSIX allows, and is somebody else's then. */

struct job {
    pthread_mutex_t mutex;
    pthread_cond_t done;
    sem_t begun;
    pthread_rwlock_t rwlock;
    long result;
};

static void *do_job(void *argument)
{
    struct job *job = argument;
    pthread_rwlock_wrlock(&job->rwlock);
    pthread_rwlock_unlock(&job->rwlock);
    sem_post(&job->begun);
    pthread_mutex_lock(&job->mutex);
    job->result = 1;
    pthread_cond_signal(&job->done);
    pthread_mutex_unlock(&job->mutex);
    return NULL;
}

static void reused(void)
{
    for (int i = 0; i < TIMES; i++) {
        struct job *job = malloc(sizeof *job);
        pthread_mutex_init(&job->mutex, NULL);
        pthread_cond_init(&job->done, NULL);
        pthread_rwlock_init(&job->rwlock, NULL);
        sem_init(&job->begun, 0, 0);
        job->result = 0;
        pthread_t thread;
        need(pthread_create(&thread, NULL, do_job, job));
        sem_wait(&job->begun);
        pthread_mutex_lock(&job->mutex);
        while (!job->result)
            pthread_cond_wait(&job->done, &job->mutex);
        pthread_mutex_unlock(&job->mutex);
        pthread_join(thread, NULL);
        pthread_rwlock_destroy(&job->rwlock);
        pthread_cond_destroy(&job->done);
        pthread_mutex_destroy(&job->mutex);
        sem_destroy(&job->begun);
        counter += job->result;
        memset(job, 0xa5, sizeof *job);
        free(job);
    }
    counted(TIMES);
}

/* The order in which two locks are taken may change when they are made anew. */

static void *in_order(void *mutexes)
{
    pthread_mutex_t **mutex = mutexes;
    pthread_mutex_lock(mutex[0]);
    pthread_mutex_lock(mutex[1]);
    counter++;
    pthread_mutex_unlock(mutex[1]);
    pthread_mutex_unlock(mutex[0]);
    return NULL;
}

static void order(void)
{
    static pthread_mutex_t a, b;
    pthread_mutex_t *orders[] = {&a, &b, &a};
    for (int i = 0; i < 2; i++) {
        pthread_mutex_init(&a, NULL);
        pthread_mutex_init(&b, NULL);
        in_threads(THREADS, in_order, &orders[i]);
        pthread_mutex_destroy(&a);
        pthread_mutex_destroy(&b);
    }
    counted(2 * THREADS);
}

/* One object after the other in the same memory, the next made by whoever ended the last. */
static void successive(void)
{
    static union {
        pthread_mutex_t mutex;
        pthread_rwlock_t rwlock;
        sem_t sem;
        pthread_barrier_t barrier;
    } object;
    for (int i = 0; i < 2; i++) {
        need(pthread_mutex_init(&object.mutex, NULL));
        in_threads(THREADS, count_locked, &object.mutex);
        need(pthread_mutex_destroy(&object.mutex));
        sem_init(&object.sem, 0, 1);
        in_threads(THREADS, count_permitted, &object.sem);
        sem_destroy(&object.sem);
        need(pthread_rwlock_init(&object.rwlock, NULL));
        in_threads(THREADS, read_and_write, &object.rwlock);
        need(pthread_rwlock_destroy(&object.rwlock));
        counted(6 * THREADS * TIMES);
        need(pthread_barrier_init(&object.barrier, NULL, THREADS));
        in_threads(THREADS, rounds, &object.barrier);
        need(pthread_barrier_destroy(&object.barrier));
        counted(TIMES);
    }
}

/* C11's names. */

static mtx_t c11_mutex;
static cnd_t c11_changed;

static void *count_c11(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        mtx_lock(&c11_mutex);
        counter++;
        cnd_signal(&c11_changed);
        mtx_unlock(&c11_mutex);
    }
    mtx_lock(&c11_mutex);
    while (counter < THREADS * TIMES)
        cnd_wait(&c11_changed, &c11_mutex);
    cnd_broadcast(&c11_changed);
    mtx_unlock(&c11_mutex);
    return unused;
}

static void c11(void)
{
    mtx_init(&c11_mutex, mtx_plain);
    cnd_init(&c11_changed);
    in_threads(THREADS, count_c11, NULL);
    cnd_destroy(&c11_changed);
    mtx_destroy(&c11_mutex);
    counted(THREADS * TIMES);
}

const struct program programs[] = {
    {"mutex", mutex},     {"recursive", recursive},
    {"cond", cond},       {"rwlock", rwlock},
    {"barrier", barrier}, {"sem", sem},
    {"spin", spin},       {"once", once},
    {"keys", keys},       {"timed", timed},
    {"clocks", clocks},   {"cancel", cancel},
    {"fork", forked},     {"reused", reused},
    {"order", order},     {"successive", successive},
    {"c11", c11},         {NULL, NULL},
};
