/* What arch/README.md promises of each atomic operation, on the machine at hand. */
#include <arch_atomic.h>
#include <check.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* What the library keeps to itself. */
#ifdef ARCH_STARTS
#include <start.c>
#endif
#ifndef arch_ticks
#include <clock.c>
#endif

/* Words whose neighbours are looked at, too. */
static struct {
    uint32_t before, word, after, unused;
    uint64_t before64, word64, after64;
} w;
static const uint64_t big = 0x8765432112345678, other = 0x1122334455667788;

static void setup(void)
{
    w.before = w.after = 0xa5a5a5a5;
    w.before64 = w.after64 = 0xa5a5a5a5a5a5a5a5;
    w.word = 0x87654321;
    w.word64 = big;
}

/* As on a processor without what the library asks for when it is loaded. */
static void setup_plainest(void)
{
#ifdef ARCH_STARTS
    arch_lse = false;
#endif
    setup();
}

static void neighbours_are_as_they_were(void)
{
    ck_assert_uint_eq(w.before, 0xa5a5a5a5);
    ck_assert_uint_eq(w.after, 0xa5a5a5a5);
    ck_assert_uint_eq(w.before64, 0xa5a5a5a5a5a5a5a5);
    ck_assert_uint_eq(w.after64, 0xa5a5a5a5a5a5a5a5);
}

START_TEST(loads_and_stores_are_of_the_whole_word)
{
    ck_assert_uint_eq(arch_load_relaxed(&w.word), 0x87654321);
    ck_assert_uint_eq(arch_load_acquire(&w.word), 0x87654321);
    ck_assert_uint_eq(arch_load64_relaxed(&w.word64), big);
    ck_assert_uint_eq(arch_load64_acquire(&w.word64), big);
    arch_store_relaxed(&w.word, 0xfedcba98);
    ck_assert_uint_eq(w.word, 0xfedcba98);
    arch_store_release(&w.word, 0x89abcdef);
    ck_assert_uint_eq(w.word, 0x89abcdef);
    arch_store64_relaxed(&w.word64, other);
    ck_assert_uint_eq(w.word64, other);
    arch_store64_release(&w.word64, ~other);
    ck_assert_uint_eq(w.word64, ~other);
    void *pointer = NULL;
    arch_store_pointer(&pointer, &w);
    ck_assert_ptr_eq(arch_load_pointer(&pointer), &w);
}
END_TEST

START_TEST(compare_and_swap_stores_if_equal)
{
    uint32_t old = 0x87654321;
    ck_assert(arch_cas_fetch(&w.word, &old, 0xffffffff));
    ck_assert_uint_eq(old, 0x87654321);
    ck_assert_uint_eq(w.word, 0xffffffff);
    ck_assert(arch_cas(&w.word, 0xffffffff, 0x80000000));
    ck_assert(arch_cas_alone(&w.word, 0x80000000, 7));
    ck_assert_uint_eq(w.word, 7);
    uint64_t old64 = big;
    ck_assert(arch_cas64_fetch(&w.word64, &old64, other));
    ck_assert_uint_eq(old64, big);
    ck_assert(arch_cas64_alone(&w.word64, other, 1ull << 63));
    ck_assert_uint_eq(w.word64, 1ull << 63);
}
END_TEST

START_TEST(compare_and_swap_tells_what_it_found_otherwise)
{
    uint32_t old = 0x07654321;
    ck_assert(!arch_cas_fetch(&w.word, &old, 5));
    ck_assert_uint_eq(old, 0x87654321);
    ck_assert(!arch_cas(&w.word, 0x87654320, 5));
    ck_assert(!arch_cas_alone(&w.word, 0x87654320, 5));
    ck_assert_uint_eq(w.word, 0x87654321);
    /* halves alone are not enough */
    uint64_t old64 = (uint32_t)big;
    ck_assert(!arch_cas64_fetch(&w.word64, &old64, 5));
    ck_assert_uint_eq(old64, big);
    ck_assert(!arch_cas64_alone(&w.word64, big & ~0xffffffffull, 5));
    ck_assert(!arch_cas64_alone(&w.word64, (uint32_t)big, 5));
    ck_assert_uint_eq(w.word64, big);
}
END_TEST

START_TEST(exchange_and_addition_return_what_was_there)
{
    ck_assert_uint_eq(arch_exchange(&w.word, 0xffffffff), 0x87654321);
    ck_assert_uint_eq(arch_fetch_add(&w.word, 3), 0xffffffff);
    ck_assert_uint_eq(w.word, 2);
    ck_assert_uint_eq(arch_fetch_add(&w.word, -3u), 2);
    ck_assert_uint_eq(w.word, 0xffffffff);
    ck_assert_uint_eq(arch_exchange64(&w.word64, UINT64_MAX), big);
    ck_assert_uint_eq(arch_fetch_add64(&w.word64, 2), UINT64_MAX);
    ck_assert_uint_eq(w.word64, 1);
    ck_assert_uint_eq(arch_fetch_add64(&w.word64, 0xffffffffull), 1);
    ck_assert_uint_eq(w.word64, 1ull << 32);
}
END_TEST

/* Two threads at once. */

enum { ROUNDS = 200000 };
static uint32_t added, swapped, exchanged;
static uint64_t added64, swapped64, exchanged64;

static void *change(void *unused)
{
    uint64_t sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        arch_fetch_add(&added, 1);
        arch_fetch_add64(&added64, (1ull << 32) + 1);
        uint32_t old = arch_load_relaxed(&swapped);
        while (!arch_cas_fetch(&swapped, &old, old + 1))
            ;
        uint64_t old64 = arch_load64_relaxed(&swapped64);
        while (!arch_cas64_fetch(&swapped64, &old64, old64 + (1ull << 32) + 1))
            ;
        sum += arch_exchange(&exchanged, 1);
        sum += arch_exchange64(&exchanged64, 1ull << 32) >> 32;
    }
    (void)unused;
    return (void *)(uintptr_t)sum;
}

