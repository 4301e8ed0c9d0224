/*
 * Threads that are stopped for good while they begin or end, or lost to fork then: they hold nothing,
 * and nobody waits for them. A process that traces the thread stops it, where the kernel lets it.
 */
#include "thread.h"
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

enum { PAGE = 4096, MEBIBYTE = 1 << 20 };

/* libc's names for the lock on the ring of threads. */
extern void __tl_lock(void) __attribute__((weak));
extern void __tl_unlock(void) __attribute__((weak));
/* libc's knowledge of the process: a byte of it is -1 once there is one thread again. */
extern char __libc[] __attribute__((weak, visibility("hidden")));

/* What the tracer and the test tell each other. */
struct tracing {
    atomic_int tid;
    /* the tracer traces the thread; has stopped it; lets it go */
    atomic_int begun, stopped, over;
    /* the thread that it is to wait for */
    atomic_int other;
    /* of the thread's memory: what the tracer looks at */
    const void *word;
    /* that thread's state */
    const void *state;
};

static struct tracing *tracing;
static pid_t tracer;

/* A thread at its end, the kernel's last word on which is still to come. */
static void stop_at_exit(pid_t tid)
{
    int status;
    unit_child_assert(ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACEEXIT) == 0);
    atomic_store(&tracing->begun, 1);
    unit_child_assert(waitpid(tid, &status, __WALL) == tid);
    unit_child_assert(status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8));
}

static void stop_at_once(pid_t tid)
{
    int status;
    unit_child_assert(ptrace(PTRACE_SEIZE, tid, 0, 0) == 0);
    atomic_store(&tracing->begun, 1);
    unit_child_assert(ptrace(PTRACE_INTERRUPT, tid, 0, 0) == 0);
    unit_child_assert(waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status));
}

/* Step by step, until the word is as wanted. */
static void step_until(pid_t tid, bool (*wanted)(long))
{
    int status;
    stop_at_once(tid);
    while (!wanted(ptrace(PTRACE_PEEKDATA, tid, tracing->word, 0))) {
        unit_child_assert(ptrace(PTRACE_SINGLESTEP, tid, 0, 0) == 0);
        unit_child_assert(waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status));
    }
}

static bool is_zero(long word)
{
    return word == 0;
}

/* Where it is just about to give back the memory of the thread that it has joined. */
static void stop_after_join(pid_t tid)
{
    step_until(tid, is_zero);
}

static bool says_alone(long word)
{
    enum { NEED_LOCKS = 3 };
    return (int8_t)(word >> NEED_LOCKS * 8) == -1;
}

/* Where libc has just been told that there is one thread again. */
static void stop_when_uncounted(pid_t tid)
{
    step_until(tid, says_alone);
}

static bool is_joinable_and_exited(long state)
{
    return (uint32_t)state == (1 | 2);
}

static bool is_not_there(long word)
{
    return word == -1;
}

static void stop_until_detached(pid_t tid, bool (*wanted)(long))
{
    step_until(tid, wanted);
    atomic_store(&tracing->stopped, 1);
    while (is_joinable_and_exited(ptrace(PTRACE_PEEKDATA, tid, tracing->state, 0)))
        sched_yield();
    unit_wait_until_asleep(getppid(), getppid());
    ptrace(PTRACE_DETACH, tid, 0, 0);
}

/* Where it has just said that it has exited, until it has been detached and its detacher waits. */
static void stop_exited_until_detached(pid_t tid)
{
    stop_until_detached(tid, is_joinable_and_exited);
}

/* Where it has just unmapped its stack. */
static void stop_unmapped_until_detached(pid_t tid)
{
    stop_until_detached(tid, is_not_there);
}

static void stop_when_unmapped(pid_t tid)
{
    step_until(tid, is_not_there);
}

