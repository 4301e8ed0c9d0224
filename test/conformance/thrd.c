/*
 * C threads: XSH thrd_create, thrd_current, thrd_detach, thrd_equal, thrd_exit, thrd_join, thrd_sleep
 * and thrd_yield. call_once is in once.c, and what has tss_ in front in key.c.
 */
#include "c11.h"
#include <sys/prctl.h>
#include <sys/resource.h>

static struct timespec end;
static int guarded;

/* Call in another thread, until that has ended; the result. */
static int run(thrd_start_t function, void *argument)
{
    thrd_t thread;
    int result = -1;
    ck_assert_int_eq(thrd_create(&thread, function, argument), thrd_success);
    ck_assert_int_eq(thrd_join(thread, &result), thrd_success);
    return result;
}

static int take_tid(void *tid)
{
    *(pid_t *)tid = unit_gettid();
    return 0;
}

ASSERTION(thrd_create, 1,
          "creates a thread that calls the function with its argument; thrd_success")
{
    pid_t tid = 0;
    thrd_t thread;
    ck_assert_int_eq(thrd_create(&thread, take_tid, &tid), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
    ck_assert_int_ne(tid, 0);
    ck_assert_int_ne(tid, unit_gettid());
}

static int take_current(void *id)
{
    *(thrd_t *)id = thrd_current();
    return 0;
}

ASSERTION(thrd_create, 2, "stores the new thread's identifier")
{
    thrd_t thread, there;
    ck_assert_int_eq(thrd_create(&thread, take_current, &there), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
    ck_assert(thrd_equal(thread, there));
}

struct created {
    thrd_t thread;
    int value;
};

static int is_as_created(void *argument)
{
    struct created *created = argument;
    return thrd_equal(created->thread, thrd_current()) && created->value == 4711;
}

ASSERTION(thrd_create, 3,
          "the thread sees what its creator had written, and the identifier that was stored")
{
    for (int i = 0; i < 3000; i++) {
        struct created created = {.value = 4711};
        int result = 0;
        ck_assert_int_eq(thrd_create(&created.thread, is_as_created, &created), thrd_success);
        ck_assert_int_eq(thrd_join(created.thread, &result), thrd_success);
        ck_assert_int_eq(result, true);
    }
}

static int take_mask(void *mask)
{
    return pthread_sigmask(SIG_BLOCK, NULL, mask);
}

ASSERTION(thrd_create, 4, "the thread inherits its creator's signal mask")
{
    sigset_t mine, there;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    sigaddset(&mine, SIGRTMAX);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &mine, NULL), 0);
    ck_assert_int_eq(run(take_mask, &there), 0);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (sigismember(&mine, signal) >= 0)
            ck_assert_int_eq(sigismember(&there, signal), sigismember(&mine, signal));
}

static int take_pending(void *pending)
{
    return sigpending(pending);
}

ASSERTION(thrd_create, 5, "the thread starts with no pending signals")
{
    sigset_t mine, there;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &mine, NULL), 0);
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(run(take_pending, &there), 0);
    ck_assert_int_eq(sigismember(&there, SIGUSR1), 0);
    ck_assert_int_eq(sigpending(&mine), 0);
    ck_assert_int_eq(sigismember(&mine, SIGUSR1), 1);
}

ASSERTION(thrd_create, 6, "the thread does not inherit the thread-local locale")
{
    locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0), there;
    ck_assert(mine != (locale_t)0);
    ck_assert(uselocale(mine) == LC_GLOBAL_LOCALE);
    run(take_locale, &there);
    ck_assert(uselocale((locale_t)0) == mine);
    ck_assert(there == LC_GLOBAL_LOCALE);
}

ASSERTION(thrd_create, 7, "the thread inherits its creator's floating-point environment")
{
    double nearest, upward, there;
    take_third(&nearest);
    round_upward();
    take_third(&upward);
    ck_assert(upward > nearest);
    run(take_third, &there);
    ck_assert(there == upward);
}

static int take_alternate_stack(void *stack)
{
    return sigaltstack(NULL, stack);
}

