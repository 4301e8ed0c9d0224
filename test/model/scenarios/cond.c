/* Condition variables. */
#include "asymmetric.h"
#include "layout.h"
#include "hints.h"
#include "park.h"
#include "self.h"
#include "watch.h"
#include "station.h"

static uint32_t flag;

static void init_shared(int shared)
{
    pthread_condattr_t attributes;
    ok(pthread_condattr_init(&attributes));
    ok(pthread_condattr_setpshared(&attributes, shared));
    ok(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    ok(pthread_cond_init(&c, &attributes));
    ok(pthread_mutex_init(&m, NULL));
    NAME(m);
    NAME(c);
    NAME(flag);
}

static void init(void)
{
    init_shared(PTHREAD_PROCESS_PRIVATE);
}

/* As a broadcast leaves it: all who wait may watch the word. */
static void init_broadcasts(void)
{
    init();
    ((struct cond *)&c)->hints = HINTS_USED;
}

/* The mutex is biased to thread 0. */
static void init_biased(void)
{
    init();
    asymmetric_start(ALWAYS);
    ((struct mutex *)&m)->bias = 1;
    ((struct mutex *)&m)->word = 4;
}

static void init_across(void)
{
    init_shared(PTHREAD_PROCESS_SHARED);
}

static void take_twice(void)
{
    take();
    take();
}

static void put_outside(void);

/* Another condition variable, and what is waited for by it. */
static pthread_cond_t neighbour;
static int others;

static void take_other(void)
{
    lock();
    while (others == 0)
        ok(pthread_cond_wait(&neighbour, &m));
    others--;
    unlock();
}

static void put_both(void)
{
    put_outside();
    lock();
    others++;
    unlock();
    ok(pthread_cond_signal(&neighbour));
}

static void init_two(void)
{
    init();
    ok(pthread_cond_init(&neighbour, NULL));
    NAME(neighbour);
}

/* A signal that finds a bit and wakes nobody, before anybody waits. The next one clears the bit. */
static void put_after_vain(void)
{
    ok(pthread_cond_signal(&c));
    arch_store_release(&flag, 1);
    put_outside();
}

static void take_after_vain(void)
{
    model_await(&flag, 1);
    take();
}

static void init_stale(void)
{
    init();
    ((struct cond *)&c)->word = 1 << 8 | 1;
}

/* As if another object's watcher took the slot, and one of the same object took it back. */
static void intrude_then_take(void)
{
    struct watch_slot *slot = wiped_table();
    struct watch watch;
    arch_store_relaxed(&slot->hints, 0);
    if (watch_wanted(&watch, &flag)) {
        while (!watch_begin(&watch, &flag, 0, AS_THE_FIRST))
            ;
        watch_goes_well(&watch);
    }
    arch_store_relaxed(&slot->hints, 0);
    take();
}

static void put_three(void)
{
    put();
    put();
    put();
}

static void put_for_three(void)
{
    lock();
    tokens += 3;
    ok(pthread_cond_broadcast(&c));
    unlock();
}

static void free_at_end(void)
{
    ok(pthread_cond_destroy(&c));
    ok(pthread_mutex_trylock(&m));
    ok(pthread_mutex_unlock(&m));
}

static void none_left(void)
{
    model_assert(tokens == 0);
    free_at_end();
}

static void timeouts_left(void)
{
    model_assert(tokens == timeouts);
    free_at_end();
}

/* One wait, whatever it returns for. */
static uint32_t blocked;

static void wait_once(void)
{
    lock();
    arch_fetch_add(&blocked, 1);
    ok(pthread_cond_wait(&c, &m));
    unlock();
}

/* POSIX: a signal unblocks at least one of those blocked, and these are blocked. */
static void signal_each(void)
{
    model_await(&blocked, 2);
    lock();
    ok(pthread_cond_signal(&c));
    unlock();
    lock();
    ok(pthread_cond_signal(&c));
    unlock();
}

static void signal_each_outside(void)
{
    model_await(&blocked, 2);
    lock();
    unlock();
    ok(pthread_cond_signal(&c));
    ok(pthread_cond_signal(&c));
}

/*
 * A signal with no waiter but a stale SLEEPERS, from one that has timed out, and a waiter who comes
 * at the same time and finds the bit set. The signal outside the mutex may come too early for that
 * one, but the second may not.
 */
static void time_out_alone(void)
{
    lock();
    int error = pthread_cond_timedwait(&c, &m, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    unlock();
    arch_store_release(&flag, 1);
}

/* A wait that nobody has signalled ends by its deadline. */
static void time_out(void)
{
    lock();
    model_assert(pthread_cond_timedwait(&c, &m, &deadline) == ETIMEDOUT);
    unlock();
}

static void take_after(void)
{
    model_await(&flag, 1);
    take();
}

static void signal_then_put(void)
{
    model_await(&flag, 1);
    ok(pthread_cond_signal(&c));
    put();
}

/* Destroyed, and its memory given back, by the one who has broadcast: nobody is blocked then. */

static void unlock_at_cancel(void *unused)
{
    (void)unused;
    unlock();
}

static void wait_over_or_give_up(void)
{
    struct cleanup_record record;
    lock();
    host_push_cleanup(&record, unlock_at_cancel, NULL);
    while (!over)
        ok(pthread_cond_wait(&c, &m));
    host_pop_cleanup(&record);
    unlock();
}

static void wait_over_timed(void)
{
    int error = 0;
    lock();
    while (!over && !error)
        error = pthread_cond_timedwait(&c, &m, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    unlock();
}

static void broadcast_and_free_inside(void)
{
    lock();
    over = true;
    ok(pthread_cond_broadcast(&c));
    ok(pthread_cond_destroy(&c));
    GONE(c);
    unlock();
}

/* One who waits can be blocked only once, and woken by a signal. */
static void wait_over_noted(void)
{
    lock();
    arch_store_release(&blocked, 1);
    while (!over)
        ok(pthread_cond_wait(&c, &m));
    unlock();
}

static void signal_and_free(void)
{
    model_await(&blocked, 1);
    lock();
    over = true;
    ok(pthread_cond_signal(&c));
    ok(pthread_cond_destroy(&c));
    GONE(c);
    unlock();
}

/*
 * The memory becomes another condition variable at once, on which somebody else waits; whoever was
 * unblocked from the former must not fall asleep on it.
 */
static bool second;

static void wait_over_first(void)
{
    lock();
    arch_store_release(&flag, 1);
    while (!over)
        ok(pthread_cond_wait(&c, &m));
    unlock();
}

static void broadcast_and_reuse(void)
{
    model_await(&flag, 1);
    lock();
    over = true;
    ok(pthread_cond_broadcast(&c));
    ok(pthread_cond_destroy(&c));
    GONE(c);
    AGAIN(c);
    ok(pthread_cond_init(&c, NULL));
    arch_store_release(&flag, 2);
    while (!second)
        ok(pthread_cond_wait(&c, &m));
    unlock();
}

static void second_signal(void)
{
    model_await(&flag, 2);
    lock();
    second = true;
    ok(pthread_cond_signal(&c));
    unlock();
}

/*
 * One waiter may be cancelled. Its cleanup handler has the mutex, and no signal is lost with it:
 * the others find what it has not taken.
 */
static int cancelled;

static void give_up(void *unused)
{
    (void)unused;
    cancelled++;
    unlock();
}

static void take_or_give_up(void)
{
    struct cleanup_record record;
    lock();
    host_push_cleanup(&record, give_up, NULL);
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    host_pop_cleanup(&record);
    tokens--;
    unlock();
}

/* A single signal, which each who is woken passes on. */

static void pass_on(void)
{
    struct cleanup_record record;
    lock();
    host_push_cleanup(&record, give_up, NULL);
    while (!arrived)
        ok(pthread_cond_wait(&c, &m));
    host_pop_cleanup(&record);
    ok(pthread_cond_signal(&c));
    unlock();
}

static void cancelled_left(void)
{
    model_assert(tokens == cancelled && cancelled <= 1);
}

/* Waiters with two mutexes, one after the other. */
static pthread_mutex_t other;

static void wait_with_other(void)
{
    model_await(&flag, 1);
    ok(pthread_mutex_lock(&other));
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &other));
    ok(pthread_mutex_unlock(&other));
}

static void wait_then_flag(void)
{
    int error;
    lock();
    error = pthread_cond_timedwait(&c, &m, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    unlock();
    arch_store_release(&flag, 1);
}

static void broadcast_other(void)
{
    ok(pthread_cond_broadcast(&c));
    model_await(&flag, 1);
    ok(pthread_mutex_lock(&other));
    tokens = 1;
    ok(pthread_mutex_unlock(&other));
    ok(pthread_cond_broadcast(&c));
}

/* A broadcast unblocks whom it was for, and one that has come while it was made. */
static void wait_for_another(void)
{
    lock();
    int error = pthread_cond_timedwait(&c, &m, &deadline);
    model_assert(error == 0 || error == ETIMEDOUT);
    unlock();
}

static void put_one_to_all(void)
{
    lock();
    tokens++;
    unlock();
    ok(pthread_cond_broadcast(&c));
}

/* Recursion is restored. */
static void init_recursive(void)
{
    pthread_mutexattr_t attributes;
    init();
    ok(pthread_mutexattr_init(&attributes));
    ok(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE));
    ok(pthread_mutex_init(&m, &attributes));
}

static void take_deep(void)
{
    lock();
    take();
    unlock();
    model_assert(pthread_mutex_unlock(&m) == EPERM);
}

/* With a mutex that checks its owner. */
static void init_errorcheck(void)
{
    pthread_mutexattr_t attributes;
    init();
    ok(pthread_mutexattr_init(&attributes));
    ok(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK));
    ok(pthread_mutex_init(&m, &attributes));
}