START_TEST(none_of_two_changes_is_lost)
{
    pthread_t thread;
    void *sum;
    ck_assert_int_eq(pthread_create(&thread, NULL, change, NULL), 0);
    uintptr_t mine = (uintptr_t)change(NULL);
    ck_assert_int_eq(pthread_join(thread, &sum), 0);
    ck_assert_uint_eq(added, 2 * ROUNDS);
    ck_assert_uint_eq(added64, 2 * ROUNDS * ((1ull << 32) + 1));
    ck_assert_uint_eq(swapped, 2 * ROUNDS);
    ck_assert_uint_eq(swapped64, 2 * ROUNDS * ((1ull << 32) + 1));
    /* of each word all exchanges but the first found what another had put there */
    ck_assert_uint_eq(mine + (uintptr_t)sum, 2 * (2 * ROUNDS - 1));
}
END_TEST

/* Orders. What is forbidden must not be seen; that it is not seen by luck nobody can tell. */

static uint32_t data, flag;

static void *publish(void *unused)
{
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        arch_store_relaxed(&data, i);
        arch_store_release(&flag, i);
    }
    return unused;
}

START_TEST(an_acquire_sees_what_a_release_published)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, publish, NULL), 0);
    uint32_t seen;
    do {
        seen = arch_load_acquire(&flag);
        ck_assert_uint_ge(arch_load_relaxed(&data), seen);
    } while (seen < ROUNDS);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* Each stores and then looks for the other's store: one of them at least sees it. */
static uint32_t stores[2][64], starts[2];
static uint32_t missed[2][ROUNDS / 10];
static bool fence_alone;

static void *store_and_look(void *number)
{
    int me = number != NULL;
    for (uint32_t i = 1; i < ROUNDS / 10; i++) {
        arch_store_release(&starts[me], i);
        while (arch_load_acquire(&starts[!me]) < i)
            arch_pause();
        if (fence_alone) {
            arch_store_relaxed(&stores[me][0], i);
            arch_fence();
        } else {
            arch_exchange(&stores[me][0], i);
            arch_fence_after_rmw();
        }
        missed[me][i] = arch_load_relaxed(&stores[!me][0]) < i;
    }
    return NULL;
}

START_TEST(a_fence_keeps_a_store_before_a_load)
{
    pthread_t thread;
    fence_alone = _i;
    ck_assert_int_eq(pthread_create(&thread, NULL, store_and_look, &data), 0);
    store_and_look(NULL);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    for (int i = 1; i < ROUNDS / 10; i++)
        ck_assert_msg(!(missed[0][i] && missed[1][i]), "in round %d", i);
}
END_TEST

/* A handler's changes are none that are lost. */
static uint32_t alone;
static uint64_t alone64;
static volatile uint32_t handled;

static void handle(int signal)
{
    (void)signal;
    ck_assert(arch_cas_alone(&alone, arch_load_relaxed(&alone), arch_load_relaxed(&alone) + 1));
    ck_assert(arch_cas64_alone(&alone64, arch_load64_relaxed(&alone64),
                               arch_load64_relaxed(&alone64) + (1ull << 32)));
    handled++;
}

START_TEST(what_is_changed_alone_is_whole_to_handlers)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct itimerspec often = {{0, 100000}, {0, 100000}};
    signal(SIGALRM, handle);
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    ck_assert_int_eq(timer_settime(timer, 0, &often, NULL), 0);
    uint32_t mine = 0;
    uint64_t mine64 = 0;
    while (handled < 500) {
        uint32_t now = arch_load_relaxed(&alone);
        mine += arch_cas_alone(&alone, now, now + 1);
        uint64_t now64 = arch_load64_relaxed(&alone64);
        mine64 += arch_cas64_alone(&alone64, now64, now64 + (1ull << 32));
    }
    ck_assert_int_eq(timer_delete(timer), 0);
    ck_assert_uint_eq(alone, mine + handled);
    ck_assert_uint_eq(alone64 >> 32, mine64 + handled);
}
END_TEST

START_TEST(the_clock_goes_on_and_never_back)
{
    struct timespec start, now;
    uint64_t first = arch_ticks(), last = first;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        uint64_t next = arch_ticks();
        ck_assert_uint_ge(next, last);
        last = next;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < 10000000);
    ck_assert_uint_gt(last, first);
}
END_TEST

static void add_tests(Suite *suite, const char *name, void (*prepare)(void))
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, prepare, neighbours_are_as_they_were);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, loads_and_stores_are_of_the_whole_word);
    tcase_add_test(tests, compare_and_swap_stores_if_equal);
    tcase_add_test(tests, compare_and_swap_tells_what_it_found_otherwise);
    tcase_add_test(tests, exchange_and_addition_return_what_was_there);
    tcase_add_test(tests, what_is_changed_alone_is_whole_to_handlers);
    tcase_add_test(tests, none_of_two_changes_is_lost);
    tcase_add_test(tests, an_acquire_sees_what_a_release_published);
    tcase_add_loop_test(tests, a_fence_keeps_a_store_before_a_load, 0, 2);
    tcase_add_test(tests, the_clock_goes_on_and_never_back);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    Suite *suite = suite_create("atomic");
    add_tests(suite, "as it is", setup);
#ifdef ARCH_STARTS
    add_tests(suite, "the plainest", setup_plainest);
#else
    (void)setup_plainest;
#endif
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
