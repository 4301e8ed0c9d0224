/*
 * Thread-specific data: keys that are never confused with one another or with what their slot was
 * used for before, and destructors that run when a thread ends, however it ends, in rounds.
 */
#include "unit.h"
#include <limits.h>

/* More than any libc has. */
enum { LIMIT = 5000 };

static atomic_int destroyed;

static void count_destroyed(void *unused)
{
    (void)unused;
    atomic_fetch_add(&destroyed, 1);
}

/* The value is a counter of its own. */
static void count_in_value(void *value)
{
    atomic_fetch_add((atomic_int *)value, 1);
}

static pthread_key_t new_key(void (*destructor)(void *))
{
    pthread_key_t key;
    ck_assert_int_eq(pthread_key_create(&key, destructor), 0);
    return key;
}

/* Create keys until there are no more; how many. */
static int create_all(pthread_key_t *keys, void (*destructor)(void *))
{
    int count = 0, error;
    while (count < LIMIT && (error = pthread_key_create(&keys[count], destructor)) == 0)
        count++;
    ck_assert_int_lt(count, LIMIT);
    ck_assert_int_eq(error, EAGAIN);
    return count;
}

static void delete_all(const pthread_key_t *keys, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pthread_key_delete(keys[i]), 0);
}

/* A few keys may be taken before the test begins, by libraries that it uses. */
static int promised_keys(void)
{
    return PTHREAD_KEYS_MAX - 16;
}

START_TEST(a_value_is_kept_until_it_is_replaced)
{
    int a, b;
    pthread_key_t one = new_key(NULL), two = new_key(count_destroyed);
    ck_assert_ptr_null(pthread_getspecific(one));
    ck_assert_ptr_null(pthread_getspecific(two));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_setspecific(one, &a), 0);
        ck_assert_int_eq(pthread_setspecific(two, &b), 0);
        ck_assert_ptr_eq(pthread_getspecific(one), &a);
        ck_assert_ptr_eq(pthread_getspecific(two), &b);
        ck_assert_int_eq(pthread_setspecific(one, NULL), 0);
        ck_assert_ptr_null(pthread_getspecific(one));
        ck_assert_ptr_eq(pthread_getspecific(two), &b);
    }
    ck_assert_int_eq(pthread_key_delete(one), 0);
    ck_assert_int_eq(pthread_key_delete(two), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 0);
}
END_TEST

START_TEST(as_many_keys_as_promised_and_no_more)
{
    static pthread_key_t keys[LIMIT];
    static char cell[LIMIT];
    int first = 0;
    for (int round = 0; round < 3; round++) {
        int count = create_all(keys, NULL);
        ck_assert_int_ge(count, promised_keys());
        /* Furwock has 1024 of them even where the libc's header promises fewer. */
        ck_assert_int_le(count, PTHREAD_KEYS_MAX > 1024 ? PTHREAD_KEYS_MAX : 1024);
        if (unit_on_furwock())
            ck_assert_int_ge(count, 1024 - 16);
        /* None is lost from round to round. */
        if (round > 0)
            ck_assert_int_eq(count, first);
        first = count;
        /* Every key has a value of its own. */
        int wrong = 0;
        for (int i = 0; i < count; i++)
            wrong += pthread_getspecific(keys[i]) != NULL;
        for (int i = 0; i < count; i++)
            wrong += pthread_setspecific(keys[i], &cell[i]) != 0;
        for (int i = 0; i < count; i++)
            wrong += pthread_getspecific(keys[i]) != &cell[i];
        ck_assert_int_eq(wrong, 0);
        /* One is free again as soon as it is deleted. */
        pthread_key_t spare;
        ck_assert_int_eq(pthread_key_create(&spare, NULL), EAGAIN);
        ck_assert_int_eq(pthread_key_delete(keys[count / 2]), 0);
        ck_assert_int_eq(pthread_key_create(&keys[count / 2], NULL), 0);
        ck_assert_ptr_null(pthread_getspecific(keys[count / 2]));
        ck_assert_int_eq(pthread_key_create(&spare, NULL), EAGAIN);
        delete_all(keys, count);
    }
}
END_TEST

