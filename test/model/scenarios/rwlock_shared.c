/*
 * Read-write locks between processes, and the deaths of those who use them. Each thread is a process
 * of its own, unless it joins another one.
 */
#include "alive.h"
#include "layout.h"

#include <time.h>

/* It lies before the end of a first lap. */
static const struct timespec soon = {.tv_sec = 1000, .tv_nsec = 500000};
#define SHARING PTHREAD_PROCESS_SHARED
#define UNTIL soon
#include "reading.h"

static uint32_t inconsistent;

static void init_robust(void)
{
    init_kind(0, SHARING, PTHREAD_MUTEX_ROBUST);
    NAME(inconsistent);
}

static void init_robust_writer(void)
{
    init_kind(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, SHARING, PTHREAD_MUTEX_ROBUST);
}

static void init_recovering(void)
{
    init();
    alive_recovers = true;
}

/* The second thread is one of the first's process. */
static void read_together(void)
{
    self.process = (struct process){self_generation(), 1, 1};
    read();
}

static void write_together(void)
{
    self.process = (struct process){self_generation(), 1, 1};
    write();
}

/* The id of the first process is given again, once it has died. */
extern uint32_t model_reborn;

static void read_reborn(void)
{
    if (model_died(0)) {
        self.process = (struct process){self_generation(), 1, 1};
        arch_store_release(&model_reborn, 1);
    }
    ok(pthread_rwlock_rdlock(&l));
    model_await(&other_flag, 1);
    look();
    unlock();
}

static void read_and_end(void)
{
    read();
    arch_store_release(&flag, 1);
}

static void write_before(void)
{
    visit_if(pthread_rwlock_trywrlock(&l), EBUSY);
    arch_store_release(&other_flag, 1);
}

/* Processes of another pid namespace. */
static void read_elsewhere(void)
{
    self.process = (struct process){self_generation(), model_thread() + 1, 2};
    read();
}

static void write_elsewhere(void)
{
    self.process = (struct process){self_generation(), model_thread() + 1, 2};
    write();
}

/* With none but readers inside tryrdlock is not refused. */
static void read_until_told(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
    model_await(&other_flag, 2);
    unlock();
}

static void try_in_vain(void)
{
    model_await(&flag, 1);
    model_assert(pthread_rwlock_trywrlock(&l) == EBUSY);
    arch_fetch_add(&other_flag, 1);
}

static void try_with_success(void)
{
    model_await(&flag, 1);
    ok(pthread_rwlock_tryrdlock(&l));
    unlock();
    arch_fetch_add(&other_flag, 1);
}

/* No reader joins while a writer sleeps. */
static void read_first(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
    model_await_sleep(1);
    model_assert(pthread_rwlock_tryrdlock(&l) == EBUSY);
    arch_store_release(&other_flag, 1);
    look();
    unlock();
}

static void read_third(void)
{
    model_await(&other_flag, 1);
    read();
}

/* Nor when another writer has given up. */
static void give_up_second(void)
{
    model_await(&flag, 1);
    model_await_sleep(1);
    model_assert(pthread_rwlock_timedwrlock(&l, &soon) == ETIMEDOUT);
    model_assert(pthread_rwlock_tryrdlock(&l) == EBUSY);
    arch_store_release(&other_flag, 2);
}

/* Of the control word, as in rwlock/shared.c. */
enum { SLEEP_R = 1 << 0, HUNGRY_R = 1 << 2, SEQUENCE = 1 << 8 };

static uint32_t control(void)
{
    return arch_load_relaxed(&((struct shared_rwlock *)&l)->state.control);
}

/* A hungry reader is woken by the next release, though a writer sleeps that is preferred. */
static void write_until_both_sleep(void)
{
    ok(pthread_rwlock_wrlock(&l));
    arch_store_release(&flag, 1);
    model_await_sleep(1);
    model_await_sleep(2);
    uint32_t next = control() / SEQUENCE + 1;
    unlock();
    uint32_t after = control();
    /* with that number, no writer has come since for whom the reader might sleep again */
    if (after / SEQUENCE == next && (after & HUNGRY_R))
        model_assert(!(after & SLEEP_R));
}

