/*
 * What Furwock keeps for each thread: one zeroed block of thread-local storage, filled on first
 * use, so that threads it never saw being born (libc's helpers) are served like any other.
 */
#ifndef FURWOCK_SELF_H
#define FURWOCK_SELF_H

#include "host.h"
#include "layout.h"
#include <arch_atomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { KEYS = 1024, KEYS_INLINE = 32, KEY_BLOCKS = 4, PRIORITIES = 100 };

/* What a thread holds under a key: valid while `key` is the caller's (key.c). */
struct key_value {
    uint64_t key;
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

struct self {
    /* never reused within the process, kept by fork: private mutexes and rwlocks */
    uint64_t id;
    /* the kernel's name for the thread, and the fork generation in which it was true */
    uint32_t tid, generation;
    /* generation in which the robust list was registered with the kernel */
    uint32_t robust_generation;
    uint32_t random;
    struct robust_list robust;
    /* read locks held on rwlocks of the recursive writer-preferring kind */
    uint32_t read_locks;
    /* priority ceilings held (ceiling.c) */
    int base_policy, base_priority;
    uint16_t ceilings[PRIORITIES];
    struct once_frame *once;
    /* key values: the first in place, the others in blocks mapped when needed (key.c) */
    bool exit_armed;
    uint8_t destructor_rounds;
    struct key_value *key_blocks[KEY_BLOCKS];
    struct key_value keys[KEYS_INLINE];
};

extern _Thread_local struct self self __attribute__((visibility("hidden")));

uint64_t self_assign_id(void);

/* The calling thread's id: from one, unique for the life of the process, the same after fork. */
static inline uint64_t self_id(void)
{
    uint64_t id = self.id;
    return likely(id != 0) ? id : self_assign_id();
}

/*
 * Counts forks: a word in a page that the kernel wipes in a child. Whatever of a thread's block a
 * child must not believe is compared with it. Zero while unknown.
 */
extern uint32_t *fork_generation __attribute__((visibility("hidden")));
uint32_t self_renew_generation(void);

static inline uint32_t self_generation(void)
{
    uint32_t generation = arch_load_relaxed(fork_generation);
    return likely(generation != 0) ? generation : self_renew_generation();
}

uint32_t self_renew_tid(void);

/* The kernel's thread id of the calling thread. */
static inline uint32_t self_tid(void)
{
    uint32_t generation = arch_load_relaxed(fork_generation);
    if (likely(generation != 0 && self.generation == generation))
        return self.tid;
    return self_renew_tid();
}

/* In the child of a fork: was `tid` the calling thread's in the parent? */
bool self_inherits(uint32_t tid);

/*
 * The robust list: mutexes that the kernel is to mark and hand on if this thread dies holding them.
 * The mutex about to be locked or unlocked is announced first, so that a death between the word and
 * the list is covered too.
 */
void robust_announce(struct mutex *mutex);
void robust_announce_pi(struct mutex *mutex);
void robust_enlist(struct mutex *mutex, bool pi);
void robust_delist(struct mutex *mutex);
void robust_done(void);
/* Hand on, from user space, whatever the exiting thread still holds. */
void robust_exit(void);

/* Run the destructors of the exiting thread's keys, and free their blocks (key.c). */
void keys_exit(void);

#endif
