/*
 * The life of a thread: XSH pthread_create, pthread_join, pthread_detach and pthread_exit. What
 * concerns it from outside is in thread_outside.c.
 */
#include "thread.h"

/* pthread_create */

static void *return_argument(void *arg)
{
    return arg;
}

ASSERTION(pthread_create, 1, "runs start_routine(arg) in a new thread, and returns 0")
{
    struct waiter w;
    start_waiter(&w, NULL);
    ck_assert_int_ne(atomic_load(&w.tid), unit_gettid());
    end_waiter(&w);
}

ASSERTION(pthread_create, 2, "takes the default attributes if attr is null: joinable")
{
    char value;
    ck_assert_ptr_eq(run(return_argument, &value), &value);
}

ASSERTION(pthread_create, 3, "later changes of attr do not affect the thread")
{
    pthread_attr_t attr;
    struct waiter w;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_JOINABLE), 0);
    start_waiter(&w, &attr);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    end_waiter(&w);
}

ASSERTION(pthread_create, 4, "stores the new thread's ID: what pthread_self() returns there")
{
    struct waiter w;
    start_waiter(&w, NULL);
    ck_assert(pthread_equal(w.id, w.self));
    end_waiter(&w);
}

static void *return_with_specific_data(void *arg)
{
    static pthread_key_t key;
    ck_assert_int_eq(pthread_key_create(&key, note_argument), 0);
    ck_assert_int_eq(pthread_setspecific(key, "d"), 0);
    return arg;
}

ASSERTION(pthread_create, 5, "start_routine's return is a pthread_exit() with what it returned")
{
    char value;
    ck_assert_ptr_eq(run(return_with_specific_data, &value), &value);
    ck_assert_str_eq(happened, "d");
}

UNTESTED(pthread_create, 6, "unlike those, main's return is an exit() with what it returned",
         "the runner's main cannot return in a test; every program shows it")

static int take_mask(void *arg)
{
    *(sigset_t *)arg = mask_of_caller();
    return 0;
}

ASSERTION(pthread_create, 7, "the thread inherits its creator's signal mask")
{
    sigset_t blocked = only(SIGUSR1), there;
    sigaddset(&blocked, SIGRTMAX);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &blocked, NULL), 0);
    unit_elsewhere(take_mask, &there);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (sigismember(&blocked, signal) >= 0)
            ck_assert_int_eq(sigismember(&there, signal), sigismember(&blocked, signal));
}

static int take_pending(void *arg)
{
    return sigpending(arg);
}

ASSERTION(pthread_create, 8, "the thread starts with no pending signals")
{
    sigset_t blocked = only(SIGUSR1), here, there;
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(unit_elsewhere(take_pending, &there), 0);
    ck_assert_int_eq(sigpending(&here), 0);
    ck_assert_int_eq(sigismember(&here, SIGUSR1), 1);
    ck_assert_int_eq(sigismember(&there, SIGUSR1), 0);
}

static int take_alternate_stack(void *arg)
{
    return sigaltstack(NULL, arg);
}

ASSERTION(pthread_create, 9, "the thread does not inherit the alternate signal stack")
{
    static char memory[1 << 16];
    stack_t mine = {.ss_sp = memory, .ss_size = sizeof memory}, there;
    ck_assert_int_eq(sigaltstack(&mine, NULL), 0);
    ck_assert_int_eq(unit_elsewhere(take_alternate_stack, &there), 0);
    ck_assert_int_eq(there.ss_flags & SS_DISABLE, SS_DISABLE);
}

ASSERTION(pthread_create, 10, "the thread does not inherit the thread-local locale")
{
    locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0), there;
    ck_assert(mine != (locale_t)0);
    ck_assert(uselocale(mine) == LC_GLOBAL_LOCALE);
    unit_elsewhere(take_locale, &there);
    ck_assert(uselocale((locale_t)0) == mine);
    ck_assert(there == LC_GLOBAL_LOCALE);
}

ASSERTION(pthread_create, 11, "the thread inherits its creator's floating-point environment")
{
    double nearest, upward, there;
    take_third(&nearest);
    round_upward();
    take_third(&upward);
    ck_assert(upward > nearest);
    unit_elsewhere(take_third, &there);
    ck_assert(there == upward);
}

static int take_cpu_time(void *arg)
{
    *(int64_t *)arg = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    return 0;
}

ASSERTION(pthread_create, 12, "the thread has a CPU-time clock of its own, which starts at 0")
{
    if (sysconf(_SC_THREAD_CPUTIME) <= 0)
        unsupported("no thread CPU-time clocks");
    int64_t there;
    burn(60);
    unit_elsewhere(take_cpu_time, &there);
    ck_assert_int_lt(there, 30000000);
}

