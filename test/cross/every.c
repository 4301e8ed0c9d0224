/*
 * Every object, by four threads at once: does the library build, load and work on this machine? It
 * prints a line and exits with 0, or says what is wrong. (What each does is the unit tests' affair.)
 * Arguments: without-inheriting mutexes, since an emulator's kernel may have another byte order; and
 * without-named semaphores.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 2000 };

/* In a program that libc alone serves there is no such function. */
extern const char *furwock_version(void) __attribute__((weak));

#define CHECK(condition)                                                                           \
    do                                                                                             \
        if (!(condition))                                                                          \
            wrong(#condition, __LINE__);                                                           \
    while (0)

static void wrong(const char *what, int line)
{
    fprintf(stderr, "every.c:%d: not so: %s\n", line, what);
    _exit(1);
}

static struct timespec in(clockid_t clock, long milliseconds)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_nsec += milliseconds % 1000 * 1000000;
    time.tv_sec += milliseconds / 1000 + time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static void with_all(void *(*work)(void *))
{
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

/* What is counted by plain additions is right if the sections exclude each other. */
static long count, other_count;

static pthread_mutex_t mutexes[] = {PTHREAD_MUTEX_INITIALIZER,
                                    PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
                                    PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                                    PTHREAD_MUTEX_INITIALIZER,
                                    PTHREAD_MUTEX_INITIALIZER,
                                    PTHREAD_MUTEX_INITIALIZER};
enum { NORMAL, RECURSIVE, ERRORCHECK, INHERITING, SHARED, ROBUST, KINDS };
static bool has[KINDS] = {true, true, true};

static void make_mutexes(bool inherits)
{
    pthread_mutexattr_t attr;
    for (int kind = INHERITING; kind < KINDS; kind++) {
        pthread_mutexattr_init(&attr);
        if (kind == INHERITING)
            pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
        if (kind == SHARED)
            pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
        if (kind == ROBUST)
            pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
        int error = pthread_mutex_init(&mutexes[kind], &attr);
        has[kind] = error == 0 && (kind != INHERITING || inherits);
        CHECK(error == 0 || (error == ENOTSUP && kind != SHARED));
        pthread_mutexattr_destroy(&attr);
    }
}

static void *lock_all(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++)
        for (int kind = 0; kind < KINDS; kind++) {
            if (!has[kind])
                continue;
            CHECK(pthread_mutex_lock(&mutexes[kind]) == 0);
            if (kind == RECURSIVE)
                CHECK(pthread_mutex_lock(&mutexes[kind]) == 0 &&
                      pthread_mutex_unlock(&mutexes[kind]) == 0);
            if (kind == ERRORCHECK)
                CHECK(pthread_mutex_lock(&mutexes[kind]) == EDEADLK);
            if (kind == NORMAL)
                count++;
            CHECK(pthread_mutex_unlock(&mutexes[kind]) == 0);
        }
    CHECK(pthread_mutex_unlock(&mutexes[ERRORCHECK]) == EPERM);
    return NULL;
}

/* A queue with room for one item. */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int items;

static void *pass_items(void *number)
{
    bool puts = (long)number % 2;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutexes[NORMAL]);
        while (items == puts)
            CHECK(pthread_cond_wait(&changed, &mutexes[NORMAL]) == 0);
        items += puts ? 1 : -1;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutexes[NORMAL]);
    }
    return NULL;
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t writers_first = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

static void *read_and_write(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_rwlock_t *lock = i % 2 ? &rwlock : &writers_first;
        bool writes = i % 16 < 2;
        CHECK((writes ? pthread_rwlock_wrlock : pthread_rwlock_rdlock)(lock) == 0);
        if (writes && lock == &rwlock)
            count++, other_count++;
        if (lock == &rwlock)
            CHECK(count == other_count);
        CHECK(pthread_rwlock_unlock(lock) == 0);
    }
    return NULL;
}

static sem_t permits, done;
static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT;
static int onces, flags, destroyed, last;
static pthread_key_t keys[40];
static mtx_t mtx;
static cnd_t cnd;

static void count_once(void)
{
    onces++;
}

static void count_flag(void)
{
    flags++;
}

static void count_destroyed(void *value)
{
    (void)value;
    __atomic_fetch_add(&destroyed, 1, __ATOMIC_RELAXED);
}

