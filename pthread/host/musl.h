/*
 * musl's insides, as a static program links to them: everything that Furwock relies on and no header
 * promises. configure compiles and runs test/probe/musl.c, which checks each of these facts against the
 * libc.a at hand, and refuses one that differs. (True of musl 1.2.2 to 1.2.5.)
 */
#ifndef FURWOCK_HOST_MUSL_H
#define FURWOCK_HOST_MUSL_H

#include <arch_pointer.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct __ptcb;

/*
 * A thread's block, which pthread_t points to. It lies at the end of the thread's thread-local storage
 * or, where that is above the thread pointer (ARCH_TLS_ABOVE), right below both. libc reads and writes
 * every field but those marked "ours", which are for whoever creates threads.
 */
struct musl_thread {
    struct musl_thread *self;
#ifndef ARCH_TLS_ABOVE
    void *dtv;
#endif
    /* the ring of all threads, which fork and the process-wide set*id walk */
    struct musl_thread *prev, *next;
    /* the creator's */
    uintptr_t sysinfo;
#ifndef ARCH_TLS_ABOVE
    uintptr_t canary;
#endif
    /* cleared by the kernel when the thread is gone */
    uint32_t tid;
    /* errno */
    int error;
    /* ours: enum thread_state; 2 in the initial thread */
    uint32_t state;
    /* cancellation is pending */
    uint32_t cancelled;
    uint8_t cancel_state;
    uint8_t cancel_asynchronous;
    uint8_t flags;
    /* ours: the thread is creating another one; it cannot be cancelled before it has */
    uint8_t creating;
    /* ours: the thread's tid while the cancelling signal is pending for it, and blocked */
    uint32_t cancel_waits;
    /* ours: the mapping that holds stack and block; null if there is none */
    void *map;
    size_t map_size;
    /* ours: the stack's highest address */
    void *stack;
    size_t stack_size, guard_size;
    /* ours */
    void *result;
    /* the innermost cleanup handler */
    struct __ptcb *cleanup;
    union {
        /* ours: the thread that this one joins, and 1 once no other can */
        uintptr_t joining;
        /* ours, at the end: the fork generation of the process */
        uintptr_t ended_in;
    };
    /* the list of libc's own mutexes */
    struct {
        volatile void *volatile head;
        long offset;
        volatile void *volatile pending;
    } robust;
    /* h_errno */
    int host_error;
    /* SIGEV_THREAD timers */
    volatile int timer;
    void *locale;
    /* ours: threads about to signal this one, and SIGNALS_CLOSED */
    uint32_t signallers;
    /* ours: the thread is to take part in what is done in every thread (process.c) */
    uint32_t asked;
    char *dlerror_text;
    void *stdio_locks;
#ifdef ARCH_TLS_ABOVE
    uintptr_t canary;
    void *dtv;
#endif
};

/* Where what is before, and what is behind, `canary` lies in either. */
#ifdef ARCH_TLS_ABOVE
enum { MUSL_EARLY = 8, MUSL_LATE = 16, MUSL_CANARY = 184 };
#else
enum { MUSL_EARLY = 0, MUSL_LATE = 0, MUSL_CANARY = 40 };
#endif
#define MUSL_AT(member, offset)                                                                    \
    _Static_assert(offsetof(struct musl_thread, member) == (offset), "musl's struct pthread")
MUSL_AT(next, 24 - MUSL_EARLY);
MUSL_AT(canary, MUSL_CANARY);
MUSL_AT(tid, 48 - MUSL_LATE);
MUSL_AT(error, 52 - MUSL_LATE);
MUSL_AT(state, 56 - MUSL_LATE);
MUSL_AT(cancelled, 60 - MUSL_LATE);
MUSL_AT(cancel_state, 64 - MUSL_LATE);
MUSL_AT(cancel_asynchronous, 65 - MUSL_LATE);
MUSL_AT(map, 72 - MUSL_LATE);
MUSL_AT(guard_size, 104 - MUSL_LATE);
MUSL_AT(cleanup, 120 - MUSL_LATE);
MUSL_AT(robust, 136 - MUSL_LATE);
MUSL_AT(host_error, 160 - MUSL_LATE);
MUSL_AT(timer, 164 - MUSL_LATE);
MUSL_AT(locale, 168 - MUSL_LATE);
MUSL_AT(dlerror_text, 184 - MUSL_LATE);
MUSL_AT(stdio_locks, 192 - MUSL_LATE);

/* A thread's block, of its thread pointer, and the other way round. */
static inline void *musl_pointer(struct musl_thread *thread)
{
#ifdef ARCH_TLS_ABOVE
    return (char *)(thread + 1) + ARCH_POINTER_BIAS;
#else
    return thread;
#endif
}

