/*
 * Many threads: at once, one after another, and more than there may be. Whatever their number,
 * nothing is left of them.
 *
 * The environment variable UNIT_TRIES says how many threads are created one after another; by
 * default it is a number that takes some seconds.
 */
#include "unit.h"
#include "usage.h"
#include <sched.h>
#include <dlfcn.h>
#include <threads.h>
#include <sys/resource.h>

enum { PAGE = 4096, MANY = 10000 };

static long tries(long otherwise)
{
    const char *wanted = getenv("UNIT_TRIES");
    return wanted ? atol(wanted) : otherwise;
}

static void *do_nothing(void *arg)
{
    return arg;
}

static sem_t gate;
static atomic_int started;

static void *wait_at_gate(void *arg)
{
    atomic_fetch_add(&started, 1);
    while (sem_wait(&gate) != 0)
        ;
    return arg;
}

static int wait_at_gate_c11(void *arg)
{
    wait_at_gate(arg);
    return 0;
}

static int give_nothing(void *unused)
{
    (void)unused;
    return 0;
}

static void open_gate(int n)
{
    for (int i = 0; i < n; i++)
        unit_child_assert(sem_post(&gate) == 0);
}

static pthread_t threads[MANY];

/* Create threads that stay until it fails; how many. */
static int create_until_failure(const pthread_attr_t *attr, int *error)
{
    int n = 0;
    while (n < MANY && (*error = pthread_create(&threads[n], attr, wait_at_gate, NULL)) == 0)
        n++;
    return n;
}

static void join_all(int n)
{
    open_gate(n);
    for (int i = 0; i < n; i++)
        unit_child_assert(pthread_join(threads[i], NULL) == 0);
    while (unit_threads() != 1)
        sched_yield();
}

/* Under a limit: it is met with EAGAIN, nothing is lost by it, and it is met again later. */
static void meet_limit(const pthread_attr_t *attr)
{
    int error = 0, first = create_until_failure(attr, &error);
    unit_child_assert(error == EAGAIN);
    unit_child_assert(first > 0 && first < MANY);
    struct usage before = usage();
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        thrd_t c11_thread;
        unit_child_assert(pthread_create(&thread, attr, do_nothing, NULL) == EAGAIN);
        if (!attr)
            unit_child_assert(thrd_create(&c11_thread, give_nothing, NULL) != thrd_success);
    }
    unit_child_assert(usage().mapped <= before.mapped);
    /* Those there are go on. */
    unit_wait_for(&started, first);
    join_all(first);
    atomic_store(&started, 0);
    /* What was in a cache may have been split up meanwhile. */
    int again = create_until_failure(attr, &error);
    unit_child_assert(error == EAGAIN);
    unit_child_assert(again >= first - 1);
    join_all(again);
    _exit(0);
}

/* What is asked for when a stack is mapped, and when all but its guard is made to be written. */
static const int resources[] = {RLIMIT_AS, RLIMIT_DATA};

/* No more of it than there is now, and so much. */
static void limit_to(int resource, size_t more)
{
    struct usage now = usage();
    rlim_t size = (rlim_t)(resource == RLIMIT_AS ? now.mapped : now.data) + more;
    struct rlimit limit = {size, size};
    unit_child_assert(setrlimit(resource, &limit) == 0);
}

START_TEST(creation_without_memory_returns_EAGAIN_and_leaves_nothing)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_attr_t attr;
        pthread_t thread;
        /* What libc does at the first of all threads is done. */
        unit_child_assert(pthread_create(&thread, NULL, do_nothing, NULL) == 0);
        unit_child_assert(pthread_join(thread, NULL) == 0);
        unit_child_assert(pthread_attr_init(&attr) == 0);
        unit_child_assert(pthread_attr_setstacksize(&attr, _i % 2 ? 1 << 20 : 3 << 20) == 0);
        unit_child_assert(sem_init(&gate, 0, 0) == 0);
        limit_to(resources[_i / 2], 100 << 20);
        meet_limit(&attr);
    }
    unit_reap(pid);
}
END_TEST

