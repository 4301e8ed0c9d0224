/*
 * smoke [--call NAME --errno N | --only NAME,NAME...]
 *
 * Uses every object once, contended, by threads and by a child process; then has the system call
 * refused, if one is named, and does it all again, with new objects and with the old ones. What the
 * system does not allow may answer ENOTSUP when an object is made, and is then told as such; what
 * was made has to work. Or, from the start, only the system calls named are allowed, libc's own
 * among them. Prints "ok", or "ok, without X, Y"; any other outcome is a failure.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shut.h"
#include "times.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *stage = "the start", *refused = "nothing";
static char without[256];

static _Noreturn void fail(int line, const char *what, int got)
{
    printf("%s refused, %s: line %d: %s: %d\n", refused, stage, line, what, got);
    fflush(stdout);
    _exit(1);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(__LINE__, #condition, errno);                                                     \
    } while (0)
#define RETURNS(call, expected)                                                                    \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_ != (expected))                                                                  \
            fail(__LINE__, #call, error_);                                                         \
    } while (0)

static void lack(const char *name)
{
    if (!strstr(without, name))
        snprintf(without + strlen(without), sizeof without - strlen(without), "%s %s",
                 *without ? "," : ", without", name);
}

/* What a set of objects is made with. */
struct flavour {
    const char *name;
    int type, sharing, robust, protocol;
};

static const struct flavour flavours[] = {
    {"normal", PTHREAD_MUTEX_NORMAL, 0, 0, PTHREAD_PRIO_NONE},
    {"errorcheck", PTHREAD_MUTEX_ERRORCHECK, 0, 0, PTHREAD_PRIO_NONE},
    {"recursive", PTHREAD_MUTEX_RECURSIVE, 0, 0, PTHREAD_PRIO_NONE},
    {"shared", PTHREAD_MUTEX_NORMAL, 1, 0, PTHREAD_PRIO_NONE},
    {"shared errorcheck", PTHREAD_MUTEX_ERRORCHECK, 1, 0, PTHREAD_PRIO_NONE},
    {"robust", PTHREAD_MUTEX_NORMAL, 1, 1, PTHREAD_PRIO_NONE},
    {"inherit", PTHREAD_MUTEX_NORMAL, 0, 0, PTHREAD_PRIO_INHERIT},
    {"shared inherit", PTHREAD_MUTEX_NORMAL, 1, 0, PTHREAD_PRIO_INHERIT},
    {"robust inherit", PTHREAD_MUTEX_RECURSIVE, 1, 1, PTHREAD_PRIO_INHERIT},
};
enum { FLAVOURS = sizeof flavours / sizeof *flavours };

/* Old objects of this kind need the call all their life, and cannot do without it now. */
static bool depends(const struct flavour *flavour, const char *call)
{
    return (flavour->robust && strcmp(call, "set_robust_list") == 0) ||
           (flavour->protocol == PTHREAD_PRIO_INHERIT && strcmp(call, "futex_pi") == 0);
}

struct objects {
    bool made;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_rwlock_t rwlock;
    pthread_barrier_t barrier;
    sem_t sem;
    pthread_spinlock_t spin;
    long first, second;
    int go;
    atomic_int asleep, arrivals;
};

static bool make(struct objects *o, const struct flavour *flavour)
{
    int sharing = flavour->sharing ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE;
    memset(o, 0, sizeof *o);
    pthread_mutexattr_t mutex;
    RETURNS(pthread_mutexattr_init(&mutex), 0);
    RETURNS(pthread_mutexattr_settype(&mutex, flavour->type), 0);
    RETURNS(pthread_mutexattr_setpshared(&mutex, sharing), 0);
    RETURNS(pthread_mutexattr_setrobust(&mutex, flavour->robust ? PTHREAD_MUTEX_ROBUST
                                                                : PTHREAD_MUTEX_STALLED),
            0);
    RETURNS(pthread_mutexattr_setprotocol(&mutex, flavour->protocol), 0);
    int error = pthread_mutex_init(&o->mutex, &mutex);
    if (error == ENOTSUP && (flavour->robust || flavour->protocol == PTHREAD_PRIO_INHERIT)) {
        lack(flavour->name);
        return false;
    }
    RETURNS(error, 0);
    pthread_condattr_t cond;
    RETURNS(pthread_condattr_init(&cond), 0);
    RETURNS(pthread_condattr_setpshared(&cond, sharing), 0);
    RETURNS(pthread_cond_init(&o->cond, &cond), 0);
    pthread_rwlockattr_t rwlock;
    RETURNS(pthread_rwlockattr_init(&rwlock), 0);
    RETURNS(pthread_rwlockattr_setpshared(&rwlock, sharing), 0);
    RETURNS(pthread_rwlock_init(&o->rwlock, &rwlock), 0);
    pthread_barrierattr_t barrier;
    RETURNS(pthread_barrierattr_init(&barrier), 0);
    RETURNS(pthread_barrierattr_setpshared(&barrier, sharing), 0);
    RETURNS(pthread_barrier_init(&o->barrier, &barrier, 3), 0);
    CHECK(sem_init(&o->sem, flavour->sharing, 0) == 0);
    RETURNS(pthread_spin_init(&o->spin, sharing), 0);
    return o->made = true;
}

