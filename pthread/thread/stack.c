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
 * Memory given back is kept for the next thread that wants the same sizes, up to CACHE_MAX bytes;
 * beyond that the oldest is unmapped. An exiting detached thread still runs on the stack that it
 * gives back: the kernel clears the tid in its block when it has left it for good, and until then
 * nobody takes or unmaps it. The ring's lock protects all this.
 */
#include "thread.h"

#include <arch_syscall.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { CACHE_MAX = 32 << 20 };

/* Linked by `next`, the latest first. */
static struct musl_thread *cache;
static size_t cached;

static size_t round_to_pages(size_t size)
{
    return (size + __libc.page_size - 1) & -__libc.page_size;
}

static bool is_dead(struct musl_thread *thread)
{
    return arch_load_acquire(&thread->tid) == 0;
}

static struct musl_thread *take_out(struct musl_thread **link)
{
    struct musl_thread *thread = *link;
    *link = thread->next;
    cached -= thread->map_size;
    return thread;
}

static struct musl_thread *find_cached(size_t size, size_t guard_size)
{
    for (struct musl_thread **link = &cache; *link; link = &(*link)->next)
        if ((*link)->map_size == size && (*link)->guard_size == guard_size && is_dead(*link))
            return take_out(link);
    return NULL;
}

/* Unmap the oldest ones until no more than `limit` bytes are left, as far as their threads are dead. */
static void trim_cache(size_t limit)
{
    size_t kept = 0;
    for (struct musl_thread **link = &cache; *link;) {
        if (kept + (*link)->map_size > limit && is_dead(*link)) {
            struct musl_thread *thread = take_out(link);
            arch_syscall(SYS_munmap, (long)thread->map, thread->map_size, 0, 0, 0, 0);
        } else {
            kept += (*link)->map_size;
            link = &(*link)->next;
        }
    }
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
            trim_cache(0);
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
    cached += thread->map_size;
    if (cached > CACHE_MAX)
        trim_cache(CACHE_MAX);
}
