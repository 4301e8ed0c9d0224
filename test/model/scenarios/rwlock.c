/* Read-write locks. */
#include "asymmetric.h"
#include "layout.h"
#include "reading.h"
#include "rwlock/wait.h"

static uint32_t version;

static void init_shared(void)
{
    init_kind(0, PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_STALLED);
}

/* As after many reads. */
static void open_as(uint64_t way)
{
    struct rwlock *rwlock = (struct rwlock *)&l;
    rows_draw_name(rwlock);
    arch_store64_relaxed(&rwlock->state, way);
    NAME(version);
}

static void init_visible(void)
{
    init();
    open_as(FENCED);
}

static void init_asymmetric(void)
{
    init();
    asymmetric_start(ALWAYS);
    open_as(ASYMMETRIC);
}

static void init_writer_visible(void)
{
    init_writer();
    open_as(FENCED);
}

static void init_nonrecursive_visible(void)
{
    init_nonrecursive();
    open_as(FENCED);
}

/* The next read turns the mode on. */
static void init_inviting(void)
{
    init();
    ((struct rwlock *)&l)->reads = 15;
}

/* The deadline is now, and passes while it waits, or never. */
static void write_timed_now(void)
{
    const struct timespec now = {.tv_sec = 1000};
    visit_if(pthread_rwlock_timedwrlock(&l, &now), ETIMEDOUT);
}

/* Between two writes the mode comes back, but as another one: as by a reader that came and went. */
static void fence_again(void)
{
    struct rwlock *rwlock = (struct rwlock *)&l;
    uint64_t state = state_of(rwlock);
    if (!(state & (WRITE | IN_ROWS)) && !readers_of(state))
        transition(rwlock, &state, state | FENCED);
    arch_store_release(&flag, 1);
}

static void write_and_fence(void)
{
    write();
    fence_again();
}

/* Two have it, and a third one unlocks for one of them, while the other one does itself. */
static void read_for_third(void)
{
    ok(pthread_rwlock_rdlock(&l));
    look();
    arch_fetch_add(&flag, 1);
}

static void read_beside(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_fetch_add(&flag, 1);
    look();
    unlock();
}

static void unlock_for_one_of_two(void)
{
    model_await(&flag, 2);
    look();
    unlock();
    write();
}

static void unlock_for_other_and_write(void)
{
    unlock_for_other();
    write();
    write();
}

/* A reader that comes while a writer takes the lock is seen by the next one. */
static void unlock_for_other_and_try(void)
{
    unlock_for_other();
    visit_if(pthread_rwlock_trywrlock(&l), EBUSY);
    model_await(&other_flag, 1);
    model_assert(pthread_rwlock_trywrlock(&l) == EBUSY);
    arch_store_release(&other_flag, 2);
}

static void read_until_tried(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&other_flag, 1);
    model_await(&other_flag, 2);
    look();
    unlock();
}

static void read_for_other_and_again(void)
{
    read_for_other();
    model_await(&flag, 2);
    read();
}

static void unlock_for_other_write_and_write(void)
{
    unlock_for_other();
    write();
    arch_store_release(&flag, 2);
    write();
}

/* Nobody waits: what matters is who sees whose stores. */
static void try_write(void)
{
    int error = pthread_rwlock_trywrlock(&l);
    model_assert(error == 0 || error == EBUSY);
    if (error)
        return;
    arch_fetch_add(&version, 1);
    unlock();
}

static void try_write_and_fence(void)
{
    try_write();
    fence_again();
}

static void try_write_after(void)
{
    model_await(&flag, 1);
    try_write();
}

/* While it reads nothing changes. */
static void read_steadily(void)
{
    ok(pthread_rwlock_rdlock(&l));
    uint32_t before = arch_load_relaxed(&version);
    model_assert(arch_load_relaxed(&version) == before);
    unlock();
}

static void change(void)
{
    ok(pthread_rwlock_wrlock(&l));
    arch_fetch_add(&version, 1);
    unlock();
}

/* With a row of its own, as most reads are. */
static void read_steadily_again(void)
{
    read();
    read_steadily();
}

/* Counted beside those in rows, it opens the rows again. */
static void read_open_and_change(void)
{
    ok(pthread_rwlock_rdlock(&l));
    open_rows((struct rwlock *)&l);
    unlock();
    change();
}

