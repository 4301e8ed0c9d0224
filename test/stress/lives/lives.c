/*
 * lives [--seconds N] [--seed S] [--without WORD,WORD...]: threads that live at random.
 *
 * Rounds, each a process of its own, in which some actors create threads with all kinds of attributes,
 * signal, cancel, detach and join them, fork, start programs, set users, make timers, and forbid signals
 * to be queued, from threads and from signal handlers. A thread returns at once, waits in one of many
 * ways, computes, creates others, changes its mask or its cancel state. What holds for each:
 *
 *   - it is born with none of libc's own signals blocked;
 *   - it ends, and can be joined, when it is told to and cancelled, whatever it does;
 *   - at the end of a round all have the user that was set last, and none is left in the kernel;
 *   - the process does not grow.
 *
 * With --without what musl's own threads do not stand is left out: users, limits, timers, handlers.
 * The same seed makes the same choices, though not the same run.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 8, ACTORS = 2, STEPS = 300, STALL_SECONDS = 25, GROWTH_KB = 48 << 10 };

static struct {
    bool users, limits, timers, handlers;
} with = {true, true, true, true};

enum { FREE, BUSY, LIVE };

struct slot {
    atomic_int state;
    pthread_t thread;
    uint64_t random;
    atomic_int told, born;
    const char *volatile doing;
};

static struct slot slots[SLOTS];
static uint64_t round_seed;
static int ends[2];
static sem_t never;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static atomic_int user = 1000, user_is_last, notified, handled;
static const char *volatile acts[ACTORS + 1];

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    dprintf(1, "seed %llu: %.*s\n", (unsigned long long)round_seed, length, text);
    _exit(1);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail("%s:%d: not so: %s (%s)", __FILE__, __LINE__, #condition, strerror(errno));       \
    } while (0)

#define RETURNS(call, a, b)                                                                        \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_ != (a) && error_ != (b))                                                        \
            fail("%s:%d: %s: %s", __FILE__, __LINE__, #call, strerror(error_));                    \
    } while (0)

static unsigned pick(uint64_t *state, unsigned n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33) % n;
}

static void nap(long us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static void check_mask(void)
{
    const uint64_t inside = 3ull << 32;
    uint64_t mask = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
    /* One that was cancelled by now may have its signal blocked. */
    if (mask & inside)
        pthread_testcancel();
    if (mask & inside)
        fail("a thread was born with mask %#llx", (unsigned long long)mask);
}

static void set_user(void)
{
    if (with.users && geteuid() == 0 && !atomic_load(&user_is_last))
        CHECK(setresuid((uid_t)atomic_fetch_add(&user, 1), (uid_t)-1, 0) == 0);
}

static void have_a_child(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(STALL_SECONDS);
        set_user();
        _exit(0);
    }
    CHECK(pid > 0);
    while (waitpid(pid, &status, 0) != pid)
        CHECK(errno == EINTR);
    CHECK(status == 0);
}

/* In a signal handler of any thread. What it calls is async-signal-safe. */
static void handle(int signal)
{
    (void)signal;
    int saved = errno, n = atomic_fetch_add(&handled, 1), state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    if (n % 16 == 3)
        set_user();
    if (n % 4 == 1)
        nap(100);
    pthread_setcancelstate(state, NULL);
    errno = saved;
}

/*
 * A thread.
 */

static void *end_at_once(void *arg)
{
    check_mask();
    return arg;
}

static void create_and_join(void)
{
    pthread_t thread;
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    RETURNS(pthread_create(&thread, NULL, end_at_once, NULL), 0, 0);
    RETURNS(pthread_join(thread, NULL), 0, 0);
    pthread_setcancelstate(state, NULL);
}

static void read_lock(void)
{
    pthread_rwlock_rdlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
}

static void *live(void *arg)
{
    struct slot *slot = arg;
    char byte;
    sigset_t some;
    struct timespec time = {1000, 0};
    check_mask();
    sigemptyset(&some);
    atomic_store(&slot->born, 1);
    unsigned way = pick(&slot->random, 14);
    if (pick(&slot->random, 4) == 0) {
        sigaddset(&some, SIGUSR1);
        pthread_sigmask(SIG_SETMASK, &some, NULL);
        sigemptyset(&some);
    }
    while (!atomic_load(&slot->told)) {
        switch (way) {
        case 0:
            return NULL;
        case 1:
            slot->doing = "read";
            (void)!read(ends[0], &byte, 1);
            break;
        case 2:
            slot->doing = "pause";
            pause();
            break;
        case 3:
            slot->doing = "sem_wait";
            sem_wait(&never);
            break;
        case 4:
            slot->doing = "nanosleep";
            nanosleep(&time, NULL);
            break;
        case 5:
            slot->doing = "ppoll";
            ppoll(NULL, 0, NULL, &some);
            break;
        case 6:
            slot->doing = "sigsuspend";
            sigsuspend(&some);
            break;
        case 7:
            slot->doing = "computes";
            pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
            while (!atomic_load(&slot->told))
                ;
            pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
            break;
        case 8:
            slot->doing = "has cancellation disabled now and then";
            pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
            nap(100);
            pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
            if (pick(&slot->random, 4) == 0)
                (void)!read(ends[0], &byte, 1);
            break;
        case 9:
            slot->doing = "creates";
            create_and_join();
            pthread_testcancel();
            break;
        case 10:
            slot->doing = "forks";
            pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
            have_a_child();
            pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
            pthread_testcancel();
            way = 1;
            break;
        case 11:
            slot->doing = "signals itself";
            pthread_kill(pthread_self(), SIGUSR1);
            way = pick(&slot->random, 12);
            break;
        case 12:
            slot->doing = "cancels itself";
            pthread_cancel(pthread_self());
            way = 1 + pick(&slot->random, 9);
            break;
        default:
            slot->doing = "reads a lock";
            read_lock();
            way = pick(&slot->random, 13);
        }
    }
    return NULL;
}

