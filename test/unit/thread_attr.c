/*
 * Thread attributes: each is kept as it was set, is what the thread then has, and is told of a
 * running thread by pthread_getattr_np; and a creation that fails because of one leaves nothing
 * behind.
 */
#include "unit.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <threads.h>
#include <sys/resource.h>

enum { PAGE = 4096 };

static pthread_attr_t new_attr(void)
{
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    return attr;
}

static void run(const pthread_attr_t *attr, void *(*routine)(void *), void *arg)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, attr, routine, arg), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void *do_nothing(void *arg)
{
    return arg;
}

/* Whether all of this memory can be read, or written, without touching what may crash. */
static bool is_accessible(char *from, size_t size)
{
    int ends[2];
    bool accessible = pipe(ends) == 0;
    for (size_t i = 0; i < size && accessible; i += PAGE - 1) {
        accessible = write(ends[1], from + i, 1) == 1;
        accessible = accessible && read(ends[0], from + i, 1) == 1;
    }
    close(ends[0]);
    close(ends[1]);
    return accessible;
}

static bool is_inaccessible(char *from, size_t size)
{
    int ends[2];
    bool inaccessible = pipe(ends) == 0 && write(ends[1], "", 1) == 1;
    for (size_t i = 0; i < size && inaccessible; i += PAGE / 2) {
        inaccessible = write(ends[1], from + i, 1) == -1 && errno == EFAULT;
        inaccessible = inaccessible && read(ends[0], from + i, 1) == -1 && errno == EFAULT;
    }
    close(ends[0]);
    close(ends[1]);
    return inaccessible;
}

/* The number of threads of the process that the kernel has. */
static int count_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void wait_until_alone(void)
{
    while (count_threads() > 1)
        sched_yield();
}

/* Bytes of address space. */
static long mapped_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages * PAGE;
}

/* Defaults. */

START_TEST(a_new_object_has_the_defaults)
{
    pthread_attr_t attr = new_attr();
    int value = -1;
    size_t size = 0;
    struct sched_param param = {.sched_priority = -1};
    ck_assert_int_eq(pthread_attr_getdetachstate(&attr, &value), 0);
    ck_assert_int_eq(value, PTHREAD_CREATE_JOINABLE);
    ck_assert_int_eq(pthread_attr_getinheritsched(&attr, &value), 0);
    ck_assert_int_eq(value, PTHREAD_INHERIT_SCHED);
    ck_assert_int_eq(pthread_attr_getschedpolicy(&attr, &value), 0);
    ck_assert_int_eq(value, SCHED_OTHER);
    ck_assert_int_eq(pthread_attr_getschedparam(&attr, &param), 0);
    ck_assert_int_eq(param.sched_priority, 0);
    ck_assert_int_eq(pthread_attr_getscope(&attr, &value), 0);
    ck_assert_int_eq(value, PTHREAD_SCOPE_SYSTEM);
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &size), 0);
    ck_assert_uint_ge(size, PTHREAD_STACK_MIN);
    ck_assert_uint_ge(size, 128 << 10);
    ck_assert_int_eq(pthread_attr_getguardsize(&attr, &size), 0);
    ck_assert_uint_ge(size, PAGE);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(any_number_of_threads_can_be_created_with_one_object)
{
    pthread_attr_t attr = new_attr();
    for (int i = 0; i < 100; i++)
        run(&attr, do_nothing, NULL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(an_object_can_be_initialised_again)
{
    pthread_attr_t attr = new_attr();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
        ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
        attr = new_attr();
        int state = -1;
        ck_assert_int_eq(pthread_attr_getdetachstate(&attr, &state), 0);
        ck_assert_int_eq(state, PTHREAD_CREATE_JOINABLE);
        run(&attr, do_nothing, NULL);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_destroyed_object_is_refused)
{
    /* Undefined by POSIX. */
    if (!unit_on_furwock_threads())
        unit_skip("undefined here");
    pthread_attr_t attr = new_attr();
    pthread_t thread;
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), EINVAL);
    ck_assert_int_eq(pthread_create(&thread, &attr, do_nothing, NULL), EINVAL);
    ck_assert_int_eq(pthread_setattr_default_np(&attr), EINVAL);
}
END_TEST

/* Settings. */

