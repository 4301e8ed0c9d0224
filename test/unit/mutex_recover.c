/*
 * FURWOCK=recover: whoever waits for a process-shared mutex that is not robust gets it when its holder has
 * been killed, and standard error says so. The option is that of the process that makes the mutex.
 */
#include "unit.h"
#include <fcntl.h>
#include <limits.h>

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    atomic_int stage, tid;
};

static int memory;
static struct shared *shared;

static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK,
                            PTHREAD_MUTEX_RECURSIVE};
static const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT};
enum { TYPES = 3, KINDS = 2 * TYPES };

/* False if there is no such option. */
static bool begin(int kind)
{
    if (!unit_on_furwock()) {
        fprintf(stderr, "skipped: mutex_recover: libc has no such option\n");
        return false;
    }
    memory = memfd_create("recover", 0);
    ck_assert_int_ge(memory, 0);
    ck_assert_int_eq(ftruncate(memory, sizeof *shared), 0);
    shared = unit_map(memory, sizeof *shared);
    pthread_mutexattr_t attr;
    pthread_condattr_t cond;
    must(pthread_mutexattr_init(&attr));
    must(pthread_mutexattr_settype(&attr, types[kind % TYPES]));
    must(pthread_mutexattr_setprotocol(&attr, protocols[kind / TYPES]));
    must(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
    must(pthread_mutex_init(&shared->mutex, &attr));
    must(pthread_condattr_init(&cond));
    must(pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED));
    must(pthread_cond_init(&shared->cond, &cond));
    return true;
}

/* Standard error goes into a pipe; what came out of it. */
static int errors, real_errors;

static void catch_errors(void)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    fflush(stderr);
    real_errors = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    errors = ends[0];
}

static const char *caught_errors(void)
{
    static char text[512];
    dup2(real_errors, STDERR_FILENO);
    ssize_t length = read(errors, text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    close(errors);
    return text;
}

static void expect_line(const char *said, int tid)
{
    char line[160];
    snprintf(line, sizeof line,
             "furwock: mutex at 0x%lx: thread %d has died holding it; it goes to the next\n",
             (unsigned long)&shared->mutex, tid);
    ck_assert_str_eq(said, line);
}

/* A process that locks it so often, and waits to be killed. */
static pid_t start_holder(int times)
{
    atomic_store(&shared->stage, 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        for (int i = 0; i < times; i++)
            unit_child_assert(pthread_mutex_lock(&shared->mutex) == 0);
        atomic_store(&shared->tid, unit_gettid());
        atomic_store(&shared->stage, 1);
        for (;;)
            pause();
    }
    unit_wait_for(&shared->stage, 1);
    return pid;
}

static int depth_of(int kind)
{
    return types[kind % TYPES] == PTHREAD_MUTEX_RECURSIVE ? 3 : 1;
}

/* Locked once, and working as one does. */
static void expect_mine(int kind)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(pthread_mutex_trylock(&shared->mutex) == EBUSY);
        unit_child_assert(pthread_mutex_unlock(&shared->mutex) == EPERM);
        _exit(0);
    }
    unit_reap(pid);
    if (types[kind % TYPES] == PTHREAD_MUTEX_RECURSIVE) {
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), 0);
        ck_assert_int_eq(pthread_mutex_unlock(&shared->mutex), 0);
    } else if (types[kind % TYPES] == PTHREAD_MUTEX_ERRORCHECK) {
        ck_assert_int_eq(pthread_mutex_lock(&shared->mutex), EDEADLK);
    }
    ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), EINVAL);
    ck_assert_int_eq(pthread_mutex_unlock(&shared->mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&shared->mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&shared->mutex), 0);
}

