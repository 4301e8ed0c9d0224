/* Semaphores that give back what the dead have taken. Each thread is a process, mostly. */
#include "scenarios.h"
#include "self.h"

static sem_t s;
/* how often each has taken what it has not posted yet, as far as that is known: from outside */
static uint32_t inside, flag;
static int timeouts;

static void init_value(unsigned value)
{
    ok(sem_init_undo_np(&s, value));
    NAME(s);
    NAME(inside);
    NAME(flag);
}

static void init_one(void)
{
    init_value(1);
}

static void init_two(void)
{
    init_value(2);
}

static void init_none(void)
{
    init_value(0);
}

/* What the process had that has begun it all, which is gone when the threads run. */
static void init_left(void)
{
    init_value(1);
    ok(sem_trywait(&s));
}

static void init_both_left(void)
{
    init_value(2);
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

static void exclude(void)
{
    ok(sem_wait(&s));
    stay_alone();
    ok(sem_post(&s));
}

static void exclude_twice(void)
{
    exclude();
    exclude();
}

static void try_to_exclude(void)
{
    if (sem_trywait(&s) != 0) {
        model_assert(errno == EAGAIN);
        return;
    }
    stay_alone();
    ok(sem_post(&s));
}

static void exclude_timed(void)
{
    if (sem_timedwait(&s, &deadline) != 0) {
        model_assert(errno == ETIMEDOUT);
        return;
    }
    stay_alone();
    ok(sem_post(&s));
}

/* Two permits at once, which nobody can have who waits for the second while others do. */
static void take_both(void)
{
    int taken = 0;
    for (int i = 0; i < 2; i++)
        taken += sem_trywait(&s) == 0;
    for (; taken > 0; taken--)
        ok(sem_post(&s));
}

static void take_one(void)
{
    ok(sem_wait(&s));
    ok(sem_post(&s));
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

static void post(void)
{
    ok(sem_post(&s));
}

static void take(void)
{
    ok(sem_wait(&s));
}

static void take_or_time_out(void)
{
    if (sem_timedwait(&s, &deadline) != 0) {
        model_assert(errno == ETIMEDOUT);
        timeouts++;
    }
}

static void timeouts_left(void)
{
    int value;
    ok(sem_getvalue(&s, &value));
    model_assert(value == timeouts);
}

/* A cancelled one takes nothing. */
static int cancelled;

static void count_cancel(void *unused)
{
    (void)unused;
    cancelled++;
}

static void take_or_give_up(void)
{
    struct cleanup_record record;
    host_push_cleanup(&record, count_cancel, NULL);
    take();
    host_pop_cleanup(&record);
}

static void untaken_left(void)
{
    int value;
    ok(sem_getvalue(&s, &value));
    model_assert(value == cancelled);
}

/* Threads of one process. */
static void be_one_process(void)
{
    self.process = (struct process){self_generation(), 1, 1};
}

static void exclude_in_one(void)
{
    be_one_process();
    exclude();
}

static void try_to_exclude_in_one(void)
{
    be_one_process();
    try_to_exclude();
}

/* Of another one than the first thread's. */
static void be_another_process(void)
{
    self.process = (struct process){self_generation(), 2, 1};
}

static void exclude_in_two(void)
{
    be_another_process();
    exclude();
}

static void try_to_exclude_in_two(void)
{
    be_another_process();
    try_to_exclude();
}

static void take_both_in_one(void)
{
    be_one_process();
    take_both();
}

const struct scenario undo_scenarios[] = {
    SCENARIO("undo-exclusive", init_one, one_left, RUN(exclude, exclude)),
    SCENARIO("undo-exclusive-3", init_one, one_left, RUN(exclude, try_to_exclude, exclude_timed)),
    SCENARIO("undo-death", init_one, one_left, RUN(exclude, exclude), .mortal = 1),
    SCENARIO("undo-death-again", init_one, one_left, RUN(exclude_twice, exclude_twice),
             .mortal = 1),
    /* two heal the same, and one of them may die of it */
    SCENARIO("undo-death-3", init_one, one_left, RUN(exclude, exclude, exclude), .mortal = 1,
             .quick = 1, .deep = 2),
    SCENARIO("undo-death-healed", init_one, one_left, RUN(exclude, try_to_exclude, exclude),
             .mortal = 1, .quick = 1, .deep = 2),
    SCENARIO("undo-death-both", init_two, two_left, RUN(take_both, take_both), .mortal = 1),
    SCENARIO("undo-death-both-3", init_two, two_left, RUN(take_both, take_both, take_one),
             .mortal = 1, .quick = 1, .deep = 2),
    SCENARIO("undo-death-kept", init_two, all_kept_but_of_the_dead,
             RUN(take_and_keep, take_and_keep, take_and_keep), .mortal = 1, .quick = 1, .deep = 2),
    SCENARIO("undo-heal", init_left, one_left, RUN(exclude, exclude)),
    SCENARIO("undo-heal-both", init_both_left, two_left, RUN(take_one, take_one)),
    SCENARIO("undo-heal-death", init_left, one_left, RUN(exclude, exclude), .mortal = 1),
    /* threads of one process */
    SCENARIO("undo-threads", init_two, two_left, RUN(take_both_in_one, take_both_in_one)),
    SCENARIO("undo-threads-3", init_one, one_left,
             RUN(exclude_in_one, exclude_in_one, try_to_exclude_in_one)),
    /* a third, of another process, may die */
    SCENARIO("undo-threads-death", init_one, one_left,
             RUN(exclude, exclude_in_two, try_to_exclude_in_two), .mortal = 1, .quick = 1,
             .deep = 2),
    SCENARIO("undo-posts", init_none, timeouts_left, RUN(take, take, post, post), .quick = 1,
             .deep = 2),
    SCENARIO("undo-timed", init_none, timeouts_left, RUN(take_or_time_out, take, post, post),
             .quick = 1, .deep = 2),
    SCENARIO("undo-cancel", init_none, untaken_left, RUN(take_or_give_up, take, post, post),
             .cancelled = 1, .quick = 1, .deep = 2),
    {.name = NULL},
};