/* Across processes with a robust mutex: thread 0 may die with a signal that it has consumed. */
static void init_robust(void)
{
    pthread_mutexattr_t attributes;
    init_across();
    ok(pthread_mutexattr_init(&attributes));
    ok(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    ok(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    ok(pthread_mutex_init(&m, &attributes));
}

static void repair(int error)
{
    model_assert(error == 0 || (error == EOWNERDEAD && model_died(0)));
    if (error)
        ok(pthread_mutex_consistent(&m));
}

static void take_robust(void)
{
    repair(pthread_mutex_lock(&m));
    while (tokens == 0)
        repair(pthread_cond_wait(&c, &m));
    tokens--;
    unlock();
}

static void put_twice_robust(void)
{
    for (int i = 0; i < 2; i++) {
        repair(pthread_mutex_lock(&m));
        tokens++;
        ok(pthread_cond_signal(&c));
        unlock();
    }
}

/* Those asleep are served by priority. */
static uint32_t turn;

static void take_in_turn(uint32_t mine)
{
    lock();
    arch_fetch_add(&blocked, 1);
    while (tokens == 0)
        ok(pthread_cond_wait(&c, &m));
    tokens--;
    model_assert(arch_fetch_add(&turn, 1) == mine);
    unlock();
}

static void take_first(void)
{
    take_in_turn(0);
}

static void take_second(void)
{
    take_in_turn(1);
}

static void put_for_both(void)
{
    model_await(&blocked, 2);
    model_await_sleep(0);
    model_await_sleep(1);
    put();
    model_await(&turn, 1);
    put();
}

/* While one watches, as while one sleeps, it is in use. */
static void destroy_watched(void)
{
    model_await(&blocked, 1);
    lock();
    int error = pthread_cond_destroy(&c);
    /* it has watched all the time */
    if (watch_is_on(&c, ((struct cond *)&c)->word & ~7u))
        model_assert(error == EBUSY);
    /* one that is about to sleep does not show: nothing has happened then */
    arch_store_relaxed(&((struct cond *)&c)->flags, 0);
    over = true;
    ok(pthread_cond_broadcast(&c));
    unlock();
}

const struct scenario cond_scenarios[] = {
    SCENARIO("cond-signal", init, none_left, RUN(take, put), .flags = BUFFERED, .quick = UNBOUNDED),
    SCENARIO("cond-signal-outside", init, none_left, RUN(take, put_outside), .flags = BUFFERED,
             .quick = UNBOUNDED),
    SCENARIO("cond-signal-spins", init, none_left, RUN(take, put_outside),
             .flags = SPINS | BUFFERED, .quick = 3),
    SCENARIO("cond-spurious", init, none_left, RUN(take, put_outside),
             .flags = SPURIOUS | INTERRUPTED, .quick = 3),
    SCENARIO("cond-2-waiters", init, none_left, RUN(take, take, put_twice)),
    SCENARIO("cond-2-waiters-outside", init, none_left, RUN(take, take, put_twice_outside)),
    SCENARIO("cond-2-waiters-spin", init, none_left, RUN(take, take, put_twice_outside),
             .flags = SPINS),
    SCENARIO("cond-2-signallers", init, none_left, RUN(take_twice, put_outside, put_outside)),
    SCENARIO("cond-shared", init_across, none_left, RUN(take, take, put_twice_outside)),
    SCENARIO("cond-signal-each", init, free_at_end, RUN(wait_once, wait_once, signal_each),
             .flags = BUFFERED),
    SCENARIO("cond-signal-each-outside", init, free_at_end,
             RUN(wait_once, wait_once, signal_each_outside), .flags = SPINS),
    SCENARIO("cond-broadcast", init, none_left, RUN(take, take, put_all)),
    SCENARIO("cond-broadcast-outside", init, none_left, RUN(take, take, put_all_outside)),
    SCENARIO("cond-broadcast-spin", init, none_left, RUN(take, take, put_all_outside),
             .flags = SPINS),
    SCENARIO("cond-watchers", init_broadcasts, none_left, RUN(take, take, put_all_outside),
             .flags = SPINS),
    SCENARIO("cond-watchers-signal", init_broadcasts, none_left, RUN(take, take, put_twice_outside),
             .flags = SPINS, .deep = 2),
    SCENARIO("cond-watchers-destroy", init_broadcasts, NULL,
             RUN(wait_over, wait_over, broadcast_and_free), .flags = SPINS, .deep = 2),
    SCENARIO("cond-watchers-timed", init_broadcasts, timeouts_left,
             RUN(take_timed, take_timed, put_all_outside), .flags = SPINS, .quick = 1, .deep = 2),
    SCENARIO("watch-2-conditions", init_two, none_left, RUN(take, take_other, put_both),
             .flags = SPINS),
    SCENARIO("watch-slot-lost", init_broadcasts, none_left,
             RUN(take, intrude_then_take, put_all_outside), .flags = SPINS, .quick = 2, .deep = 2),
    SCENARIO("cond-vain", init_stale, none_left, RUN(put_after_vain, take_after_vain),
             .flags = BUFFERED),
    SCENARIO("cond-timed-nobody-spins", init_broadcasts, NULL, RUN(time_out, time_out),
             .flags = SPINS),
    SCENARIO("cond-timed-nobody-interrupted", init, NULL, RUN(time_out, time_out),
             .flags = INTERRUPTED),
    SCENARIO("cond-broadcast-shared", init_across, none_left, RUN(take, take, put_all_outside)),
    SCENARIO("cond-broadcast-timed", init, timeouts_left,
             RUN(take_timed, take_timed, put_all_outside)),
    SCENARIO("cond-broadcast-4", init, none_left, RUN(take, take, take, put_for_three), .quick = 1,
             .deep = 2),
    SCENARIO("cond-broadcast-moves", init, none_left, RUN(take, take, put_all), .flags = MOVES),
    SCENARIO("cond-broadcast-moves-outside", init, none_left, RUN(take, take, put_all_outside),
             .flags = MOVES),
    SCENARIO("cond-broadcast-moves-beside", init, none_left,
             RUN(take, wait_for_another, put_one_to_all), .flags = MOVES),
    SCENARIO("cond-broadcast-moves-timed", init, timeouts_left,
             RUN(take_timed, take_timed, put_all_outside), .flags = MOVES),
    SCENARIO("cond-broadcast-moves-spin", init, none_left, RUN(take, take, put_all),
             .flags = MOVES | SPINS),
    SCENARIO("cond-broadcast-moves-3", init, none_left, RUN(take, take, take, put_for_three),
             .flags = MOVES, .quick = 1, .deep = 2),
    SCENARIO("bias-cond", init_biased, none_left, RUN(take, put)),
    SCENARIO("bias-cond-moves", init_biased, none_left, RUN(take, take, put_all), .flags = MOVES),
    SCENARIO("cond-timed", init, NULL, RUN(take_timed, take, put_twice), .flags = INTERRUPTED,
             .deep = 2),
    SCENARIO("cond-timed-outside", init, NULL, RUN(take_timed, take, put_twice_outside)),
    SCENARIO("cond-order", init, none_left, RUN(take_second, take_first, put_for_both),
             .priority = {1, 2}),
    SCENARIO("cond-timed-nobody", init, free_at_end, RUN(time_out, time_out), .flags = SPINS),
    SCENARIO("cond-timed-nobody-shared", init_across, free_at_end, RUN(time_out, time_out)),
    SCENARIO("cond-stale-bit", init, none_left, RUN(time_out_alone, take_after, signal_then_put)),
    SCENARIO("cond-stale-bit-shared", init_across, none_left,
             RUN(time_out_alone, take_after, signal_then_put)),
    SCENARIO("cond-cancel", init, cancelled_left, RUN(take_or_give_up, take, put_twice),
             .cancelled = 1),
    SCENARIO("cond-cancel-outside", init, cancelled_left,
             RUN(take_or_give_up, take, put_twice_outside), .cancelled = 1),
    SCENARIO("cond-cancel-last-signal", init, none_left, RUN(pass_on, pass_on, arrive),
             .cancelled = 1),
    SCENARIO("cond-cancel-last-signal-shared", init_across, none_left,
             RUN(pass_on, pass_on, arrive), .cancelled = 1),
    SCENARIO("cond-cancel-spins", init, cancelled_left,
             RUN(take_or_give_up, take, put_twice_outside), .cancelled = 1, .flags = SPINS,
             .quick = 1, .deep = 2),
    SCENARIO("cond-cancel-shared", init_across, cancelled_left,
             RUN(take_or_give_up, take, put_twice_outside), .cancelled = 1),
    SCENARIO("cond-cancel-moves", init, cancelled_left, RUN(take_or_give_up, take, put_all),
             .cancelled = 1, .flags = MOVES),
    SCENARIO("cond-cancel-destroy", init, NULL,
             RUN(wait_over_or_give_up, wait_over, broadcast_and_free), .cancelled = 1),
    SCENARIO("cond-destroy", init, NULL, RUN(wait_over, wait_over, broadcast_and_free)),
    SCENARIO("cond-destroy-spins", init, NULL, RUN(wait_over, wait_over, broadcast_and_free),
             .flags = SPINS),
    SCENARIO("cond-destroy-inside", init, NULL,
             RUN(wait_over, wait_over, broadcast_and_free_inside), .flags = SPURIOUS),
    SCENARIO("cond-destroy-timed", init, NULL,
             RUN(wait_over_timed, wait_over, broadcast_and_free_inside)),
    SCENARIO("cond-destroy-watched", init, free_at_end, RUN(wait_over_noted, destroy_watched),
             .flags = SPINS),
    SCENARIO("cond-destroy-signal", init, NULL, RUN(wait_over_noted, signal_and_free),
             .flags = BUFFERED, .quick = UNBOUNDED),
    SCENARIO("cond-reuse", init, free_at_end,
             RUN(wait_over_first, broadcast_and_reuse, second_signal)),
    SCENARIO("cond-reuse-spins", init, free_at_end,
             RUN(wait_over_first, broadcast_and_reuse, second_signal), .flags = SPINS),
    SCENARIO("cond-other-mutex", init, NULL, RUN(wait_then_flag, wait_with_other, broadcast_other),
             .flags = MOVES),
    SCENARIO("cond-other-mutex-2", init, NULL,
             RUN(wait_then_flag, wait_with_other, wait_with_other, broadcast_other), .flags = MOVES,
             .quick = 1),
    SCENARIO("cond-recursive", init_recursive, none_left, RUN(take_deep, put)),
    SCENARIO("cond-errorcheck", init_errorcheck, none_left, RUN(take, take, put_all),
             .flags = MOVES),
    SCENARIO("cond-robust", init_robust, none_left,
             RUN(take_robust, take_robust, put_twice_robust)),
    SCENARIO("cond-robust-death", init_robust, NULL,
             RUN(take_robust, take_robust, put_twice_robust), .mortal = 1, .quick = 2),
    /* sourceware bug 25847: a signal stolen from a waiter of an earlier group */
    SCENARIO("cond-25847", init, none_left, RUN(take, take, take, put_three), .quick = 1,
             .deep = 2),
    SCENARIO("cond-25847-again", init, none_left, RUN(take_twice, take, put_three), .quick = 2),
    {.name = NULL},
};