/* Where it is about to send another thread a signal, until that one is gone. */
static void stop_until_other_is_gone(pid_t tid)
{
    enum { CALL_REGISTER = 15 };
    int status;
    stop_at_once(tid);
    do {
        unit_child_assert(ptrace(PTRACE_SYSCALL, tid, 0, 0) == 0);
        unit_child_assert(waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status));
    } while (ptrace(PTRACE_PEEKUSER, tid, (void *)(CALL_REGISTER * sizeof(long)), 0) != SYS_tgkill);
    atomic_store(&tracing->stopped, 1);
    while (syscall(SYS_tgkill, getppid(), atomic_load(&tracing->other), 0) == 0)
        sched_yield();
    ptrace(PTRACE_DETACH, tid, 0, 0);
}

/* The first that it creates; the others go on. */
static void stop_child(pid_t tid)
{
    pid_t first = 0;
    unit_child_assert(ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACECLONE) == 0);
    atomic_store(&tracing->begun, 1);
    while (!atomic_load(&tracing->over)) {
        int status;
        pid_t stopped = waitpid(-1, &status, __WALL | WNOHANG);
        struct timespec nap = {0, 100000};
        if (stopped <= 0)
            nanosleep(&nap, NULL);
        else if (stopped != tid && first == 0)
            first = stopped, atomic_store(&tracing->stopped, 1);
        else if (WIFSTOPPED(status))
            ptrace(PTRACE_CONT, stopped, 0, 0);
    }
}

static void begin_tracing(void (*stop)(pid_t))
{
    tracing =
        mmap(NULL, sizeof *tracing, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(tracing, MAP_FAILED);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    tracer = unit_fork();
    if (tracer == 0) {
        unit_wait_for(&tracing->tid, 1);
        stop(atomic_load(&tracing->tid));
        atomic_store(&tracing->stopped, 1);
        unit_wait_for(&tracing->over, 1);
        /* else it would go on step by step */
        ptrace(PTRACE_DETACH, atomic_load(&tracing->tid), 0, 0);
        _exit(0);
    }
}

static void trace(pid_t tid)
{
    atomic_store(&tracing->tid, tid);
    unit_wait_for(&tracing->begun, 1);
}

static void end_tracing(void)
{
    atomic_store(&tracing->over, 1);
    unit_reap(tracer);
}

/* Threads at their end. */

static struct gate gate;

/* A thread with a stack of its own size, which is stopped at its end. */
static pthread_t start_to_end(int detach_state, void (*stop)(pid_t))
{
    pthread_attr_t attr;
    pthread_t thread;
    begin_tracing(stop);
    tracing->word = __libc;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 3 * MEBIBYTE), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, detach_state), 0);
    ck_assert_int_eq(sem_init(&gate.sem, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_at_gate, &gate), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    unit_wait_for(&gate.tid, 1);
    trace(atomic_load(&gate.tid));
    open_gate(&gate);
    unit_wait_for(&tracing->stopped, 1);
    return thread;
}

static long mapped(void)
{
    long pages = -1;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld", &pages) != 1)
        abort();
    fclose(file);
    return pages * PAGE;
}

/* A detached one, from its beginning to its end. */
static void live_detached(size_t stack_size)
{
    pthread_attr_t attr;
    pthread_t thread;
    static struct gate alone;
    atomic_store(&alone.tid, 0);
    ck_assert_int_eq(sem_init(&alone.sem, 0, 1), 0);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, stack_size), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_at_gate, &alone), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    wait_until_gone(&alone.tid);
}