/* The rows are opened behind a writer that has looked through them, and shut by another one. */
static void open_and_read_steadily(void)
{
    ok(pthread_rwlock_rdlock(&l));
    open_rows((struct rwlock *)&l);
    unlock();
    read_steadily();
}

/* The reader whose lock was given back reads and writes again. */
static void read_for_other_and_more(void)
{
    read_for_other();
    model_await(&flag, 2);
    write();
    read();
    write();
}

static void unlock_for_other_and_tell(void)
{
    unlock_for_other();
    arch_store_release(&flag, 2);
}

/* A lock is made where another one was. */
static void init_over_a_held_one(void)
{
    init_visible();
    ok(pthread_rwlock_rdlock(&l));
    l = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
    open_as(FENCED);
}

static void write_read_write(void)
{
    write();
    read();
    write();
}

static void read_and_make_anew(void)
{
    ok(pthread_rwlock_rdlock(&l));
    ok(pthread_rwlock_init(&l, NULL));
    write();
    read();
    ok(pthread_rwlock_trywrlock(&l));
    unlock();
}

/* Kinds that prefer writers: none joins while a writer waits. */
static void read_until_told(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
    model_await(&flag, 2);
    look();
    unlock();
}

/* Only readers have it, whatever a writer does beside them. */
static void try_beside_reader(void)
{
    model_await(&flag, 1);
    ok(pthread_rwlock_tryrdlock(&l));
    look();
    unlock();
    arch_store_release(&flag, 2);
}

static void try_past_writer(void)
{
    model_await_sleep(1);
    if (((struct rwlock *)&l)->writers == 1) {
        model_assert(pthread_rwlock_tryrdlock(&l) == EBUSY);
        model_assert(pthread_rwlock_timedrdlock(&l, &deadline) == ETIMEDOUT);
    }
    arch_store_release(&flag, 2);
}

/* A reader stays until another one has joined it, which a writer keeps out that gives up. */
static void join_reader(void)
{
    model_await(&flag, 1);
    read();
    arch_store_release(&flag, 2);
}

/* The next read would open the rows, with a writer asleep. */
static void init_nonrecursive_inviting(void)
{
    init_nonrecursive();
    ((struct rwlock *)&l)->reads = 14;
}

static void read_twice_until_told(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
    model_await_sleep(1);
    /* a reader that has come by another way counts itself: then it is time to open */
    open_rows((struct rwlock *)&l);
    model_await(&flag, 2);
    look();
    unlock();
}

/* What another thread unlocked is nobody's recursion any more, once there was a writer. */
static void read_given_back(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
    model_await(&flag, 2);
    write();
    arch_store_release(&flag, 3);
    model_await_sleep(2);
    model_assert(pthread_rwlock_tryrdlock(&l) == EBUSY);
    arch_store_release(&flag, 5);
}

static void give_back_and_read(void)
{
    model_await(&flag, 1);
    unlock();
    arch_store_release(&flag, 2);
    model_await(&flag, 3);
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 4);
    model_await(&flag, 5);
    unlock();
}

static void write_beside_reader(void)
{
    model_await(&flag, 4);
    write();
}

/* A thread ends with a read lock in its row, whose place is not another's before that is given back. */
static void read_and_end(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
}

static void read_beside_and_write(void)
{
    model_await(&flag, 1);
    read();
    look();
    unlock();
    write();
}

static void rows_empty_at_end(void)
{
    struct reader_row *row;
    l_usable();
    model_assert(rows_count(rows_name((struct rwlock *)&l), TRYING, &row) == 0);
    ok(pthread_rwlock_destroy(&l));
}

/* All slots of the thread's row are taken: it is counted. */
static void read_crowded(void)
{
    read();
    if (!self.row) {
        read();
        return;
    }
    for (int i = 0; i < ROW_SLOTS; i++)
        arch_store64_release(&self.row->slots[i], 1000 + i);
    read_nested();
    for (int i = 0; i < ROW_SLOTS; i++)
        arch_store64_relaxed(&self.row->slots[i], 0);
}

/* In a handler. */
static void try_in_handler(void)
{
    look_if(pthread_rwlock_tryrdlock(&l), EBUSY);
}

