/*
 * What POSIX.1-2024 says a function shall do, sentence by sentence, and a test of each. An
 * assertion has a number within its function and a paraphrase; its test runs in a process of its
 * own, passes by returning, and fails by any of Check's assertions, by a signal, or by not ending.
 * An assertion that no test can decide says why.
 */
#ifndef FURWOCK_TEST_CONFORM_H
#define FURWOCK_TEST_CONFORM_H

#include "unit.h"
#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <sys/time.h>

#define FAR_MS 60000 /* no test lasts until then */

struct conform_assertion {
    const char *function;
    int number;
    const char *text;
    const char *place;
    const void *address; /* the function's: null where libc has none; any for a macro */
    void (*test)(void);  /* null: untested, and then */
    const char *why;
    struct compat_record **record;
};

#define CONFORM_STRING_(x) #x
#define CONFORM_STRING(x) CONFORM_STRING_(x)
#define CONFORM_REGISTER(name, id, number, text, address, test, why)                               \
    static const struct conform_assertion conform_of_##id = {                                      \
        name,    number, text, __FILE__ ":" CONFORM_STRING(__LINE__),                              \
        address, test,   why,  &compat_record};                                                    \
    static const struct conform_assertion *const conform_at_##id                                   \
        __attribute__((used, section("assertions"))) = &conform_of_##id;

/* An assertion about a function, and its test: a function's body follows. */
#define ASSERTION(function, number, text)                                                          \
    static void conform_##function##_##number(void);                                               \
    CONFORM_REGISTER(#function, function##_##number, number, text, (const void *)function,         \
                     conform_##function##_##number, NULL)                                          \
    static void conform_##function##_##number(void)

/* The same about what is a macro or a type, or may be. */
#define ASSERTION_OF_NAME(name, number, text)                                                      \
    static void conform_##name##_##number(void);                                                   \
    CONFORM_REGISTER(#name, name##_##number, number, text, "", conform_##name##_##number, NULL)    \
    static void conform_##name##_##number(void)

#define UNTESTED(function, number, text, why)                                                      \
    CONFORM_REGISTER(#function, function##_##number, number, text, "", NULL, why)

/* Leave a test: what the assertion speaks of is an option that is not there, or a need of root. */
enum conform_status { CONFORM_PASSED = 3, CONFORM_UNSUPPORTED = 4 };

#define unsupported(...)                                                                           \
    do {                                                                                           \
        snprintf(compat_record->message, sizeof compat_record->message, __VA_ARGS__);              \
        _exit(CONFORM_UNSUPPORTED);                                                                \
    } while (0)

/* Leave a test that uses a function which libc may lack, where it does. */
#define need(function)                                                                             \
    do {                                                                                           \
        if ((const void *)(function) == NULL)                                                      \
            unsupported("there is no " #function);                                                 \
    } while (0)

static inline void repeat_alarm(suseconds_t us)
{
    struct itimerval timer = {{0, us}, {0, us}};
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/*
 * While signals hail: `while (hailing()) ...` does something again and again until enough of them,
 * which restart no system call, have been handled.
 */
static inline bool hailing(void)
{
    enum { SIGNALS = 100 };
    static int end;
    if (end == 0) {
        end = atomic_load(&handled) + SIGNALS;
        catch_signal(SIGALRM, count_signal, 0);
        repeat_alarm(200);
    }
    if (atomic_load(&handled) < end)
        return true;
    repeat_alarm(0);
    end = 0;
    return false;
}

/* Call what does not wait, with its arguments, while signals hail: it always returns 0. */
#define hail(function, ...)                                                                        \
    do {                                                                                           \
        while (hailing())                                                                          \
            ck_assert_int_eq(function(__VA_ARGS__), 0);                                            \
    } while (0)

/* Leave the test unless threads may have a realtime policy; musl has only the system call. */
static inline void need_realtime(void)
{
    struct sched_param fifo = {.sched_priority = sched_get_priority_min(SCHED_FIFO)}, none = {0};
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &fifo) != 0)
        unsupported("no privilege for SCHED_FIFO");
    ck_assert_int_eq(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none), 0);
}

/* The same for the calling thread, which then has it. */
static inline void set_priority(int policy, int priority)
{
    struct sched_param param = {.sched_priority = priority};
    int error = pthread_setschedparam(pthread_self(), policy, &param);
    if (error == EPERM)
        unsupported("realtime scheduling needs a privilege");
    ck_assert_int_eq(error, 0);
}

/*
 * Hold that a time has come. The clocks have values far apart: to mistake one for the other is to end
 * at once, or never.
 */
static inline void is_over(clockid_t clock, struct timespec end)
{
    ck_assert_msg(unit_has_passed(clock, &end), "it ended before its time");
}

/* Keep this thread, and those it starts, on one processor. */
static inline void use_one_processor(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(sched_getcpu(), &set);
    ck_assert_int_eq(sched_setaffinity(0, sizeof set, &set), 0);
}

/* Wait until the kernel has no such thread any more. */
static inline void wait_until_gone(const atomic_int *tid)
{
    struct timespec nap = {0, 100000};
    unit_wait_for(tid, 1);
    while (syscall(SYS_tgkill, getpid(), atomic_load(tid), 0) == 0)
        nanosleep(&nap, NULL);
}

/* The size of the process's address space, in bytes. */
static inline size_t address_space(void)
{
    char line[256] = "";
    int fd = open("/proc/self/statm", O_RDONLY);
    ck_assert_int_gt(read(fd, line, sizeof line - 1), 0);
    close(fd);
    return strtoul(line, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

/* What happened in which order. */
static atomic_int events __attribute__((unused));
static char happened[64] __attribute__((unused));

static inline void note(char event)
{
    happened[atomic_fetch_add(&events, 1)] = event;
}

static inline void note_argument(void *event)
{
    note(*(const char *)event);
}

/* Hold that cancellation is disabled and deferred, and that a request does nothing. */
static inline void check_uncancelable(void *event)
{
    int state = -1, type = -1;
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type), 0);
    ck_assert_int_eq(state, PTHREAD_CANCEL_DISABLE);
    ck_assert_int_eq(type, PTHREAD_CANCEL_DEFERRED);
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    pthread_testcancel();
    note_argument(event);
}

/* What a new thread finds. */

static inline int take_locale(void *arg)
{
    *(locale_t *)arg = uselocale((locale_t)0);
    return 0;
}

/* <fenv.h> would need the mathematics library; a third is rounded as the environment says. */
static inline void round_upward(void)
{
#ifdef __x86_64__
    unsigned control;
    __asm__ volatile("stmxcsr %0" : "=m"(control));
    control = (control & ~0x6000u) | 0x4000;
    __asm__ volatile("ldmxcsr %0" : : "m"(control));
#elif defined __aarch64__
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    control = (control & ~(UINT64_C(3) << 22)) | UINT64_C(1) << 22;
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
#else
    unsupported("the test does not know how to set this processor's rounding");
#endif
}

/* Never inline: the division must not move to where the rounding is another. */
static __attribute__((noinline, unused)) int take_third(void *arg)
{
    volatile double one = 1, three = 3;
    *(double *)arg = one / three;
    return 0;
}

#endif
