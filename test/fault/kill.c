/*
 * kill [--kills N] [--seed S]
 *
 * Processes that share robust mutexes of every type and protocol, condition variables, a semaphore, a
 * barrier, a read-write lock and a mutex that is not robust are killed, one after the other, at any
 * instruction, and replaced. Those that live go on, with what POSIX gives them:
 *
 *   - A robust mutex is never held by the dead: the next to lock it gets EOWNERDEAD. What it protects
 *     is written under a journal of two steps, from which the heir takes back what was half done, so
 *     that a mutex given to two at once, or to an heir who was not told, shows in the balance.
 *   - A semaphore's permit dies with the process that holds it. Who dies within sem_wait or sem_post
 *     may have taken one or not; nothing else changes their number. Whoever dies between being woken
 *     and taking its permit does not keep others asleep longer than until the next sem_post.
 *   - A semaphore of sem_init_undo_np has all its permits at the end, whoever has died with some.
 *   - With FURWOCK=recover a mutex that is not robust is waited for without a timeout. Whoever gets it
 *     finds nobody there but who was killed.
 *   - Each token in a queue is announced by one signal. A signal dies with the waiter that it has
 *     unblocked, which is what POSIX says of it; a token without one, if its maker dies in between,
 *     is announced by the heir of the mutex. So when the killing stops, one broadcast makes good for
 *     the dead, and from then on no signal may be lost among the living.
 *   - A barrier counts as present who was killed while waiting there.
 *   - A read-write lock goes on, whoever is killed holding it or waiting: it is waited for without
 *     timeouts. It is robust where Furwock is; a heir is told, who puts right what was half written.
 *
 * What hangs by POSIX's design is not done in a way that hangs:
 *
 *   - A mutex that is not robust stays locked when its owner dies, and libc's read-write lock when a
 *     writer or reader dies. They are waited for with timeouts only, and made anew when all is quiet.
 *   - A barrier waits for those who died before they came. The parent sends others in their place. One
 *     wait in four has a deadline, and whoever gives up is not counted.
 *   - Destroying an object that the dead were in is not done: it may be forgotten.
 *
 * The killing goes in stretches. At the end of each everybody comes to rest, within 20 seconds, or
 * that is a failure and what each thread is in is printed. Ends with "N passed, N failed".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 8, THREADS = 3, STRETCH = 50, PLACES = 1, PERMITS = 4, STALL_SECONDS = 20 };
enum { TYPES = 4, UNDO_PERMITS = 3, PIDS = 1 << 22 };
enum { ACCOUNTS = 8, PURSES = 4, PURSE = 1000 };

/* Furwock's alone; the program may run on libc. */
#pragma weak pthread_rwlockattr_setrobust_np
#pragma weak pthread_rwlock_consistent_np
#ifdef __GLIBC__
int pthread_rwlockattr_setrobust_np(pthread_rwlockattr_t *, int);
int pthread_rwlock_consistent_np(pthread_rwlock_t *);
#endif
extern int sem_init_undo_np(sem_t *, unsigned) __attribute__((weak));
extern int pthread_barrier_clockwait_np(pthread_barrier_t *, clockid_t, const struct timespec *)
    __attribute__((weak));

enum part { ROBUST, COND, SEM, UNDO, RECOVER, LOCKS, BARRIER, PARTS };
static const char *const part_names[PARTS] = {
    "robust mutexes",     "condition variables",         "semaphores", "semaphores of the dead",
    "recovering mutexes", "read-write locks and others", "barriers"};

/* What a thread that is killed has, as far as it can say so itself. */
enum holding { NONE, TAKING, HOLDS, RETURNING };
enum attendance { AWAY, COMING, LEFT, ABSENT };

struct thread {
    alignas(128) atomic_uint rested;
    atomic_int holding, attendance;
    atomic_ulong steps;
    const char *volatile doing;
    uint64_t random;
    pid_t pid;
};

struct account {
    alignas(128) pthread_mutex_t mutex;
    int type;
    struct thread *volatile holder;
    struct {
        atomic_bool valid;
        unsigned from, to;
        long from_had, to_had;
    } journal;
    volatile long purse[PURSES];
};

struct queue {
    alignas(128) pthread_mutex_t mutex;
    pthread_cond_t filled, emptied;
    struct thread *volatile holder;
    volatile unsigned long token[PLACES];
    atomic_ulong put, taken;
};

