/*
 * Spin locks: XSH pthread_spin_destroy, pthread_spin_lock, pthread_spin_unlock. A spin lock knows
 * no owner, so that a test needs another thread only where one is to spin.
 */
#include "conform.h"

static void init(pthread_spinlock_t *lock)
{
    ck_assert_int_eq(pthread_spin_init(lock, PTHREAD_PROCESS_PRIVATE), 0);
}

static int just_lock(void *lock)
{
    return pthread_spin_lock((pthread_spinlock_t *)lock);
}

static int just_try(void *lock)
{
    return pthread_spin_trylock((pthread_spinlock_t *)lock);
}

static int just_unlock(void *lock)
{
    return pthread_spin_unlock((pthread_spinlock_t *)lock);
}

static void is_locked(pthread_spinlock_t *lock)
{
    ck_assert_int_eq(unit_elsewhere(just_try, (void *)lock), EBUSY);
}

/* Who tries must unlock, so it is one thread that does both. */
static int try_and_unlock(void *lock)
{
    int error = just_try(lock);
    return error ? error : just_unlock(lock);
}

static void is_unlocked(pthread_spinlock_t *lock)
{
    ck_assert_int_eq(unit_elsewhere(try_and_unlock, (void *)lock), 0);
}

/* Milliseconds of processor time that a thread has used. */
static int64_t used_ms(pthread_t thread)
{
    clockid_t clock;
    struct timespec used;
    ck_assert_int_eq(pthread_getcpuclockid(thread, &clock), 0);
    ck_assert_int_eq(clock_gettime(clock, &used), 0);
    return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/*
 * Wait until a call must have come to the lock, by the processor time that its thread has had, or
 * because it sleeps; hold that it has not returned.
 */
static void must_spin(struct unit_call *call)
{
    enum { ENOUGH_MS = 5 };
    unit_wait_for(&call->tid, 1);
    int64_t before = used_ms(call->thread);
    while (used_ms(call->thread) - before < ENOUGH_MS) {
        ck_assert_msg(!atomic_load(&call->returned), "it returned");
        char state = unit_state(getpid(), atomic_load(&call->tid));
        ck_assert_int_ne(state, 0);
        if (state == 'S')
            break;
        nanosleep(&(struct timespec){0, 500000}, NULL);
    }
    ck_assert_msg(!atomic_load(&call->returned), "it returned");
}

static int lock_and_unlock(void *lock)
{
    int error = just_lock(lock);
    return error ? error : just_unlock(lock);
}

static int init_and_destroy(void *lock)
{
    int error = pthread_spin_init((pthread_spinlock_t *)lock, PTHREAD_PROCESS_PRIVATE);
    return error ? error : pthread_spin_destroy((pthread_spinlock_t *)lock);
}

/* Threads that add to a number which nothing but the lock protects. */
struct sum {
    int (*lock)(void *);
    pthread_spinlock_t spin;
    int value, inside;
};
enum { ADDERS = 4, ADDITIONS = 2000 };

static int add(void *argument)
{
    struct sum *sum = argument;
    for (int i = 0; i < ADDITIONS; i++) {
        int error;
        while ((error = sum->lock((void *)&sum->spin)) == EBUSY)
            sched_yield();
        ck_assert_int_eq(error, 0);
        ck_assert_int_eq(sum->inside++, 0);
        sum->value++;
        if (i % 64 == 0)
            sched_yield();
        sum->inside--;
        ck_assert_int_eq(pthread_spin_unlock(&sum->spin), 0);
    }
    return 0;
}

static void check_excludes(int (*lock)(void *))
{
    struct sum sum = {.lock = lock};
    struct unit_call calls[ADDERS];
    init(&sum.spin);
    for (int i = 0; i < ADDERS; i++)
        unit_start(&calls[i], add, &sum);
    for (int i = 0; i < ADDERS; i++)
        unit_finish(&calls[i]);
    ck_assert_int_eq(sum.value, ADDERS * ADDITIONS);
}

/* pthread_spin_init() */

ASSERTION(pthread_spin_init, 1, "leaves the lock unlocked, and returns 0")
{
    pthread_spinlock_t lock;
    memset((void *)&lock, 0xa5, sizeof lock);
    ck_assert_int_eq(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE), 0);
    is_unlocked(&lock);
    memset((void *)&lock, 0xa5, sizeof lock);
    ck_assert_int_eq(pthread_spin_init(&lock, PTHREAD_PROCESS_SHARED), 0);
    is_unlocked(&lock);
}

