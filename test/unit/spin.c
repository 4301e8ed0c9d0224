/*
 * pthread_spinlock_t: one holder at a time, among threads and among processes, whose writes the
 * next holder sees; trylock that never waits; and no touch after the release.
 */
#include "unit.h"
#include <sched.h>

static const int sharing[] = {PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED};

START_TEST(a_held_lock_is_busy_and_a_free_one_is_not)
{
    pthread_spinlock_t lock;
    memset((void *)&lock, 0xff, sizeof lock);
    ck_assert_int_eq(pthread_spin_init(&lock, sharing[_i]), 0);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(pthread_spin_lock(&lock), 0);
        ck_assert_int_eq(pthread_spin_trylock(&lock), EBUSY);
        ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
        ck_assert_int_eq(pthread_spin_trylock(&lock), 0);
        ck_assert_int_eq(pthread_spin_trylock(&lock), EBUSY);
        ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    }
    ck_assert_int_eq(pthread_spin_destroy(&lock), 0);
    ck_assert_int_eq(pthread_spin_init(&lock, sharing[!_i]), 0);
    ck_assert_int_eq(pthread_spin_trylock(&lock), 0);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(pthread_spin_destroy(&lock), 0);
}
END_TEST

static int trylock(void *lock)
{
    return pthread_spin_trylock(lock);
}

static int unlock_after_trylock(void *lock)
{
    int error = pthread_spin_trylock(lock);
    return error != 0 ? error : pthread_spin_unlock(lock);
}

START_TEST(the_lock_holds_against_other_threads)
{
    pthread_spinlock_t lock;
    ck_assert_int_eq(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE), 0);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    ck_assert_int_eq(unit_elsewhere(trylock, (void *)&lock), EBUSY);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(unit_elsewhere(unlock_after_trylock, (void *)&lock), 0);
    ck_assert_int_eq(pthread_spin_trylock(&lock), 0);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(pthread_spin_destroy(&lock), 0);
}
END_TEST

/* Plain counters: two holders at once, or an unseen write, lose an increment. */
struct account {
    pthread_spinlock_t lock;
    long first, second;
};

static int add(struct account *account, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        /* Half of the acquisitions by trylock, yielding: on one CPU the holder must run. */
        if (i % 2 == 0) {
            if (pthread_spin_lock(&account->lock) != 0)
                return -1;
        } else {
            int error;
            while ((error = pthread_spin_trylock(&account->lock)) == EBUSY)
                sched_yield();
            if (error != 0)
                return -2;
        }
        long value = account->first++;
        if (account->second++ != value)
            return -3;
        if (pthread_spin_unlock(&account->lock) != 0)
            return -4;
    }
    return 0;
}

enum { ROUNDS = 20000 };

static int add_many(void *account)
{
    return add(account, ROUNDS);
}

START_TEST(one_thread_at_a_time)
{
    enum { THREADS = 3 };
    struct account account = {.first = 0};
    ck_assert_int_eq(pthread_spin_init(&account.lock, sharing[_i]), 0);
    struct unit_call call[THREADS];
    for (int i = 0; i < THREADS; i++)
        unit_start(&call[i], add_many, &account);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(unit_finish(&call[i]), 0);
    ck_assert_int_eq(account.first, THREADS * ROUNDS);
    ck_assert_int_eq(account.second, THREADS * ROUNDS);
    ck_assert_int_eq(pthread_spin_destroy(&account.lock), 0);
}
END_TEST

START_TEST(one_process_at_a_time_at_different_addresses)
{
    int fd = unit_memory(sizeof(struct account));
    struct account *account = unit_map(fd, sizeof *account);
    ck_assert_int_eq(pthread_spin_init(&account->lock, PTHREAD_PROCESS_SHARED), 0);
    pid_t child = unit_fork();
    if (child == 0) {
        struct account *mine = unit_map(fd, sizeof *mine);
        unit_child_assert(mine != account);
        munmap(account, sizeof *account);
        unit_child_assert(add(mine, ROUNDS) == 0);
        _exit(0);
    }
    ck_assert_int_eq(add(account, ROUNDS), 0);
    unit_reap(child);
    ck_assert_int_eq(account->first, 2 * ROUNDS);
    ck_assert_int_eq(account->second, 2 * ROUNDS);

    /* A lock held here is held there. */
    ck_assert_int_eq(pthread_spin_lock(&account->lock), 0);
    child = unit_fork();
    if (child == 0) {
        struct account *mine = unit_map(fd, sizeof *mine);
        unit_child_assert(pthread_spin_trylock(&mine->lock) == EBUSY);
        _exit(0);
    }
    unit_reap(child);
    ck_assert_int_eq(pthread_spin_unlock(&account->lock), 0);
    ck_assert_int_eq(pthread_spin_destroy(&account->lock), 0);
    close(fd);
}
END_TEST

#define PAGE 4096

struct handover {
    char *pages;
    int rounds;
    /* The page whose lock the other thread is about to spin on, counted from 1. */
    atomic_int at;
};

static int take_and_unmap(void *arg)
{
    struct handover *h = arg;
    for (int i = 0; i < h->rounds; i++) {
        char *page = h->pages + (size_t)i * PAGE;
        pthread_spinlock_t *lock = (void *)page;
        atomic_store(&h->at, i + 1);
        if (pthread_spin_lock(lock) != 0 || pthread_spin_unlock(lock) != 0 ||
            pthread_spin_destroy(lock) != 0 || munmap(page, PAGE) != 0)
            return -1;
    }
    return 0;
}

START_TEST(the_next_holder_may_destroy_and_unmap)
{
    struct handover h = {.rounds = 100};
    size_t size = (size_t)h.rounds * PAGE;
    h.pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(h.pages, MAP_FAILED);
    struct unit_call call;
    for (int i = 0; i < h.rounds; i++) {
        pthread_spinlock_t *lock = (void *)(h.pages + (size_t)i * PAGE);
        ck_assert_int_eq(pthread_spin_init(lock, PTHREAD_PROCESS_PRIVATE), 0);
        ck_assert_int_eq(pthread_spin_lock(lock), 0);
    }
    unit_start(&call, take_and_unmap, &h);
    for (int i = 0; i < h.rounds; i++) {
        pthread_spinlock_t *lock = (void *)(h.pages + (size_t)i * PAGE);
        while (atomic_load(&h.at) <= i)
            sched_yield();
        ck_assert_int_eq(pthread_spin_unlock(lock), 0);
    }
    ck_assert_int_eq(unit_finish(&call), 0);
    munmap(h.pages, size);
}
END_TEST

static Suite *spin_suite(void)
{
    Suite *suite = suite_create("spin");
    TCase *tcase = tcase_create("spin");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_held_lock_is_busy_and_a_free_one_is_not, 0, 2);
    tcase_add_test(tcase, the_lock_holds_against_other_threads);
    tcase_add_loop_test(tcase, one_thread_at_a_time, 0, 2);
    tcase_add_test(tcase, one_process_at_a_time_at_different_addresses);
    tcase_add_test(tcase, the_next_holder_may_destroy_and_unmap);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(spin_suite)
