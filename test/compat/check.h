/*
 * What the tests use of Check, for a libc that Check is not built for: the same names, the same
 * environment variables, the same output. Each test runs in a child that leads a process group of
 * its own, which is killed when the test is over. C only.
 */
#ifndef FURWOCK_TEST_COMPAT_CHECK_H
#define FURWOCK_TEST_COMPAT_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define COMPAT_UNUSED __attribute__((unused))

/* What a test in its child tells the runner, through a page that both map. */
struct compat_place {
    const char *file;
    int line;
};

struct compat_record {
    const struct compat_place *_Atomic reached; /* the last assertion; valid in both images */
    atomic_bool failed;
    char message[1024];
};

static struct compat_record *compat_record;

/* The first thread to fail is the one that is heard; it takes the process with it. */
static COMPAT_UNUSED __attribute__((noreturn, format(printf, 2, 3))) void
compat_fail(const struct compat_place *place, const char *format, ...)
{
    if (atomic_exchange(&compat_record->failed, true))
        for (;;)
            pause();
    atomic_store(&compat_record->reached, place);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(compat_record->message, sizeof compat_record->message, format, arguments);
    va_end(arguments);
    _exit(1);
}

/* Assertions. */

#define COMPAT_ASSERT(condition, ...)                                                              \
    do {                                                                                           \
        static const struct compat_place compat_here = {__FILE__, __LINE__};                       \
        if (condition)                                                                             \
            atomic_store_explicit(&compat_record->reached, &compat_here, memory_order_relaxed);    \
        else                                                                                       \
            compat_fail(&compat_here, __VA_ARGS__);                                                \
    } while (0)

