/*
 * The earliest uses: from a function in .preinit_array, which runs before any constructor of any
 * shared object, and from the first of this program's own constructors. What was begun there goes
 * on in main and in the tests.
 */
#include "unit.h"
#include <threads.h>

enum { PREINIT, CONSTRUCTOR, MAIN, TEST, STAGES };

/* Check is not there yet: the line of the first thing that went wrong in a stage, or -1. */
static int went_wrong[STAGES];
static bool ran[STAGES];
static int stage;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition) && went_wrong[stage] == 0)                                                \
            went_wrong[stage] = __LINE__;                                                          \
    } while (0)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int runs;
static bool arrived, may_go;

/* These are begun in the first stage that runs, and go on in the later ones. */
static pthread_mutex_t held, recursive;
static pthread_key_t key, counted_key;
static sem_t permits;
static int stages_so_far;

static void run_once(void)
{
    runs++;
}

static void count_in_value(void *value)
{
    atomic_fetch_add((atomic_int *)value, 1);
}

static int init_typed(pthread_mutex_t *typed, int type)
{
    pthread_mutexattr_t attr;
    return pthread_mutexattr_init(&attr) | pthread_mutexattr_settype(&attr, type) |
           pthread_mutex_init(typed, &attr) | pthread_mutexattr_destroy(&attr);
}