ASSERTION(pthread_spin_init, 2, "processes can use a process-shared lock, at any address of it")
{
    struct shared {
        pthread_spinlock_t lock;
        atomic_int stage;
    };
    int fd = unit_memory(sizeof(struct shared));
    struct shared *here = unit_map(fd, sizeof *here), *there = unit_map(fd, sizeof *there);
    ck_assert_ptr_ne(here, there);
    ck_assert_int_eq(pthread_spin_init(&here->lock, PTHREAD_PROCESS_SHARED), 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(pthread_spin_lock(&there->lock) == 0);
        atomic_store(&there->stage, 1);
        unit_wait_for(&there->stage, 2);
        unit_child_assert(pthread_spin_unlock(&there->lock) == 0);
        _exit(0);
    }
    unit_wait_for(&here->stage, 1);
    ck_assert_int_eq(pthread_spin_trylock(&here->lock), EBUSY);
    struct unit_call call;
    unit_start(&call, lock_and_unlock, (void *)&here->lock);
    must_spin(&call);
    atomic_store(&here->stage, 2);
    ck_assert_int_eq(unit_finish(&call), 0);
    unit_reap(pid);
    is_unlocked(&here->lock);
}

ASSERTION(pthread_spin_init, 3, "the threads of the process can use a process-private lock")
{
    pthread_spinlock_t lock;
    struct unit_call call;
    ck_assert_int_eq(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE), 0);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    unit_start(&call, lock_and_unlock, (void *)&lock);
    must_spin(&call);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
}

UNTESTED(pthread_spin_init, 4,
         "fails with EAGAIN when the system lacks a resource for another lock",
         "a lock takes no resource beyond its memory")
UNTESTED(pthread_spin_init, 5, "fails with ENOMEM when there is no memory for the lock",
         "the caller provides the memory, and no way is known to make a lock need more")

ASSERTION(pthread_spin_init, 6, "never returns EINTR")
{
    pthread_spinlock_t lock;
    hail(init_and_destroy, (void *)&lock);
}

/* pthread_spin_destroy() */

ASSERTION(pthread_spin_destroy, 1, "destroys an unlocked lock, and returns 0")
{
    pthread_spinlock_t lock;
    init(&lock);
    ck_assert_int_eq(pthread_spin_destroy(&lock), 0);
    ck_assert_int_eq(pthread_spin_init(&lock, PTHREAD_PROCESS_SHARED), 0);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(pthread_spin_destroy(&lock), 0);
}

ASSERTION(pthread_spin_destroy, 2, "a destroyed lock can be initialised and used again")
{
    pthread_spinlock_t lock;
    for (int i = 0; i < 3; i++) {
        init(&lock);
        ck_assert_int_eq(pthread_spin_lock(&lock), 0);
        is_locked(&lock);
        ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
        is_unlocked(&lock);
        ck_assert_int_eq(pthread_spin_destroy(&lock), 0);
    }
}

UNTESTED(pthread_spin_destroy, 3, "releases whatever the lock has used",
         "what that is, if there is anything, cannot be seen from outside")

ASSERTION(pthread_spin_destroy, 4, "never returns EINTR")
{
    pthread_spinlock_t lock;
    hail(init_and_destroy, (void *)&lock);
}

/* pthread_spin_lock() */

ASSERTION(pthread_spin_lock, 1, "acquires a lock that no thread holds, and returns 0")
{
    pthread_spinlock_t lock;
    init(&lock);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    is_locked(&lock);
}

ASSERTION(pthread_spin_lock, 2, "does not return while another thread holds the lock")
{
    pthread_spinlock_t lock;
    struct unit_call call;
    init(&lock);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    unit_start(&call, just_lock, (void *)&lock);
    must_spin(&call);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    is_locked(&lock);
}

ASSERTION(pthread_spin_lock, 3,
          "no two threads hold a lock at a time, and each sees what the last one wrote")
{
    check_excludes(just_lock);
}

UNTESTED(pthread_spin_lock, 4, "may fail with EDEADLK when it detects a deadlock",
         "it may as well spin for ever, and to lock what one holds is undefined")

