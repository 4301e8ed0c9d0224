/*
 * What concerns a thread from outside: XSH pthread_atfork, pthread_equal, pthread_getcpuclockid,
 * pthread_kill, pthread_self and pthread_sigmask. POSIX.1-2024 no longer has pthread_getconcurrency.
 */
#include "thread.h"

/* pthread_self and pthread_equal */

ASSERTION(pthread_self, 1, "returns the calling thread's ID, the same at every call")
{
    struct waiter w;
    ck_assert(pthread_equal(pthread_self(), pthread_self()));
    start_waiter(&w, NULL);
    ck_assert(pthread_equal(w.self, w.id));
    ck_assert(!pthread_equal(w.self, pthread_self()));
    end_waiter(&w);
}

static void *use_id(void *arg)
{
    /* The ID serves to name its thread in any other. */
    ck_assert_int_eq(pthread_kill(*(pthread_t *)arg, 0), 0);
    return NULL;
}

ASSERTION(pthread_self, 2, "the initial thread has an ID too, valid in any thread")
{
    pthread_t self = pthread_self(), id;
    ck_assert_int_eq(pthread_create(&id, NULL, use_id, &self), 0);
    ck_assert_int_eq(pthread_join(id, NULL), 0);
}

ASSERTION(pthread_equal, 1, "returns non-zero for IDs of one thread")
{
    struct waiter w;
    start_waiter(&w, NULL);
    ck_assert_int_ne(pthread_equal(w.id, w.self), 0);
    end_waiter(&w);
}

ASSERTION(pthread_equal, 2, "returns zero for IDs of different threads")
{
    struct waiter one, two;
    start_waiter(&one, NULL);
    start_waiter(&two, NULL);
    ck_assert_int_eq(pthread_equal(one.id, two.id), 0);
    ck_assert_int_eq(pthread_equal(one.id, pthread_self()), 0);
    end_waiter(&one);
    end_waiter(&two);
}

/* pthread_atfork */

static void prepare_1(void)
{
    note('1');
}
static void prepare_2(void)
{
    note('2');
}
static void parent_1(void)
{
    note('p');
}
static void parent_2(void)
{
    note('q');
}
static void child_1(void)
{
    note('c');
}
static void child_2(void)
{
    note('d');
}

/* Fork and hold that this has happened in the parent, and that in the child. */
static void fork_and_compare(const char *in_parent, const char *in_child)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(strcmp(happened, in_child) == 0);
        _exit(0);
    }
    ck_assert_str_eq(happened, in_parent);
    unit_reap(pid);
}

ASSERTION(pthread_atfork, 1, "prepare runs before fork() begins, in the parent; returns 0")
{
    ck_assert_int_eq(pthread_atfork(prepare_1, NULL, NULL), 0);
    fork_and_compare("1", "1");
}

ASSERTION(pthread_atfork, 2, "parent runs after fork(), in the parent alone")
{
    ck_assert_int_eq(pthread_atfork(NULL, parent_1, NULL), 0);
    fork_and_compare("p", "");
}

ASSERTION(pthread_atfork, 3, "child runs after fork(), in the child alone")
{
    ck_assert_int_eq(pthread_atfork(NULL, NULL, child_1), 0);
    fork_and_compare("", "c");
}

ASSERTION(pthread_atfork, 4, "each of the three may be null")
{
    ck_assert_int_eq(pthread_atfork(NULL, NULL, NULL), 0);
    fork_and_compare("", "");
}

ASSERTION(pthread_atfork, 5,
          "parent and child functions run in order, prepare functions in reverse")
{
    ck_assert_int_eq(pthread_atfork(prepare_1, parent_1, child_1), 0);
    ck_assert_int_eq(pthread_atfork(prepare_2, parent_2, child_2), 0);
    fork_and_compare("21pq", "21cd");
}

static pid_t prepared_by, followed_by;

static void take_preparer(void)
{
    prepared_by = unit_gettid();
}

