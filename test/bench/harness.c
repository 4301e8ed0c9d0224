#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* As in linux/futex.h, which a cross or musl compiler may not find. */
#define FUTEX_WAIT 0
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

double bench_seconds = 0.1;

_Noreturn void skip_row(const char *reason)
{
    dprintf(STDOUT_FILENO, "skipped %s\n", reason);
    _exit(0);
}

_Noreturn void broken_row(const char *what, int error)
{
    if (error != 0)
        dprintf(STDOUT_FILENO, "broken %s: %s\n", what, strerror(error));
    else
        dprintf(STDOUT_FILENO, "broken %s\n", what);
    _exit(0);
}

void must(int error, const char *what)
{
    if (error != 0)
        broken_row(what, error);
}

uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        broken_row("clock_gettime", errno);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

__attribute__((noinline)) void work(long iterations)
{
    uint64_t x = (uint64_t)iterations;
    while (iterations-- > 0) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(x));
    }
}

long futex_wait(_Atomic uint32_t *word, uint32_t expected)
{
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

long futex_wait_shared(_Atomic uint32_t *word, uint32_t expected)
{
    return syscall(SYS_futex, word, FUTEX_WAIT, expected, NULL, NULL, 0);
}

long futex_wake(_Atomic uint32_t *word, int waiters)
{
    return syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters, NULL, NULL, 0);
}

static void *parked(void *unused)
{
    static _Atomic uint32_t never;
    for (;;)
        futex_wait(&never, 0);
    return unused;
}

void park_a_thread(void)
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, parked, NULL), "pthread_create");
}

/* The letter that follows the name in parentheses, which may have any character in it. */
static char state_of(pid_t thread)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        skip_row("/proc does not tell what threads do");
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end != NULL && name_end[1] != '\0' ? name_end[2] : '\0';
}

void await_sleep(pid_t thread)
{
    while (state_of(thread) != 'S')
        sched_yield();
}

void measure_calls(void (*call)(long), long count, struct result *result)
{
    call(count);
    uint64_t end, start = now_ns(), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    do {
        call(count);
        result->operations += count;
        end = now_ns();
    } while (end - start < (uint64_t)(bench_seconds * 1e9));
    result->wall_ns = end - start;
    result->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
}

/* The allowed CPUs are asked for once, before any pinning narrows them. */
static void allowed_cpus(cpu_set_t *cpus)
{
    static cpu_set_t allowed;
    static bool known;
    if (!known) {
        if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
            skip_row("sched_getaffinity is refused");
        known = true;
    }
    *cpus = allowed;
}

static void pin_to_range(unsigned from, unsigned count)
{
    cpu_set_t allowed, chosen;
    allowed_cpus(&allowed);
    CPU_ZERO(&chosen);
    unsigned seen = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        if (seen >= from && seen < from + count)
            CPU_SET(cpu, &chosen);
        seen++;
    }
    if (seen < from + count)
        skip_row("needs more CPUs");
    if (sched_setaffinity(0, sizeof chosen, &chosen) != 0)
        skip_row("sched_setaffinity is refused");
}

void pin_to_first(unsigned count)
{
    pin_to_range(0, count);
}

void pin_to(unsigned index)
{
    pin_to_range(index, 1);
}

/* ---- One thread ---- */

/* A batch long enough that reading the clock after each costs nothing to speak of. */
#define BATCH_NS 100000u

static uint64_t run_batches(int (*batch)(void *, unsigned long), void *object, unsigned long n,
                            double seconds)
{
    uint64_t operations = 0, end = now_ns() + (uint64_t)(seconds * 1e9);
    do {
        must(batch(object, n), "an operation failed");
        operations += n;
    } while (now_ns() < end);
    return operations;
}