/* What each of three does: threads, or a process with one and another with two. */
static void play(struct objects *o)
{
    for (int i = 0; i < 300; i++) {
        struct timespec time = in(CLOCK_MONOTONIC, 10000);
        int error = i % 3 ? pthread_mutex_lock(&o->mutex)
                          : pthread_mutex_clocklock(&o->mutex, CLOCK_MONOTONIC, &time);
        RETURNS(error, 0);
        CHECK(o->first == o->second);
        o->first++;
        if (i % 50 == 0)
            nap(1);
        o->second++;
        RETURNS(pthread_mutex_unlock(&o->mutex), 0);
        RETURNS(i % 4 ? pthread_rwlock_rdlock(&o->rwlock) : pthread_rwlock_wrlock(&o->rwlock), 0);
        RETURNS(pthread_rwlock_unlock(&o->rwlock), 0);
        RETURNS(pthread_spin_lock(&o->spin), 0);
        RETURNS(pthread_spin_unlock(&o->spin), 0);
    }
    int result = pthread_barrier_wait(&o->barrier);
    CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    /* two wait, the last broadcasts; then each waits for a post, which goes round */
    RETURNS(pthread_mutex_lock(&o->mutex), 0);
    bool last = atomic_fetch_add(&o->asleep, 1) == 2;
    if (last) {
        o->go = 1;
        RETURNS(pthread_cond_broadcast(&o->cond), 0);
    }
    while (!o->go)
        RETURNS(pthread_cond_wait(&o->cond, &o->mutex), 0);
    RETURNS(pthread_mutex_unlock(&o->mutex), 0);
    if (!last)
        while (sem_wait(&o->sem) != 0)
            CHECK(errno == EINTR);
    CHECK(sem_post(&o->sem) == 0);
    RETURNS(pthread_mutex_lock(&o->mutex), 0);
    struct timespec time = in(CLOCK_REALTIME, 2);
    int error;
    while ((error = pthread_cond_timedwait(&o->cond, &o->mutex, &time)) == 0)
        ;
    RETURNS(error, ETIMEDOUT);
    RETURNS(pthread_mutex_unlock(&o->mutex), 0);
    atomic_fetch_add(&o->arrivals, 1);
}

static void *play_thread(void *o)
{
    play(o);
    return NULL;
}

/* Threads are libc's, and where it cannot make them there is nothing to see. */
static void start(pthread_t *thread, void *(*function)(void *), void *argument)
{
    int error = pthread_create(thread, NULL, function, argument);
    if (error == EPERM) {
        printf("ok, without threads\n");
        exit(0);
    }
    RETURNS(error, 0);
}

static void *hold(void *mutex)
{
    RETURNS(pthread_mutex_lock(mutex), 0);
    return NULL;
}