static int l_taken(void)
{
    uint64_t state = state_of((struct rwlock *)&l);
    return state & WRITE ? 1 : (int)readers_of(state);
}

static void init_watched(void)
{
    init();
    WATCH(l, l_taken);
}

static void init_writer_watched(void)
{
    init_writer();
    WATCH(l, l_taken);
}

static void init_nonrecursive_watched(void)
{
    init_nonrecursive();
    WATCH(l, l_taken);
}

static void init_shut_watched(void)
{
    init_visible();
    WATCH(l, l_taken);
}

/* The child owns what its thread had. */
static void fork_reading(void)
{
    ok(pthread_rwlock_rdlock(&l));
    model_fork();
    look();
    unlock();
    if (!model_left_held())
        write();
}

static void fork_writing(void)
{
    ok(pthread_rwlock_wrlock(&l));
    model_fork();
    visit(&writing);
    unlock();
    read();
}

static void fork_and_make_anew(void)
{
    model_fork();
    ok(pthread_rwlock_init(&l, NULL));
    arch_store_relaxed(&writing, 0);
    arch_store_release(&flag, 1);
    write();
    read();
}

/* Found wanting: see the rows of the table. */

/* A writer that was woken finds the lock in rows alone, and gives up, while another one sleeps. */
static uint32_t begun;

static void write_read_and_open(void)
{
    ok(pthread_rwlock_wrlock(&l));
    arch_store_release(&begun, 1);
    model_await_sleep(2);
    unlock();
    ok(pthread_rwlock_rdlock(&l));
    open_rows((struct rwlock *)&l);
    arch_store_release(&flag, 1);
    model_await(&flag, 2);
    unlock();
    arch_store_release(&flag, 3);
}

static void read_opened(void)
{
    model_await(&flag, 1);
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 2);
    model_await(&flag, 3);
    look();
    unlock();
}

/* The same where readers sleep, and the writer stops. */
static void read_and_open(void)
{
    ok(pthread_rwlock_rdlock(&l));
    open_rows((struct rwlock *)&l);
    arch_store_release(&flag, 1);
    model_await(&flag, 2);
    arch_store_release(&begun, 1);
    unlock();
    arch_store_release(&flag, 3);
}

/* Who has a deadline does not stand aside, whatever it has just waited for. */
static void write_timed_after_wait(void)
{
    model_await(&flag, 1);
    self.rests_until = UINT64_MAX;
    const struct timespec now = {.tv_sec = 1000};
    model_assert(pthread_rwlock_timedwrlock(&l, &now) == ETIMEDOUT);
    model_assert(self.aside.ended == 0);
    arch_store_release(&flag, 2);
}

static void write_begun(void)
{
    model_await(&begun, 1);
    write();
}

static void write_timed_begun(void)
{
    model_await(&begun, 1);
    write_timed_now();
}

static void read_begun(void)
{
    model_await(&begun, 1);
    read();
}

/* Readers enter while no writer holds the lock: one that reads may wait for another one to do so. */
static uint32_t wrote;

static void write_and_note(void)
{
    model_await(&begun, 1);
    ok(pthread_rwlock_wrlock(&l));
    arch_store_release(&wrote, 1);
    unlock();
}

static void write_twice_and_read(void)
{
    ok(pthread_rwlock_wrlock(&l));
    arch_store_release(&begun, 1);
    model_await_sleep(1);
    unlock();
    bool again = pthread_rwlock_trywrlock(&l) == 0, asleep = again && !arch_load_acquire(&wrote);
    if (asleep)
        model_await_sleep(1);
    arch_store_release(&flag, 2);
    if (asleep)
        model_await_sleep(2);
    if (again)
        unlock();
    if (!asleep)
        return;
    if (pthread_rwlock_tryrdlock(&l) != 0)
        return;
    model_await(&flag, 1);
    unlock();
}

static void read_when_begun(void)
{
    model_await(&flag, 2);
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
    unlock();
}

/* An attempt may be made by a signal handler: it asks libc for nothing, so it draws no row. */
static void try_without_row(void)
{
    int error = pthread_rwlock_tryrdlock(&l);
    model_assert(self.row == NULL);
    if (!error)
        unlock();
}

/* A thread that reads, unnoted for want of a slot, unlocks another lock for another thread. */
static pthread_rwlock_t other;