START_TEST(keys_that_do_not_exist_are_invalid)
{
    /* POSIX leaves this undefined and recommends the error. */
    bool checks = unit_on_furwock();
#ifdef __GLIBC__
    checks = true;
#endif
    if (!checks)
        unit_skip("libc does not check");
    int value;
    pthread_key_t never[] = {PTHREAD_KEYS_MAX,       PTHREAD_KEYS_MAX + 1, 1024, 65536, INT_MAX,
                             (pthread_key_t)INT_MIN, (pthread_key_t)-1};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        ck_assert_int_eq(pthread_setspecific(never[i], &value), EINVAL);
        ck_assert_int_eq(pthread_setspecific(never[i], NULL), EINVAL);
        ck_assert_ptr_null(pthread_getspecific(never[i]));
        ck_assert_int_eq(pthread_key_delete(never[i]), EINVAL);
    }
    /* Slots that exist, but no longer a key: the first ones, which have had values, and the last.
     */
    static pthread_key_t keys[LIMIT];
    int count = create_all(keys, count_destroyed);
    for (int i = 0; i < count / 2; i++)
        if (pthread_setspecific(keys[i], &value) != 0)
            ck_assert_msg(false, "key %d of %d cannot be set", i, count);
    delete_all(keys, count);
    for (int i = 0; i < count; i += count / 20) {
        ck_assert_int_eq(pthread_setspecific(keys[i], &value), EINVAL);
        ck_assert_int_eq(pthread_key_delete(keys[i]), EINVAL);
        /* Undefined as well: glibc and musl say null. */
        ck_assert_ptr_null(pthread_getspecific(keys[i]));
    }
}
END_TEST

/* How a thread ends after it has set a key. */
enum ending { RETURNS, EXITS, IS_CANCELLED, IS_DETACHED, SETS_IN_CLEANUP, ENDINGS };

struct life {
    pthread_key_t key, silent;
    enum ending ending;
    atomic_int value;
};

static void set_value(void *arg)
{
    struct life *life = arg;
    pthread_setspecific(life->key, &life->value);
}

static void *live(void *arg)
{
    struct life *life = arg;
    if (pthread_getspecific(life->key) != NULL)
        return NULL;
    if (life->ending != SETS_IN_CLEANUP)
        set_value(life);
    /* A value without a destructor, and one with a destructor that is null again. */
    pthread_setspecific(life->silent, life);
    pthread_cleanup_push(set_value, life);
    switch (life->ending) {
    case EXITS:
    case SETS_IN_CLEANUP:
        pthread_exit(NULL);
    case IS_CANCELLED:
        for (;;)
            pause();
    default:
        break;
    }
    pthread_cleanup_pop(0);
    return NULL;
}

START_TEST(the_destructor_runs_once_however_the_thread_ends)
{
    struct life life = {.ending = (enum ending)_i};
    if (life.ending == IS_CANCELLED && !unit_handlers_set_masks())
        unit_skip("a cancel may come again for ever");
    life.key = new_key(count_in_value);
    life.silent = new_key(NULL);
    for (int i = 1; i <= 5; i++) {
        pthread_attr_t attr;
        pthread_t thread;
        ck_assert_int_eq(pthread_attr_init(&attr), 0);
        if (life.ending == IS_DETACHED)
            ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
        ck_assert_int_eq(pthread_create(&thread, &attr, live, &life), 0);
        ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
        if (life.ending == IS_CANCELLED)
            ck_assert_int_eq(pthread_cancel(thread), 0);
        if (life.ending != IS_DETACHED)
            ck_assert_int_eq(pthread_join(thread, NULL), 0);
        /* By the time of the join it has run. */
        if (life.ending == IS_DETACHED)
            unit_wait_for(&life.value, i);
        ck_assert_int_eq(atomic_load(&life.value), i);
    }
    ck_assert_int_eq(pthread_key_delete(life.key), 0);
    ck_assert_int_eq(pthread_key_delete(life.silent), 0);
}
END_TEST

static pthread_key_t watched;
static atomic_int seen_values;

static void look_at_own_value(void *value)
{
    if (value == &watched && pthread_getspecific(watched) == NULL)
        atomic_fetch_add(&seen_values, 1);
}

static int set_watched(void *unused)
{
    (void)unused;
    return pthread_setspecific(watched, &watched);
}

