/* Cancellation where its signal has a hard time: creations, handlers, full stacks, no memory for signals. */
#include "thread_step.h"
#include "../fault/refusal.h"
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>

/* libc's own signals among those that the calling thread has blocked. */
static uint64_t blocked_inside(void)
{
    const uint64_t inside = 7ull << 31;
    uint64_t mask = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
    return mask & inside;
}

static int ends[2];
static pthread_t target;
static atomic_int wanted, done;

/* In a thread beside the target: cancel it when it wants that. */
static void *cancel_when_wanted(void *unused)
{
    (void)unused;
    while (!atomic_load(&wanted))
        sched_yield();
    pthread_cancel(target);
    atomic_store(&done, 1);
    return NULL;
}

/* In a signal handler of the target. */
static void be_cancelled(void)
{
    atomic_store(&wanted, 1);
    while (!atomic_load(&done))
        sched_yield();
}

static sem_t free_for_all;

static void be_cancelled_and_pass_points(void)
{
    be_cancelled();
    (void)!write(ends[1], "", 0);
    sem_wait(&free_for_all);
    pthread_testcancel();
}

static void read_for_ever(void)
{
    char byte;
    while (read(ends[0], &byte, 1) != 1 || byte)
        ;
}

static uint64_t child_mask;
static atomic_int child_runs;

static void *show_mask_and_read(void *unused)
{
    child_mask = blocked_inside();
    atomic_store(&child_runs, 1);
    read_for_ever();
    return unused;
}

static pthread_t child;
static int instruction, creation_error;
static bool happened, passes_points;

static void *create_in_steps(void *unused)
{
    (void)unused;
    target = pthread_self();
    steps_begin(instruction, passes_points ? be_cancelled_and_pass_points : be_cancelled);
    creation_error = pthread_create(&child, NULL, show_mask_and_read, NULL);
    happened = steps_end();
    if (!happened)
        be_cancelled();
    for (;;)
        pthread_testcancel();
    return NULL;
}

static void be_cancelled_at_a_point(int signal)
{
    (void)signal;
    pthread_cancel(target);
    (void)!write(ends[1], "", 0);
    atomic_store(&done, 1);
}

START_TEST(a_cancel_at_any_instruction_of_a_creation_is_the_creators_alone)
{
    /* libc defect: musl gives the child the signal blocked, and then it cannot be cancelled. */
    if (!CAN_STEP || !unit_on_furwock_threads())
        unit_skip("not here");
    int cancelled_inside = 0;
    struct sigaction action = {.sa_handler = be_cancelled_at_a_point};
    passes_points = _i % 2;
    /* Signals are masked then, and the one that cancels with them. */
    if (_i / 2)
        ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(sem_init(&free_for_all, 0, 1000000), 0);
    happened = true;
    for (instruction = 0; happened; instruction++) {
        pthread_t creator, canceller;
        void *result;
        atomic_store(&wanted, 0);
        atomic_store(&done, 0);
        atomic_store(&child_runs, 0);
        creation_error = -1;
        must(pthread_create(&canceller, NULL, cancel_when_wanted, NULL));
        must(pthread_create(&creator, NULL, create_in_steps, NULL));
        must(pthread_join(canceller, NULL));
        must(pthread_join(creator, &result));
        insist(result == PTHREAD_CANCELED);
        /* In the handler: before the creation has begun, or when it is over. */
        if (passes_points && creation_error == -1) {
            cancelled_inside++;
            continue;
        }
        insist(creation_error == 0);
        unit_wait_for(&child_runs, 1);
        ck_assert_msg(child_mask == 0, "instruction %d: mask %#llx", instruction,
                      (unsigned long long)child_mask);
        must(pthread_cancel(child));
        must(pthread_join(child, &result));
        insist(result == PTHREAD_CANCELED);
    }
    ck_assert_int_gt(instruction - cancelled_inside, 100);
}
END_TEST

/* Forks at any instruction of a creation: each process has the thread or knows that it has none. */

/* libc's knowledge of the process: a byte of it is 1 while there are several threads. */
extern char __libc[] __attribute__((weak, visibility("hidden")));
enum { NEED_LOCKS = 3 };

static pid_t forked_at_step;
static bool created_before, stays;
static int threads_before;
static atomic_int may_return;

static void fork_at_step(void)
{
    created_before = unit_threads() > threads_before;
    forked_at_step = fork();
    if (forked_at_step != 0)
        return;
    /* Nobody is to be asked whom the child lacks. */
    unit_child_assert(setgid(getgid()) == 0);
    /* Whom the child creates itself runs while its creator is made slow, and ends before that has done, or not. */
    steps.tid = unit_gettid();
    steps.until = INT_MAX;
    atomic_store(&may_return, !stays);
}