START_TEST(a_big_stack_is_unmapped_and_others_kept_whoever_detaches_then)
{
    enum { STATE = 56 };
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pthread_attr_t attr;
    pthread_t thread;
    void *stack;
    size_t size;
    begin_tracing(_i ? stop_unmapped_until_detached : stop_exited_until_detached);
    long before = mapped();
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 64 * MEBIBYTE), 0);
    ck_assert_int_eq(sem_init(&gate.sem, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_at_gate, &gate), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    unit_wait_for(&gate.tid, 1);
    ck_assert_int_eq(pthread_getattr_np(thread, &attr), 0);
    ck_assert_int_eq(pthread_attr_getstack(&attr, &stack, &size), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    tracing->state = (char *)thread + STATE;
    tracing->word = _i ? stack : tracing->state;
    trace(atomic_load(&gate.tid));
    open_gate(&gate);
    unit_wait_for(&tracing->stopped, 1);
    ck_assert_int_eq(pthread_detach(thread), 0);
    wait_until_gone(&gate.tid);
    end_tracing();
    ck_assert_int_lt(mapped(), before + MEBIBYTE);
    before = mapped();
    live_detached(3 * MEBIBYTE);
    ck_assert_int_ge(mapped(), before + 2 * MEBIBYTE);
}
END_TEST

static void *use_stack(void *arg)
{
    char volatile *top = (char volatile *)__builtin_frame_address(0) - 1024;
    for (char volatile *p = top; p > top - MEBIBYTE; p -= PAGE)
        *p = 1;
    return arg;
}

/*
 * A signal that libc uses itself may come to any thread, where it cannot be queued for the one that is
 * meant (thread_process.c).
 */
START_TEST(a_thread_that_has_unmapped_its_stack_handles_no_signal)
{
    enum { SIGSYNCCALL = 34 };
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pthread_attr_t attr;
    pthread_t thread;
    void *stack;
    size_t size;
    begin_tracing(stop_when_unmapped);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 64 * MEBIBYTE), 0);
    ck_assert_int_eq(sem_init(&gate.sem, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_at_gate, &gate), 0);
    unit_wait_for(&gate.tid, 1);
    /* has its handler installed, and changes nothing */
    ck_assert_int_eq(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_getattr_np(thread, &attr), 0);
    ck_assert_int_eq(pthread_attr_getstack(&attr, &stack, &size), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_detach(thread), 0);
    tracing->word = stack;
    trace(atomic_load(&gate.tid));
    open_gate(&gate);
    unit_wait_for(&tracing->stopped, 1);
    ck_assert_int_eq(syscall(SYS_tgkill, getpid(), atomic_load(&gate.tid), SIGSYNCCALL), 0);
    end_tracing();
    wait_until_gone(&gate.tid);
}
END_TEST

/* A fork that does not wait for the lock that the thread has. */
START_TEST(a_stack_half_unmapped_at_a_fork_serves_nobody_in_the_child)
{
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pthread_attr_t attr, told;
    pthread_t thread;
    void *stack;
    size_t size;
    begin_tracing(stop_when_unmapped);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 64 * MEBIBYTE), 0);
    ck_assert_int_eq(sem_init(&gate.sem, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_at_gate, &gate), 0);
    unit_wait_for(&gate.tid, 1);
    ck_assert_int_eq(pthread_getattr_np(thread, &told), 0);
    ck_assert_int_eq(pthread_attr_getstack(&told, &stack, &size), 0);
    ck_assert_int_eq(pthread_attr_destroy(&told), 0);
    ck_assert_int_eq(pthread_detach(thread), 0);
    tracing->word = stack;
    trace(atomic_load(&gate.tid));
    open_gate(&gate);
    unit_wait_for(&tracing->stopped, 1);
    pid_t pid = unit_fork_by(BY_PLAIN_FORK);
    if (pid == 0) {
        unit_child_assert(pthread_create(&thread, &attr, use_stack, NULL) == 0);
        unit_child_assert(pthread_join(thread, NULL) == 0);
        _exit(0);
    }
    end_tracing();
    if (pid < 0)
        unit_skip("this libc has no _Fork");
    unit_reap(pid);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

static void use_same_size(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    unit_child_assert(pthread_attr_init(&attr) == 0);
    unit_child_assert(pthread_attr_setstacksize(&attr, 3 * MEBIBYTE) == 0);
    unit_child_assert(pthread_create(&thread, &attr, give_back, NULL) == 0);
    unit_child_assert(pthread_join(thread, NULL) == 0);
    _exit(0);
}

START_TEST(the_stack_of_a_thread_that_was_ending_at_a_fork_serves_in_the_child)
{
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    /* in the last case fork takes no lock */
    pthread_t thread = start_to_end(_i ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE,
                                    _i == 2 ? stop_when_uncounted : stop_at_exit);
    if (_i == 0)
        ck_assert_int_eq(pthread_detach(thread), 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        long before = mapped();
        pthread_attr_t attr;
        unit_child_assert(pthread_attr_init(&attr) == 0);
        unit_child_assert(pthread_attr_setstacksize(&attr, 3 * MEBIBYTE) == 0);
        unit_child_assert(pthread_create(&thread, &attr, give_back, NULL) == 0);
        unit_child_assert(pthread_join(thread, NULL) == 0);
        unit_child_assert(mapped() < before + MEBIBYTE);
        use_same_size();
    }
    unit_reap(pid);
    end_tracing();
}
END_TEST

