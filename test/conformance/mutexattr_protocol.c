/*
 * Attributes of mutexes: XSH pthread_mutexattr_getprioceiling and pthread_mutexattr_getprotocol, and
 * what the protocols do to the priority of an owner.
 */
#include "mutexattr.h"

/* pthread_mutexattr_getprioceiling(), pthread_mutexattr_setprioceiling() */

ASSERTION(pthread_mutexattr_getprioceiling, 1, "gives the ceiling, and returns 0")
{
    pthread_mutexattr_t attr;
    int ceiling = -1;
    need_protect();
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 17), 0);
    ck_assert_int_eq(pthread_mutexattr_getprioceiling(&attr, &ceiling), 0);
    ck_assert_int_eq(ceiling, 17);
}

ASSERTION(pthread_mutexattr_getprioceiling, 2,
          "what it gives is a priority of SCHED_FIFO, from init")
{
    pthread_mutexattr_t attr;
    int ceiling = -1;
    need_protect();
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_getprioceiling(&attr, &ceiling), 0);
    ck_assert_int_ge(ceiling, sched_get_priority_min(SCHED_FIFO));
    ck_assert_int_le(ceiling, sched_get_priority_max(SCHED_FIFO));
}

UNTESTED(pthread_mutexattr_getprioceiling, 3,
         "may fail with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static int get_ceiling(pthread_mutexattr_t *attr)
{
    int ceiling;
    return pthread_mutexattr_getprioceiling(attr, &ceiling);
}

ASSERTION(pthread_mutexattr_getprioceiling, 4, "never returns EINTR")
{
    need_protect();
    hail_attr(get_ceiling);
}

ASSERTION(pthread_mutexattr_setprioceiling, 1, "sets the ceiling, nothing else, and returns 0")
{
    pthread_mutexattr_t attr;
    need_protect();
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 17), 0);
    attr_has_ceiling(&attr, 17);
    has_protocol(&attr, PTHREAD_PRIO_PROTECT);
    has_defaults_but(&attr, PROTOCOL);
}

ASSERTION(pthread_mutexattr_setprioceiling, 2, "takes every priority of SCHED_FIFO")
{
    pthread_mutexattr_t attr;
    need_protect();
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    int lowest = sched_get_priority_min(SCHED_FIFO), highest = sched_get_priority_max(SCHED_FIFO);
    for (int ceiling = lowest; ceiling <= highest; ceiling++) {
        ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, ceiling), 0);
        attr_has_ceiling(&attr, ceiling);
    }
}

ASSERTION(pthread_mutexattr_setprioceiling, 3, "is the ceiling of the mutexes initialised with it")
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    int ceiling = -1;
    need_protect();
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 17), 0);
    ck_assert_int_eq(pthread_mutex_init(&mutex, &attr), 0);
    ck_assert_int_eq(pthread_mutexattr_setprioceiling(&attr, 18), 0);
    ck_assert_int_eq(pthread_mutex_getprioceiling(&mutex, &ceiling), 0);
    ck_assert_int_eq(ceiling, 17);
}

ASSERTION(pthread_mutexattr_setprioceiling, 4,
          "may fail with EINVAL, and nothing else, for what is no priority of SCHED_FIFO")
{
    pthread_mutexattr_t attr;
    need_protect();
    int wrong[] = {sched_get_priority_min(SCHED_FIFO) - 1, sched_get_priority_max(SCHED_FIFO) + 1};
    init_attr(&attr);
    ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0);
    for (int i = 0; i < 2; i++) {
        int error = pthread_mutexattr_setprioceiling(&attr, wrong[i]);
        ck_assert_msg(error == 0 || error == EINVAL, "error %d", error);
    }
}

UNTESTED(pthread_mutexattr_setprioceiling, 5,
         "may fail with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static int set_ceiling(pthread_mutexattr_t *attr)
{
    return pthread_mutexattr_setprioceiling(attr, 17);
}

ASSERTION(pthread_mutexattr_setprioceiling, 6, "never returns EINTR")
{
    need_protect();
    hail_attr(set_ceiling);
}

/* pthread_mutexattr_getprotocol() */

static const int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_PROTECT};
enum { PROTOCOLS = 3 };