ASSERTION(thrd_create, 8, "the thread does not inherit the alternate signal stack")
{
    static char memory[1 << 16];
    stack_t mine = {.ss_sp = memory, .ss_size = sizeof memory}, there;
    ck_assert_int_eq(sigaltstack(&mine, NULL), 0);
    ck_assert_int_eq(run(take_alternate_stack, &there), 0);
    ck_assert_int_eq(there.ss_flags & SS_DISABLE, SS_DISABLE);
}

static tss_t key;
static int destroyed;
static void *destroyed_value, *value_in_destructor;

static void destroy(void *value)
{
    destroyed++;
    destroyed_value = value;
    value_in_destructor = tss_get(key);
}

static int set_and_return(void *value)
{
    ck_assert_int_eq(tss_set(key, value), thrd_success);
    return 4711;
}

ASSERTION(thrd_create, 9, "for the function to return is to call thrd_exit with its result")
{
    ck_assert_int_eq(tss_create(&key, destroy), thrd_success);
    ck_assert_int_eq(run(set_and_return, &key), 4711);
    ck_assert_int_eq(destroyed, 1);
}

static int mark(void *done)
{
    *(int *)done = 1;
    return 0;
}

ASSERTION(thrd_create, 10, "returns thrd_nomem, and creates no thread, when there is no memory")
{
    struct rlimit limit;
    thrd_t thread;
    int done = 0;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    int result = thrd_create(&thread, mark, &done);
    limit.rlim_cur = before;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_int_eq(result, thrd_nomem);
    ck_assert_int_eq(done, 0);
}

