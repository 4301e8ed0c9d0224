/*
 * Read-write locks: who waits, until when, who gets in then, and that neither signal handlers nor
 * cancellation end a wait.
 */
#include "rwlock.h"

/* Wait until the thread either is inside or has blocked. */
static void holder_must_settle(struct holder *h)
{
    unit_wait_for(&h->call.tid, 1);
    unit_wait_until_asleep(getpid(), atomic_load(&h->call.tid));
}

START_TEST(a_blocked_attempt_times_out_no_sooner_than_asked)
{
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    for (int c = 0; c < CONFLICTS; c++) {
        bool wanted = conflicts[c].wanted;
        struct holder h;
        holder_start(&h, &lock, conflicts[c].held, PLAIN);
        holder_must_enter(&h);
        ck_assert_int_eq(try_take(&lock, wanted), EBUSY);
        for (int form = TIMED; form < FORMS; form++) {
            if (!form_exists(form))
                continue;
            struct timespec at = unit_deadline(form_clock(form), 10), now;
            ck_assert_int_eq(take_until(&lock, wanted, form, &at), ETIMEDOUT);
            clock_gettime(form_clock(form), &now);
            ck_assert(now.tv_sec > at.tv_sec ||
                      (now.tv_sec == at.tv_sec && now.tv_nsec >= at.tv_nsec));

            /* Times long past, before the epoch included, are times. */
            ck_assert_int_eq(take(&lock, wanted, form, -1000), ETIMEDOUT);
            at = (struct timespec){0, 0};
            ck_assert_int_eq(take_until(&lock, wanted, form, &at), ETIMEDOUT);
            at = (struct timespec){-1, 999999999};
            ck_assert_int_eq(take_until(&lock, wanted, form, &at), ETIMEDOUT);
        }
        holder_end(&h);
        must_be_free(&lock);
    }
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

static const struct timespec bad_times[] = {{0, -1},       {0, 1000000000},       {0, LONG_MAX},
                                            {0, LONG_MIN}, {4000000000, -1},      {-1, 1000000000},
                                            {-1, -1},      {4000000000, LONG_MAX}};
#define BAD_TIMES (int)(sizeof bad_times / sizeof bad_times[0])

START_TEST(an_invalid_time_is_an_error_when_the_call_would_block)
{
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    for (int c = 0; c < CONFLICTS; c++) {
        struct holder h;
        holder_start(&h, &lock, conflicts[c].held, PLAIN);
        holder_must_enter(&h);
        for (int form = TIMED; form < FORMS; form++) {
            for (int t = 0; t < BAD_TIMES && form_exists(form); t++)
                ck_assert_msg(take_until(&lock, conflicts[c].wanted, form, &bad_times[t]) == EINVAL,
                              "conflict %d form %d time %d", c, form, t);
        }
        holder_end(&h);
        must_be_free(&lock);
    }
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

START_TEST(an_invalid_time_does_not_matter_when_the_lock_is_free)
{
    /*
     * libc defect: glibc answers EINVAL although it need not wait. POSIX lets it look ("need not
     * be checked"), but reports the error only if "the calling thread would have blocked".
     */
    if (!unit_on_furwock())
        return;
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    for (int write = 0; write < 2; write++) {
        for (int form = TIMED; form < FORMS; form++) {
            for (int t = 0; t < BAD_TIMES && form_exists(form); t++) {
                ck_assert_int_eq(take_until(&lock, write, form, &bad_times[t]), 0);
                ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
            }
        }
    }
    must_be_free(&lock);
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

START_TEST(an_unknown_clock_is_an_error)
{
    if (!HAVE(pthread_rwlock_clockrdlock))
        unit_skip("no clock variants");
    static const clockid_t bad[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, -1, 12345,
                                    INT_MIN};
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    struct timespec at = unit_deadline(CLOCK_REALTIME, 10000);
    for (int c = 0; c < CONFLICTS; c++) {
        struct holder h;
        holder_start(&h, &lock, conflicts[c].held, PLAIN);
        holder_must_enter(&h);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            if (conflicts[c].wanted)
                ck_assert_int_eq(pthread_rwlock_clockwrlock(&lock, bad[i], &at), EINVAL);
            else
                ck_assert_int_eq(pthread_rwlock_clockrdlock(&lock, bad[i], &at), EINVAL);
        }
        holder_end(&h);
        must_be_free(&lock);
    }
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

START_TEST(unlocking_lets_the_blocked_in)
{
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    for (int c = 0; c < CONFLICTS; c++) {
        for (int form = PLAIN; form < FORMS; form++) {
            if (!form_exists(form))
                continue;
            struct holder h;
            ck_assert_int_eq(take(&lock, conflicts[c].held, PLAIN, 0), 0);
            holder_start(&h, &lock, conflicts[c].wanted, form);
            holder_must_be_blocked(&h);
            ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
            holder_must_enter(&h);
            ck_assert_int_eq(try_take(&lock, true), EBUSY);
            holder_end(&h);
            must_be_free(&lock);
        }
    }
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

START_TEST(unlocking_lets_all_waiting_readers_in_together)
{
    enum { READERS = 6 };
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    struct holder readers[READERS];
    ck_assert_int_eq(pthread_rwlock_wrlock(&lock), 0);
    for (int i = 0; i < READERS; i++) {
        holder_start(&readers[i], &lock, false, form_exists(i % FORMS) ? i % FORMS : PLAIN);
        holder_must_be_blocked(&readers[i]);
    }
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    /* None leaves before all are inside. */
    for (int i = 0; i < READERS; i++)
        holder_must_enter(&readers[i]);
    ck_assert_int_eq(try_take(&lock, true), EBUSY);
    struct holder writer;
    holder_start(&writer, &lock, true, PLAIN);
    for (int i = 0; i < READERS; i++) {
        holder_must_be_blocked(&writer);
        holder_end(&readers[i]);
    }
    /* The last reader out lets the writer in. */
    holder_must_enter(&writer);
    holder_end(&writer);
    must_be_free(&lock);
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

START_TEST(a_reader_may_read_again_while_a_writer_waits)
{
    if (_i == PREFER_WRITER_NONRECURSIVE)
        return;
    for (int pshared = 0; pshared < 2; pshared++) {
        pthread_rwlock_t lock;
        init_lock(&lock, _i, pshared);
        struct holder writer;
        int held = 0;
        ck_assert_int_eq(pthread_rwlock_rdlock(&lock), 0);
        held++;
        holder_start(&writer, &lock, true, PLAIN);
        holder_must_be_blocked(&writer);
        for (int form = PLAIN; form < FORMS; form++) {
            if (!form_exists(form))
                continue;
            ck_assert_int_eq(take(&lock, false, form, 5000), 0);
            held++;
        }
        ck_assert_int_eq(try_take(&lock, false), 0);
        held++;
        while (held-- > 0) {
            holder_must_be_blocked(&writer);
            ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
        }
        holder_must_enter(&writer);
        holder_end(&writer);
        must_be_free(&lock);
        ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    }
}
END_TEST

START_TEST(a_reader_preferring_lock_admits_readers_while_a_writer_waits)
{
    for (int pshared = 0; pshared < 2; pshared++) {
        pthread_rwlock_t lock;
        init_lock(&lock, PREFER_READER, pshared);
        ck_assert_int_eq(reader_while_writer_waits(&lock), 0);

        struct holder first, writer, second;
        holder_start(&first, &lock, false, PLAIN);
        holder_must_enter(&first);
        holder_start(&writer, &lock, true, PLAIN);
        holder_must_be_blocked(&writer);
        holder_start(&second, &lock, false, PLAIN);
        holder_must_enter(&second);
        holder_end(&first);
        holder_must_be_blocked(&writer);
        holder_end(&second);
        holder_must_enter(&writer);
        holder_end(&writer);
        ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    }
}
END_TEST

START_TEST(a_writer_preferring_lock_makes_new_readers_wait_for_a_waiting_writer)
{
    if (!HAVE(pthread_rwlockattr_setkind_np))
        unit_skip("no kinds");
    for (int pshared = 0; pshared < 2; pshared++) {
        pthread_rwlock_t lock;
        init_lock(&lock, PREFER_WRITER_NONRECURSIVE, pshared);
        struct holder first, writer, second;
        holder_start(&first, &lock, false, PLAIN);
        holder_must_enter(&first);
        holder_start(&writer, &lock, true, PLAIN);
        holder_must_be_blocked(&writer);
        ck_assert_int_eq(try_take(&lock, false), EBUSY);
        for (int form = TIMED; form < FORMS; form++) {
            if (form_exists(form))
                ck_assert_int_eq(take(&lock, false, form, 10), ETIMEDOUT);
        }
        holder_start(&second, &lock, false, PLAIN);
        holder_must_be_blocked(&second);
        holder_end(&first);
        /* The writer was here first. */
        holder_must_enter(&writer);
        holder_must_be_blocked(&second);
        holder_end(&writer);
        holder_must_enter(&second);
        ck_assert_int_lt(writer.ticket, second.ticket);
        holder_end(&second);
        must_be_free(&lock);
        ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    }
}
END_TEST

/*
 * "The calling thread acquires the read lock if a writer does not hold the lock and there are no
 * writers blocked on the lock": writers that have been and gone keep nobody out.
 */
START_TEST(a_reader_is_not_kept_out_by_writers_that_are_gone)
{
    for (int round = 0; round < 16; round++) {
        bool reader_gives_up = round & 2, writer_gives_up = round & 4, two = round & 8;
        pthread_rwlock_t lock;
        init_lock(&lock, _i, round & 1);
        struct holder first, writers[2], second, third;
        holder_start(&first, &lock, false, PLAIN);
        holder_must_enter(&first);
        for (int i = 0; i <= two; i++) {
            holder_start(&writers[i], &lock, true, PLAIN);
            holder_must_be_blocked(&writers[i]);
        }
        /* Attempts that fail stir up those who wait, who must fall asleep again. */
        if (writer_gives_up)
            ck_assert_int_eq(take_elsewhere(&lock, true, TIMED, 2), ETIMEDOUT);
        if (reader_gives_up && _i == PREFER_WRITER_NONRECURSIVE)
            ck_assert_int_eq(take_elsewhere(&lock, false, TIMED, 2), ETIMEDOUT);
        for (int i = 0; i <= two; i++)
            holder_must_be_blocked(&writers[i]);

        holder_start(&second, &lock, false, PLAIN);
        /* one that may enter may still be asleep for a moment, to let the writer go first */
        if (_i == PREFER_READER)
            holder_must_enter(&second);
        holder_must_settle(&second);
        for (int i = 0; i <= two; i++)
            atomic_store(&writers[i].leave, 1);
        holder_end(&first);
        holder_must_enter(&second);
        bool gone = true;
        for (int i = 0; i <= two; i++)
            gone = gone && atomic_load(&writers[i].inside);
        if (!gone) {
            /* One waits for the reader, which was there first, or found the lock free before it woke. */
            atomic_store(&second.leave, 1);
            for (int i = 0; i <= two; i++)
                holder_end(&writers[i]);
            holder_end(&second);
            holder_start(&second, &lock, false, PLAIN);
            holder_must_enter(&second);
        } else {
            for (int i = 0; i <= two; i++)
                holder_end(&writers[i]);
        }
        ck_assert_int_eq(try_elsewhere(&lock, false), 0);
        holder_start(&third, &lock, false, PLAIN);
        holder_must_enter(&third);
        holder_end(&second);
        holder_end(&third);
        must_be_free(&lock);
        ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
    }
}
END_TEST

/* Wait until the call has blocked, or has returned already: false. */
static bool blocks(struct unit_call *call)
{
    char path[64], line[512];
    struct timespec nap = {0, 200000};
    unit_wait_for(&call->tid, 1);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)atomic_load(&call->tid));
    for (;;) {
        FILE *f = fopen(path, "r");
        char *paren = f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
        if (f)
            fclose(f);
        if (!paren || atomic_load(&call->returned))
            return false;
        if (paren[2] == 'S')
            return !atomic_load(&call->returned);
        nanosleep(&nap, NULL);
    }
}

/* A writer that gives up must leave no door shut behind it. */
START_TEST(a_writer_that_times_out_lets_the_readers_behind_it_in)
{
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    long ms = 10;
    for (int form = TIMED; form < FORMS; form++) {
        if (!form_exists(form))
            continue;
        struct holder first, second;
        holder_start(&first, &lock, false, PLAIN);
        holder_must_enter(&first);
        bool in_time = false;
        for (; !in_time; ms *= 2) {
            /* Again, with more patience, if the machine is so slow that nobody was behind it. */
            ck_assert_int_lt(ms, 5000);
            struct attempt impatient = {&lock, .write = true, .form = form, .ms = ms};
            struct unit_call call;
            unit_start(&call, attempt, &impatient);
            in_time = blocks(&call);
            holder_start(&second, &lock, false, PLAIN);
            unit_wait_for(&second.call.tid, 1);
            in_time = in_time && !atomic_load(&call.returned);
            ck_assert_int_eq(unit_finish(&call), ETIMEDOUT);
            /* The first reader is still there, and so must the second be by now or soon. */
            holder_must_enter(&second);
            ck_assert_int_eq(try_elsewhere(&lock, false), 0);
            ck_assert_int_eq(try_elsewhere(&lock, true), EBUSY);
            holder_end(&second);
        }
        ms /= 2;
        holder_end(&first);
        must_be_free(&lock);
    }
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

/* Of several waiters, those that give up must not take another's turn with them. */
START_TEST(waiters_that_time_out_do_not_hold_up_the_others)
{
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    for (int c = 0; c < CONFLICTS; c++) {
        struct attempt impatient[4];
        struct unit_call calls[4];
        struct holder patient[2];
        ck_assert_int_eq(take(&lock, conflicts[c].held, PLAIN, 0), 0);
        for (int i = 0; i < 4; i++) {
            if (i % 2 == 0) {
                holder_start(&patient[i / 2], &lock, conflicts[c].wanted, PLAIN);
                holder_must_be_blocked(&patient[i / 2]);
            }
            bool write = conflicts[c].held ? i % 2 : true;
            impatient[i] = (struct attempt){&lock, .write = write, .form = TIMED, .ms = 30};
            unit_start(&calls[i], attempt, &impatient[i]);
        }
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(unit_finish(&calls[i]), ETIMEDOUT);
        holder_must_be_blocked(&patient[0]);
        holder_must_be_blocked(&patient[1]);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
        /* One after the other, in either order, or both at once if they read. */
        struct timespec nap = {0, 100000};
        while (!atomic_load(&patient[0].inside) && !atomic_load(&patient[1].inside))
            nanosleep(&nap, NULL);
        int early = atomic_load(&patient[0].inside) ? 0 : 1;
        holder_end(&patient[early]);
        holder_must_enter(&patient[1 - early]);
        holder_end(&patient[1 - early]);
        must_be_free(&lock);
    }
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

/* ---- Signals and cancellation ---- */

START_TEST(a_signal_handler_does_not_end_the_wait)
{
    catch_signal(SIGUSR1, count_signal, 0);
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    for (int c = 0; c < CONFLICTS; c++) {
        for (int form = PLAIN; form < FORMS; form++) {
            if (!form_exists(form))
                continue;
            struct holder h;
            ck_assert_int_eq(take(&lock, conflicts[c].held, PLAIN, 0), 0);
            holder_start(&h, &lock, conflicts[c].wanted, form);
            for (int i = 0; i < 3; i++) {
                int before = atomic_load(&handled);
                holder_must_be_blocked(&h);
                ck_assert_int_eq(pthread_kill(h.call.thread, SIGUSR1), 0);
                unit_wait_for(&handled, before + 1);
            }
            holder_must_be_blocked(&h);
            ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
            holder_must_enter(&h);
            holder_end(&h);
        }
    }
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

START_TEST(signal_handlers_do_not_put_off_the_timeout)
{
    catch_signal(SIGUSR1, count_signal, 0);
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    ck_assert_int_eq(pthread_rwlock_wrlock(&lock), 0);
    for (int write = 0; write < 2; write++) {
        struct attempt impatient = {&lock, .write = write, .form = TIMED, .ms = 50};
        struct unit_call call;
        int before = atomic_load(&handled);
        unit_start(&call, attempt, &impatient);
        /* More often than the timeout, so that a wait begun afresh would never end. */
        struct timespec nap = {0, 2000000};
        while (!atomic_load(&call.returned)) {
            pthread_kill(call.thread, SIGUSR1);
            nanosleep(&nap, NULL);
        }
        ck_assert_int_eq(unit_finish(&call), ETIMEDOUT);
        ck_assert_int_gt(atomic_load(&handled), before);
    }
    ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

struct victim {
    pthread_rwlock_t *lock;
    bool write;
    atomic_int tid, entered;
};

static void *lock_then_test_cancel(void *arg)
{
    struct victim *v = arg;
    atomic_store(&v->tid, unit_gettid());
    must(take(v->lock, v->write, PLAIN, 0));
    atomic_store(&v->entered, 1);
    must(pthread_rwlock_unlock(v->lock));
    pthread_testcancel();
    return NULL;
}

START_TEST(locking_is_no_cancellation_point)
{
    pthread_rwlock_t lock;
    init_lock(&lock, _i, PTHREAD_PROCESS_PRIVATE);
    for (int write = 0; write < 2; write++) {
        struct victim v = {.lock = &lock, .write = write};
        pthread_t thread;
        void *result;
        ck_assert_int_eq(pthread_rwlock_wrlock(&lock), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, lock_then_test_cancel, &v), 0);
        unit_wait_for(&v.tid, 1);
        unit_wait_until_asleep(getpid(), atomic_load(&v.tid));
        ck_assert_int_eq(pthread_cancel(thread), 0);
        ck_assert_int_eq(pthread_rwlock_unlock(&lock), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_int_eq(atomic_load(&v.entered), 1);
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
        must_be_free(&lock);
    }
    ck_assert_int_eq(pthread_rwlock_destroy(&lock), 0);
}
END_TEST

static Suite *rwlock_wait_suite(void)
{
    Suite *suite = suite_create("rwlock_wait");

    TCase *waiting = tcase_create("waiting");
    tcase_set_timeout(waiting, 20);
    tcase_add_loop_test(waiting, a_blocked_attempt_times_out_no_sooner_than_asked, 0, KINDS);
    tcase_add_loop_test(waiting, an_invalid_time_is_an_error_when_the_call_would_block, 0, KINDS);
    tcase_add_loop_test(waiting, an_invalid_time_does_not_matter_when_the_lock_is_free, 0, KINDS);
    tcase_add_loop_test(waiting, an_unknown_clock_is_an_error, 0, KINDS);
    tcase_add_loop_test(waiting, unlocking_lets_the_blocked_in, 0, KINDS);
    tcase_add_loop_test(waiting, unlocking_lets_all_waiting_readers_in_together, 0, KINDS);
    tcase_add_loop_test(waiting, a_reader_may_read_again_while_a_writer_waits, 0, KINDS);
    tcase_add_test(waiting, a_reader_preferring_lock_admits_readers_while_a_writer_waits);
    tcase_add_test(waiting, a_writer_preferring_lock_makes_new_readers_wait_for_a_waiting_writer);
    tcase_add_loop_test(waiting, a_reader_is_not_kept_out_by_writers_that_are_gone, 0, KINDS);
    tcase_add_loop_test(waiting, a_writer_that_times_out_lets_the_readers_behind_it_in, 0, KINDS);
    tcase_add_loop_test(waiting, waiters_that_time_out_do_not_hold_up_the_others, 0, KINDS);
    tcase_add_loop_test(waiting, a_signal_handler_does_not_end_the_wait, 0, KINDS);
    tcase_add_loop_test(waiting, signal_handlers_do_not_put_off_the_timeout, 0, KINDS);
    tcase_add_loop_test(waiting, locking_is_no_cancellation_point, 0, KINDS);
    suite_add_tcase(suite, waiting);
    return suite;
}

UNIT_MAIN(rwlock_wait_suite)
