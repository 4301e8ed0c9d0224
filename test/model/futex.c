/* The kernel: futexes, membarriers, and the few other system calls that the library makes. */
#include "explore.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

/* far more ticks than any patience of the library's */
enum { AGE = 1 << 30 };
/* MADV_WIPEONFORK */
enum { WIPE_ON_FORK = 18 };

static unsigned long queued;

static bool sleeps_on(const struct fibre *fibre, const uint32_t *word, bool shared,
                      uint32_t classes)
{
    return fibre->status == ASLEEP && fibre->word == word && fibre->shared == shared &&
           (fibre->classes & classes);
}

/* The sleepers, the longest first. */
int sleepers(const uint32_t *word, bool shared, uint32_t classes, struct fibre **found)
{
    int n = 0;
    for (int i = 0; i < threads; i++) {
        if (!sleeps_on(&fibres[i], word, shared, classes))
            continue;
        int at = n++;
        for (; at > 0 && found[at - 1]->order > fibres[i].order; at--)
            found[at] = found[at - 1];
        found[at] = &fibres[i];
    }
    return n;
}

/* Both a wake and the end of a sleep by itself. */
void unqueue(struct fibre *fibre, long result)
{
    touch_queue(fibre, fibre->word);
    fibre->history = mix(fibre->history, result);
    fibre->status = RUNNING;
    fibre->result = result;
}

long fall_asleep(const uint32_t *word, bool shared, bool timed, uint32_t classes)
{
    if (!scheduling)
        fail("a sleep before the threads run, or after");
    is_slept_on(word);
    touch_queue(current, word);
    current->chosen &= (scenario->flags & CHOSEN) != 0;
    current->owes = false;
    current->word = word;
    current->shared = shared;
    current->classes = classes;
    current->timed = timed;
    current->order = ++queued;
    current->status = ASLEEP;
    yield();
    current->target = NULL;
    current->lap = false;
    current->inherits = false;
    if (scenario->flags & AGES)
        current->clock += AGE;
    switch (current->result) {
    case BY_DEATH:
        die();
    case BY_CANCEL:
        current->cancelled = true;
        return -EINTR;
    case BY_HANDLER:
        run_handler();
        return -EINTR;
    case BY_JUMP:
        jump();
    }
    return current->result;
}

struct fibre *choose_sleeper(struct fibre **found, int n)
{
    int foremost = 0, highest = 0;
    for (int i = 0; i < n; i++)
        if (scenario->priority[found[i]->index] > highest)
            highest = scenario->priority[found[foremost = i]->index];
    return found[highest > 0 ? foremost : choose(SITE_WAKE, n)];
}

/* The clock stands at whole seconds: what ends at such a time is a lap (pthread/rwlock/shared.c). */
static bool is_lap(const struct timespec *time)
{
    enum { MS = 1000000 };
    return time && (time->tv_nsec == MS || time->tv_nsec == 10 * MS || time->tv_nsec == 100 * MS);
}

static long wait(const uint32_t *word, bool shared, uint32_t value, const struct timespec *time,
                 uint32_t classes)
{
    bool timed = time;
    if (is_gone(word)) {
        trace(NULL, "futex wait %s: its memory is gone", name_of(word));
        return -EFAULT;
    }
    touch(current, word, false);
    kernel_sees(word);
    uint32_t found = read_plain(word, sizeof *word);
    if (found != value) {
        trace(NULL, "futex wait %s while %#x: found %#x", name_of(word), value, found);
        return -EAGAIN;
    }
    trace(NULL, "futex wait %s while %#x%s: asleep", name_of(word), value, timed ? ", timed" : "");
    current->lap = is_lap(time);
    return fall_asleep(word, shared, timed, classes);
}

static long wake(const uint32_t *word, bool shared, int count, uint32_t classes)
{
    struct fibre *found[THREADS];
    int woken = 0, n;
    touch_queue(current, word);
    while (woken < count && (n = sleepers(word, shared, classes, found)) > 0) {
        /* the kernel's queue is ordered by priority as well: any may be the first */
        struct fibre *first = count - woken < n ? choose_sleeper(found, n) : found[0];
        if (first->target || first->inherits)
            return -EINVAL;
        trace(NULL, "futex wake %s: thread %d", name_of(word), first->index);
        unqueue(first, 0);
        kernel_wakes(current, first);
        first->chosen = true;
        current->history = mix(current->history, first->index);
        woken++;
    }
    if (!woken)
        trace(NULL, "futex wake %s: nobody", name_of(word));
    return woken;
}

static long requeue(const uint32_t *word, bool shared, int wakes, int moves, const uint32_t *target)
{
    struct fibre *found[THREADS];
    if ((scenario->flags & MOVES) && wakes > 1)
        wakes = 1;
    long woken = wakes > 0 ? wake(word, shared, wakes, FUTEX_BITSET_MATCH_ANY) : 0;
    touch_queue(current, word);
    int n = sleepers(word, shared, FUTEX_BITSET_MATCH_ANY, found);
    for (int i = 0; i < n; i++)
        if (found[i]->target || found[i]->inherits)
            return -EINVAL;
    if (n > moves)
        n = moves;
    if (target != word) {
        touch_queue(current, target);
        for (int i = 0; i < n; i++) {
            trace(NULL, "futex requeue %s to %s: thread %d", name_of(word), name_of(target),
                  found[i]->index);
            found[i]->word = target;
            found[i]->order = ++queued;
            is_slept_on(target);
        }
    }
    current->history = mix(current->history, n);
    return woken + n;
}

