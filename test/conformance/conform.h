/*
 * What POSIX.1-2024 says a function shall do, sentence by sentence, and a test of each. An
 * assertion has a number within its function and a paraphrase; its test runs in a process of its
 * own, passes by returning, and fails by any of Check's assertions, by a signal, or by not ending.
 * An assertion that no test can decide says why.
 */
#ifndef FURWOCK_TEST_CONFORM_H
#define FURWOCK_TEST_CONFORM_H

#include "unit.h"

/* musl lacks these too: weak, so that an assertion finds them absent rather than a linker. */
#ifndef __GLIBC__
#pragma weak pthread_cond_clockwait
#pragma weak pthread_rwlock_clockrdlock
#pragma weak pthread_rwlock_clockwrlock
#pragma weak sem_clockwait
#endif

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

#endif
