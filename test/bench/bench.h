/* The benchmark's own interfaces.
 *
 * A row is one operation under one condition. It runs in a fresh process that measures for a
 * bounded time and writes one line; the driver (bench.c) runs that process in turn on libc and on
 * each preloaded library, takes medians and prints them. The harness synchronises its threads with
 * raw futex words only, so that nothing but the row itself touches the library under measure. */
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What must not share a cache line lies two lines apart: the adjacent-line prefetcher pairs them.
 */
#define APART 128

/* What one process measured. A negative fairness or time means: not measured. */
struct result {
    uint64_t operations;
    uint64_t wall_ns;
    uint64_t cpu_ns;
    /* Acquisitions of the thread that had fewest, over those of the one that had most. */
    double fairness;
    /* The fewest over the mean. */
    double least_share;
    /* Of the time one lock call took, or one hand-off there and back. */
    double longest_ns;
    double p999_ns;
};

struct row {
    const char *name;
    const char *what;
    /* The raw operation that bounds this row from below: the name of a row of limit_rows. */
    const char *limit;
    void (*run)(const struct row *row, struct result *result);
    /* Parameters; their meaning is the run function's. */
    long a, b, c;
    double seconds;
    unsigned flags;
};

enum {
    /* Measured only when --rows names it. */
    ON_REQUEST = 1,
    /* A size of a series, measured with --growth. The name is the series', a slash and the size. */
    GROWTH = 2,
    /* What a peer of this name has, and is measured on. */
    NSYNC = 4,
    /* A peer of this name is measured on it even if --rows does not name it. */
    ASYMMETRIC = 8,
};

/* Each table ends with a row without a name. */
extern const struct row limit_rows[];
extern const struct row pair_rows[];
extern const struct row call_rows[];
extern const struct row contended_rows[];
extern const struct row handoff_rows[];
extern const struct row thread_rows[];

/* The row of a point of the sweep, by its name. */
struct row row_of_point(const char *name);

/* ---- What a row runs with: harness.c ---- */

/* How long the current process is to measure. */
extern double bench_seconds;

/* End this process with a verdict instead of figures: the row cannot run here (not permitted, not
 * supported, too few CPUs), or the library under measure did something wrong. */
_Noreturn void skip_row(const char *reason);
_Noreturn void broken_row(const char *what, int error);

/* broken_row, unless error is 0. */
void must(int error, const char *what);

uint64_t clock_ns(clockid_t clock);
uint64_t now_ns(void);

/* A chain of multiplications that no compiler removes: about 4 cycles an iteration. */
void work(long iterations);

long futex_wait(_Atomic uint32_t *word, uint32_t expected);
/* The same of a word that the kernel itself wakes. */
long futex_wait_shared(_Atomic uint32_t *word, uint32_t expected);
long futex_wake(_Atomic uint32_t *word, int waiters);

/* Call call(count), which does count operations, until it is time. CPU is the whole process's. */
void measure_calls(void (*call)(long), long count, struct result *result);

/* Return when this thread of the process sleeps in the kernel. */
void await_sleep(pid_t thread);

/* With a small stack, so that there may be thousands; skips the row where that is refused. */
pthread_t create_small_thread(void *(*start)(void *), void *argument);

/* Have a second thread in the process, asleep in the kernel and touching nothing. */
void park_a_thread(void);

/* Put the calling thread (and those it creates) on the first `count` of the CPUs the process may
 * use, or on the one numbered `index` among them. Skip the row where there are not so many. */
void pin_to_first(unsigned count);
void pin_to(unsigned index);

/* Measure, in the calling thread, batch(object, n), which does n operations and returns the or of
 * their results. */
void measure_batches(int (*batch)(void *object, unsigned long n), void *object,
                     struct result *result);

/* Counts of durations: sixteen buckets an octave. */
#define BUCKETS_PER_OCTAVE 16
struct histogram {
    uint64_t longest;
    uint32_t counts[60 * BUCKETS_PER_OCTAVE];
};

/* Where a team's threads run: anywhere; all on the first CPU; alternately on the first and second;
 * anywhere on those two. */
enum placement { ANYWHERE, ONE_CPU, ALTERNATE, TWO_CPUS };

struct team;

struct worker {
    _Alignas(APART) struct team *team;
    unsigned index;
    pthread_t thread;
    uint64_t random;
    /* Of the current phase. */
    uint64_t operations;
    uint64_t cpu_ns;
    uint64_t end_ns;
    struct histogram times;
};

/* Threads that run one body together, phase after phase. */
struct team {
    unsigned size;
    enum placement placement;
    struct worker *workers;
    void (*body)(struct worker *worker);
    void *shared;
    /* In this phase the body records how long its operations take. */
    bool timed;
    /* Operations of all phases so far, for the rows that check their sums. */
    uint64_t all_operations;
    _Alignas(APART) _Atomic uint32_t stop;
    _Alignas(APART) _Atomic uint32_t phase;
    _Alignas(APART) _Atomic uint32_t busy;
};

struct team *team_create(unsigned size, enum placement placement, void (*body)(struct worker *),
                         void *shared);

/* Let the body run in every worker for `seconds`, until all have returned; add the operations, the
 * wall time and the CPU time to the result. */
void team_phase(struct team *team, double seconds, struct result *result);

/* Warm up, measure, and where tails are wanted run again with every operation timed. `reset`, if
 * any, is called before each phase. */
#define FAIRNESS 1
#define TAILS 2
void team_measure(struct team *team, void (*reset)(struct team *team), int what,
                  struct result *result);

static inline bool team_stopped(struct team *team)
{
    return atomic_load_explicit(&team->stop, memory_order_relaxed) != 0;
}

void record_time(struct worker *worker, uint64_t nanoseconds);

static inline uint64_t next_random(struct worker *worker)
{
    uint64_t x = worker->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return worker->random = x;
}

/* ---- What the driver prints with: report.c ---- */

#define MAX_LIBRARIES 8
#define MAX_ROUNDS 99

struct library {
    char name[16];
    /* The shared object to preload, or null. */
    char *preload;
    /* One VAR=VALUE for its environment, or null. */
    char *setting;
    /* Another build of this program to run, or null for this one. */
    char *program;
};

/* LEFT_OUT: the row is not for this library. */
enum verdict { MEASURED, SKIPPED, BROKEN, LEFT_OUT };

/* Every round of one row on one library. */
struct samples {
    enum verdict verdict;
    char reason[160];
    int count;
    double wall[MAX_ROUNDS], cpu[MAX_ROUNDS];
    double fairness[MAX_ROUNDS], longest[MAX_ROUNDS], p999[MAX_ROUNDS];
};

struct report;

/* The machine in one line: its name, and those limits that say most of it. */
#define MAX_LIMITS 16
struct machine {
    char text[512];
};
bool is_of_machine(const struct row *limit);
/* `limits` has the samples of limit_rows, one for each. */
void describe_machine(struct machine *machine, const struct samples *limits);

/* `out` is the machine-readable file, or null. libraries[0] is the one the others are compared
 * with. */
struct report *report_open(const char *out, const struct machine *machine,
                           const struct library *libraries, int count, int rounds);
void report_limit(struct report *report, const struct row *limit, const struct samples *samples);
void report_row(struct report *report, const struct row *row, const struct samples *samples);
/* Print what comes after the rows: tails, growth, means. False if a row was broken. */
bool report_close(struct report *report);

#endif
