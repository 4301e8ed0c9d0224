/*
 * A machine of up to 64 CPUs, with a thread on each, on which transfers of cache lines are counted.
 *
 * For each line of 64 bytes the machine knows which CPUs have a copy.
 *
 *   a CPU that    and the line is               counts one, and then
 *   ------------  ----------------------------  --------------------------------------------
 *   reads         among its copies              no
 *   reads         not                           yes; it has a copy beside the others
 *   writes        its copy, and nobody else's   no
 *   writes        anything else                 yes; nobody else has a copy
 *
 * A read-modify-write is a write, even if it leaves the word as it was: CPUs take the line first, and
 * compare then. Whether another CPU or memory sends the line makes no difference. Counted are steps of
 * the atomic operations, and the kernel's looks at futex words; plain accesses are not, nor are a
 * thread's own block and what the kernel touches of its own. Addresses are those of this program: what
 * variables of the library share a line by chance may be others in the library itself.
 *
 * Schedules. Each thread has a clock, and the one that is behind makes the next step. What steps take is
 * below, an eighth more or less by dice. So who spins, naps or stands aside does so for as long as it
 * would. A line goes to those who want it in the order in which they have asked, and is on its way for
 * a time. These times decide which schedule it is, and nothing else: they are not what is reported.
 */
#include "machine.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>

/* Nanoseconds. */
struct costs costs = {
    .hit = 1,
    .change = 5,
    .transfer = 60,
    .hold = 15,
    .pause = 40,
    .clock = 8,
    .call = 200,
    .wake = 1000,
    .wakeup = 5000,
    .slack = 50000,
};

enum { STACK = 64 << 10, LINE = 64, LINES = 1 << 14, SITES = 1 << 10 };
enum { START = 1000 };
#define NEVER UINT64_MAX

static const struct scenario plain;
const struct scenario *scenario = &plain;
int threads;
bool scheduling;
struct options options;

struct counts counts;
static struct limits limits;
static bool counting;
static unsigned turn;
static uint64_t dice, steps;
/* When the time of one that sleeps is over. */
static uint64_t until[THREADS + 1];
/* Until then the current thread is the one that is behind. */
static uint64_t undisturbed;
static jmp_buf home;

/* Lines. */

static struct line {
    uintptr_t address;
    uint64_t copies;
    /* when it has come to whoever asked last */
    uint64_t there;
} lines[LINES];

static struct counted sites[SITES];

static struct line *line_of(const volatile void *p)
{
    uintptr_t address = (uintptr_t)p / LINE;
    unsigned i = mix(address, 0) % LINES;
    for (unsigned tried = 0; lines[i].address && lines[i].address != address; tried++) {
        if (tried == LINES)
            fail("too many lines");
        i = (i + 1) % LINES;
    }
    lines[i].address = address;
    return &lines[i];
}

static bool has(const struct line *line, bool write)
{
    uint64_t mine = 1ul << current->index;
    return write ? line->copies == mine : line->copies & mine;
}

/* Where in the sources, and to which object. */
static void note_site(const struct place *place, const volatile void *p)
{
    const char *name = name_of(p);
    unsigned i = mix((uintptr_t)place, (uintptr_t)name) % SITES;
    while (sites[i].count && (sites[i].place != place || sites[i].name != name))
        i = (i + 1) % SITES;
    sites[i].place = place;
    sites[i].name = name;
    sites[i].count++;
}

struct counted *counted_sites(int *number)
{
    *number = SITES;
    return sites;
}

/* Time. */

static unsigned roll(void)
{
    dice = mix(dice, 1);
    return dice >> 16;
}

unsigned machine_random(void)
{
    return roll();
}

static uint64_t about(uint64_t nanoseconds)
{
    return nanoseconds - nanoseconds / 8 + roll() % (nanoseconds / 4 + 1);
}

static void spend(uint64_t nanoseconds)
{
    current->clock += about(nanoseconds);
}

