/*
 * The objects' bytes: the one place that knows them.
 *
 * Programs compiled against any libc hold these objects, initialised by static initialisers that
 * Furwock did not write, so sizes and the offsets below are an interface:
 *   - all bytes zero is a valid object of default attributes;
 *   - glibc's non-zero initialisers put the mutex type at byte 16 and the rwlock kind at byte 48.
 * Each word's bits and transitions are drawn in the file of its object.
 */
#ifndef FURWOCK_LAYOUT_H
#define FURWOCK_LAYOUT_H

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <threads.h>

/* pthread_mutex_t and mtx_t: mutex.c */
struct mutex {
    uint32_t word;
    /* recursion: how often the owner has locked it again */
    uint32_t depth;
    /* recursive and errorcheck, private: the owner's id; robust: enum recovery */
    uint64_t owner;
    /* type, protocol, sharing, ceiling: enum mutex_kind */
    uint32_t kind;
    /* adaptive spinning: park.h */
    uint32_t spin;
    union {
        /* the owner's robust list: self.c */
        struct {
            void *previous, *next;
        };
        /* mutexes that are not on it: the thread that it is biased to, or is about to be (mutex.c) */
        struct {
            uint64_t bias;
            uint32_t candidate, in_a_row;
        };
    };
};

/* pthread_cond_t and cnd_t: cond.c */
struct cond {
    uint32_t word;
    uint32_t users;
    void *mutex;
    uint32_t flags;
    uint32_t spin;
};

/* pthread_rwlock_t: rwlock.c */
struct rwlock {
    uint64_t state;
    /* id of the thread that holds the write lock; its tid if process-shared */
    uint64_t writer;
    /* visible readers: readers.h. Reads so far, when there may be any again, and how they enter */
    uint32_t reads;
    /* adaptive spinning: park.h */
    uint32_t spin;
    uint64_t inhibited_until, revoked_at;
    uint32_t restless, unused;
    uint32_t kind;
    uint32_t mode;
};

/* pthread_barrier_t: barrier.c */
struct barrier {
    uint64_t state;
    uint32_t count;
    uint32_t departed;
    uint32_t shared;
    uint32_t spin;
};

/* sem_t: sem.c. The first three words are also written by libc's sem_open. */
struct semaphore {
    uint32_t word;
    uint32_t spin;
    uint32_t shared;
};

/* pthread_once_t and once_flag: once.c */
struct once {
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

/* The word of a mutex that records its owner, in the format that the kernel knows. */
enum mutex_word {
    WORD_TID = 0x3fffffff,
    WORD_OWNER_DIED = 0x40000000,
};
#define WORD_WAITERS 0x80000000u

/* A destroyed object: every later call but init answers EINVAL. */
#define DESTROYED 0xffffffffu

#define PUBLIC __attribute__((visibility("default")))
#define COLD __attribute__((noinline, cold))
/* A former or an internal name of libc's, which a shared object exports as well. */
#ifdef FURWOCK_ARCHIVE
#define ALIAS(function, name) extern __typeof__(function) name
#else
#define ALIAS(function, name)                                                                      \
    extern __typeof__(function) name __attribute__((alias(#function), visibility("default")))
#endif
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#endif