void measure_batches(int (*batch)(void *, unsigned long), void *object, struct result *result)
{
    unsigned long n = 16;
    for (;;) {
        uint64_t start = now_ns();
        must(batch(object, n), "an operation failed");
        if (now_ns() - start >= BATCH_NS || n >= ULONG_MAX / 4)
            break;
        n *= 2;
    }
    run_batches(batch, object, n, bench_seconds / 8);

    /* The process has this thread and at most a parked one, so its CPU time is this thread's. */
    uint64_t wall = now_ns(), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    result->operations = run_batches(batch, object, n, bench_seconds);
    result->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    result->wall_ns = now_ns() - wall;
}

/* ---- Durations ---- */

static unsigned bucket_of(uint64_t nanoseconds)
{
    if (nanoseconds < BUCKETS_PER_OCTAVE)
        return (unsigned)nanoseconds;
    unsigned octave = 63u - (unsigned)__builtin_clzll(nanoseconds);
    /* The four bits below the leading one choose among the sixteen buckets. */
    unsigned within = (unsigned)(nanoseconds >> (octave - 4)) - BUCKETS_PER_OCTAVE;
    return (octave - 3) * BUCKETS_PER_OCTAVE + within;
}

static double middle_of(unsigned bucket)
{
    if (bucket < BUCKETS_PER_OCTAVE)
        return bucket;
    unsigned octave = bucket / BUCKETS_PER_OCTAVE + 3;
    double width = (double)(1ull << (octave - 4));
    return (BUCKETS_PER_OCTAVE + bucket % BUCKETS_PER_OCTAVE + 0.5) * width;
}

void record_time(struct worker *worker, uint64_t nanoseconds)
{
    struct histogram *times = &worker->times;
    if (nanoseconds > times->longest)
        times->longest = nanoseconds;
    unsigned bucket = bucket_of(nanoseconds);
    if (bucket < sizeof times->counts / sizeof times->counts[0])
        times->counts[bucket]++;
}

static void summarise_times(struct team *team, struct result *result)
{
    static uint64_t counts[sizeof((struct histogram *)0)->counts / sizeof(uint32_t)];
    const unsigned buckets = sizeof counts / sizeof counts[0];
    uint64_t total = 0, longest = 0;
    for (unsigned i = 0; i < team->size; i++) {
        struct histogram *times = &team->workers[i].times;
        if (times->longest > longest)
            longest = times->longest;
        for (unsigned bucket = 0; bucket < buckets; bucket++) {
            counts[bucket] += times->counts[bucket];
            total += times->counts[bucket];
        }
    }
    if (total == 0)
        return;
    result->longest_ns = (double)longest;
    uint64_t below = 0;
    for (unsigned bucket = 0; bucket < buckets; bucket++) {
        below += counts[bucket];
        if (below * 1000 >= total * 999) {
            double middle = middle_of(bucket);
            result->p999_ns = middle < (double)longest ? middle : (double)longest;
            return;
        }
    }
}

/* ---- Teams ---- */

static void wait_while(_Atomic uint32_t *word, uint32_t value)
{
    while (atomic_load(word) == value)
        futex_wait(word, value);
}

static void finish_phase(struct team *team)
{
    if (atomic_fetch_sub(&team->busy, 1) == 1)
        futex_wake(&team->busy, 1);
}

static void wait_for_team(struct team *team)
{
    uint32_t busy;
    while ((busy = atomic_load(&team->busy)) != 0)
        futex_wait(&team->busy, busy);
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct team *team = worker->team;
    if (team->placement == ONE_CPU)
        pin_to(0);
    else if (team->placement == ALTERNATE)
        pin_to(worker->index % 2);
    else if (team->placement == TWO_CPUS)
        pin_to_first(2);
    for (uint32_t phase = 0;; phase++) {
        finish_phase(team);
        wait_while(&team->phase, phase);
        uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        team->body(worker);
        worker->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
        worker->end_ns = now_ns();
    }
    return NULL;
}

