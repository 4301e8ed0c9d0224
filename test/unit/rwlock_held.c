/*
 * Who holds a read-write lock: whatever way it was taken, whoever gives it back, and whatever was there
 * before. Most after so many reads that a library may have made them cheaper.
 */
#include "rwlock.h"

#include <fcntl.h>
#include <time.h>

enum { MANY_READS = 100, THREADS_ONE_AFTER_ANOTHER = 700, NESTED = 20 };

static pthread_rwlock_t lock, other;

static void read_often(pthread_rwlock_t *l)
{
    for (int i = 0; i < MANY_READS; i++) {
        must(pthread_rwlock_rdlock(l));
        must(pthread_rwlock_unlock(l));
    }
}

/* Half of the runs with a lock that has been read often. */
static int begin(int run)
{
    int kind = run / 2;
    init_lock(&lock, kind, PTHREAD_PROCESS_PRIVATE);
    if (run % 2)
        read_often(&lock);
    return kind;
}

enum { RUNS = 2 * KINDS };

static int release(void *l)
{
    return pthread_rwlock_unlock(l);
}

static int read_and_leave(void *l)
{
    return pthread_rwlock_rdlock(l);
}

static int write_and_read(void *l)
{
    for (int i = 0; i < 3; i++) {
        must(pthread_rwlock_wrlock(l));
        must(pthread_rwlock_unlock(l));
        must(pthread_rwlock_rdlock(l));
        must(pthread_rwlock_unlock(l));
    }
    return pthread_rwlock_trywrlock(l) || pthread_rwlock_unlock(l);
}

