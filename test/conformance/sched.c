/*
 * The scheduling of threads that run: XSH, pthread_getschedparam, pthread_setschedparam,
 * pthread_setschedprio, and what XSH 2.8.4 says of the latter.
 */
#include "conform.h"
#include <sys/resource.h>

/* Become a user without privileges, who may not even use what priorities limits allow. */
static void drop_privileges(void)
{
    enum { NOBODY = 54321 };
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_RTPRIO, &none) != 0)
        unsupported("cannot set limits");
    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0)
        unsupported("cannot become another user");
}

static int set(pthread_t id, int policy, int priority)
{
    struct sched_param param = {.sched_priority = priority};
    return pthread_setschedparam(id, policy, &param);
}

/* Hold that the thread is scheduled so, according to pthread_getschedparam(). */
static void check(pthread_t id, int policy, int priority)
{
    struct sched_param param = {.sched_priority = -1};
    int found = -1;
    ck_assert_int_eq(pthread_getschedparam(id, &found, &param), 0);
    ck_assert_int_eq(found, policy);
    ck_assert_int_eq(param.sched_priority, priority);
}

/* The same according to the kernel. */
static void check_in_kernel(pid_t tid, int policy, int priority)
{
    struct sched_param param;
    ck_assert_int_eq(syscall(SYS_sched_getscheduler, tid), policy);
    ck_assert_int_eq(syscall(SYS_sched_getparam, tid, &param), 0);
    ck_assert_int_eq(param.sched_priority, priority);
}

static atomic_int leave;

static int stay(void *arg)
{
    (void)arg;
    unit_wait_for(&leave, 1);
    return 0;
}

static struct unit_call other;

static void start_other(void)
{
    unit_start(&other, stay, NULL);
    unit_wait_for(&other.tid, 1);
}

static void end_other(void)
{
    atomic_store(&leave, 1);
    unit_finish(&other);
}

/* pthread_getschedparam */

ASSERTION(pthread_getschedparam, 1, "stores the policy and the parameters; returns 0")
{
    check(pthread_self(), SCHED_OTHER, sched_get_priority_min(SCHED_OTHER));
}

ASSERTION(pthread_getschedparam, 2, "stores those of another thread")
{
    need_realtime();
    start_other();
    ck_assert_int_eq(set(other.thread, SCHED_RR, 7), 0);
    check(other.thread, SCHED_RR, 7);
    check(pthread_self(), SCHED_OTHER, sched_get_priority_min(SCHED_OTHER));
    end_other();
}

ASSERTION(pthread_getschedparam, 3, "stores what the latest pthread_setschedparam() has set")
{
    need_realtime();
    ck_assert_int_eq(set(pthread_self(), SCHED_FIFO, 3), 0);
    ck_assert_int_eq(set(pthread_self(), SCHED_RR, 2), 0);
    check(pthread_self(), SCHED_RR, 2);
}

ASSERTION(pthread_getschedparam, 4, "stores the priority that pthread_setschedprio() has set since")
{
    need_realtime();
    ck_assert_int_eq(set(pthread_self(), SCHED_FIFO, 3), 0);
    ck_assert_int_eq(pthread_setschedprio(pthread_self(), 5), 0);
    check(pthread_self(), SCHED_FIFO, 5);
}

ASSERTION(pthread_getschedparam, 5, "stores what pthread_create() has set, before the thread runs")
{
    struct sched_param param = {.sched_priority = 4};
    pthread_attr_t attr;
    pthread_t id;
    need_realtime();
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_FIFO), 0);
    ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), 0);
    ck_assert_int_eq(
        pthread_create(&id, &attr, unit_call_thread, &(struct unit_call){.function = stay}), 0);
    check(id, SCHED_FIFO, 4);
    atomic_store(&leave, 1);
    ck_assert_int_eq(pthread_join(id, NULL), 0);
}

static int lock(void *mutex)
{
    ck_assert_int_eq(set(pthread_self(), SCHED_FIFO, 10), 0);
    ck_assert_int_eq(pthread_mutex_lock(mutex), 0);
    return pthread_mutex_unlock(mutex);
}

