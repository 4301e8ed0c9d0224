/*
 * Thread-specific data.
 *
 * A key is a slot's number and, above it, how often the slot has been used before, so that a key is
 * never mistaken for a deleted one: a thread's value under a slot counts only if it was stored
 * under the same key. Looking one up therefore reads the thread's own memory alone.
 *
 *      31                        10 9               0
 *      +---------------------------+-----------------+
 *      |          use              |      slot       |   key
 *      +---------------------------+-----------------+
 *
 * Slots are taken in turn, so that a use comes round again only after 2^31 creations. The first
 * ones have their values in the thread's block, the others in blocks that are mapped on first use.
 * No key is zero: that is where nothing was stored.
 *
 * A slot's word is its key times two, and one more while the key exists. The destructor is written
 * before the word says so, and by the one who has reserved the slot.
 */
#include "host.h"
#include "self.h"

#include <arch_syscall.h>
#include <errno.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { EXISTS = 1, SLOT_BITS = 10, USES = 1u << 21, BLOCK = KEYS / KEY_BLOCKS };
_Static_assert(1 << SLOT_BITS == KEYS, "a slot's number fits its bits");

/* The slot's word while its destructor is being written. */
#define RESERVED 0xfffffffeu

typedef void routine(void *);

static uint32_t slots[KEYS];
static routine *destructors[KEYS];
static uint32_t next_slot;

static inline uint32_t slot_of(pthread_key_t key)
{
    return key & (KEYS - 1);
}

static inline bool exists(pthread_key_t key)
{
    return arch_load_acquire(&slots[slot_of(key)]) == ((uint64_t)key << 1 | EXISTS);
}

PUBLIC int pthread_key_create(pthread_key_t *key, routine *destructor)
{
    bool exit_possible = host_exit_possible();
    if (destructor && !exit_possible)
        return EAGAIN;
    for (int tries = 0; tries < KEYS; tries++) {
        uint32_t slot = arch_fetch_add(&next_slot, 1) & (KEYS - 1);
        uint32_t word = arch_load_acquire(&slots[slot]);
        if ((word & EXISTS) || word == RESERVED || !arch_cas(&slots[slot], word, RESERVED))
            continue;
        /* a free slot's word is twice its next key; zero is right for the first use of any but one */
        *key = (word >> 1 & ~(uint32_t)(KEYS - 1)) | slot;
        if (*key == 0)
            *key = 1 << SLOT_BITS;
        arch_store_pointer((void **)&destructors[slot], (void *)destructor);
        arch_store_release(&slots[slot], *key << 1 | EXISTS);
        return 0;
    }
    return EAGAIN;
}

/* LeakSanitizer, if it is there, looks for pointers in memory that it has not seen mapped. */
extern void __lsan_register_root_region(const void *, size_t) __attribute__((weak));
extern void __lsan_unregister_root_region(const void *, size_t) __attribute__((weak));

enum search { FIND, MAKE };

/* Where a thread has the value of a slot. */
struct home {
    uint32_t *key;
    void **value;
};