START_TEST(a_destructor_gets_the_value_and_finds_null_in_its_place)
{
    watched = new_key(look_at_own_value);
    ck_assert_int_eq(unit_elsewhere(set_watched, NULL), 0);
    ck_assert_int_eq(atomic_load(&seen_values), 1);
}
END_TEST

static int set_and_clear(void *unused)
{
    (void)unused;
    return pthread_setspecific(watched, &watched) | pthread_setspecific(watched, NULL);
}

START_TEST(a_null_value_is_not_destroyed)
{
    watched = new_key(count_destroyed);
    ck_assert_int_eq(unit_elsewhere(set_and_clear, NULL), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 0);
}
END_TEST

static int clear_and_set(void *unused)
{
    (void)unused;
    return pthread_setspecific(watched, NULL) | pthread_setspecific(watched, &watched);
}

START_TEST(a_value_that_follows_null_is_destroyed)
{
    watched = new_key(count_destroyed);
    ck_assert_int_eq(unit_elsewhere(clear_and_set, NULL), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 1);
}
END_TEST

static void set_it_again(void *value)
{
    atomic_fetch_add(&destroyed, 1);
    pthread_setspecific(watched, value);
}

START_TEST(destructors_run_in_as_many_rounds_as_promised)
{
    watched = new_key(set_it_again);
    ck_assert_int_eq(unit_elsewhere(set_watched, NULL), 0);
    ck_assert_int_eq(atomic_load(&destroyed), PTHREAD_DESTRUCTOR_ITERATIONS);
}
END_TEST

/* A chain: each destructor sets the next key, which may come before or after it in any order. */
enum { CHAIN = PTHREAD_DESTRUCTOR_ITERATIONS };
static pthread_key_t chain[CHAIN];
static atomic_int links[CHAIN];

static void set_next(void *value)
{
    int link = (int)((atomic_int *)value - links);
    atomic_fetch_add(&links[link], 1);
    if (link + 1 < CHAIN)
        pthread_setspecific(chain[link + 1], &links[link + 1]);
}

static int set_first(void *unused)
{
    (void)unused;
    return pthread_setspecific(chain[0], &links[0]);
}

START_TEST(a_destructor_may_set_another_key_which_is_destroyed_too)
{
    /* Upwards and downwards: every round may serve one link only. */
    for (int i = 0; i < CHAIN; i++)
        chain[_i == 0 ? i : CHAIN - 1 - i] = new_key(set_next);
    ck_assert_int_eq(unit_elsewhere(set_first, NULL), 0);
    for (int i = 0; i < CHAIN; i++)
        ck_assert_int_eq(atomic_load(&links[i]), 1);
}
END_TEST

static void delete_own_key(void *value)
{
    if (pthread_key_delete(*(pthread_key_t *)value) == 0)
        atomic_fetch_add(&destroyed, 1);
}

START_TEST(a_destructor_may_delete_its_key_and_create_another)
{
    watched = new_key(delete_own_key);
    ck_assert_int_eq(unit_elsewhere(set_watched, NULL), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 1);
}
END_TEST

static void create_and_set(void *unused)
{
    (void)unused;
    static pthread_key_t created;
    if (pthread_key_create(&created, count_destroyed) == 0 && pthread_getspecific(created) == NULL)
        pthread_setspecific(created, &created);
}

START_TEST(a_key_made_by_a_destructor_is_destroyed_too)
{
    watched = new_key(create_and_set);
    ck_assert_int_eq(unit_elsewhere(set_watched, NULL), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 1);
}
END_TEST

/* A thread that uses keys while others are deleted and made, in steps that the test commands. */
struct observer {
    pthread_key_t old[64];
    pthread_key_t keys[LIMIT];
    int count;
    atomic_int step, done;
    atomic_int cell[LIMIT];
};

static int observe(void *arg)
{
    struct observer *o = arg;
    for (int i = 0; i < 64; i++)
        if (pthread_setspecific(o->old[i], &destroyed) != 0)
            return -1;
    atomic_store(&o->done, 1);
    unit_wait_for(&o->step, 1);
    for (int i = 0; i < o->count; i++)
        if (pthread_getspecific(o->keys[i]) != NULL)
            return -2;
    for (int i = 0; i < o->count; i += 2)
        if (pthread_setspecific(o->keys[i], &o->cell[i]) != 0)
            return -3;
    return 0;
}