ASSERTION(pthread_getschedparam, 6, "does not reflect what the thread inherits by a mutex")
{
    struct unit_call waiter;
    pthread_mutex_t mutex;
    need_realtime();
    if (unit_mutex_init(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE,
                        PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT) != 0)
        unsupported("no PTHREAD_PRIO_INHERIT");
    ck_assert_int_eq(set(pthread_self(), SCHED_FIFO, 3), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    unit_start(&waiter, lock, &mutex);
    unit_wait_until_blocked(&waiter);
    check(pthread_self(), SCHED_FIFO, 3);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(unit_finish(&waiter), 0);
}

ASSERTION(pthread_getschedparam, 7, "does not reflect the ceiling of a mutex that the thread holds")
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    need_realtime();
    ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
    if (pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT) != 0)
        unsupported("no PTHREAD_PRIO_PROTECT");
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 20), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    ck_assert_int_eq(set(pthread_self(), SCHED_FIFO, 3), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutex), 0);
    check(pthread_self(), SCHED_FIFO, 3);
    ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
    check(pthread_self(), SCHED_FIFO, 3);
}

/* pthread_setschedparam */

ASSERTION(pthread_setschedparam, 1, "sets the calling thread's policy and parameters; returns 0")
{
    need_realtime();
    ck_assert_int_eq(set(pthread_self(), SCHED_FIFO, 3), 0);
    check_in_kernel(unit_gettid(), SCHED_FIFO, 3);
    ck_assert_int_eq(set(pthread_self(), SCHED_RR, 4), 0);
    check_in_kernel(unit_gettid(), SCHED_RR, 4);
}

ASSERTION(pthread_setschedparam, 2, "sets another thread's, and that one's alone")
{
    need_realtime();
    start_other();
    ck_assert_int_eq(set(other.thread, SCHED_RR, 4), 0);
    check_in_kernel(atomic_load(&other.tid), SCHED_RR, 4);
    check_in_kernel(unit_gettid(), SCHED_OTHER, 0);
    end_other();
}

ASSERTION(pthread_setschedparam, 3, "sets SCHED_OTHER too, without any privilege")
{
    drop_privileges();
    ck_assert_int_eq(set(pthread_self(), SCHED_OTHER, sched_get_priority_min(SCHED_OTHER)), 0);
    check(pthread_self(), SCHED_OTHER, sched_get_priority_min(SCHED_OTHER));
}

ASSERTION(pthread_setschedparam, 4,
          "every priority from sched_get_priority_min() to _max() is valid")
{
    static const int policies[] = {SCHED_FIFO, SCHED_RR};
    need_realtime();
    for (int i = 0; i < 2; i++)
        for (int priority = sched_get_priority_min(policies[i]);
             priority <= sched_get_priority_max(policies[i]); priority++) {
            ck_assert_int_eq(set(pthread_self(), policies[i], priority), 0);
            check_in_kernel(unit_gettid(), policies[i], priority);
        }
}

/* A refusal leaves the other thread as it was; EINVAL and ENOTSUP may stand for each other. */
static void check_refused(int error, int policy, int priority)
{
    ck_assert_msg(error == EINVAL || error == ENOTSUP, "it returned %d", error);
    check(other.thread, policy, priority);
    check_in_kernel(atomic_load(&other.tid), policy, priority);
}

ASSERTION(pthread_setschedparam, 5,
          "fails with ENOTSUP or EINVAL for a policy that is none, and "
          "changes nothing")
{
    start_other();
    check_refused(set(other.thread, -12345, 0), SCHED_OTHER, 0);
    end_other();
}

ASSERTION(pthread_setschedparam, 6,
          "fails with ENOTSUP or EINVAL for a priority beyond the "
          "policy's, and changes nothing")
{
    need_realtime();
    start_other();
    ck_assert_int_eq(set(other.thread, SCHED_RR, 4), 0);
    check_refused(set(other.thread, SCHED_RR, sched_get_priority_max(SCHED_RR) + 1), SCHED_RR, 4);
    check_refused(set(other.thread, SCHED_FIFO, sched_get_priority_min(SCHED_FIFO) - 1), SCHED_RR,
                  4);
    end_other();
}

