/*
 * What Furwock keeps for each thread: one zeroed block of thread-local storage, filled on first
 * use, so that threads it never saw being born (libc's helpers) are served like any other.
 */
#ifndef FURWOCK_SELF_H
#define FURWOCK_SELF_H

#include "host.h"
#include "layout.h"
#include "watch.h"
#include <arch_atomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYS = 1024, KEYS_INLINE = 32, KEY_BLOCKS = 4, PRIORITIES = 100 };

/* What a thread holds under a key: valid while `key` is the caller's (key.c). */
struct key_value {
    uint32_t key;
    void *value;
};

/* The kernel's struct robust_list_head. */
struct robust_list {
    void *next;
    long word_offset;
    void *pending;
};

/* A call of pthread_once whose routine runs (once.c). */
struct once_frame {
    struct cleanup_record cleanup;
    struct once *once;
    struct once_frame *outer;
};

/*
 * When and for how long a thread stood aside last, how often that was doubled, and what its naps have
 * told of it (spinning.c).
 */
struct aside {
    uint64_t ended, took;
    unsigned doubled, prompt;
};

/* How other processes know this one (alive.h). */
struct process {
    /* the fork generation in which it was found out */
    uint32_t generation;
    /* 0 if unknown */
    uint32_t pid, namespace;
};

struct self {
    /* never reused within the process, kept by fork: rows of read locks, and biases */
    uint64_t id;
    /* the kernel's name for the thread, and what is left of the id in 32 bits */
    union name name;
    /* the fork generation in which the tid was true */
    uint32_t generation;
    /* tells the thread from others that had, or will have, its tid */
    uint32_t mark;
    /* generation in which the robust list was registered with the kernel */
    uint32_t robust_generation;
    struct process process;
    /* when it has last asked, without waiting, whether readers live (rwlock/shared.c) */
    uint64_t asked_at;
    /* spinning: what the thread has learned, and where its dice stand (park.c) */
    uint32_t spin, random;
    /* of a condition variable or semaphore that had a bit for sleepers: its last wake of nobody (below) */
    const void *woke_nobody;
    /* until when it counts as a real-time thread, on arch_ticks' clock (spinning.c) */
    uint64_t prompt_until;
    struct aside aside;
    /* until when it does not spin for a lock; stands aside if it collides (spinning.c) */
    uint64_t rests_until, collides_until;
    /* what sixteen times handing something over from CPU to CPU take, as it has learned, in ticks (spinning.c) */
    uint32_t hand_overs;
    /* read locks of PREFER_WRITER locks: how many were noted in no row (rwlock/rows.c), and of shared ones */
    uint32_t unnoted, shared_reads;
    struct robust_list robust;
    /* where the read locks are that it does not count in the lock (rwlock/rows.h) */
    struct reader_row *row;
    /* priority ceilings held (ceiling.c) */
    int base_policy, base_priority;
    int highest_ceiling, ceilings_held;
    uint16_t ceilings[PRIORITIES];
    struct once_frame *once;
    /* key values: the first in place, the others in blocks mapped when needed (key.c) */
    bool exit_armed;
    uint8_t destructor_rounds;
    struct key_value *key_blocks[KEY_BLOCKS];
    uint32_t keys[KEYS_INLINE];
    void *values[KEYS_INLINE];
};

extern _Thread_local struct self self __attribute__((visibility("hidden")));

uint64_t self_assign_id(void);

/* A number from the thread's dice, of 16 bits. */
static inline uint32_t self_random(void)
{
    return (self.random = self.random * 1664525 + 1013904223) >> 16;
}

/*
 * A bit that says that somebody sleeps may be stale. Who is about to wake asks the kernel whether it is
 * if its last wake of nobody was of this object; or, since a thread may wake several in turn, now and
 * then if it was of another one.
 */
static inline bool self_doubts(const void *object)
{
    enum { IN_TURN = 4 };
    bool doubts = self.woke_nobody == object || (self.woke_nobody && self_random() % IN_TURN == 0);
    if (unlikely(doubts))
        self.woke_nobody = NULL;
    return doubts;
}

/* The calling thread's id: from one, unique for the life of the process, the same after fork. */
static inline uint64_t self_id(void)
{
    uint64_t id = self.id;
    return likely(id != 0) ? id : self_assign_id();
}

/*
 * Memory that the kernel wipes in the child of every fork. The generation counts forks: whatever of
 * a thread's block a child must not believe is compared with it. Zero while unknown.
 */
enum { WIPED_TABLE = WATCH_SLOTS * sizeof(struct watch_slot) };
struct wiped {
    uint32_t generation;
    _Alignas(64) unsigned char table[WIPED_TABLE];
};
extern struct wiped *wiped __attribute__((visibility("hidden")));
uint32_t self_renew_generation(void);