static void take_follower(void)
{
    followed_by = unit_gettid();
}

static int fork_here(void *arg)
{
    (void)arg;
    pid_t pid = unit_fork();
    if (pid == 0)
        _exit(followed_by != unit_gettid());
    unit_reap(pid);
    ck_assert_int_eq(prepared_by, unit_gettid());
    ck_assert_int_eq(followed_by, unit_gettid());
    return 0;
}

ASSERTION(pthread_atfork, 6, "they run in the thread that calls fork(), whichever registered them")
{
    ck_assert_int_eq(pthread_atfork(take_preparer, take_follower, take_follower), 0);
    unit_elsewhere(fork_here, NULL);
}

ASSERTION(pthread_atfork, 7, "returns ENOMEM when there is no room to record another")
{
    int error = 0;
    refuse_memory(true);
    for (int i = 0; error == 0 && i < 1 << 20; i++)
        error = pthread_atfork(NULL, NULL, NULL);
    refuse_memory(false);
    ck_assert_int_eq(error, ENOMEM);
}

extern pid_t _Fork(void) __attribute__((weak));

ASSERTION(pthread_atfork, 8, "_Fork() runs none of them")
{
    need(_Fork);
    ck_assert_int_eq(pthread_atfork(prepare_1, parent_1, child_1), 0);
    pid_t pid = _Fork();
    if (pid == 0)
        _exit(happened[0] != '\0');
    ck_assert_int_gt(pid, 0);
    unit_reap(pid);
    ck_assert_str_eq(happened, "");
}

/* pthread_getcpuclockid */

static clockid_t clock_of(pthread_t id)
{
    clockid_t clock;
    if (sysconf(_SC_THREAD_CPUTIME) <= 0)
        unsupported("no thread CPU-time clocks");
    ck_assert_int_eq(pthread_getcpuclockid(id, &clock), 0);
    return clock;
}

ASSERTION(pthread_getcpuclockid, 1, "stores the CPU-time clock of the caller, and returns 0")
{
    clockid_t clock = clock_of(pthread_self());
    int64_t before = nanoseconds(CLOCK_THREAD_CPUTIME_ID), between = nanoseconds(clock),
            after = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    ck_assert_int_le(before, between);
    ck_assert_int_le(between, after);
}

static void *burn_and_wait(void *arg)
{
    burn(30);
    return waiter(arg);
}

ASSERTION(pthread_getcpuclockid, 2, "stores the clock of another thread: counts what that burns")
{
    struct waiter w = {.result = &w};
    ck_assert_int_eq(pthread_create(&w.id, NULL, burn_and_wait, &w), 0);
    unit_wait_for(&w.tid, 1);
    ck_assert_int_ge(nanoseconds(clock_of(w.id)), 30000000);
    end_waiter(&w);
}

ASSERTION(pthread_getcpuclockid, 3, "the clock of another thread does not count the caller's time")
{
    struct waiter w;
    start_waiter(&w, NULL);
    clockid_t clock = clock_of(w.id);
    int64_t before = nanoseconds(clock), mine = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    burn(mine / 1000000 + 50);
    ck_assert_int_lt(nanoseconds(clock) - before, 25000000);
    end_waiter(&w);
}

/* pthread_kill */

ASSERTION(pthread_kill, 1, "sends the signal to that thread, which runs the handler; returns 0")
{
    struct waiter one, two;
    catch_signal(SIGUSR1, handle, 0);
    start_waiter(&one, NULL);
    start_waiter(&two, NULL);
    ck_assert_int_eq(pthread_kill(one.id, SIGUSR1), 0);
    unit_wait_for(&handled, 1);
    ck_assert_int_eq(atomic_load(&handler_tid), atomic_load(&one.tid));
    ck_assert_int_eq(pthread_kill(two.id, SIGUSR1), 0);
    unit_wait_for(&handled, 2);
    ck_assert_int_eq(atomic_load(&handler_tid), atomic_load(&two.tid));
    end_waiter(&one);
    end_waiter(&two);
}