ASSERTION(pthread_setschedparam, 7, "returns EPERM without the privilege, and changes nothing")
{
    drop_privileges();
    start_other();
    ck_assert_int_eq(set(other.thread, SCHED_FIFO, 1), EPERM);
    check(other.thread, SCHED_OTHER, 0);
    end_other();
}

/* pthread_setschedprio */

ASSERTION(pthread_setschedprio, 1, "sets the calling thread's priority, not its policy; returns 0")
{
    need_realtime();
    ck_assert_int_eq(set(pthread_self(), SCHED_RR, 3), 0);
    ck_assert_int_eq(pthread_setschedprio(pthread_self(), 6), 0);
    check_in_kernel(unit_gettid(), SCHED_RR, 6);
}

ASSERTION(pthread_setschedprio, 2, "sets another thread's, and that one's alone")
{
    need_realtime();
    start_other();
    ck_assert_int_eq(set(pthread_self(), SCHED_RR, 3), 0);
    ck_assert_int_eq(set(other.thread, SCHED_FIFO, 3), 0);
    ck_assert_int_eq(pthread_setschedprio(other.thread, 2), 0);
    check_in_kernel(atomic_load(&other.tid), SCHED_FIFO, 2);
    check_in_kernel(unit_gettid(), SCHED_RR, 3);
    end_other();
}

/* Both threads on one processor, the caller with priority 10, the other about to run with 5. */
static atomic_int noted;

static void *note_policy(void *arg)
{
    atomic_store(&noted, 1);
    return arg;
}

static pthread_t start_ready(void)
{
    struct sched_param param = {.sched_priority = 5};
    cpu_set_t one;
    pthread_attr_t attr;
    pthread_t id;
    need_realtime();
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_int_eq(set(pthread_self(), SCHED_FIFO, 10), 0);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_FIFO), 0);
    ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), 0);
    ck_assert_int_eq(pthread_create(&id, &attr, note_policy, NULL), 0);
    return id;
}

static void spin(long ms)
{
    for (int64_t end = unit_now_ms() + ms; unit_now_ms() < end;)
        ;
}

ASSERTION(pthread_setschedprio, 3,
          "lowers the priority of a thread that runs to the head of its "
          "new list: it does not yield to others of that priority")
{
    pthread_t id = start_ready();
    ck_assert_int_eq(pthread_setschedprio(pthread_self(), 5), 0);
    spin(10);
    ck_assert_int_eq(atomic_load(&noted), 0);
    ck_assert_int_eq(pthread_join(id, NULL), 0);
}

ASSERTION(pthread_setschedprio, 4, "the thread yields at once to one that is now more urgent")
{
    pthread_t id = start_ready();
    ck_assert_int_eq(atomic_load(&noted), 0);
    ck_assert_int_eq(pthread_setschedprio(pthread_self(), 4), 0);
    ck_assert_int_eq(atomic_load(&noted), 1);
    ck_assert_int_eq(pthread_join(id, NULL), 0);
}

ASSERTION(pthread_setschedprio, 5, "a priority that does not change moves the thread nowhere")
{
    pthread_t id = start_ready();
    ck_assert_int_eq(pthread_setschedprio(id, 10), 0);
    ck_assert_int_eq(pthread_setschedprio(pthread_self(), 10), 0);
    spin(10);
    ck_assert_int_eq(atomic_load(&noted), 0);
    ck_assert_int_eq(pthread_join(id, NULL), 0);
}

ASSERTION(pthread_setschedprio, 6,
          "fails with EINVAL for a priority beyond the policy's, and "
          "changes nothing")
{
    need_realtime();
    start_other();
    ck_assert_int_eq(set(other.thread, SCHED_RR, 4), 0);
    check_refused(pthread_setschedprio(other.thread, sched_get_priority_max(SCHED_RR) + 1),
                  SCHED_RR, 4);
    end_other();
}

ASSERTION(pthread_setschedprio, 7, "returns EPERM without the privilege, and changes nothing")
{
    need_realtime();
    start_other();
    ck_assert_int_eq(set(other.thread, SCHED_FIFO, 4), 0);
    drop_privileges();
    ck_assert_int_eq(pthread_setschedprio(other.thread, 5), EPERM);
    check(other.thread, SCHED_FIFO, 4);
    end_other();
}
