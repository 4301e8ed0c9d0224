/*
 * What modelled code sees: the library's files, the host beneath them, and the scenarios. Every
 * access to shared memory and every system call of theirs comes here, as a step of a schedule.
 */
#ifndef FURWOCK_MODEL_H
#define FURWOCK_MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* Where in the source a step is, for traces. */
struct place {
    const char *file, *function;
    int line;
};

enum access { LOAD, STORE, CAS, CAS_ALONE, EXCHANGE, ADD };

/* What an operation orders: by --weak alone. */
enum order { RELAXED = 0, ACQUIRE = 1, RELEASE = 2, ACQ_REL = 3, FULL = 7 };

/*
 * One atomic access to `size` bytes. Returns what was found there. CAS stores `b` if that is `a`;
 * the others use `a`. CAS_ALONE is whole to the thread's own signal handlers, and stores as STORE does.
 */
uint64_t model_access(enum access access, enum order order, const volatile void *p, int size,
                      uint64_t a, uint64_t b, const struct place *place);
void model_fence(enum order order);
/* What is not atomic, and guarded by the caller's lock, is read or written: by --weak alone. */
void model_reads(const void *thing);
void model_writes(const void *thing);
/*
 * A restartable sequence: if *guard is `id` and *word is `old`, store `new` in *word. False if they
 * are not, or if it was aborted.
 */
bool model_store_if(const uint64_t *guard, uint64_t id, uint32_t *word, uint32_t old, uint32_t new,
                    const struct place *place);
long model_syscall(long number, long a, long b, long c, long d, long e, long f);
/* Of a spin loop: lets others run, or makes the clock jump so that the loop gives up. */
void model_pause(void);
uint64_t model_ticks(void);

/* Scenarios. */

#ifndef MODEL_THREADS
#define MODEL_THREADS 4
#endif
enum { THREADS = MODEL_THREADS, UNBOUNDED = 99 };

enum scenario_flags {
    /* threads may spin before they sleep */
    SPINS = 1,
    /* one sleep may end without a cause, one by a signal handler */
    SPURIOUS = 2,
    INTERRUPTED = 4,
    /* under a store buffer in the quick set as well */
    BUFFERED = 8,
    /* a broadcast wakes one and moves the others, so that three threads are enough to see it */
    MOVES = 16,
    /* it fails with store buffers, and has to */
    WEAK = 32,
    /* it fails, and has to */
    WRONG = 64,
    /* one restartable sequence may be aborted without a cause */
    RESTARTS = 128,
    /* who has slept has waited for long */
    AGES = 256,
    /* a child of fork has the tids of its parent's threads, as in a new pid namespace */
    SAME_TIDS = 512,
    /* whom a wake has chosen may not stop before it has taken what it waits for */
    CHOSEN = 1024,
    /* it fails in the weak order, and has to */
    WEAKER = 2048,
    /* in the weak order in the quick set as well */
    ORDERED = 4096,
};

struct scenario {
    const char *name;
    void (*init)(void);
    /* all must come to an end */
    void (*threads[THREADS])(void);
    void (*check)(void);
    unsigned flags;
    /* by their number from one, or 0: this one may die at any step; this one may be cancelled */
    int mortal, cancelled;
    /* this one may stop for ever while it holds nothing; this one may jump out of its wait then */
    int frozen, jumps;
    /* at one step of this one, or in its sleep, a signal handler runs */
    int handles;
    void (*handler)(void);
    /* threads from this one on are made by the child of fork */
    int child;
    /* one futex call of this operation may fail with this error */
    int refused, error;
    /* real-time priorities: wakes keep to them */
    int priority[THREADS];
    /* the most preemptions in the quick set and in the deep one, if not main.c's usual numbers */
    int quick, deep;
};

extern const struct scenario *const scenario_tables[];

/* A name for an object, in traces. */
void model_name(const char *name, const void *p, int size);

#define model_assert(condition)                                                                    \
    ((condition) ? (void)0 : model_fail(#condition " is false", __FILE__, __LINE__))
_Noreturn void model_fail(const char *what, const char *file, int line);

/* The memory is given back: whoever touches it from now on is wrong. Or it is had again. */
void model_gone(void *p, int size);
void model_again(void *p, int size);

/*
 * Freezing and jumping need to know who holds what. `taken` says how much of an object is taken (1
 * for a mutex that is held, minus the value of a semaphore): it is asked before and after each step
 * that writes to the object, and the difference is that thread's. It asks by public functions; what
 * they change is put back.
 */
void model_watch(const void *object, int size, int (*taken)(void));
/* Until the calling thread has given so much more than it has taken, it is waited for. */
void model_owes(int count);
/* The kernel is asked whether a thread has died, a step of the caller's. */
bool model_asks_whether_dead(int thread);
/* Has a thread stopped for ever? */
bool model_froze(int thread);

/* The calling thread goes on as the child of a fork, and the others of the parent are gone. */
void model_fork(void);
/* Did one of those hold something of the objects under watch? */
bool model_left_held(void);

/* Until it is called with null: where the thread may jump to, a buffer of __builtin_setjmp. */
void model_landing(void **buffer);

/* Wait, without any library, until *word is `value`. */
void model_await(const uint32_t *word, uint32_t value);
/* Or until a thread is asleep. */
void model_await_sleep(int thread);

/* At a cancellation point: does the calling thread act on a cancel? Do its sleeps end by one? */
bool model_cancels(void);
void model_cancellable(bool on);
/* The calling thread ends here. */
_Noreturn void model_leave(void);

/* The number of the calling thread, from zero. Threads that have died. */
int model_thread(void);
bool model_died(int thread);
/* The kernel is asked whether a thread has died, a step of the caller's; what began it all has. */
bool model_asks_whether_dead(int thread);

/* The host (host.c), seen from the explorer. */

extern const unsigned model_self_size;
void *model_self(void);
/* What a thread does once before anything is scheduled: it is given its ids. */
void model_born(bool spins);
/* What a thread does when its function has returned, and what the kernel does when it dies. */
void model_ended(void);
void model_killed(void *robust_list);
/* Memory for mmap, within what is restored for each execution. */
void *model_page(void);
/* madvise(MADV_WIPEONFORK), and the fork; what a thread is that the child has just made. */
/* Is it there? What the library keeps there is on the way to a wake, as loads are. */
bool model_is_paged(const volatile void *p);
void model_wiped_on_fork(void *page);
void model_wipe(void);
void model_make(void *self, bool spins);
/* The membarriers that the process has registered for, restored for each execution. */
uint32_t *model_membarriers(void);

#endif
