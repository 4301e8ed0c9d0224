/*
 * pthread_once.
 *
 *      31                 3      2         1        0
 *      +------------------+----------+---------+--------+
 *      |    generation    |  ASLEEP  | RUNNING |  DONE  |   word
 *      +------------------+----------+---------+--------+
 *
 *       0  --first caller-->  generation | RUNNING  --routine returned-->  DONE
 *       ^                        |
 *       +--routine left by an exception or a cancel
 *
 * The generation is that of the fork (self.h). In a child that was born while another thread of its
 * parent ran the routine, it is out of date: that thread does not exist, and the next caller runs
 * the routine again.
 *
 * A routine may be left by a cancel or by pthread_exit, for which there is a cleanup handler, and by a
 * C++ exception. For that its caller here has a personality routine of its own in the unwind tables,
 * which resets the word as the unwinder passes, and needs neither a landing pad nor any library.
 * glibc's cancellation unwinds as well, as far as there are tables: then the personality routine comes
 * first, and takes the handler away; where the program's code has none, the handler runs.
 */
#include "checked.h"
#include "host.h"
#include "self.h"
#include "spinning.h"

enum { DONE = 1, RUNNING = 2, ASLEEP = 4, GENERATION = 8 };

static void finish(struct once *once, uint32_t word)
{
    checked_before(once);
    if (arch_exchange(&once->word, word) & ASLEEP)
        unpark(&once->word, EVERYONE, PRIVATE, ANY);
}

/* The routine was left: the innermost one of this thread, since unwinding goes outwards. */
static void abandon(void)
{
    struct once_frame *frame = self.once;
    self.once = frame->outer;
    finish(frame->once, 0);
}

static void cancelled_routine(void *argument)
{
    struct once_frame *frame = argument;
    if (self.once == frame)
        abandon();
}

/*
 * The Itanium ABI's personality routine: in the second phase the unwinder is leaving the frame. On
 * to the next frame, having nothing to land on.
 */
enum { UNWIND_CLEANUP_PHASE = 2, UNWIND_CONTINUE = 8 };

__attribute__((used, visibility("hidden"))) int
furwock_once_personality(int version, int actions, uint64_t class, void *exception, void *context)
{
    (void)version, (void)class, (void)exception, (void)context;
    if ((actions & UNWIND_CLEANUP_PHASE) && self.once) {
        host_pop_cleanup(&self.once->cleanup);
        abandon();
    }
    return UNWIND_CONTINUE;
}

/* 0x1b: the address is relative to its place, signed, in four bytes. */
static SLOW void run(void (*routine)(void))
{
    __asm__ volatile(".cfi_personality 0x1b, furwock_once_personality");
    routine();
    __asm__ volatile("");
}

static void run_frame(void (*routine)(void), struct once *once)
{
    struct once_frame frame = {.once = once, .outer = self.once};
    self.once = &frame;
    host_push_cleanup(&frame.cleanup, cancelled_routine, &frame);
    run(routine);
    host_pop_cleanup(&frame.cleanup);
    self.once = frame.outer;
}

/* Most routines are short. */
static void spin_for_end(struct once *once, uint32_t running)
{
    static uint32_t spins;
    struct spin spin;
    if (arch_load_relaxed(&once->word) != running || !spin_wanted(&spin, &spins))
        return;
    bool ended;
    do
        ended = (arch_load_relaxed(&once->word) & ~(uint32_t)ASLEEP) != running;
    while (!ended && spin_goes_on(&spin));
    spin_report(&spin, ended);
}

static COLD int once_slow(struct once *once, void (*routine)(void))
{
    uint32_t running = RUNNING | self_generation() * GENERATION;
    spin_for_end(once, running);
    for (;;) {
        uint32_t word = arch_load_acquire(&once->word);
        if (word == DONE)
            return 0;
        if ((word & ~(uint32_t)ASLEEP) != running) {
            if (!arch_cas(&once->word, word, running))
                continue;
            run_frame(routine, once);
            finish(once, DONE);
            return 0;
        }
        if ((word & ASLEEP) || arch_cas(&once->word, word, word | ASLEEP))
            park(&once->word, word | ASLEEP, NULL, PRIVATE, ANY);
    }
}

PUBLIC int pthread_once(pthread_once_t *object, void (*routine)(void))
{
    struct once *once = (struct once *)object;
    if (likely(arch_load_acquire(&once->word) == DONE))
        return checked_after(once, 0);
    return checked_after(once, once_slow(once, routine));
}

PUBLIC void call_once(once_flag *object, void (*routine)(void))
{
    pthread_once((pthread_once_t *)object, routine);
}

ALIAS(pthread_once, __pthread_once);