struct blocker {
    pthread_t id;
    atomic_int ready, look, looked;
    sigset_t pending;
};

static void *block_and_look(void *arg)
{
    struct blocker *b = arg;
    atomic_store(&b->ready, 1);
    unit_wait_for(&b->look, 1);
    ck_assert_int_eq(sigpending(&b->pending), 0);
    return NULL;
}

ASSERTION(pthread_kill, 2, "a signal that the thread blocks is pending for it, not for the process")
{
    struct blocker b = {0};
    sigset_t blocked = only(SIGUSR1), here;
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    ck_assert_int_eq(pthread_create(&b.id, NULL, block_and_look, &b), 0);
    unit_wait_for(&b.ready, 1);
    ck_assert_int_eq(pthread_kill(b.id, SIGUSR1), 0);
    atomic_store(&b.look, 1);
    ck_assert_int_eq(pthread_join(b.id, NULL), 0);
    ck_assert_int_eq(sigpending(&here), 0);
    ck_assert_int_eq(sigismember(&b.pending, SIGUSR1), 1);
    ck_assert_int_eq(sigismember(&here, SIGUSR1), 0);
}

ASSERTION(pthread_kill, 3, "checks, but sends nothing, if sig is 0")
{
    struct blocker b = {0};
    sigset_t all;
    sigfillset(&all);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &all, NULL), 0);
    ck_assert_int_eq(pthread_create(&b.id, NULL, block_and_look, &b), 0);
    unit_wait_for(&b.ready, 1);
    ck_assert_int_eq(pthread_kill(b.id, 0), 0);
    atomic_store(&b.look, 1);
    ck_assert_int_eq(pthread_join(b.id, NULL), 0);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        ck_assert_int_le(sigismember(&b.pending, signal), 0);
}

ASSERTION(pthread_kill, 4, "returns EINVAL for what is no signal number")
{
    struct waiter w;
    start_waiter(&w, NULL);
    ck_assert_int_eq(pthread_kill(w.id, -1), EINVAL);
    ck_assert_int_eq(pthread_kill(w.id, SIGRTMAX + 1), EINVAL);
    ck_assert_int_eq(pthread_kill(w.id, INT_MAX), EINVAL);
    end_waiter(&w);
}

ASSERTION(pthread_kill, 5, "sends nothing if it fails")
{
    struct blocker b = {0};
    sigset_t all;
    sigfillset(&all);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &all, NULL), 0);
    ck_assert_int_eq(pthread_create(&b.id, NULL, block_and_look, &b), 0);
    unit_wait_for(&b.ready, 1);
    ck_assert_int_ne(pthread_kill(b.id, SIGRTMAX + 1), 0);
    atomic_store(&b.look, 1);
    ck_assert_int_eq(pthread_join(b.id, NULL), 0);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        ck_assert_int_le(sigismember(&b.pending, signal), 0);
}

ASSERTION(pthread_kill, 6, "a thread that has ended and is not joined still has its ID: returns 0")
{
    struct waiter w;
    start_waiter(&w, NULL);
    atomic_store(&w.go, 1);
    wait_until_gone(&w.tid);
    ck_assert_int_eq(pthread_kill(w.id, 0), 0);
    ck_assert_int_eq(pthread_kill(w.id, SIGUSR1), 0);
    end_waiter(&w);
}

ASSERTION(pthread_kill, 7, "a default action is that of the process: SIGTERM ends it")
{
    int status;
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct waiter w;
        start_waiter(&w, NULL);
        unit_child_assert(pthread_kill(w.id, SIGTERM) == 0);
        for (;;)
            pause();
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGTERM);
}

/* pthread_sigmask */

/* Hold that among the three signals exactly those of the string are blocked. */
static void check_blocked(const char *expected)
{
    sigset_t mask = mask_of_caller();
    char blocked[4] = "", *end = blocked;
    if (sigismember(&mask, SIGHUP))
        *end++ = 'h';
    if (sigismember(&mask, SIGUSR1))
        *end++ = '1';
    if (sigismember(&mask, SIGUSR2))
        *end++ = '2';
    ck_assert_str_eq(blocked, expected);
}