START_TEST(a_read_lock_may_be_given_back_by_another_thread)
{
    begin(_i);
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
    ck_assert_int_eq(unit_elsewhere(release, &lock), 0);
    must_be_free(&lock);
    ck_assert_int_eq(write_and_read(&lock), 0);
    must_be_free(&lock);
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

START_TEST(a_lock_is_held_until_as_many_have_given_it_back_as_have_taken_it)
{
    begin(_i);
    for (int i = 0; i < NESTED; i++)
        ck_assert_int_eq(
            i % 2 ? unit_elsewhere(read_and_leave, &lock) : pthread_rwlock_rdlock(&lock), 0);
    for (int i = 0; i < NESTED; i++) {
        ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
        ck_assert_int_eq(i % 3 ? unit_elsewhere(release, &lock) : pthread_rwlock_unlock(&lock), 0);
    }
    must_be_free(&lock);
    ck_assert_int_eq(write_and_read(&lock), 0);
    ck_assert_int_eq(unit_elsewhere(write_and_read, &lock), 0);
}
END_TEST

START_TEST(threads_that_end_with_a_read_lock_leave_it_held)
{
    begin(_i);
    for (int i = 0; i < THREADS_ONE_AFTER_ANOTHER; i++) {
        ck_assert_int_eq(unit_elsewhere(read_and_leave, &lock), 0);
        ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
        must_be_free(&lock);
    }
}
END_TEST

/* Two threads unlock crosswise, and a writer comes and goes in between: each leaves what the other had. */
START_TEST(what_two_threads_give_back_for_one_another_is_free)
{
    struct holder reader;
    begin(_i);
    holder_start(&reader, &lock, false, PLAIN);
    holder_must_enter(&reader);
    ck_assert_int_eq(take(&lock, true, TIMED, 10), ETIMEDOUT);
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
    holder_end(&reader);
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

static pthread_rwlock_t gate;
static atomic_int places_taken;

static int take_a_place(void *nothing)
{
    (void)nothing;
    read_often(&other);
    atomic_fetch_add(&places_taken, 1);
    return read_and_leave(&gate) || pthread_rwlock_unlock(&gate);
}

/* There may be places for so many threads that read, and a reader without one is no less a reader. */
START_TEST(a_reader_that_comes_after_many_others_keeps_writers_out)
{
    enum { THREADS = 600 };
    static struct unit_call calls[THREADS];
    struct holder reader;
    begin(_i);
    init_lock(&other, PREFER_READER, PTHREAD_PROCESS_PRIVATE);
    init_lock(&gate, PREFER_READER, PTHREAD_PROCESS_PRIVATE);
    must(pthread_rwlock_wrlock(&gate));
    for (int i = 0; i < THREADS; i++)
        unit_start(&calls[i], take_a_place, NULL);
    unit_wait_for(&places_taken, THREADS);
    holder_start(&reader, &lock, false, PLAIN);
    holder_must_enter(&reader);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_rwlock_trywrlock(&lock), EBUSY);
    holder_end(&reader);
    must_be_free(&lock);
    must(pthread_rwlock_unlock(&gate));
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(unit_finish(&calls[i]), 0);
}
END_TEST

START_TEST(a_lock_that_is_made_anew_has_no_past)
{
    int kind = begin(_i);
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    init_lock(&lock, kind, PTHREAD_PROCESS_PRIVATE);
    must_be_free(&lock);
    ck_assert_int_eq(write_and_read(&lock), 0);
    must_be_free(&lock);
    /* as memory that is used again for another one */
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
    must_be_free(&lock);
    ck_assert_int_eq(write_and_read(&lock), 0);
    must_be_free(&lock);
}
END_TEST

START_TEST(a_child_may_make_anew_what_its_thread_or_another_one_held)
{
    int kind = begin(_i);
    struct holder reader;
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    holder_start(&reader, &lock, false, PLAIN);
    holder_must_enter(&reader);
    pid_t child = unit_fork();
    if (child == 0) {
        init_lock(&lock, kind, PTHREAD_PROCESS_PRIVATE);
        unit_child_assert(write_and_read(&lock) == 0);
        unit_child_assert(try_elsewhere(&lock, true) == 0);
        _exit(0);
    }
    unit_reap(child);
    holder_end(&reader);
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    must_be_free(&lock);
}
END_TEST

START_TEST(a_lock_released_in_a_child_is_not_kept_for_a_waiter_of_the_parent)
{
    if (!unit_on_furwock())
        unit_skip("libc gives it to the waiter, who is not there");
    begin(_i);
    struct holder waiter;
    ck_assert_int_eq(pthread_rwlock_wrlock(&lock), 0);
    holder_start(&waiter, &lock, true, PLAIN);
    holder_must_be_blocked(&waiter);
    /* for long, so that it would claim the lock if it may */
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    pid_t child = unit_fork();
    if (child == 0) {
        unit_child_assert(pthread_rwlock_unlock(&lock) == 0);
        unit_child_assert(write_and_read(&lock) == 0);
        unit_child_assert(take_elsewhere(&lock, true, TIMED, 20000) == 0);
        unit_child_assert(take_elsewhere(&lock, false, TIMED, 20000) == 0);
        _exit(0);
    }
    unit_reap(child);
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    holder_must_enter(&waiter);
    holder_end(&waiter);
}
END_TEST

/* Attempts beside a reader, while a writer comes and goes. */
static atomic_int over;

static int write_at_times(void *l)
{
    while (!atomic_load(&over)) {
        struct timespec soon = unit_deadline(CLOCK_REALTIME, 1);
        if (pthread_rwlock_timedwrlock(l, &soon) == 0)
            return EPERM;
    }
    return 0;
}

START_TEST(an_attempt_to_read_beside_a_reader_is_granted_whatever_writers_want)
{
    struct unit_call writer;
    init_lock(&lock, PREFER_READER, PTHREAD_PROCESS_PRIVATE);
    if (_i)
        read_often(&lock);
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    atomic_store(&over, 0);
    unit_start(&writer, write_at_times, &lock);
    for (int64_t end = unit_now_ms() + 300; unit_now_ms() < end;)
        for (int i = 0; i < 1000; i++) {
            ck_assert_int_eq(pthread_rwlock_tryrdlock(&lock), 0);
            ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
        }
    ck_assert_int_eq(try_elsewhere(&lock, false), 0);
    atomic_store(&over, 1);
    ck_assert_int_eq(unit_finish(&writer), 0);
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
}
END_TEST

START_TEST(no_reader_joins_while_a_writer_waits_that_is_preferred)
{
    if (!HAVE(pthread_rwlockattr_setkind_np))
        unit_skip("there are no kinds");
    init_lock(&lock, PREFER_WRITER_NONRECURSIVE, PTHREAD_PROCESS_PRIVATE);
    for (int i = 0; i < _i; i++) {
        must(pthread_rwlock_rdlock(&lock));
        must(pthread_rwlock_unlock(&lock));
    }
    struct holder writer;
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    holder_start(&writer, &lock, true, PLAIN);
    holder_must_be_blocked(&writer);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(try_elsewhere(&lock, false), EBUSY);
        ck_assert_int_eq(take_elsewhere(&lock, false, TIMED, 2), ETIMEDOUT);
    }
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    holder_must_enter(&writer);
    holder_end(&writer);
}
END_TEST