START_TEST(settings_are_kept)
{
    pthread_attr_t attr = new_attr();
    int value;
    size_t size;
    struct sched_param param = {.sched_priority = 17}, found;
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_RR), 0);
    ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), 0);
    ck_assert_int_eq(pthread_attr_setscope(&attr, PTHREAD_SCOPE_SYSTEM), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 123457), 0);
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, 4711), 0);

    ck_assert_int_eq(pthread_attr_getdetachstate(&attr, &value), 0);
    ck_assert_int_eq(value, PTHREAD_CREATE_DETACHED);
    ck_assert_int_eq(pthread_attr_getinheritsched(&attr, &value), 0);
    ck_assert_int_eq(value, PTHREAD_EXPLICIT_SCHED);
    ck_assert_int_eq(pthread_attr_getschedpolicy(&attr, &value), 0);
    ck_assert_int_eq(value, SCHED_RR);
    ck_assert_int_eq(pthread_attr_getschedparam(&attr, &found), 0);
    ck_assert_int_eq(found.sched_priority, 17);
    ck_assert_int_eq(pthread_attr_getscope(&attr, &value), 0);
    ck_assert_int_eq(value, PTHREAD_SCOPE_SYSTEM);
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &size), 0);
    ck_assert_uint_eq(size, 123457);
    ck_assert_int_eq(pthread_attr_getguardsize(&attr, &size), 0);
    ck_assert_uint_eq(size, 4711);

    /* And back. */
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_JOINABLE), 0);
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_INHERIT_SCHED), 0);
    ck_assert_int_eq(pthread_attr_getdetachstate(&attr, &value), 0);
    ck_assert_int_eq(value, PTHREAD_CREATE_JOINABLE);
    ck_assert_int_eq(pthread_attr_getinheritsched(&attr, &value), 0);
    ck_assert_int_eq(value, PTHREAD_INHERIT_SCHED);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(what_is_no_setting_returns_EINVAL_and_changes_nothing)
{
    const int bad[] = {-1, 2, 3, 100, INT_MAX, INT_MIN};
    pthread_attr_t attr = new_attr(), before;
    memcpy(&before, &attr, sizeof attr);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(pthread_attr_setdetachstate(&attr, bad[i]), EINVAL);
        ck_assert_int_eq(pthread_attr_setinheritsched(&attr, bad[i]), EINVAL);
        ck_assert_int_eq(pthread_attr_setscope(&attr, bad[i]), EINVAL);
    }
    ck_assert_int_eq(pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS), ENOTSUP);
    const int bad_policies[] = {-1, 4, 6, 7, 100, INT_MAX, INT_MIN, SCHED_FIFO | 0x40000000};
    for (int i = 0; i < 8; i++)
        ck_assert_msg(pthread_attr_setschedpolicy(&attr, bad_policies[i]) == EINVAL, "policy %d",
                      bad_policies[i]);
    const int bad_priorities[] = {-1, 100, INT_MAX, INT_MIN};
    for (int i = 0; i < 4; i++) {
        struct sched_param param = {.sched_priority = bad_priorities[i]};
        ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), EINVAL);
    }
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN - 1), EINVAL);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 0), EINVAL);
    ck_assert_int_eq(pthread_attr_setstack(&attr, &attr, PTHREAD_STACK_MIN - 1), EINVAL);
    ck_assert_int_eq(pthread_attr_setstack(&attr, &attr, 0), EINVAL);
    ck_assert_mem_eq(&attr, &before, sizeof attr);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(sizes_that_no_machine_has_return_EINVAL_and_change_nothing)
{
    /* glibc finds out when a thread is created. */
    if (!unit_on_furwock_threads())
        unit_skip("not looked at here");
    pthread_attr_t attr = new_attr(), before;
    memcpy(&before, &attr, sizeof attr);
    const size_t bad[] = {SIZE_MAX, SIZE_MAX - PAGE, SIZE_MAX / 2, SIZE_MAX / 4 + 1};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_attr_setstacksize(&attr, bad[i]), EINVAL);
        ck_assert_int_eq(pthread_attr_setguardsize(&attr, bad[i]), EINVAL);
        ck_assert_int_eq(pthread_attr_setstack(&attr, NULL, bad[i]), EINVAL);
    }
    char *high = (char *)(UINTPTR_MAX - PAGE);
    ck_assert_int_eq(pthread_attr_setstack(&attr, high, 64 << 10), EINVAL);
    ck_assert_mem_eq(&attr, &before, sizeof attr);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

/* Stacks. What a thread finds out about its own. */
struct found {
    char *stack, *frame;
    size_t size, guard;
    int error;
    bool usable, guarded;
};

/* Write one byte of each page of the stack below the frame, from the top as a program would. */
static __attribute__((noinline)) void use_stack(char *lowest)
{
    char volatile *p = (char volatile *)__builtin_frame_address(0) - 1024;
    for (; p > lowest + PAGE; p -= PAGE)
        *p = 1;
    *(char volatile *)lowest = 1;
}

static void *look_at_stack(void *arg)
{
    struct found *found = arg;
    pthread_attr_t attr;
    void *stack;
    found->frame = __builtin_frame_address(0);
    found->error = pthread_getattr_np(pthread_self(), &attr);
    if (found->error)
        return NULL;
    found->error += pthread_attr_getstack(&attr, &stack, &found->size);
    found->error += pthread_attr_getguardsize(&attr, &found->guard);
    found->error += pthread_attr_destroy(&attr);
    found->stack = stack;
    use_stack(found->stack);
    found->usable = is_accessible(found->stack, found->size);
    found->guarded = is_inaccessible(found->stack - found->guard, found->guard);
    return NULL;
}

static const size_t stack_sizes[] = {16 << 10,        16385,   64 << 10, 128 << 10,
                                     (128 << 10) + 1, 1 << 20, 8 << 20,  (24 << 20) - 1};
static const size_t guard_sizes[] = {0, 1, PAGE, PAGE + 1, 8 << 10, 1 << 20};
enum {
    STACK_SIZES = sizeof stack_sizes / sizeof stack_sizes[0],
    GUARD_SIZES = sizeof guard_sizes / sizeof guard_sizes[0],
};

static void expect_stack(const struct found *found, size_t stack_size, size_t guard_size)
{
    ck_assert_int_eq(found->error, 0);
    ck_assert(found->frame > found->stack && found->frame < found->stack + found->size);
    ck_assert(found->usable);
    ck_assert(found->guarded);
    /* libc defect: glibc takes the guard and the thread's own data out of the stack. */
    if (!unit_on_furwock_threads())
        return;
    ck_assert_uint_ge(found->size, stack_size);
    ck_assert_uint_ge(found->guard, guard_size);
    ck_assert_uint_eq(found->guard, (guard_size + PAGE - 1) / PAGE * PAGE);
    /* Hardly any of it is gone when the routine is called. */
    ck_assert_uint_lt(found->stack + found->size - found->frame, 512);
}