ASSERTION(pthread_create, 13, "creates no thread if it fails")
{
    pthread_t id;
    refuse_memory(true);
    int error = pthread_create(&id, NULL, waiter, NULL);
    refuse_memory(false);
    ck_assert_int_ne(error, 0);
    ck_assert_int_eq(unit_threads(), 1);
}

ASSERTION(pthread_create, 14, "returns EAGAIN when the system lacks a resource for the thread")
{
    pthread_t id;
    refuse_memory(true);
    int error = pthread_create(&id, NULL, waiter, NULL);
    refuse_memory(false);
    ck_assert_int_eq(error, EAGAIN);
}

ASSERTION(pthread_create, 15, "returns EAGAIN when there would be more threads than the limit")
{
    pthread_t id;
    drop_privileges(1);
    ck_assert_int_eq(pthread_create(&id, NULL, waiter, NULL), EAGAIN);
}

ASSERTION(pthread_create, 16, "returns EPERM without the privilege for the scheduling attributes")
{
    struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    pthread_attr_t attr;
    pthread_t id;
    drop_privileges(100);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
    ck_assert_int_eq(pthread_attr_setschedpolicy(&attr, SCHED_FIFO), 0);
    ck_assert_int_eq(pthread_attr_setschedparam(&attr, &param), 0);
    ck_assert_int_eq(pthread_create(&id, &attr, waiter, NULL), EPERM);
    ck_assert_int_eq(unit_threads(), 1);
}

UNTESTED(pthread_create, 17, "may return EINVAL for attributes that are not valid",
         "the functions that set attributes accept only valid ones")

static int spoil_errno(void *arg)
{
    (void)arg;
    errno = ERANGE;
    return close(-1);
}

ASSERTION(pthread_create, 18, "what the thread does to errno does not affect its creator's")
{
    errno = EDOM;
    ck_assert_int_eq(unit_elsewhere(spoil_errno, NULL), -1);
    ck_assert_int_eq(errno, EDOM);
}

/* pthread_join */

ASSERTION(pthread_join, 1, "waits until the thread ends, and returns 0")
{
    struct unit_call call;
    struct waiter w;
    start_waiter(&w, NULL);
    unit_start(&call, join, &w);
    unit_wait_until_blocked(&call);
    atomic_store(&w.go, 1);
    ck_assert_int_eq(unit_finish(&call), 0);
}

ASSERTION(pthread_join, 2, "returns at once if the thread has ended")
{
    struct waiter w;
    start_waiter(&w, NULL);
    atomic_store(&w.go, 1);
    wait_until_gone(&w.tid);
    end_waiter(&w);
}

static void *exit_with(void *arg)
{
    pthread_exit(arg);
    ck_abort_msg("pthread_exit() has returned");
}

ASSERTION(pthread_join, 3, "stores what the thread passed to pthread_exit()")
{
    char value;
    ck_assert_ptr_eq(run(exit_with, &value), &value);
}

ASSERTION(pthread_join, 4, "stores nothing if value_ptr is null")
{
    pthread_t id;
    ck_assert_int_eq(pthread_create(&id, NULL, exit_with, NULL), 0);
    ck_assert_int_eq(pthread_join(id, NULL), 0);
}

static atomic_int in_destructor, leave_destructor;

static void linger(void *arg)
{
    (void)arg;
    atomic_store(&in_destructor, 1);
    unit_wait_for(&leave_destructor, 1);
}

static void *end_lingering(void *arg)
{
    pthread_key_t key;
    ck_assert_int_eq(pthread_key_create(&key, linger), 0);
    ck_assert_int_eq(pthread_setspecific(key, arg), 0);
    return arg;
}

ASSERTION(pthread_join, 5, "returns only when the thread has ended: not while a destructor runs")
{
    struct unit_call call;
    struct waiter w;
    ck_assert_int_eq(pthread_create(&w.id, NULL, end_lingering, &w), 0);
    unit_wait_for(&in_destructor, 1);
    unit_start(&call, join, &w);
    unit_wait_until_blocked(&call);
    atomic_store(&leave_destructor, 1);
    ck_assert_int_eq(unit_finish(&call), 0);
}

ASSERTION(pthread_join, 6, "does not detach the thread if the caller is cancelled")
{
    struct unit_call call;
    struct waiter w;
    void *result;
    start_waiter(&w, NULL);
    unit_start(&call, join, &w);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    end_waiter(&w);
}

