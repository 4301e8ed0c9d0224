/* What the tests of the attributes of threads share. */
#ifndef FURWOCK_TEST_THREAD_ATTR_H
#define FURWOCK_TEST_THREAD_ATTR_H

#include "unit.h"

enum { PAGE = 4096 };

static inline pthread_attr_t new_attr(void)
{
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    return attr;
}

static inline void run(const pthread_attr_t *attr, void *(*routine)(void *), void *arg)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, attr, routine, arg), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static inline void *do_nothing(void *arg)
{
    return arg;
}

/* Whether all of this memory can be read, or written, without touching what may crash. */
static inline bool is_accessible(char *from, size_t size)
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

static inline bool is_inaccessible(char *from, size_t size)
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

/* Bytes of address space. */
static inline long mapped_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages * PAGE;
}

/* Stacks. What a thread finds out about its own. */
struct found {
    char *stack, *frame;
    size_t size, guard;
    int error;
    bool usable, guarded;
};

/* Write one byte of each page of the stack below the frame, from the top as a program would. */
static __attribute__((noinline, unused)) void use_stack(char *lowest)
{
    char volatile *p = (char volatile *)__builtin_frame_address(0) - 1024;
    for (; p > lowest + PAGE; p -= PAGE)
        *p = 1;
    *(char volatile *)lowest = 1;
}

static inline void *look_at_stack(void *arg)
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

static inline void expect_stack(const struct found *found, size_t stack_size, size_t guard_size)
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

/* Scheduling. */
struct scheduling {
    int policy, priority;
};

static inline void *look_at_scheduling(void *arg)
{
    struct scheduling *found = arg;
    struct sched_param param = {.sched_priority = -1};
    found->policy = (int)syscall(SYS_sched_getscheduler, 0);
    syscall(SYS_sched_getparam, 0, &param);
    found->priority = param.sched_priority;
    return NULL;
}

static inline bool may_be_real_time(void)
{
    struct sched_param param = {.sched_priority = 20}, none = {0};
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) != 0)
        return false;
    ck_assert_int_eq(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none), 0);
    return true;
}

static inline void set_scheduling(pthread_attr_t *attr, int inherit, int policy, int priority)
{
    struct sched_param param = {.sched_priority = priority};
    ck_assert_int_eq(pthread_attr_setinheritsched(attr, inherit), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(attr, policy), 0);
    ck_assert_int_eq(pthread_attr_setschedparam(attr, &param), 0);
}

/* Processors. */

static inline int first_of(const cpu_set_t *cpus)
{
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, cpus))
            return i;
    return -1;
}

static inline void *look_at_processors(void *arg)
{
    syscall(SYS_sched_getaffinity, 0, sizeof(cpu_set_t), arg);
    return NULL;
}

#endif
