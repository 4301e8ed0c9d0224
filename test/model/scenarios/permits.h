/*
 * What scenarios of semaphores do: one of them, and who takes and gives permits. Each file that
 * includes this has its own.
 */
#ifndef FURWOCK_PERMITS_H
#define FURWOCK_PERMITS_H

#include "scenarios.h"

static sem_t s;
static uint32_t inside, flag;
/* how many have gone without */
static int timeouts, cancelled;

ACT void init_value(int shared, unsigned value)
{
    ok(sem_init(&s, shared, value));
    NAME(s);
    NAME(inside);
    NAME(flag);
}

ACT void init_sem(void)
{
    init_value(0, 0);
}

ACT void init_sem_shared(void)
{
    init_value(1, 0);
}

ACT void init_sem_one(void)
{
    init_value(0, 1);
}

ACT void down(void)
{
    ok(sem_wait(&s));
}

ACT void down_patiently(void)
{
    while (sem_wait(&s) != 0)
        model_assert(errno == EINTR);
}

ACT void down_timed(void)
{
    if (sem_timedwait(&s, &deadline) != 0) {
        model_assert(errno == ETIMEDOUT);
        timeouts++;
    }
}

ACT void count_cancel(void *unused)
{
    (void)unused;
    cancelled++;
}

/* A cancelled thread takes nothing, and keeps no other from taking. */
ACT void down_or_give_up(void)
{
    struct cleanup_record record;
    host_push_cleanup(&record, count_cancel, NULL);
    down_patiently();
    host_pop_cleanup(&record);
}

ACT void down_twice(void)
{
    down();
    down();
}

ACT void up(void)
{
    ok(sem_post(&s));
}

ACT void up_twice(void)
{
    up();
    up();
}

ACT void up_thrice(void)
{
    up_twice();
    up();
}

ACT void down_and_up(void)
{
    down();
    up();
}

ACT void exclude(void)
{
    down();
    visit(&inside);
    up();
}

ACT void exclude_twice(void)
{
    exclude();
    exclude();
}

ACT void value_is(int expected)
{
    int value;
    ok(sem_getvalue(&s, &value));
    model_assert(value == expected);
    ok(sem_destroy(&s));
}

ACT void none_left(void)
{
    value_is(0);
}

ACT void untaken_left(void)
{
    model_assert(cancelled <= 1);
    value_is(cancelled + timeouts);
}

#endif