START_TEST(the_next_to_lock_gets_it_and_a_line_says_so)
{
    if (!begin(_i))
        return;
    for (enum form how = PLAIN; how <= FORMS; how++) {
        pid_t holder = start_holder(depth_of(_i));
        ck_assert_int_eq(pthread_mutex_trylock(&shared->mutex), EBUSY);
        unit_kill(holder);
        catch_errors();
        struct timespec deadline = unit_deadline(form_clock(how), 20000);
        int error = how == PLAIN   ? pthread_mutex_lock(&shared->mutex)
                    : how == FORMS ? pthread_mutex_trylock(&shared->mutex)
                    : how == TIMED || !HAVE(pthread_mutex_clocklock)
                        ? pthread_mutex_timedlock(&shared->mutex, &deadline)
                        : pthread_mutex_clocklock(&shared->mutex, form_clock(how), &deadline);
        const char *said = caught_errors();
        ck_assert_int_eq(error, 0);
        expect_line(said, atomic_load(&shared->tid));
        expect_mine(_i);
    }
}
END_TEST

static int lock_and_unlock(void *unused)
{
    (void)unused;
    int error = pthread_mutex_lock(&shared->mutex);
    return error ? error : pthread_mutex_unlock(&shared->mutex);
}

START_TEST(those_who_sleep_get_it_one_after_the_other)
{
    enum { SLEEPERS = 3 };
    if (!begin(_i))
        return;
    pid_t holder = start_holder(1);
    struct unit_call call[SLEEPERS];
    for (int i = 0; i < SLEEPERS; i++) {
        unit_start(&call[i], lock_and_unlock, NULL);
        unit_wait_until_blocked(&call[i]);
    }
    catch_errors();
    unit_kill(holder);
    int failures = 0;
    for (int i = 0; i < SLEEPERS; i++)
        failures += unit_finish(&call[i]) != 0;
    const char *said = caught_errors();
    ck_assert_int_eq(failures, 0);
    expect_line(said, atomic_load(&shared->tid));
}
END_TEST

static int wait_for_stage(void *unused)
{
    (void)unused;
    int error = pthread_mutex_lock(&shared->mutex);
    while (!error && atomic_load(&shared->stage) < 2)
        error = pthread_cond_wait(&shared->cond, &shared->mutex);
    return error ? error : pthread_mutex_unlock(&shared->mutex);
}

START_TEST(a_wait_for_a_condition_ends_with_it)
{
    if (!begin(_i))
        return;
    struct unit_call call;
    atomic_store(&shared->stage, 0);
    unit_start(&call, wait_for_stage, NULL);
    unit_wait_until_blocked(&call);
    pid_t holder = unit_fork();
    if (holder == 0) {
        unit_child_assert(pthread_mutex_lock(&shared->mutex) == 0);
        atomic_store(&shared->tid, unit_gettid());
        atomic_store(&shared->stage, 2);
        unit_child_assert(pthread_cond_signal(&shared->cond) == 0);
        atomic_store(&shared->stage, 3);
        for (;;)
            pause();
    }
    unit_wait_for(&shared->stage, 3);
    catch_errors();
    unit_kill(holder);
    int error = unit_finish(&call);
    const char *said = caught_errors();
    ck_assert_int_eq(error, 0);
    expect_line(said, atomic_load(&shared->tid));
}
END_TEST

START_TEST(nothing_is_said_while_nobody_dies)
{
    if (!begin(_i))
        return;
    catch_errors();
    int failures = 0;
    for (int i = 0; i < 1000; i++)
        failures += lock_and_unlock(NULL) != 0;
    const char *said = caught_errors();
    ck_assert_int_eq(failures, 0);
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(pthread_mutex_destroy(&shared->mutex), 0);
}
END_TEST