START_TEST(a_new_key_is_null_in_every_thread_though_its_slot_was_used)
{
    static struct observer o;
    for (int i = 0; i < 64; i++)
        o.old[i] = new_key(count_destroyed);
    struct unit_call call;
    unit_start(&call, observe, &o);
    unit_wait_for(&o.done, 1);
    delete_all(o.old, 64);
    /* All that there are, so the old slots are among them. */
    o.count = create_all(o.keys, count_in_value);
    atomic_store(&o.step, 1);
    ck_assert_int_eq(unit_finish(&call), 0);
    /* Neither the old destructor nor the new one ran for an old value. */
    ck_assert_int_eq(atomic_load(&destroyed), 0);
    int wrong = 0;
    for (int i = 0; i < o.count; i++)
        wrong += atomic_load(&o.cell[i]) != (i % 2 == 0);
    ck_assert_int_eq(wrong, 0);
    delete_all(o.keys, o.count);
}
END_TEST

static int set_and_wait_for_deletion(void *arg)
{
    struct observer *o = arg;
    if (pthread_setspecific(o->old[0], &destroyed) != 0)
        return -1;
    atomic_store(&o->done, 1);
    unit_wait_for(&o->step, 1);
    return 0;
}

START_TEST(the_destructor_of_a_deleted_key_does_not_run)
{
    static struct observer o;
    o.old[0] = new_key(count_destroyed);
    struct unit_call call;
    unit_start(&call, set_and_wait_for_deletion, &o);
    unit_wait_for(&o.done, 1);
    ck_assert_int_eq(pthread_key_delete(o.old[0]), 0);
    atomic_store(&o.step, 1);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_int_eq(atomic_load(&destroyed), 0);
}
END_TEST

START_TEST(a_slot_is_reused_any_number_of_times)
{
    int failures = 0;
    for (int i = 0; i < 20000; i++) {
        pthread_key_t key;
        failures += pthread_key_create(&key, NULL) != 0;
        failures += pthread_getspecific(key) != NULL;
        failures += pthread_setspecific(key, &key) != 0;
        failures += pthread_getspecific(key) != &key;
        failures += pthread_key_delete(key) != 0;
    }
    ck_assert_int_eq(failures, 0);
}
END_TEST

/* However often its slot is used again, a deleted key stays one that does not exist. */
START_TEST(a_deleted_key_does_not_come_back)
{
    if (!unit_on_furwock())
        unit_skip("libc gives out the same numbers again");
    static pthread_key_t keys[LIMIT];
    int count = create_all(keys, NULL);
    /* A slot that has values in place, and one that has them in a block: all others are taken. */
    for (int i = 0; i < count; i += count - 1) {
        pthread_key_t stale = keys[i];
        int failures = 0;
        ck_assert_int_eq(pthread_setspecific(stale, &keys), 0);
        ck_assert_int_eq(pthread_key_delete(stale), 0);
        for (int again = 0; again < 3000; again++) {
            pthread_key_t key;
            failures += pthread_key_create(&key, NULL) != 0;
            failures += key == stale;
            failures += pthread_getspecific(key) != NULL;
            failures += pthread_setspecific(stale, &keys) != EINVAL;
            failures += pthread_key_delete(stale) != EINVAL;
            failures += pthread_setspecific(key, &key) != 0;
            failures += pthread_getspecific(stale) != NULL;
            failures += pthread_key_delete(key) != 0;
        }
        ck_assert_int_eq(failures, 0);
        ck_assert_int_eq(pthread_key_create(&keys[i], NULL), 0);
    }
    delete_all(keys, count);
}
END_TEST

enum { MAKERS = 4, EACH = 20 };

struct maker {
    pthread_barrier_t *barrier;
    pthread_key_t *keys;
};

static int make_and_delete(void *arg)
{
    struct maker *maker = arg;
    int failures = 0;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < EACH; i++)
            failures += pthread_key_create(&maker->keys[i], NULL) != 0;
        pthread_barrier_wait(maker->barrier);
        pthread_barrier_wait(maker->barrier);
        for (int i = 0; i < EACH; i++)
            failures += pthread_key_delete(maker->keys[i]) != 0;
    }
    return failures;
}