START_TEST(a_thread_has_the_stack_and_the_guard_it_was_created_with)
{
    size_t stack_size = stack_sizes[_i / GUARD_SIZES], guard_size = guard_sizes[_i % GUARD_SIZES];
    pthread_attr_t attr = new_attr();
    if (!unit_on_furwock_threads() && (stack_size < 32 << 10 || guard_size >= stack_size))
        unit_skip("libc defect: the guard is taken out of the stack");
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, stack_size), 0);
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, guard_size), 0);
    struct found found = {0};
    run(&attr, look_at_stack, &found);
    expect_stack(&found, stack_size, guard_size);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_thread_by_default_has_the_default_stack_and_guard)
{
    pthread_attr_t attr = new_attr();
    size_t stack_size, guard_size;
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &stack_size), 0);
    ck_assert_int_eq(pthread_attr_getguardsize(&attr, &guard_size), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    struct found found = {0};
    run(NULL, look_at_stack, &found);
    expect_stack(&found, stack_size, guard_size);
}
END_TEST

START_TEST(the_sizes_hold_whatever_threads_there_have_been_before)
{
    /* Memory is used again. */
    pthread_attr_t attr = new_attr();
    unsigned random = 1;
    for (int i = 0; i < 400; i++) {
        random = random * 1103515245 + 12345;
        size_t stack_size = (size_t)(8 + random / 65536 % 40) * (8 << 10);
        size_t guard_size = (size_t)(random / 1024 % 4) * PAGE;
        ck_assert_int_eq(pthread_attr_setstacksize(&attr, stack_size), 0);
        ck_assert_int_eq(pthread_attr_setguardsize(&attr, guard_size), 0);
        struct found found = {0};
        run(&attr, look_at_stack, &found);
        /* libc defect: glibc's guard of a stack used again may be smaller than it says. */
        if (unit_on_furwock_threads())
            expect_stack(&found, stack_size, guard_size);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(the_smallest_stack_runs_a_thread)
{
    pthread_attr_t attr = new_attr();
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN), 0);
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, 0), 0);
    for (int i = 0; i < 10; i++)
        run(&attr, do_nothing, NULL);
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, PAGE), 0);
    for (int i = 0; i < 10 && unit_on_furwock_threads(); i++)
        run(&attr, do_nothing, NULL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

static volatile int depth_reached;

static int overflow(int depth)
{
    char volatile frame[512];
    frame[0] = (char)depth;
    depth_reached = depth;
    if (depth < 0)
        return 0;
    return overflow(depth + 1) + frame[0];
}

static void *overflow_stack(void *unused)
{
    (void)unused;
    overflow(0);
    return NULL;
}

START_TEST(a_thread_that_overflows_its_stack_gets_SIGSEGV)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        pthread_create(&thread, NULL, overflow_stack, NULL);
        pthread_join(thread, NULL);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

/* A stack of the program's own, between two margins that nobody may touch. */
enum { MARGIN = 2 * PAGE, OWN = 128 << 10 };
static char own_memory[MARGIN + OWN + MARGIN] __attribute__((aligned(4096)));

static void expect_margins(size_t offset, size_t size)
{
    for (size_t i = 0; i < sizeof own_memory; i++)
        if (i < offset || i >= offset + size)
            ck_assert_msg(own_memory[i] == 0x5a, "byte %zu of %zu + %zu", i, offset, size);
}

START_TEST(a_thread_runs_on_the_stack_of_its_creator_and_touches_nothing_else)
{
    static const size_t offsets[] = {0, 16, 1, 7, 4095};
    size_t offset = MARGIN + offsets[_i], size = OWN - offsets[_i] - (_i == 3 ? 13 : 0);
    pthread_attr_t attr = new_attr();
    void *stack;
    size_t found_size;
    /* POSIX lets an implementation ask for alignment; neither libc nor Furwock does. */
    ck_assert_int_eq(pthread_attr_setstack(&attr, own_memory + offset, size), 0);
    ck_assert_int_eq(pthread_attr_getstack(&attr, &stack, &found_size), 0);
    ck_assert_ptr_eq(stack, own_memory + offset);
    ck_assert_uint_eq(found_size, size);
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &found_size), 0);
    ck_assert_uint_eq(found_size, size);
    for (int i = 0; i < 20; i++) {
        struct found found = {0};
        memset(own_memory, 0x5a, sizeof own_memory);
        run(&attr, look_at_stack, &found);
        expect_margins(offset, size);
        ck_assert_int_eq(found.error, 0);
        ck_assert_ptr_eq(found.stack, own_memory + offset);
        ck_assert_uint_eq(found.size, size);
        ck_assert(found.frame > own_memory + offset && found.frame < own_memory + offset + size);
        ck_assert_uint_eq(found.guard, 0);
        if (unit_on_furwock_threads())
            ck_assert_uint_lt(found.stack + found.size - found.frame, 512);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(setting_a_size_takes_back_the_stack)
{
    /* glibc lets one set the address by one function and the size by another. */
    if (!unit_on_furwock_threads())
        unit_skip("not so here");
    pthread_attr_t attr = new_attr();
    ck_assert_int_eq(pthread_attr_setstack(&attr, own_memory, sizeof own_memory), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 64 << 10), 0);
    struct found found = {0};
    run(&attr, look_at_stack, &found);
    ck_assert(found.frame < own_memory || found.frame >= own_memory + sizeof own_memory);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_stack_of_the_creator_may_be_unmapped_after_the_join)
{
    pthread_attr_t attr = new_attr();
    for (int i = 0; i < 1000; i++) {
        char *stack = mmap(NULL, OWN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(stack, MAP_FAILED);
        ck_assert_int_eq(pthread_attr_setstack(&attr, stack, OWN), 0);
        run(&attr, do_nothing, NULL);
        ck_assert_int_eq(munmap(stack, OWN), 0);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_stack_too_large_for_the_machine_returns_EAGAIN_and_leaves_nothing)
{
    pthread_attr_t attr = new_attr();
    pthread_t thread;
    run(NULL, do_nothing, NULL);
    long before = mapped_bytes();
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, (size_t)1 << 50), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(pthread_create(&thread, &attr, do_nothing, NULL), EAGAIN);
    ck_assert_int_le(mapped_bytes(), before + (1 << 20));
    ck_assert_int_eq(count_threads(), 1);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

/* Scheduling. */
struct scheduling {
    int policy, priority;
};

static void *look_at_scheduling(void *arg)
{
    struct scheduling *found = arg;
    struct sched_param param = {.sched_priority = -1};
    found->policy = (int)syscall(SYS_sched_getscheduler, 0);
    syscall(SYS_sched_getparam, 0, &param);
    found->priority = param.sched_priority;
    return NULL;
}

static bool may_be_real_time(void)
{
    struct sched_param param = {.sched_priority = 20}, none = {0};
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) != 0)
        return false;
    ck_assert_int_eq(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none), 0);
    return true;
}