#define COMPAT_COMPARE(type, format, a, op, b)                                                     \
    do {                                                                                           \
        type compat_a = (a);                                                                       \
        type compat_b = (b);                                                                       \
        COMPAT_ASSERT(compat_a op compat_b,                                                        \
                      "Assertion '%s' failed: %s == " format ", %s == " format, #a " " #op " " #b, \
                      #a, compat_a, #b, compat_b);                                                 \
    } while (0)

#define COMPAT_INT(a, op, b) COMPAT_COMPARE(intmax_t, "%jd", a, op, b)
#define COMPAT_UINT(a, op, b) COMPAT_COMPARE(uintmax_t, "%ju", a, op, b)
#define COMPAT_POINTER(a, op, b) COMPAT_COMPARE(const void *, "%p", a, op, b)

#define COMPAT_STRING(a, op, b)                                                                    \
    do {                                                                                           \
        const char *compat_a = (a);                                                                \
        const char *compat_b = (b);                                                                \
        COMPAT_ASSERT(compat_a &&compat_b &&strcmp(compat_a, compat_b) op 0,                       \
                      "Assertion '%s' failed: %s == \"%s\", %s == \"%s\"", #a " " #op " " #b, #a,  \
                      compat_a ? compat_a : "(null)", #b, compat_b ? compat_b : "(null)");         \
    } while (0)

#define COMPAT_MEMORY(a, op, b, size)                                                              \
    COMPAT_ASSERT(memcmp(a, b, size) op 0, "Assertion '%s' failed", #a " " #op " " #b)

#define ck_assert_msg(condition, ...) COMPAT_ASSERT(condition, __VA_ARGS__)
#define ck_assert(condition) COMPAT_ASSERT(condition, "Assertion '%s' failed", #condition)
#define ck_abort_msg(...) COMPAT_ASSERT(false, __VA_ARGS__)
#define ck_abort() COMPAT_ASSERT(false, "Failed")
#define mark_point() COMPAT_ASSERT(true, "%s", "")

#define ck_assert_int_eq(a, b) COMPAT_INT(a, ==, b)
#define ck_assert_int_ne(a, b) COMPAT_INT(a, !=, b)
#define ck_assert_int_lt(a, b) COMPAT_INT(a, <, b)
#define ck_assert_int_le(a, b) COMPAT_INT(a, <=, b)
#define ck_assert_int_gt(a, b) COMPAT_INT(a, >, b)
#define ck_assert_int_ge(a, b) COMPAT_INT(a, >=, b)

#define ck_assert_uint_eq(a, b) COMPAT_UINT(a, ==, b)
#define ck_assert_uint_ne(a, b) COMPAT_UINT(a, !=, b)
#define ck_assert_uint_lt(a, b) COMPAT_UINT(a, <, b)
#define ck_assert_uint_le(a, b) COMPAT_UINT(a, <=, b)
#define ck_assert_uint_gt(a, b) COMPAT_UINT(a, >, b)
#define ck_assert_uint_ge(a, b) COMPAT_UINT(a, >=, b)

#define ck_assert_ptr_eq(a, b) COMPAT_POINTER(a, ==, b)
#define ck_assert_ptr_ne(a, b) COMPAT_POINTER(a, !=, b)
#define ck_assert_ptr_null(a) COMPAT_POINTER(a, ==, NULL)
#define ck_assert_ptr_nonnull(a) COMPAT_POINTER(a, !=, NULL)

#define ck_assert_str_eq(a, b) COMPAT_STRING(a, ==, b)
#define ck_assert_str_ne(a, b) COMPAT_STRING(a, !=, b)
#define ck_assert_mem_eq(a, b, size) COMPAT_MEMORY(a, ==, b, size)
#define ck_assert_mem_ne(a, b, size) COMPAT_MEMORY(a, !=, b, size)

/* Tests, and what they are collected in. */

typedef struct compat_test {
    const char *name;
    struct compat_place place;
    void (*function)(int);
} TTest;

#define START_TEST(test)                                                                           \
    static void test##_fn(int);                                                                    \
    static const TTest test##_ttest = {#test, {__FILE__, __LINE__}, test##_fn};                    \
    static const TTest *const test = &test##_ttest;                                                \
    static void test##_fn(int _i COMPAT_UNUSED)
#define END_TEST

struct compat_added {
    const TTest *test;
    int signal, status, start, end;
    struct compat_added *next;
};

typedef struct compat_case {
    const char *name;
    double timeout;
    void (*setup)(void);
    void (*teardown)(void);
    struct compat_added *first, **last;
    struct compat_case *next;
} TCase;

typedef struct compat_suite {
    const char *name;
    TCase *first, **last;
} Suite;

typedef struct compat_runner {
    Suite *suite;
    int checks, failures, errors;
    FILE *report; /* the lines that follow the summary */
} SRunner;

enum print_output { CK_SILENT, CK_MINIMAL, CK_NORMAL, CK_VERBOSE, CK_ENV };

static inline void *compat_allocate(size_t size)
{
    void *p = calloc(1, size);
    if (p == NULL)
        abort();
    return p;
}

static COMPAT_UNUSED Suite *suite_create(const char *name)
{
    Suite *suite = compat_allocate(sizeof *suite);
    suite->name = name;
    suite->last = &suite->first;
    return suite;
}

static COMPAT_UNUSED TCase *tcase_create(const char *name)
{
    TCase *tcase = compat_allocate(sizeof *tcase);
    tcase->name = name;
    tcase->timeout = 4;
    tcase->last = &tcase->first;
    return tcase;
}

static COMPAT_UNUSED void suite_add_tcase(Suite *suite, TCase *tcase)
{
    *suite->last = tcase;
    suite->last = &tcase->next;
}

static COMPAT_UNUSED void tcase_set_timeout(TCase *tcase, double seconds)
{
    tcase->timeout = seconds;
}

static COMPAT_UNUSED void tcase_add_checked_fixture(TCase *tcase, void (*setup)(void),
                                                    void (*teardown)(void))
{
    tcase->setup = setup;
    tcase->teardown = teardown;
}

/* A test for each _i in [start, end), expected to end by `signal`, or else with `status`. */
static COMPAT_UNUSED void compat_add(TCase *tcase, const TTest *test, int signal, int status,
                                     int start, int end)
{
    struct compat_added *added = compat_allocate(sizeof *added);
    *added = (struct compat_added){test, signal, status, start, end, NULL};
    *tcase->last = added;
    tcase->last = &added->next;
}

#define tcase_add_test(tcase, test) compat_add(tcase, test, 0, 0, 0, 1)
#define tcase_add_loop_test(tcase, test, start, end) compat_add(tcase, test, 0, 0, start, end)
#define tcase_add_test_raise_signal(tcase, test, signal) compat_add(tcase, test, signal, 0, 0, 1)
#define tcase_add_exit_test(tcase, test, status) compat_add(tcase, test, 0, status, 0, 1)

/* Running them. */

static COMPAT_UNUSED SRunner *srunner_create(Suite *suite)
{
    SRunner *runner = compat_allocate(sizeof *runner);
    runner->suite = suite;
    return runner;
}

static COMPAT_UNUSED int srunner_ntests_failed(SRunner *runner)
{
    return runner->failures + runner->errors;
}

static COMPAT_UNUSED void srunner_free(SRunner *runner)
{
    for (TCase *tcase = runner->suite->first, *next; tcase; tcase = next) {
        next = tcase->next;
        for (struct compat_added *added = tcase->first, *after; added; added = after) {
            after = added->next;
            free(added);
        }
        free(tcase);
    }
    free(runner->suite);
    free(runner);
}

/*
 * Wait until the child has ended or its time is up: has it ended? A descriptor of the process tells, not
 * SIGCHLD: a program may have threads already, and any would get the signal. Where there are none, as
 * under valgrind 3.19, it is asked for again and again.
 */
static inline bool compat_ends(pid_t pid, double seconds)
{
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    if (end.fd >= 0) {
        int ready = poll(&end, 1, (int)(seconds * 1000));
        close(end.fd);
        return ready == 1;
    }
    struct timespec start, now, nap = {0, 1000000};
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
            abort();
        if (info.si_pid == pid)
            return true;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 >
            seconds)
            return false;
        nanosleep(&nap, NULL);
    }
}

/* The child's status, or -1 if its time was up. Its process group is killed. */
static inline int compat_await(pid_t pid, double seconds)
{
    bool ended = compat_ends(pid, seconds);
    kill(-pid, SIGKILL);
    int status;
    if (waitpid(pid, &status, 0) != pid)
        abort();
    return ended ? status : -1;
}

static inline void compat_run(SRunner *runner, const TCase *tcase, const struct compat_added *added,
                              int i, double multiplier, enum print_output output)
{
    atomic_store(&compat_record->reached, &added->test->place);
    atomic_store(&compat_record->failed, false);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        if (tcase->setup)
            tcase->setup();
        added->test->function(i);
        if (tcase->teardown)
            tcase->teardown();
        exit(0);
    }
    setpgid(pid, pid); /* whoever is first; it fails if that was the child and it has ended */
    int status = compat_await(pid, tcase->timeout * multiplier);

    char kind = 'P', message[sizeof compat_record->message] = "Passed";
    runner->checks++;
    if (status == -1) {
        kind = 'E';
        strcpy(message, "Test timeout expired");
    } else if (WIFSIGNALED(status) ? WTERMSIG(status) != added->signal
                                   : atomic_load(&compat_record->failed) || added->signal ||
                                         WEXITSTATUS(status) != added->status) {
        kind = WIFSIGNALED(status) ? 'E' : 'F';
        if (atomic_load(&compat_record->failed))
            strcpy(message, compat_record->message);
        else if (WIFSIGNALED(status))
            snprintf(message, sizeof message, "(after this point) Received signal %d (%s)",
                     WTERMSIG(status), strsignal(WTERMSIG(status)));
        else
            snprintf(message, sizeof message, "(after this point) Early exit with return value %d",
                     WEXITSTATUS(status));
    }
    runner->failures += kind == 'F';
    runner->errors += kind == 'E';
    if (kind != 'P' ? output >= CK_NORMAL : output == CK_VERBOSE) {
        const struct compat_place *place = atomic_load(&compat_record->reached);
        fprintf(runner->report, "%s:%d:%c:%s:%s:%d: %s\n", place->file, place->line, kind,
                tcase->name, added->test->name, i, message);
    }
}

