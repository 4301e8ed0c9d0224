/*
 * Bytes that programs and debuggers look at, where glibc has them: who holds a mutex that knows its
 * owner, and who writes under a read-write lock. It is the kernel's tid, in children of which libc
 * knows nothing as well.
 */
#include "unit.h"

enum { LOCK_AT = 0, OWNER_AT = 8, KIND_AT = 16, WRITER_AT = 24 };
enum { TYPES = 2 };
static const int types[TYPES] = {PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK};

static pid_t shown(const void *object, int offset)
{
    int32_t value;
    memcpy(&value, (const char *)object + offset, sizeof value);
    return value;
}

/* libc defect: musl has the tid elsewhere. */
static bool shows(void)
{
#ifdef __GLIBC__
    return true;
#else
    return unit_on_furwock();
#endif
}

static int hold_mutex(void *argument)
{
    pthread_mutex_t *mutex = argument;
    int errors = pthread_mutex_lock(mutex) != 0;
    errors += shown(mutex, OWNER_AT) != unit_gettid();
    errors += shown(mutex, LOCK_AT) == 0;
    errors += pthread_mutex_unlock(mutex) != 0;
    errors += shown(mutex, OWNER_AT) != 0;
    errors += shown(mutex, LOCK_AT) != 0;
    return errors;
}

static int hold_rwlock(void *argument)
{
    pthread_rwlock_t *rwlock = argument;
    int errors = pthread_rwlock_wrlock(rwlock) != 0;
    errors += shown(rwlock, WRITER_AT) != unit_gettid();
    errors += pthread_rwlock_unlock(rwlock) != 0;
    errors += shown(rwlock, WRITER_AT) != 0;
    errors += pthread_rwlock_rdlock(rwlock) != 0;
    errors += shown(rwlock, WRITER_AT) != 0;
    errors += pthread_rwlock_unlock(rwlock) != 0;
    return errors;
}

START_TEST(a_held_mutex_that_knows_its_owner_shows_the_tid)
{
    if (!shows())
        unit_skip("libc shows it elsewhere");
    pthread_mutex_t mutex;
    ck_assert_int_eq(unit_mutex_init(&mutex, types[_i], 0, 0, 0), 0);
    ck_assert_int_eq(shown(&mutex, KIND_AT) & 3, types[_i]);
    ck_assert_int_eq(hold_mutex(&mutex), 0);
    ck_assert_int_eq(unit_elsewhere(hold_mutex, &mutex), 0);
    ck_assert_int_eq(hold_mutex(&mutex), 0);
}
END_TEST

START_TEST(a_write_lock_shows_the_tid)
{
    if (!shows())
        unit_skip("libc shows it elsewhere");
    pthread_rwlock_t rwlock;
    pthread_rwlockattr_t attr;
    ck_assert_int_eq(pthread_rwlockattr_init(&attr), 0);
    ck_assert_int_eq(pthread_rwlockattr_setpshared(&attr, _i), 0);
    ck_assert_int_eq(pthread_rwlock_init(&rwlock, &attr), 0);
    ck_assert_int_eq(hold_rwlock(&rwlock), 0);
    ck_assert_int_eq(unit_elsewhere(hold_rwlock, &rwlock), 0);
}
END_TEST

static pthread_mutex_t fresh, kept;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

/* The child took `kept` before the fork, as its parent's thread. */
static void look_in_child(int type, int generations);

static void look_in_child_of(int how, int type, int generations)
{
    pid_t child = unit_fork_by(how);
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        look_in_child(type, generations);
        _exit(0);
    }
    unit_reap(child);
}

static void look_in_child(int type, int generations)
{
    unit_child_assert(hold_mutex(&fresh) == 0);
    unit_child_assert(hold_rwlock(&rwlock) == 0);
    if (type == PTHREAD_MUTEX_RECURSIVE) {
        unit_child_assert(pthread_mutex_lock(&kept) == 0);
        unit_child_assert(shown(&kept, OWNER_AT) == unit_gettid());
        unit_child_assert(pthread_mutex_unlock(&kept) == 0);
    } else {
        unit_child_assert(pthread_mutex_lock(&kept) == EDEADLK);
    }
    /* in the child's child by another way, too: libc may take a grandparent's tid for its own */
    for (int how = BY_FORK; generations > 0 && how < FORKS; how++)
        if (how != BY_PLAIN_FORK)
            look_in_child_of(how, type, generations - 1);
    unit_child_assert(pthread_mutex_unlock(&kept) == 0);
    unit_child_assert(hold_mutex(&kept) == 0);
}