/* One thread reads again while a writer waits, as the kind allows it, after many another one could not. */
START_TEST(only_who_reads_already_passes_a_waiting_writer)
{
    if (!HAVE(pthread_rwlockattr_setkind_np) || !unit_on_furwock())
        unit_skip("the kind is not there, or prefers readers");
    init_lock(&lock, PREFER_WRITER, PTHREAD_PROCESS_PRIVATE);
    if (_i)
        read_often(&lock);
    struct holder writer;
    /* what is given back by another thread is nobody's recursion */
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    ck_assert_int_eq(unit_elsewhere(release, &lock), 0);
    ck_assert_int_eq(unit_elsewhere(write_and_read, &lock), 0);
    struct holder reader;
    holder_start(&reader, &lock, false, PLAIN);
    holder_must_enter(&reader);
    holder_start(&writer, &lock, true, PLAIN);
    holder_must_be_blocked(&writer);
    ck_assert_int_eq(pthread_rwlock_tryrdlock(&lock), EBUSY);
    holder_end(&reader);
    holder_must_enter(&writer);
    holder_end(&writer);
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    holder_start(&writer, &lock, true, PLAIN);
    holder_must_be_blocked(&writer);
    for (int i = 0; i < NESTED; i++)
        ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    ck_assert_int_eq(try_elsewhere(&lock, false), EBUSY);
    for (int i = 0; i <= NESTED; i++)
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    holder_must_enter(&writer);
    holder_end(&writer);
}
END_TEST

/* Who comes after a thread that has ended with a read lock has not got it. */
static int read_another_and_try(void *l)
{
    read_often(&other);
    return pthread_rwlock_tryrdlock(l);
}

START_TEST(a_thread_that_has_ended_leaves_no_recursion_behind)
{
    if (!HAVE(pthread_rwlockattr_setkind_np) || !unit_on_furwock())
        unit_skip("the kind is not there, or prefers readers");
    init_lock(&lock, PREFER_WRITER, PTHREAD_PROCESS_PRIVATE);
    init_lock(&other, PREFER_READER, PTHREAD_PROCESS_PRIVATE);
    struct holder writer;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(unit_elsewhere(read_and_leave, &lock), 0);
        holder_start(&writer, &lock, true, PLAIN);
        holder_must_be_blocked(&writer);
        ck_assert_int_eq(unit_elsewhere(read_another_and_try, &lock), EBUSY);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
        holder_must_enter(&writer);
        holder_end(&writer);
    }
}
END_TEST

/* A thread reads locks that another one unlocks for it, and that are destroyed. */
START_TEST(a_destroyed_lock_keeps_no_place_of_its_readers)
{
    if (!HAVE(pthread_rwlockattr_setkind_np) || !unit_on_furwock())
        unit_skip("the kind is not there, or prefers readers");
    for (int i = 0; i < NESTED; i++) {
        init_lock(&other, PREFER_READER, PTHREAD_PROCESS_PRIVATE);
        read_often(&other);
        ck_assert_int_eq(pthread_rwlock_rdlock(&other), 0);
        ck_assert_int_eq(unit_elsewhere(release, &other), 0);
        ck_assert_int_eq(pthread_rwlock_destroy(&other), 0);
    }
    /* with none left it could not note what it reads, and would pass for one that reads already */
    init_lock(&lock, PREFER_WRITER, PTHREAD_PROCESS_PRIVATE);
    struct holder reader, writer;
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    holder_start(&reader, &lock, false, PLAIN);
    holder_must_enter(&reader);
    holder_start(&writer, &lock, true, PLAIN);
    holder_must_be_blocked(&writer);
    ck_assert_int_eq(take(&lock, false, TIMED, 10), ETIMEDOUT);
    holder_end(&reader);
    holder_must_enter(&writer);
    holder_end(&writer);
}
END_TEST

/* Signal handlers. */
static atomic_long read_in_handler;
static pthread_t interrupted;

static void read_in_signal(int signal)
{
    int error = errno;
    (void)signal;
    for (int i = 0; i < 2; i++)
        if (pthread_rwlock_tryrdlock(i ? &other : &lock) == 0) {
            must(pthread_rwlock_unlock(i ? &other : &lock));
            atomic_fetch_add(&read_in_handler, 1);
        }
    errno = error;
}

static int interrupt(void *nothing)
{
    (void)nothing;
    while (!atomic_load(&over)) {
        must(pthread_kill(interrupted, SIGUSR1));
        for (volatile int i = 0; i < 300; i++)
            ;
    }
    return 0;
}

START_TEST(a_signal_handler_may_read_whatever_it_interrupts)
{
    struct unit_call call;
    begin(_i);
    init_lock(&other, PREFER_READER, PTHREAD_PROCESS_PRIVATE);
    atomic_store(&over, 0);
    interrupted = pthread_self();
    catch_signal(SIGUSR1, read_in_signal, SA_RESTART);
    unit_start(&call, interrupt, NULL);
    for (int64_t end = unit_now_ms() + 500; unit_now_ms() < end;) {
        for (int i = 0; i < 20000; i++) {
            must(pthread_rwlock_rdlock(&lock));
            must(pthread_rwlock_rdlock(&other));
            must(pthread_rwlock_unlock(&lock));
            must(pthread_rwlock_unlock(&other));
        }
        ck_assert_int_eq(take(&lock, true, TIMED, 20000), 0);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    }
    atomic_store(&over, 1);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert(atomic_load(&read_in_handler) > 0);
    must_be_free(&lock);
    must_be_free(&other);
}
END_TEST