START_TEST(keys_made_at_the_same_time_are_different_keys)
{
    static pthread_key_t keys[MAKERS * EACH];
    pthread_barrier_t barrier;
    struct maker maker[MAKERS];
    struct unit_call call[MAKERS];
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, MAKERS + 1), 0);
    for (int i = 0; i < MAKERS; i++) {
        maker[i] = (struct maker){&barrier, &keys[i * EACH]};
        unit_start(&call[i], make_and_delete, &maker[i]);
    }
    int confused = 0;
    for (int round = 0; round < 100; round++) {
        pthread_barrier_wait(&barrier);
        /* Two that are one key share a value. */
        for (int i = 0; i < MAKERS * EACH; i++)
            confused += pthread_getspecific(keys[i]) != NULL;
        for (int i = 0; i < MAKERS * EACH; i++)
            confused += pthread_setspecific(keys[i], &keys[i]) != 0;
        for (int i = 0; i < MAKERS * EACH; i++)
            confused += pthread_getspecific(keys[i]) != &keys[i];
        pthread_barrier_wait(&barrier);
    }
    for (int i = 0; i < MAKERS; i++)
        ck_assert_int_eq(unit_finish(&call[i]), 0);
    ck_assert_int_eq(confused, 0);
    ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
}
END_TEST

/* A thread that sets every key there is. */
struct hoard {
    pthread_key_t keys[LIMIT];
    atomic_int cell[LIMIT];
    int count;
};

static void *hoard_values(void *arg)
{
    struct hoard *h = arg;
    for (int i = 0; i < h->count; i++)
        if (pthread_setspecific(h->keys[i], &h->cell[i]) != 0)
            return NULL;
    for (int i = 0; i < h->count; i++)
        if (pthread_getspecific(h->keys[i]) != &h->cell[i])
            return NULL;
    return h;
}

START_TEST(a_thread_with_the_least_stack_may_use_every_key)
{
    static struct hoard h;
    h.count = create_all(h.keys, count_in_value);
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, (size_t)sysconf(_SC_THREAD_STACK_MIN)), 0);
    for (int round = 1; round <= 3; round++) {
        pthread_t thread;
        void *result;
        ck_assert_int_eq(pthread_create(&thread, &attr, hoard_values, &h), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_ptr_eq(result, &h);
        int wrong = 0;
        for (int i = 0; i < h.count; i++)
            wrong += atomic_load(&h.cell[i]) != round;
        ck_assert_int_eq(wrong, 0);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    delete_all(h.keys, h.count);
}
END_TEST

/* Kilobytes of this process's address space and of its resident memory. */
static void measure(long *size, long *resident)
{
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", size, resident), 2);
    fclose(file);
    *size *= sysconf(_SC_PAGESIZE) / 1024;
    *resident *= sysconf(_SC_PAGESIZE) / 1024;
}

START_TEST(thousands_of_threads_with_many_keys_leave_no_memory_behind)
{
    /* Valgrind keeps what was freed, on purpose. */
    const char *preload = getenv("LD_PRELOAD");
    if (preload != NULL && strstr(preload, "vgpreload") != NULL)
        unit_skip("valgrind keeps freed memory");
    static struct hoard h;
    h.count = 100;
    for (int i = 0; i < h.count; i++)
        h.keys[i] = new_key(count_in_value);
    long size[2], resident[2];
    for (int phase = 0; phase < 2; phase++) {
        int failures = 0;
        for (int i = 0; i < (phase == 0 ? 200 : 3000); i++) {
            pthread_t thread;
            void *result = NULL;
            failures += pthread_create(&thread, NULL, hoard_values, &h) != 0;
            failures += pthread_join(thread, &result) != 0;
            failures += result != &h;
        }
        ck_assert_int_eq(failures, 0);
        measure(&size[phase], &resident[phase]);
    }
    /* A leak of one word a key and a thread would be 2400 kilobytes. */
    ck_assert_int_lt(resident[1] - resident[0], 1000);
    ck_assert_int_lt(size[1] - size[0], 1000);
    for (int i = 0; i < h.count; i++)
        ck_assert_int_eq(atomic_load(&h.cell[i]), 3200);
    delete_all(h.keys, h.count);
}
END_TEST

static void store_in_shared(void *value)
{
    atomic_fetch_add((atomic_int *)value, 1);
}

static void *outlive_main(void *shared)
{
    unit_wait_for(shared, 1);
    _exit(0);
}

START_TEST(destructors_of_the_main_thread_run_at_pthread_exit)
{
    int fd = unit_memory(sizeof(atomic_int));
    atomic_int *shared = unit_map(fd, sizeof *shared);
    pthread_key_t key = new_key(store_in_shared);
    pid_t child = unit_fork();
    if (child == 0) {
        pthread_t thread;
        unit_child_assert(pthread_setspecific(key, shared) == 0);
        /* As the only thread, whose end is the end of the process, with status 0; or not. */
        if (_i == 1)
            unit_child_assert(pthread_create(&thread, NULL, outlive_main, shared) == 0);
        pthread_exit(NULL);
    }
    unit_reap(child);
    ck_assert_int_eq(atomic_load(shared), 1);
    close(fd);
}
END_TEST

START_TEST(destructors_do_not_run_at_exit)
{
    int fd = unit_memory(sizeof(atomic_int));
    atomic_int *shared = unit_map(fd, sizeof *shared);
    pthread_key_t key = new_key(store_in_shared);
    pid_t child = unit_fork();
    if (child == 0) {
        unit_child_assert(pthread_setspecific(key, shared) == 0);
        exit(0);
    }
    unit_reap(child);
    ck_assert_int_eq(atomic_load(shared), 0);
    close(fd);
}
END_TEST

static void set_in_helper(union sigval value)
{
    pthread_setspecific(watched, value.sival_ptr);
}

START_TEST(a_helper_thread_of_the_libc_runs_destructors_too)
{
    /* Static: a late expiry may still count when the test has ended. */
    static atomic_int count;
    watched = new_key(count_in_value);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD};
    event.sigev_notify_function = set_in_helper;
    event.sigev_value.sival_ptr = &count;
    timer_t timer;
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    struct itimerspec often = {{0, 1000000}, {0, 1000000}};
    ck_assert_int_eq(timer_settime(timer, 0, &often, NULL), 0);
    unit_wait_for(&count, 3);
    ck_assert_int_eq(timer_delete(timer), 0);
}
END_TEST