/* Loops: the two types, each by each fork. */
START_TEST(in_a_child_they_show_the_childs_tid)
{
    int how = _i / TYPES, type = types[_i % TYPES];
    if (!shows() || !unit_on_furwock())
        unit_skip("libc shows it elsewhere, or what it knew before a bare clone(2)");
    if (how == BY_PLAIN_FORK && !_Fork)
        unit_skip("no _Fork in this libc");
    ck_assert_int_eq(unit_mutex_init(&fresh, type, 0, 0, 0), 0);
    ck_assert_int_eq(unit_mutex_init(&kept, type, 0, 0, 0), 0);
    ck_assert_int_eq(pthread_mutex_lock(&kept), 0);
    look_in_child_of(how, type, 2);
    ck_assert_int_eq(shown(&kept, OWNER_AT), unit_gettid());
    ck_assert_int_eq(pthread_mutex_unlock(&kept), 0);
}
END_TEST

/* A thread that has asked for nothing before, and so begins in the child. */
static int look_from_thread(void *unused)
{
    (void)unused;
    pid_t child = unit_fork_by(BY_SYSTEM_CALL);
    if (child == 0) {
        unit_child_assert(hold_mutex(&fresh) == 0);
        unit_child_assert(hold_rwlock(&rwlock) == 0);
        _exit(0);
    }
    int status;
    return waitpid(child, &status, 0) != child || status != 0;
}

START_TEST(a_child_of_a_thread_without_history_shows_its_own_tid)
{
    if (!shows() || !unit_on_furwock())
        unit_skip("libc shows what it knew before a bare clone(2)");
    ck_assert_int_eq(unit_mutex_init(&fresh, types[_i], 0, 0, 0), 0);
    ck_assert_int_eq(unit_elsewhere(look_from_thread, NULL), 0);
}
END_TEST

/* Nobody has asked for the tid of the process between, of which libc knows. */
START_TEST(a_child_of_an_idle_child_shows_its_own_tid)
{
    if (!shows() || !unit_on_furwock())
        unit_skip("libc shows what it knew before a bare clone(2)");
    ck_assert_int_eq(unit_mutex_init(&fresh, types[_i], 0, 0, 0), 0);
    ck_assert_int_eq(hold_mutex(&fresh), 0);
    pid_t idle = unit_fork();
    if (idle == 0) {
        unit_child_assert(look_from_thread(NULL) == 0);
        _exit(0);
    }
    unit_reap(idle);
}
END_TEST

START_TEST(a_semaphore_shows_its_value_and_init_its_kind)
{
    sem_t sem;
    ck_assert_int_eq(sem_init(&sem, 0, 3), 0);
    ck_assert_int_eq(shown(&sem, 0), 3);
    ck_assert_int_eq(sem_wait(&sem), 0);
    ck_assert_int_eq(shown(&sem, 0), 2);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    ck_assert_int_eq(shown(&mutex, LOCK_AT), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    ck_assert_int_ne(shown(&mutex, shows() ? LOCK_AT : 4), 0);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(shown(&mutex, LOCK_AT), 0);
}
END_TEST

static Suite *shown_suite(void)
{
    Suite *suite = suite_create("shown");
    TCase *tcase = tcase_create("shown");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_held_mutex_that_knows_its_owner_shows_the_tid, 0, TYPES);
    tcase_add_loop_test(tcase, a_write_lock_shows_the_tid, 0, 2);
    tcase_add_loop_test(tcase, in_a_child_they_show_the_childs_tid, 0, FORKS * TYPES);
    tcase_add_loop_test(tcase, a_child_of_a_thread_without_history_shows_its_own_tid, 0, TYPES);
    tcase_add_loop_test(tcase, a_child_of_an_idle_child_shows_its_own_tid, 0, TYPES);
    tcase_add_test(tcase, a_semaphore_shows_its_value_and_init_its_kind);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(shown_suite)
