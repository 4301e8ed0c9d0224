/* What the assertions about the attributes of mutexes share. */
#ifndef FURWOCK_TEST_CONFORM_MUTEXATTR_H
#define FURWOCK_TEST_CONFORM_MUTEXATTR_H

#include "mutex.h"

/* An attributes object, and what is in it. */

static inline void init_attr(pthread_mutexattr_t *attr)
{
    memset(attr, 0xa5, sizeof *attr);
    ck_assert_int_eq(pthread_mutexattr_init(attr), 0);
}

static inline void has_type(const pthread_mutexattr_t *attr, int expected)
{
    int type = -1;
    ck_assert_int_eq(pthread_mutexattr_gettype(attr, &type), 0);
    ck_assert_int_eq(type, expected);
}

static inline void has_pshared(const pthread_mutexattr_t *attr, int expected)
{
    int pshared = -1;
    ck_assert_int_eq(pthread_mutexattr_getpshared(attr, &pshared), 0);
    ck_assert_int_eq(pshared, expected);
}

static inline void has_protocol(const pthread_mutexattr_t *attr, int expected)
{
    int protocol = -1;
    ck_assert_int_eq(pthread_mutexattr_getprotocol(attr, &protocol), 0);
    ck_assert_int_eq(protocol, expected);
}

static inline void has_robust(const pthread_mutexattr_t *attr, int expected)
{
    int robust = -1;
    ck_assert_int_eq(pthread_mutexattr_getrobust(attr, &robust), 0);
    ck_assert_int_eq(robust, expected);
}

static inline void attr_has_ceiling(const pthread_mutexattr_t *attr, int expected)
{
    int ceiling = -1;
    ck_assert_int_eq(pthread_mutexattr_getprioceiling(attr, &ceiling), 0);
    ck_assert_int_eq(ceiling, expected);
}

/* Everything but the one attribute that a test is about has the value it has by default. */
enum { TYPE = 1, PSHARED = 2, PROTOCOL = 4, ROBUST = 8 };

static inline void has_defaults_but(const pthread_mutexattr_t *attr, int attribute)
{
    if (attribute != TYPE)
        has_type(attr, PTHREAD_MUTEX_DEFAULT);
    if (attribute != PSHARED)
        has_pshared(attr, PTHREAD_PROCESS_PRIVATE);
    if (attribute != PROTOCOL)
        has_protocol(attr, PTHREAD_PRIO_NONE);
    if (attribute != ROBUST)
        has_robust(attr, PTHREAD_MUTEX_STALLED);
}

/* Call what takes an attributes object under a hail of signals. */
static inline void hail_attr(int (*function)(pthread_mutexattr_t *))
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    hail(function, &attr);
}

#endif