/*
 * What actors do.
 */

static void create(struct slot *slot, uint64_t *random)
{
    pthread_attr_t attr;
    sigset_t mask;
    struct sched_param param = {0};
    CHECK(pthread_attr_init(&attr) == 0);
    if (pick(random, 2))
        pthread_attr_setstacksize(&attr, 32768u << pick(random, 6));
    if (pick(random, 4) == 0)
        pthread_attr_setguardsize(&attr, 4096u * pick(random, 4));
    if (pick(random, 4) == 0) {
        pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
        pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
        pthread_attr_setschedparam(&attr, &param);
    }
#ifdef FURWOCK_THREADS
    if (pick(random, 4) == 0) {
        sigemptyset(&mask);
        sigaddset(&mask, SIGUSR2);
        pthread_attr_setsigmask_np(&attr, &mask);
    }
#else
    (void)mask;
#endif
    slot->random = *random;
    slot->doing = "is to be born";
    atomic_store(&slot->told, 0);
    atomic_store(&slot->born, 0);
    bool asked = pthread_create(&slot->thread, pick(random, 4) ? &attr : NULL, live, slot) == 0;
    CHECK(asked);
    CHECK(pthread_attr_destroy(&attr) == 0);
}

/* It ends, whatever it does: for that no more than a cancel is needed. */
static void end(struct slot *slot, uint64_t *random)
{
    void *result;
    int error;
    while ((error = pthread_cancel(slot->thread)) == EAGAIN)
        nap(1000);
    RETURNS(error, 0, 0);
    if (pick(random, 8) == 0) {
        RETURNS(pthread_detach(slot->thread), 0, 0);
        return;
    }
    RETURNS(pthread_join(slot->thread, &result), 0, 0);
    CHECK(result == NULL || result == PTHREAD_CANCELED);
}

static void be_notified(union sigval value)
{
    sigset_t all, former;
    (void)value;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    read_lock();
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (atomic_fetch_add(&notified, 1) % 4 == 0)
        pthread_exit(NULL);
}

/* Held by who has a timer: libc's timer_delete ends the timer's thread by a signal, and does not look whether. */
static pthread_mutex_t queue = PTHREAD_MUTEX_INITIALIZER;

static void limit_signals(bool none)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    limit.rlim_cur = none ? 0 : limit.rlim_max;
    CHECK(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
}

static void have_a_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = be_notified};
    struct itimerspec often = {{0, 100000}, {0, 100000}};
    timer_t timer;
    RETURNS(pthread_mutex_lock(&queue), 0, 0);
    limit_signals(false);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    nap(1000);
    CHECK(timer_delete(timer) == 0);
    /* Its thread is there until it has taken the signal. */
    nap(1000);
    RETURNS(pthread_mutex_unlock(&queue), 0, 0);
}

static void start_a_program(void)
{
    char *arguments[] = {"true", NULL}, *environment[] = {NULL};
    pid_t pid;
    int status;
    CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void act(struct slot *slot, uint64_t *random, const char *volatile *now)
{
    int state = atomic_load(&slot->state), next = FREE;
    if (state == BUSY || !atomic_compare_exchange_strong(&slot->state, &state, BUSY))
        return;
    switch (state == FREE ? 0 : 1 + pick(random, 4)) {
    case 0:
        *now = "creates";
        create(slot, random);
        next = LIVE;
        break;
    case 1:
        *now = "signals";
        if (with.handlers)
            RETURNS(pthread_kill(slot->thread, SIGUSR1), 0, 0);
        next = LIVE;
        break;
    case 2:
        *now = "tells and ends";
        atomic_store(&slot->told, 1);
        end(slot, random);
        break;
    default:
        *now = "ends";
        end(slot, random);
    }
    atomic_store(&slot->state, next);
}

static void *act_out(void *arg)
{
    unsigned number = (unsigned)(uintptr_t)arg;
    uint64_t random = round_seed * 77 + number;
    for (int i = 0; i < STEPS; i++) {
        switch (pick(&random, 40)) {
        case 0:
            acts[number] = "forks";
            have_a_child();
            break;
        case 1:
            acts[number] = "sets a user";
            set_user();
            break;
        case 2:
            acts[number] = "has a timer";
            if (with.timers)
                have_a_timer();
            break;
        case 3:
            acts[number] = "starts a program";
            if (pick(&random, 4) == 0)
                start_a_program();
            break;
        case 4:
        case 5:
            acts[number] = "limits signals";
            if (with.limits && pthread_mutex_trylock(&queue) == 0) {
                limit_signals(pick(&random, 2));
                RETURNS(pthread_mutex_unlock(&queue), 0, 0);
            }
            break;
        default:
            act(&slots[pick(&random, SLOTS)], &random, &acts[number]);
        }
    }
    acts[number] = "is done";
    return NULL;
}

/*
 * A round.
 */

static long kilobytes(const char *what)
{
    char line[256];
    long found = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, what, strlen(what)) == 0)
            found = atol(line + strlen(what));
    if (status)
        fclose(status);
    return found;
}

