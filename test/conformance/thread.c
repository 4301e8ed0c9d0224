/*
 * pthread_create() to pthread_exit(), and what concerns a thread from outside: XSH, pthread_atfork,
 * pthread_create, pthread_detach, pthread_equal, pthread_exit, pthread_getcpuclockid, pthread_join,
 * pthread_kill, pthread_self, pthread_sigmask. POSIX.1-2024 no longer has pthread_getconcurrency.
 */
#include "conform.h"
#include <dirent.h>
#include <limits.h>
#include <sys/resource.h>

/* The number of threads that the process has. */
static int threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(directory);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* Any new mapping fails from now on, or no longer. */
static void refuse_memory(bool refuse)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = refuse ? 0 : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

/* Become a user without privileges, with no realtime priorities and so many threads. */
static void drop_privileges(rlim_t threads)
{
    enum { NOBODY = 54321 };
    struct rlimit none = {0, 0}, limit = {threads, threads};
    if (setrlimit(RLIMIT_NPROC, &limit) != 0 || setrlimit(RLIMIT_RTPRIO, &none) != 0)
        unsupported("cannot set limits");
    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0)
        unsupported("cannot become another user");
}

/* Burn so much of the calling thread's CPU time. */
static void burn(long ms)
{
    struct timespec now;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
}

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec ts;
    ck_assert_int_eq(clock_gettime(clock, &ts), 0);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static sigset_t only(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

static sigset_t mask_of_caller(void)
{
    sigset_t mask;
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    return mask;
}

/* A thread that says who it is and waits to be let go, then returns or exits with a value. */
struct waiter {
    pthread_t id, self;
    atomic_int tid, go;
    void *result;
};

static void *waiter(void *arg)
{
    struct waiter *w = arg;
    w->self = pthread_self();
    atomic_store(&w->tid, unit_gettid());
    unit_wait_for(&w->go, 1);
    return w->result;
}

static void start_waiter(struct waiter *w, const pthread_attr_t *attr)
{
    memset(w, 0, sizeof *w);
    w->result = w;
    ck_assert_int_eq(pthread_create(&w->id, attr, waiter, w), 0);
    unit_wait_for(&w->tid, 1);
}

static void end_waiter(struct waiter *w)
{
    void *result;
    atomic_store(&w->go, 1);
    ck_assert_int_eq(pthread_join(w->id, &result), 0);
    ck_assert_ptr_eq(result, w->result);
}

/* Run a thread to its end; what it returned or passed to pthread_exit(). */
static void *run(void *(*function)(void *), void *arg)
{
    pthread_t id;
    void *result = &id;
    ck_assert_int_eq(pthread_create(&id, NULL, function, arg), 0);
    ck_assert_int_eq(pthread_join(id, &result), 0);
    return result;
}

static int join(void *arg)
{
    return pthread_join(((struct waiter *)arg)->id, NULL);
}

/* What happened in which order. */
static atomic_int events;
static char happened[64];

static void note(char event)
{
    happened[atomic_fetch_add(&events, 1)] = event;
}

static void note_argument(void *arg)
{
    note(*(const char *)arg);
}

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
    ck_assert_int_eq(threads(), 1);
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
    ck_assert_int_eq(threads(), 1);
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

static atomic_int handler_tid;

static void handle(int signal)
{
    atomic_store(&handler_tid, unit_gettid());
    count_signal(signal);
}

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
    ck_assert_int_eq(threads(), 2);
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

/* Hold that cancellation is disabled and deferred, and that a request does nothing. */
static void check_uncancelable(void *arg)
{
    int state = -1, type = -1;
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type), 0);
    ck_assert_int_eq(state, PTHREAD_CANCEL_DISABLE);
    ck_assert_int_eq(type, PTHREAD_CANCEL_DEFERRED);
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    pthread_testcancel();
    note_argument(arg);
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