START_TEST(a_thread_that_was_ending_at_a_fork_is_joined_in_the_child)
{
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pthread_t thread = start_to_end(PTHREAD_CREATE_JOINABLE, stop_at_exit);
    pid_t pid = unit_fork();
    if (pid == 0) {
        void *result = NULL;
        int error = _i ? pthread_join(thread, &result) : pthread_tryjoin_np(thread, &result);
        unit_child_assert(error == 0);
        unit_child_assert(result == &gate);
        use_same_size();
    }
    unit_reap(pid);
    ck_assert_int_eq(pthread_tryjoin_np(thread, NULL), EBUSY);
    end_tracing();
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(a_thread_detached_after_a_join_that_timed_out_at_its_end_leaves_its_memory_to_others)
{
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pthread_t thread = start_to_end(PTHREAD_CREATE_JOINABLE, stop_at_exit);
    struct timespec past = {0, 0};
    ck_assert_int_eq(pthread_timedjoin_np(thread, NULL, &past), ETIMEDOUT);
    ck_assert_int_eq(pthread_detach(thread), 0);
    end_tracing();
    wait_until_gone(&gate.tid);
    long before = mapped();
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 3 * MEBIBYTE), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, give_back, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_lt(mapped(), before + MEBIBYTE);
}
END_TEST

static atomic_int may_end;

static void *spin_to_the_end(void *tid)
{
    atomic_store((atomic_int *)tid, unit_gettid());
    while (!atomic_load(&may_end))
        ;
    return NULL;
}

START_TEST(a_thread_stopped_where_it_waits_to_end_holds_nobody_up)
{
    if (!unit_on_furwock_threads() || !__tl_lock)
        unit_skip("the threads are libc's");
    pthread_t ending, other;
    atomic_int tid = 0;
    begin_tracing(stop_at_once);
    ck_assert_int_eq(pthread_create(&ending, NULL, spin_to_the_end, &tid), 0);
    unit_wait_for(&tid, 1);
    __tl_lock();
    atomic_store(&may_end, 1);
    unit_wait_until_asleep(getpid(), atomic_load(&tid));
    trace(atomic_load(&tid));
    unit_wait_for(&tracing->stopped, 1);
    __tl_unlock();
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(pthread_create(&other, NULL, give_back, NULL), 0);
        ck_assert_int_eq(pthread_join(other, NULL), 0);
    }
    ck_assert_int_eq(pthread_tryjoin_np(ending, NULL), EBUSY);
    end_tracing();
    ck_assert_int_eq(pthread_join(ending, NULL), 0);
}
END_TEST

static int join_it(void *thread)
{
    return pthread_join(*(pthread_t *)thread, NULL);
}

/* For as long as the first one has not returned. */
START_TEST(a_second_joiner_gets_EINVAL_even_where_the_first_is_about_to_return)
{
    enum { JOINING = 128 };
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pthread_t thread;
    struct unit_call call;
    begin_tracing(stop_after_join);
    start_at_gate(&thread, &gate);
    unit_start(&call, join_it, &thread);
    unit_wait_until_blocked(&call);
    /* whom a thread joins stands there in its block */
    tracing->word = (char *)call.thread + JOINING;
    ck_assert_ptr_nonnull(*(void *const *)tracing->word);
    trace(atomic_load(&call.tid));
    open_gate(&gate);
    unit_wait_for(&tracing->stopped, 1);
    ck_assert_int_eq(pthread_tryjoin_np(thread, NULL), EINVAL);
    ck_assert_int_eq(pthread_join(thread, NULL), EINVAL);
    ck_assert_int_eq(pthread_detach(thread), EINVAL);
    end_tracing();
    ck_assert_int_eq(unit_finish(&call), 0);
}
END_TEST

