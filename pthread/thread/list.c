/*
 * The ring of all threads. libc walks it in fork, and to do in every thread what set*id must do in
 * every thread, and takes its lock by the names below; creation and exit change it.
 *
 *      31        30                             0
 *      +---------+------------------------------+
 *      | ASLEEP  |        owner's tid           |   __thread_list_lock
 *      +---------+------------------------------+
 *
 * The child of fork begins with a free lock, whoever had locked it, and how often, in the parent. If the
 * fork was in a signal handler on top of a creation, its only thread holds the lock again:
 * thread_list_keep.
 */
#include "../spinning.h"
#include "thread.h"

#include <signal.h>

#define ASLEEP 0x80000000u

/* How often the owner has locked it again: fork does, from a signal handler within a creation. */
static uint32_t depth;
static uint32_t spins;

static uint32_t *word(void)
{
    return (uint32_t *)&__thread_list_lock;
}

/*
 * Ending threads that wait for the lock. The others let them go first: else, where many are created
 * without pause, ended ones would pile up.
 */
static uint32_t leaving;

static COLD void lock_contended(uint32_t tid)
{
    struct spin spin;
    uint32_t found = 0, mark = 0;
    if (spin_wanted(&spin, &spins)) {
        bool locked;
        while (!(locked = arch_load_relaxed(word()) == 0 && arch_cas(word(), 0, tid)) &&
               spin_goes_on(&spin))
            ;
        spin_report(&spin, locked);
        if (locked)
            return;
    }
    while (found = 0, !arch_cas_fetch(word(), &found, tid | mark)) {
        if (!(found & ASLEEP) && !arch_cas(word(), found, found | ASLEEP))
            continue;
        park(word(), found | ASLEEP, NULL, PRIVATE, ANY);
        mark = ASLEEP;
    }
}

/* Those of them that have been kept from running: they hold nothing, and nobody waits for them again. */
static uint32_t stopped;

static bool others_have_left(void)
{
    return arch_load_acquire(&leaving) <= arch_load_relaxed(&stopped);
}

/* Where another processor runs them it takes less than a sleep does. */
static void spin_until_others_have_left(void)
{
    static uint32_t learned;
    struct spin spin;
    if (others_have_left() || !spin_wanted(&spin, &learned))
        return;
    bool left;
    while (!(left = others_have_left()) && spin_goes_on(&spin))
        ;
    spin_report(&spin, left);
}

static COLD void let_others_leave(struct musl_thread *me)
{
    enum { A_WHILE = 500 * 1000 };
    uint32_t count;
    /* they are in the ring: a child of fork, alone there, has only their number */
    if (me->next == me)
        arch_store_relaxed(&leaving, 0);
    spin_until_others_have_left();
    while ((count = arch_load_acquire(&leaving)) > arch_load_relaxed(&stopped))
        if (nap(&leaving, count, A_WHILE, NULL) == 0 && arch_load_relaxed(&leaving) >= count)
            arch_store_relaxed(&stopped, arch_load_relaxed(&leaving));
}

static COLD void wait_to_leave(uint32_t tid)
{
    arch_fetch_add(&leaving, 1);
    lock_contended(tid);
    uint32_t others = arch_fetch_add(&leaving, -1u) - 1, not_awaited = arch_load_relaxed(&stopped);
    if (others < not_awaited)
        arch_store_relaxed(&stopped, others);
    if (others <= not_awaited)
        unpark(&leaving, EVERYONE, PRIVATE, ANY);
}

void thread_list_lock(void)
{
    struct musl_thread *me = musl_self();
    if ((arch_load_relaxed(word()) & ~ASLEEP) == me->tid) {
        depth++;
        return;
    }
    if (unlikely(arch_load_relaxed(&leaving) != 0))
        let_others_leave(me);
    if (unlikely(!arch_cas(word(), 0, me->tid)))
        lock_contended(me->tid);
    depth = 0;
}

void thread_list_lock_to_leave(void)
{
    uint32_t tid = musl_self()->tid;
    if (unlikely(!arch_cas(word(), 0, tid)))
        wait_to_leave(tid);
    depth = 0;
}