ASSERTION(pthread_join, 7, "any thread may wait for any, also for the one that created it")
{
    struct waiter main_thread = {.id = pthread_self()}, *m = &main_thread;
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct unit_call call;
        static struct waiter w;
        w = *m;
        unit_start(&call, join, &w);
        unit_wait_until_blocked(&call);
        pthread_exit(NULL);
    }
    unit_reap(pid);
}

UNTESTED(pthread_join, 8, "may return EDEADLK when threads wait for each other",
         "it may as well wait for ever")

ASSERTION(pthread_join, 9, "does not return EINTR: waits on after a signal handler")
{
    struct unit_call call;
    struct waiter w;
    catch_signal(SIGUSR1, handle, 0);
    start_waiter(&w, NULL);
    unit_start(&call, join, &w);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
    unit_wait_for(&handled, 1);
    unit_wait_until_blocked(&call);
    atomic_store(&w.go, 1);
    ck_assert_int_eq(unit_finish(&call), 0);
}

/* pthread_detach */

ASSERTION(pthread_detach, 1, "does not end a thread that runs, and returns 0")
{
    static struct waiter w;
    start_waiter(&w, NULL);
    ck_assert_int_eq(pthread_detach(w.id), 0);
    unit_wait_until_asleep(getpid(), atomic_load(&w.tid));
    atomic_store(&w.go, 1);
    wait_until_gone(&w.tid);
}

/* How the address space grows by threads that live one after another and are detached. */
static size_t growth(bool detach_when_ended, int detachstate)
{
    enum { ROUNDS = 40, STACK = 1 << 20 };
    static struct waiter w;
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, STACK), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, detachstate), 0);
    size_t before = address_space();
    for (int i = 0; i < ROUNDS; i++) {
        start_waiter(&w, &attr);
        if (!detach_when_ended)
            ck_assert_int_eq(pthread_detach(w.id), 0);
        atomic_store(&w.go, 1);
        wait_until_gone(&w.tid);
        if (detach_when_ended)
            ck_assert_int_eq(pthread_detach(w.id), 0);
    }
    size_t after = address_space();
    return after < before ? 0 : (after - before) / STACK;
}

ASSERTION(pthread_detach, 2, "the storage of a thread that runs is reclaimed when it ends")
{
    ck_assert_uint_lt(growth(false, PTHREAD_CREATE_JOINABLE), 20);
}

ASSERTION(pthread_detach, 3, "the storage of a thread that has ended is reclaimed")
{
    ck_assert_uint_lt(growth(true, PTHREAD_CREATE_JOINABLE), 20);
}

static void *detach_self(void *arg)
{
    struct waiter *w = arg;
    ck_assert_int_eq(pthread_detach(pthread_self()), 0);
    return waiter(w);
}

ASSERTION(pthread_detach, 4, "a thread may detach itself")
{
    static struct waiter w;
    ck_assert_int_eq(pthread_create(&w.id, NULL, detach_self, &w), 0);
    unit_wait_for(&w.tid, 1);
    atomic_store(&w.go, 1);
    wait_until_gone(&w.tid);
}

/* pthread_exit */

ASSERTION(pthread_exit, 1, "ends the calling thread, and only it; does not return")
{
    struct waiter other;
    start_waiter(&other, NULL);
    run(exit_with, NULL);
    ck_assert_int_eq(unit_threads(), 2);
    end_waiter(&other);
}

ASSERTION(pthread_exit, 2, "makes its argument available to whoever joins the thread")
{
    char value;
    ck_assert_ptr_eq(run(exit_with, &value), &value);
}

static void exit_below_a_handler(void)
{
    pthread_cleanup_push(note_argument, "3");
    pthread_exit(NULL);
    pthread_cleanup_pop(0);
}

static void *exit_below_handlers(void *arg)
{
    pthread_key_t key;
    ck_assert_int_eq(pthread_key_create(&key, note_argument), 0);
    ck_assert_int_eq(pthread_setspecific(key, "d"), 0);
    pthread_cleanup_push(note_argument, "1");
    pthread_cleanup_push(note_argument, "2");
    exit_below_a_handler();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return arg;
}

ASSERTION(pthread_exit, 3, "runs the cleanup handlers that are pushed, the last one first")
{
    run(exit_below_handlers, NULL);
    ck_assert_int_eq(strncmp(happened, "321", 3), 0);
}

ASSERTION(pthread_exit, 4, "runs the destructors of specific data, after all cleanup handlers")
{
    run(exit_below_handlers, NULL);
    ck_assert_str_eq(happened, "321d");
}