static void set_scheduling(pthread_attr_t *attr, int inherit, int policy, int priority)
{
    struct sched_param param = {.sched_priority = priority};
    ck_assert_int_eq(pthread_attr_setinheritsched(attr, inherit), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(attr, policy), 0);
    ck_assert_int_eq(pthread_attr_setschedparam(attr, &param), 0);
}

START_TEST(explicit_scheduling_is_what_the_thread_starts_with)
{
    static const struct scheduling wanted[] = {
        {SCHED_FIFO, 1},  {SCHED_FIFO, 99}, {SCHED_RR, 1},   {SCHED_RR, 50},
        {SCHED_OTHER, 0}, {SCHED_BATCH, 0}, {SCHED_IDLE, 0},
    };
    if (!may_be_real_time())
        unit_skip("no real-time priorities");
    for (int i = 0; i < 7; i++) {
        /* glibc has the three of POSIX. */
        if (wanted[i].policy > SCHED_RR && !unit_on_furwock_threads())
            continue;
        pthread_attr_t attr = new_attr();
        set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, wanted[i].policy, wanted[i].priority);
        struct scheduling found;
        run(&attr, look_at_scheduling, &found);
        ck_assert_int_eq(found.policy, wanted[i].policy);
        ck_assert_int_eq(found.priority, wanted[i].priority);
        ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    }
    struct scheduling own;
    look_at_scheduling(&own);
    ck_assert_int_eq(own.policy, SCHED_OTHER);
}
END_TEST

START_TEST(inherited_scheduling_is_that_of_the_creator_whatever_the_attributes_say)
{
    if (!may_be_real_time())
        unit_skip("no real-time priorities");
    pthread_attr_t attr = new_attr();
    struct sched_param param = {.sched_priority = 20};
    struct scheduling found;
    set_scheduling(&attr, PTHREAD_INHERIT_SCHED, SCHED_RR, 30);
    run(&attr, look_at_scheduling, &found);
    ck_assert_int_eq(found.policy, SCHED_OTHER);
    ck_assert_int_eq(found.priority, 0);
    ck_assert_int_eq(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param), 0);
    run(&attr, look_at_scheduling, &found);
    ck_assert_int_eq(found.policy, SCHED_FIFO);
    ck_assert_int_eq(found.priority, 20);
    run(NULL, look_at_scheduling, &found);
    ck_assert_int_eq(found.policy, SCHED_FIFO);
    ck_assert_int_eq(found.priority, 20);
    /* And from there to none. */
    set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, SCHED_OTHER, 0);
    run(&attr, look_at_scheduling, &found);
    ck_assert_int_eq(found.policy, SCHED_OTHER);
    ck_assert_int_eq(found.priority, 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

static atomic_int ran;

static void *count_run(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ran, 1);
    return NULL;
}

/* A creation that fails again and again: no thread runs or stays, no memory is lost. */
static void expect_failure(const pthread_attr_t *attr, int error)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, attr, count_run, NULL), error);
    wait_until_alone();
    run(NULL, do_nothing, NULL);
    wait_until_alone();
    long before = mapped_bytes();
    sigset_t mask, mask_after;
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(pthread_create(&thread, attr, count_run, NULL), error);
    wait_until_alone();
    ck_assert_int_eq(atomic_load(&ran), 0);
    ck_assert_int_le(mapped_bytes(), before + (2 << 20));
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask_after), 0);
    for (int signal = 1; signal < 32; signal++)
        ck_assert_int_eq(sigismember(&mask, signal), sigismember(&mask_after, signal));
    /* Nothing stands in the way of the next. */
    run(NULL, count_run, NULL);
    ck_assert_int_eq(atomic_load(&ran), 1);
}

static void become_nobody(void)
{
    struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_RTPRIO, &none), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(setgid(65534), 0);
        ck_assert_int_eq(setuid(65534), 0);
    }
}

