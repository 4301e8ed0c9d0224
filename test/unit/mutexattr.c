/*
 * The mutex attributes object: every attribute, its default, its values and what it refuses.
 */
#include "unit.h"
#include <limits.h>
#include <sched.h>

static const int types[] = {
    PTHREAD_MUTEX_NORMAL,      PTHREAD_MUTEX_ERRORCHECK,
    PTHREAD_MUTEX_RECURSIVE,   PTHREAD_MUTEX_DEFAULT,
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
    PTHREAD_MUTEX_ADAPTIVE_NP,
#endif
};
static const int pshareds[] = {PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED};
static const int robusts[] = {PTHREAD_MUTEX_STALLED, PTHREAD_MUTEX_ROBUST};
static const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_PROTECT};

/* No attribute but the ceiling has any of these for a value. */
static const int nonsense[] = {-1, 4, 99, 256, 65536, INT_MAX, INT_MIN};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

typedef int getter(const pthread_mutexattr_t *restrict, int *restrict);
typedef int setter(pthread_mutexattr_t *, int);

static int get(getter *function, const pthread_mutexattr_t *attr)
{
    int value = -12345;
    ck_assert_int_eq(function(attr, &value), 0);
    return value;
}

START_TEST(defaults)
{
    pthread_mutexattr_t attr;
    memset(&attr, 0xff, sizeof attr);
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(get(pthread_mutexattr_gettype, &attr), PTHREAD_MUTEX_DEFAULT);
    ck_assert_int_eq(get(pthread_mutexattr_getpshared, &attr), PTHREAD_PROCESS_PRIVATE);
    ck_assert_int_eq(get(pthread_mutexattr_getrobust, &attr), PTHREAD_MUTEX_STALLED);
    ck_assert_int_eq(get(pthread_mutexattr_getprotocol, &attr), PTHREAD_PRIO_NONE);
    ck_assert_int_ge(get(pthread_mutexattr_getprioceiling, &attr),
                     sched_get_priority_min(SCHED_FIFO));
    ck_assert_int_le(get(pthread_mutexattr_getprioceiling, &attr),
                     sched_get_priority_max(SCHED_FIFO));
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}
END_TEST

struct values {
    int type, pshared, robust, protocol, ceiling;
};

/* Set all five, beginning with the `first`th. */
static void set_all(pthread_mutexattr_t *attr, const struct values *values, int first)
{
    for (int i = 0; i < 5; i++)
        switch ((first + i) % 5) {
        case 0:
            ck_assert_int_eq(pthread_mutexattr_settype(attr, values->type), 0);
            break;
        case 1:
            ck_assert_int_eq(pthread_mutexattr_setpshared(attr, values->pshared), 0);
            break;
        case 2:
            ck_assert_int_eq(pthread_mutexattr_setrobust(attr, values->robust), 0);
            break;
        case 3:
            ck_assert_int_eq(pthread_mutexattr_setprotocol(attr, values->protocol), 0);
            break;
        default:
            ck_assert_int_eq(pthread_mutexattr_setprioceiling(attr, values->ceiling), 0);
        }
}

/* Setting one attribute must not lose another, whichever is set first. */
START_TEST(every_combination_is_kept)
{
    int low = sched_get_priority_min(SCHED_FIFO), high = sched_get_priority_max(SCHED_FIFO);
    const int ceilings[] = {low, (low + high) / 2, high};
    size_t combinations =
        COUNT(types) * COUNT(pshareds) * COUNT(robusts) * COUNT(protocols) * COUNT(ceilings);
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    for (size_t n = 0; n < combinations; n++) {
        size_t rest = n;
        struct values values;
        values.type = types[rest % COUNT(types)];
        rest /= COUNT(types);
        values.pshared = pshareds[rest % COUNT(pshareds)];
        rest /= COUNT(pshareds);
        values.robust = robusts[rest % COUNT(robusts)];
        rest /= COUNT(robusts);
        values.protocol = protocols[rest % COUNT(protocols)];
        values.ceiling = ceilings[rest / COUNT(protocols)];
        set_all(&attr, &values, _i);
        ck_assert_int_eq(get(pthread_mutexattr_gettype, &attr), values.type);
        ck_assert_int_eq(get(pthread_mutexattr_getpshared, &attr), values.pshared);
        ck_assert_int_eq(get(pthread_mutexattr_getrobust, &attr), values.robust);
        ck_assert_int_eq(get(pthread_mutexattr_getprotocol, &attr), values.protocol);
        ck_assert_int_eq(get(pthread_mutexattr_getprioceiling, &attr), values.ceiling);
    }
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}
END_TEST

