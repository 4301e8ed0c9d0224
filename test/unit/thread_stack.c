/* What becomes of the stacks of threads that have ended: how much is kept, and for how long. */
#include "thread.h"
#include "usage.h"
#include <sys/resource.h>

enum { PAGE = 4096, MEBIBYTE = 1 << 20, BIG = 200 * MEBIBYTE };

/* The mappings of this process, each of which fork copies. */
static int mappings(void)
{
    int count = 0, c;
    FILE *file = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(file);
    while ((c = getc(file)) != EOF)
        count += c == '\n';
    fclose(file);
    return count;
}

static void make_attr(pthread_attr_t *attr, size_t stack_size, int detach_state)
{
    ck_assert_int_eq(pthread_attr_init(attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(attr, stack_size), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(attr, detach_state), 0);
}

/* The first thread that there is has libc do what it does once. */
static void create_the_first(void)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, give_back, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* Write to 100 MiB of it. */
static __attribute__((noinline)) void use_stack(void)
{
    char volatile *top = (char volatile *)__builtin_frame_address(0) - 1024;
    for (char volatile *p = top; p > top - BIG / 2; p -= PAGE)
        *p = 1;
}

/* When it is detached, or not at all. */
enum detachment { AT_BIRTH, BY_ITSELF, BY_ANOTHER, AFTER_ITS_END, NEVER, DETACHMENTS };

struct life {
    enum detachment detachment;
    struct gate gate;
};

static void *use_much(void *arg)
{
    struct life *life = arg;
    use_stack();
    if (life->detachment == BY_ITSELF)
        pthread_detach(pthread_self());
    return wait_at_gate(&life->gate);
}

/* Lives with a big stack, until the kernel has it no more. */
static pthread_t live_with_much(enum detachment detachment)
{
    struct life life = {.detachment = detachment};
    pthread_attr_t attr;
    pthread_t thread;
    make_attr(&attr, BIG,
              detachment == AT_BIRTH ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
    ck_assert_int_eq(sem_init(&life.gate.sem, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, use_much, &life), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    unit_wait_for(&life.gate.tid, 1);
    if (detachment == BY_ANOTHER)
        ck_assert_int_eq(pthread_detach(thread), 0);
    open_gate(&life.gate);
    wait_until_gone(&life.gate.tid);
    if (detachment == AFTER_ITS_END)
        ck_assert_int_eq(pthread_detach(thread), 0);
    return thread;
}

START_TEST(a_stack_too_big_to_be_kept_is_gone_when_the_thread_is)
{
    if (!unit_on_furwock_threads() && (_i == AFTER_ITS_END || _i == NEVER))
        unit_skip("the stack of a thread that is to be joined is kept");
    create_the_first();
    struct usage before = usage();
    pthread_t thread = live_with_much(_i);
    struct usage after = usage();
    /* libc's next thread unmaps what its last one has left. */
    if (unit_on_furwock_threads())
        ck_assert_int_le(after.mapped, before.mapped + 64 * 1024);
    ck_assert_int_le(after.resident, before.resident + 4 * MEBIBYTE);
    if (_i == NEVER)
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_le(usage().resident, before.resident + 4 * MEBIBYTE);
}
END_TEST

START_TEST(a_guard_too_big_to_be_kept_is_gone_when_the_thread_is)
{
    if (!unit_on_furwock_threads())
        unit_skip("the guard is part of the stack");
    pthread_attr_t attr;
    pthread_t thread;
    struct gate gate = {0};
    create_the_first();
    struct usage before = usage();
    make_attr(&attr, 2048, PTHREAD_CREATE_DETACHED);
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, BIG), 0);
    ck_assert_int_eq(sem_init(&gate.sem, 0, 1), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_at_gate, &gate), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    wait_until_gone(&gate.tid);
    ck_assert_int_le(usage().mapped, before.mapped + 64 * 1024);
}
END_TEST

START_TEST(the_programs_own_memory_is_there_when_a_thread_with_a_big_stack_has_ended)
{
    if (!unit_on_furwock_threads())
        unit_skip("a stack stays until the next thread ends");
    create_the_first();
    rlim_t size = (rlim_t)usage().mapped + BIG + 100 * MEBIBYTE;
    struct rlimit limit = {size, size};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    for (int i = 0; i < 3; i++) {
        live_with_much(AT_BIRTH);
        void *p = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(p, MAP_FAILED);
        ck_assert_int_eq(munmap(p, BIG), 0);
    }
}
END_TEST

static atomic_int ended;

static void *count_the_end(void *arg)
{
    atomic_fetch_add(&ended, 1);
    return arg;
}

/* 12 MiB each: one or two of them fit. */
START_TEST(of_detached_threads_that_end_at_once_no_more_is_kept_than_of_others)
{
    enum { THREADS = 16 };
    if (!unit_on_furwock_threads())
        unit_skip("glibc keeps 40 MiB, and what has ended later");
    pthread_attr_t attr;
    pthread_t thread;
    create_the_first();
    struct usage before = usage();
    make_attr(&attr, 12 * MEBIBYTE, PTHREAD_CREATE_DETACHED);
    for (int round = 1; round <= 100; round++) {
        for (int i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_create(&thread, &attr, count_the_end, NULL), 0);
        unit_wait_for(&ended, round * THREADS);
        unit_wait_until_alone();
        ck_assert_int_le(usage().mapped, before.mapped + 33 * MEBIBYTE);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(detachment_at_any_moment_of_the_end_leaves_no_big_stack)
{
    if (!unit_on_furwock_threads())
        unit_skip("a stack stays until the next thread ends");
    pthread_attr_t attr;
    create_the_first();
    struct usage before = usage();
    make_attr(&attr, BIG, PTHREAD_CREATE_JOINABLE);
    for (int i = 0; i < 1000; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, &attr, count_the_end, NULL), 0);
        unit_wait_for(&ended, i);
        for (int volatile wait = i % 250 * 16; wait > 0; wait--)
            ;
        ck_assert_int_eq(pthread_detach(thread), 0);
        unit_wait_until_alone();
        ck_assert_int_le(usage().mapped, before.mapped + MEBIBYTE);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(many_threads_that_have_ended_leave_few_mappings_for_fork_to_copy)
{
    enum { THREADS = 500 };
    static pthread_t threads[THREADS];
    static struct gate gate;
    create_the_first();
    int before = mappings();
    ck_assert_int_eq(sem_init(&gate.sem, 0, 0), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_at_gate, &gate), 0);
    for (int i = 0; i < THREADS; i++)
        open_gate(&gate);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    /* glibc's heaps are two each, of which there are 8 for each processor */
    if (unit_on_furwock_threads())
        ck_assert_int_le(mappings(), before + 2 * 32);
}
END_TEST

static Suite *thread_stack_suite(void)
{
    Suite *suite = suite_create("thread_stack");
    TCase *tcase = tcase_create("thread_stack");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_stack_too_big_to_be_kept_is_gone_when_the_thread_is, 0,
                        DETACHMENTS);
    tcase_add_test(tcase, a_guard_too_big_to_be_kept_is_gone_when_the_thread_is);
    tcase_add_test(tcase,
                   the_programs_own_memory_is_there_when_a_thread_with_a_big_stack_has_ended);
    tcase_add_test(tcase, of_detached_threads_that_end_at_once_no_more_is_kept_than_of_others);
    tcase_add_test(tcase, detachment_at_any_moment_of_the_end_leaves_no_big_stack);
    tcase_add_test(tcase, many_threads_that_have_ended_leave_few_mappings_for_fork_to_copy);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_stack_suite)