static void use(struct objects *o, const struct flavour *flavour)
{
    pthread_t thread[2];
    pid_t pid = 0;
    o->go = 0;
    o->asleep = 0;
    o->arrivals = 0;
    while (sem_trywait(&o->sem) == 0)
        ;
    if (flavour->sharing) {
        fflush(stdout);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            play(o);
            _exit(0);
        }
    }
    for (int i = 0; i < (pid ? 1 : 2); i++)
        start(&thread[i], play_thread, o);
    play(o);
    for (int i = 0; i < (pid ? 1 : 2); i++)
        RETURNS(pthread_join(thread[i], NULL), 0);
    int status = 0;
    CHECK(pid == 0 || (waitpid(pid, &status, 0) == pid && status == 0));
    CHECK(o->arrivals == 3 && o->first == o->second);
    if (flavour->robust) {
        struct timespec time;
        start(&thread[0], hold, &o->mutex);
        RETURNS(pthread_join(thread[0], NULL), 0);
        time = in(CLOCK_REALTIME, 5000);
        RETURNS(pthread_mutex_timedlock(&o->mutex, &time), EOWNERDEAD);
        RETURNS(pthread_mutex_consistent(&o->mutex), 0);
        RETURNS(pthread_mutex_unlock(&o->mutex), 0);
    }
}

static void *lock_in_vain(void *mutex)
{
    RETURNS(pthread_mutex_lock(mutex), ENOTSUP);
    return NULL;
}

/* This thread has what the object needs since before the refusal; others do without the object. */
static void use_in_vain(struct objects *o, const struct flavour *flavour)
{
    pthread_t thread;
    start(&thread, lock_in_vain, &o->mutex);
    RETURNS(pthread_join(thread, NULL), 0);
    RETURNS(pthread_mutex_trylock(&o->mutex), 0);
    RETURNS(pthread_mutex_unlock(&o->mutex), 0);
    lack(flavour->name);
}

/* Once, keys and cancellation. */

static int ran;
static atomic_int destroyed;
static pthread_key_t key;

static void routine(void)
{
    ran++;
}

static void destroy(void *value)
{
    CHECK(value == &key);
    atomic_fetch_add(&destroyed, 1);
}

static void unlock(void *mutex)
{
    RETURNS(pthread_mutex_unlock(mutex), 0);
}

static void *wait_for_ever(void *arg)
{
    struct objects *o = arg;
    RETURNS(pthread_setspecific(key, &key), 0);
    RETURNS(pthread_mutex_lock(&o->mutex), 0);
    pthread_cleanup_push(unlock, &o->mutex);
    for (;;)
        pthread_cond_wait(&o->cond, &o->mutex);
    pthread_cleanup_pop(0);
    return NULL;
}

static void use_life(struct objects *o)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_t thread;
    void *result;
    RETURNS(pthread_once(&once, routine), 0);
    pthread_once_t fresh = PTHREAD_ONCE_INIT;
    int before = ran;
    RETURNS(pthread_once(&fresh, routine), 0);
    CHECK(ran == before + 1);
    RETURNS(pthread_key_create(&key, destroy), 0);
    before = destroyed;
    start(&thread, wait_for_ever, o);
    nap(5);
    RETURNS(pthread_cancel(thread), 0);
    RETURNS(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED && destroyed == before + 1);
    RETURNS(pthread_key_delete(key), 0);
}

/* Furwock's own, in shared memory: a child's permit comes back when it has ended. */
extern int sem_init_undo_np(sem_t *, unsigned) __attribute__((weak));