static int lock(void *mutex)
{
    return pthread_mutex_lock(mutex);
}

ASSERTION(pthread_exit, 5, "does not release a mutex that the thread has locked")
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    ck_assert_int_eq(unit_elsewhere(lock, &mutex), 0);
    ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
}

static int open_null(void *arg)
{
    (void)arg;
    return open("/dev/null", O_WRONLY);
}

ASSERTION(pthread_exit, 6, "does not close a descriptor that the thread has opened")
{
    int fd = unit_elsewhere(open_null, NULL);
    ck_assert_int_eq(write(fd, "x", 1), 1);
}

static void note_exit(void)
{
    note('x');
}

ASSERTION(pthread_exit, 7, "does not run atexit() functions while there are other threads")
{
    ck_assert_int_eq(atexit(note_exit), 0);
    run(exit_with, NULL);
    ck_assert_str_eq(happened, "");
}

static void *exit_into_cleanup(void *arg)
{
    int type;
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type), 0);
    pthread_cleanup_push(check_uncancelable, "c");
    pthread_exit(arg);
    pthread_cleanup_pop(0);
}

static void *exit_into_destructor(void *arg)
{
    pthread_key_t key;
    ck_assert_int_eq(pthread_key_create(&key, check_uncancelable), 0);
    ck_assert_int_eq(pthread_setspecific(key, "d"), 0);
    pthread_exit(arg);
}

ASSERTION(pthread_exit, 8, "cancellation is disabled and deferred when it runs cleanup handlers")
{
    char value;
    ck_assert_ptr_eq(run(exit_into_cleanup, &value), &value);
    ck_assert_str_eq(happened, "c");
}

ASSERTION(pthread_exit, 9, "cancellation is disabled and deferred when it runs destructors")
{
    char value;
    ck_assert_ptr_eq(run(exit_into_destructor, &value), &value);
    ck_assert_str_eq(happened, "d");
}

ASSERTION(pthread_exit, 10, "is called implicitly, with the value, by a start routine's return")
{
    char value;
    ck_assert_ptr_eq(run(return_argument, &value), &value);
}

static void *join_main(void *arg)
{
    void *result = NULL;
    unit_child_assert(pthread_join(*(pthread_t *)arg, &result) == 0);
    unit_child_assert(result == arg);
    _exit(0);
}

ASSERTION(pthread_exit, 11, "in the initial thread ends that alone; its value can be joined")
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        static pthread_t self, id;
        self = pthread_self();
        unit_child_assert(pthread_create(&id, NULL, join_main, &self) == 0);
        pthread_exit(&self);
    }
    unit_reap(pid);
}

/* Wait until the initial thread has ended: it stays as a zombie. */
static void *wait_for_initial_thread(void *arg)
{
    struct timespec nap = {0, 100000};
    char state;
    do {
        nanosleep(&nap, NULL);
        state = unit_state(getpid(), getpid());
        unit_child_assert(state != 0);
    } while (state != 'Z');
    return arg;
}

/* A child that ends by its last thread's end, which may be the initial one or another. */
static pid_t child_that_runs_out_of_threads(bool initial_last)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t id;
        if (initial_last) {
            unit_child_assert(pthread_create(&id, NULL, return_argument, "") == 0);
            unit_child_assert(pthread_join(id, NULL) == 0);
        } else {
            unit_child_assert(pthread_create(&id, NULL, wait_for_initial_thread, NULL) == 0);
        }
        pthread_exit("not a status");
    }
    return pid;
}

ASSERTION(pthread_exit, 12, "the process ends with status 0 when its last thread has ended")
{
    unit_reap(child_that_runs_out_of_threads(false));
}

ASSERTION(pthread_exit, 13, "also if that is the initial thread")
{
    unit_reap(child_that_runs_out_of_threads(true));
}

static int report;

static void report_exit(void)
{
    unit_child_assert(write(report, "x", 1) == 1);
}

ASSERTION(pthread_exit, 14,
          "the process then ends as by exit(0): atexit() functions run, streams "
          "are flushed")
{
    char line[8] = "";
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    report = ends[1];
    ck_assert_int_eq(atexit(report_exit), 0);
    FILE *stream = fdopen(dup(ends[1]), "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_ge(fputs("s", stream), 0);
    unit_reap(child_that_runs_out_of_threads(false));
    ck_assert_int_eq(read(ends[0], line, sizeof line - 1), 2);
    ck_assert_str_eq(line, "xs");
}
