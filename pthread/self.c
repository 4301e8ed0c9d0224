/* Per-thread state: identity, fork, the robust list. self.h has the contract. */
#include "self.h"
#include "host.h"
#include "park.h"

#include <arch_syscall.h>
#include <sys/mman.h>
#include <sys/syscall.h>

_Thread_local struct self self;

/*
 * An id, unlike a tid, survives fork: the child's thread is a replica of the parent's and owns what
 * that owned. Unlike an address it is never given to another thread, which would then own what the
 * dead one had left locked.
 */
uint64_t self_assign_id(void)
{
    static uint64_t assigned;
    return self.id = arch_fetch_add64(&assigned, 1) + 1;
}

/*
 * From the clock, since another process has the same ids. The golden section makes of numbers that
 * lie close together marks that lie far apart: threads that begin within some tenths of a second have
 * different ones, and others that are given the same tid have the same mark once in 2^31 times.
 */
uint32_t self_assign_mark(void)
{
    uint64_t now = arch_ticks() + self_id();
    return self.mark = (uint32_t)(now * 0x9e3779b97f4a7c15u >> 32) | 1;
}

/*
 * The fork generation.
 *
 *   no page yet --map--> g --fork: the kernel wipes the page--> 0 --first use in the child--> g + 1
 *
 * `newest_generation` is raised before the page is, so that no child can be born that has seen a
 * generation in the page which its copy of newest_generation does not cover. Where the kernel
 * cannot wipe pages the word stays zero, and nothing that depends on it is ever believed.
 */
#define MADV_WIPEONFORK 18

static uint32_t no_generation;
static uint32_t newest_generation;
uint32_t *fork_generation = &no_generation;

static void map_generation(void)
{
    static uint32_t refused;
    if (arch_load_relaxed(&refused))
        return;
    long page =
        arch_syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((unsigned long)page > -4096ul)
        return;
    void *none = &no_generation;
    if (arch_syscall(SYS_madvise, page, 4096, MADV_WIPEONFORK, 0, 0, 0) != 0)
        arch_store_relaxed(&refused, 1);
    else if (arch_cas64_fetch((uint64_t *)&fork_generation, (uint64_t *)&none, (uint64_t)page))
        return;
    arch_syscall(SYS_munmap, page, 4096, 0, 0, 0, 0);
}

static uint32_t *generation_word(void)
{
    return (uint32_t *)arch_load64_relaxed((const uint64_t *)&fork_generation);
}

uint32_t self_renew_generation(void)
{
    if (generation_word() == &no_generation)
        map_generation();
    uint32_t *word = generation_word();
    if (word == &no_generation)
        return 0;
    uint32_t found = 0, next = arch_load_relaxed(&newest_generation) + 1;
    arch_store_release(&newest_generation, next);
    return arch_cas_fetch(word, &found, next) ? next : found;
}

/*
 * A child's thread is a replica of the one that forked, and owns what that one had locked in
 * private memory, but the words of those mutexes hold the parent's tid, or a grandparent's. The
 * heir may take these for its own, until another thread of the child happens to be given the
 * number.
 */
enum { GENERATIONS = 4 };
static uint32_t heir_tid, inherited_tids[GENERATIONS];

static void inherit(uint32_t tid, uint32_t former)
{
    /* what the heir inherited itself goes on, but not to the child of another thread */
    bool heir = former == arch_load_relaxed(&heir_tid);
    for (int i = GENERATIONS - 1; i > 0; i--)
        arch_store_relaxed(&inherited_tids[i],
                           heir ? arch_load_relaxed(&inherited_tids[i - 1]) : 0);
    arch_store_relaxed(&inherited_tids[0], former);
    arch_store_relaxed(&heir_tid, tid);
}

static void disinherit(uint32_t tid)
{
    for (int i = 0; i < GENERATIONS; i++)
        if (arch_load_relaxed(&inherited_tids[i]) == tid)
            arch_store_relaxed(&inherited_tids[i], 0);
}

bool self_inherits(uint32_t tid)
{
    if (tid == 0 || self_tid() != arch_load_relaxed(&heir_tid))
        return false;
    for (int i = 0; i < GENERATIONS; i++)
        if (arch_load_relaxed(&inherited_tids[i]) == tid)
            return true;
    return false;
}

uint32_t self_renew_tid(void)
{
    uint32_t generation = self_generation(), former = self.tid, before = self.generation;
    uint32_t tid = arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
    self.tid = tid;
    self.generation = generation;
    disinherit(tid);
    /* a sibling may be given this tid next, and has inherited the same mark */
    if (former != tid || (before != 0 && before != generation))
        self.mark = 0;
    if (former != 0 && former != tid) {
        /* the list is the parent's, and the kernel knows of none yet */
        self.robust.next = &self.robust;
        self.robust.pending = NULL;
        inherit(tid, former);
    }
    return tid;
}

/* On the first use in a thread, and again in the child of a fork, whose kernel thread has none. */
bool robust_register(void)
{
    uint32_t generation = self_generation();
    self_tid();
    if (!self.robust.next)
        self.robust.next = &self.robust;
    self.robust.word_offset =
        (long)offsetof(struct mutex, word) - (long)offsetof(struct mutex, next);
    if (arch_syscall(SYS_set_robust_list, (long)&self.robust, sizeof self.robust, 0, 0, 0, 0))
        return false;
    self.robust_generation = generation;
    if (host_frees_threads_early())
        host_arm_exit();
    return true;
}

/* The word of a mutex whose owner dies, in the kernel's format: see mutex.c. */
static void hand_on(struct mutex *mutex, bool pi)
{
    uint32_t word = arch_load_relaxed(&mutex->word);
    do {
        if ((word & WORD_TID) != self.tid)
            return;
    } while (!arch_cas_fetch(&mutex->word, &word, (word & WORD_WAITERS) | WORD_OWNER_DIED));
    /* those who wait for a priority-inheriting word get it from the kernel, when the thread ends */
    if ((word & WORD_WAITERS) && !pi)
        unpark(&mutex->word, 1, SHARED, ANY);
}

void robust_exit(void)
{
    if (!self.robust_generation || !host_frees_threads_early())
        return;
    while (!robust_is_head(self.robust.next)) {
        /* handed on, a mutex is on its next owner's list */
        void *link = self.robust.next;
        void *before = robust_announce(link);
        arch_store_pointer(&self.robust.next, robust_mutex(link)->next);
        hand_on(robust_mutex(link), (uintptr_t)link & ROBUST_PI);
        robust_done(before);
    }
    self.robust_generation = 0;
    arch_syscall(SYS_set_robust_list, 0, sizeof self.robust, 0, 0, 0, 0);
}