static void read_second(void)
{
    model_await(&flag, 1);
    read();
}

/* Robust: what a dead writer has left is put right by who is told. */
static void repair(int error, bool write)
{
    model_assert(error == 0 || error == EOWNERDEAD);
    if (error) {
        arch_store_relaxed(&writing, 0);
        ok(pthread_rwlock_consistent_np(&l));
    }
    if (error || write)
        visit(&writing);
    else
        look();
    unlock();
}

static void read_robust(void)
{
    repair(pthread_rwlock_rdlock(&l), false);
}

static void write_robust(void)
{
    repair(pthread_rwlock_wrlock(&l), true);
}

static void try_robust(void)
{
    int error = pthread_rwlock_tryrdlock(&l);
    if (error != EBUSY)
        repair(error, false);
    error = pthread_rwlock_trywrlock(&l);
    if (error != EBUSY)
        repair(error, true);
}

static void time_robust(void)
{
    int error = pthread_rwlock_timedwrlock(&l, &soon);
    if (error != ETIMEDOUT)
        repair(error, true);
}

static void robust_at_end(void)
{
    repair(pthread_rwlock_trywrlock(&l), true);
    ok(pthread_rwlock_destroy(&l));
}

/* Nobody repairs it. */
static void leave_inconsistent(int error)
{
    model_assert(error == 0 || error == EOWNERDEAD || error == ENOTRECOVERABLE);
    if (error == EOWNERDEAD)
        model_assert(arch_exchange(&inconsistent, 1) == 0);
    if (error == ENOTRECOVERABLE)
        model_assert(arch_load_relaxed(&inconsistent) == 1);
    else
        unlock();
}

static void read_unrepaired(void)
{
    leave_inconsistent(pthread_rwlock_rdlock(&l));
}

static void write_unrepaired(void)
{
    leave_inconsistent(pthread_rwlock_wrlock(&l));
}

static void unrepaired_at_end(void)
{
    if (inconsistent)
        model_assert(pthread_rwlock_tryrdlock(&l) == ENOTRECOVERABLE);
}

/* A writer that is not robust may die between its two visits. */
static void write_and_die(void)
{
    ok(pthread_rwlock_wrlock(&l));
    unlock();
}

static void read_only(void)
{
    ok(pthread_rwlock_rdlock(&l));
    unlock();
}