static COMPAT_UNUSED void srunner_run_all(SRunner *runner, enum print_output output)
{
    if (output == CK_ENV) {
        static const char *const names[] = {"silent", "minimal", "normal", "verbose"};
        const char *wanted = getenv("CK_VERBOSITY");
        output = CK_NORMAL;
        for (int i = CK_SILENT; wanted && i <= CK_VERBOSE; i++)
            if (strcmp(wanted, names[i]) == 0)
                output = (enum print_output)i;
    }
    const char *number = getenv("CK_TIMEOUT_MULTIPLIER"), *only = getenv("CK_RUN_CASE");
    double multiplier = number && atof(number) > 0 ? atof(number) : 1;

    compat_record = mmap(NULL, sizeof *compat_record, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *text = NULL;
    size_t length;
    runner->report = open_memstream(&text, &length);
    if (compat_record == MAP_FAILED || runner->report == NULL)
        abort();
    if (output >= CK_MINIMAL)
        printf("Running suite(s): %s\n", runner->suite->name);
    for (const TCase *tcase = runner->suite->first; tcase; tcase = tcase->next) {
        if (only && strcmp(only, tcase->name) != 0)
            continue;
        for (const struct compat_added *added = tcase->first; added; added = added->next)
            for (int i = added->start; i < added->end; i++)
                compat_run(runner, tcase, added, i, multiplier, output);
    }
    fclose(runner->report);
    int checks = runner->checks, bad = srunner_ntests_failed(runner);
    if (output >= CK_MINIMAL)
        printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n%s",
               checks ? (checks - bad) * 100 / checks : 100, checks, runner->failures,
               runner->errors, text);
    free(text);
    fflush(stdout);
}

#endif