static int threads_of_others(long wanted)
{
    int others = 0;
    char path[300], line[256];
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    for (struct dirent *entry; (entry = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *status = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        while (status && fgets(line, sizeof line, status))
            if (strncmp(line, "Uid:", 4) == 0)
                others += atol(line + 4) != wanted;
        if (status)
            fclose(status);
    }
    closedir(tasks);
    return others;
}

/* It does not stand still while it has so much of a processor as naps and looks do not take. */
static void stall(int signal)
{
    static clock_t before;
    clock_t now = clock();
    (void)signal;
    if (now - before > CLOCKS_PER_SEC / 2) {
        before = now;
        alarm(STALL_SECONDS);
        return;
    }
    for (int i = 0; i <= ACTORS; i++)
        dprintf(1, "  actor %d %s\n", i, acts[i] ? acts[i] : "-");
    for (int i = 0; i < SLOTS; i++)
        dprintf(1, "  slot %d, %d: %s\n", i, atomic_load(&slots[i].state),
                slots[i].doing ? slots[i].doing : "-");
    fail("it stands still");
}

static void run_round(void)
{
    pthread_t actors[ACTORS];
    signal(SIGALRM, stall);
    alarm(STALL_SECONDS);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = handle, .sa_flags = SA_RESTART}, NULL);
    CHECK(pipe(ends) == 0 && sem_init(&never, 0, 0) == 0);
    uint64_t random = round_seed;
    long before = 0;
    for (int half = 0; half < 2; half++) {
        for (uintptr_t i = 0; i < ACTORS; i++)
            RETURNS(pthread_create(&actors[i], NULL, act_out, (void *)i), 0, 0);
        for (int i = 0; i < ACTORS; i++)
            RETURNS(pthread_join(actors[i], NULL), 0, 0);
        acts[ACTORS] = "sets the last user";
        if (with.users && geteuid() == 0) {
            atomic_store(&user_is_last, 1);
            CHECK(setresuid(4711, (uid_t)-1, 0) == 0);
            /* One may have begun before; and threads that are about to go need not have heard of it. */
            while (threads_of_others(4711) > 0)
                CHECK(setresuid(4711, (uid_t)-1, 0) == 0);
            atomic_store(&user_is_last, 0);
        }
        acts[ACTORS] = "ends all";
        for (int i = 0; i < SLOTS; i++)
            if (atomic_exchange(&slots[i].state, FREE) == LIVE)
                end(&slots[i], &random);
        acts[ACTORS] = "waits for the kernel";
        while (kilobytes("Threads:") != 1)
            nap(100);
        if (half == 0)
            before = kilobytes("VmSize:");
    }
    if (kilobytes("VmSize:") > before + GROWTH_KB)
        fail("grown from %ld to %ld kB", before, kilobytes("VmSize:"));
    _exit(0);
}

int main(int count, char **arguments)
{
    long seconds = 10;
    uint64_t seed = (uint64_t)time(NULL);
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(arguments[i], "--seconds") == 0)
            seconds = atol(arguments[i + 1]);
        else if (strcmp(arguments[i], "--seed") == 0)
            seed = strtoull(arguments[i + 1], NULL, 0);
        else if (strcmp(arguments[i], "--without") == 0) {
            with.users &= !strstr(arguments[i + 1], "users");
            with.limits &= !strstr(arguments[i + 1], "limits");
            with.timers &= !strstr(arguments[i + 1], "timers");
            with.handlers &= !strstr(arguments[i + 1], "handlers");
        }
    }
    time_t until = time(NULL) + seconds;
    unsigned long rounds = 0, failures = 0;
    do {
        int status;
        round_seed = seed++;
        pid_t pid = fork();
        if (pid == 0)
            run_round();
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return 2;
        if (status != 0)
            printf("seed %llu: status %#x\n", (unsigned long long)round_seed, (unsigned)status);
        failures += status != 0;
        rounds++;
    } while (time(NULL) < until && failures < 3);
    printf("lives: %lu rounds, %lu failures\n", rounds, failures);
    return failures != 0;
}