ASSERTION(thrd_create, 11, "returns thrd_error, and creates no thread, beyond the limit of threads")
{
    enum { NOBODY = 54321 };
    struct rlimit limit = {1, 1};
    thrd_t thread;
    int done = 0;
    if (setrlimit(RLIMIT_NPROC, &limit) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
        unsupported("cannot limit the number of threads");
    ck_assert_int_eq(thrd_create(&thread, mark, &done), thrd_error);
    ck_assert_int_eq(done, 0);
}

static void create_and_join(void)
{
    int done = 0;
    run(mark, &done);
    ck_assert_int_eq(done, 1);
}

ASSERTION(thrd_create, 12, "a signal handler that runs meanwhile changes nothing")
{
    while (hailing())
        create_and_join();
}

ASSERTION(thrd_current, 1, "returns the calling thread's identifier, always the same")
{
    thrd_t first = thrd_current(), thread, there;
    ck_assert_int_eq(thrd_create(&thread, take_current, &there), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
    ck_assert(thrd_equal(there, thread));
    ck_assert(thrd_equal(first, thrd_current()));
}

ASSERTION(thrd_equal, 1, "is not 0 for two identifiers of the same thread")
{
    thrd_t one = thrd_current(), two = thrd_current();
    ck_assert_int_ne(thrd_equal(one, two), 0);
    ck_assert_int_ne((thrd_equal)(one, two), 0);
}

static atomic_int go;

static int wait_for_go(void *unused)
{
    (void)unused;
    unit_wait_for(&go, 1);
    return 4711;
}

ASSERTION(thrd_equal, 2, "is 0 for identifiers of different threads")
{
    thrd_t one, two;
    ck_assert_int_eq(thrd_create(&one, wait_for_go, NULL), thrd_success);
    ck_assert_int_eq(thrd_create(&two, wait_for_go, NULL), thrd_success);
    ck_assert_int_eq(thrd_equal(one, two), 0);
    ck_assert_int_eq(thrd_equal(one, thrd_current()), 0);
    ck_assert_int_eq((thrd_equal)(two, thrd_current()), 0);
}

/* ---- thrd_exit() ---- */

static int exit_with(void *result)
{
    thrd_exit(*(int *)result);
}

ASSERTION(thrd_exit, 1, "ends the calling thread, and gives its result to who joins it")
{
    static const int results[] = {0, 1, -1, 4711, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        ck_assert_int_eq(run(exit_with, (void *)&results[i]), results[i]);
}

static int set_and_exit(void *value)
{
    ck_assert_int_eq(tss_set(key, value), thrd_success);
    thrd_exit(0);
}

ASSERTION(thrd_exit, 2,
          "sets each value that has a destructor to null and calls that with it before")
{
    ck_assert_int_eq(tss_create(&key, destroy), thrd_success);
    value_in_destructor = &key;
    run(set_and_exit, &key);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_ptr_eq(destroyed_value, &key);
    ck_assert_ptr_null(value_in_destructor);
}

static void destroy_again(void *value)
{
    if (++destroyed < TSS_DTOR_ITERATIONS)
        ck_assert_int_eq(tss_set(key, value), thrd_success);
}

ASSERTION(thrd_exit, 3, "repeats that while values are left, up to TSS_DTOR_ITERATIONS times")
{
    ck_assert_int_eq(tss_create(&key, destroy_again), thrd_success);
    run(set_and_exit, &key);
    ck_assert_int_eq(destroyed, TSS_DTOR_ITERATIONS);
}

static int lock_and_exit(void *fd)
{
    lock();
    *(int *)fd = open("/dev/null", O_RDWR);
    thrd_exit(0);
}

ASSERTION(thrd_exit, 4, "releases nothing the process can see: mutexes stay locked, files open")
{
    int fd;
    init(mtx_plain);
    run(lock_and_exit, &fd);
    is_locked();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "", 1), 1);
}

/* What atexit() functions do in a child. */
static atomic_int *at_exit;

static void count_exit(void)
{
    atomic_fetch_add(at_exit, 1);
}

static void map_at_exit(void)
{
    at_exit = unit_map(unit_memory(sizeof *at_exit), sizeof *at_exit);
}

ASSERTION(thrd_exit, 5, "does not call functions that are registered with atexit")
{
    map_at_exit();
    pid_t child = unit_fork();
    if (child == 0) {
        int result = 0;
        unit_child_assert(atexit(count_exit) == 0);
        run(exit_with, &result);
        unit_child_assert(atomic_load(at_exit) == 0);
        _exit(0);
    }
    unit_reap(child);
}

static int outlive_main(void *unused)
{
    (void)unused;
    while (unit_state(getpid(), getpid()) != 'Z')
        nap();
    thrd_exit(4711);
}

ASSERTION(thrd_exit, 6, "of the last thread, ends the process as exit(0) does")
{
    map_at_exit();
    pid_t child = unit_fork();
    if (child == 0) {
        thrd_t thread;
        unit_child_assert(atexit(count_exit) == 0);
        unit_child_assert(thrd_create(&thread, outlive_main, NULL) == thrd_success);
        thrd_exit(1);
    }
    unit_reap(child);
    ck_assert_int_eq(atomic_load(at_exit), 1);
}

/* ---- thrd_join() ---- */

static thrd_t joined;

static int join(void *result)
{
    return thrd_join(joined, result);
}

ASSERTION(thrd_join, 1, "blocks until the thread has ended, and returns thrd_success")
{
    struct unit_call call;
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    unit_start(&call, join, NULL);
    unit_wait_until_blocked(&call);
    atomic_store(&go, 1);
    ck_assert_int_eq(unit_finish(&call), thrd_success);
}

ASSERTION(thrd_join, 2, "stores the thread's result")
{
    int result = 0;
    atomic_store(&go, 1);
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    ck_assert_int_eq(thrd_join(joined, &result), thrd_success);
    ck_assert_int_eq(result, 4711);
}

ASSERTION(thrd_join, 3, "stores nothing if the pointer is null")
{
    atomic_store(&go, 1);
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    ck_assert_int_eq(thrd_join(joined, NULL), thrd_success);
}

static int write_and_note(void *tid)
{
    guarded = 4711;
    atomic_store((atomic_int *)tid, unit_gettid());
    return 1;
}

ASSERTION(thrd_join, 4, "joins a thread that has ended before")
{
    atomic_int tid = 0;
    int result = 0;
    ck_assert_int_eq(thrd_create(&joined, write_and_note, &tid), thrd_success);
    unit_wait_for(&tid, 1);
    while (unit_state(getpid(), atomic_load(&tid)) != 0)
        nap();
    ck_assert_int_eq(thrd_join(joined, &result), thrd_success);
    ck_assert_int_eq(result, 1);
}

ASSERTION(thrd_join, 5, "the caller sees what the thread has written")
{
    for (int i = 0; i < 300; i++) {
        atomic_int tid = 0;
        guarded = 0;
        ck_assert_int_eq(run(write_and_note, &tid), 1);
        ck_assert_int_eq(guarded, 4711);
    }
}

ASSERTION(thrd_join, 6, "is a cancellation point; the thread can be joined still")
{
    struct unit_call call;
    void *cancelled;
    int result = 0;
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    unit_start(&call, join, NULL);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, &cancelled), 0);
    ck_assert_ptr_eq(cancelled, PTHREAD_CANCELED);
    atomic_store(&go, 1);
    ck_assert_int_eq(thrd_join(joined, &result), thrd_success);
    ck_assert_int_eq(result, 4711);
}