static void *lock_ring_twice(void *locked)
{
    __tl_lock();
    __tl_lock();
    atomic_store((atomic_int *)locked, 1);
    unit_wait_for(locked, 2);
    __tl_unlock();
    __tl_unlock();
    return NULL;
}

/* As fork does, called by a signal handler where the ring is locked. */
START_TEST(a_thread_that_had_locked_the_ring_more_than_once_is_no_matter_in_a_child)
{
    if (!unit_on_furwock_threads() || !__tl_lock)
        unit_skip("the threads are libc's");
    pthread_t thread;
    atomic_int locked = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, lock_ring_twice, &locked), 0);
    unit_wait_for(&locked, 1);
    pid_t pid = unit_fork_by(BY_PLAIN_FORK);
    if (pid == 0)
        use_same_size();
    atomic_store(&locked, 2);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    if (pid < 0)
        unit_skip("this libc has no _Fork");
    unit_reap(pid);
}
END_TEST

/* Without libc's knowledge: it stays in the ring. */
static void *exit_when_stopped(void *unused)
{
    (void)unused;
    atomic_store(&tracing->other, unit_gettid());
    unit_wait_for(&tracing->stopped, 1);
    syscall(SYS_exit, 0);
    return NULL;
}

START_TEST(users_are_set_though_a_thread_goes_by_itself_where_it_is_to_be_asked)
{
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pthread_t thread;
    begin_tracing(stop_until_other_is_gone);
    ck_assert_int_eq(pthread_create(&thread, NULL, exit_when_stopped, NULL), 0);
    unit_wait_for(&tracing->other, 1);
    trace(getpid());
    ck_assert_int_eq(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1), 0);
    ck_assert_int_eq(atomic_load(&tracing->stopped), 1);
    end_tracing();
}
END_TEST

/* Threads at their beginning. */

START_TEST(a_thread_stopped_when_it_is_refused_holds_nobody_up)
{
    if (!unit_on_furwock_threads())
        unit_skip("the threads are libc's");
    pthread_attr_t attr;
    pthread_t thread, refused = 0;
    cpu_set_t none;
    CPU_ZERO(&none);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setaffinity_np(&attr, sizeof none, &none), 0);
    begin_tracing(stop_child);
    trace(getpid());
    ck_assert_int_eq(pthread_create(&refused, &attr, give_back, NULL), EINVAL);
    unit_wait_for(&tracing->stopped, 1);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, give_back, NULL), 0);
        /* its memory is its own until it is gone */
        ck_assert(!pthread_equal(thread, refused));
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    while (unit_threads() != 2)
        sched_yield();
    end_tracing();
    unit_wait_until_alone();
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}
END_TEST

static Suite *thread_stopped_suite(void)
{
    Suite *suite = suite_create("thread_stopped");
    TCase *tcase = tcase_create("thread_stopped");
    tcase_set_timeout(tcase, 20);
    tcase_add_loop_test(tcase, the_stack_of_a_thread_that_was_ending_at_a_fork_serves_in_the_child,
                        0, 3);
    tcase_add_loop_test(tcase, a_thread_that_was_ending_at_a_fork_is_joined_in_the_child, 0, 2);
    tcase_add_test(tcase, a_second_joiner_gets_EINVAL_even_where_the_first_is_about_to_return);
    tcase_add_test(
        tcase,
        a_thread_detached_after_a_join_that_timed_out_at_its_end_leaves_its_memory_to_others);
    tcase_add_test(tcase, a_thread_stopped_where_it_waits_to_end_holds_nobody_up);
    tcase_add_test(tcase, a_thread_that_had_locked_the_ring_more_than_once_is_no_matter_in_a_child);
    tcase_add_loop_test(tcase, a_big_stack_is_unmapped_and_others_kept_whoever_detaches_then, 0, 2);
    tcase_add_test(tcase, a_thread_that_has_unmapped_its_stack_handles_no_signal);
    tcase_add_test(tcase, users_are_set_though_a_thread_goes_by_itself_where_it_is_to_be_asked);
    tcase_add_test(tcase, a_stack_half_unmapped_at_a_fork_serves_nobody_in_the_child);
    tcase_add_test(tcase, a_thread_stopped_when_it_is_refused_holds_nobody_up);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_stopped_suite)