static void init_2_writer(void)
{
    init_writer();
    other = l;
    NAME(other);
}

static void read_unnoted_and_again(void)
{
    read();
    for (int i = 0; i < ROW_SLOTS; i++)
        arch_store64_relaxed(&self.row->slots[i], 1000 + i);
    ok(pthread_rwlock_rdlock(&l));
    model_await(&flag, 1);
    ok(pthread_rwlock_unlock(&other));
    arch_store_release(&flag, 2);
    model_await_sleep(1);
    model_assert(pthread_rwlock_tryrdlock(&l) == 0);
    unlock();
    unlock();
    for (int i = 0; i < ROW_SLOTS; i++)
        arch_store64_relaxed(&self.row->slots[i], 0);
}

static void read_other_and_write(void)
{
    ok(pthread_rwlock_rdlock(&other));
    arch_store_release(&flag, 1);
    model_await(&flag, 2);
    write();
}

/* Where writers are preferred a reader that sleeps has its claim, whoever else reads meanwhile. */
static void read_until_all_sleep(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
    model_await_sleep(1);
    model_await_sleep(2);
    model_await_sleep(3);
    unlock();
}

static void write_and_see_claim(void)
{
    model_await(&flag, 1);
    ok(pthread_rwlock_wrlock(&l));
    if (arch_load_acquire(&begun) == 1) {
        model_await_sleep(3);
        /* or is about to be woken */
        model_assert((state_of((struct rwlock *)&l) & (SLEEP_R | CLAIM_R)) != SLEEP_R);
    }
    unlock();
}

static void read_behind_writer(void)
{
    model_await(&flag, 1);
    model_await_sleep(1);
    read();
}

static void read_and_tell(void)
{
    model_await(&flag, 1);
    model_await_sleep(1);
    arch_store_release(&begun, 1);
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&begun, 2);
    unlock();
}

/* Nobody holds it: an attempt that comes too late is no lock to be given back. */
static void try_late_and_withdraw(void)
{
    struct rwlock *rwlock = (struct rwlock *)&l;
    read();
    if (!self.row)
        return;
    uint64_t state = FENCED;
    open_as(FENCED | SHUT | ONE_LATER);
    row_occupy(&self.row->slots[0], rows_name(rwlock), state);
    arch_store_release(&flag, 1);
    model_await(&flag, 2);
    uint64_t *slot = &self.row->slots[0], name = rows_name(rwlock);
    model_assert(!row_entered(rwlock, state, slot, name) && !row_give_up(self.row, slot, name));
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 3);
    model_await(&flag, 4);
    unlock();
}

static void unlock_what_nobody_holds(void)
{
    model_await(&flag, 1);
    int error = pthread_rwlock_unlock(&l);
    arch_store_release(&flag, 2);
    model_await(&flag, 3);
    /* a reader has it */
    model_assert(pthread_rwlock_trywrlock(&l) == EBUSY);
    arch_store_release(&flag, 4);
    model_assert(error == EPERM);
}

/*
 * Given back, a lock is still in its reader's row, who reads again, counted, and leaves the row. The last
 * one to go then leaves as many counted as were given back.
 */
static int l_written(void)
{
    return (state_of((struct rwlock *)&l) & WRITE) != 0;
}

static void init_writer_visible_watched(void)
{
    init_writer_visible();
    WATCH(l, l_written);
}

static void read_given_back_again(void)
{
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&flag, 1);
    model_await(&other_flag, 1);
    ok(pthread_rwlock_rdlock(&l));
    arch_store_release(&begun, 1);
    unlock();
    arch_store_release(&flag, 3);
}

static void give_back_and_wait(void)
{
    model_await(&flag, 1);
    unlock();
    arch_store_release(&flag, 2);
    model_await(&begun, 1);
    read();
}

/* An attempt draws no row. */
static void try_counted(void)
{
    model_await(&flag, 2);
    ok(pthread_rwlock_tryrdlock(&l));
    arch_store_release(&other_flag, 1);
    model_await(&flag, 3);
    unlock();
}

static void write_last(void)
{
    model_await(&other_flag, 1);
    write();
}

