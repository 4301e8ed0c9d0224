/* What no library can go below: raw operations, measured in the same run as the rows they bound. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

__attribute__((noinline)) static int empty_function(void *object)
{
    __asm__ volatile("" : "+r"(object));
    return 0;
}

static int calls(void *object, unsigned long n)
{
    int errors = 0;
    while (n-- > 0)
        errors |= empty_function(object);
    return errors;
}

static void call(const struct row *row, struct result *result)
{
    (void)row;
    int object = 0;
    measure_batches(calls, &object, result);
}

static int atomic_pairs(void *object, unsigned long n)
{
    _Atomic uint32_t *word = object;
    int errors = 0;
    while (n-- > 0) {
        uint32_t expected = 0;
        errors |= !atomic_compare_exchange_strong_explicit(word, &expected, 1, memory_order_acquire,
                                                           memory_order_relaxed);
        errors |= atomic_exchange_explicit(word, 0, memory_order_release) != 1;
    }
    return errors;
}

static void atomics(const struct row *row, struct result *result)
{
    (void)row;
    _Atomic uint32_t word = 0;
    measure_batches(atomic_pairs, &word, result);
}

static int system_calls(void *object, unsigned long n)
{
    (void)object;
    while (n-- > 0)
        syscall(SYS_getppid);
    return 0;
}

static void system_call(const struct row *row, struct result *result)
{
    (void)row;
    measure_batches(system_calls, NULL, result);
}

/* What a loop that waits awake says to the processor at each turn. */
static int pauses(void *object, unsigned long n)
{
    (void)object;
    while (n-- > 0)
#if defined __x86_64__
        __asm__ volatile("pause" ::: "memory");
#elif defined __aarch64__
        __asm__ volatile("isb" ::: "memory");
#else
        skip_row("not known for this machine");
#endif
    return 0;
}

static void pause_of_loop(const struct row *row, struct result *result)
{
    (void)row;
    measure_batches(pauses, NULL, result);
}

static int clock_reads(void *object, unsigned long n)
{
    (void)object;
    while (n-- > 0)
        now_ns();
    return 0;
}

static void clock_read(const struct row *row, struct result *result)
{
    (void)row;
    measure_batches(clock_reads, NULL, result);
}

static int works(void *object, unsigned long n)
{
    const long *iterations = object;
    while (n-- > 0)
        work(*iterations);
    return 0;
}

static void work_alone(const struct row *row, struct result *result)
{
    long iterations = row->a;
    measure_batches(works, &iterations, result);
}

/* ---- Between two CPUs ---- */

/* turn says who may go on; the follower leaves when it reads LEAVE. */
enum { LEADER, FOLLOWER, LEAVE };

struct line {
    _Alignas(APART) _Atomic uint32_t turn;
};

static void line_body(struct worker *worker)
{
    struct line *line = worker->team->shared;
    if (worker->index == 0) {
        while (!team_stopped(worker->team)) {
            atomic_store_explicit(&line->turn, FOLLOWER, memory_order_release);
            while (atomic_load_explicit(&line->turn, memory_order_acquire) != LEADER) {
            }
            worker->operations++;
        }
        atomic_store_explicit(&line->turn, LEAVE, memory_order_release);
        return;
    }
    for (;;) {
        uint32_t turn;
        while ((turn = atomic_load_explicit(&line->turn, memory_order_acquire)) == LEADER) {
        }
        if (turn == LEAVE)
            return;
        atomic_store_explicit(&line->turn, LEADER, memory_order_release);
    }
}

static void line_reset(struct team *team)
{
    struct line *line = team->shared;
    atomic_store(&line->turn, LEADER);
}

static void cache_line(const struct row *row, struct result *result)
{
    (void)row;
    static struct line line;
    team_measure(team_create(2, ALTERNATE, line_body, &line), line_reset, 0, result);
}

