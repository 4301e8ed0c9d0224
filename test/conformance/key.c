/*
 * Thread-specific data: XSH pthread_key_create, pthread_key_delete and pthread_getspecific, and for
 * C tss_create, tss_delete and tss_get, with what thrd_exit does with keys. Most of it is said of
 * both kinds of key; a check takes one of two sets of functions then.
 */
#include "conform.h"
#include <limits.h>
#include <threads.h>

union key {
    pthread_key_t posix;
    tss_t c;
};

typedef void destructor_function(void *);

/* A kind of key, and of the threads that go with it. Success is 0, and an error is not. */
struct kind {
    int (*create)(union key *, destructor_function *);
    int (*remove)(union key);
    void *(*get)(union key);
    int (*set)(union key, void *);
    void (*run)(void (*)(void)); /* call in another thread, until that has ended */
    void (*exit)(void);
};

static int posix_create(union key *key, destructor_function *destructor)
{
    return pthread_key_create(&key->posix, destructor);
}

static int posix_remove(union key key)
{
    return pthread_key_delete(key.posix);
}

static void *posix_get(union key key)
{
    return pthread_getspecific(key.posix);
}

static int posix_set(union key key, void *value)
{
    return pthread_setspecific(key.posix, value);
}

static void *posix_thread(void *function)
{
    (*(void (**)(void))function)();
    return NULL;
}

static void posix_run(void (*function)(void))
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, posix_thread, &function), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void posix_exit(void)
{
    pthread_exit(NULL);
}

static int c_create(union key *key, destructor_function *destructor)
{
    int result = tss_create(&key->c, destructor);
    ck_assert(result == thrd_success || result == thrd_error);
    return result != thrd_success;
}

static int c_remove(union key key)
{
    tss_delete(key.c);
    return 0;
}

static void *c_get(union key key)
{
    return tss_get(key.c);
}

static int c_set(union key key, void *value)
{
    int result = tss_set(key.c, value);
    ck_assert(result == thrd_success || result == thrd_error);
    return result != thrd_success;
}

static int c_thread(void *function)
{
    (*(void (**)(void))function)();
    return 0;
}

