/* Between the explorer's own files: main.c, explore.c, memory.c, futex.c. */
#ifndef FURWOCK_EXPLORE_H
#define FURWOCK_EXPLORE_H

#include "model.h"

#include <setjmp.h>

/* UNBORN: made by the child of a fork. FROZEN: never goes on. */
enum status { RUNNING, ASLEEP, AWAITING, ENDED, UNBORN, FROZEN };

/* A thread in a restartable sequence. */
enum sequence { NONE, UNDER_WAY, ABORTED };

/* How a sleep ends by itself. */
enum { BY_DEATH = 1, BY_CANCEL = 2, BY_HANDLER = 3, BY_JUMP = 4 };

/* What a step is, for those who may stop before it. */
enum step { LOOKS, CHANGES, WAKES, WAITS };

/* The weak order of memory (weak.c): for each word the oldest message that may be read. */
enum { WORDS = 96, STALE = 2 };
struct view {
    unsigned char oldest[WORDS];
};

struct fibre {
    int index;
    enum status status;
    /* the robust list is handed on: no step of this thread is its own any more */
    bool dead;
    jmp_buf context, top;
    void *self, *robust_list;
    int error;
    /* everything that the thread has seen, as a hash: it determines what the thread does next */
    uint64_t history;
    /* asleep: on what, since when in the queue, and how the sleep ended */
    const uint32_t *word;
    bool shared, timed, lap, cancellable;
    uint32_t classes, value;
    unsigned long order;
    long result;
    /* a wake has chosen it, and it has made no attempt since; it has changed a word of sleepers */
    bool chosen, owes;
    /* what it holds of the objects under watch */
    int holds;
    /* in a signal handler; where it may jump to */
    bool handling;
    void **landing;
    /* FUTEX_WAIT_REQUEUE_PI: where it is to be moved; it sleeps for the word itself */
    uint32_t *target;
    bool inherits;
    struct fibre *owner;
    uint32_t pipe;
    /* a cancel ended the sleep; the thread has begun to act on it */
    bool cancelled, leaving;
    enum sequence sequence;
    /* spinning */
    uint64_t clock;
    int pauses, naps;
    /* it has let others run, and has nothing new to see unless there has been a write since */
    bool paused;
    unsigned long paused_at;
    /* the store buffer, which keeps its order */
    struct buffered {
        void *p;
        int size;
        uint64_t value;
        const struct place *place;
    } buffer[16];
    int buffered, drained;
    /* what it has seen, what its relaxed loads could have, and what it had at its last release fence */
    struct view view, read, released;
    /* it has read something old since it let others run last */
    bool behind;
};

/* The last is what runs a scenario's beginning and its check. */
extern struct fibre fibres[THREADS + 1], *current;
/* Go on as another one; comes back when that is done to the caller. */
void switch_to(struct fibre *next);
/* The name that a scenario has given to where p is, and how far on that is; null if there is none. */
const char *find_name(const volatile void *p, long *offset);
void forget_names(void);
extern const struct scenario *scenario;
extern int threads;
/* Steps are scheduled; false while a scenario begins and in its final check. */
extern bool scheduling;

extern struct options {
    int preemptions, sure;
    bool deep, buffers, weak, trace, terse;
    unsigned long limit;
} options;

enum site {
    SITE_SCHEDULE,
    SITE_YIELD,
    SITE_DEATH,
    SITE_WAKE,
    SITE_SPIN,
    SITE_CANCEL,
    SITE_RESTART,
    SITE_FREEZE,
    SITE_HANDLER,
    SITE_JUMP,
    SITE_REFUSAL,
    SITE_STALE
};

/* A choice between `n` that the explorer goes through one after another. */
int choose(enum site site, int n);
/* Before a visible step: another thread may go on here. */
void schedule(void);
/* The current thread lets others run, or cannot go on. */
void yield(void);
/* The current thread may die here, before its step, or run a signal handler. */
void may_die(void);
_Noreturn void end(void);
/* In a restartable sequence, before its next step, and before its store: false if it is aborted. */
bool sequence_goes_on(void);
bool sequence_commits(void);
void abort_sequence(struct fibre *fibre);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void trace_line(const struct place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The arguments are looked at only if there is a trace: names take long to find. */
#define trace(...) (options.trace ? trace_line(__VA_ARGS__) : (void)0)

/* For main.c: with `scenario` set, all its schedules up to a bound, or one. */
void make_fibres(void);
void catch_faults(void);
bool explore(int bound);
bool replay_schedule(const char *schedule);

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b + 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
    h *= 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
}