ASSERTION(pthread_spin_lock, 5, "never returns EINTR, whether or not it spins")
{
    pthread_spinlock_t lock;
    struct unit_call call;
    init(&lock);
    catch_signal(SIGUSR1, count_signal, 0);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    unit_start(&call, lock_and_unlock, (void *)&lock);
    must_spin(&call);
    for (int i = 1; i <= 20; i++) {
        ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
        unit_wait_for(&handled, i);
    }
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    hail(lock_and_unlock, (void *)&lock);
}

/* pthread_spin_trylock() */

ASSERTION(pthread_spin_trylock, 1, "acquires a lock that no thread holds, and returns 0")
{
    pthread_spinlock_t lock;
    init(&lock);
    ck_assert_int_eq(pthread_spin_trylock(&lock), 0);
    is_locked(&lock);
}

ASSERTION(pthread_spin_trylock, 2, "fails with EBUSY while another thread holds the lock")
{
    pthread_spinlock_t lock;
    init(&lock);
    ck_assert_int_eq(unit_elsewhere(just_lock, (void *)&lock), 0);
    ck_assert_int_eq(pthread_spin_trylock(&lock), EBUSY);
    ck_assert_int_eq(pthread_spin_trylock(&lock), EBUSY);
}

ASSERTION(pthread_spin_trylock, 3, "fails with EBUSY while the caller holds the lock")
{
    pthread_spinlock_t lock;
    init(&lock);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    ck_assert_int_eq(pthread_spin_trylock(&lock), EBUSY);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    ck_assert_int_eq(pthread_spin_trylock(&lock), 0);
    ck_assert_int_eq(pthread_spin_trylock(&lock), EBUSY);
}

ASSERTION(pthread_spin_trylock, 4,
          "no two threads hold a lock at a time, and each sees what the last one wrote")
{
    check_excludes(just_try);
}

ASSERTION(pthread_spin_trylock, 5, "never returns EINTR")
{
    pthread_spinlock_t lock;
    init(&lock);
    hail(try_and_unlock, (void *)&lock);
}

/* pthread_spin_unlock() */

ASSERTION(pthread_spin_unlock, 1, "releases a lock that pthread_spin_lock locked, and returns 0")
{
    pthread_spinlock_t lock;
    init(&lock);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    is_unlocked(&lock);
}

ASSERTION(pthread_spin_unlock, 2, "releases a lock that pthread_spin_trylock locked, and returns 0")
{
    pthread_spinlock_t lock;
    init(&lock);
    ck_assert_int_eq(pthread_spin_trylock(&lock), 0);
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    is_unlocked(&lock);
}

/* A thread that tells when it has the lock, and keeps it until told. */
struct user {
    pthread_spinlock_t *lock;
    atomic_int has, leave;
    struct unit_call call;
};

static int use(void *argument)
{
    struct user *user = argument;
    ck_assert_int_eq(pthread_spin_lock(user->lock), 0);
    atomic_store(&user->has, 1);
    unit_wait_for(&user->leave, 1);
    return pthread_spin_unlock(user->lock);
}

ASSERTION(pthread_spin_unlock, 3, "one of the spinning threads acquires it, and no other")
{
    pthread_spinlock_t lock;
    struct user users[2] = {{.lock = &lock}, {.lock = &lock}};
    init(&lock);
    ck_assert_int_eq(pthread_spin_lock(&lock), 0);
    for (int i = 0; i < 2; i++) {
        unit_start(&users[i].call, use, &users[i]);
        must_spin(&users[i].call);
    }
    ck_assert_int_eq(pthread_spin_unlock(&lock), 0);
    while (!atomic_load(&users[0].has) && !atomic_load(&users[1].has))
        sched_yield();
    struct user *first = &users[!atomic_load(&users[0].has)];
    struct user *second = &users[first == &users[0]];
    must_spin(&second->call);
    ck_assert_int_eq(atomic_load(&second->has), 0);
    atomic_store(&first->leave, 1);
    ck_assert_int_eq(unit_finish(&first->call), 0);
    unit_wait_for(&second->has, 1);
    atomic_store(&second->leave, 1);
    ck_assert_int_eq(unit_finish(&second->call), 0);
}

ASSERTION(pthread_spin_unlock, 4, "never returns EINTR")
{
    pthread_spinlock_t lock;
    init(&lock);
    hail(lock_and_unlock, (void *)&lock);
}