void machine_elapse(unsigned nanoseconds)
{
    spend(nanoseconds);
}

int machine_threads(void)
{
    return threads;
}

/* Scheduling. */

static void finish(void)
{
    counts.ended = current->clock;
    _longjmp(home, 1);
}

/* The window in which operations count. */
static void look_at_time(void)
{
    if (!limits.steps)
        return;
    if (!counting && (current->clock >= limits.warm || steps >= limits.steps / 3)) {
        counting = true;
        counts.began = current->clock;
    }
    if (counting && (current->clock >= counts.began + limits.window || steps >= limits.steps))
        finish();
}

static uint64_t ready_at(const struct fibre *fibre)
{
    switch (fibre->status) {
    case RUNNING:
        return fibre->clock;
    case ASLEEP:
        return until[fibre->index];
    case AWAITING:
        return fibre->value == turn ? fibre->clock : NEVER;
    default:
        return NEVER;
    }
}

/* The one that is behind makes the next step; of those that are as far, the next in turn. */
static struct fibre *hindmost(void)
{
    struct fibre *first = current;
    uint64_t least = ready_at(current);
    undisturbed = NEVER;
    for (int i = 1; i <= threads; i++) {
        struct fibre *fibre = &fibres[(current->index + i) % threads];
        uint64_t at = ready_at(fibre);
        if (at < least) {
            undisturbed = least;
            least = at;
            first = fibre;
        } else if (fibre != first && at < undisturbed) {
            undisturbed = at;
        }
    }
    if (least != NEVER)
        return first;
    for (int i = 0; i < threads; i++)
        if (fibres[i].status != ENDED)
            fail("thread %d waits for ever", i);
    finish();
    return NULL;
}

/* Let those come first who are behind. */
void yield(void)
{
    struct fibre *next = hindmost();
    if (next->status == ASLEEP) {
        uint64_t now = current->clock;
        unqueue(next, -ETIMEDOUT);
        current->clock = now;
        next->clock = until[next->index];
    }
    switch_to(next);
    look_at_time();
}

static void await_turn(void)
{
    if (++steps > limits.most && limits.most)
        fail("no end after %lu steps", (unsigned long)limits.most);
    if (current->clock > undisturbed)
        yield();
}

void turn_await(unsigned number)
{
    current->status = AWAITING;
    current->value = number;
    yield();
    current->status = RUNNING;
}

void turn_pass(void)
{
    turn++;
    undisturbed = 0;
    for (int i = 0; i < threads; i++)
        if (fibres[i].status == AWAITING && fibres[i].clock < current->clock)
            fibres[i].clock = current->clock;
}

void count_begin(void)
{
    counting = true;
}

void count_end(void)
{
    counting = false;
}

/* Accesses. */

static bool is_own(const volatile void *p)
{
    const char *self = model_self();
    return (const char *)p >= self && (const char *)p < self + model_self_size;
}

/* Have the line, for a step of the current thread's. */
static void have(const volatile void *p, bool write, const struct place *place)
{
    struct line *line = line_of(p);
    await_turn();
    if (has(line, write)) {
        spend(write ? costs.change : costs.hit);
        return;
    }
    uint64_t sent = line->there > current->clock ? line->there : current->clock;
    uint64_t takes = about(costs.transfer);
    line->there = sent + takes + costs.hold;
    current->clock = sent;
    await_turn();
    line->copies = (write ? 0 : line->copies) | 1ul << current->index;
    current->clock += takes;
    if (counting) {
        counts.transfers++;
        note_site(place, p);
    }
}

uint64_t read_plain(const volatile void *p, int size)
{
    return size == 4 ? *(const volatile uint32_t *)p : *(const volatile uint64_t *)p;
}

static void write_plain(volatile void *p, int size, uint64_t value)
{
    if (size == 4)
        *(volatile uint32_t *)p = value;
    else
        *(volatile uint64_t *)p = value;
}