/* The mask becomes one of SIGHUP and SIGUSR1; the set, one of SIGUSR1 and SIGUSR2. */
static sigset_t overlapping(void)
{
    sigset_t mask = only(SIGHUP), set = only(SIGUSR1);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
    check_blocked("h1");
    return set;
}

ASSERTION(pthread_sigmask, 1, "SIG_BLOCK: the mask becomes the union with set; returns 0")
{
    sigset_t set = overlapping();
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    check_blocked("h12");
}

ASSERTION(pthread_sigmask, 2, "SIG_SETMASK: the mask becomes set")
{
    sigset_t set = overlapping();
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
    check_blocked("12");
}

ASSERTION(pthread_sigmask, 3, "SIG_UNBLOCK: the mask loses what is in set")
{
    sigset_t set = overlapping();
    ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    check_blocked("h");
}

ASSERTION(pthread_sigmask, 4, "stores the mask of before, unless oset is null")
{
    sigset_t set = overlapping(), before;
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    ck_assert_int_eq(sigismember(&before, SIGHUP), 1);
    ck_assert_int_eq(sigismember(&before, SIGUSR1), 1);
    ck_assert_int_eq(sigismember(&before, SIGUSR2), 0);
}

ASSERTION(pthread_sigmask, 5, "changes nothing if set is null, whatever how is")
{
    sigset_t mask;
    overlapping();
    ck_assert_int_eq(pthread_sigmask(-12345, NULL, &mask), 0);
    ck_assert_int_eq(sigismember(&mask, SIGHUP), 1);
    ck_assert_int_eq(sigismember(&mask, SIGUSR2), 0);
    check_blocked("h1");
}

static int block_usr2(void *arg)
{
    sigset_t set = only(SIGUSR2);
    (void)arg;
    return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

ASSERTION(pthread_sigmask, 6, "changes the calling thread's mask alone")
{
    overlapping();
    ck_assert_int_eq(unit_elsewhere(block_usr2, NULL), 0);
    check_blocked("h1");
}

ASSERTION(pthread_sigmask, 7, "delivers a pending signal that it unblocks before it returns")
{
    sigset_t set = only(SIGUSR1);
    catch_signal(SIGUSR1, handle, 0);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(atomic_load(&handled), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    ck_assert_int_eq(atomic_load(&handled), 1);
}

ASSERTION(pthread_sigmask, 8, "also one that is pending for the process")
{
    sigset_t set = only(SIGUSR1);
    catch_signal(SIGUSR1, handle, 0);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
    ck_assert_int_eq(atomic_load(&handled), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    ck_assert_int_eq(atomic_load(&handled), 1);
}

ASSERTION(pthread_sigmask, 9, "does not block SIGKILL and SIGSTOP, and gives no error for them")
{
    sigset_t all;
    sigfillset(&all);
    sigaddset(&all, SIGKILL);
    sigaddset(&all, SIGSTOP);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &all, NULL), 0);
    sigset_t mask = mask_of_caller();
    ck_assert_int_eq(sigismember(&mask, SIGKILL), 0);
    ck_assert_int_eq(sigismember(&mask, SIGSTOP), 0);
    ck_assert_int_eq(sigismember(&mask, SIGTERM), 1);
}

ASSERTION(pthread_sigmask, 10, "returns EINVAL for a how that is none of the three")
{
    sigset_t set = overlapping();
    ck_assert_int_eq(pthread_sigmask(-12345, &set, NULL), EINVAL);
}

ASSERTION(pthread_sigmask, 11, "does not change the mask if it fails")
{
    sigset_t set = overlapping();
    ck_assert_int_ne(pthread_sigmask(-12345, &set, NULL), 0);
    check_blocked("h1");
}