/* In a block; nowhere if there is none, or if none can be made. */
static COLD struct home far_home(uint32_t slot, enum search search)
{
    struct key_value **block = &self.key_blocks[slot / BLOCK];
    if (!*block && search == MAKE) {
        long memory = arch_syscall(SYS_mmap, 0, BLOCK * sizeof(struct key_value),
                                   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if ((unsigned long)memory > -4096ul)
            return (struct home){NULL, NULL};
        *block = (struct key_value *)memory;
        if (__lsan_register_root_region)
            __lsan_register_root_region(*block, BLOCK * sizeof(struct key_value));
    }
    if (!*block)
        return (struct home){NULL, NULL};
    struct key_value *found = &(*block)[slot % BLOCK];
    return (struct home){&found->key, &found->value};
}

static inline struct home home_of(uint32_t slot, enum search search)
{
    if (likely(slot < KEYS_INLINE))
        return (struct home){&self.keys[slot], &self.values[slot]};
    return far_home(slot, search);
}

PUBLIC int pthread_key_delete(pthread_key_t key)
{
    uint32_t next = (((key >> SLOT_BITS) + 1) % (USES - 1)) << SLOT_BITS | slot_of(key);
    bool deleted = exists(key) && arch_cas(&slots[slot_of(key)], key << 1 | EXISTS, next << 1);
    if (!deleted)
        return EINVAL;
    /* in this thread it is null from now on, as in libc */
    struct home home = home_of(slot_of(key), FIND);
    if (home.key && *home.key == key)
        *home.key = 0;
    return 0;
}

static COLD void *get_slow(pthread_key_t key)
{
    struct home home = home_of(slot_of(key), FIND);
    return home.key && *home.key == key ? *home.value : NULL;
}

PUBLIC void *pthread_getspecific(pthread_key_t key)
{
    /* a key of a far slot is not to be found here, and is looked for where it belongs */
    uint32_t slot = key % KEYS_INLINE;
    return likely(self.keys[slot] == key) ? self.values[slot] : get_slow(key);
}

static COLD int set_slow(pthread_key_t key, const void *value)
{
    if (!exists(key))
        return EINVAL;
    struct home home = home_of(slot_of(key), value ? MAKE : FIND);
    /* what was not stored is null already, and nothing that the end of the thread has to see */
    if (!value && (!home.key || *home.key != key))
        return 0;
    if (!home.key || (!self.exit_armed && !host_arm_exit() && destructors[slot_of(key)]))
        return ENOMEM;
    *home.value = (void *)value;
    *home.key = key;
    return 0;
}

PUBLIC int pthread_setspecific(pthread_key_t key, const void *value)
{
    /* where something was stored already, the end of the thread will come to see it */
    uint32_t slot = key % KEYS_INLINE;
    if (unlikely(self.keys[slot] != key || arch_load_acquire(&slots[slot]) != (key << 1 | EXISTS)))
        return set_slow(key, value);
    self.values[slot] = (void *)value;
    return 0;
}

/* Run the destructor of one slot's value. True if there was a value. */
static bool destroy_value(uint32_t slot)
{
    struct home home = home_of(slot, FIND);
    if (!home.value || !*home.value)
        return false;
    void *value = *home.value;
    *home.value = NULL;
    routine *destructor = (void (*)(void *))arch_load_pointer((void *const *)&destructors[slot]);
    if (exists(*home.key) && destructor)
        destructor(value);
    return true;
}

void keys_exit(void)
{
    bool any = true;
    while (any && self.destructor_rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        self.destructor_rounds++;
        any = false;
        for (uint32_t slot = 0; slot < KEYS; slot++)
            any |= destroy_value(slot);
    }
    /* what is stored from now on has to be noticed anew */
    for (int i = 0; i < KEYS_INLINE; i++)
        self.keys[i] = 0;
    for (int i = 0; i < KEY_BLOCKS; i++) {
        if (!self.key_blocks[i])
            continue;
        if (__lsan_unregister_root_region)
            __lsan_unregister_root_region(self.key_blocks[i], BLOCK * sizeof(struct key_value));
        arch_syscall(SYS_munmap, (long)self.key_blocks[i], BLOCK * sizeof(struct key_value), 0, 0,
                     0, 0);
        self.key_blocks[i] = NULL;
    }
}

/* ISO C11 7.26.6. */

PUBLIC int tss_create(tss_t *key, tss_dtor_t destructor)
{
    return pthread_key_create(key, destructor) == 0 ? thrd_success : thrd_error;
}

PUBLIC void tss_delete(tss_t key)
{
    pthread_key_delete(key);
}

#undef tss_get
PUBLIC void *tss_get(tss_t key)
{
    return pthread_getspecific(key);
}

PUBLIC int tss_set(tss_t key, void *value)
{
    return pthread_setspecific(key, value) == 0 ? thrd_success : thrd_error;
}

ALIAS(pthread_key_create, __pthread_key_create);
ALIAS(pthread_getspecific, __pthread_getspecific);
ALIAS(pthread_setspecific, __pthread_setspecific);

#ifdef FURWOCK_MUSL
/* libc's names of what it calls when a thread of its own ends, and in fork. */
void __pthread_tsd_run_dtors(void) MUSL_HIDDEN;
void __pthread_key_atfork(int) MUSL_HIDDEN;
extern size_t __pthread_tsd_size MUSL_HIDDEN;
extern void *__pthread_tsd_main[] MUSL_HIDDEN;

size_t __pthread_tsd_size = sizeof(void *);
void *__pthread_tsd_main[1];

void __pthread_tsd_run_dtors(void)
{
    keys_exit();
    self.destructor_rounds = 0;
}

void __pthread_key_atfork(int when)
{
    (void)when;
}
#endif
