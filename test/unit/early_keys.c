/*
 * The first keys of a process, made by several threads at once before any constructor has run: what
 * the library needs from libc for their destructors is made then, and nobody is told that there is
 * none. The program runs itself again for each attempt.
 */
#include "unit.h"

enum { THREADS = 4, ATTEMPTS = 200 };

static atomic_int ready, refused, destroyed;

static void count(void *unused)
{
    (void)unused;
    atomic_fetch_add(&destroyed, 1);
}

static void *make_key(void *unused)
{
    pthread_key_t key;
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < THREADS)
        continue;
    if (pthread_key_create(&key, count) != 0 || pthread_setspecific(key, &ready) != 0)
        atomic_fetch_add(&refused, 1);
    return unused;
}

/* Ends the process, with the number of threads that found anything wrong. */
static _Noreturn void attempt(void)
{
    alarm(30);
    pthread_t threads[THREADS];
    int wrong = 0;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, make_key, NULL) != 0)
            _exit(THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        wrong += pthread_join(threads[i], NULL) != 0;
    wrong += THREADS - atomic_load(&destroyed);
    _exit(wrong + atomic_load(&refused));
}

/* glibc passes the arguments, and has no environment yet. */
static void before_all_constructors(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "attempt") == 0)
        attempt();
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char **) = before_all_constructors;

/* For a libc that does not know .preinit_array. */
__attribute__((constructor(101))) static void first_constructor(void)
{
    if (getenv("FURWOCK_TEST_ATTEMPT") != NULL)
        attempt();
}

START_TEST(threads_that_make_the_first_keys_at_once_all_succeed)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        pid_t child = unit_fork();
        if (child == 0) {
            char program[] = "/proc/self/exe";
            setenv("FURWOCK_TEST_ATTEMPT", "1", 1);
            execl(program, program, "attempt", (char *)NULL);
            _exit(127);
        }
        unit_reap(child);
    }
}
END_TEST

static Suite *early_keys_suite(void)
{
    Suite *suite = suite_create("early_keys");
    TCase *tcase = tcase_create("early_keys");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, threads_that_make_the_first_keys_at_once_all_succeed);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(early_keys_suite)