static inline uint32_t self_generation(void)
{
    uint32_t generation = arch_load_relaxed(&wiped->generation);
    return likely(generation != 0) ? generation : self_renew_generation();
}

/* The table, of zeros in a new child, or null where the kernel cannot wipe. */
static inline void *wiped_table(void)
{
    return self_generation() != 0 ? wiped->table : NULL;
}

/* Ask the kernel now for what it may refuse later: when the library is loaded. */
void self_start(void);

uint32_t self_renew_tid(void);

static inline bool self_tid_known(void)
{
    uint32_t generation = arch_load_relaxed(&wiped->generation);
    return likely(generation != 0 && self.generation == generation);
}

/* The kernel's thread id of the calling thread; 0 if it cannot be had. */
static inline uint32_t self_tid(void)
{
    return self_tid_known() ? self.name.tid : self_renew_tid();
}

/* What the calling thread writes into what it owns: not zero, even without a tid. */
static inline uint64_t self_name(void)
{
    if (unlikely(!self_tid_known()))
        self_renew_tid();
    return self.name.whole;
}

/* Has the calling thread written it, here or in the parent of a fork? */
bool self_wrote(uint64_t name);

static inline bool self_is(uint64_t name)
{
    return likely(name == self.name.whole && name != 0) || (name != 0 && self_wrote(name));
}

uint32_t self_assign_mark(void);

/*
 * The calling thread's name among all threads there are, were or will be: its tid, and above that its
 * mark, a random number. Another in the child of a fork.
 */
static inline uint64_t self_shared_name(void)
{
    uint32_t tid = self_tid(), mark = self.mark;
    return (union name){.tid = tid, .id = likely(mark != 0) ? mark : self_assign_mark()}.whole;
}

/* In the child of a fork: was `tid` the calling thread's in the parent? */
bool self_inherits(uint32_t tid);

/*
 * The robust list: mutexes that the kernel is to mark and hand on if this thread dies holding them,
 * in the kernel's format: a ring through the `next` members of the mutexes held, beginning and
 * ending at the head. The lowest bit of a link marks a priority-inheriting mutex. Only the owner
 * follows the links, so they may lie in shared memory.
 *
 * The mutex about to be locked or unlocked is announced first, so that a death between the word and
 * the list is covered too. A signal handler may do the same in between, and puts back what it
 * found.
 */
enum robust_kind { ROBUST_PLAIN = 0, ROBUST_PI = 1 };

static inline void *robust_link(struct mutex *mutex, enum robust_kind kind)
{
    return (char *)&mutex->next + kind;
}

static inline struct mutex *robust_mutex(void *link)
{
    return (struct mutex *)(((uintptr_t)link & ~(uintptr_t)ROBUST_PI) -
                            offsetof(struct mutex, next));
}

static inline bool robust_is_head(void *link)
{
    return ((uintptr_t)link & ~(uintptr_t)ROBUST_PI) == (uintptr_t)&self.robust;
}

/* Does the kernel know this thread's list? Then its tid is known, too. */
static inline bool robust_ready(void)
{
    uint32_t generation = arch_load_relaxed(&wiped->generation);
    return likely(generation != 0 && self.robust_generation == generation);
}

/* Tell it. False where a sandbox refuses: then nobody would be told of this thread's death. */
bool robust_register(void);

static inline bool robust_known(void)
{
    return robust_ready() || robust_register();
}

static inline void *robust_announce(void *link)
{
    void *before = self.robust.pending;
    arch_store_pointer(&self.robust.pending, link);
    return before;
}

static inline void robust_done(void *before)
{
    arch_store_pointer(&self.robust.pending, before);
}

static inline void robust_enlist(struct mutex *mutex, enum robust_kind kind)
{
    void *first = self.robust.next;
    mutex->next = first;
    mutex->previous = &self.robust.next;
    if (!robust_is_head(first))
        robust_mutex(first)->previous = &mutex->next;
    /* the kernel walks from the head: the mutex's own link must be whole before */
    arch_store_pointer(&self.robust.next, robust_link(mutex, kind));
}

static inline void robust_delist(struct mutex *mutex)
{
    void *next = mutex->next;
    arch_store_pointer((void **)mutex->previous, next);
    if (!robust_is_head(next))
        robust_mutex(next)->previous = mutex->previous;
}

/* Hand on, from user space, whatever the exiting thread still holds. */
void robust_exit(void);

/* Run the destructors of the exiting thread's keys, and free their blocks (key.c). */
void keys_exit(void);

/* Give back the exiting thread's row of read locks (rwlock/rows.c). */
void readers_exit(void);

#endif