static void refuses_nonsense(getter *read, setter *write, int value)
{
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(write(&attr, value), 0);
    for (size_t i = 0; i < COUNT(nonsense); i++) {
        ck_assert_int_eq(write(&attr, nonsense[i]), EINVAL);
        ck_assert_int_eq(get(read, &attr), value);
    }
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}

START_TEST(unknown_type_is_einval)
{
    for (size_t i = 0; i < COUNT(types); i++)
        refuses_nonsense(pthread_mutexattr_gettype, pthread_mutexattr_settype, types[i]);
}
END_TEST

START_TEST(unknown_pshared_is_einval)
{
    for (size_t i = 0; i < COUNT(pshareds); i++)
        refuses_nonsense(pthread_mutexattr_getpshared, pthread_mutexattr_setpshared, pshareds[i]);
}
END_TEST

START_TEST(unknown_robustness_is_einval)
{
    for (size_t i = 0; i < COUNT(robusts); i++)
        refuses_nonsense(pthread_mutexattr_getrobust, pthread_mutexattr_setrobust, robusts[i]);
}
END_TEST

/* ENOTSUP is for an unsupported protocol, EINVAL for what is none: both are permitted here. */
START_TEST(unknown_protocol_is_refused)
{
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    for (size_t p = 0; p < COUNT(protocols); p++) {
        ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, protocols[p]), 0);
        for (size_t i = 0; i < COUNT(nonsense); i++) {
            int error = pthread_mutexattr_setprotocol(&attr, nonsense[i]);
            ck_assert(error == ENOTSUP || error == EINVAL);
            ck_assert_int_eq(get(pthread_mutexattr_getprotocol, &attr), protocols[p]);
        }
    }
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}
END_TEST

START_TEST(ceiling_is_a_realtime_priority)
{
    int low = sched_get_priority_min(SCHED_FIFO), high = sched_get_priority_max(SCHED_FIFO);
    const int outside[] = {low - 1, high + 1, -1, 255, 256, 65536 + low, INT_MAX, INT_MIN};
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    for (int ceiling = low; ceiling <= high; ceiling++) {
        ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, ceiling), 0);
        ck_assert_int_eq(get(pthread_mutexattr_getprioceiling, &attr), ceiling);
    }
    for (size_t i = 0; i < COUNT(outside); i++) {
        ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, outside[i]), EINVAL);
        ck_assert_int_eq(get(pthread_mutexattr_getprioceiling, &attr), high);
    }
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}
END_TEST

START_TEST(init_after_destroy_starts_afresh)
{
    pthread_mutexattr_t attr;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE), 0);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), 0);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(get(pthread_mutexattr_gettype, &attr), PTHREAD_MUTEX_DEFAULT);
    ck_assert_int_eq(get(pthread_mutexattr_getpshared, &attr), PTHREAD_PROCESS_PRIVATE);
    ck_assert_int_eq(get(pthread_mutexattr_getrobust, &attr), PTHREAD_MUTEX_STALLED);
    ck_assert_int_eq(get(pthread_mutexattr_getprotocol, &attr), PTHREAD_PRIO_NONE);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}
END_TEST

/* Bytes that no attributes object has. */
START_TEST(what_was_never_initialised_is_einval)
{
    if (!unit_on_furwock())
        unit_skip("libc does not check");
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    int value = -12345;
    memset(&attr, 0xff, sizeof attr);
    ck_assert_int_eq(pthread_mutexattr_gettype(&attr, &value), EINVAL);
    ck_assert_int_eq(pthread_mutexattr_getpshared(&attr, &value), EINVAL);
    ck_assert_int_eq(pthread_mutexattr_getrobust(&attr, &value), EINVAL);
    ck_assert_int_eq(pthread_mutexattr_getprotocol(&attr, &value), EINVAL);
    ck_assert_int_eq(pthread_mutexattr_getprioceiling(&attr, &value), EINVAL);
    ck_assert_int_eq(value, -12345);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_NORMAL), EINVAL);
    ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_PRIVATE), EINVAL);
    ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_STALLED), EINVAL);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_NONE), EINVAL);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 10), EINVAL);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), EINVAL);
}
END_TEST