START_TEST(creation_has_the_memory_that_threads_of_other_sizes_have_left)
{
    /* libc defect: glibc keeps it for threads of the same size, and returns EAGAIN. */
    if (!unit_on_furwock_threads())
        unit_skip("what is kept is kept");
    pid_t pid = unit_fork();
    if (pid == 0) {
        enum { ENDED = 16 };
        pthread_attr_t attr;
        unit_child_assert(pthread_attr_init(&attr) == 0);
        unit_child_assert(pthread_attr_setstacksize(&attr, 1 << 20) == 0);
        unit_child_assert(sem_init(&gate, 0, 0) == 0);
        for (int i = 0; i < ENDED; i++)
            unit_child_assert(pthread_create(&threads[i], &attr, wait_at_gate, NULL) == 0);
        join_all(ENDED);
        limit_to(resources[_i], 1 << 20);
        unit_child_assert(pthread_attr_setstacksize(&attr, 8 << 20) == 0);
        unit_child_assert(pthread_create(&threads[0], &attr, do_nothing, NULL) == 0);
        unit_child_assert(pthread_join(threads[0], NULL) == 0);
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

START_TEST(creation_of_too_many_threads_returns_EAGAIN_and_leaves_nothing)
{
    if (geteuid() != 0)
        unit_skip("needs root");
    pid_t pid = unit_fork();
    if (pid == 0) {
        /* A user that has no other processes. */
        uid_t user = (uid_t)(1000000 + getpid());
        struct rlimit limit = {20, 20};
        unit_child_assert(sem_init(&gate, 0, 0) == 0);
        unit_child_assert(setrlimit(RLIMIT_NPROC, &limit) == 0);
        unit_child_assert(setgid(65534) == 0 && setuid(user) == 0);
        meet_limit(NULL);
    }
    unit_reap(pid);
}
END_TEST

START_TEST(thrd_create_says_that_there_is_no_memory)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        thrd_t thread;
        int result;
        unit_child_assert(sem_init(&gate, 0, 0) == 0);
        limit_to(RLIMIT_AS, 200 << 20);
        do
            result = thrd_create(&thread, wait_at_gate_c11, NULL);
        while (result == thrd_success);
        /* libc defect: glibc has no name for EAGAIN there. */
        unit_child_assert(result == (unit_on_furwock_threads() ? thrd_nomem : thrd_error));
        _exit(0);
    }
    unit_reap(pid);
}
END_TEST

static atomic_uintptr_t frames[MANY];

static void *tell_frame_and_wait(void *arg)
{
    intptr_t i = (intptr_t)arg;
    atomic_store(&frames[i], (uintptr_t)__builtin_frame_address(0));
    return wait_at_gate(arg);
}

static int compare(const void *a, const void *b)
{
    uintptr_t x = atomic_load((atomic_uintptr_t *)a), y = atomic_load((atomic_uintptr_t *)b);
    return (x > y) - (x < y);
}

START_TEST(ten_thousand_threads_live_at_once)
{
    pthread_attr_t attr;
    ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 64 << 10), 0);
    struct usage before = usage();
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], &attr, tell_frame_and_wait, (void *)(intptr_t)i), 0);
    unit_wait_for(&started, MANY);
    ck_assert_int_eq(unit_threads(), MANY + 1);
    open_gate(MANY);
    for (int i = 0; i < MANY; i++) {
        void *result;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_int_eq((intptr_t)result, i);
    }
    unit_wait_until_alone();
    /* Each had a stack of its own. */
    qsort(frames, MANY, sizeof frames[0], compare);
    for (int i = 1; i < MANY; i++)
        ck_assert_uint_ge(atomic_load(&frames[i]) - atomic_load(&frames[i - 1]), 64 << 10);
    /* No more is kept of them than a cache; what glibc has beyond it are its heaps. */
    if (unit_on_furwock_threads())
        ck_assert_int_le(usage().mapped, before.mapped + (33 << 20));
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

/* Ways to live and to end. */
static pthread_key_t keys[64];

static void *live(void *arg)
{
    int way = (int)(intptr_t)arg;
    if (way == 1)
        pthread_exit(arg);
    if (way == 2)
        for (int i = 0; i < 64; i++)
            pthread_setspecific(keys[i], arg);
    if (way == 3) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    if (way == 4)
        free(malloc(100));
    return arg;
}

static void expect_no_growth(const struct usage *before)
{
    struct usage now = usage();
    /* A page that has been used for the first time is not growth; a thread's stack would be. */
    ck_assert_msg(now.mapped <= before->mapped + (16 << 20), "%ld bytes mapped more",
                  now.mapped - before->mapped);
    ck_assert_msg(now.resident <= before->resident + (8 << 20), "%ld bytes resident more",
                  now.resident - before->resident);
}

