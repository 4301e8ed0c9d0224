/*
 * The objects' bytes: the one place that knows them.
 *
 * Programs compiled against any libc hold these objects, initialised by static initialisers that
 * Furwock did not write, so sizes and the offsets below are an interface:
 *   - all bytes zero is a valid object of default attributes;
 *   - glibc's non-zero initialisers put the mutex type at byte 16 and the rwlock kind at byte 48.
 * Programs and debuggers look at some as well, as glibc has them:
 *   - a mutex at byte 0: zero while it is not held (but for FURWOCK=asymmetric, and while it is
 *     offered: mutex/plain.h), the tid of the owner of a robust, inheriting, or process-shared
 *     recursive or errorcheck one;
 *   - at byte 8: the tid of the owner of any other recursive or errorcheck one; zero if it has none
 *     (of a normal mutex nobody knows the owner);
 *   - at byte 16: the type in the lowest two bits, with ROBUST, INHERIT, PROTECT and SHARED;
 *   - an rwlock at byte 24: the tid of its writer; a semaphore at byte 0: its value, and bit 31.
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

/*
 * A thread's name in the objects that it owns: the kernel's tid, for those who look from outside,
 * and the low half of the thread's id, for Furwock (self.h). All zero: nobody.
 */
union name {
    uint64_t whole;
    struct {
        uint32_t tid, id;
    };
};

/* pthread_mutex_t and mtx_t: mutex/ */
struct mutex {
    /* plain.c or owned.h: whoever locks, unlocks or waits; the kernel if it knows the format */
    uint32_t word;
    /* how often the owner of a recursive mutex has locked it again: the owner */
    uint32_t depth;
    union {
        /* of a recursive or errorcheck mutex, not robust: the owner */
        union name owner;
        /* of a robust mutex, enum recovery: the owner */
        struct {
            /* of one that recovers, the owner's tid: the owner */
            uint32_t holder, recovery;
        };
    };
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
    /* clock and sharing: init */
    uint32_t flags;
    /* where sleepers may be moved to: waiters, under the mutex */
    void *mutex;
    /* hints.h: those who wake */
    uint32_t hints;
};

/* pthread_rwlock_t: rwlock/ */
struct rwlock {
    /* rwlock/word.h: whoever locks, unlocks or waits */
    uint64_t state;
    /* rwlock/rows.h: by what readers in rows know it: a reader, once */
    uint64_t name;
    /* reads so far that were counted, or nearly: readers */
    uint32_t reads;
    /* hints.h: whoever waits */
    uint32_t hints;
    /* who holds the write lock: that thread */
    union name writer;
    /* until when no rows are entered: writers */
    uint64_t inhibited_until;
    uint32_t unused;
    /* how many writers wait, where they are preferred: they */
    uint32_t writers;
    /* init */
    uint32_t kind;
    /* PREFER_WRITER only, since static initialisers need not write it: a thread unlocked for another */
    uint32_t noted_elsewhere;
};

/* Who holds a process-shared lock for writing, and what else is the matter with it. */
union shared_state {
    uint64_t whole;
    struct {
        uint32_t tid, control;
    };
};

/* The same object, if it is process-shared: rwlock/shared.c */
struct shared_rwlock {
    /* who reads, and how often: readers, and writers that wait */
    uint32_t readers[6];
    /* whoever locks, unlocks or waits */
    union shared_state state;
    /* more of these */
    uint32_t more_readers[3];
    /* the pid namespace of the process that made it: init */
    uint32_t namespace;
    /* init */
    uint32_t kind;
    /* readers that have found no room above: readers, and writers that wait */
    uint32_t others;
};

/* pthread_barrier_t: barrier.c */
struct barrier {
    /* round, arrivals, how they wait: all who wait */
    uint64_t state;
    /* init */
    uint32_t count, shared;
};

/*
 * The first three words of a sem_t are also written by libc's sem_open: glibc has the value in the low half
 * of the first two, musl in the first. (In a dynamic process it is as glibc has it.)
 */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ && !defined(FURWOCK_MUSL)
#define SEM_WORDS(value, other) uint32_t other, value
#else
#define SEM_WORDS(value, other) uint32_t value, other
#endif

/* sem_t: sem.c */
struct semaphore {
    /* value and sleepers: whoever posts or waits; hints.h: whoever waits */
    SEM_WORDS(word, hints);
    /* init */
    uint32_t shared;
};

/* A sem_t of sem_init_undo_np: undo.c */
struct undo {
    /*
     * as a semaphore's without permits that somebody waits for: init; which processes have permits: those,
     * and who gives them back when they have died
     */
    SEM_WORDS(word, name0);
    /* init */
    uint32_t shared;
    /* permits and sleepers in the two words that are aligned as one: whoever posts or waits; a name */
    uint32_t state_and_name1[3];
    uint32_t names[2];
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
FITS(struct shared_rwlock, pthread_rwlock_t);
FITS(struct barrier, pthread_barrier_t);
FITS(struct semaphore, sem_t);
FITS(struct undo, sem_t);
FITS(struct once, pthread_once_t);
FITS(struct once, once_flag);
FITS(uint32_t, pthread_spinlock_t);
#undef FITS
_Static_assert(sizeof(void *) == 8, "a 64-bit machine");
_Static_assert(offsetof(struct undo, word) == offsetof(struct semaphore, word), "one sem_t");
_Static_assert(offsetof(struct undo, shared) == offsetof(struct semaphore, shared), "one sem_t");
_Static_assert(offsetof(struct mutex, kind) == 16, "glibc's static initialisers");
_Static_assert(offsetof(struct rwlock, kind) == 48, "glibc's static initialisers");
_Static_assert(offsetof(struct mutex, owner) == 8, "glibc's __owner");
_Static_assert(offsetof(struct rwlock, writer) == 24, "glibc's __cur_writer");
_Static_assert(offsetof(struct shared_rwlock, kind) == offsetof(struct rwlock, kind), "one kind");
_Static_assert(offsetof(struct shared_rwlock, state.tid) == 24, "glibc's __cur_writer");

/* enum mutex_kind: the low two bits are the type, as in glibc's static initialisers. */
enum mutex_kind {
    MUTEX_NORMAL = PTHREAD_MUTEX_NORMAL,
    MUTEX_RECURSIVE = PTHREAD_MUTEX_RECURSIVE,
    MUTEX_ERRORCHECK = PTHREAD_MUTEX_ERRORCHECK,
    MUTEX_ADAPTIVE = 3,
    MUTEX_TYPE = 3,
    /* robust by FURWOCK=recover: the heir is not told; no attribute */
    MUTEX_RECOVERS = 1 << 3,
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

/* A destroyed object: every later call but init answers EINVAL. Attributes stay as they are. */
#define DESTROYED 0xffffffffu

#endif