static uint64_t perform(enum access access, const volatile void *p, int size, uint64_t a,
                        uint64_t b)
{
    uint64_t found = read_plain(p, size);
    if (access == STORE || access == EXCHANGE)
        write_plain((volatile void *)p, size, a);
    else if (access == ADD)
        write_plain((volatile void *)p, size, found + a);
    else if (access != LOAD && found == a)
        write_plain((volatile void *)p, size, b);
    return found;
}

/* No order is counted. */
void model_fence(enum order order)
{
    (void)order;
}

void model_reads(const void *thing)
{
    (void)thing;
}

void model_writes(const void *thing)
{
    (void)thing;
}

void kernel_fences(struct fibre *fibre)
{
    (void)fibre;
}

void kernel_sees(const uint32_t *word)
{
    (void)word;
}

void kernel_wakes(const struct fibre *by, struct fibre *woken)
{
    (void)by, (void)woken;
}

uint64_t model_access(enum access access, enum order order, const volatile void *p, int size,
                      uint64_t a, uint64_t b, const struct place *place)
{
    (void)order;
    if (scheduling && !is_own(p))
        have(p, access != LOAD, place);
    return perform(access, p, size, a, b);
}

bool model_store_if(const uint64_t *guard, uint64_t id, uint32_t *word, uint32_t old, uint32_t new,
                    const struct place *place)
{
    if (model_access(LOAD, RELAXED, guard, sizeof *guard, 0, 0, place) != id ||
        model_access(LOAD, RELAXED, word, sizeof *word, 0, 0, place) != old)
        return false;
    model_access(STORE, RELEASE, word, sizeof *word, new, 0, place);
    return true;
}

void model_pause(void)
{
    spend(costs.pause);
}

uint64_t model_ticks(void)
{
    if (scheduling)
        spend(costs.clock);
    return current->clock;
}

/* The kernel (../futex.c), and what it asks for. */

long kernel_call(long number, long a, long b, long c, long d, long e, long f);

static uint64_t nanoseconds_of(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static uint64_t end_of_sleep(int operation, const struct timespec *time)
{
    uint64_t slack = about(costs.slack);
    if (!time)
        return NEVER;
    if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT)
        return current->clock + nanoseconds_of(time) + slack;
    uint64_t start = (uint64_t)START * 1000000000;
    uint64_t end = nanoseconds_of(time) > start ? nanoseconds_of(time) - start : 0;
    return (end > current->clock ? end : current->clock) + slack;
}

static bool is_wait(int operation)
{
    operation &= FUTEX_CMD_MASK;
    return operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET;
}

long model_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (!scheduling)
        return kernel_call(number, a, b, c, d, e, f);
    await_turn();
    counts.calls += counting;
    spend(costs.call);
    if (number == SYS_clock_gettime) {
        *(struct timespec *)b = (struct timespec){.tv_sec = START + current->clock / 1000000000,
                                                  .tv_nsec = current->clock % 1000000000};
        return 0;
    }
    if (number != SYS_futex || !is_wait(b))
        return kernel_call(number, a, b, c, d, e, f);
    until[current->index] = end_of_sleep(b, (const struct timespec *)d);
    long result = kernel_call(number, a, b, c, d, e, f);
    counts.too_late += counting && result == -EAGAIN;
    return result;
}

void touch(struct fibre *fibre, const volatile void *p, bool write)
{
    (void)fibre;
    if (scheduling)
        have(p, write, NULL);
}

/* That a sleeper is touched means that it is woken, or that its time is over, of which yield knows. */
void touch_queue(struct fibre *fibre, const volatile void *p)
{
    (void)p;
    if (fibre->status != ASLEEP)
        return;
    fibre->clock = current->clock + about(costs.wakeup);
    if (fibre->clock < undisturbed)
        undisturbed = fibre->clock;
    if (fibre != current)
        spend(costs.wake);
}