START_TEST(threads_that_come_and_go_leave_nothing)
{
    pthread_t thread;
    struct usage before = {0};
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(pthread_key_create(&keys[i], NULL), 0);
    long n = tries(50000);
    for (long i = 0; i < n; i++) {
        /* The cancelled ones are slow with glibc. */
        intptr_t way = i % 50 == 3 ? 3 : i % 4 + (i % 4 == 3);
        ck_assert_int_eq(pthread_create(&thread, NULL, live, (void *)way), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        if (i == 1000)
            before = usage();
    }
    expect_no_growth(&before);
    unit_wait_until_alone();
}
END_TEST

START_TEST(threads_of_different_sizes_that_come_and_go_leave_nothing)
{
    pthread_attr_t attr;
    pthread_t some[16];
    struct usage before = {0};
    unsigned random = 1;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    long n = tries(10000) / 16;
    for (long i = 0; i < n; i++) {
        for (int j = 0; j < 16; j++) {
            random = random * 1103515245 + 12345;
            size_t size = (size_t)(random / 65536 % 64 + 8) << 13;
            ck_assert_int_eq(pthread_attr_setstacksize(&attr, size), 0);
            ck_assert_int_eq(pthread_attr_setguardsize(&attr, (random / 1024 % 3) * PAGE), 0);
            ck_assert_int_eq(pthread_create(&some[j], &attr, live, NULL), 0);
        }
        for (int j = 0; j < 16; j++)
            ck_assert_int_eq(pthread_join(some[j], NULL), 0);
        if (i == 100)
            before = usage();
    }
    /* A cache may have filled meanwhile. */
    before.mapped += 40 << 20;
    before.resident += 8 << 20;
    expect_no_growth(&before);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

static atomic_long ended;

static void *end_counted(void *arg)
{
    atomic_fetch_add(&ended, 1);
    return arg;
}

/* Up to so many run at a time; those that are at their end go while others come. */
START_TEST(detached_threads_that_come_and_go_leave_nothing)
{
    enum { AT_ONCE = 100 };
    pthread_attr_t attr;
    struct usage before = usage();
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    long n = tries(50000), peak = 0;
    for (long i = 0; i < n; i++) {
        pthread_t thread;
        /* libc defect: where it ends meanwhile glibc's pthread_detach may touch what is unmapped. */
        if (i % 2 || !unit_on_furwock_threads()) {
            ck_assert_int_eq(pthread_create(&thread, &attr, end_counted, NULL), 0);
        } else {
            ck_assert_int_eq(pthread_create(&thread, NULL, end_counted, NULL), 0);
            ck_assert_int_eq(pthread_detach(thread), 0);
        }
        while (i - atomic_load(&ended) > AT_ONCE)
            sched_yield();
        if (i % 1000 == 0) {
            int alive = unit_threads();
            peak = alive > peak ? alive : peak;
        }
    }
    while (atomic_load(&ended) < n)
        sched_yield();
    unit_wait_until_alone();
    ck_assert_msg(peak < 2000, "%ld threads were there at once", peak);
    before.mapped += 48 << 20;
    expect_no_growth(&before);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

static void *create_joined(void *arg)
{
    long n = *(long *)arg;
    for (long i = 0; i < n; i++) {
        pthread_t some[8];
        for (int j = 0; j < 8; j++)
            if (pthread_create(&some[j], NULL, end_counted, NULL) != 0)
                return NULL;
        for (int j = 0; j < 8; j++)
            if (pthread_join(some[j], NULL) != 0)
                return NULL;
    }
    return arg;
}

START_TEST(several_threads_create_at_once_and_nothing_is_left)
{
    pthread_t creators[4];
    long n = tries(20000) / 32;
    struct usage before = usage();
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&creators[i], NULL, create_joined, &n), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        ck_assert_int_eq(pthread_join(creators[i], &result), 0);
        ck_assert_ptr_eq(result, &n);
    }
    ck_assert_int_eq(atomic_load(&ended), 32 * n);
    unit_wait_until_alone();
    /* Eight stacks each, and glibc's heaps for malloc. */
    before.mapped += unit_on_furwock_threads() ? 32 << 20 : 512 << 20;
    expect_no_growth(&before);
}
END_TEST

/* An error that takes the memory of its name. */
static void *fail_to_find(void *name)
{
    dlsym(RTLD_DEFAULT, name);
    return NULL;
}

START_TEST(what_dlerror_would_have_told_a_thread_goes_with_it)
{
    static char name[64 << 10];
    struct usage before = {0};
    memset(name, 'x', sizeof name - 1);
    for (int i = 0; i < 1000; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, fail_to_find, name), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        if (i == 100)
            before = usage();
    }
    expect_no_growth(&before);
}
END_TEST

static Suite *thread_limits_suite(void)
{
    Suite *suite = suite_create("thread_limits");
    TCase *tcase = tcase_create("thread_limits");
    tcase_set_timeout(tcase, getenv("UNIT_TRIES") ? 1000 : 60);
    tcase_add_loop_test(tcase, creation_without_memory_returns_EAGAIN_and_leaves_nothing, 0, 4);
    tcase_add_loop_test(tcase, creation_has_the_memory_that_threads_of_other_sizes_have_left, 0, 2);
    tcase_add_test(tcase, creation_of_too_many_threads_returns_EAGAIN_and_leaves_nothing);
    tcase_add_test(tcase, thrd_create_says_that_there_is_no_memory);
    tcase_add_test(tcase, ten_thousand_threads_live_at_once);
    tcase_add_test(tcase, threads_that_come_and_go_leave_nothing);
    tcase_add_test(tcase, threads_of_different_sizes_that_come_and_go_leave_nothing);
    tcase_add_test(tcase, detached_threads_that_come_and_go_leave_nothing);
    tcase_add_test(tcase, several_threads_create_at_once_and_nothing_is_left);
    tcase_add_test(tcase, what_dlerror_would_have_told_a_thread_goes_with_it);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_limits_suite)