static void use_local_objects(void)
{
    struct timespec past = {0, 0};
    pthread_spinlock_t spin;
    pthread_barrier_t barrier;
    mtx_t mtx;
    cnd_t cnd;
    sem_t sem;
    EXPECT(pthread_mutex_lock(&mutex) == 0);
    EXPECT(pthread_mutex_trylock(&mutex) == EBUSY);
    EXPECT(pthread_cond_signal(&cond) == 0);
    EXPECT(pthread_cond_broadcast(&cond) == 0);
    EXPECT(pthread_cond_timedwait(&cond, &mutex, &past) == ETIMEDOUT);
    EXPECT(pthread_mutex_unlock(&mutex) == 0);
    EXPECT(pthread_rwlock_rdlock(&rwlock) == 0);
    EXPECT(pthread_rwlock_trywrlock(&rwlock) == EBUSY);
    EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
    EXPECT(pthread_rwlock_wrlock(&rwlock) == 0);
    EXPECT(pthread_rwlock_tryrdlock(&rwlock) == EBUSY);
    EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
    EXPECT(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
    EXPECT(pthread_spin_lock(&spin) == 0);
    EXPECT(pthread_spin_unlock(&spin) == 0);
    EXPECT(pthread_barrier_init(&barrier, NULL, 1) == 0);
    EXPECT(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
    EXPECT(pthread_barrier_destroy(&barrier) == 0);
    EXPECT(sem_init(&sem, 0, 1) == 0);
    EXPECT(sem_wait(&sem) == 0);
    EXPECT(sem_timedwait(&sem, &past) == -1 && errno == ETIMEDOUT);
    EXPECT(sem_trywait(&sem) == -1 && errno == EAGAIN);
    EXPECT(sem_destroy(&sem) == 0);
    EXPECT(mtx_init(&mtx, mtx_timed | mtx_recursive) == thrd_success);
    EXPECT(mtx_lock(&mtx) == thrd_success);
    EXPECT(mtx_trylock(&mtx) == thrd_success);
    EXPECT(cnd_init(&cnd) == thrd_success);
    EXPECT(mtx_unlock(&mtx) == thrd_success);
    EXPECT(cnd_timedwait(&cnd, &mtx, &past) == thrd_timedout);
    EXPECT(mtx_unlock(&mtx) == thrd_success);
    cnd_destroy(&cnd);
    mtx_destroy(&mtx);
}

static void continue_objects(void)
{
    static int values[STAGES];
    if (stages_so_far++ == 0) {
        EXPECT(init_typed(&held, PTHREAD_MUTEX_ERRORCHECK) == 0);
        EXPECT(init_typed(&recursive, PTHREAD_MUTEX_RECURSIVE) == 0);
        EXPECT(pthread_key_create(&key, NULL) == 0);
        EXPECT(pthread_getspecific(key) == NULL);
        EXPECT(sem_init(&permits, 0, 0) == 0);
        EXPECT(pthread_mutex_lock(&held) == 0);
    } else {
        EXPECT(pthread_getspecific(key) == &values[stages_so_far - 2]);
    }
    /* Held since the first stage by this very thread, and by the child that is its replica. */
    if (stage != TEST || unit_on_furwock()) {
        EXPECT(pthread_mutex_lock(&held) == EDEADLK);
        EXPECT(pthread_mutex_unlock(&held) == 0);
        EXPECT(pthread_mutex_lock(&held) == 0);
        EXPECT(pthread_mutex_lock(&recursive) == 0);
        for (int i = 0; i < stages_so_far; i++)
            EXPECT(pthread_mutex_unlock(&recursive) == 0);
        EXPECT(pthread_mutex_unlock(&recursive) == EPERM);
        for (int i = 0; i < stages_so_far; i++)
            EXPECT(pthread_mutex_lock(&recursive) == 0);
    }
    EXPECT(pthread_setspecific(key, &values[stages_so_far - 1]) == 0);
    EXPECT(pthread_getspecific(key) == &values[stages_so_far - 1]);
    EXPECT(sem_post(&permits) == 0);
    int value = 0;
    EXPECT(sem_getvalue(&permits, &value) == 0 && value == stages_so_far);
    EXPECT(pthread_once(&once, run_once) == 0);
    EXPECT(runs == 1);
}

static void *meet(void *count)
{
    EXPECT(pthread_getspecific(key) == NULL);
    EXPECT(pthread_setspecific(counted_key, count) == 0);
    EXPECT(pthread_mutex_trylock(&held) == EBUSY);
    EXPECT(pthread_mutex_unlock(&held) == EPERM);
    EXPECT(pthread_mutex_lock(&mutex) == 0);
    arrived = true;
    EXPECT(pthread_cond_signal(&cond) == 0);
    while (!may_go)
        EXPECT(pthread_cond_wait(&cond, &mutex) == 0);
    EXPECT(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void use_thread(void)
{
    atomic_int count = 0;
    pthread_t thread;
    arrived = may_go = false;
    EXPECT(pthread_key_create(&counted_key, count_in_value) == 0);
    bool created = pthread_create(&thread, NULL, meet, &count) == 0;
    EXPECT(created);
    if (created) {
        EXPECT(pthread_mutex_lock(&mutex) == 0);
        while (!arrived)
            EXPECT(pthread_cond_wait(&cond, &mutex) == 0);
        may_go = true;
        EXPECT(pthread_cond_broadcast(&cond) == 0);
        EXPECT(pthread_mutex_unlock(&mutex) == 0);
        EXPECT(pthread_join(thread, NULL) == 0);
        EXPECT(atomic_load(&count) == 1);
    }
    EXPECT(pthread_key_delete(counted_key) == 0);
}

static void use_everything(int now)
{
    stage = now;
    ran[stage] = true;
    use_local_objects();
    continue_objects();
    use_thread();
}

static void before_all_constructors(void)
{
    /* Check is not there to end it, until main calls it. */
    alarm(60);
    use_everything(PREINIT);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(void) = before_all_constructors;

__attribute__((constructor(101))) static void first_constructor(void)
{
    use_everything(CONSTRUCTOR);
}

START_TEST(before_all_constructors_everything_works)
{
#ifdef __GLIBC__
    ck_assert(ran[PREINIT]);
#endif
    /* A libc that does not know .preinit_array does not come here. */
    ck_assert_msg(went_wrong[PREINIT] == 0, "line %d", went_wrong[PREINIT]);
}
END_TEST

START_TEST(in_the_first_constructor_everything_works)
{
    ck_assert(ran[CONSTRUCTOR]);
    ck_assert_msg(went_wrong[CONSTRUCTOR] == 0, "line %d", went_wrong[CONSTRUCTOR]);
}
END_TEST

START_TEST(in_main_everything_goes_on)
{
    ck_assert(ran[MAIN]);
    ck_assert_msg(went_wrong[MAIN] == 0, "line %d", went_wrong[MAIN]);
}
END_TEST

START_TEST(in_a_forked_child_everything_goes_on)
{
    use_everything(TEST);
    ck_assert_msg(went_wrong[TEST] == 0, "line %d", went_wrong[TEST]);
}
END_TEST

static Suite *early_suite(void)
{
    Suite *suite = suite_create("early");
    TCase *tcase = tcase_create("early");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, before_all_constructors_everything_works);
    tcase_add_test(tcase, in_the_first_constructor_everything_works);
    tcase_add_test(tcase, in_main_everything_goes_on);
    tcase_add_test(tcase, in_a_forked_child_everything_goes_on);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    use_everything(MAIN);
    alarm(0);
    return unit_run(early_suite());
}