START_TEST(scheduling_that_is_not_permitted_returns_EPERM_and_leaves_nothing)
{
    pthread_attr_t attr = new_attr();
    become_nobody();
    set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, _i == 0 ? SCHED_FIFO : SCHED_RR, 10);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, _i == 0 ? PTHREAD_CREATE_JOINABLE
                                                                : PTHREAD_CREATE_DETACHED),
                     0);
    expect_failure(&attr, EPERM);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_priority_that_is_none_of_the_policy_returns_EINVAL_and_leaves_nothing)
{
    pthread_attr_t attr = new_attr();
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_FIFO), 0);
    struct sched_param param = {.sched_priority = 10};
    if (_i == 1) {
        ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), 0);
        ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_OTHER), 0);
    }
    expect_failure(&attr, EINVAL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(policy_and_priority_may_be_set_in_either_order)
{
    /* libc defect: glibc looks at the priority with the policy of the moment. */
    if (!unit_on_furwock_threads())
        unit_skip("the policy must come first");
    pthread_attr_t attr = new_attr();
    struct sched_param param = {.sched_priority = 50};
    ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_FIFO), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

/* Processors. */

static int first_of(const cpu_set_t *cpus)
{
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, cpus))
            return i;
    return -1;
}

static void *look_at_processors(void *arg)
{
    syscall(SYS_sched_getaffinity, 0, sizeof(cpu_set_t), arg);
    return NULL;
}

START_TEST(the_processors_are_what_the_thread_starts_with)
{
    cpu_set_t all, wanted, found;
    pthread_attr_t attr = new_attr();
    CPU_ZERO(&all);
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&wanted);
        CPU_SET(cpu, &wanted);
        ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof wanted, &wanted), 0);
        CPU_ZERO(&found);
        ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, sizeof found, &found), 0);
        ck_assert(CPU_EQUAL(&found, &wanted));
        CPU_ZERO(&found);
        run(&attr, look_at_processors, &found);
        ck_assert(CPU_EQUAL(&found, &wanted));
    }
    /* The creator's own are as before, and a thread without the attribute has them. */
    CPU_ZERO(&found);
    run(NULL, look_at_processors, &found);
    ck_assert(CPU_EQUAL(&found, &all));
    const cpu_set_t *volatile none = NULL;
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, 0, none), 0);
    CPU_ZERO(&found);
    run(&attr, look_at_processors, &found);
    ck_assert(CPU_EQUAL(&found, &all));
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(without_processors_all_are_told)
{
    pthread_attr_t attr = new_attr();
    cpu_set_t found;
    CPU_ZERO(&found);
    ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, sizeof found, &found), 0);
    for (size_t i = 0; i < sizeof found; i++)
        ck_assert_uint_eq(((unsigned char *)&found)[i], 0xff);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_set_of_processors_may_have_any_size)
{
    pthread_attr_t attr = new_attr();
    unsigned char set[256], found[512];
    memset(set, 0, sizeof set);
    set[0] = 1;
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof set, (cpu_set_t *)set), 0);
    /* The object has a copy. */
    set[0] = 0;
    for (size_t size = 8; size <= sizeof found; size *= 2) {
        memset(found, 0xff, sizeof found);
        ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, size, (cpu_set_t *)found), 0);
        for (size_t i = 0; i < sizeof found; i++)
            ck_assert_int_eq(found[i], i >= size ? 0xff : i == 0);
    }
    /* What does not fit is not left out. */
    set[200] = 1;
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof set, (cpu_set_t *)set), 0);
    memset(found, 0x5a, sizeof found);
    ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, 128, (cpu_set_t *)found), EINVAL);
    ck_assert_int_eq(pthread_attr_getaffinity_np(&attr, 256, (cpu_set_t *)found), 0);
    ck_assert_mem_eq(found, set, sizeof set);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(processors_that_are_not_there_return_EINVAL_and_leave_nothing)
{
    pthread_attr_t attr = new_attr();
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (_i == 1)
        CPU_SET(CPU_SETSIZE - 1, &cpus);
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof cpus, &cpus), 0);
    expect_failure(&attr, EINVAL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(processors_and_scheduling_go_together)
{
    if (!may_be_real_time())
        unit_skip("no real-time priorities");
    cpu_set_t cpus, wanted, found;
    struct scheduling scheduling;
    pthread_attr_t attr = new_attr();
    CPU_ZERO(&cpus);
    ck_assert_int_eq(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    CPU_ZERO(&wanted);
    CPU_SET(first_of(&cpus), &wanted);
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof wanted, &wanted), 0);
    set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, SCHED_RR, 3);
    for (int i = 0; i < 100; i++) {
        CPU_ZERO(&found);
        run(&attr, look_at_processors, &found);
        ck_assert(CPU_EQUAL(&found, &wanted));
        run(&attr, look_at_scheduling, &scheduling);
        ck_assert_int_eq(scheduling.policy, SCHED_RR);
        ck_assert_int_eq(scheduling.priority, 3);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

/* Signal masks. */

static bool is_for_programs(int signal)
{
    return signal < 32 || signal >= SIGRTMIN;
}

static void expect_mask(const sigset_t *found, const sigset_t *wanted)
{
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (is_for_programs(signal) && signal != SIGKILL && signal != SIGSTOP)
            ck_assert_msg(sigismember(found, signal) == sigismember(wanted, signal), "signal %d",
                          signal);
}

static void *look_at_mask(void *arg)
{
    pthread_sigmask(SIG_SETMASK, NULL, arg);
    return NULL;
}

START_TEST(the_signal_mask_is_what_the_thread_starts_with)
{
    pthread_attr_t attr = new_attr();
    sigset_t wanted, own, found;
    sigemptyset(&own);
    sigaddset(&own, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &own, NULL), 0);
    for (int i = 0; i < 3; i++) {
        sigemptyset(&wanted);
        if (i == 1)
            sigaddset(&wanted, SIGRTMAX);
        if (i == 2)
            sigfillset(&wanted);
        ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, &wanted), 0);
        ck_assert_int_eq(pthread_attr_getsigmask_np(&attr, &found), 0);
        expect_mask(&found, &wanted);
        run(&attr, look_at_mask, &found);
        expect_mask(&found, &wanted);
        ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &found), 0);
        expect_mask(&found, &own);
    }
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(a_signal_mask_can_be_unset)
{
    pthread_attr_t attr = new_attr();
    sigset_t mask, own, found;
    ck_assert_int_eq(pthread_attr_getsigmask_np(&attr, &found), PTHREAD_ATTR_NO_SIGMASK_NP);
    sigfillset(&mask);
    ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, &mask), 0);
    ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, NULL), 0);
    memset(&found, 0xff, sizeof found);
    ck_assert_int_eq(pthread_attr_getsigmask_np(&attr, &found), PTHREAD_ATTR_NO_SIGMASK_NP);
    sigemptyset(&mask);
    expect_mask(&found, &mask);
    sigemptyset(&own);
    sigaddset(&own, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &own, NULL), 0);
    run(&attr, look_at_mask, &found);
    expect_mask(&found, &own);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