struct sleepers {
    struct {
        _Alignas(APART) _Atomic uint32_t word;
    } of[2];
    bool leave;
};

static void wake(struct sleepers *sleepers, int side)
{
    atomic_store(&sleepers->of[side].word, 1);
    futex_wake(&sleepers->of[side].word, 1);
}

static void sleep_as(struct sleepers *sleepers, int side)
{
    /* Asks the kernel first: what is measured is a sleep, also when the other side was quick. */
    do
        futex_wait(&sleepers->of[side].word, 0);
    while (atomic_load(&sleepers->of[side].word) == 0);
    atomic_store(&sleepers->of[side].word, 0);
}

static void futex_body(struct worker *worker)
{
    struct sleepers *sleepers = worker->team->shared;
    if (worker->index == 0) {
        while (!team_stopped(worker->team)) {
            wake(sleepers, 1);
            sleep_as(sleepers, 0);
            worker->operations++;
        }
        sleepers->leave = true;
        wake(sleepers, 1);
        return;
    }
    for (;;) {
        sleep_as(sleepers, 1);
        if (sleepers->leave)
            return;
        wake(sleepers, 0);
    }
}

static void futex_reset(struct team *team)
{
    struct sleepers *sleepers = team->shared;
    sleepers->leave = false;
}

static void futexes(const struct row *row, struct result *result)
{
    static struct sleepers sleepers;
    struct team *team = team_create(2, (enum placement)row->a, futex_body, &sleepers);
    team_measure(team, futex_reset, 0, result);
}

/* What a thread costs the kernel: no more than a stack, used again, and a word cleared at its end. */
static int end_now(void *unused)
{
    (void)unused;
    return 0;
}

static void clone_and_wait(long unused)
{
    (void)unused;
    enum { STACK = 128 << 10 };
    static char *stack;
    static _Atomic uint32_t tid;
    if (stack == NULL)
        stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    if (clone(end_now, stack + STACK, flags, NULL, &tid, NULL, &tid) < 0)
        broken_row("clone", 0);
    uint32_t now;
    while ((now = tid) != 0)
        futex_wait_shared(&tid, now);
}

static void clones(const struct row *row, struct result *result)
{
    measure_calls(clone_and_wait, row->a, result);
}

const struct row limit_rows[] = {
    {.name = "call", .what = "an empty function's call and return", .run = call, .seconds = 0.05},
    {.name = "atomics",
     .what = "compare-exchange and exchange of one word, inline",
     .run = atomics,
     .seconds = 0.05},
    {.name = "syscall", .what = "an empty system call", .run = system_call, .seconds = 0.05},
    {.name = "line",
     .what = "a cache line from one CPU to another and back",
     .run = cache_line,
     .seconds = 0.1},
    {.name = "futex",
     .what = "futex sleep and wake between two CPUs, there and back",
     .run = futexes,
     .a = ALTERNATE,
     .seconds = 0.1},
    {.name = "futex1", .what = "the same on one CPU", .run = futexes, .a = ONE_CPU, .seconds = 0.1},
    {.name = "pause",
     .what = "the processor's word for a loop that waits",
     .run = pause_of_loop,
     .seconds = 0.05},
    {.name = "clock", .what = "a reading of the clock", .run = clock_read, .seconds = 0.05},
    {.name = "work100",
     .what = "100 iterations of the work that sections are filled with",
     .run = work_alone,
     .a = 100,
     .seconds = 0.05},
    {.name = "work3k",
     .what = "3,000 iterations of it",
     .run = work_alone,
     .a = 3000,
     .seconds = 0.05},
    {.name = "work40k",
     .what = "40,000 iterations of it",
     .run = work_alone,
     .a = 40000,
     .seconds = 0.05},
    {.name = "clone",
     .what = "clone(2) of a thread that ends at once, and the wait for that",
     .run = clones,
     .a = 1,
     .seconds = 0.2},
    {.name = NULL},
};