const struct scenario rwlock_scenarios[] = {
    SCENARIO("rwlock-unlock-attempt", init_visible, free_at_end,
             RUN(try_late_and_withdraw, unlock_what_nobody_holds)),
    SCENARIO("rwlock-claim-dropped", init_nonrecursive, free_at_end,
             RUN(read_until_all_sleep, write_and_see_claim, read_behind_writer, read_and_tell),
             .flags = INTERRUPTED),
    SCENARIO("rwlock-try-draws-row", init_writer, free_at_end, RUN(try_without_row, write)),
    SCENARIO("rwlock-unnoted", init_2_writer, free_at_end,
             RUN(read_unnoted_and_again, read_other_and_write)),
    SCENARIO("rwlock-timed-in-rows", init, free_at_end,
             RUN(write_read_and_open, write_timed_begun, write_begun, read_opened), .quick = 1),
    SCENARIO("rwlock-freeze-in-rows", init_nonrecursive_watched, NULL,
             RUN(write_begun, read_and_open, read_opened, read_begun), .frozen = 1, .quick = 1),
    SCENARIO("rwlock-freeze-given-back", init_writer_visible_watched, NULL,
             RUN(read_given_back_again, give_back_and_wait, try_counted, write_last), .frozen = 4,
             .quick = 1),
    SCENARIO("rwlock-readers-parted", init, NULL,
             RUN(write_twice_and_read, write_and_note, read_when_begun), .flags = AGES),
    SCENARIO("rwlock-read-write", init, free_at_end, RUN(read_twice, write_twice),
             .flags = SPURIOUS | INTERRUPTED),
    SCENARIO("rwlock-writers", init, free_at_end, RUN(write, write, write)),
    SCENARIO("rwlock-writers-again", init, free_at_end, RUN(write_twice, write_twice)),
    SCENARIO("rwlock-readers", init, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-readers-again", init, free_at_end, RUN(read_twice, read_twice, write)),
    SCENARIO("rwlock-2-writers", init, free_at_end, RUN(read, write, write)),
    SCENARIO("rwlock-2-2", init, free_at_end, RUN(read, read, write, write), .quick = 1),
    SCENARIO("rwlock-try", init, free_at_end, RUN(try_both, read, write)),
    SCENARIO("rwlock-timed-write", init, free_at_end, RUN(read, write_timed, write)),
    SCENARIO("rwlock-timed-at-once", init, free_at_end,
             RUN(read_until_told, write_timed_after_wait)),
    SCENARIO("rwlock-timed-read", init, free_at_end, RUN(read_timed, read, write)),
    SCENARIO("rwlock-timed", init, free_at_end, RUN(read_timed, write_timed, write)),
    SCENARIO("rwlock-writer", init_writer, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-writer-2", init_writer, free_at_end, RUN(read, write, write)),
    SCENARIO("rwlock-writer-nested", init_writer, free_at_end, RUN(read_nested, write)),
    SCENARIO("rwlock-writer-timed", init_writer, free_at_end, RUN(read, read, write_timed)),
    SCENARIO("rwlock-writer-timed-read", init_writer, free_at_end, RUN(read_timed, read, write)),
    SCENARIO("rwlock-writer-timed-both", init_writer, free_at_end,
             RUN(read, read_timed, write_timed)),
    SCENARIO("rwlock-nonrecursive", init_nonrecursive, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-nonrecursive-timed", init_nonrecursive, free_at_end,
             RUN(read, write_timed, write)),
    SCENARIO("rwlock-nonrecursive-2-2", init_nonrecursive, free_at_end,
             RUN(read, read, write, write_timed), .quick = 1),
    SCENARIO("rwlock-shared", init_shared, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-destroy", init, NULL, RUN(drop_reference, drop_reference, read_and_drop)),
    SCENARIO("rwlock-destroy-writer", init_writer, NULL,
             RUN(drop_reference, drop_reference, read_and_drop)),
    SCENARIO("rwlock-visible", init_visible, free_at_end, RUN(read_twice, write),
             .flags = BUFFERED),
    SCENARIO("rwlock-visible-2-writers", init_visible, free_at_end, RUN(read, write, write)),
    SCENARIO("rwlock-visible-2-readers", init_visible, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-visible-nested", init_visible, free_at_end, RUN(read_nested, write)),
    SCENARIO("rwlock-visible-try", init_visible, free_at_end, RUN(try_both, read)),
    SCENARIO("rwlock-visible-timed", init_visible, free_at_end, RUN(read, write_timed_now, read)),
    SCENARIO("rwlock-visible-writer", init_writer_visible, free_at_end,
             RUN(read, read_nested, write), .quick = 1),
    SCENARIO("rwlock-visible-nonrecursive", init_nonrecursive_visible, free_at_end,
             RUN(read, write_timed_now, read)),
    SCENARIO("rwlock-visible-other", init_visible, free_at_end,
             RUN(read_for_other, unlock_for_other, write)),
    SCENARIO("rwlock-visible-destroy", init_visible, NULL, RUN(read_destroyed, destroy_written)),
    SCENARIO("rwlock-inviting", init_inviting, free_at_end, RUN(read_twice, write),
             .flags = BUFFERED),
    SCENARIO("rwlock-inviting-2", init_inviting, free_at_end, RUN(read, read, write)),
    SCENARIO("rwlock-asymmetric", init_asymmetric, free_at_end, RUN(read_twice, write),
             .flags = BUFFERED),
    SCENARIO("rwlock-asymmetric-2-writers", init_asymmetric, free_at_end, RUN(read, write, write)),
    SCENARIO("rwlock-asymmetric-fenced", init_asymmetric, free_at_end,
             RUN(read, write_and_fence, write_second)),
    SCENARIO("rwlock-other-writes", init, free_at_end,
             RUN(read_for_other, unlock_for_other_and_write, read), .quick = 2),
    SCENARIO("rwlock-visible-other-writes", init_visible, free_at_end,
             RUN(read_for_other, unlock_for_other_and_write), .quick = 6),
    SCENARIO("rwlock-visible-other-twice", init_visible, free_at_end,
             RUN(read_for_other, unlock_for_other_and_write, read), .quick = 2),
    SCENARIO("rwlock-visible-other-beside", init_visible, free_at_end,
             RUN(read_for_other, unlock_for_other_and_try, read_until_tried)),
    SCENARIO("rwlock-visible-other-reads", init_visible, free_at_end,
             RUN(read_for_other_and_again, unlock_for_other_write_and_write)),
    SCENARIO("rwlock-visible-seen", init_visible, NULL, RUN(read_steadily_again, try_write),
             .flags = BUFFERED),
    SCENARIO("rwlock-asymmetric-seen", init_asymmetric, NULL, RUN(read_steadily_again, try_write),
             .flags = BUFFERED),
    SCENARIO("rwlock-asymmetric-another", init_asymmetric, NULL,
             RUN(read_steadily_again, try_write_and_fence, try_write_after), .flags = BUFFERED),
    SCENARIO("rwlock-visible-opened", init_visible, free_at_end,
             RUN(try_write, open_and_read_steadily, write_timed)),
    SCENARIO("rwlock-asymmetric-opened", init_asymmetric, free_at_end,
             RUN(read_steadily, write, read_open_and_change), .quick = 1),
    SCENARIO("rwlock-visible-other-again", init_visible, rows_empty_at_end,
             RUN(read_for_other_and_more, unlock_for_other_and_tell), .quick = 3),
    SCENARIO("rwlock-visible-other-of-two", init_visible, free_at_end,
             RUN(read_for_third, read_beside, unlock_for_one_of_two), .quick = 2),
    SCENARIO("rwlock-asymmetric-other-of-two", init_asymmetric, free_at_end,
             RUN(read_for_third, read_beside, unlock_for_one_of_two), .quick = 2),
    SCENARIO("rwlock-writer-other", init_writer_visible, rows_empty_at_end,
             RUN(read_for_other_and_more, unlock_for_other_and_tell), .quick = 2),
    SCENARIO("rwlock-over-another", init_over_a_held_one, free_at_end, RUN(write_read_write, read)),
    SCENARIO("rwlock-made-anew", init_visible, free_at_end, RUN(read_and_make_anew)),
    SCENARIO("rwlock-try-beside-reader", init_visible, free_at_end,
             RUN(read_until_told, try_beside_reader, write), .quick = 2),
    SCENARIO("rwlock-try-beside-counted", init, free_at_end,
             RUN(read_until_told, try_beside_reader, write), .quick = 2),
    SCENARIO("rwlock-no-joining", init_nonrecursive, free_at_end,
             RUN(read_until_told, write_second, try_past_writer)),
    SCENARIO("rwlock-no-joining-visible", init_nonrecursive_visible, free_at_end,
             RUN(read_until_told, write_second, try_past_writer)),
    SCENARIO("rwlock-no-joining-writer", init_writer_visible, free_at_end,
             RUN(read_until_told, write_second, try_past_writer)),
    SCENARIO("rwlock-no-joining-inviting", init_nonrecursive_inviting, free_at_end,
             RUN(read_twice_until_told, write_second, try_past_writer)),
    SCENARIO("rwlock-joining-past-timed", init_nonrecursive, free_at_end,
             RUN(read_until_told, write_timed_now, join_reader)),
    SCENARIO("rwlock-writer-given-back", init_writer, free_at_end,
             RUN(read_given_back, give_back_and_read, write_beside_reader), .quick = 1),
    SCENARIO("rwlock-visible-ends-reading", init_visible, rows_empty_at_end,
             RUN(read_and_end, read_beside_and_write, write)),
    SCENARIO("rwlock-visible-2-2", init_visible, free_at_end, RUN(read, read, write, write),
             .quick = 1),
    SCENARIO("rwlock-slots-full", init_visible, free_at_end, RUN(read_crowded, write)),
    SCENARIO("rwlock-handler", init, free_at_end, RUN(read_twice, write), .handles = 1,
             .handler = try_in_handler),
    SCENARIO("rwlock-handler-visible", init_visible, free_at_end, RUN(read_twice, write),
             .handles = 1, .handler = try_in_handler),
    SCENARIO("rwlock-handler-nested", init_visible, free_at_end, RUN(read_nested, write),
             .handles = 1, .handler = try_in_handler),
    SCENARIO("rwlock-handler-writer", init_writer_visible, free_at_end, RUN(read_twice, write),
             .handles = 1, .handler = try_in_handler),
    SCENARIO("rwlock-handler-asymmetric", init_asymmetric, free_at_end, RUN(read_twice, write),
             .handles = 1, .handler = try_in_handler),
    SCENARIO("rwlock-handler-in-writer", init_visible, free_at_end, RUN(write_twice, read),
             .handles = 1, .handler = try_in_handler),
    SCENARIO("rwlock-freeze-reader", init_watched, NULL, RUN(read_twice, write, write),
             .frozen = 1),
    SCENARIO("rwlock-freeze-writer", init_watched, NULL, RUN(write, read, write), .frozen = 1),
    SCENARIO("rwlock-freeze-vain", init_watched, NULL, RUN(write, write_twice, write), .frozen = 1),
    SCENARIO("rwlock-freeze-claim", init_watched, NULL, RUN(write, read_twice, write), .frozen = 1,
             .flags = AGES),
    SCENARIO("rwlock-freeze-writer-reader", init_writer_watched, NULL, RUN(read, read, write),
             .frozen = 1),
    SCENARIO("rwlock-freeze-writer-writer", init_writer_watched, NULL, RUN(write, read, write),
             .frozen = 1),
    SCENARIO("rwlock-freeze-nonrecursive", init_nonrecursive_watched, NULL, RUN(write, read, read),
             .frozen = 1),
    SCENARIO("rwlock-freeze-nonrecursive-claim", init_nonrecursive_watched, NULL,
             RUN(read, write, write), .frozen = 1, .flags = AGES),
    SCENARIO("rwlock-freeze-shut", init_shut_watched, NULL, RUN(write, read, write), .frozen = 1),
    SCENARIO("rwlock-ages", init, free_at_end, RUN(read_twice, write_twice, write), .flags = AGES),
    SCENARIO("rwlock-writer-ages", init_writer, free_at_end, RUN(read_twice, write, write),
             .flags = AGES),
    SCENARIO("rwlock-spins", init, free_at_end, RUN(read, write, write), .flags = SPINS),
    SCENARIO("rwlock-fork-reading", init_watched, NULL, RUN(fork_reading, write, write, read),
             .child = 4),
    SCENARIO("rwlock-fork-writing", init_watched, l_usable, RUN(fork_writing, write, read),
             .child = 3),
    SCENARIO("rwlock-fork-anew", init_visible, l_usable,
             RUN(fork_and_make_anew, read, write, write_second), .child = 4),
    {.name = NULL},
};
