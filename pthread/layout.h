/*
 * The objects' bytes: the one place that knows them.
 *
 * Programs compiled against any libc hold these objects, initialised by static initialisers that
 * Furwock did not write, so sizes and the offsets below are an interface:
 *   - all bytes zero is a valid object of default attributes;
 *   - glibc's non-zero initialisers put the mutex type at byte 16 and the rwlock kind at byte 48.
 * Each word's bits and transitions are drawn in the file of its object, and those of `hints` in
 * hints.h. A field's comment ends with who writes it.
 */
#ifndef FURWOCK_LAYOUT_H
#define FURWOCK_LAYOUT_H

#include "compiler.h"

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <threads.h>

/* pthread_mutex_t and mtx_t: mutex/ */
struct mutex {
    /* plain.c or owned.h: whoever locks, unlocks or waits; the kernel if it knows the format */
    uint32_t word;
    /* how often the owner of a recursive mutex has locked it again: the owner */
    uint32_t depth;
    /*
     * The owner of a recursive or errorcheck mutex: its id, its name if process-shared. A robust
     * mutex's enum recovery. Written by the owner of the word.
     */
    uint64_t owner;
    /* enum mutex_kind, type, protocol, sharing, ceiling: init, and setprioceiling by the owner */
    uint32_t kind;
    /* hints.h: whoever waits */
    uint32_t hints;
    union {
        /* links of the owner's robust list (self.h): the owner, who also writes its neighbours' */
        struct {
            void *previous, *next;
        };
        /* mutexes that are on no list */
        struct {
            /* mutex/bias.c: the thread that it is biased to: the owner once, and who revokes it */
            uint64_t bias;
            /* the thread that it may be biased to, and how often that one came in a row: the owner */
            uint32_t candidate, in_a_row;
        };
    };
};

/* pthread_cond_t and cnd_t: cond.c */
struct cond {
    /* sequence and hint bits: waiters, and those who wake */
    uint32_t word;
    /* those who watch the word: themselves, and who destroys it */
    uint32_t users;
    /* where sleepers may be moved to: waiters, under the mutex */
    void *mutex;
    /* clock and sharing: init */
    uint32_t flags;
    /* hints.h: waiters, and those who wake */
    uint32_t hints;
};

/* pthread_rwlock_t: rwlock.c */
struct rwlock {
    /* whoever locks, unlocks or waits */
    uint64_t state;
    /* the id of the thread that holds the write lock, its tid if process-shared: that thread */
    uint64_t writer;
    /* readers.h: reads so far, when there may be visible readers again, how they enter: readers */
    uint32_t reads;
    /* hints.h: whoever waits */
    uint32_t hints;
    /* when readers were last turned away, and until when they are: writers */
    uint64_t inhibited_until, revoked_at;
    uint32_t restless, unused;
    /* init */
    uint32_t kind;
    /* readers.h: readers make it visible, writers turn it off */
    uint32_t mode;
};

/* pthread_barrier_t: barrier.c */
struct barrier {
    /* round, arrivals, sleepers: all who wait */
    uint64_t state;
    /* init */
    uint32_t count;
    /* all who leave, and who destroys it */
    uint32_t departed;
    /* init */
    uint32_t shared;
    /* hints.h: all who wait */
    uint32_t hints;
};

/* sem_t: sem.c. The first three words are also written by libc's sem_open. */
struct semaphore {
    /* value and sleepers: whoever posts or waits */
    uint32_t word;
    /* hints.h: whoever waits */
    uint32_t hints;
    /* init */
    uint32_t shared;
};

/* pthread_once_t and once_flag: once.c */
struct once {
    /* whoever calls */
    uint32_t word;
};

#define FITS(type, object)                                                                         \
    _Static_assert(sizeof(type) <= sizeof(object), #type " in " #object);                          \
    _Static_assert(_Alignof(type) <= _Alignof(object), #type " in " #object)
FITS(struct mutex, pthread_mutex_t);
FITS(struct mutex, mtx_t);
FITS(struct cond, pthread_cond_t);
FITS(struct cond, cnd_t);
FITS(struct rwlock, pthread_rwlock_t);
FITS(struct barrier, pthread_barrier_t);
FITS(struct semaphore, sem_t);
FITS(struct once, pthread_once_t);
FITS(struct once, once_flag);
FITS(uint32_t, pthread_spinlock_t);
#undef FITS
_Static_assert(sizeof(void *) == 8, "a 64-bit machine");
_Static_assert(offsetof(struct mutex, kind) == 16, "glibc's static initialisers");
_Static_assert(offsetof(struct rwlock, kind) == 48, "glibc's static initialisers");

/* enum mutex_kind: the low two bits are the type, as in glibc's static initialisers. */
enum mutex_kind {
    MUTEX_NORMAL = PTHREAD_MUTEX_NORMAL,
    MUTEX_RECURSIVE = PTHREAD_MUTEX_RECURSIVE,
    MUTEX_ERRORCHECK = PTHREAD_MUTEX_ERRORCHECK,
    MUTEX_ADAPTIVE = 3,
    MUTEX_TYPE = 3,
    MUTEX_ROBUST = 1 << 4,
    MUTEX_INHERIT = 1 << 5,
    MUTEX_PROTECT = 1 << 6,
    MUTEX_SHARED = 1 << 7,
    MUTEX_CEILING = 0x7f << 8,
    MUTEX_CEILING_SHIFT = 8,
    MUTEX_KNOWN =
        MUTEX_TYPE | MUTEX_ROBUST | MUTEX_INHERIT | MUTEX_PROTECT | MUTEX_SHARED | MUTEX_CEILING,
};
_Static_assert(MUTEX_RECURSIVE == 1 && MUTEX_ERRORCHECK == 2, "glibc's static initialisers");

/* The word of a mutex that records its owner, in the format that the kernel knows: owned.h. */
enum mutex_word {
    WORD_TID = 0x3fffffff,
    WORD_OWNER_DIED = 0x40000000,
};
#define WORD_WAITERS 0x80000000u

/* A destroyed object: every later call but init answers EINVAL. */
#define DESTROYED 0xffffffffu

#endif