static void *return_argument(void *arg)
{
    unit_wait_for(&may_return, 1);
    return arg;
}

static void *sleep_beside(void *arg)
{
    for (;;)
        pause();
    return arg;
}

enum { EXITED_AS_A_PROCESS = 42 };

static void exit_at_last(void)
{
    _exit(EXITED_AS_A_PROCESS);
}

static void raise_for_points(void)
{
    syscall(SYS_tgkill, getpid(), unit_gettid(), SIGUSR1);
}

static void *end_detached(void *unused)
{
    pthread_detach(pthread_self());
    return unused;
}

static void *create_and_be_signalled(void *unused)
{
    target = pthread_self();
    steps_begin(instruction, raise_for_points);
    pthread_create(&child, NULL, end_detached, NULL);
    happened = steps_end();
    return unused;
}

/* Its signal is kept off while the lock is held that it would need to end. */
START_TEST(a_handler_that_comes_at_any_instruction_of_a_creation_ends_at_a_cancellation_point)
{
    if (!CAN_STEP || !unit_on_furwock_threads())
        unit_skip("not here");
    struct sigaction action = {.sa_handler = be_cancelled_at_a_point};
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(pipe(ends), 0);
    happened = true;
    for (instruction = 0; happened; instruction++) {
        pthread_t creator;
        void *result;
        must(pthread_create(&creator, NULL, create_and_be_signalled, NULL));
        must(pthread_join(creator, &result));
        insist(!happened || result == PTHREAD_CANCELED);
        insist(atomic_load(&done) == 0);
    }
    ck_assert_int_gt(instruction, 50);
}
END_TEST

/* _i: alone, beside another thread, alone with one that does not end before its creator has done */
START_TEST(a_fork_at_any_instruction_of_a_creation_leaves_two_whole_processes)
{
    if (!CAN_STEP || !unit_on_furwock_threads())
        unit_skip("not here");
    pthread_t other;
    bool beside = _i == 1;
    stays = _i == 2;
    if (beside)
        must(pthread_create(&other, NULL, sleep_beside, NULL));
    for (int i = 0; happened || i == 0; i++) {
        pthread_t thread;
        void *result;
        while (unit_threads() > 1 + beside)
            sched_yield();
        threads_before = 1 + beside;
        forked_at_step = -1;
        atomic_store(&may_return, 0);
        steps_begin(i, fork_at_step);
        int error = pthread_create(&thread, NULL, return_argument, &result);
        happened = steps_end();
        /* With two threads libc's own locks lock. */
        if (forked_at_step == 0 && !created_before && stays)
            unit_child_assert(__libc[NEED_LOCKS] == 1);
        atomic_store(&may_return, 1);
        if (forked_at_step == 0) {
            alarm(10);
            /* What was created before is the parent's: the child is told so now, or when it joins. */
            if (!created_before)
                unit_child_assert(error == 0 && pthread_join(thread, &result) == 0 &&
                                  result == &result);
            else
                unit_child_assert(error == EAGAIN || pthread_join(thread, NULL) == ESRCH);
            unit_child_assert(setgid(getgid()) == 0);
            atomic_store(&may_return, 0);
            unit_child_assert(pthread_create(&thread, NULL, return_argument, &result) == 0);
            unit_child_assert(__libc[NEED_LOCKS] == 1);
            atomic_store(&may_return, 1);
            unit_child_assert(pthread_join(thread, &result) == 0 && result == &result);
            /* The last thread: the process does not merely end, it exits. */
            unit_child_assert(atexit(exit_at_last) == 0);
            pthread_exit(NULL);
        }
        must(error);
        must(pthread_join(thread, &result));
        insist(result == &result);
        if (forked_at_step > 0) {
            int status;
            insist(waitpid(forked_at_step, &status, 0) == forked_at_step);
            ck_assert_msg(status == EXITED_AS_A_PROCESS << 8, "instruction %d: status %#x", i,
                          (unsigned)status);
        }
    }
}
END_TEST

/* The same by _Fork, and the child's thread is as fast as can be: it sleeps or is gone before its creator goes on. */

static bool others_sleep(void)
{
    bool sleep = true;
    DIR *tasks = opendir("/proc/self/task");
    unit_child_assert(tasks != NULL);
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        pid_t tid = entry->d_name[0] == '.' ? 0 : atoi(entry->d_name);
        char state = tid && tid != unit_gettid() ? unit_state(getpid(), tid) : 0;
        sleep = sleep && (state == 0 || state == 'S');
    }
    closedir(tasks);
    return sleep;
}