/* fates.c */

void meet_fate(void);
_Noreturn void die(void);
bool is_mortal(const struct fibre *fibre);
/* The current thread may stop for ever before this step, or jump out of its wait. */
void may_stop(enum step step);
bool may_handle(const struct fibre *fibre);
bool may_jump(const struct fibre *fibre);
void run_handler(void);
_Noreturn void jump(void);
/* Does a system call fail with the error of the scenario? */
bool is_refused(int operation);
bool has_forked(void);
/* What may still befall, as a number; and the start of an execution. */
unsigned troubles(void);
void troubles_begin(void);

/* memory.c */

/* Is the location known to be accessed by several threads, one of which writes? */
bool is_visible(const volatile void *p);
/* Record that `fibre` reads or writes a location, or a queue of sleepers. */
void touch(struct fibre *fibre, const volatile void *p, bool write);
void touch_queue(struct fibre *fibre, const volatile void *p);
bool is_gone(const volatile void *p);
uint64_t read_plain(const volatile void *p, int size);
void drain_one(struct fibre *fibre);
void drain(struct fibre *fibre);
const char *name_of(const volatile void *p);
/* What memory looks like, as a hash, and how often it has changed. */
extern uint64_t memory_hash;
extern unsigned long writes;
/* A location has turned out to be visible: what has been explored was too little. */
extern bool widened;
/* Threads sleep on this word: to change it is to give, or to take. */
void is_slept_on(const uint32_t *word);
/* The kernel changes a word on behalf of a thread. */
void kernel_writes(struct fibre *fibre, uint32_t *word, uint32_t value);
void memory_forget(void);
void memory_begin(void);
void memory_check(void);

/* weak.c */

/* How many loads of this execution have read something else than the newest. */
extern int stale_reads;
void weak_forget(void);
void weak_begin(void);
/* What a load finds, or a compare-and-swap: if it is what was expected, then it is the newest. */
uint64_t weak_load(const volatile void *p, int size, enum order order);
uint64_t weak_compare(const volatile void *p, int size, uint64_t expected, enum order order);
void weak_newest(const volatile void *p, int size, enum order order);
/* Before a write is made in memory, and after. */
void weak_prepare(const volatile void *p, int size);
void weak_write(struct fibre *fibre, const volatile void *p, enum order order, bool modifies);
void weak_kernel_write(struct fibre *fibre, const uint32_t *word);
/* The current thread goes on in memory as it is. */
void weak_fork(void);
/* It has seen what another one had. */
void weak_follow(const struct fibre *other);
void weak_fence(struct fibre *fibre, enum order order);
/* What a system call orders: a fence of a thread's; it sees a word as it is; it wakes another one. */
void kernel_fences(struct fibre *fibre);
void kernel_sees(const uint32_t *word);
void kernel_wakes(const struct fibre *by, struct fibre *woken);

/* futex.c */
void unqueue(struct fibre *fibre, long result);
/* Sleep on a word; a negative error value, or what the wake says. */
long fall_asleep(const uint32_t *word, bool shared, bool timed, uint32_t classes);
int sleepers(const uint32_t *word, bool shared, uint32_t classes, struct fibre **found);
/* One of the sleepers, the longest first: any, or the first of the highest priority. */
struct fibre *choose_sleeper(struct fibre **found, int n);

/* futex_pi.c: the same arguments as futex(2). *known is false for other operations. */
long futex_pi(uint32_t *word, int operation, bool shared, uint32_t value, long time_or_count,
              uint32_t *target, uint32_t value3, bool *known);
uint32_t tid_of(const struct fibre *fibre);
/* It has died: what it owned and others are queued for. */
void pass_on_inherited(struct fibre *fibre);

#endif
