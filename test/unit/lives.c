/* Many threads: at once, one after the other, and more than the system allows. */
#include "unit.h"
#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static int tries(int by_default)
{
    const char *text = getenv("UNIT_TRIES");
    return text ? atoi(text) : by_default;
}

/* Pages of the process: mapped, and in memory. */
static void read_size(long *mapped, long *resident)
{
    FILE *f = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%ld %ld", mapped, resident), 2);
    fclose(f);
}

static int count_threads(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count - 2;
}

static void wait_until_alone(void)
{
    struct timespec nap = {0, 100000};
    while (count_threads() > 1)
        nanosleep(&nap, NULL);
}

static void *return_argument(void *argument)
{
    return argument;
}

static void live_and_join(int count)
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        void *result;
        ck_assert_int_eq(pthread_create(&thread, NULL, return_argument, &result), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_ptr_eq(result, &result);
    }
}

START_TEST(threads_that_are_joined_leave_nothing)
{
    long mapped, resident, mapped_after, resident_after;
    live_and_join(1000);
    read_size(&mapped, &resident);
    live_and_join(tries(30000));
    read_size(&mapped_after, &resident_after);
    ck_assert_int_le(mapped_after, mapped + 64);
    ck_assert_int_le(resident_after, resident + 64);
}
END_TEST

/* How many detached threads are there at once depends on the scheduler, so it is bounded here. */
static sem_t room;

static void *make_room(void *unused)
{
    (void)unused;
    sem_post(&room);
    return NULL;
}

static void live_detached(int count)
{
    pthread_attr_t detached;
    ck_assert_int_eq(pthread_attr_init(&detached), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED), 0);
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        ck_assert_int_eq(sem_wait(&room), 0);
        ck_assert_int_eq(pthread_create(&thread, &detached, make_room, NULL), 0);
    }
    ck_assert_int_eq(pthread_attr_destroy(&detached), 0);
    wait_until_alone();
}

START_TEST(threads_that_are_detached_leave_nothing)
{
    long mapped, resident, mapped_after, resident_after;
    ck_assert_int_eq(sem_init(&room, 0, 8), 0);
    live_detached(5000);
    read_size(&mapped, &resident);
    live_detached(tries(30000));
    read_size(&mapped_after, &resident_after);
    /* a stack too many may be kept for each that can be ending at once: 8 MiB on glibc */
    ck_assert_int_le(resident_after, resident + 8 * 16);
    ck_assert_int_le(mapped_after, mapped + 64 * 2049);
}
END_TEST

/* Ten thousand at once, each with something of its own. */

enum { CROWD = 10000 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int present;
    bool leave;
} crowd = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};

static __thread int own;

static void *stand_in_crowd(void *number)
{
    own = (int)(intptr_t)number;
    pthread_mutex_lock(&crowd.mutex);
    if (++crowd.present == CROWD)
        pthread_cond_broadcast(&crowd.cond);
    while (!crowd.leave)
        pthread_cond_wait(&crowd.cond, &crowd.mutex);
    pthread_mutex_unlock(&crowd.mutex);
    return (void *)(intptr_t)own;
}

START_TEST(ten_thousand_threads_are_alive_at_once)
{
    static pthread_t threads[CROWD];
    pthread_attr_t small;
    ck_assert_int_eq(pthread_attr_init(&small), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&small, 64 << 10), 0);
    for (int i = 0; i < CROWD; i++) {
        int error = pthread_create(&threads[i], &small, stand_in_crowd, (void *)(intptr_t)i);
        if (error == EAGAIN && i > 0) {
            fprintf(stderr, "skipped: %s: the system allows %d threads\n", __func__, i);
            _exit(0);
        }
        ck_assert_int_eq(error, 0);
    }
    ck_assert_int_eq(pthread_mutex_lock(&crowd.mutex), 0);
    while (crowd.present < CROWD)
        ck_assert_int_eq(pthread_cond_wait(&crowd.cond, &crowd.mutex), 0);
    crowd.leave = true;
    ck_assert_int_eq(pthread_cond_broadcast(&crowd.cond), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&crowd.mutex), 0);
    for (int i = 0; i < CROWD; i++) {
        void *number;
        ck_assert_int_eq(pthread_join(threads[i], &number), 0);
        ck_assert_int_eq((int)(intptr_t)number, i);
    }
    ck_assert_int_eq(pthread_attr_destroy(&small), 0);
}
END_TEST

/* A limit is reached: EAGAIN, nothing is lost, and with the limit gone all is well again. */

static pthread_mutex_t stop = PTHREAD_MUTEX_INITIALIZER;

static void *stay(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&stop);
    pthread_mutex_unlock(&stop);
    return NULL;
}