/* Two locks with a pair of equal numbers each. */
struct locks {
    alignas(128) pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    volatile unsigned long first[2], second[2];
};

static struct shared {
    atomic_uint stretch;
    /* after the killing: tokens pass, and nothing else, without timeouts; then all comes to rest */
    atomic_bool calm, over;
    atomic_bool failed[PARTS];
    atomic_ulong heirs, rwlock_heirs;
    struct thread thread[PROCESSES][THREADS], parent;
    struct account account[ACCOUNTS];
    struct queue queue;
    sem_t sem, undo;
    struct recovering {
        alignas(128) pthread_mutex_t mutex;
        pid_t volatile holder;
    } recovering[TYPES];
    struct locks locks;
    pthread_barrier_t barrier;
    atomic_uint helpers;
    /* of the parent of all these, which must not hang either */
    atomic_ulong beats;
    /* by process id: is, or was, to be killed */
    atomic_bool killed[PIDS];
} * shared;

static _Thread_local struct thread *self;

static _Noreturn __attribute__((format(printf, 2, 3))) void fail(enum part part, const char *format,
                                                                 ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(text, sizeof text, "%s: ", part_names[part]);
    length += vsnprintf(text + length, sizeof text - length, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof text - 1)
        length = sizeof text - 1;
    text[length++] = '\n';
    if (!atomic_exchange(&shared->failed[part], true) && write(STDOUT_FILENO, text, length) < 0)
        _exit(2);
    _exit(1);
}

#define CHECK(part, condition)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(part, "line %d: not so: %s", __LINE__, #condition);                               \
    } while (0)

#define RETURNS(part, call, expected)                                                              \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_ != (expected))                                                                  \
            fail(part, "line %d: %s: %d, not %d", __LINE__, #call, error_, (expected));            \
    } while (0)

static unsigned pick(unsigned n)
{
    uint64_t x = self->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    self->random = x;
    return (unsigned)(x * 0x2545f4914f6cdd1d >> 33) % n;
}

