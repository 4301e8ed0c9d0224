/*
 * shut NAME,NAME...
 *
 * Two threads, made before the process shuts itself in, use every object for the first time
 * afterwards, alone and contended. They may make the system calls named, and this program those to
 * write, to end and to sleep. A child of fork does that before its parent. Prints "ok".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shut.h"
#include "times.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define OWN "write,exit,exit_group,rt_sigreturn,rt_sigprocmask,clock_nanosleep,nanosleep"
enum { ROUNDS = 2000 };

static _Noreturn void fail(int line, const char *what, int got)
{
    printf("line %d: %s: %d\n", line, what, got);
    fflush(stdout);
    _exit(1);
}

#define RETURNS(call, expected)                                                                    \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_ != (expected))                                                                  \
            fail(__LINE__, #call, error_);                                                         \
    } while (0)

enum { NORMAL, ERRORCHECK, RECURSIVE, INHERITING, MUTEXES };
static pthread_mutex_t mutex[MUTEXES];
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static pthread_key_t key;
static sem_t sems[2];
static long counted;
static int turn;

static void make(void)
{
    static const int types[MUTEXES] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK,
                                       PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_NORMAL};
    for (int i = 0; i < MUTEXES; i++) {
        pthread_mutexattr_t attr;
        RETURNS(pthread_mutexattr_init(&attr), 0);
        RETURNS(pthread_mutexattr_settype(&attr, types[i]), 0);
        RETURNS(pthread_mutexattr_setprotocol(&attr, i == INHERITING ? PTHREAD_PRIO_INHERIT
                                                                     : PTHREAD_PRIO_NONE),
                0);
        RETURNS(pthread_mutex_init(&mutex[i], &attr), 0);
    }
    RETURNS(pthread_barrier_init(&barrier, NULL, 2), 0);
    RETURNS(pthread_spin_init(&spin, 0), 0);
    RETURNS(pthread_key_create(&key, NULL), 0);
    RETURNS(sem_init(&sems[0], 0, 0), 0);
    RETURNS(sem_init(&sems[1], 0, 0), 0);
}

static void meet(void)
{
    int result = pthread_barrier_wait(&barrier);
    if (result != 0 && result != PTHREAD_BARRIER_SERIAL_THREAD)
        fail(__LINE__, "pthread_barrier_wait", result);
}

static void contend(pthread_mutex_t *m)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct timespec time = in(CLOCK_REALTIME, 10000);
        RETURNS(i % 3 ? pthread_mutex_lock(m) : pthread_mutex_timedlock(m, &time), 0);
        counted++;
        if (i % 500 == 0)
            nap(2);
        RETURNS(pthread_mutex_unlock(m), 0);
    }
}

static void take_turns(int me)
{
    RETURNS(pthread_mutex_lock(&mutex[NORMAL]), 0);
    for (int i = 0; i < ROUNDS; i++) {
        while (turn != me)
            RETURNS(pthread_cond_wait(&cond, &mutex[NORMAL]), 0);
        turn = !me;
        RETURNS(i % 2 ? pthread_cond_signal(&cond) : pthread_cond_broadcast(&cond), 0);
    }
    RETURNS(pthread_mutex_unlock(&mutex[NORMAL]), 0);
}

static void share(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        RETURNS(pthread_rwlock_rdlock(&rwlock), 0);
        if (i % 500 == 0)
            nap(2);
        RETURNS(pthread_rwlock_unlock(&rwlock), 0);
        if (i % 10 == 0) {
            RETURNS(pthread_rwlock_wrlock(&rwlock), 0);
            RETURNS(pthread_rwlock_unlock(&rwlock), 0);
        }
        RETURNS(pthread_spin_lock(&spin), 0);
        if (i % 500 == 0)
            nap(2);
        RETURNS(pthread_spin_unlock(&spin), 0);
    }
}

static atomic_int ran;

static void routine(void)
{
    nap(2);
    atomic_fetch_add(&ran, 1);
}

static void use(int me)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static const struct timespec past;
    RETURNS(pthread_once(&once, routine), 0);
    RETURNS(atomic_load(&ran), 1);
    RETURNS(pthread_setspecific(key, &turn), 0);
    RETURNS(pthread_getspecific(key) != &turn, 0);
    for (int i = 0; i < MUTEXES; i++) {
        meet();
        contend(&mutex[i]);
    }
    meet();
    take_turns(me);
    for (int i = 0; i < ROUNDS; i++) {
        RETURNS(sem_post(&sems[!me]), 0);
        RETURNS(sem_wait(&sems[me]), 0);
    }
    RETURNS(sem_timedwait(&sems[me], &past), -1);
    share();
    meet();
}

static atomic_int waiting, go;

/* It has used nothing yet when the filter comes. */
static _Noreturn void *other(void *unused)
{
    (void)unused;
    atomic_store(&waiting, 1);
    while (!atomic_load(&go))
        nap(1);
    use(1);
    atomic_store(&waiting, 0);
    for (;;)
        nap(1000);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: shut NAME,NAME...\n");
        return 2;
    }
    char names[1024];
    snprintf(names, sizeof names, OWN ",%s", argv[1]);
    alarm(30);
    int status = 0;
    pid_t child = fork();
    if (child != 0 && (waitpid(child, &status, 0) != child || status != 0))
        fail(__LINE__, "the child", status);
    alarm(30);
    make();
    pthread_t thread;
    RETURNS(pthread_create(&thread, NULL, other, NULL), 0);
    while (!atomic_load(&waiting))
        nap(1);
    if (!shut(names))
        fail(__LINE__, "the filter", errno);
    /* the thread that a child begins with comes first, or is not known by that */
    RETURNS(pthread_mutex_lock(&mutex[ERRORCHECK]), 0);
    RETURNS(pthread_mutex_unlock(&mutex[ERRORCHECK]), 0);
    atomic_store(&go, 1);
    use(0);
    while (atomic_load(&waiting))
        nap(1);
    RETURNS(counted != MUTEXES * 2 * ROUNDS, 0);
    ssize_t written = write(1, "ok\n", 3);
    _exit(written != 3);
}