static inline struct musl_thread *musl_self(void)
{
#ifdef ARCH_TLS_ABOVE
    return (struct musl_thread *)(arch_thread_pointer() - ARCH_POINTER_BIAS) - 1;
#else
    return (struct musl_thread *)arch_thread_pointer();
#endif
}

/*
 * Does the thread end at a cancellation point if it is cancelled? Not in a signal handler on top of a
 * creation, which holds the lock of the ring that it would need for that.
 */
static inline bool musl_cancellable(const struct musl_thread *thread)
{
    return thread->cancel_state == PTHREAD_CANCEL_ENABLE && !thread->creating;
}

#define MUSL_HIDDEN __attribute__((visibility("hidden")))

/* A name by which libc's own code calls a public function. */
#define MUSL_NAME(function, name)                                                                  \
    extern __typeof__(function) name __attribute__((alias(#function), visibility("hidden")))

/* What thread-local storage begins with: `size` bytes. */
struct musl_tls_image {
    const struct musl_tls_image *next;
    const void *image;
    /* of the image; the rest is zero */
    size_t length;
    size_t size, align, offset;
};

/* What libc knows of the process. */
struct musl_libc {
    char can_do_threads;
    /* a thread has ever been created */
    char threaded;
    char secure;
    /* 1: libc's own locks lock; -1: they did, and the thread is alone now */
    volatile signed char need_locks;
    int threads_minus_1;
    size_t *auxv;
    const struct musl_tls_image *tls_head;
    size_t tls_size, tls_align, tls_count;
    size_t page_size;
    struct {
        void *categories[6];
    } global_locale;
};
extern struct musl_libc __libc MUSL_HIDDEN;

/* Where a thread has the variables of an image: `offset` below the block, or above it. */
static inline char *musl_variables(struct musl_thread *thread, const struct musl_tls_image *image)
{
#ifdef ARCH_TLS_ABOVE
    return (char *)(thread + 1) + image->offset;
#else
    return (char *)thread - image->offset;
#endif
}

/* Builds thread-local storage in __libc.tls_size zeroed bytes; returns the thread's block there. */
void *__copy_tls(unsigned char *) MUSL_HIDDEN;

/*
 * The lock on the ring of threads: the owner's tid. The kernel has its address as the one to clear
 * when the initial thread ends, or the one that a child of fork begins with.
 */
extern volatile int __thread_list_lock MUSL_HIDDEN;

/* What new threads get that ask for nothing; the linker's -z stack-size is in it. */
extern unsigned __default_stacksize MUSL_HIDDEN, __default_guardsize MUSL_HIDDEN;

/*
 * fork writes this into the tid of each other thread of the ring, in the child. configure does not ask
 * for it: where it is not so, who joins one of them waits.
 */
#define LOST_BY_FORK 0xffffffffu

/* sigaction() without the refusal of internal signals. */
struct sigaction;
int __libc_sigaction(int, const struct sigaction *, struct sigaction *) MUSL_HIDDEN;
/* The signals for which the program has ever had a handler; only with sigaction in the program. */
void __get_handler_set(uint64_t *) MUSL_HIDDEN __attribute__((weak));

enum { MUSL_SIGTIMER = 32, MUSL_SIGCANCEL = 33, MUSL_SIGSYNCCALL = 34 };

/* The cancel state of libc's own: cancellation points fail with ECANCELED. */
enum { MUSL_CANCEL_MASKED = 2 };

/* Open files, linked at one offset, have their locks at another: -1 while there is one thread. */
enum { MUSL_FILE_NEXT = 112, MUSL_FILE_LOCK = 140 };
extern FILE **__ofl_lock(void) MUSL_HIDDEN __attribute__((weak));
extern void __ofl_unlock(void) MUSL_HIDDEN __attribute__((weak));
extern FILE *volatile __stdin_used MUSL_HIDDEN __attribute__((weak));
extern FILE *volatile __stdout_used MUSL_HIDDEN __attribute__((weak));
extern FILE *volatile __stderr_used MUSL_HIDDEN __attribute__((weak));

/*
 * How a thread is cancelled: how it ends, and how it makes a system call that can be (arch_cancel.h).
 * The code for threads defines it; a program that creates none lacks it.
 */
struct musl_cancellation {
    void (*exit)(void *result);
    long (*call)(const uint32_t *cancelled, long number, long a, long b, long c, long d, long e,
                 long f);
};
extern const struct musl_cancellation musl_cancellation MUSL_HIDDEN __attribute__((weak));

/* To be called at a thread's end, if they are in the program. */
void __do_orphaned_stdio_locks(void) MUSL_HIDDEN __attribute__((weak));
void __dl_thread_cleanup(void) MUSL_HIDDEN __attribute__((weak));

#endif
