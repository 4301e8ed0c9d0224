/* Per-thread state: identity, fork, the robust list. self.h has the contract. */
#include "self.h"
#include "host.h"
#include "park.h"
#include "ticks.h"

#include <arch_syscall.h>
#include <sys/mman.h>
#include <sys/syscall.h>

_Thread_local struct self self;

/*
 * An id, unlike a tid, survives fork: the child's thread is a replica of the parent's and owns what
 * that owned. Unlike an address it is never given to another thread, which would then own what the
 * dead one had left locked.
 *
 * In an object there is room for half of it, beside the tid. Threads beyond the 2^32nd all have the
 * last half, and are told apart by the tid, as libc does it for all threads.
 */
#define LAST_HALF UINT32_MAX

uint64_t self_assign_id(void)
{
    static uint64_t assigned;
    uint64_t id = arch_fetch_add64(&assigned, 1) + 1;
    self.name.id = id < LAST_HALF ? id : LAST_HALF;
    return self.id = id;
}

bool self_wrote(uint64_t whole)
{
    union name name = {whole};
    self_id();
    if (name.id != self.name.id)
        return false;
    return likely(name.id != LAST_HALF) || name.tid == self_tid() || self_inherits(name.tid);
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
 *   no page yet --map--> g --fork: the kernel wipes the page--> 0 --first use in the child--> g + n
 *
 * Each who finds zero counts `newest_generation` up by one, and then offers what it got to the page.
 * So no child can be born that has seen a generation in the page which its copy of
 * newest_generation does not cover. Where the kernel cannot wipe pages the word stays zero, and
 * nothing that depends on it is ever believed.
 */
#define MADV_WIPEONFORK 18

static struct wiped unwiped;
static uint32_t newest_generation;
struct wiped *wiped = &unwiped;

static void map_wiped(void)
{
    static uint32_t refused;
    if (arch_load_relaxed(&refused))
        return;
    long pages = arch_syscall(SYS_mmap, 0, sizeof(struct wiped), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((unsigned long)pages > -4096ul) {
        arch_store_relaxed(&refused, 1);
        return;
    }
    void *none = &unwiped;
    if (arch_syscall(SYS_madvise, pages, sizeof(struct wiped), MADV_WIPEONFORK, 0, 0, 0) != 0)
        arch_store_relaxed(&refused, 1);
    else if (arch_cas64_fetch((uint64_t *)&wiped, (uint64_t *)&none, (uint64_t)pages))
        return;
    arch_syscall(SYS_munmap, pages, sizeof(struct wiped), 0, 0, 0, 0);
}

static struct wiped *wiped_now(void)
{
    return (struct wiped *)arch_load64_relaxed((const uint64_t *)&wiped);
}

uint32_t self_renew_generation(void)
{
    if (wiped_now() == &unwiped)
        map_wiped();
    struct wiped *pages = wiped_now();
    if (pages == &unwiped)
        return 0;
    uint32_t found = 0, next = arch_fetch_add(&newest_generation, 1) + 1;
    return arch_cas_fetch(&pages->generation, &found, next) ? next : found;
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

/*
 * Where the tid comes from: no system call but futex, mostly, since a sandbox may forbid gettid.
 *
 *   this process loaded the library    from libc, which was right then
 *   a child's thread that is not the   from libc, which has made it
 *   one that it began with
 *   the one that it began with         from the kernel's answer to a futex call, or from gettid:
 *                                      of several forks libc may have seen the first ones only
 *   the same, and the kernel refuses   from libc, if it has another one now: it has seen a fork
 */
enum { FIRST_GENERATION = 1 };
static uint32_t libc_is_right;
/* The generation whose first thread is known: others have no history. */
static uint32_t heir_generation;

/* While the library is loaded nothing is forbidden yet. */
static uint32_t ask_kernel(void)
{
    long tid = arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
    return tid > 0 ? tid : park_tid();
}

static uint32_t ask_tid(void)
{
    uint32_t tid = park_tid();
    return tid ? tid : ask_kernel();
}

static bool libc_knows(uint32_t generation, uint32_t former)
{
    if (generation == FIRST_GENERATION)
        return true;
    return former == 0 && generation && generation == arch_load_acquire(&heir_generation);
}

static uint32_t find_tid(uint32_t generation, uint32_t former)
{
    uint32_t known = arch_load_relaxed(&libc_is_right) ? host_tid() : 0;
    /* libc itself may have taken a refusal for a tid */
    if (known > WORD_TID)
        known = 0;
    if (known != 0 && libc_knows(generation, former))
        return known;
    uint32_t tid = ask_tid();
    if (tid == 0 && former != 0 && known != former)
        return known;
    if (tid != known)
        arch_store_relaxed(&libc_is_right, 0);
    return tid;
}

/*
 * The robust list of a child is the parent's, and the kernel knows of none yet. Where the child has
 * the same tid, in a pid namespace of its own, the words of the forking thread's mutexes look like
 * its own: then the list goes on with those in private memory, which are. Links that lie in shared
 * memory are the parent's: they are read, and lead nowhere once it has released the mutex.
 */
static void begin_robust_list(bool same_tid)
{
    void *link = self.robust.next, *next;
    self.robust.next = &self.robust;
    self.robust.pending = NULL;
    for (; same_tid && link && !robust_is_head(link); link = next) {
        struct mutex *mutex = robust_mutex(link);
        next = mutex->next;
        if (!(arch_load_relaxed(&mutex->kind) & MUTEX_SHARED))
            robust_enlist(mutex, (uintptr_t)link & ROBUST_PI);
        else if ((arch_load_relaxed(&mutex->word) & WORD_TID) != self.name.tid)
            break;
    }
}

uint32_t self_renew_tid(void)
{
    uint32_t generation = self_generation(), known_in = self.generation, former = self.name.tid;
    uint32_t tid = find_tid(generation, former);
    self_id();
    self.name.tid = tid;
    if (tid == 0)
        return 0;
    self.generation = generation;
    disinherit(tid);
    /* a sibling may be given this tid next, and has inherited the same mark */
    if (former != tid || (known_in != 0 && known_in != generation))
        self.mark = 0;
    if (former != 0 && (former != tid || (known_in != 0 && known_in != generation))) {
        begin_robust_list(former == tid);
        inherit(tid, former);
        arch_store_release(&heir_generation, generation);
    }
    return tid;
}

void self_start(void)
{
    ticks_start();
    self_generation();
    uint32_t tid = ask_kernel();
    arch_store_relaxed(&libc_is_right, tid != 0 && tid == host_tid());
    self_tid();
}

/* On the first use in a thread, and again in the child of a fork, whose kernel thread has none. */
bool robust_register(void)
{
    uint32_t generation = self_generation();
    if (self_tid() == 0)
        return false;
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
        if ((word & WORD_TID) != self.name.tid)
            return;
    } while (!arch_cas_fetch(&mutex->word, &word, (word & WORD_WAITERS) | WORD_OWNER_DIED));
    /* those who wait for a priority-inheriting word get it from the kernel, when the thread ends */
    if ((word & WORD_WAITERS) && !pi)
        unpark(&mutex->word, 1, SHARED, ANY);
}

void robust_exit(void)
{
    /* in a child of fork that has registered none the list is the parent's */
    if (!robust_ready() || !host_frees_threads_early())
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