void kernel_writes(struct fibre *fibre, uint32_t *word, uint32_t value)
{
    touch(fibre, word, true);
    *word = value;
}

/* Nothing of what befalls threads in the explorer does so here. */

int choose(enum site site, int n)
{
    (void)site, (void)n;
    return 0;
}

void schedule(void)
{
}

void may_die(void)
{
}

void may_stop(enum step step)
{
    (void)step;
}

bool is_refused(int operation)
{
    (void)operation;
    return false;
}

bool is_gone(const volatile void *p)
{
    (void)p;
    return false;
}

void is_slept_on(const uint32_t *word)
{
    (void)word;
}

void drain(struct fibre *fibre)
{
    (void)fibre;
}

void abort_sequence(struct fibre *fibre)
{
    (void)fibre;
}

void die(void)
{
    fail("a death");
}

void run_handler(void)
{
    fail("a signal handler");
}

void jump(void)
{
    fail("a jump");
}

bool model_asks_whether_dead(int thread)
{
    (void)thread;
    return false;
}

bool model_cancels(void)
{
    return false;
}

void model_cancellable(bool on)
{
    (void)on;
}

void model_leave(void)
{
    fail("a cancel");
}

uint32_t tid_of(const struct fibre *fibre)
{
    return 1 + THREADS + fibre->index;
}

int model_thread(void)
{
    return current->index;
}

/* Names, and failures. */

const char *name_of(const volatile void *p)
{
    long offset;
    const char *name = find_name(p, &offset);
    return name ? name : "the library's";
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(counts.failure, sizeof counts.failure, format, arguments);
    va_end(arguments);
    _longjmp(home, 1);
}

void model_fail(const char *what, const char *file, int line)
{
    fail("%s, %s:%d", what, strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line);
}

void trace_line(const struct place *place, const char *format, ...)
{
    (void)place, (void)format;
}

/* Runs. */

static const struct program *program;

static void fibre_main(void)
{
    struct fibre *me = current;
    if (_setjmp(me->context) == 0)
        _longjmp(home, 1);
    if (program->thread) {
        program->thread();
        current->status = ENDED;
        yield();
    }
    for (;;) {
        bool counts_one = program->operation();
        counts.operations += counting && counts_one;
        look_at_time();
    }
}

static void start_fibre(struct fibre *fibre)
{
    static ucontext_t context, here;
    getcontext(&context);
    context.uc_stack.ss_sp = malloc(STACK);
    context.uc_stack.ss_size = STACK;
    makecontext(&context, fibre_main, 0);
    current = fibre;
    if (_setjmp(home) == 0)
        swapcontext(&here, &context);
}

/* The last fibre is the process's first thread, which has begun it all and runs no more. */
static void make_threads(int number)
{
    threads = number;
    for (int i = THREADS; i >= 0; i--) {
        struct fibre *fibre = &fibres[i];
        fibre->index = i;
        fibre->status = i < threads ? RUNNING : ENDED;
        fibre->self = calloc(1, model_self_size);
        if (i >= threads && i < THREADS)
            continue;
        current = fibre;
        memset(model_self(), 0, model_self_size);
        model_born(true);
        if (i == THREADS && program->init)
            program->init();
        memcpy(fibre->self, model_self(), model_self_size);
        if (i < threads)
            start_fibre(fibre);
    }
}

/* Once in the life of a process. */
void machine_run(const struct program *what, int number, const struct limits *within, unsigned seed)
{
    program = what;
    limits = *within;
    dice = mix(seed, number);
    if (_setjmp(home) != 0)
        return;
    make_threads(number);
    if (*counts.failure || _setjmp(home) != 0)
        return;
    scheduling = true;
    /* they do not begin at the same moment */
    for (int i = 0; i < threads && !within->most; i++)
        fibres[i].clock = roll() % 1000;
    current = &fibres[THREADS];
    yield();
}