const struct scenario rwlock_shared_scenarios[] = {
    SCENARIO("rwlock_shared-read-write", init, free_at_end, RUN(read_twice, write_twice),
             .flags = SPURIOUS | INTERRUPTED | BUFFERED),
    SCENARIO("rwlock_shared-writers", init, free_at_end, RUN(write, write, write)),
    SCENARIO("rwlock_shared-writers-again", init, free_at_end, RUN(write_twice, write_twice)),
    SCENARIO("rwlock_shared-readers", init, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock_shared-2-writers", init, free_at_end, RUN(read, write, write)),
    SCENARIO("rwlock_shared-2-2", init, free_at_end, RUN(read, read, write, write), .quick = 1,
             .deep = 2),
    SCENARIO("rwlock_shared-together", init, free_at_end, RUN(read, read_together, write_together)),
    SCENARIO("rwlock_shared-elsewhere", init, free_at_end,
             RUN(read_elsewhere, read, write_elsewhere)),
    SCENARIO("rwlock_shared-try", init, free_at_end, RUN(try_both, read, write)),
    SCENARIO("rwlock_shared-try-among-readers", init, free_at_end,
             RUN(read_until_told, try_in_vain, try_with_success)),
    SCENARIO("rwlock_shared-timed-write", init, free_at_end, RUN(read, write_timed, write)),
    SCENARIO("rwlock_shared-timed-read", init, free_at_end, RUN(read_timed, read, write)),
    SCENARIO("rwlock_shared-other", init, free_at_end,
             RUN(read_for_other, unlock_for_other, write)),
    SCENARIO("rwlock_shared-aged", init, free_at_end, RUN(read, write, write), .flags = AGES,
             .quick = 1, .deep = 2),
    SCENARIO("rwlock_shared-writer", init_writer, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock_shared-writer-nested", init_writer, free_at_end, RUN(read_nested, write)),
    SCENARIO("rwlock_shared-writer-timed", init_writer, free_at_end,
             RUN(read, read_timed, write_timed)),
    SCENARIO("rwlock_shared-nonrecursive", init_nonrecursive, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock_shared-nonrecursive-2", init_nonrecursive, free_at_end,
             RUN(read, write, write)),
    SCENARIO("rwlock_shared-nonrecursive-timed", init_nonrecursive, free_at_end,
             RUN(read, write_timed, read)),
    SCENARIO("rwlock_shared-nonrecursive-2-2", init_nonrecursive, free_at_end,
             RUN(read, read, write, write_timed), .quick = 1, .deep = 2),
    SCENARIO("rwlock_shared-no-joining", init_nonrecursive, free_at_end,
             RUN(read_first, write_second, read_third)),
    SCENARIO("rwlock_shared-no-joining-2", init_nonrecursive, free_at_end,
             RUN(read_until_told, write_second, give_up_second)),
    SCENARIO("rwlock_shared-hungry-reader", init_nonrecursive, free_at_end,
             RUN(write_until_both_sleep, read_second, write_second), .flags = AGES | INTERRUPTED),
    SCENARIO("rwlock_shared-destroy-read", init, NULL, RUN(read_destroyed, destroy_written)),
    SCENARIO("rwlock_shared-destroy", init, NULL,
             RUN(drop_reference, drop_reference, read_and_drop)),
    SCENARIO("rwlock_shared-destroy-writer", init_writer, NULL,
             RUN(drop_reference, drop_reference, read_and_drop)),
    SCENARIO("rwlock_shared-reader-dies", init, free_at_end, RUN(read, write, read), .mortal = 1),
    SCENARIO("rwlock_shared-reader-dies-2", init, free_at_end, RUN(read, write, write),
             .mortal = 1),
    SCENARIO("rwlock_shared-reader-dies-writer", init_nonrecursive, free_at_end,
             RUN(read, write, read), .mortal = 1),
    SCENARIO("rwlock_shared-reborn", init, NULL, RUN(read_and_end, write_before, read_reborn),
             .mortal = 1),
    SCENARIO("rwlock_shared-writer-dies", init_robust, robust_at_end,
             RUN(write_robust, write_robust, read_robust), .mortal = 1),
    SCENARIO("rwlock_shared-writer-dies-2", init_robust, robust_at_end,
             RUN(write_robust, read_robust, read_robust), .mortal = 1),
    SCENARIO("rwlock_shared-writer-dies-writer", init_robust_writer, robust_at_end,
             RUN(write_robust, write_robust, read_robust), .mortal = 1),
    SCENARIO("rwlock_shared-writer-dies-writer-2", init_robust_writer, robust_at_end,
             RUN(write_robust, read_robust, read_robust), .mortal = 1),
    SCENARIO("rwlock_shared-writer-dies-try", init_robust, robust_at_end,
             RUN(write_robust, try_robust, time_robust), .mortal = 1),
    SCENARIO("rwlock_shared-unrepaired", init_robust, unrepaired_at_end,
             RUN(write_unrepaired, write_unrepaired, read_unrepaired), .mortal = 1),
    SCENARIO("rwlock_shared-recovering", init_recovering, NULL,
             RUN(write_and_die, write_and_die, read_only), .mortal = 1),
    {.name = NULL},
};