static Suite *key_suite(void)
{
    Suite *suite = suite_create("key");
    TCase *tcase = tcase_create("key");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, a_value_is_kept_until_it_is_replaced);
    tcase_add_test(tcase, as_many_keys_as_promised_and_no_more);
    tcase_add_test(tcase, keys_that_do_not_exist_are_invalid);
    tcase_add_loop_test(tcase, the_destructor_runs_once_however_the_thread_ends, 0, ENDINGS);
    tcase_add_test(tcase, a_destructor_gets_the_value_and_finds_null_in_its_place);
    tcase_add_test(tcase, a_null_value_is_not_destroyed);
    tcase_add_test(tcase, a_value_that_follows_null_is_destroyed);
    tcase_add_test(tcase, destructors_run_in_as_many_rounds_as_promised);
    tcase_add_loop_test(tcase, a_destructor_may_set_another_key_which_is_destroyed_too, 0, 2);
    tcase_add_test(tcase, a_destructor_may_delete_its_key_and_create_another);
    tcase_add_test(tcase, a_key_made_by_a_destructor_is_destroyed_too);
    tcase_add_test(tcase, a_new_key_is_null_in_every_thread_though_its_slot_was_used);
    tcase_add_test(tcase, the_destructor_of_a_deleted_key_does_not_run);
    tcase_add_test(tcase, a_slot_is_reused_any_number_of_times);
    tcase_add_test(tcase, a_deleted_key_does_not_come_back);
    tcase_add_test(tcase, keys_made_at_the_same_time_are_different_keys);
    tcase_add_test(tcase, a_thread_with_the_least_stack_may_use_every_key);
    tcase_add_test(tcase, thousands_of_threads_with_many_keys_leave_no_memory_behind);
    tcase_add_loop_test(tcase, destructors_of_the_main_thread_run_at_pthread_exit, 0, 2);
    tcase_add_test(tcase, destructors_do_not_run_at_exit);
    tcase_add_test(tcase, a_helper_thread_of_the_libc_runs_destructors_too);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(key_suite)