ASSERTION(pthread_mutexattr_getprotocol, 1, "gives the protocol, and returns 0")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    for (int p = 0; p < PROTOCOLS; p++) {
        int protocol = -1;
        if (!has_option(protocols[p]))
            continue;
        ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, protocols[p]), 0);
        ck_assert_int_eq(pthread_mutexattr_getprotocol(&attr, &protocol), 0);
        ck_assert_int_eq(protocol, protocols[p]);
    }
}

ASSERTION(pthread_mutexattr_getprotocol, 2, "the default is PTHREAD_PRIO_NONE")
{
    pthread_mutexattr_t attr;
    init_attr(&attr);
    has_protocol(&attr, PTHREAD_PRIO_NONE);
}

UNTESTED(pthread_mutexattr_getprotocol, 3,
         "may fail with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static int get_protocol(pthread_mutexattr_t *attr)
{
    int protocol;
    return pthread_mutexattr_getprotocol(attr, &protocol);
}

ASSERTION(pthread_mutexattr_getprotocol, 4, "never returns EINTR")
{
    hail_attr(get_protocol);
}

/*
 * pthread_mutexattr_setprotocol(). Where the priority of an owner is in question, all threads are
 * of SCHED_FIFO, and the kernel tells at which priority it runs each.
 */

static void i_run_at(int priority)
{
    ck_assert_int_eq(unit_priority(unit_gettid()), priority);
}

static void init_inherit(pthread_mutex_t *mutex, int robust)
{
    ck_assert_int_eq(unit_mutex_init(mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED, robust,
                                     PTHREAD_PRIO_INHERIT),
                     0);
}

/* A thread that locks one mutex after another, and unlocks them when told. */
struct owner {
    pthread_mutex_t *mutexes[2];
    int priority;
    atomic_int has; /* how many */
    atomic_int leave;
    struct unit_call call;
};

static int own(void *argument)
{
    struct owner *owner = argument;
    set_priority(SCHED_FIFO, owner->priority);
    for (int i = 0; i < 2 && owner->mutexes[i] != NULL; i++) {
        lock(owner->mutexes[i]);
        atomic_fetch_add(&owner->has, 1);
    }
    unit_wait_for(&owner->leave, 1);
    for (int i = 1; i >= 0; i--)
        if (owner->mutexes[i] != NULL)
            unlock(owner->mutexes[i]);
    return 0;
}

static void start_owner(struct owner *owner, int priority, pthread_mutex_t *first,
                        pthread_mutex_t *second)
{
    *owner = (struct owner){.mutexes = {first, second}, .priority = priority};
    unit_start(&owner->call, own, owner);
}

static void owner_waits(struct owner *owner, int has)
{
    unit_wait_for(&owner->has, has);
    unit_wait_until_blocked(&owner->call);
    ck_assert_int_eq(atomic_load(&owner->has), has);
}

static void start_waiter(struct owner *owner, int priority, pthread_mutex_t *mutex)
{
    start_owner(owner, priority, mutex, NULL);
    owner_waits(owner, 0);
}

static void owner_leaves(struct owner *owner)
{
    atomic_store(&owner->leave, 1);
    ck_assert_int_eq(unit_finish(&owner->call), 0);
}

static pid_t tid_of(struct owner *owner)
{
    return atomic_load(&owner->call.tid);
}

ASSERTION(pthread_mutexattr_setprotocol, 1, "sets the protocol, nothing else, and returns 0")
{
    for (int p = 0; p < PROTOCOLS; p++) {
        pthread_mutexattr_t attr;
        if (!has_option(protocols[p]))
            continue;
        init_attr(&attr);
        ck_assert_int_eq(pthread_mutexattr_setprotocol(&attr, protocols[p]), 0);
        has_protocol(&attr, protocols[p]);
        has_defaults_but(&attr, PROTOCOL);
    }
}

ASSERTION(pthread_mutexattr_setprotocol, 2,
          "PTHREAD_PRIO_NONE: to own the mutex does not change the priority, whoever waits")
{
    pthread_mutex_t mutex;
    struct owner waiter;
    set_priority(SCHED_FIFO, 10);
    ck_assert_int_eq(pthread_mutex_init(&mutex, NULL), 0);
    lock(&mutex);
    i_run_at(10);
    start_waiter(&waiter, 20, &mutex);
    i_run_at(10);
    unlock(&mutex);
    i_run_at(10);
    owner_leaves(&waiter);
}

static void check_inherits(int robust)
{
    pthread_mutex_t mutex;
    struct owner waiters[3];
    need_inherit();
    set_priority(SCHED_FIFO, 10);
    init_inherit(&mutex, robust);
    lock(&mutex);
    i_run_at(10);
    start_waiter(&waiters[0], 20, &mutex);
    i_run_at(20);
    start_waiter(&waiters[1], 15, &mutex);
    i_run_at(20);
    start_waiter(&waiters[2], 25, &mutex);
    i_run_at(25);
    unlock(&mutex);
    i_run_at(10);
    for (int i = 0; i < 3; i++)
        atomic_store(&waiters[i].leave, 1);
    for (int i = 0; i < 3; i++)
        owner_leaves(&waiters[i]);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 3,
    "PTHREAD_PRIO_INHERIT: an owner runs at the priority of the highest that waits, meanwhile")
{
    check_inherits(PTHREAD_MUTEX_STALLED);
}

ASSERTION(pthread_mutexattr_setprotocol, 4, "PTHREAD_PRIO_INHERIT: the same if it is robust")
{
    check_inherits(PTHREAD_MUTEX_ROBUST);
}

ASSERTION(pthread_mutexattr_setprotocol, 5,
          "PTHREAD_PRIO_INHERIT: an owner of a higher priority than those who wait keeps its own")
{
    pthread_mutex_t mutex;
    struct owner waiter;
    need_inherit();
    set_priority(SCHED_FIFO, 30);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_waiter(&waiter, 20, &mutex);
    i_run_at(30);
    unlock(&mutex);
    owner_leaves(&waiter);
}

ASSERTION(pthread_mutexattr_setprotocol, 6,
          "PTHREAD_PRIO_INHERIT: with several mutexes, the highest that waits for any, as long as "
          "that one is owned")
{
    pthread_mutex_t first, second;
    struct owner of_first, of_second;
    need_inherit();
    set_priority(SCHED_FIFO, 10);
    init_inherit(&first, PTHREAD_MUTEX_STALLED);
    init_inherit(&second, PTHREAD_MUTEX_ROBUST);
    lock(&first);
    lock(&second);
    start_waiter(&of_first, 20, &first);
    start_waiter(&of_second, 25, &second);
    i_run_at(25);
    unlock(&second);
    i_run_at(20);
    unlock(&first);
    i_run_at(10);
    owner_leaves(&of_first);
    owner_leaves(&of_second);
}

ASSERTION(pthread_mutexattr_setprotocol, 7,
          "PTHREAD_PRIO_INHERIT: who acquires the mutex inherits from those who still wait")
{
    pthread_mutex_t mutex;
    struct owner owner, low, high;
    need_inherit();
    set_priority(SCHED_FIFO, 40);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_waiter(&owner, 10, &mutex);
    unlock(&mutex);
    unit_wait_for(&owner.has, 1);
    ck_assert_int_eq(unit_priority(tid_of(&owner)), 10);
    start_waiter(&low, 11, &mutex);
    ck_assert_int_eq(unit_priority(tid_of(&owner)), 11);
    start_waiter(&high, 20, &mutex);
    ck_assert_int_eq(unit_priority(tid_of(&owner)), 20);
    atomic_store(&high.leave, 1);
    atomic_store(&low.leave, 1);
    owner_leaves(&owner);
    owner_leaves(&high);
    owner_leaves(&low);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 8,
    "PTHREAD_PRIO_INHERIT: an owner that waits for another such mutex passes the priority on, "
    "and so does that one's owner")
{
    pthread_mutex_t a, b, c;
    struct owner first, second, third, high;
    need_inherit();
    set_priority(SCHED_FIFO, 40);
    init_inherit(&a, PTHREAD_MUTEX_STALLED);
    init_inherit(&b, PTHREAD_MUTEX_ROBUST);
    init_inherit(&c, PTHREAD_MUTEX_STALLED);
    start_owner(&first, 10, &a, NULL);
    unit_wait_for(&first.has, 1);
    start_owner(&second, 11, &b, &a);
    owner_waits(&second, 1);
    start_owner(&third, 12, &c, &b);
    owner_waits(&third, 1);
    ck_assert_int_eq(unit_priority(tid_of(&first)), 12);
    start_waiter(&high, 20, &c);
    ck_assert_int_eq(unit_priority(tid_of(&first)), 20);
    ck_assert_int_eq(unit_priority(tid_of(&second)), 20);
    ck_assert_int_eq(unit_priority(tid_of(&third)), 20);
    atomic_store(&first.leave, 1);
    unit_wait_for(&second.has, 2);
    ck_assert_int_eq(unit_priority(tid_of(&second)), 20);
    owner_leaves(&first);
    owner_leaves(&second);
    owner_leaves(&third);
    owner_leaves(&high);
}

ASSERTION(pthread_mutexattr_setprotocol, 9,
          "PTHREAD_PRIO_INHERIT: an owner runs at what is higher, its own priority or an inherited "
          "one, when its own is changed")
{
    pthread_mutex_t mutex;
    struct owner waiter;
    need_inherit();
    set_priority(SCHED_FIFO, 10);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_waiter(&waiter, 20, &mutex);
    set_priority(SCHED_FIFO, 12);
    i_run_at(20);
    set_priority(SCHED_FIFO, 22);
    i_run_at(22);
    set_priority(SCHED_FIFO, 11);
    i_run_at(20);
    unlock(&mutex);
    i_run_at(11);
    owner_leaves(&waiter);
}

static void check_protects(int robust)
{
    pthread_mutex_t mutex;
    need_protect();
    set_priority(SCHED_FIFO, 10);
    init_ceiling_of(&mutex, PTHREAD_MUTEX_NORMAL, robust, 20);
    lock(&mutex);
    i_run_at(20);
    unlock(&mutex);
    i_run_at(10);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
    i_run_at(20);
    unlock(&mutex);
    i_run_at(10);
}

ASSERTION(pthread_mutexattr_setprotocol, 10,
          "PTHREAD_PRIO_PROTECT: an owner runs at the ceiling, whether or not anybody waits")
{
    check_protects(PTHREAD_MUTEX_STALLED);
}

ASSERTION(pthread_mutexattr_setprotocol, 11, "PTHREAD_PRIO_PROTECT: the same if it is robust")
{
    check_protects(PTHREAD_MUTEX_ROBUST);
}

ASSERTION(pthread_mutexattr_setprotocol, 12,
          "PTHREAD_PRIO_PROTECT: with several mutexes, the highest of the ceilings of those owned")
{
    pthread_mutex_t mutexes[3];
    need_protect();
    set_priority(SCHED_FIFO, 10);
    for (int i = 0; i < 3; i++)
        init_ceiling_of(&mutexes[i], PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, 20 + i);
    lock(&mutexes[1]);
    i_run_at(21);
    lock(&mutexes[0]);
    i_run_at(21);
    lock(&mutexes[2]);
    i_run_at(22);
    unlock(&mutexes[1]);
    i_run_at(22);
    unlock(&mutexes[2]);
    i_run_at(20);
    unlock(&mutexes[0]);
    i_run_at(10);
}

ASSERTION(pthread_mutexattr_setprotocol, 13,
          "PTHREAD_PRIO_PROTECT: an owner runs at what is higher, its own priority or the ceiling, "
          "when its own is changed")
{
    pthread_mutex_t mutex;
    need_protect();
    set_priority(SCHED_FIFO, 10);
    init_ceiling_of(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, 20);
    lock(&mutex);
    set_priority(SCHED_FIFO, 12);
    i_run_at(20);
    set_priority(SCHED_FIFO, 22);
    i_run_at(22);
    set_priority(SCHED_FIFO, 11);
    i_run_at(20);
    unlock(&mutex);
    i_run_at(11);
}

ASSERTION(pthread_mutexattr_setprotocol, 14,
          "mutexes of different protocols: the highest priority that any of them would give")
{
    pthread_mutex_t none, inherit, protect;
    struct owner of_none, of_inherit;
    need_inherit();
    need_protect();
    set_priority(SCHED_FIFO, 10);
    ck_assert_int_eq(pthread_mutex_init(&none, NULL), 0);
    init_inherit(&inherit, PTHREAD_MUTEX_STALLED);
    init_ceiling_of(&protect, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, 20);
    lock(&none);
    lock(&inherit);
    lock(&protect);
    start_waiter(&of_none, 30, &none);
    i_run_at(20);
    start_waiter(&of_inherit, 25, &inherit);
    i_run_at(25);
    unlock(&inherit);
    i_run_at(20);
    unlock(&protect);
    i_run_at(10);
    unlock(&none);
    owner_leaves(&of_none);
    owner_leaves(&of_inherit);
}

/*
 * Queues of the scheduler: on one processor, a thread that has been made ready to run does so at
 * once if the running one of the same priority is moved to the tail of their queue.
 */

static struct {
    atomic_int tid;
    atomic_int begin; /* a futex word: a wakeup has to be no more than that */
    atomic_int ran;
} next;

static int run_next(void *argument)
{
    set_priority(SCHED_FIFO, *(int *)argument);
    atomic_store(&next.tid, unit_gettid());
    while (atomic_load(&next.begin) == 0)
        syscall(SYS_futex, &next.begin, 0 /* FUTEX_WAIT */, 0, NULL);
    atomic_store(&next.ran, 1);
    return 0;
}

static void stay_on_one_processor(void)
{
    cpu_set_t one;
    int cpu = sched_getcpu();
    CPU_ZERO(&one);
    CPU_SET(cpu < 0 ? 0 : cpu, &one);
    if (syscall(SYS_sched_setaffinity, 0, sizeof one, &one) != 0)
        unsupported("cannot be bound to a processor");
}

/* A thread of that priority is about to run after this one. */
static void start_next(struct unit_call *call, int *priority)
{
    unit_start(call, run_next, priority);
    unit_wait_for(&next.tid, 1);
    unit_wait_until_asleep(getpid(), atomic_load(&next.tid));
}

static void make_next_ready(void)
{
    atomic_store(&next.begin, 1);
    ck_assert_int_eq(syscall(SYS_futex, &next.begin, 1 /* FUTEX_WAKE */, 1), 1);
    ck_assert_msg(atomic_load(&next.ran) == 0, "no two threads share the processor");
}

static void next_has_not_run(void)
{
    ck_assert_msg(atomic_load(&next.ran) == 0, "the next thread has run");
}

static void next_runs(struct unit_call *call)
{
    sched_yield();
    ck_assert_msg(atomic_load(&next.ran) == 1, "the next thread has not run");
    unit_finish(call);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 15,
    "PTHREAD_PRIO_INHERIT: an owner whose own priority changes stays where it is in its queue")
{
    pthread_mutex_t mutex;
    struct owner waiter;
    struct unit_call call;
    int priority = 20;
    need_inherit();
    stay_on_one_processor();
    set_priority(SCHED_FIFO, 10);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_next(&call, &priority);
    start_waiter(&waiter, 20, &mutex);
    i_run_at(20);
    make_next_ready();
    set_priority(SCHED_FIFO, 11);
    next_has_not_run();
    set_priority(SCHED_FIFO, 9);
    next_has_not_run();
    next_runs(&call);
    unlock(&mutex);
    owner_leaves(&waiter);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 16,
    "PTHREAD_PRIO_PROTECT: an owner whose own priority changes stays where it is in its queue")
{
    pthread_mutex_t mutex;
    struct unit_call call;
    int priority = 20;
    need_protect();
    stay_on_one_processor();
    set_priority(SCHED_FIFO, 10);
    init_ceiling_of(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, 20);
    start_next(&call, &priority);
    lock(&mutex);
    make_next_ready();
    set_priority(SCHED_FIFO, 11);
    next_has_not_run();
    set_priority(SCHED_FIFO, 9);
    next_has_not_run();
    next_runs(&call);
    unlock(&mutex);
}

ASSERTION(pthread_mutexattr_setprotocol, 17,
          "PTHREAD_PRIO_INHERIT: who unlocks is not moved to the tail of the queue of its priority")
{
    pthread_mutex_t mutex;
    struct owner waiter;
    struct unit_call call;
    int priority = 20;
    need_inherit();
    stay_on_one_processor();
    set_priority(SCHED_FIFO, 20);
    init_inherit(&mutex, PTHREAD_MUTEX_STALLED);
    lock(&mutex);
    start_next(&call, &priority);
    make_next_ready();
    unlock(&mutex); /* nobody waits for it */
    next_has_not_run();
    next_runs(&call);

    /* And with a priority that it has inherited: the waiter is not above it, once it does not. */
    atomic_store(&next.tid, 0);
    atomic_store(&next.begin, 0);
    atomic_store(&next.ran, 0);
    lock(&mutex);
    start_next(&call, &priority);
    start_waiter(&waiter, 20, &mutex);
    make_next_ready();
    unlock(&mutex);
    next_has_not_run();
    next_runs(&call);
    owner_leaves(&waiter);
}

ASSERTION(pthread_mutexattr_setprotocol, 18,
          "PTHREAD_PRIO_PROTECT: who unlocks is not moved to the tail of the queue of its priority")
{
    pthread_mutex_t mutex;
    struct unit_call call;
    int priority = 20;
    need_protect();
    stay_on_one_processor();
    set_priority(SCHED_FIFO, 20);
    init_ceiling_of(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, 30);
    start_next(&call, &priority);
    lock(&mutex);
    i_run_at(30);
    make_next_ready();
    unlock(&mutex);
    next_has_not_run();
    i_run_at(20);
    next_runs(&call);
}

ASSERTION(
    pthread_mutexattr_setprotocol, 19,
    "fails with ENOTSUP for a protocol that is not supported; or with EINVAL if there is none")
{
    static const int values[] = {-1, 12345};
    pthread_mutexattr_t attr;
    init_attr(&attr);
    for (int i = 0; i < 2; i++) {
        int error = pthread_mutexattr_setprotocol(&attr, values[i]);
        ck_assert_msg(error == ENOTSUP || error == EINVAL, "error %d", error);
    }
    for (int p = 0; p < PROTOCOLS; p++) {
        int error = pthread_mutexattr_setprotocol(&attr, protocols[p]);
        ck_assert_msg(error == 0 || error == ENOTSUP, "error %d", error);
    }
}

UNTESTED(pthread_mutexattr_setprotocol, 20,
         "may fail with EPERM when the caller lacks a privilege for it",
         "which privilege, and whether one is needed, is the implementation's choice")

static int set_protocol(pthread_mutexattr_t *attr)
{
    return pthread_mutexattr_setprotocol(attr, PTHREAD_PRIO_NONE);
}

ASSERTION(pthread_mutexattr_setprotocol, 21, "never returns EINTR")
{
    hail_attr(set_protocol);
}