static void plain_fork_at_step(void)
{
    if (forked_at_step > 0)
        return;
    if (forked_at_step == -1) {
        created_before = unit_threads() > 1;
        forked_at_step = unit_fork_by(BY_PLAIN_FORK);
        if (forked_at_step != 0 || created_before)
            return;
        steps.tid = unit_gettid();
    }
    if (unit_threads() == 1) {
        steps.until++;
        return;
    }
    while (!others_sleep())
        sched_yield();
}

START_TEST(a_thread_created_just_after_a_plain_fork_may_be_faster_than_its_creator)
{
    if (!CAN_STEP || !unit_on_furwock_threads())
        unit_skip("not here");
    atomic_store(&may_return, 1);
    for (int i = 0; !created_before; i++) {
        pthread_t thread;
        forked_at_step = -1;
        steps_begin(i, plain_fork_at_step);
        int error = pthread_create(&thread, NULL, return_argument, NULL);
        steps_end();
        if (forked_at_step == 0) {
            alarm(10);
            unit_child_assert(created_before || (error == 0 && pthread_join(thread, NULL) == 0));
            unit_child_assert(pthread_create(&thread, NULL, return_argument, NULL) == 0);
            unit_child_assert(pthread_join(thread, NULL) == 0);
            _exit(0);
        }
        must(error);
        must(pthread_join(thread, NULL));
        if (forked_at_step < 0)
            unit_skip("this libc has no _Fork");
        int status;
        insist(waitpid(forked_at_step, &status, 0) == forked_at_step);
        ck_assert_msg(status == 0, "instruction %d: status %#x", i, (unsigned)status);
        unit_wait_until_alone();
    }
}
END_TEST

/* Handlers on top of a call that blocks. */

static atomic_int handling, cancelled_now;

static void handle_disabled(int signal)
{
    int state;
    (void)signal;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    atomic_store(&handling, 1);
    while (!atomic_load(&cancelled_now))
        sched_yield();
    pthread_setcancelstate(state, NULL);
}

static void handle_by_cancelling(int signal)
{
    (void)signal;
    pthread_cancel(pthread_self());
    atomic_store(&handling, 1);
}

static void handle_enabled(int signal)
{
    (void)signal;
    atomic_store(&handling, 1);
    while (!atomic_load(&cancelled_now))
        sched_yield();
}

/* Where no signal can be queued it is told that the thread has had no processor for a while. */
static void cancel_without_queue(pthread_t thread)
{
    int error;
    while ((error = pthread_cancel(thread)) == EAGAIN)
        sched_yield();
    must(error);
}

static int read_in_call(void *unused)
{
    (void)unused;
    read_for_ever();
    return 0;
}

static void (*const handlers[])(int) = {handle_disabled, handle_by_cancelling, handle_enabled};
enum { HANDLERS = sizeof handlers / sizeof handlers[0] };

static void expect_cancelled_below(void (*handler)(int), int flags)
{
    struct unit_call call;
    void *result;
    atomic_store(&handling, 0);
    atomic_store(&cancelled_now, 0);
    catch_signal(SIGUSR1, handler, flags);
    unit_start(&call, read_in_call, NULL);
    unit_wait_until_blocked(&call);
    must(pthread_kill(call.thread, SIGUSR1));
    unit_wait_for(&handling, 1);
    if (handler != handle_by_cancelling)
        cancel_without_queue(call.thread);
    atomic_store(&cancelled_now, 1);
    must(pthread_join(call.thread, &result));
    insist(result == PTHREAD_CANCELED);
}

START_TEST(a_cancel_that_a_handler_keeps_off_ends_the_call_below_it)
{
    /* libc defect: where the call goes on, it is lost. */
    if (!unit_on_furwock_threads() && _i == 1)
        unit_skip("lost");
    ck_assert_int_eq(pipe(ends), 0);
    for (int i = 0; i < 20; i++)
        for (int j = 0; j < HANDLERS; j++)
            if (unit_on_furwock_threads() || j == 2)
                expect_cancelled_below(handlers[j], _i ? SA_RESTART : 0);
}
END_TEST

static void leave_child(void *unused)
{
    (void)unused;
    _exit(42);
}

static pid_t parent;
static atomic_int forked;

static void cancel_and_fork(int signal)
{
    (void)signal;
    pthread_cancel(pthread_self());
    atomic_store(&forked, unit_fork());
}