/* A mutex takes its attributes when it is initialised, and keeps them whatever they become. */
START_TEST(mutex_is_independent_of_the_object_it_was_made_from)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t recursive, errorcheck;
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE), 0);
    ck_assert_int_eq(pthread_mutex_init(&recursive, &attr), 0);
    ck_assert_int_eq(get(pthread_mutexattr_gettype, &attr), PTHREAD_MUTEX_RECURSIVE);
    ck_assert_int_eq(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK), 0);
    ck_assert_int_eq(pthread_mutex_init(&errorcheck, &attr), 0);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
    memset(&attr, 0xff, sizeof attr);

    ck_assert_int_eq(pthread_mutex_lock(&recursive), 0);
    ck_assert_int_eq(pthread_mutex_lock(&recursive), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&recursive), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&recursive), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&recursive), EPERM);
    ck_assert_int_eq(pthread_mutex_lock(&errorcheck), 0);
    ck_assert_int_eq(pthread_mutex_lock(&errorcheck), EDEADLK);
    ck_assert_int_eq(pthread_mutex_unlock(&errorcheck), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&recursive), 0);
    ck_assert_int_eq(pthread_mutex_destroy(&errorcheck), 0);
}
END_TEST

/*
 * Names of before POSIX had these attributes, which binaries still carry. Headers no longer declare
 * them, or send them elsewhere, so the linker's names are spelled out; a libc may lack them.
 */
extern int old_getkind(const pthread_mutexattr_t *restrict,
                       int *restrict) __asm__("pthread_mutexattr_getkind_np") __attribute__((weak));
extern int old_setkind(pthread_mutexattr_t *, int) __asm__("pthread_mutexattr_setkind_np")
    __attribute__((weak));
extern int old_getrobust(const pthread_mutexattr_t *restrict,
                         int *restrict) __asm__("pthread_mutexattr_getrobust_np")
    __attribute__((weak));
extern int old_setrobust(pthread_mutexattr_t *, int) __asm__("pthread_mutexattr_setrobust_np")
    __attribute__((weak));
extern int old_consistent(pthread_mutex_t *) __asm__("pthread_mutex_consistent_np")
    __attribute__((weak));
extern int old_attr_init(pthread_mutexattr_t *) __asm__("__pthread_mutexattr_init")
    __attribute__((weak));
extern int old_attr_destroy(pthread_mutexattr_t *) __asm__("__pthread_mutexattr_destroy")
    __attribute__((weak));
extern int old_settype(pthread_mutexattr_t *, int) __asm__("__pthread_mutexattr_settype")
    __attribute__((weak));
extern int old_init(pthread_mutex_t *, const pthread_mutexattr_t *) __asm__("__pthread_mutex_init")
    __attribute__((weak));
extern int old_lock(pthread_mutex_t *) __asm__("__pthread_mutex_lock") __attribute__((weak));
extern int old_trylock(pthread_mutex_t *) __asm__("__pthread_mutex_trylock") __attribute__((weak));
extern int old_unlock(pthread_mutex_t *) __asm__("__pthread_mutex_unlock") __attribute__((weak));
extern int old_destroy(pthread_mutex_t *) __asm__("__pthread_mutex_destroy") __attribute__((weak));

/* The shared library exports every old name; an archive need not. */
#define must_exist(name) (!unit_on_furwock() || unit_is_static() || (name) != NULL)

START_TEST(old_kind_names)
{
    pthread_mutexattr_t attr;
    ck_assert(must_exist(old_getkind) && must_exist(old_setkind));
    if (old_getkind == NULL || old_setkind == NULL)
        unit_skip("libc does not link these names");
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    for (size_t i = 0; i < COUNT(types); i++) {
        ck_assert_int_eq(old_setkind(&attr, types[i]), 0);
        ck_assert_int_eq(get(pthread_mutexattr_gettype, &attr), types[i]);
        ck_assert_int_eq(get(old_getkind, &attr), types[i]);
    }
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
    refuses_nonsense(old_getkind, old_setkind, PTHREAD_MUTEX_RECURSIVE);
}
END_TEST