static void *use_the_rest(void *number)
{
    for (int i = 0; i < 40; i++)
        CHECK(pthread_setspecific(keys[i], (char *)number + i + 1) == 0);
    for (int i = 0; i < ROUNDS / 10; i++) {
        CHECK(sem_wait(&permits) == 0);
        CHECK(pthread_spin_lock(&spin) == 0);
        count++;
        CHECK(pthread_spin_unlock(&spin) == 0);
        CHECK(sem_post(&permits) == 0);
        CHECK(mtx_lock(&mtx) == thrd_success);
        other_count++;
        CHECK(mtx_unlock(&mtx) == thrd_success);
        int serial = pthread_barrier_wait(&barrier);
        CHECK(serial == 0 || serial == PTHREAD_BARRIER_SERIAL_THREAD);
        __atomic_fetch_add(&last, serial != 0, __ATOMIC_RELAXED);
        CHECK(pthread_once(&once, count_once) == 0);
        call_once(&flag, count_flag);
        CHECK(onces == 1 && flags == 1);
    }
    for (int i = 0; i < 40; i++)
        CHECK(pthread_getspecific(keys[i]) == (char *)number + i + 1);
    return NULL;
}

/* What libc's sem_open makes. */
static void use_named(void)
{
    char name[32];
    int value;
    snprintf(name, sizeof name, "/furwock-every-%d", (int)getpid());
    sem_t *named = sem_open(name, O_CREAT | O_EXCL, 0600, 2);
    CHECK(named != SEM_FAILED && sem_unlink(name) == 0);
    CHECK(sem_trywait(named) == 0);
    CHECK(sem_getvalue(named, &value) == 0 && value == 1);
    CHECK(sem_trywait(named) == 0 && sem_trywait(named) == -1 && errno == EAGAIN);
    CHECK(sem_post(named) == 0 && sem_getvalue(named, &value) == 0 && value == 1);
    CHECK(sem_close(named) == 0);
}

static bool is_without(char **argv, const char *what)
{
    while (*++argv)
        if (strcmp(*argv, what) == 0)
            return true;
    return false;
}

static void wait_in_vain(void)
{
    struct timespec soon = in(CLOCK_REALTIME, 20), steady = in(CLOCK_MONOTONIC, 20);
    CHECK(sem_timedwait(&done, &soon) == -1 && errno == ETIMEDOUT);
    CHECK(pthread_mutex_lock(&mutexes[NORMAL]) == 0);
    CHECK(pthread_cond_timedwait(&changed, &mutexes[NORMAL], &soon) == ETIMEDOUT);
    CHECK(pthread_mutex_timedlock(&mutexes[NORMAL], &soon) == ETIMEDOUT);
    CHECK(pthread_mutex_unlock(&mutexes[NORMAL]) == 0);
    CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
    int error = pthread_rwlock_timedrdlock(&rwlock, &soon);
    CHECK(error == ETIMEDOUT || error == EDEADLK);
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    CHECK(mtx_lock(&mtx) == thrd_success);
    CHECK(cnd_timedwait(&cnd, &mtx, &soon) == thrd_timedout);
    CHECK(mtx_unlock(&mtx) == thrd_success);
    (void)steady;
}

static void unlock_normal(void *unused)
{
    (void)unused;
    CHECK(pthread_mutex_unlock(&mutexes[NORMAL]) == 0);
}

static void *wait_for_ever(void *for_semaphore)
{
    if (for_semaphore)
        for (;;)
            sem_wait(&done);
    pthread_mutex_lock(&mutexes[NORMAL]);
    pthread_cleanup_push(unlock_normal, NULL);
    for (;;)
        pthread_cond_wait(&changed, &mutexes[NORMAL]);
    pthread_cleanup_pop(1);
    return NULL;
}

static void cancel_both(void)
{
    for (long i = 0; i < 20; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, wait_for_ever, (void *)(i % 2)) == 0);
        if (i % 4 < 2)
            usleep(1000);
        CHECK(pthread_cancel(thread) == 0);
        CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    }
    CHECK(pthread_mutex_trylock(&mutexes[NORMAL]) == 0);
    CHECK(pthread_mutex_unlock(&mutexes[NORMAL]) == 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    CHECK(furwock_version != NULL);
    make_mutexes(!is_without(argv, "without-inheriting"));
    if (!is_without(argv, "without-named"))
        use_named();
    with_all(lock_all);
    CHECK(count == THREADS * ROUNDS);
    with_all(pass_items);
    CHECK(items == 0);
    count = 0;
    with_all(read_and_write);
    CHECK(count == THREADS * ROUNDS / 16);
    count = other_count = 0;
    CHECK(sem_init(&permits, 0, 2) == 0 && sem_init(&done, 0, 0) == 0);
    CHECK(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    CHECK(mtx_init(&mtx, mtx_timed) == thrd_success && cnd_init(&cnd) == thrd_success);
    for (int i = 0; i < 40; i++)
        CHECK(pthread_key_create(&keys[i], count_destroyed) == 0);
    with_all(use_the_rest);
    CHECK(count == THREADS * ROUNDS / 10 && other_count == count);
    CHECK(last == ROUNDS / 10 && destroyed == THREADS * 40);
    wait_in_vain();
    cancel_both();
    printf("every object works%s%s\n", has[INHERITING] ? "" : ", no inheriting mutex",
           has[ROBUST] ? "" : ", no robust mutex");
    return 0;
}
