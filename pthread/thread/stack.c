/*
 * Stacks. A thread's memory is one mapping:
 *
 *      map                                                       map + map_size
 *      +------------+--------------------------+----------------------+
 *      |   guard    |   stack, growing down    |  TLS, thread block   |
 *      +------------+--------------------------+----------------------+
 *
 * A thread whose creator brought a stack of its own has a mapping of the last part alone.
 *
 * Memory given back is kept for the next thread that wants the same sizes, up to CACHE_BYTES and
 * CACHE_STACKS, each of which makes fork slower; beyond that the oldest is unmapped. An exiting
 * detached thread still runs on the stack that it gives back: the kernel clears the tid in its block
 * when it has left it for good, and until then nobody takes or unmaps it. If that is too much to be
 * kept, the thread unmaps all but the end of it itself, and ends on the rest: then no more than a page
 * or two wait for the next who comes. The ring's lock protects all this.
 */
#include "thread.h"

#include <arch_syscall.h>
#include <arch_thread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { CACHE_BYTES = 32 << 20, CACHE_STACKS = 32 };

/* Linked by `next`, the latest first. */
static struct musl_thread *cache;
static size_t cached_bytes, cached_stacks;

static size_t round_to_pages(size_t size)
{
    return (size + __libc.page_size - 1) & -__libc.page_size;
}

static struct musl_thread *take_out(struct musl_thread **link)
{
    struct musl_thread *thread = *link;
    *link = thread->next;
    cached_bytes -= thread->map_size;
    cached_stacks--;
    return thread;
}

static struct musl_thread *find_cached(size_t size, size_t guard_size)
{
    for (struct musl_thread **link = &cache; *link; link = &(*link)->next)
        if ((*link)->map_size == size && (*link)->guard_size == guard_size &&
            thread_has_left(*link))
            return take_out(link);
    return NULL;
}

/* Unmap the oldest ones until no more than that are left, as far as their threads have left them. */
static void trim_cache(size_t bytes, size_t stacks)
{
    size_t kept_bytes = 0, kept_stacks = 0;
    for (struct musl_thread **link = &cache; *link;) {
        size_t size = (*link)->map_size;
        if ((kept_bytes + size > bytes || kept_stacks == stacks) && thread_has_left(*link)) {
            struct musl_thread *thread = take_out(link);
            arch_syscall(SYS_munmap, (long)thread->map, size, 0, 0, 0, 0);
        } else {
            kept_bytes += size;
            kept_stacks++;
            link = &(*link)->next;
        }
    }
}

static bool is_too_much(void)
{
    return cached_bytes > CACHE_BYTES || cached_stacks > CACHE_STACKS;
}

static char *map_memory(size_t size, size_t guard_size)
{
    long map = arch_syscall(SYS_mmap, 0, size, guard_size ? PROT_NONE : PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((unsigned long)map > -4096ul)
        return NULL;
    if (guard_size && arch_syscall(SYS_mprotect, map + guard_size, size - guard_size,
                                   PROT_READ | PROT_WRITE, 0, 0, 0)) {
        arch_syscall(SYS_munmap, map, size, 0, 0, 0, 0);
        return NULL;
    }
    return (char *)map;
}

struct musl_thread *stack_take(size_t stack_size, size_t guard_size)
{
    if (stack_size > SIZE_MAX / 4 || guard_size > SIZE_MAX / 4)
        return NULL;
    guard_size = round_to_pages(guard_size);
    size_t size = guard_size + round_to_pages(stack_size + __libc.tls_size);
    char *map;
    struct musl_thread *former = find_cached(size, guard_size);
    if (former) {
        map = former->map;
        memset(map + size - __libc.tls_size, 0, __libc.tls_size);
    } else {
        map = map_memory(size, guard_size);
        if (!map && cache) {
            trim_cache(0, 0);
            map = map_memory(size, guard_size);
        }
        if (!map)
            return NULL;
    }
    unsigned char *storage = (unsigned char *)map + size - __libc.tls_size;
    struct musl_thread *thread = __copy_tls(storage);
    thread->map = map;
    thread->map_size = size;
    thread->guard_size = guard_size;
    thread->stack = storage;
    thread->stack_size = (char *)storage - map - guard_size;
    return thread;
}

void stack_give(struct musl_thread *thread)
{
    thread->next = cache;
    cache = thread;
    cached_bytes += thread->map_size;
    cached_stacks++;
    if (is_too_much())
        trim_cache(CACHE_BYTES, CACHE_STACKS);
}

/* Where the last part begins, which is enough for the thread's last steps. */
static char *last_part(const struct musl_thread *thread)
{
    enum { LAST_STEPS = 2048 };
    uintptr_t end = (uintptr_t)thread->map + thread->map_size - __libc.tls_size - LAST_STEPS;
    char *last = (char *)(end & -__libc.page_size),
         *lowest = (char *)thread->map + thread->guard_size;
    return last > lowest ? last : lowest;
}

/* What has no memory of its own is given back already; of what is to be joined the whole is kept. */
static bool must_unmap(const struct musl_thread *thread)
{
    if (!thread->map || last_part(thread) == thread->map)
        return false;
    return arch_load_relaxed(&thread->state) == 0 ? is_too_much() : thread->map_size > CACHE_BYTES;
}

/* libc's fork, called by the only thread it counts, takes no lock: so what the lock protects is done. */
static _Noreturn void end(void)
{
    thread_count_down();
    thread_list_unlock();
    for (;;)
        arch_syscall(SYS_exit, 0, 0, 0, 0, 0, 0);
}

/*
 * Runs on the last part. If the kernel refuses, all of it is kept. A fork that does not wait for the
 * lock (_Fork) may find it anywhere here: meanwhile it is of no size, which nobody wants.
 */
static void unmap_and_end(void)
{
    struct musl_thread *thread = musl_self();
    char *last = last_part(thread), *map = thread->map;
    size_t size = last - map, kept = thread->map_size;
    bool cached = arch_load_relaxed(&thread->state) == 0;
    cached_bytes -= cached ? kept : 0;
    *(volatile size_t *)&thread->map_size = 0;
    if (arch_syscall(SYS_munmap, (long)map, size, 0, 0, 0, 0) == 0) {
        kept -= size;
        thread->guard_size = 0;
        arch_store_pointer(&thread->map, last);
    }
    *(volatile size_t *)&thread->map_size = kept;
    cached_bytes += cached ? kept : 0;
    end();
}

_Noreturn void stack_leave(void)
{
    struct musl_thread *thread = musl_self();
    if (unlikely(must_unmap(thread))) {
        /* there will not be room for a handler, not even of libc's own signals */
        change_signal_mask(SIG_BLOCK, ~0ull);
        arch_call_on((char *)thread->map + thread->map_size - __libc.tls_size, unmap_and_end);
    }
    end();
}