/* Creates threads until that fails. */
static int fill_up(pthread_t *threads, int most, int *error)
{
    pthread_attr_t large;
    int count = 0;
    unit_child_assert(pthread_attr_init(&large) == 0);
    unit_child_assert(pthread_attr_setstacksize(&large, 1 << 20) == 0);
    unit_child_assert(pthread_mutex_lock(&stop) == 0);
    while (count < most && (*error = pthread_create(&threads[count], &large, stay, NULL)) == 0)
        count++;
    /* what fails, fails again, and costs nothing */
    for (int more = 0; more < 100 && *error != 0; more++)
        unit_child_assert(pthread_create(&threads[count], &large, stay, NULL) == *error);
    unit_child_assert(pthread_attr_destroy(&large) == 0);
    return count;
}

static void empty(pthread_t *threads, int count)
{
    unit_child_assert(pthread_mutex_unlock(&stop) == 0);
    for (int i = 0; i < count; i++)
        unit_child_assert(pthread_join(threads[i], NULL) == 0);
}

enum { MOST = 4000, FILLINGS = 10 };

static void meet_limit(int which, rlim_t value)
{
    static pthread_t threads[MOST];
    struct rlimit limit, narrow;
    unit_child_assert(getrlimit(which, &limit) == 0);
    narrow = (struct rlimit){value, limit.rlim_max};
    int first = 0, error = 0;
    for (int i = 0; i < FILLINGS; i++) {
        unit_child_assert(setrlimit(which, &narrow) == 0);
        int count = fill_up(threads, MOST, &error);
        unit_child_assert(error == EAGAIN && count > 0);
        empty(threads, count);
        unit_child_assert(setrlimit(which, &limit) == 0);
        if (i == 0)
            first = count;
        /* glibc keeps up to 40 MiB of stacks; the first time there were none */
        unit_child_assert(i == 0 || count >= first - 8);
    }
    pthread_t thread;
    unit_child_assert(pthread_create(&thread, NULL, return_argument, NULL) == 0);
    unit_child_assert(pthread_join(thread, NULL) == 0);
    _exit(0);
}

START_TEST(without_address_space_create_fails_and_loses_nothing)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        long mapped, resident;
        read_size(&mapped, &resident);
        meet_limit(RLIMIT_AS, (rlim_t)mapped * (rlim_t)sysconf(_SC_PAGESIZE) + (100 << 20));
    }
    unit_reap(pid);
}
END_TEST

START_TEST(without_processes_create_fails_and_loses_nothing)
{
    if (getuid() != 0)
        unit_skip("needs a user of its own");
    pid_t pid = unit_fork();
    if (pid == 0) {
        /* root is not limited; of this user nothing else runs */
        unit_child_assert(setgid(54321) == 0 && setuid(54321) == 0);
        unit_child_assert(prctl(PR_SET_DUMPABLE, 1) == 0);
        meet_limit(RLIMIT_NPROC, 40);
    }
    unit_reap(pid);
}
END_TEST

static int fail_in_attributes(void *unused)
{
    (void)unused;
    pthread_attr_t attributes;
    struct sched_param param = {.sched_priority = 1};
    cpu_set_t none;
    long mapped, resident, mapped_after, resident_after;
    pthread_t thread;
    CPU_ZERO(&none);
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    /* a priority that the policy does not have */
    ck_assert_int_eq(pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attributes, SCHED_OTHER), 0);
    ck_assert_int_eq(pthread_attr_setschedparam(&attributes, &param), 0);
    for (int i = 0; i < 2000; i++) {
        if (i == 1000)
            read_size(&mapped, &resident);
        ck_assert_int_eq(pthread_create(&thread, &attributes, stay, NULL), EINVAL);
    }
    wait_until_alone();
    read_size(&mapped_after, &resident_after);
    ck_assert_int_le(resident_after, resident + 8);
    ck_assert_int_le(mapped_after, mapped);
    ck_assert_int_eq(pthread_attr_destroy(&attributes), 0);
    return 0;
}

START_TEST(attributes_that_the_system_refuses_leave_no_thread)
{
    if (!unit_on_furwock_threads())
        unit_skip("libc's own threads");
    fail_in_attributes(NULL);
}
END_TEST

static Suite *lives_suite(void)
{
    Suite *suite = suite_create("lives");
    TCase *many = tcase_create("many");
    tcase_set_timeout(many, 300);
    tcase_add_test(many, threads_that_are_joined_leave_nothing);
    tcase_add_test(many, threads_that_are_detached_leave_nothing);
    tcase_add_test(many, ten_thousand_threads_are_alive_at_once);
    suite_add_tcase(suite, many);

    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, without_address_space_create_fails_and_loses_nothing);
    tcase_add_test(limits, without_processes_create_fails_and_loses_nothing);
    tcase_add_test(limits, attributes_that_the_system_refuses_leave_no_thread);
    suite_add_tcase(suite, limits);
    return suite;
}

UNIT_MAIN(lives_suite)