static long futex(const uint32_t *word, int operation, uint32_t value, long time_or_count,
                  const uint32_t *word2, uint32_t value3)
{
    bool shared = !(operation & FUTEX_PRIVATE_FLAG), known;
    if (is_refused(operation & FUTEX_CMD_MASK))
        return -scenario->error;
    long result = futex_pi((uint32_t *)word, operation & FUTEX_CMD_MASK, shared, value,
                           time_or_count, (uint32_t *)word2, value3, &known);
    if (known)
        return result;
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
        return wait(word, shared, value, (void *)time_or_count, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE:
        return wake(word, shared, (int)value, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAIT_BITSET:
        return wait(word, shared, value, (void *)time_or_count, value3);
    case FUTEX_WAKE_BITSET:
        return wake(word, shared, (int)value, value3);
    case FUTEX_CMP_REQUEUE:
        if (is_gone(word))
            return -EFAULT;
        touch(current, word, false);
        trace(NULL, "futex compare %s, found %#lx, with %#x", name_of(word),
              read_plain(word, sizeof *word), value3);
        if (read_plain(word, sizeof *word) != value3)
            return -EAGAIN;
        return requeue(word, shared, value, time_or_count, word2);
    case FUTEX_REQUEUE:
        return requeue(word, shared, value, time_or_count, word2);
    }
    fail("futex operation %d is not modelled", operation);
}

/* The command that has to be given first. */
static uint32_t registration_of(int command)
{
    switch (command) {
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
        return MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ:
        return MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ;
    }
    fail("membarrier command %d is not modelled", command);
}

static long register_membarrier(int command)
{
    uint32_t *registered = model_membarriers();
    *registered |= command;
    touch(current, registered, true);
    return 0;
}

static long fence_all(int command)
{
    const uint32_t *registered = model_membarriers();
    touch(current, registered, false);
    if (!(*registered & registration_of(command)))
        return -EPERM;
    trace(NULL, "membarrier");
    kernel_fences(current);
    for (int i = 0; i < threads && scheduling; i++) {
        drain(&fibres[i]);
        kernel_fences(&fibres[i]);
        if (command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ)
            abort_sequence(&fibres[i]);
    }
    kernel_fences(current);
    return 0;
}

static long membarrier(int command, unsigned flags)
{
    if (flags)
        fail("membarrier flags %#x are not modelled", flags);
    switch (command) {
    case MEMBARRIER_CMD_QUERY:
        return MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |
               MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ |
               MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ;
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
        return register_membarrier(command);
    }
    return fence_all(command);
}

static enum step step_of(int operation)
{
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
        return WAITS;
    }
    return WAKES;
}

/* In the kernel's struct sched_attr, as words. */
enum { POLICY = 1, PRIORITY = 5 };

/* A pipe, which is what memory can be read through that may be gone. */
enum { READING_END = 3, WRITING_END = 4 };

static long write_pipe(const uint32_t *word)
{
    if (is_gone(word))
        return -EFAULT;
    touch(current, word, false);
    current->pipe = read_plain(word, sizeof *word);
    return sizeof *word;
}

static int priority(void)
{
    return current && current->index < THREADS ? scenario->priority[current->index] : 0;
}

long model_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    static const long start = 1000;
    enum { AN_AGE = 500 };
    switch (number) {
    case SYS_futex:
        may_die();
        may_stop(step_of(b));
        schedule();
        drain(current);
        kernel_fences(current);
        long result = futex((const uint32_t *)a, b, c, d, (const uint32_t *)e, f);
        current->owes &= result == -EAGAIN;
        return result;
    case SYS_membarrier:
        may_die();
        may_stop(CHANGES);
        schedule();
        return membarrier(a, b);
    case SYS_gettid:
        return current ? tid_of(current) : 1;
    case SYS_pipe2:
        ((int *)a)[0] = READING_END;
        ((int *)a)[1] = WRITING_END;
        return 0;
    case SYS_write:
        may_die();
        schedule();
        return write_pipe((const uint32_t *)b);
    case SYS_read:
        *(uint32_t *)b = current->pipe;
        return sizeof current->pipe;
    case SYS_close:
        return 0;
    case SYS_set_robust_list:
        if (current)
            current->robust_list = (void *)a;
        return 0;
    case SYS_mmap:
        return (long)model_page();
    case SYS_madvise:
        if (c == WIPE_ON_FORK)
            model_wiped_on_fork((void *)a);
        return 0;
    case SYS_munmap:
        return 0;
    case SYS_clock_gettime:
        /* a thread whose naps have ended for nothing finds the deadline passed in the end */
        *(struct timespec *)b = (struct timespec){.tv_sec = start + AN_AGE * current->naps};
        current->history = mix(current->history, current->naps);
        return 0;
    case SYS_sched_getscheduler:
        return priority() > 0 ? SCHED_FIFO : SCHED_OTHER;
    case SYS_sched_getparam:
        *(int *)b = priority();
        return 0;
    case SYS_sched_getattr:
        memset((void *)b, 0, c);
        ((uint32_t *)b)[POLICY] = priority() > 0 ? SCHED_FIFO : SCHED_OTHER;
        ((uint32_t *)b)[PRIORITY] = priority();
        return 0;
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
    case SYS_sched_yield:
        if (scheduling)
            yield();
        return 0;
    }
    fail("system call %ld is not modelled", number);
}
