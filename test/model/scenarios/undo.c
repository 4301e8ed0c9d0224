/* Semaphores that give back what the dead have taken. Each thread is a process, mostly. */
#include "permits.h"
#include "self.h"

static void init_undo(unsigned value)
{
    ok(sem_init_undo_np(&s, value));
    NAME(s);
    NAME(inside);
    NAME(flag);
}

static void init_one(void)
{
    init_undo(1);
}

static void init_two(void)
{
    init_undo(2);
}

static void init_none(void)
{
    init_undo(0);
}

/* What the process had that has begun it all, which is gone when the threads run. */
static void init_left(void)
{
    init_undo(1);
    ok(sem_trywait(&s));
}

static void init_both_left(void)
{
    init_undo(2);
    ok(sem_trywait(&s));
    ok(sem_trywait(&s));
}

/* With one permit: whoever is there is alone, or has come after one that died there. */
static void stay_alone(void)
{
    uint32_t me = model_thread() + 1, before = arch_exchange(&inside, me);
    model_assert(before == 0 || model_died(before - 1));
    model_assert(arch_exchange(&inside, 0) == me);
}

static void be_alone(void)
{
    down();
    stay_alone();
    up();
}

static void be_alone_twice(void)
{
    be_alone();
    be_alone();
}

static void try_to_be_alone(void)
{
    if (sem_trywait(&s) != 0) {
        model_assert(errno == EAGAIN);
        return;
    }
    stay_alone();
    up();
}

static void be_alone_timed(void)
{
    if (sem_timedwait(&s, &deadline) != 0) {
        model_assert(errno == ETIMEDOUT);
        return;
    }
    stay_alone();
    up();
}

/* Two permits at once, which nobody can have who waits for the second while others do. */
static void take_both(void)
{
    int taken = 0;
    for (int i = 0; i < 2; i++)
        taken += sem_trywait(&s) == 0;
    for (; taken > 0; taken--)
        up();
}

/* All permits there are can be had, those of the dead among them, and no more. */
static void permits_are(int expected)
{
    for (int i = 0; i < expected; i++)
        ok(sem_trywait(&s));
    model_assert(sem_trywait(&s) == -1 && errno == EAGAIN);
}

static void one_left(void)
{
    permits_are(1);
}

static void two_left(void)
{
    permits_are(2);
}

/* It keeps what it has taken: nobody else ever has that. */
static void take_and_keep(void)
{
    if (sem_trywait(&s) == 0)
        arch_fetch_add(&flag, 1);
}

static void all_kept_but_of_the_dead(void)
{
    int kept = 0;
    for (int i = 0; i < THREADS; i++)
        kept += model_died(i);
    /* the dead one has counted its permit, or not */
    for (int left = 0;; left++)
        if (sem_trywait(&s) != 0) {
            model_assert(left + (int)flag == 2 || left + (int)flag == 2 + kept);
            return;
        }
}

/* Threads of one process. */
static void be_one_process(void)
{
    self.process = (struct process){self_generation(), 1, 1};
}

static void be_alone_in_one(void)
{
    be_one_process();
    be_alone();
}

static void try_to_be_alone_in_one(void)
{
    be_one_process();
    try_to_be_alone();
}

/* Of another one than the first thread's. */
static void be_another_process(void)
{
    self.process = (struct process){self_generation(), 2, 1};
}

static void be_alone_in_two(void)
{
    be_another_process();
    be_alone();
}

static void try_to_be_alone_in_two(void)
{
    be_another_process();
    try_to_be_alone();
}

static void take_both_in_one(void)
{
    be_one_process();
    take_both();
}

const struct scenario undo_scenarios[] = {
    SCENARIO("undo-exclusive", init_one, one_left, RUN(be_alone, be_alone)),
    SCENARIO("undo-exclusive-3", init_one, one_left,
             RUN(be_alone, try_to_be_alone, be_alone_timed)),
    SCENARIO("undo-death", init_one, one_left, RUN(be_alone, be_alone), .mortal = 1),
    SCENARIO("undo-death-again", init_one, one_left, RUN(be_alone_twice, be_alone_twice),
             .mortal = 1),
    /* two heal the same, and one of them may die of it */
    SCENARIO("undo-death-3", init_one, one_left, RUN(be_alone, be_alone, be_alone), .mortal = 1,
             .quick = 1, .deep = 2),
    SCENARIO("undo-death-healed", init_one, one_left, RUN(be_alone, try_to_be_alone, be_alone),
             .mortal = 1, .quick = 1, .deep = 2),
    SCENARIO("undo-death-both", init_two, two_left, RUN(take_both, take_both), .mortal = 1),
    SCENARIO("undo-death-both-3", init_two, two_left, RUN(take_both, take_both, down_and_up),
             .mortal = 1, .quick = 1, .deep = 2),
    SCENARIO("undo-death-kept", init_two, all_kept_but_of_the_dead,
             RUN(take_and_keep, take_and_keep, take_and_keep), .mortal = 1, .quick = 1, .deep = 2),
    SCENARIO("undo-heal", init_left, one_left, RUN(be_alone, be_alone)),
    SCENARIO("undo-heal-both", init_both_left, two_left, RUN(down_and_up, down_and_up)),
    SCENARIO("undo-heal-death", init_left, one_left, RUN(be_alone, be_alone), .mortal = 1),
    /* threads of one process */
    SCENARIO("undo-threads", init_two, two_left, RUN(take_both_in_one, take_both_in_one)),
    SCENARIO("undo-threads-3", init_one, one_left,
             RUN(be_alone_in_one, be_alone_in_one, try_to_be_alone_in_one)),
    /* a third, of another process, may die */
    SCENARIO("undo-threads-death", init_one, one_left,
             RUN(be_alone, be_alone_in_two, try_to_be_alone_in_two), .mortal = 1, .quick = 1,
             .deep = 2),
    SCENARIO("undo-posts", init_none, untaken_left, RUN(down, down, up, up), .quick = 1, .deep = 2),
    SCENARIO("undo-timed", init_none, untaken_left, RUN(down_timed, down, up, up), .quick = 1,
             .deep = 2),
    SCENARIO("undo-cancel", init_none, untaken_left, RUN(down_or_give_up, down, up, up),
             .cancelled = 1, .quick = 1, .deep = 2),
    {.name = NULL},
};