static atomic_int handled;

static void count_handled(int signal)
{
    (void)signal;
    atomic_fetch_add(&handled, 1);
}

static void *look_for_pending(void *arg)
{
    atomic_int *go = arg;
    sigset_t pending;
    unit_wait_for(go, 1);
    sigpending(&pending);
    return (void *)(intptr_t)sigismember(&pending, SIGUSR1);
}

START_TEST(a_signal_blocked_by_the_attribute_does_not_come_through_at_the_start)
{
    pthread_attr_t attr = new_attr();
    sigset_t mask;
    signal(SIGUSR1, count_handled);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    ck_assert_int_eq(pthread_attr_setsigmask_np(&attr, &mask), 0);
    for (int i = 0; i < 500; i++) {
        atomic_int go = 0;
        pthread_t thread;
        void *pending = NULL;
        ck_assert_int_eq(pthread_create(&thread, &attr, look_for_pending, &go), 0);
        ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
        atomic_store(&go, 1);
        ck_assert_int_eq(pthread_join(thread, &pending), 0);
        ck_assert_int_eq((intptr_t)pending, 1);
    }
    ck_assert_int_eq(atomic_load(&handled), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

/* pthread_getattr_np. */

static atomic_int may_end;

static void *wait_until_may_end(void *arg)
{
    if (arg)
        look_at_stack(arg);
    unit_wait_for(&may_end, 1);
    return NULL;
}

START_TEST(the_attributes_of_another_thread_are_told)
{
    pthread_attr_t attr = new_attr(), told;
    pthread_t thread;
    cpu_set_t all, cpus, found_cpus;
    size_t size, guard;
    void *stack;
    int value;
    struct sched_param param;
    bool real_time = may_be_real_time();
    CPU_ZERO(&all);
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&cpus);
    CPU_SET(first_of(&all), &cpus);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 256 << 10), 0);
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, 3 * PAGE), 0);
    ck_assert_int_eq(
        pthread_attr_setdetachstate(&attr, _i ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE),
        0);
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof cpus, &cpus), 0);
    if (real_time)
        set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, SCHED_RR, 7);
    static struct found found;
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_until_may_end, &found), 0);

    ck_assert_int_eq(pthread_getattr_np(thread, &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert_int_eq(pthread_attr_getguardsize(&told, &guard), 0);
    ck_assert_uint_eq(guard, 3 * PAGE);
    ck_assert(is_accessible(stack, size));
    ck_assert(is_inaccessible((char *)stack - guard, guard));
    ck_assert_int_eq(pthread_attr_getdetachstate(&told, &value), 0);
    ck_assert_int_eq(value, _i ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
    if (real_time) {
        ck_assert_int_eq(pthread_attr_getschedpolicy(&told, &value), 0);
        ck_assert_int_eq(value, SCHED_RR);
        ck_assert_int_eq(pthread_attr_getschedparam(&told, &param), 0);
        ck_assert_int_eq(param.sched_priority, 7);
    }
    CPU_ZERO(&found_cpus);
    ck_assert_int_eq(pthread_attr_getaffinity_np(&told, sizeof found_cpus, &found_cpus), 0);
    ck_assert(CPU_EQUAL(&found_cpus, &cpus));
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);

    if (_i == 0) {
        ck_assert_int_eq(pthread_detach(thread), 0);
        ck_assert_int_eq(pthread_getattr_np(thread, &told), 0);
        ck_assert_int_eq(pthread_attr_getdetachstate(&told, &value), 0);
        ck_assert_int_eq(value, PTHREAD_CREATE_DETACHED);
        ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    }
    atomic_store(&may_end, 1);
    wait_until_alone();
    /* What it found out itself is the same. */
    ck_assert_ptr_eq(found.stack, stack);
    ck_assert_uint_eq(found.size, size);
    ck_assert_uint_eq(found.guard, guard);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(what_is_told_can_create_a_thread_like_it)
{
    pthread_attr_t attr = new_attr(), told;
    pthread_t thread;
    struct found found = {0};
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 192 << 10), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_until_may_end, NULL), 0);
    ck_assert_int_eq(pthread_getattr_np(thread, &told), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&told, 192 << 10), 0);
    atomic_store(&may_end, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    /* glibc keeps the address that was told. */
    if (unit_on_furwock_threads()) {
        run(&told, look_at_stack, &found);
        expect_stack(&found, 192 << 10, found.guard);
    }
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(the_attributes_of_an_ended_thread_are_told)
{
    pthread_attr_t told;
    pthread_t thread;
    void *stack;
    size_t size;
    int value;
    ck_assert_int_eq(pthread_create(&thread, NULL, do_nothing, NULL), 0);
    wait_until_alone();
    /* libc defect: glibc fails where it asks for the processors. */
    if (!unit_on_furwock_threads())
        unit_skip("fails here");
    ck_assert_int_eq(pthread_getattr_np(thread, &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert(is_accessible(stack, size));
    ck_assert_int_eq(pthread_attr_getdetachstate(&told, &value), 0);
    ck_assert_int_eq(value, PTHREAD_CREATE_JOINABLE);
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* The initial thread's, or that of the thread that called fork: they are the same here. */
static void expect_initial_stack(size_t limit)
{
    pthread_attr_t told;
    void *stack;
    size_t size;
    int value;
    char *frame = __builtin_frame_address(0);
    ck_assert_int_eq(pthread_getattr_np(pthread_self(), &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert(frame > (char *)stack && frame < (char *)stack + size);
    ck_assert_uint_le(size, limit);
    ck_assert_uint_ge(size, limit - limit / 4);
    ck_assert_int_eq(pthread_attr_getdetachstate(&told, &value), 0);
    ck_assert_int_eq(value, PTHREAD_CREATE_JOINABLE);
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    /* All of it is there, if the program goes that far. */
    use_stack(stack);
}

START_TEST(the_stack_of_the_initial_thread_is_told)
{
    static const size_t limits[] = {8 << 20, 4 << 20, 2 << 20, 5000 << 10};
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
    limit.rlim_cur = limits[_i];
    if (limit.rlim_max < limit.rlim_cur || setrlimit(RLIMIT_STACK, &limit) != 0)
        unit_skip("no such limit");
    expect_initial_stack(limits[_i]);
}
END_TEST

START_TEST(the_stack_of_the_initial_thread_is_told_where_the_environment_is_large)
{
    /* It lies above the stack and counts as part of it. */
    char *variable = malloc(100001);
    ck_assert_ptr_nonnull(variable);
    if (!getenv("UNIT_LARGE_ENVIRONMENT")) {
        memset(variable, 'x', 100000);
        variable[100000] = 0;
        pid_t pid = unit_fork();
        if (pid == 0) {
            setenv("UNIT_LARGE_ENVIRONMENT", "1", 1);
            setenv("CK_RUN_CASE", "environment", 1);
            for (char name[] = "UNIT_LARGE_A"; name[11] < 'F'; name[11]++)
                setenv(name, variable, 1);
            execl("/proc/self/exe", "thread_attr", (char *)NULL);
            _exit(1);
        }
        unit_reap(pid);
        return;
    }
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
    limit.rlim_cur = 4 << 20;
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
    expect_initial_stack(4 << 20);
}
END_TEST

static void *look_at_initial(void *arg)
{
    pthread_attr_t told;
    void *stack = NULL;
    size_t size;
    if (pthread_getattr_np(*(pthread_t *)arg, &told) == 0)
        pthread_attr_getstack(&told, &stack, &size);
    pthread_attr_destroy(&told);
    return stack;
}

START_TEST(the_stack_of_the_initial_thread_is_told_to_others)
{
    pthread_attr_t told;
    pthread_t self = pthread_self(), thread;
    void *stack, *told_elsewhere;
    size_t size;
    ck_assert_int_eq(pthread_getattr_np(self, &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, look_at_initial, &self), 0);
    ck_assert_int_eq(pthread_join(thread, &told_elsewhere), 0);
    ck_assert_ptr_eq(told_elsewhere, stack);
}
END_TEST

/* Default attributes. */

START_TEST(default_attributes_are_those_of_threads_without_any)
{
    pthread_attr_t attr, got;
    size_t size;
    int value;
    ck_assert_int_eq(pthread_getattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 777 << 10), 0);
    ck_assert_int_eq(pthread_attr_setguardsize(&attr, 5 * PAGE), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);

    ck_assert_int_eq(pthread_getattr_default_np(&got), 0);
    ck_assert_int_eq(pthread_attr_getstacksize(&got, &size), 0);
    ck_assert_uint_eq(size, 777 << 10);
    ck_assert_int_eq(pthread_attr_getguardsize(&got, &size), 0);
    ck_assert_uint_eq(size, 5 * PAGE);
    ck_assert_int_eq(pthread_attr_getdetachstate(&got, &value), 0);
    ck_assert_int_eq(value, PTHREAD_CREATE_JOINABLE);
    ck_assert_int_eq(pthread_attr_destroy(&got), 0);

    struct found found = {0};
    run(NULL, look_at_stack, &found);
    ck_assert_uint_eq(found.guard, 5 * PAGE);
    expect_stack(&found, 777 << 10, 5 * PAGE);

    /* New objects begin with that size. */
    attr = new_attr();
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &size), 0);
    ck_assert_uint_eq(size, 777 << 10);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(default_processors_and_scheduling_are_those_of_threads_without_any)
{
    if (!may_be_real_time())
        unit_skip("no real-time priorities");
    pthread_attr_t attr;
    cpu_set_t cpus, wanted, found;
    struct scheduling scheduling;
    CPU_ZERO(&cpus);
    ck_assert_int_eq(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    CPU_ZERO(&wanted);
    CPU_SET(first_of(&cpus), &wanted);
    ck_assert_int_eq(pthread_getattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof wanted, &wanted), 0);
    set_scheduling(&attr, PTHREAD_EXPLICIT_SCHED, SCHED_FIFO, 4);
    ck_assert_int_eq(pthread_setattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    CPU_ZERO(&found);
    run(NULL, look_at_processors, &found);
    ck_assert(CPU_EQUAL(&found, &wanted));
    run(NULL, look_at_scheduling, &scheduling);
    ck_assert_int_eq(scheduling.policy, SCHED_FIFO);
    ck_assert_int_eq(scheduling.priority, 4);
}
END_TEST

static int give_status(void *arg)
{
    (void)arg;
    unit_wait_for(&may_end, 1);
    return 0;
}

START_TEST(default_detachment_is_that_of_threads_without_attributes)
{
    pthread_attr_t attr;
    pthread_t thread;
    thrd_t c11_thread;
    ck_assert_int_eq(pthread_getattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_until_may_end, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), EINVAL);
    ck_assert_int_eq(thrd_create(&c11_thread, give_status, NULL), thrd_success);
    ck_assert_int_eq(thrd_join(c11_thread, NULL), thrd_error);
    atomic_store(&may_end, 1);
    wait_until_alone();
    /* New objects are joinable all the same. */
    attr = new_attr();
    int state;
    ck_assert_int_eq(pthread_attr_getdetachstate(&attr, &state), 0);
    ck_assert_int_eq(state, PTHREAD_CREATE_JOINABLE);
    run(&attr, do_nothing, NULL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

START_TEST(default_attributes_with_a_stack_are_refused)
{
    pthread_attr_t attr = new_attr();
    size_t size;
    ck_assert_int_eq(pthread_attr_setstack(&attr, own_memory, sizeof own_memory), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&attr), EINVAL);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_getattr_default_np(&attr), 0);
    ck_assert_int_eq(pthread_attr_getstacksize(&attr, &size), 0);
    ck_assert_uint_ne(size, sizeof own_memory);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    run(NULL, do_nothing, NULL);
}
END_TEST

static Suite *thread_attr_suite(void)
{
    Suite *suite = suite_create("thread_attr");
    TCase *tcase = tcase_create("thread_attr");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, a_new_object_has_the_defaults);
    tcase_add_test(tcase, any_number_of_threads_can_be_created_with_one_object);
    tcase_add_test(tcase, an_object_can_be_initialised_again);
    tcase_add_test(tcase, a_destroyed_object_is_refused);
    tcase_add_test(tcase, settings_are_kept);
    tcase_add_test(tcase, what_is_no_setting_returns_EINVAL_and_changes_nothing);
    tcase_add_test(tcase, sizes_that_no_machine_has_return_EINVAL_and_change_nothing);
    tcase_add_loop_test(tcase, a_thread_has_the_stack_and_the_guard_it_was_created_with, 0,
                        STACK_SIZES * GUARD_SIZES);
    tcase_add_test(tcase, a_thread_by_default_has_the_default_stack_and_guard);
    tcase_add_test(tcase, the_sizes_hold_whatever_threads_there_have_been_before);
    tcase_add_test(tcase, the_smallest_stack_runs_a_thread);
    tcase_add_test(tcase, a_thread_that_overflows_its_stack_gets_SIGSEGV);
    tcase_add_loop_test(tcase, a_thread_runs_on_the_stack_of_its_creator_and_touches_nothing_else,
                        0, 5);
    tcase_add_test(tcase, setting_a_size_takes_back_the_stack);
    tcase_add_test(tcase, a_stack_of_the_creator_may_be_unmapped_after_the_join);
    tcase_add_test(tcase, a_stack_too_large_for_the_machine_returns_EAGAIN_and_leaves_nothing);
    tcase_add_test(tcase, explicit_scheduling_is_what_the_thread_starts_with);
    tcase_add_test(tcase, inherited_scheduling_is_that_of_the_creator_whatever_the_attributes_say);
    tcase_add_loop_test(tcase, scheduling_that_is_not_permitted_returns_EPERM_and_leaves_nothing, 0,
                        2);
    tcase_add_loop_test(
        tcase, a_priority_that_is_none_of_the_policy_returns_EINVAL_and_leaves_nothing, 0, 2);
    tcase_add_test(tcase, policy_and_priority_may_be_set_in_either_order);
    tcase_add_test(tcase, the_processors_are_what_the_thread_starts_with);
    tcase_add_test(tcase, without_processors_all_are_told);
    tcase_add_test(tcase, a_set_of_processors_may_have_any_size);
    tcase_add_loop_test(tcase, processors_that_are_not_there_return_EINVAL_and_leave_nothing, 0, 2);
    tcase_add_test(tcase, processors_and_scheduling_go_together);
    tcase_add_test(tcase, the_signal_mask_is_what_the_thread_starts_with);
    tcase_add_test(tcase, a_signal_mask_can_be_unset);
    tcase_add_test(tcase, a_signal_blocked_by_the_attribute_does_not_come_through_at_the_start);
    tcase_add_loop_test(tcase, the_attributes_of_another_thread_are_told, 0, 2);
    tcase_add_test(tcase, what_is_told_can_create_a_thread_like_it);
    tcase_add_test(tcase, the_attributes_of_an_ended_thread_are_told);
    tcase_add_loop_test(tcase, the_stack_of_the_initial_thread_is_told, 0, 4);
    tcase_add_test(tcase, the_stack_of_the_initial_thread_is_told_to_others);
    tcase_add_test(tcase, default_attributes_are_those_of_threads_without_any);
    tcase_add_test(tcase, default_processors_and_scheduling_are_those_of_threads_without_any);
    tcase_add_test(tcase, default_detachment_is_that_of_threads_without_attributes);
    tcase_add_test(tcase, default_attributes_with_a_stack_are_refused);
    suite_add_tcase(suite, tcase);

    /* Which a test runs again in a process of its own. */
    TCase *environment = tcase_create("environment");
    tcase_set_timeout(environment, 30);
    tcase_add_test(environment,
                   the_stack_of_the_initial_thread_is_told_where_the_environment_is_large);
    suite_add_tcase(suite, environment);
    return suite;
}

UNIT_MAIN(thread_attr_suite)