ASSERTION(thrd_join, 7, "a signal handler that runs meanwhile changes nothing: it goes on waiting")
{
    struct unit_call call;
    int result = 0;
    catch_signal(SIGUSR1, count_signal, 0);
    ck_assert_int_eq(thrd_create(&joined, wait_for_go, NULL), thrd_success);
    unit_start(&call, join, &result);
    for (int i = 0; i < 3; i++)
        interrupt(&call);
    unit_wait_until_blocked(&call);
    atomic_store(&go, 1);
    ck_assert_int_eq(unit_finish(&call), thrd_success);
    ck_assert_int_eq(result, 4711);
}

UNTESTED(thrd_join, 8, "returns thrd_error if it cannot join the thread",
         "what it may refuse to do is undefined, or the application's duty not to ask for")

/* ---- thrd_detach() ---- */

static int note_and_wait(void *tid)
{
    atomic_store((atomic_int *)tid, unit_gettid());
    unit_wait_for(&go, 1);
    return 0;
}

ASSERTION(thrd_detach, 1, "what a thread takes is given back when it ends; thrd_success")
{
    enum { THREADS = 200 };
    size_t before = address_space(), of_one = 0;
    for (int i = 0; i < THREADS; i++) {
        atomic_int tid = 0;
        thrd_t thread;
        atomic_store(&go, 0);
        ck_assert_int_eq(thrd_create(&thread, note_and_wait, &tid), thrd_success);
        if (i == 0)
            of_one = address_space() - before;
        ck_assert_int_eq(thrd_detach(thread), thrd_success);
        atomic_store(&go, 1);
        wait_until_gone(&tid);
    }
    ck_assert_uint_gt(of_one, 0);
    ck_assert_uint_lt(address_space() - before, THREADS / 4 * of_one); /* some may be kept */
}

ASSERTION(thrd_detach, 2, "a thread that is detached goes on")
{
    thrd_t thread;
    atomic_int tid = 0;
    ck_assert_int_eq(thrd_create(&thread, note_and_wait, &tid), thrd_success);
    unit_wait_for(&tid, 1);
    ck_assert_int_eq(thrd_detach(thread), thrd_success);
    ck_assert_int_ne(unit_state(getpid(), atomic_load(&tid)), 0);
    atomic_store(&go, 1);
    wait_until_gone(&tid);
}

ASSERTION(thrd_detach, 3, "a thread that has ended can be detached")
{
    thrd_t thread;
    atomic_int tid = 0;
    atomic_store(&go, 1);
    ck_assert_int_eq(thrd_create(&thread, note_and_wait, &tid), thrd_success);
    wait_until_gone(&tid);
    ck_assert_int_eq(thrd_detach(thread), thrd_success);
}

static void create_and_detach(void)
{
    static atomic_int tid;
    thrd_t thread;
    atomic_store(&tid, 0);
    ck_assert_int_eq(thrd_create(&thread, note_and_wait, &tid), thrd_success);
    ck_assert_int_eq(thrd_detach(thread), thrd_success);
    wait_until_gone(&tid);
}

ASSERTION(thrd_detach, 4, "a signal handler that runs meanwhile changes nothing")
{
    atomic_store(&go, 1);
    while (hailing())
        create_and_detach();
}