static void use_undo(void)
{
    if (!sem_init_undo_np)
        return;
    stage = "sem_init_undo_np";
    sem_t *sem = mmap(NULL, sizeof *sem, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(sem != MAP_FAILED);
    if (sem_init_undo_np(sem, 1) != 0) {
        CHECK(errno == ENOTSUP);
        lack("undone semaphores");
        return;
    }
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(sem_wait(sem) == 0);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(sem_wait(sem) == 0);
    CHECK(sem_trywait(sem) == -1 && errno == EAGAIN);
    CHECK(sem_post(sem) == 0);
    CHECK(munmap(sem, sizeof *sem) == 0);
}

/*
 * Each sleep that has a length of its own, and a deadline or none: behind a reader, behind a writer, for
 * a permit. The child sleeps, and does not look again and again: a fiftieth of a second is all the time
 * that it may use.
 */
enum { TO_WRITE, TO_READ, FOR_A_PERMIT, SLEEPS };

struct patience {
    pthread_rwlock_t lock;
    sem_t permit;
    atomic_int begun;
};

static int take(struct patience *p, int sleep, const struct timespec *time)
{
    if (sleep == FOR_A_PERMIT)
        return time ? sem_timedwait(&p->permit, time) : sem_wait(&p->permit);
    if (sleep == TO_READ)
        return time ? pthread_rwlock_timedrdlock(&p->lock, time) : pthread_rwlock_rdlock(&p->lock);
    return time ? pthread_rwlock_timedwrlock(&p->lock, time) : pthread_rwlock_wrlock(&p->lock);
}

static int give(struct patience *p, int sleep)
{
    return sleep == FOR_A_PERMIT ? sem_post(&p->permit) : pthread_rwlock_unlock(&p->lock);
}

static _Noreturn void sleep_in_child(struct patience *p, int sleep, bool timed)
{
    struct timespec time = in(CLOCK_REALTIME, 10000);
    struct itimerval limit = {.it_value.tv_usec = 20000};
    CHECK(setitimer(ITIMER_PROF, &limit, NULL) == 0);
    atomic_store(&p->begun, 1);
    RETURNS(take(p, sleep, timed ? &time : NULL), 0);
    RETURNS(give(p, sleep), 0);
    _exit(0);
}

static bool is_asleep(pid_t pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = openat(AT_FDCWD, path, O_RDONLY);
    CHECK(fd >= 0);
    ssize_t length = read(fd, line, sizeof line - 1);
    CHECK(length > 0 && close(fd) == 0);
    char *name_end = strrchr(line, ')');
    return name_end && name_end[2] == 'S';
}

static void meet_sleeper(struct patience *p, int sleep, bool timed)
{
    RETURNS(take(p, sleep == TO_READ ? TO_WRITE : sleep == TO_WRITE ? TO_READ : sleep, NULL), 0);
    atomic_store(&p->begun, 0);
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        sleep_in_child(p, sleep, timed);
    while (!atomic_load(&p->begun))
        nap(1);
    nap(60);
    int status = 0;
    while (!is_asleep(pid) && waitpid(pid, &status, WNOHANG) == 0)
        nap(1);
    CHECK(status == 0);
    RETURNS(give(p, sleep), 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void use_patience(void)
{
    stage = "sleeps";
    struct patience *p =
        mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    pthread_rwlockattr_t attr;
    RETURNS(pthread_rwlockattr_init(&attr), 0);
    RETURNS(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    RETURNS(pthread_rwlock_init(&p->lock, &attr), 0);
    bool undone = sem_init_undo_np && sem_init_undo_np(&p->permit, 1) == 0;
    for (int sleep = 0; sleep < (undone ? SLEEPS : FOR_A_PERMIT); sleep++)
        for (int timed = 0; timed < 2; timed++)
            meet_sleeper(p, sleep, timed);
    CHECK(munmap(p, sizeof *p) == 0);
}

/* The program's own clock is libc's, and mostly no system call. */
static void need_clock(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) == 0)
        return;
    printf("ok, without a clock of libc's\n");
    exit(0);
}

int main(int argc, char **argv)
{
    struct objects *old = mmap(NULL, 2 * FLAVOURS * sizeof *old, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                   *new = old + FLAVOURS;
    CHECK(old != MAP_FAILED);
    alarm(20);
    need_clock();
    if (argc == 3 && strcmp(argv[1], "--only") == 0)
        CHECK(shut(argv[2]));
    for (int i = 0; i < FLAVOURS; i++)
        if (make(&old[i], &flavours[i])) {
            stage = flavours[i].name;
            use(&old[i], &flavours[i]);
        }
    use_life(&old[0]);
    use_undo();
    use_patience();
    if (argc == 5 && strcmp(argv[1], "--call") == 0 && strcmp(argv[3], "--errno") == 0) {
        refused = argv[2];
        if (!refuse(argv[2], atoi(argv[4])))
            fail(__LINE__, "the filter", errno);
        need_clock();
        for (int i = 0; i < FLAVOURS; i++) {
            stage = flavours[i].name;
            if (old[i].made && !depends(&flavours[i], argv[2]))
                use(&old[i], &flavours[i]);
            if (make(&new[i], &flavours[i])) {
                if (depends(&flavours[i], argv[2]))
                    use_in_vain(&new[i], &flavours[i]);
                else
                    use(&new[i], &flavours[i]);
            }
        }
        stage = "once, keys and cancellation";
        use_life(&old[0]);
        use_undo();
        use_patience();
    }
    printf("ok%s\n", without);
    return 0;
}