pthread_t create_small_thread(void *(*start)(void *), void *argument)
{
    pthread_t thread;
    pthread_attr_t attributes;
    must(pthread_attr_init(&attributes), "pthread_attr_init");
    must(pthread_attr_setstacksize(&attributes, 128 * 1024), "pthread_attr_setstacksize");
    int error = pthread_create(&thread, &attributes, start, argument);
    if (error == EAGAIN)
        skip_row("not so many threads are allowed");
    must(error, "pthread_create");
    pthread_attr_destroy(&attributes);
    return thread;
}

struct team *team_create(unsigned size, enum placement placement, void (*body)(struct worker *),
                         void *shared)
{
    struct team *team = aligned_alloc(APART, sizeof *team);
    struct worker *workers = aligned_alloc(APART, size * sizeof *workers);
    if (team == NULL || workers == NULL)
        skip_row("out of memory");
    memset(team, 0, sizeof *team);
    memset(workers, 0, size * sizeof *workers);
    team->size = size;
    team->placement = placement;
    team->workers = workers;
    team->body = body;
    team->shared = shared;
    atomic_store(&team->busy, size);

    cpu_set_t unused;
    allowed_cpus(&unused);
    for (unsigned i = 0; i < size; i++) {
        workers[i].team = team;
        workers[i].index = i;
        workers[i].random = 0x9e3779b97f4a7c15u * (i + 1);
        workers[i].thread = create_small_thread(worker_main, &workers[i]);
    }
    /* Every thread exists and waits at the gate before any begins. */
    wait_for_team(team);
    return team;
}

static void sleep_until(uint64_t nanoseconds)
{
    struct timespec until = {.tv_sec = (time_t)(nanoseconds / 1000000000u),
                             .tv_nsec = (long)(nanoseconds % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

void team_phase(struct team *team, double seconds, struct result *result)
{
    for (unsigned i = 0; i < team->size; i++)
        team->workers[i].operations = 0;
    atomic_store(&team->stop, 0);
    atomic_store(&team->busy, team->size);
    uint64_t start = now_ns(), end = start;
    atomic_fetch_add(&team->phase, 1);
    futex_wake(&team->phase, INT_MAX);
    sleep_until(start + (uint64_t)(seconds * 1e9));
    atomic_store(&team->stop, 1);
    wait_for_team(team);

    /* From the gate's opening to the last worker's return, so that all counted operations lie
     * within the time they are divided into. The workers' own clocks leave out this thread's work.
     */
    for (unsigned i = 0; i < team->size; i++) {
        const struct worker *worker = &team->workers[i];
        if (worker->end_ns > end)
            end = worker->end_ns;
        result->operations += worker->operations;
        result->cpu_ns += worker->cpu_ns;
        team->all_operations += worker->operations;
    }
    result->wall_ns += end - start;
}

static void judge_fairness(const struct team *team, struct result *result)
{
    uint64_t fewest = UINT64_MAX, most = 0, all = 0;
    for (unsigned i = 0; i < team->size; i++) {
        uint64_t operations = team->workers[i].operations;
        if (operations < fewest)
            fewest = operations;
        if (operations > most)
            most = operations;
        all += operations;
    }
    result->fairness = all == 0 ? 0 : (double)fewest / (double)most;
    result->least_share = all == 0 ? 0 : (double)fewest * team->size / (double)all;
}

void team_measure(struct team *team, void (*reset)(struct team *), int what, struct result *result)
{
    struct result unused = {0};
    if (reset != NULL)
        reset(team);
    team_phase(team, bench_seconds / 8, &unused);
    if (reset != NULL)
        reset(team);
    team_phase(team, bench_seconds, result);
    if (what & FAIRNESS)
        judge_fairness(team, result);
    if (what & TAILS) {
        /* Apart, because reading the clock twice an operation would show in the others' figures. */
        team->timed = true;
        if (reset != NULL)
            reset(team);
        team_phase(team, bench_seconds / 2, &unused);
        summarise_times(team, result);
    }
}