static int lock(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

START_TEST(old_robust_names)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    ck_assert(must_exist(old_getrobust) && must_exist(old_setrobust) && must_exist(old_consistent));
    if (old_getrobust == NULL || old_setrobust == NULL || old_consistent == NULL)
        unit_skip("libc does not link these names");
    refuses_nonsense(old_getrobust, old_setrobust, PTHREAD_MUTEX_ROBUST);
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    ck_assert_int_eq(old_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    ck_assert_int_eq(get(pthread_mutexattr_getrobust, &attr), PTHREAD_MUTEX_ROBUST);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    ck_assert_int_eq(old_consistent(&mutex), EINVAL);
    ck_assert_int_eq(unit_elsewhere(lock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EOWNERDEAD);
    ck_assert_int_eq(old_consistent(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(old_setrobust(&attr, PTHREAD_MUTEX_STALLED), 0);
    ck_assert_int_eq(get(old_getrobust, &attr), PTHREAD_MUTEX_STALLED);
    ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
    ck_assert_int_eq(pthread_mutexattr_destroy(&attr), 0);
}
END_TEST

/* Each old name must act on the same object as its successor, so the two are used in turn. */
START_TEST(old_underscore_names)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    ck_assert(must_exist(old_attr_init) && must_exist(old_attr_destroy) &&
              must_exist(old_settype) && must_exist(old_init) && must_exist(old_lock) &&
              must_exist(old_trylock) && must_exist(old_unlock) && must_exist(old_destroy));
    if (old_attr_init == NULL || old_attr_destroy == NULL || old_settype == NULL ||
        old_init == NULL || old_lock == NULL || old_trylock == NULL || old_unlock == NULL ||
        old_destroy == NULL)
        unit_skip("libc does not link these names");
    memset(&attr, 0xff, sizeof attr);
    ck_assert_int_eq(old_attr_init(&attr), 0);
    ck_assert_int_eq(get(pthread_mutexattr_gettype, &attr), PTHREAD_MUTEX_DEFAULT);
    ck_assert_int_eq(old_settype(&attr, PTHREAD_MUTEX_ERRORCHECK), 0);
    ck_assert_int_eq(get(pthread_mutexattr_gettype, &attr), PTHREAD_MUTEX_ERRORCHECK);
    ck_assert_int_eq(old_init(&mutex, &attr), 0);
    ck_assert_int_eq(old_attr_destroy(&attr), 0);
    ck_assert_int_eq(old_lock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), EDEADLK);
    ck_assert_int_eq(old_destroy(&mutex), EBUSY);
    ck_assert_int_eq(old_unlock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), EPERM);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_eq(old_trylock(&mutex), EBUSY);
    ck_assert_int_eq(old_lock(&mutex), EDEADLK);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(old_trylock(&mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(old_destroy(&mutex), 0);
}
END_TEST

static Suite *mutexattr_suite(void)
{
    Suite *suite = suite_create("mutexattr");

    TCase *values = tcase_create("values");
    tcase_set_timeout(values, 10);
    tcase_add_test(values, defaults);
    tcase_add_loop_test(values, every_combination_is_kept, 0, 5);
    tcase_add_test(values, unknown_type_is_einval);
    tcase_add_test(values, unknown_pshared_is_einval);
    tcase_add_test(values, unknown_robustness_is_einval);
    tcase_add_test(values, unknown_protocol_is_refused);
    tcase_add_test(values, ceiling_is_a_realtime_priority);
    tcase_add_test(values, init_after_destroy_starts_afresh);
    tcase_add_test(values, what_was_never_initialised_is_einval);
    tcase_add_test(values, mutex_is_independent_of_the_object_it_was_made_from);
    suite_add_tcase(suite, values);

    TCase *old = tcase_create("old names");
    tcase_set_timeout(old, 10);
    tcase_add_test(old, old_kind_names);
    tcase_add_test(old, old_robust_names);
    tcase_add_test(old, old_underscore_names);
    suite_add_tcase(suite, old);
    return suite;
}

UNIT_MAIN(mutexattr_suite)