uint32_t thread_list_owner(void)
{
    return arch_load_acquire(word()) & ~ASLEEP;
}

void thread_list_keep(void)
{
    uint32_t tid = musl_self()->tid, found = arch_load_relaxed(word());
    while (unlikely((found & ~ASLEEP) != tid) &&
           !arch_cas_fetch(word(), &found, tid | (found & ASLEEP)))
        ;
}

void thread_list_unlock(void)
{
    if (depth > 0) {
        depth--;
        thread_list_keep();
        return;
    }
    if (arch_exchange(word(), 0) & ASLEEP)
        unpark(word(), 1, PRIVATE, ANY);
}

/* A signal handler of this thread may walk the ring, or fork: then there is nobody in it any more. */
void thread_list_insert(struct musl_thread *thread)
{
    struct musl_thread *me = musl_self(), *next;
    thread->prev = me;
    do {
        next = arch_load_pointer((void **)&me->next);
        thread->next = next;
    } while (!arch_cas64_alone((uint64_t *)&me->next, (uintptr_t)next, (uintptr_t)thread));
    next->prev = thread;
}

void thread_list_remove(struct musl_thread *thread)
{
    thread->next->prev = thread->prev;
    thread->prev->next = thread->next;
    thread->next = thread->prev = thread;
}

/* While there has been one thread only, the locks of open files are switched off. */
static void enable_file_lock(FILE *file)
{
    uint32_t *lock = (uint32_t *)((char *)file + MUSL_FILE_LOCK);
    if (file && (int32_t)arch_load_relaxed(lock) < 0)
        arch_store_relaxed(lock, 0);
}

static void enable_file_locks(void)
{
    if (&__ofl_lock) {
        for (FILE *file = *__ofl_lock(); file; file = *(FILE **)((char *)file + MUSL_FILE_NEXT))
            enable_file_lock(file);
        __ofl_unlock();
    }
    FILE *volatile *const standard[] = {&__stdin_used, &__stdout_used, &__stderr_used};
    for (int i = 0; i < 3; i++)
        if (standard[i])
            enable_file_lock(*standard[i]);
}

static COLD void become_threaded(void)
{
    enable_file_locks();
    change_signal_mask(SIG_UNBLOCK, URGENT_SIGNALS);
    __libc.threaded = 1;
}

void thread_count_up(void)
{
    if (unlikely(!__libc.threaded))
        become_threaded();
    if (__libc.threads_minus_1++ == 0)
        __libc.need_locks = 1;
}

void thread_count_down(void)
{
    if (--__libc.threads_minus_1 == 0)
        __libc.need_locks = -1;
}

/* libc has set these in the child of a fork that came in the middle of counting. */
void thread_count_anew(void)
{
    const struct musl_thread *me = musl_self();
    int others = 0;
    for (const struct musl_thread *other = me->next; other != me; other = other->next)
        others++;
    __libc.threads_minus_1 = others;
    __libc.need_locks = others > 0 ? 1 : -1;
}

/* libc's names. */

void __tl_lock(void) MUSL_HIDDEN;
void __tl_unlock(void) MUSL_HIDDEN;
void __tl_sync(pthread_t) MUSL_HIDDEN;
void __acquire_ptc(void) MUSL_HIDDEN;
void __release_ptc(void) MUSL_HIDDEN;
void __inhibit_ptc(void) MUSL_HIDDEN;

void __tl_lock(void)
{
    thread_list_lock();
}

void __tl_unlock(void)
{
    thread_list_unlock();
}

/* To be sure that who holds the lock has seen the end of an exiting thread. */
void __tl_sync(pthread_t thread)
{
    (void)thread;
    thread_list_lock();
    thread_list_unlock();
}

/* These hold creation off during fork, which takes the ring's lock as well: that is enough. */
void __acquire_ptc(void)
{
}

void __release_ptc(void)
{
    /* the child of fork calls it, too */
    cancel_again();
}

void __inhibit_ptc(void)
{
}