static int read_in_parent_and_child(void *unused)
{
    (void)unused;
    pthread_cleanup_push(leave_child, NULL);
    read_for_ever();
    pthread_cleanup_pop(0);
    return 0;
}

START_TEST(a_cancel_that_waits_for_a_handler_does_so_in_a_child_of_fork)
{
    if (!unit_on_furwock_threads())
        unit_skip("lost");
    ck_assert_int_eq(pipe(ends), 0);
    catch_signal(SIGUSR1, cancel_and_fork, SA_RESTART);
    parent = unit_fork();
    if (parent == 0) {
        struct unit_call call;
        int status;
        /* The thread that forks leaves the child; this one waits for the child's child. */
        unit_start(&call, read_in_parent_and_child, NULL);
        unit_wait_until_blocked(&call);
        pthread_kill(call.thread, SIGUSR1);
        unit_wait_for(&forked, 1);
        unit_child_assert(waitpid(atomic_load(&forked), &status, 0) > 0);
        _exit(WIFEXITED(status) && WEXITSTATUS(status) == 42 ? 42 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(parent, &status, 0), parent);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status %#x", (unsigned)status);
}
END_TEST

static atomic_int enabled_often;

static int enable_often(void *unused)
{
    (void)unused;
    int signals;
    for (int i = 0; i < 20000; i++) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
        pthread_cancel(pthread_self());
    }
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");
    signals = -1;
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "SigQ: %d/", &signals);
    if (status)
        fclose(status);
    atomic_store(&enabled_often, signals);
    return 0;
}

START_TEST(a_cancelled_thread_has_one_signal_that_waits_however_often_it_is_asked)
{
    struct unit_call call;
    unit_start(&call, enable_often, NULL);
    unit_finish(&call);
    ck_assert_int_ge(atomic_load(&enabled_often), 0);
    ck_assert_int_lt(atomic_load(&enabled_often), 1000);
}
END_TEST

/* The request is there, and its signal waits, blocked; the calls unblock all signals as long as they take. */
static int call_with_empty_masks(void *unused)
{
    (void)unused;
    const struct timespec soon = {0, 1000000};
    struct epoll_event event;
    sigset_t nothing;
    sigemptyset(&nothing);
    int set = epoll_create1(EPOLL_CLOEXEC);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    int polled = ppoll(NULL, 0, &soon, &nothing);
    int selected = pselect(0, NULL, NULL, NULL, &soon, &nothing);
    int waited = epoll_pwait(set, &event, 1, 1, &nothing);
    close(set);
    return polled == 0 && selected == 0 && waited == 0 ? 0 : EINTR;
}

START_TEST(a_cancel_from_before_it_was_disabled_ends_no_call_with_a_mask_of_its_own)
{
    ck_assert_int_eq(unit_elsewhere(call_with_empty_masks, NULL), 0);
}
END_TEST

/* Without memory for signals. */

static void allow_no_signals(void)
{
    struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &none), 0);
}

static void *compute_until_cancelled(void *unused)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    atomic_store(&child_runs, 1);
    for (;;)
        __asm__ volatile("");
    return unused;
}

START_TEST(a_cancel_arrives_where_no_signal_can_be_queued)
{
    /* libc's pthread_cancel returns EAGAIN. */
    if (!unit_on_furwock_threads())
        unit_skip("refused");
    ck_assert_int_eq(pipe(ends), 0);
    allow_no_signals();
    for (int i = 0; i < 20; i++) {
        struct unit_call call;
        pthread_t thread;
        void *result;
        unit_start(&call, read_in_call, NULL);
        unit_wait_until_blocked(&call);
        cancel_without_queue(call.thread);
        must(pthread_join(call.thread, &result));
        insist(result == PTHREAD_CANCELED);
        for (int j = 0; j < HANDLERS; j++)
            expect_cancelled_below(handlers[j], SA_RESTART);
        atomic_store(&child_runs, 0);
        must(pthread_create(&thread, NULL, compute_until_cancelled, NULL));
        unit_wait_for(&child_runs, 1);
        cancel_without_queue(thread);
        must(pthread_join(thread, &result));
        insist(result == PTHREAD_CANCELED);
    }
}
END_TEST

/* Without a handler for the signal, which would end the process. */

static void *cancel_itself(void *unused)
{
    pthread_cancel(pthread_self());
    pthread_testcancel();
    return unused;
}

static void *be_cancelled_when_told(void *unused)
{
    atomic_store(&child_runs, 1);
    unit_wait_for(&wanted, 1);
    pthread_testcancel();
    return unused;
}