static void nap(long us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

/* A time a few milliseconds from now at most. */
static struct timespec soon(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_nsec += pick(3000) * 1000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    return time;
}

/* Robust mutexes. */

static void make_mutex(pthread_mutex_t *mutex, int type, int robust, int protocol)
{
    pthread_mutexattr_t attr;
    RETURNS(ROBUST, pthread_mutexattr_init(&attr), 0);
    RETURNS(ROBUST, pthread_mutexattr_settype(&attr, type), 0);
    RETURNS(ROBUST, pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    RETURNS(ROBUST, pthread_mutexattr_setrobust(&attr, robust), 0);
    RETURNS(ROBUST, pthread_mutexattr_setprotocol(&attr, protocol), 0);
    RETURNS(ROBUST, pthread_mutex_init(mutex, &attr), 0);
    RETURNS(ROBUST, pthread_mutexattr_destroy(&attr), 0);
}

/* Whoever is not told of a death must find nothing of it; the heir takes back what was begun. */
static void recover(struct account *account, int error)
{
    if (error == 0) {
        CHECK(ROBUST, account->holder == NULL && !account->journal.valid);
        return;
    }
    atomic_fetch_add(&shared->heirs, 1);
    if (account->journal.valid) {
        account->purse[account->journal.from] = account->journal.from_had;
        account->purse[account->journal.to] = account->journal.to_had;
        atomic_store(&account->journal.valid, false);
    }
    account->holder = NULL;
    RETURNS(ROBUST, pthread_mutex_consistent(&account->mutex), 0);
}

static void transfer(struct account *account)
{
    unsigned from = pick(PURSES), to = (from + 1 + pick(PURSES - 1)) % PURSES;
    long amount = pick(100);
    account->holder = self;
    account->journal.from = from;
    account->journal.to = to;
    account->journal.from_had = account->purse[from];
    account->journal.to_had = account->purse[to];
    atomic_store(&account->journal.valid, true);
    account->purse[from] -= amount;
    if (pick(64) == 0)
        sched_yield();
    account->purse[to] += amount;
    atomic_store(&account->journal.valid, false);
    CHECK(ROBUST, account->holder == self);
}

static void audit(const struct account *account)
{
    long sum = 0;
    for (unsigned i = 0; i < PURSES; i++)
        sum += account->purse[i];
    if (sum != PURSES * PURSE)
        fail(ROBUST, "type %d: the balance is %ld, not %d", account->type, sum, PURSES * PURSE);
}

static int lock_robust(pthread_mutex_t *mutex)
{
    struct timespec time;
    switch (pick(5)) {
    default:
        self->doing = "pthread_mutex_lock, robust";
        return pthread_mutex_lock(mutex);
    case 2:
        self->doing = "pthread_mutex_trylock, robust";
        return pthread_mutex_trylock(mutex);
    case 3:
        self->doing = "pthread_mutex_timedlock, robust";
        time = soon(CLOCK_REALTIME);
        return pthread_mutex_timedlock(mutex, &time);
    case 4:
        self->doing = "pthread_mutex_clocklock, robust";
        time = soon(CLOCK_MONOTONIC);
        return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &time);
    }
}

static void play_account(void)
{
    struct account *account = &shared->account[pick(ACCOUNTS)];
    int error = lock_robust(&account->mutex);
    if (error == EBUSY || error == ETIMEDOUT)
        return;
    if (error != 0 && error != EOWNERDEAD)
        fail(ROBUST, "%s: %d", self->doing, error);
    recover(account, error);
    transfer(account);
    audit(account);
    if (account->type == PTHREAD_MUTEX_RECURSIVE) {
        RETURNS(ROBUST, pthread_mutex_lock(&account->mutex), 0);
        RETURNS(ROBUST, pthread_mutex_unlock(&account->mutex), 0);
    }
    account->holder = NULL;
    self->doing = "pthread_mutex_unlock, robust";
    RETURNS(ROBUST, pthread_mutex_unlock(&account->mutex), 0);
}

/* Condition variables. */

/* The queue is whole at any time; what the dead cannot do any more is to announce tokens. */
static void enter_queue(struct queue *queue, int error)
{
    if (error == EOWNERDEAD) {
        queue->holder = NULL;
        RETURNS(COND, pthread_mutex_consistent(&queue->mutex), 0);
        RETURNS(COND, pthread_cond_broadcast(&queue->filled), 0);
        RETURNS(COND, pthread_cond_broadcast(&queue->emptied), 0);
    } else if (error != 0 && error != ETIMEDOUT) {
        fail(COND, "%s: %d", self->doing, error);
    }
    CHECK(COND, queue->holder == NULL);
    queue->holder = self;
}

static void wait_queue(struct queue *queue, pthread_cond_t *cond, const char *name)
{
    queue->holder = NULL;
    self->doing = name;
    int error;
    if (shared->calm || pick(4)) {
        error = pthread_cond_wait(cond, &queue->mutex);
    } else {
        struct timespec time = soon(CLOCK_MONOTONIC);
        error = pthread_cond_clockwait(cond, &queue->mutex, CLOCK_MONOTONIC, &time);
    }
    enter_queue(queue, error);
}

static void leave_queue(struct queue *queue)
{
    CHECK(COND, queue->holder == self);
    queue->holder = NULL;
    self->doing = "pthread_mutex_unlock, of a queue";
    RETURNS(COND, pthread_mutex_unlock(&queue->mutex), 0);
}

static void play_queue(bool producer)
{
    struct queue *queue = &shared->queue;
    self->doing = "pthread_mutex_lock, of a queue";
    enter_queue(queue, pthread_mutex_lock(&queue->mutex));
    if (producer) {
        while (!shared->over && queue->put - queue->taken == PLACES)
            wait_queue(queue, &queue->emptied, "a wait for a place");
        if (!shared->over) {
            queue->token[queue->put % PLACES] = queue->put;
            atomic_fetch_add(&queue->put, 1);
            RETURNS(COND, pthread_cond_signal(&queue->filled), 0);
        }
    } else {
        while (!shared->over && queue->put == queue->taken)
            wait_queue(queue, &queue->filled, "a wait for a token");
        if (!shared->over) {
            CHECK(COND, queue->token[queue->taken % PLACES] == queue->taken);
            atomic_fetch_add(&queue->taken, 1);
            RETURNS(COND, pthread_cond_signal(&queue->emptied), 0);
        }
    }
    leave_queue(queue);
}

static void wake_queue(void)
{
    struct queue *queue = &shared->queue;
    self->doing = "the broadcasts after a stretch";
    enter_queue(queue, pthread_mutex_lock(&queue->mutex));
    RETURNS(COND, pthread_cond_broadcast(&queue->filled), 0);
    RETURNS(COND, pthread_cond_broadcast(&queue->emptied), 0);
    leave_queue(queue);
}

/* The semaphore. */

static void play_sem(void)
{
    struct timespec time;
    int result;
    atomic_store(&self->holding, TAKING);
    switch (pick(4)) {
    default:
        self->doing = "sem_wait";
        result = sem_wait(&shared->sem);
        break;
    case 2:
        self->doing = "sem_trywait";
        result = sem_trywait(&shared->sem);
        break;
    case 3:
        self->doing = "sem_timedwait";
        time = soon(CLOCK_REALTIME);
        result = sem_timedwait(&shared->sem, &time);
        break;
    }
    atomic_store(&self->holding, result == 0 ? HOLDS : NONE);
    if (result != 0) {
        CHECK(SEM, errno == EAGAIN || errno == ETIMEDOUT);
        return;
    }
    if (pick(16) == 0)
        sched_yield();
    atomic_store(&self->holding, RETURNING);
    self->doing = "sem_post";
    CHECK(SEM, sem_post(&shared->sem) == 0);
    atomic_store(&self->holding, NONE);
}

/* At most as many as there are slots have permits, so that there is always room. */
static void play_undo(void)
{
    unsigned wanted = 1 + pick(2), taken = 0;
    for (unsigned i = 0; i < wanted; i++) {
        struct timespec time = soon(CLOCK_REALTIME);
        self->doing = "sem_wait, sem_trywait or sem_timedwait, undone";
        int result = i > 0          ? sem_trywait(&shared->undo)
                     : pick(3) == 0 ? sem_timedwait(&shared->undo, &time)
                                    : sem_wait(&shared->undo);
        CHECK(UNDO, result == 0 || (i > 0 && errno == EAGAIN) || (i == 0 && errno == ETIMEDOUT));
        taken += result == 0;
    }
    if (pick(16) == 0)
        sched_yield();
    self->doing = "sem_post, undone";
    for (; taken > 0; taken--)
        CHECK(UNDO, sem_post(&shared->undo) == 0);
}

static void settle_undo(void)
{
    for (int i = 0; i < UNDO_PERMITS; i++)
        CHECK(UNDO, sem_trywait(&shared->undo) == 0);
    CHECK(UNDO, sem_trywait(&shared->undo) == -1 && errno == EAGAIN);
    for (int i = 0; i < UNDO_PERMITS; i++)
        CHECK(UNDO, sem_post(&shared->undo) == 0);
}

/* Mutexes that recover. */

static void play_recovering(void)
{
    struct recovering *recovering = &shared->recovering[pick(TYPES)];
    struct timespec time = soon(CLOCK_REALTIME);
    unsigned how = pick(4);
    self->doing = "pthread_mutex_lock, trylock or timedlock, recovering";
    int error = how == 0   ? pthread_mutex_trylock(&recovering->mutex)
                : how == 1 ? pthread_mutex_timedlock(&recovering->mutex, &time)
                           : pthread_mutex_lock(&recovering->mutex);
    if ((how == 0 && error == EBUSY) || (how == 1 && error == ETIMEDOUT))
        return;
    RETURNS(RECOVER, error, 0);
    pid_t before = recovering->holder;
    CHECK(RECOVER, before == 0 || shared->killed[before]);
    recovering->holder = getpid();
    if (pick(16) == 0)
        sched_yield();
    CHECK(RECOVER, recovering->holder == getpid());
    recovering->holder = 0;
    self->doing = "pthread_mutex_unlock, recovering";
    RETURNS(RECOVER, pthread_mutex_unlock(&recovering->mutex), 0);
}

/* The read-write lock: whoever is not told of a death finds nothing of it. */

static bool locks_outlive(void)
{
    return pthread_rwlock_consistent_np != NULL;
}

static int lock_rwlock(pthread_rwlock_t *rwlock, bool write)
{
    struct timespec time = soon(CLOCK_MONOTONIC);
    switch (locks_outlive() ? pick(4) : 2) {
    default:
        self->doing = write ? "pthread_rwlock_wrlock" : "pthread_rwlock_rdlock";
        return write ? pthread_rwlock_wrlock(rwlock) : pthread_rwlock_rdlock(rwlock);
    case 2:
        self->doing = write ? "pthread_rwlock_clockwrlock" : "pthread_rwlock_clockrdlock";
        return write ? pthread_rwlock_clockwrlock(rwlock, CLOCK_MONOTONIC, &time)
                     : pthread_rwlock_clockrdlock(rwlock, CLOCK_MONOTONIC, &time);
    case 3:
        self->doing = write ? "pthread_rwlock_trywrlock" : "pthread_rwlock_tryrdlock";
        return write ? pthread_rwlock_trywrlock(rwlock) : pthread_rwlock_tryrdlock(rwlock);
    }
}

static void change_pair(struct locks *locks, int pair, bool write)
{
    unsigned long before = locks->first[pair];
    if (write)
        locks->first[pair] = before + 1;
    if (pick(16) == 0)
        sched_yield();
    if (write)
        locks->second[pair]++;
    CHECK(LOCKS, locks->first[pair] == before + write);
    CHECK(LOCKS, locks->second[pair] == before + write);
}

static void play_rwlock(void)
{
    struct locks *locks = &shared->locks;
    bool write = pick(2);
    int error = lock_rwlock(&locks->rwlock, write);
    if (error == ETIMEDOUT || error == EBUSY)
        return;
    if (error == EOWNERDEAD && locks_outlive()) {
        atomic_fetch_add(&shared->rwlock_heirs, 1);
        locks->second[1] = locks->first[1];
        RETURNS(LOCKS, pthread_rwlock_consistent_np(&locks->rwlock), 0);
    } else if (error != 0) {
        fail(LOCKS, "%s: %d", self->doing, error);
    }
    change_pair(locks, 1, write || error == EOWNERDEAD);
    self->doing = "pthread_rwlock_unlock";
    RETURNS(LOCKS, pthread_rwlock_unlock(&locks->rwlock), 0);
}

/* A mutex that is not robust: with timeouts only. */
static void play_locks(void)
{
    struct locks *locks = &shared->locks;
    struct timespec time = soon(CLOCK_MONOTONIC);
    if (pick(3) != 0) {
        play_rwlock();
        return;
    }
    self->doing = "pthread_mutex_clocklock";
    int error = pthread_mutex_clocklock(&locks->mutex, CLOCK_MONOTONIC, &time);
    if (error == ETIMEDOUT)
        return;
    if (error != 0)
        fail(LOCKS, "%s: %d", self->doing, error);
    /* of a mutex that recovers: what a killed one has left half done */
    locks->second[0] = locks->first[0];
    change_pair(locks, 0, true);
    self->doing = "pthread_mutex_unlock";
    RETURNS(LOCKS, pthread_mutex_unlock(&locks->mutex), 0);
}

/* A process. */

static void live(bool attends, bool producer)
{
    if (!attends) {
        unsigned n = shared->calm ? 4 : pick(12);
        if (n < 4)
            play_account();
        else if (n < 6)
            play_queue(producer);
        else if (n < 8)
            play_sem();
        else if (n < 10)
            play_undo();
        else
            play_recovering();
        return;
    }
    if (pick(64) == 0 && atomic_load(&self->attendance) == AWAY) {
        /* given up, it comes again: to others it is as if it were on its way */
        self->doing = "pthread_barrier_clockwait_np";
        atomic_store(&self->attendance, COMING);
        struct timespec time = soon(CLOCK_MONOTONIC);
        int result = ETIMEDOUT;
        if (pick(4) == 0)
            result = pthread_barrier_clockwait_np(&shared->barrier, CLOCK_MONOTONIC, &time);
        self->doing = "pthread_barrier_wait";
        if (result == ETIMEDOUT)
            result = pthread_barrier_wait(&shared->barrier);
        CHECK(BARRIER, result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        atomic_store(&self->attendance, LEFT);
    }
    play_locks();
}

static void *run_thread(void *arg)
{
    self = arg;
    unsigned number = (unsigned)(self - shared->thread[0]) % THREADS;
    for (;;) {
        unsigned stretch = atomic_load(&shared->stretch);
        while (!atomic_load(&shared->over)) {
            live(number == 2, number == 0);
            atomic_fetch_add(&self->steps, 1);
        }
        /* at rest, having said whether it comes to the barrier */
        int away = AWAY;
        if (number == 2)
            atomic_compare_exchange_strong(&self->attendance, &away, ABSENT);
        self->doing = "rest";
        atomic_store(&self->rested, stretch);
        while (atomic_load(&shared->stretch) == stretch)
            nap(200);
    }
    return NULL;
}

static void start_process(unsigned process)
{
    struct thread *threads = shared->thread[process];
    uint64_t random = (uint64_t)pick(1u << 31) << 31 | pick(1u << 31) | 1;
    fflush(stdout);
    pid_t parent = getpid(), pid = fork();
    CHECK(ROBUST, pid >= 0);
    if (pid > 0) {
        for (unsigned i = 0; i < THREADS; i++)
            threads[i].pid = pid;
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    atomic_store(&shared->killed[getpid()], false);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_t thread;
        threads[i].random = random + 2 * i;
        threads[i].doing = "its start";
        if (i > 0)
            RETURNS(ROBUST, pthread_create(&thread, NULL, run_thread, &threads[i]), 0);
    }
    run_thread(&threads[0]);
}

/* The parent. */

/* What the dead of this stretch may have taken with them. */
static unsigned lost_permits, given_permits, perhaps_at_barrier;

static void reap(struct thread *threads)
{
    int status;
    CHECK(ROBUST, waitpid(threads[0].pid, &status, 0) == threads[0].pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        printf("a process ended by itself, status %#x\n", (unsigned)status);
        fail(ROBUST, "in %s, %s, %s", threads[0].doing, threads[1].doing, threads[2].doing);
    }
}

static void kill_one(void)
{
    unsigned process = pick(PROCESSES);
    struct thread *threads = shared->thread[process];
    atomic_store(&shared->killed[threads[0].pid], true);
    kill(threads[0].pid, SIGKILL);
    reap(threads);
    for (unsigned i = 0; i < THREADS; i++) {
        switch (atomic_exchange(&threads[i].holding, NONE)) {
        case HOLDS:
            CHECK(SEM, sem_post(&shared->sem) == 0);
            break;
        case TAKING:
        case RETURNING:
            lost_permits++;
        }
    }
    if (threads[2].attendance == COMING) {
        perhaps_at_barrier++;
        atomic_store(&threads[2].attendance, ABSENT);
    }
    start_process(process);
}

static void report(const char *what)
{
    printf("after %d s, %s:\n", STALL_SECONDS, what);
    for (unsigned i = 0; i < PROCESSES; i++)
        for (unsigned j = 0; j < THREADS; j++)
            printf("  process %d thread %u: %lu steps, in %s\n", (int)shared->thread[i][j].pid, j,
                   (unsigned long)shared->thread[i][j].steps, shared->thread[i][j].doing);
    const struct {
        const char *name;
        const void *bytes;
        size_t size;
    } objects[] = {
        {"robust", &shared->account[0].mutex, 40}, {"robust", &shared->account[1].mutex, 40},
        {"robust", &shared->account[2].mutex, 40}, {"robust", &shared->account[3].mutex, 40},
        {"robust", &shared->account[4].mutex, 40}, {"robust", &shared->account[5].mutex, 40},
        {"robust", &shared->account[6].mutex, 40}, {"robust", &shared->account[7].mutex, 40},
        {"queue", &shared->queue.mutex, 40},       {"filled", &shared->queue.filled, 48},
        {"emptied", &shared->queue.emptied, 48},   {"sem", &shared->sem, 32},
        {"mutex", &shared->locks.mutex, 40},       {"rwlock", &shared->locks.rwlock, 56},
        {"barrier", &shared->barrier, 32},         {"undo", &shared->undo, 32},
    };
    for (unsigned i = 0; i < sizeof objects / sizeof *objects; i++) {
        printf("  %-8s", objects[i].name);
        for (size_t at = 0; at < objects[i].size; at += 4)
            printf(" %08x", *(const uint32_t *)((const char *)objects[i].bytes + at));
        printf("\n");
    }
    fflush(stdout);
}

/* Wait for something, 20 seconds at most, unless a child fails meanwhile. */
#define AWAIT(part, condition, what)                                                               \
    do {                                                                                           \
        for (int naps_ = 0; !(condition); naps_++) {                                               \
            check_children();                                                                      \
            if (naps_ == STALL_SECONDS * 1000) {                                                   \
                report(what);                                                                      \
                fail(part, "%s", what);                                                            \
            }                                                                                      \
            nap(1000);                                                                             \
        }                                                                                          \
    } while (0)

static void check_children(void)
{
    atomic_fetch_add(&shared->beats, 1);
    for (unsigned i = 0; i < PARTS; i++)
        if (shared->failed[i])
            _exit(1);
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid > 0 && status != 0)
        fail(ROBUST, "process %d ended by itself, status %#x", (int)pid, (unsigned)status);
}

static bool rested(unsigned from, unsigned to)
{
    for (unsigned i = 0; i < PROCESSES; i++)
        for (unsigned j = from; j < to; j++)
            if (shared->thread[i][j].rested != shared->stretch)
                return false;
    return true;
}

/* How many of the third threads have this attendance. */
static unsigned attending(int attendance)
{
    unsigned count = 0;
    for (unsigned i = 0; i < PROCESSES; i++)
        count += shared->thread[i][2].attendance == attendance;
    return count;
}

/*
 * The living who came to the barrier are let go by as many others as are missing; it is not known
 * of those who were killed there whether they had been counted.
 */
static void complete_barrier(void)
{
    AWAIT(BARRIER, attending(AWAY) == 0, "somebody has not come to rest or to the barrier");
    CHECK(BARRIER, attending(LEFT) == 0);
    unsigned living = attending(COMING), missing = PROCESSES + 1 - living, sent = 0;
    pid_t helper[PROCESSES + 1];
    while (sent < missing && attending(COMING) > 0) {
        helper[sent] = fork();
        if (helper[sent] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            atomic_fetch_add(&shared->helpers, 1);
            pthread_barrier_wait(&shared->barrier);
            pause();
        }
        sent++;
        AWAIT(BARRIER, shared->helpers == sent, "a helper does not start");
        nap(3000);
        if (attending(COMING) < living)
            break;
    }
    if (living > 0 && sent + perhaps_at_barrier < missing)
        fail(BARRIER, "complete with %u others, where %u to %u were missing", sent,
             missing - perhaps_at_barrier, missing);
    AWAIT(BARRIER, attending(COMING) == 0, "not all have left the barrier");
    for (unsigned i = 0; i < sent; i++) {
        kill(helper[i], SIGKILL);
        waitpid(helper[i], NULL, 0);
    }
    atomic_store(&shared->helpers, 0);
}

/* When nobody else runs: the accounts of what there is. */
static void settle(void)
{
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        struct account *account = &shared->account[i];
        int error = pthread_mutex_trylock(&account->mutex);
        if (error != 0 && error != EOWNERDEAD)
            fail(ROBUST, "pthread_mutex_trylock when nobody runs: %d", error);
        recover(account, error);
        audit(account);
        RETURNS(ROBUST, pthread_mutex_unlock(&account->mutex), 0);
    }
    CHECK(COND, shared->queue.put - shared->queue.taken <= PLACES);
    settle_undo();
    int value;
    CHECK(SEM, sem_getvalue(&shared->sem, &value) == 0);
    if (value > (int)(PERMITS + given_permits) ||
        value < (int)(PERMITS + given_permits - lost_permits))
        fail(SEM, "%d permits, of %u, where %u deaths may have taken one", value,
             PERMITS + given_permits, lost_permits);
}