START_TEST(private_and_robust_mutexes_are_as_always)
{
    if (!begin(0))
        return;
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    ck_assert_int_eq(pthread_mutex_lock(&own), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&own), 0);
    pthread_mutexattr_t attr;
    int robust = -1;
    must(pthread_mutexattr_init(&attr));
    must(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
    must(pthread_mutexattr_getrobust(&attr, &robust));
    ck_assert_int_eq(robust, PTHREAD_MUTEX_STALLED);
    must(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
    must(pthread_mutex_init(&shared->mutex, &attr));
    unit_kill(start_holder(1));
    catch_errors();
    int error = pthread_mutex_lock(&shared->mutex);
    const char *said = caught_errors();
    ck_assert_int_eq(error, EOWNERDEAD);
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(pthread_mutex_consistent(&shared->mutex), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&shared->mutex), 0);
}
END_TEST

/* This program again, without the option: what it does with the memory. */
enum { LOCKS, HOLDS, MAKES, DEEDS };

static pid_t start_without(int deed)
{
    atomic_store(&shared->stage, 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        char fd[16], what[16];
        snprintf(fd, sizeof fd, "%d", memory);
        snprintf(what, sizeof what, "%d", deed);
        setenv("FURWOCK", "", 1);
        execl("/proc/self/exe", "mutex_recover", fd, what, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static int without(int fd, int deed)
{
    alarm(30);
    struct shared *here = mmap(NULL, sizeof *here, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (here == MAP_FAILED)
        return 1;
    if (deed == MAKES) {
        pthread_mutexattr_t attr;
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(&here->mutex, &attr);
    }
    int error = pthread_mutex_lock(&here->mutex);
    if (deed == LOCKS)
        return error ? error : pthread_mutex_unlock(&here->mutex);
    atomic_store(&here->tid, unit_gettid());
    atomic_store(&here->stage, 1);
    for (;;)
        pause();
}

START_TEST(who_shares_it_without_the_option_gives_and_gets_it)
{
    if (!begin(_i))
        return;
    unit_kill(start_holder(depth_of(_i)));
    unit_reap(start_without(LOCKS));
    pid_t holder = start_without(HOLDS);
    unit_wait_for(&shared->stage, 1);
    unit_kill(holder);
    catch_errors();
    int error = pthread_mutex_lock(&shared->mutex);
    const char *said = caught_errors();
    ck_assert_int_eq(error, 0);
    expect_line(said, atomic_load(&shared->tid));
    expect_mine(_i);
}
END_TEST

START_TEST(what_is_made_without_the_option_stays_with_the_dead)
{
    if (!begin(0))
        return;
    pid_t holder = start_without(MAKES);
    unit_wait_for(&shared->stage, 1);
    unit_kill(holder);
    struct timespec deadline = unit_deadline(CLOCK_REALTIME, 50);
    ck_assert_int_eq(pthread_mutex_timedlock(&shared->mutex, &deadline), ETIMEDOUT);
}
END_TEST

static Suite *recover_suite(void)
{
    Suite *suite = suite_create("mutex_recover");
    TCase *tcase = tcase_create("mutex_recover");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, the_next_to_lock_gets_it_and_a_line_says_so, 0, KINDS);
    tcase_add_loop_test(tcase, those_who_sleep_get_it_one_after_the_other, 0, KINDS);
    tcase_add_loop_test(tcase, a_wait_for_a_condition_ends_with_it, 0, KINDS);
    tcase_add_loop_test(tcase, nothing_is_said_while_nobody_dies, 0, KINDS);
    tcase_add_test(tcase, private_and_robust_mutexes_are_as_always);
    tcase_add_loop_test(tcase, who_shares_it_without_the_option_gives_and_gets_it, 0, KINDS);
    tcase_add_test(tcase, what_is_made_without_the_option_stays_with_the_dead);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return without(atoi(argv[1]), atoi(argv[2]));
    const char *options = getenv("FURWOCK");
    if (options == NULL || strstr(options, "recover") == NULL) {
        char more[64] = "recover";
        if (options != NULL && *options)
            snprintf(more, sizeof more, "%s,recover", options);
        setenv("FURWOCK", more, 1);
        execv("/proc/self/exe", argv);
        return 1;
    }
    return unit_run(recover_suite());
}