static void c_run(void (*function)(void))
{
    thrd_t thread;
    ck_assert_int_eq(thrd_create(&thread, c_thread, &function), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
}

static void c_exit(void)
{
    thrd_exit(0);
}

static const struct kind posix = {posix_create, posix_remove, posix_get,
                                  posix_set,    posix_run,    posix_exit};
static const struct kind c = {c_create, c_remove, c_get, c_set, c_run, c_exit};

/* The same assertion about a function of each kind; a check finds in `kind` which it is. */
static const struct kind *kind;

#define ASSERTION_OF_BOTH(of_posix, of_c, number, text, check)                                     \
    ASSERTION(of_posix, number, text)                                                              \
    {                                                                                              \
        kind = &posix;                                                                             \
        check();                                                                                   \
    }                                                                                              \
    ASSERTION(of_c, number, text)                                                                  \
    {                                                                                              \
        kind = &c;                                                                                 \
        check();                                                                                   \
    }

/* Values, which only need to be told apart. */
static char values[8];
#define A (&values[0])
#define B (&values[1])

static union key create(destructor_function *destructor)
{
    union key key;
    ck_assert_int_eq(kind->create(&key, destructor), 0);
    return key;
}

static void set(union key key, void *value)
{
    ck_assert_int_eq(kind->set(key, value), 0);
}

/* What the threads of a check use, as their function has no argument; and their destructors. */
static union key key, other;
static int calls, other_calls, rounds;
static void *given, *other_given, *found;

static void destroy(void *value)
{
    calls++;
    given = value;
    found = kind->get(key);
}

static void destroy_other(void *value)
{
    other_calls++;
    other_given = value;
}

/* Set the value again until there have been so many rounds; for ever where that is 0. */
static void set_again(void *value)
{
    calls++;
    if (calls != rounds)
        set(key, value);
}

static void set_key(void)
{
    set(key, A);
}

static void set_key_and_exit(void)
{
    set(key, A);
    kind->exit();
}

/* More keys than any implementation is likely to have. */
enum { TOO_MANY = 1 << 16 };
static union key keys[TOO_MANY];

/* Create keys until that fails, or there are `limit`; how many they are. */
static int create_all(int limit)
{
    int count = 0;
    while (count < limit && kind->create(&keys[count], NULL) == 0)
        count++;
    return count;
}

static void check_hail(void)
{
    while (hailing()) {
        key = create(destroy);
        ck_assert_ptr_null(kind->get(key));
        set(key, A);
        ck_assert_ptr_eq(kind->get(key), A);
        ck_assert_int_eq(kind->remove(key), 0);
    }
}

/* ---- Creation ---- */

static void check_create(void)
{
    memset(&key, 0xa5, sizeof key);
    ck_assert_int_eq(kind->create(&key, NULL), 0);
    set(key, A);
    ck_assert_ptr_eq(kind->get(key), A);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 1,
                  "stores a new key, which a value can be set for, and returns success",
                  check_create)

static void check_distinct(void)
{
    enum { COUNT = 64 };
    char different[COUNT];
    int count = create_all(COUNT);
    ck_assert_int_eq(count, COUNT);
    for (int i = 0; i < count; i++)
        set(keys[i], &different[i]);
    for (int i = 0; i < count; i++)
        ck_assert_ptr_eq(kind->get(keys[i]), &different[i]);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 2, "each key identifies a value of its own",
                  check_distinct)

static void set_other_value(void)
{
    ck_assert_ptr_null(kind->get(key));
    set(key, B);
    ck_assert_ptr_eq(kind->get(key), B);
}

static void check_per_thread(void)
{
    key = create(NULL);
    set(key, A);
    kind->run(set_other_value);
    ck_assert_ptr_eq(kind->get(key), A);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 3,
                  "all threads can use the key, and each has its own value for it",
                  check_per_thread)

static void all_null(void)
{
    for (int i = 0; i < 64; i++)
        ck_assert_ptr_null(kind->get(keys[i]));
}

/* A thread that exists before the keys it looks at, and may have had a value for another one. */
static atomic_int stage;

static int look(void *with_value)
{
    if (with_value)
        set(key, A);
    atomic_store(&stage, 1);
    unit_wait_for(&stage, 2);
    all_null();
    return 0;
}

static void check_null_in_existing(void)
{
    struct unit_call call;
    unit_start(&call, look, NULL);
    unit_wait_for(&stage, 1);
    ck_assert_int_eq(create_all(64), 64);
    all_null();
    atomic_store(&stage, 2);
    unit_finish(&call);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 4,
                  "in all threads that exist the new key's value is null", check_null_in_existing)

static void check_null_after_delete(void)
{
    struct unit_call call;
    key = create(NULL);
    set(key, A);
    unit_start(&call, look, &key);
    unit_wait_for(&stage, 1);
    ck_assert_int_eq(kind->remove(key), 0);
    ck_assert_int_eq(create_all(64), 64);
    all_null();
    atomic_store(&stage, 2);
    unit_finish(&call);
}
ASSERTION_OF_BOTH(
    pthread_key_create, tss_create, 5,
    "a new key's value is null also if it takes the place of one that was deleted with values",
    check_null_after_delete)

static void check_null_in_new(void)
{
    ck_assert_int_eq(create_all(64), 64);
    for (int i = 0; i < 64; i++)
        set(keys[i], A);
    kind->run(all_null);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 6,
                  "in a new thread the value of every key is null", check_null_in_new)

/* ---- Destructors ---- */

static void check_destructor(void)
{
    key = create(destroy);
    kind->run(set_key);
    ck_assert_int_eq(calls, 1);
    ck_assert_ptr_eq(given, A);
}
ASSERTION_OF_BOTH(
    pthread_key_create, tss_create, 7,
    "when a thread ends by returning, the destructor is called with the thread's value",
    check_destructor)

static void check_destructor_at_exit(void)
{
    key = create(destroy);
    kind->run(set_key_and_exit);
    ck_assert_int_eq(calls, 1);
    ck_assert_ptr_eq(given, A);
}
ASSERTION_OF_BOTH(
    pthread_key_create, tss_create, 8,
    "when a thread calls pthread_exit or thrd_exit, the destructor is called with its value",
    check_destructor_at_exit)

static void check_null_in_destructor(void)
{
    key = create(destroy);
    found = B;
    kind->run(set_key);
    ck_assert_int_eq(calls, 1);
    ck_assert_ptr_null(found);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 9,
                  "the value has become null before the destructor is called",
                  check_null_in_destructor)

static void set_null(void)
{
    set(key, A);
    set(key, NULL);
    set(other, B); /* which has no destructor */
}

static void check_no_destructor(void)
{
    key = create(destroy);
    other = create(NULL);
    kind->run(set_null);
    ck_assert_int_eq(calls, 0);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 10,
                  "nothing is called for a null value, or without a destructor",
                  check_no_destructor)

static pid_t runner, destroyer;

static void take_destroyer(void *unused)
{
    (void)unused;
    destroyer = unit_gettid();
    calls++;
}

static void take_runner(void)
{
    runner = unit_gettid();
    set(key, A);
}

static void check_destroyer(void)
{
    key = create(take_destroyer);
    kind->run(take_runner);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(destroyer, runner);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 11,
                  "the destructor runs in the thread that ends, and before that can be joined",
                  check_destroyer)

static void check_rounds(void)
{
    rounds = kind == &c ? TSS_DTOR_ITERATIONS : (int)sysconf(_SC_THREAD_DESTRUCTOR_ITERATIONS);
    if (rounds == -1)
        rounds = _POSIX_THREAD_DESTRUCTOR_ITERATIONS;
    key = create(set_again);
    kind->run(set_key);
    ck_assert_int_eq(calls, rounds);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 12,
                  "while there are values with destructors, the destructors are called again, as "
                  "many times as the constant says at least",
                  check_rounds)

static void set_other_key(void *value)
{
    calls++;
    given = value;
    set(other, B);
}

/* Either key may be the first to be looked at when a thread ends. */
static void check_other_round(void)
{
    key = create(set_other_key);
    other = create(destroy_other);
    kind->run(set_key);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(other_calls, 1);
    ck_assert_ptr_eq(other_given, B);

    other = create(destroy_other);
    key = create(set_other_key);
    kind->run(set_key);
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(other_calls, 2);
}
ASSERTION_OF_BOTH(pthread_key_create, tss_create, 13,
                  "a value that one key's destructor sets for another key is destroyed too",
                  check_other_round)

static atomic_int waiting;

static int wait_with_value(void *unused)
{
    (void)unused;
    set(key, A);
    atomic_store(&waiting, 1);
    for (;;)
        pause();
    return 0;
}

ASSERTION(pthread_key_create, 14, "the destructor is called when a thread is cancelled")
{
    struct unit_call call;
    void *result;
    kind = &posix;
    key = create(destroy);
    unit_start(&call, wait_with_value, NULL);
    unit_wait_for(&waiting, 1);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert_int_eq(calls, 1);
    ck_assert_ptr_eq(given, A);
}

/* A limit that is higher than the one announced does no harm. */
ASSERTION(pthread_key_create, 15,
          "fails with EAGAIN when there are too many keys, and not below PTHREAD_KEYS_MAX")
{
    kind = &posix;
    int count = create_all(TOO_MANY);
    ck_assert_int_ge(count, sysconf(_SC_THREAD_KEYS_MAX));
    if (count == TOO_MANY)
        unsupported("there is no limit, or a very high one");
    pthread_key_t last;
    ck_assert_int_eq(pthread_key_create(&last, NULL), EAGAIN);
}

UNTESTED(pthread_key_create, 16, "fails with ENOMEM when there is no memory for the key",
         "no way is known to make a key need memory")

ASSERTION(pthread_key_create, 17, "never returns EINTR")
{
    kind = &posix;
    check_hail();
}

static void fail_child(void *unused)
{
    (void)unused;
    _exit(1);
}

ASSERTION(tss_create, 14, "destructors are not called when the process ends")
{
    kind = &c;
    pid_t child = unit_fork();
    if (child == 0) {
        struct unit_call call;
        key = create(fail_child);
        set(key, A);
        unit_start(&call, wait_with_value, NULL);
        unit_wait_for(&waiting, 1);
        exit(0);
    }
    unit_reap(child);
}

ASSERTION(tss_create, 15, "returns thrd_error if it cannot create a key")
{
    kind = &c;
    if (create_all(TOO_MANY) == TOO_MANY)
        unsupported("there is no limit to the number of keys, or a very high one");
    tss_t last;
    ck_assert_int_eq(tss_create(&last, NULL), thrd_error);
}

ASSERTION(tss_create, 16, "a signal handler that runs meanwhile changes nothing")
{
    kind = &c;
    check_hail();
}

/* ---- Deletion ---- */

static void check_delete(void)
{
    for (int i = 0; i < 10000; i++) {
        key = create(NULL);
        ck_assert_int_eq(kind->remove(key), 0);
    }
}
ASSERTION_OF_BOTH(pthread_key_delete, tss_delete, 1,
                  "deletes the key with all that it took, so that others can be created; success",
                  check_delete)

static void delete_with_value(void)
{
    set(key, A);
    ck_assert_int_eq(kind->remove(key), 0);
    ck_assert_int_eq(calls, 0);
}

static void check_delete_with_value(void)
{
    key = create(destroy);
    kind->run(delete_with_value);
}
ASSERTION_OF_BOTH(pthread_key_delete, tss_delete, 2,
                  "values need not be null, and no destructor is called for them",
                  check_delete_with_value)

static int set_and_wait(void *unused)
{
    (void)unused;
    set(key, A);
    atomic_store(&stage, 1);
    unit_wait_for(&stage, 2);
    return 0;
}

static void check_no_destructor_later(void)
{
    struct unit_call call;
    key = create(destroy);
    unit_start(&call, set_and_wait, NULL);
    unit_wait_for(&stage, 1);
    ck_assert_int_eq(kind->remove(key), 0);
    atomic_store(&stage, 2);
    unit_finish(&call);
    ck_assert_int_eq(calls, 0);
}
ASSERTION_OF_BOTH(pthread_key_delete, tss_delete, 3,
                  "the key's destructor is no longer called when a thread ends",
                  check_no_destructor_later)

static void delete_own(void *value)
{
    destroy(value);
    ck_assert_int_eq(kind->remove(key), 0);
}

static void check_delete_in_destructor(void)
{
    for (int i = 1; i <= 10; i++) {
        key = create(delete_own);
        kind->run(set_key);
        ck_assert_int_eq(calls, i);
    }
}
ASSERTION_OF_BOTH(pthread_key_delete, tss_delete, 4, "may be called by a destructor",
                  check_delete_in_destructor)

static void set_both_delete_one(void)
{
    set(key, A);
    set(other, B);
    ck_assert_int_eq(kind->remove(key), 0);
    ck_assert_ptr_eq(kind->get(other), B);
}

static void check_delete_leaves_others(void)
{
    key = create(destroy);
    other = create(destroy_other);
    kind->run(set_both_delete_one);
    ck_assert_int_eq(calls, 0);
    ck_assert_int_eq(other_calls, 1);
    ck_assert_ptr_eq(other_given, B);
}
ASSERTION_OF_BOTH(pthread_key_delete, tss_delete, 5,
                  "other keys keep their values and their destructors", check_delete_leaves_others)

ASSERTION_OF_BOTH(pthread_key_delete, tss_delete, 6,
                  "a signal handler that runs meanwhile changes nothing; no EINTR", check_hail)

/* ---- Values ---- */

static void check_get(void)
{
    key = create(NULL);
    set(key, A);
    ck_assert_ptr_eq(kind->get(key), A);
    set(key, B);
    ck_assert_ptr_eq(kind->get(key), B);
}
ASSERTION_OF_BOTH(pthread_getspecific, tss_get, 1, "returns the value that the key has now",
                  check_get)

ASSERTION_OF_BOTH(pthread_getspecific, tss_get, 2, "the value is the calling thread's own",
                  check_per_thread)

static void check_get_none(void)
{
    key = create(destroy);
    ck_assert_ptr_null(kind->get(key));
}
ASSERTION_OF_BOTH(pthread_getspecific, tss_get, 3, "returns null if there is no value",
                  check_get_none)

ASSERTION_OF_BOTH(pthread_getspecific, tss_get, 4,
                  "returns null for the key whose destructor calls it", check_null_in_destructor)

static void set_and_get(void *value)
{
    calls++;
    given = value;
    if (calls == 1) {
        set(key, B);
        found = kind->get(key);
    }
}

static void check_get_set_in_destructor(void)
{
    key = create(set_and_get);
    kind->run(set_key);
    ck_assert_int_eq(calls, 2);
    ck_assert_ptr_eq(found, B);
    ck_assert_ptr_eq(given, B);
}
ASSERTION_OF_BOTH(pthread_getspecific, tss_get, 5,
                  "returns what the destructor that calls it has set for its key",
                  check_get_set_in_destructor)

static void get_other(void *value)
{
    calls++;
    given = value;
    found = kind->get(other);
}

static void set_both(void)
{
    set(key, A);
    set(other, B);
}

static void check_get_in_destructor(void)
{
    key = create(get_other);
    other = create(NULL);
    kind->run(set_both);
    ck_assert_int_eq(calls, 1);
    ck_assert_ptr_eq(found, B);
}
ASSERTION_OF_BOTH(pthread_getspecific, tss_get, 6,
                  "may be called by a destructor for other keys, which still have their values",
                  check_get_in_destructor)

ASSERTION_OF_BOTH(pthread_getspecific, tss_get, 7,
                  "a signal handler that runs meanwhile changes nothing", check_hail)

ASSERTION_OF_BOTH(pthread_setspecific, tss_set, 1,
                  "sets the value for the key, and returns success", check_get)

ASSERTION_OF_BOTH(pthread_setspecific, tss_set, 2,
                  "it is the calling thread's value only, and others have others", check_per_thread)

static void set_twice(void)
{
    set(key, A);
    set(key, B);
    ck_assert_int_eq(calls, 0);
}

static void check_replace(void)
{
    key = create(destroy);
    kind->run(set_twice);
    ck_assert_int_eq(calls, 1);
    ck_assert_ptr_eq(given, B);
}
ASSERTION_OF_BOTH(pthread_setspecific, tss_set, 3,
                  "no destructor is called for the value that is replaced", check_replace)

static void set_all(void)
{
    for (int i = 0; i < _POSIX_THREAD_KEYS_MAX / 2; i++)
        set(keys[i], &keys[i]);
    for (int i = 0; i < _POSIX_THREAD_KEYS_MAX / 2; i++)
        ck_assert_ptr_eq(kind->get(keys[i]), &keys[i]);
}

static void check_set_all(void)
{
    int count = create_all(_POSIX_THREAD_KEYS_MAX / 2);
    ck_assert_int_eq(count, _POSIX_THREAD_KEYS_MAX / 2);
    kind->run(set_all);
    set_all();
}
ASSERTION_OF_BOTH(pthread_setspecific, tss_set, 4, "every key can have a value in every thread",
                  check_set_all)

static void set_in_destructor(void *value)
{
    calls++;
    given = value;
    set(other, B);
    found = kind->get(other);
}

static void check_set_in_destructor(void)
{
    key = create(set_in_destructor);
    other = create(NULL);
    kind->run(set_key);
    ck_assert_int_eq(calls, 1);
    ck_assert_ptr_eq(found, B);
}
ASSERTION_OF_BOTH(pthread_setspecific, tss_set, 5, "may be called by a destructor",
                  check_set_in_destructor)

ASSERTION_OF_BOTH(pthread_setspecific, tss_set, 6,
                  "a signal handler that runs meanwhile changes nothing; no EINTR", check_hail)

UNTESTED(pthread_setspecific, 7, "fails with ENOMEM when there is no memory for the value",
         "no way is known to make a value need memory")
UNTESTED(tss_set, 7, "returns thrd_error if it cannot set the value",
         "no way is known to make that happen with a key that exists")

/* ---- Constants ---- */

static const long keys_max =
#ifdef PTHREAD_KEYS_MAX
    PTHREAD_KEYS_MAX;
#else
    -1;
#endif
static const long iterations =
#ifdef PTHREAD_DESTRUCTOR_ITERATIONS
    PTHREAD_DESTRUCTOR_ITERATIONS;
#else
    -1;
#endif
static const int c_iterations = TSS_DTOR_ITERATIONS;

/* A limit: at least what POSIX demands, and at run time what the header says or more. */
static void check_limit(long constant, long at_run_time, long least)
{
    if (constant != -1) {
        ck_assert_int_ge(constant, least);
        ck_assert(at_run_time == -1 || at_run_time >= constant);
    }
    ck_assert(at_run_time == -1 || at_run_time >= least);
}

ASSERTION_OF_NAME(PTHREAD_KEYS_MAX, 1,
                  "is at least 128, and sysconf(_SC_THREAD_KEYS_MAX) not less than it")
{
    check_limit(keys_max, sysconf(_SC_THREAD_KEYS_MAX), _POSIX_THREAD_KEYS_MAX);
}

ASSERTION_OF_NAME(PTHREAD_KEYS_MAX, 2, "a process can have 128 keys")
{
    kind = &posix;
    ck_assert_int_eq(create_all(_POSIX_THREAD_KEYS_MAX), _POSIX_THREAD_KEYS_MAX);
}

ASSERTION_OF_NAME(PTHREAD_DESTRUCTOR_ITERATIONS, 1,
                  "is at least 4, and sysconf(_SC_THREAD_DESTRUCTOR_ITERATIONS) not less than it")
{
    check_limit(iterations, sysconf(_SC_THREAD_DESTRUCTOR_ITERATIONS),
                _POSIX_THREAD_DESTRUCTOR_ITERATIONS);
}

ASSERTION_OF_NAME(TSS_DTOR_ITERATIONS, 1,
                  "is the greatest number of times that a destructor is called when a thread ends")
{
    kind = &c;
    key = create(set_again);
    kind->run(set_key);
    ck_assert_int_le(calls, c_iterations);
}