/* Objects that a death may have spoilt, as new. */
static void renew(void)
{
    static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK,
                                PTHREAD_MUTEX_RECURSIVE};
    struct locks *locks = &shared->locks;
    memset(locks, 0, sizeof *locks);
    make_mutex(&locks->mutex, types[pick(3)], PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    pthread_rwlockattr_t rwlock;
    RETURNS(LOCKS, pthread_rwlockattr_init(&rwlock), 0);
    RETURNS(LOCKS, pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED), 0);
    RETURNS(LOCKS, pthread_rwlockattr_setkind_np(&rwlock, (int)pick(3)), 0);
    if (locks_outlive())
        RETURNS(LOCKS, pthread_rwlockattr_setrobust_np(&rwlock, PTHREAD_MUTEX_ROBUST), 0);
    RETURNS(LOCKS, pthread_rwlock_init(&locks->rwlock, &rwlock), 0);
    pthread_barrierattr_t barrier;
    RETURNS(BARRIER, pthread_barrierattr_init(&barrier), 0);
    RETURNS(BARRIER, pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED), 0);
    RETURNS(BARRIER, pthread_barrier_init(&shared->barrier, &barrier, PROCESSES + 1), 0);
    for (unsigned i = 0; i < PROCESSES; i++)
        atomic_store(&shared->thread[i][2].attendance, AWAY);
    CHECK(SEM, sem_init(&shared->sem, 1, PERMITS) == 0);
    lost_permits = given_permits = perhaps_at_barrier = 0;
}