START_TEST(a_thread_may_hold_more_locks_than_it_has_places_for)
{
    static pthread_rwlock_t locks[NESTED];
    for (int i = 0; i < NESTED; i++) {
        init_lock(&locks[i], i % KINDS, PTHREAD_PROCESS_PRIVATE);
        read_often(&locks[i]);
    }
    for (int i = 0; i < 2 * NESTED; i++)
        ck_assert_int_eq(pthread_rwlock_rdlock(&locks[i % NESTED]), 0);
    for (int i = 0; i < 2 * NESTED; i++) {
        ck_assert_int_eq(try_elsewhere(&locks[(i * 7) % NESTED], true), EBUSY);
        ck_assert_int_eq(pthread_rwlock_unlock(&locks[(i * 7) % NESTED]), 0);
    }
    for (int i = 0; i < NESTED; i++)
        must_be_free(&locks[i]);
}
END_TEST

/* glibc's initialisers need not write the last four of the 56 bytes. */
START_TEST(what_an_initialiser_does_not_write_does_not_matter)
{
    enum { WRITTEN = 52 };
    for (int kind = 0; kind < KINDS; kind += 2) {
        memset(&lock, 0xff, sizeof lock);
        memset(&lock, 0, WRITTEN);
        memcpy((char *)&lock + 48, &kind, sizeof kind);
        ck_assert_int_eq(write_and_read(&lock), 0);
        ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
        ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
        must_be_free(&lock);
    }
}
END_TEST

/* Readers are counted in 20 bits from bit 32 on. */
START_TEST(too_many_read_locks_are_refused_and_change_nothing)
{
    if (!unit_on_furwock())
        unit_skip("the word is Furwock's");
    enum { ALMOST = 0xffffe };
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    uint64_t *word = (uint64_t *)&lock;
    *word = (uint64_t)ALMOST << 32;
    ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_rwlock_rdlock(&lock), EAGAIN);
        ck_assert_int_eq(pthread_rwlock_tryrdlock(&lock), EAGAIN);
        ck_assert_int_eq(take(&lock, false, TIMED, 20000), EAGAIN);
        ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
    }
    ck_assert(*word >> 32 == ALMOST + 1);
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    *word = (uint64_t)1 << 32 | (*word & 0xffffffff);
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    must_be_free(&lock);
}
END_TEST

static Suite *rwlock_held_suite(void)
{
    Suite *suite = suite_create("rwlock_held");
    TCase *held = tcase_create("held");
    tcase_set_timeout(held, 40);
    tcase_add_loop_test(held, a_read_lock_may_be_given_back_by_another_thread, 0, RUNS);
    tcase_add_loop_test(held, a_lock_is_held_until_as_many_have_given_it_back_as_have_taken_it, 0,
                        RUNS);
    tcase_add_loop_test(held, threads_that_end_with_a_read_lock_leave_it_held, 0, RUNS);
    tcase_add_loop_test(held, what_two_threads_give_back_for_one_another_is_free, 0, RUNS);
    tcase_add_loop_test(held, a_reader_that_comes_after_many_others_keeps_writers_out, 0, RUNS);
    tcase_add_loop_test(held, a_lock_that_is_made_anew_has_no_past, 0, RUNS);
    tcase_add_loop_test(held, a_child_may_make_anew_what_its_thread_or_another_one_held, 0, RUNS);
    tcase_add_loop_test(held, a_lock_released_in_a_child_is_not_kept_for_a_waiter_of_the_parent, 0,
                        RUNS);
    tcase_add_loop_test(held, an_attempt_to_read_beside_a_reader_is_granted_whatever_writers_want,
                        0, 2);
    tcase_add_loop_test(held, no_reader_joins_while_a_writer_waits_that_is_preferred, 0, 32);
    tcase_add_loop_test(held, only_who_reads_already_passes_a_waiting_writer, 0, 2);
    tcase_add_test(held, a_thread_that_has_ended_leaves_no_recursion_behind);
    tcase_add_test(held, a_destroyed_lock_keeps_no_place_of_its_readers);
    tcase_add_loop_test(held, a_signal_handler_may_read_whatever_it_interrupts, 0, RUNS);
    tcase_add_test(held, a_thread_may_hold_more_locks_than_it_has_places_for);
    tcase_add_test(held, what_an_initialiser_does_not_write_does_not_matter);
    tcase_add_loop_test(held, too_many_read_locks_are_refused_and_change_nothing, 0, KINDS);
    suite_add_tcase(suite, held);
    return suite;
}

UNIT_MAIN(rwlock_held_suite)