UNTESTED(thrd_detach, 5, "returns thrd_error if it cannot detach the thread",
         "what it may refuse to do is the application's duty not to ask for")

/* ---- thrd_sleep(), thrd_yield() ---- */

ASSERTION(thrd_sleep, 1, "suspends the thread for the time at least, and returns 0")
{
    struct timespec duration = {0, 40000000};
    end = deadline(40);
    ck_assert_int_eq(thrd_sleep(&duration, NULL), 0);
    is_over(CLOCK_REALTIME, end);
}

/* Sleep for a minute, to be interrupted. */
static struct timespec minute = {60, 0}, rest;

static int sleep_a_minute(void *remaining)
{
    /* the kernel counts the slack of its timers as time left */
    ck_assert_int_eq(prctl(PR_SET_TIMERSLACK, 1), 0);
    return thrd_sleep(&minute, remaining);
}

static int sleep_interrupted(struct timespec *remaining)
{
    struct unit_call call;
    catch_signal(SIGUSR1, count_signal, 0);
    unit_start(&call, sleep_a_minute, remaining);
    interrupt(&call);
    return unit_finish(&call);
}

ASSERTION(thrd_sleep, 2, "returns -1 when a signal handler has run")
{
    ck_assert_int_eq(sleep_interrupted(NULL), -1);
}

static void check_rest(const struct timespec *remaining)
{
    ck_assert_int_ge(remaining->tv_sec, 50);
    ck_assert_int_lt(remaining->tv_sec, 60);
    ck_assert_int_ge(remaining->tv_nsec, 0);
    ck_assert_int_lt(remaining->tv_nsec, 1000000000);
}

ASSERTION(thrd_sleep, 3, "stores the time that was left when a signal handler has run")
{
    ck_assert_int_eq(sleep_interrupted(&rest), -1);
    check_rest(&rest);
}

ASSERTION(thrd_sleep, 4, "the object for the time left may be that of the duration")
{
    ck_assert_int_eq(sleep_interrupted(&minute), -1);
    check_rest(&minute);
}

static int sleep_shortly(void *unused)
{
    (void)unused;
    struct timespec duration = {0, 100000000};
    return thrd_sleep(&duration, NULL);
}

ASSERTION(thrd_sleep, 5, "a signal that is ignored does not end it")
{
    struct unit_call call;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    ck_assert_int_eq(sigaction(SIGUSR1, &ignore, NULL), 0);
    end = deadline(100);
    unit_start(&call, sleep_shortly, NULL);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
    ck_assert_int_eq(unit_finish(&call), 0);
    is_over(CLOCK_REALTIME, end);
}

ASSERTION(thrd_sleep, 6, "is a cancellation point")
{
    struct unit_call call;
    void *result;
    unit_start(&call, sleep_a_minute, NULL);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

UNTESTED(thrd_sleep, 7, "returns a negative number if it fails", "what makes it fail is not said")

static atomic_int ran;
static sem_t start_running;

static int run_when_told(void *tid)
{
    set_priority(SCHED_FIFO, 10);
    atomic_store((atomic_int *)tid, unit_gettid());
    while (sem_wait(&start_running) != 0)
        ck_assert_int_eq(errno, EINTR);
    atomic_store(&ran, 1);
    return 0;
}

ASSERTION(thrd_yield, 1,
          "lets another thread of the same priority run that waits for the processor")
{
    thrd_t thread;
    atomic_int tid = 0;
    use_one_processor();
    set_priority(SCHED_FIFO, 10);
    ck_assert_int_eq(sem_init(&start_running, 0, 0), 0);
    ck_assert_int_eq(thrd_create(&thread, run_when_told, &tid), thrd_success);
    unit_wait_for(&tid, 1);
    unit_wait_until_asleep(getpid(), atomic_load(&tid));
    ck_assert_int_eq(sem_post(&start_running), 0);
    ck_assert_int_eq(atomic_load(&ran), 0); /* there is one processor, and this thread has it */
    thrd_yield();
    ck_assert_int_eq(atomic_load(&ran), 1);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_success);
}