static void give_permits(unsigned count)
{
    for (; count > 0; count--, given_permits++)
        CHECK(SEM, sem_post(&shared->sem) == 0);
}

static void run_stretch(unsigned kills)
{
    renew();
    atomic_store(&shared->over, false);
    atomic_fetch_add(&shared->stretch, 1);
    for (unsigned i = 0; i < kills; i++) {
        nap(pick(2000));
        check_children();
        kill_one();
    }
    /* the dead's permits and signals are made good; now everything must go by itself */
    atomic_store(&shared->calm, true);
    give_permits(lost_permits + 1);
    wake_queue();
    unsigned long goal = shared->queue.put + 500;
    AWAIT(COND, shared->queue.put >= goal, "no tokens pass among the living");
    atomic_store(&shared->over, true);
    atomic_store(&shared->calm, false);
    wake_queue();
    give_permits(1);
    complete_barrier();
    AWAIT(ROBUST, rested(0, THREADS), "not all have come to rest");
    settle();
}

static void make_objects(void)
{
    static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
                                PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP};
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        struct account *account = &shared->account[i];
        account->type = types[i % 4];
        make_mutex(&account->mutex, account->type, PTHREAD_MUTEX_ROBUST,
                   i < 4 ? PTHREAD_PRIO_NONE : PTHREAD_PRIO_INHERIT);
        for (unsigned j = 0; j < PURSES; j++)
            account->purse[j] = PURSE;
    }
    for (unsigned i = 0; i < TYPES; i++)
        make_mutex(&shared->recovering[i].mutex, types[i], PTHREAD_MUTEX_STALLED,
                   i < 2 ? PTHREAD_PRIO_NONE : PTHREAD_PRIO_INHERIT);
    CHECK(UNDO, sem_init_undo_np(&shared->undo, UNDO_PERMITS) == 0);
    struct queue *queue = &shared->queue;
    make_mutex(&queue->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    pthread_condattr_t attr;
    RETURNS(COND, pthread_condattr_init(&attr), 0);
    RETURNS(COND, pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    RETURNS(COND, pthread_cond_init(&queue->filled, &attr), 0);
    RETURNS(COND, pthread_cond_init(&queue->emptied, &attr), 0);
}

/* A process of its own, so that a failure in it leaves somebody to tell the result. */
static _Noreturn void run(unsigned kills)
{
    /* what is said of the dead is not for the reader of this */
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDERR_FILENO);
    make_objects();
    atomic_store(&shared->over, true);
    for (unsigned i = 0; i < PROCESSES; i++)
        start_process(i);
    for (unsigned killed = 0; killed < kills; killed += STRETCH)
        run_stretch(kills - killed < STRETCH ? kills - killed : STRETCH);
    printf("%u kills, of which %lu were of the owner of a robust mutex, %lu of a writer\n", kills,
           (unsigned long)shared->heirs, (unsigned long)shared->rwlock_heirs);
    fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv)
{
    unsigned kills = 1000;
    uint64_t seed = (uint64_t)time(NULL);
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--kills") == 0) {
            kills = (unsigned)atoi(argv[i + 1]);
        } else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
            seed = strtoull(argv[i + 1], NULL, 0);
        } else {
            fprintf(stderr, "usage: kill [--kills N] [--seed S]\n");
            return 2;
        }
    }
    if (getenv("FURWOCK") == NULL) {
        setenv("FURWOCK", "recover", 1);
        execv("/proc/self/exe", argv);
        perror("kill: execv");
        return 2;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("kill: mmap");
        return 2;
    }
    printf("seed %llu\n", (unsigned long long)seed);
    self = &shared->parent;
    self->doing = "its work";
    self->random = seed * 2 + 1;
    fflush(stdout);
    pid_t runner = fork();
    if (runner == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(kills);
    }
    int status;
    unsigned long before = 0;
    for (int naps = 0; waitpid(runner, &status, WNOHANG) == 0; naps++) {
        nap(10000);
        if (shared->beats != before) {
            before = shared->beats;
            naps = 0;
        } else if (naps >= (STALL_SECONDS + 1) * 100) {
            report(self->doing);
            printf("the parent of all hangs in %s\n", self->doing);
            kill(runner, SIGKILL);
            naps = 0;
        }
    }
    unsigned failed = 0;
    for (unsigned i = 0; i < PARTS; i++)
        failed += shared->failed[i];
    if (status != 0 && failed == 0) {
        printf("ended with status %#x\n", (unsigned)status);
        failed = 1;
    }
    printf("%u passed, %u failed\n", PARTS - failed, failed);
    return failed > 0;
}