START_TEST(a_cancel_is_seen_later_where_its_signal_cannot_be_handled)
{
    /* libc defect: the signal ends the process. */
    if (!unit_on_furwock_threads())
        unit_skip("not here");
    pthread_t thread;
    void *result;
    must(pthread_create(&thread, NULL, be_cancelled_when_told, NULL));
    unit_wait_for(&child_runs, 1);
    if (!refuse_call(SYS_rt_sigaction, EPERM))
        unit_skip("no filters here");
    must(pthread_cancel(thread));
    atomic_store(&wanted, 1);
    must(pthread_join(thread, &result));
    insist(result == PTHREAD_CANCELED);
    must(pthread_create(&thread, NULL, cancel_itself, NULL));
    must(pthread_join(thread, &result));
    insist(result == PTHREAD_CANCELED);
}
END_TEST

/* With hardly any stack left. */

static char *stack_end;
static int (*on_full_stack)(void);
enum { STACK = 128 * 1024, LEFT = 1000 };

/* What is left is less than the kernel takes for a signal. */
static int fill_stack(void)
{
    size_t room = (size_t)((char *)__builtin_frame_address(0) - stack_end) - LEFT;
    volatile char *filling = __builtin_alloca(room);
    filling[0] = 0;
    return on_full_stack() + filling[0];
}

static int read_one(void)
{
    char byte;
    atomic_store(&child_runs, 1);
    return (int)read(ends[0], &byte, 1);
}

static int compute(void)
{
    atomic_store(&child_runs, 1);
    for (;;)
        __asm__ volatile("");
    return 0;
}

static int use_up_stack(void *unused)
{
    (void)unused;
    static char memory[64 * 1024];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    sigaltstack(&stack, NULL);
    pthread_setcanceltype(
        on_full_stack == compute ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, NULL);
    return fill_stack();
}

static void *use_up_stack_in_thread(void *call)
{
    return unit_call_thread(call);
}

START_TEST(a_thread_with_a_full_stack_is_cancelled_on_its_stack_for_signals)
{
    /* libc defect: musl 1.2.3 does not use it. */
    if (!unit_on_furwock_threads())
        unit_skip("killed");
    ck_assert_int_eq(pipe(ends), 0);
    on_full_stack = _i ? compute : read_one;
    char *memory = mmap(NULL, 2 * STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    stack_end = memory + STACK;
    ck_assert_int_eq(mprotect(stack_end, STACK, PROT_READ | PROT_WRITE), 0);
    pthread_attr_t attr;
    struct unit_call call = {.function = use_up_stack};
    void *result;
    pthread_attr_init(&attr);
    ck_assert_int_eq(pthread_attr_setstack(&attr, stack_end, STACK), 0);
    ck_assert_int_eq(pthread_create(&call.thread, &attr, use_up_stack_in_thread, &call), 0);
    unit_wait_for(&child_runs, 1);
    if (_i == 0)
        unit_wait_until_blocked(&call);
    /* The signal of a process-wide call comes there as well. */
    ck_assert_int_eq(setgid(getgid()), 0);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}
END_TEST

static Suite *thread_cancel_signal_suite(void)
{
    Suite *suite = suite_create("thread_cancel_signal");
    TCase *tcase = tcase_create("thread_cancel_signal");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_cancel_at_any_instruction_of_a_creation_is_the_creators_alone, 0,
                        4);
    tcase_add_test(
        tcase, a_handler_that_comes_at_any_instruction_of_a_creation_ends_at_a_cancellation_point);
    tcase_add_loop_test(tcase, a_fork_at_any_instruction_of_a_creation_leaves_two_whole_processes,
                        0, 3);
    tcase_add_test(tcase, a_thread_created_just_after_a_plain_fork_may_be_faster_than_its_creator);
    tcase_add_loop_test(tcase, a_cancel_that_a_handler_keeps_off_ends_the_call_below_it, 0, 2);
    tcase_add_test(tcase, a_cancel_that_waits_for_a_handler_does_so_in_a_child_of_fork);
    tcase_add_test(tcase, a_cancelled_thread_has_one_signal_that_waits_however_often_it_is_asked);
    tcase_add_test(tcase, a_cancel_from_before_it_was_disabled_ends_no_call_with_a_mask_of_its_own);
    tcase_add_test(tcase, a_cancel_arrives_where_no_signal_can_be_queued);
    tcase_add_test(tcase, a_cancel_is_seen_later_where_its_signal_cannot_be_handled);
    tcase_add_loop_test(tcase, a_thread_with_a_full_stack_is_cancelled_on_its_stack_for_signals, 0,
                        2);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_cancel_signal_suite)
