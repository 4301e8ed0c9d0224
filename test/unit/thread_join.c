/* The life of a thread: join in all its forms, and detachment. */
#include "thread.h"
#include <limits.h>

/* The ways to join, which have much in common. */
enum way { JOIN, TRYJOIN, TIMEDJOIN, CLOCKJOIN_REALTIME, CLOCKJOIN_MONOTONIC, WAYS };

static clockid_t clock_of(int way)
{
    return way == CLOCKJOIN_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

static bool is_timed(int way)
{
    return way >= TIMEDJOIN;
}

static int join_until(int way, pthread_t thread, void **result, const struct timespec *time)
{
    switch (way) {
    case JOIN:
        return pthread_join(thread, result);
    case TRYJOIN:
        return pthread_tryjoin_np(thread, result);
    case TIMEDJOIN:
        return pthread_timedjoin_np(thread, result, time);
    default:
        return pthread_clockjoin_np(thread, result, clock_of(way), time);
    }
}

/* With a deadline that does not matter. */
static int join_in_way(int way, pthread_t thread, void **result)
{
    struct timespec time = unit_deadline(clock_of(way), 20000);
    return join_until(way, thread, result, &time);
}

/* Joining. */

START_TEST(every_join_delivers_the_result_of_an_ended_thread)
{
    pthread_t thread;
    struct gate gate;
    void *result = NULL;
    start_at_gate(&thread, &gate);
    open_gate(&gate);
    wait_until_gone(&gate.tid);
    ck_assert_int_eq(join_in_way(_i, thread, &result), 0);
    ck_assert_ptr_eq(result, &gate);
}
END_TEST

START_TEST(every_join_does_without_a_place_for_the_result)
{
    pthread_t thread;
    struct gate gate;
    start_at_gate(&thread, &gate);
    open_gate(&gate);
    wait_until_gone(&gate.tid);
    ck_assert_int_eq(join_in_way(_i, thread, NULL), 0);
}
END_TEST

/* A join in a thread of its own. */
struct joining {
    int way;
    pthread_t thread;
    struct timespec *time;
    void *result;
};

static int join_elsewhere(void *arg)
{
    struct joining *joining = arg;
    if (joining->time)
        return join_until(joining->way, joining->thread, &joining->result, joining->time);
    return join_in_way(joining->way, joining->thread, &joining->result);
}

START_TEST(a_join_waits_for_the_end)
{
    if (_i == TRYJOIN)
        return;
    struct gate gate;
    struct unit_call call;
    struct joining joining = {.way = _i};
    start_at_gate(&joining.thread, &gate);
    unit_start(&call, join_elsewhere, &joining);
    unit_wait_until_blocked(&call);
    unit_wait_for(&gate.tid, 1);
    ck_assert(exists(atomic_load(&gate.tid)));
    open_gate(&gate);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_ptr_eq(joining.result, &gate);
}
END_TEST

/* Which is when its stack may be used for something else. */
START_TEST(a_joined_thread_has_left_user_space_for_good)
{
    enum { SIZE = 1 << 16 };
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    for (int i = 0; i < 2000; i++) {
        char *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(stack, MAP_FAILED);
        ck_assert_int_eq(pthread_attr_setstack(&attr, stack, SIZE), 0);
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, &attr, give_back, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        /* On it, the thread would crash. */
        ck_assert_int_eq(munmap(stack, SIZE), 0);
    }
}
END_TEST

START_TEST(tryjoin_of_a_living_thread_returns_EBUSY_and_changes_nothing)
{
    pthread_t thread;
    struct gate gate;
    void *result = &thread;
    start_at_gate(&thread, &gate);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_tryjoin_np(thread, &result), EBUSY);
    ck_assert_ptr_eq(result, &thread);
    open_gate(&gate);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &gate);
}
END_TEST

START_TEST(a_timed_join_of_a_living_thread_returns_ETIMEDOUT_not_before_the_time)
{
    if (!is_timed(_i))
        return;
    pthread_t thread;
    struct gate gate;
    void *result = &thread;
    start_at_gate(&thread, &gate);
    for (int ms = -1000; ms <= 20; ms += 510) {
        struct timespec now, time = unit_deadline(clock_of(_i), ms);
        ck_assert_int_eq(join_until(_i, thread, &result, &time), ETIMEDOUT);
        clock_gettime(clock_of(_i), &now);
        ck_assert(now.tv_sec > time.tv_sec ||
                  (now.tv_sec == time.tv_sec && now.tv_nsec >= time.tv_nsec));
        ck_assert_ptr_eq(result, &thread);
    }
    open_gate(&gate);
    ck_assert_int_eq(join_in_way(_i, thread, &result), 0);
    ck_assert_ptr_eq(result, &gate);
}
END_TEST

START_TEST(a_timed_join_of_an_ended_thread_succeeds_whatever_the_time)
{
    if (!is_timed(_i))
        return;
    const struct timespec times[] = {{0, 0}, {0, 999999999}, {1, 0}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        pthread_t thread;
        struct gate gate;
        void *result = NULL;
        start_at_gate(&thread, &gate);
        open_gate(&gate);
        wait_until_gone(&gate.tid);
        ck_assert_int_eq(join_until(_i, thread, &result, &times[i]), 0);
        ck_assert_ptr_eq(result, &gate);
    }
}
END_TEST

START_TEST(a_timed_join_with_nanoseconds_out_of_range_returns_EINVAL_and_changes_nothing)
{
    if (!is_timed(_i))
        return;
    /* libc defect: glibc's join asks the kernel again and again. */
    if (!unit_on_furwock_threads())
        unit_skip("never returns");
    const long bad[] = {-1, 1000000000, LONG_MAX, LONG_MIN};
    pthread_t thread;
    struct gate gate;
    void *result = &thread;
    start_at_gate(&thread, &gate);
    for (int i = 0; i < 4; i++) {
        struct timespec time = unit_deadline(clock_of(_i), 20000);
        time.tv_nsec = bad[i];
        ck_assert_int_eq(join_until(_i, thread, &result, &time), EINVAL);
    }
    ck_assert_ptr_eq(result, &thread);
    open_gate(&gate);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &gate);
}
END_TEST

START_TEST(a_timed_join_with_a_time_before_the_epoch_returns_ETIMEDOUT)
{
    if (!is_timed(_i))
        return;
    const struct timespec time = {-1, 0};
    pthread_t thread;
    struct gate gate;
    start_at_gate(&thread, &gate);
    ck_assert_int_eq(join_until(_i, thread, NULL, &time), ETIMEDOUT);
    open_gate(&gate);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(a_timed_join_without_a_time_waits_for_ever)
{
    if (!is_timed(_i))
        return;
    pthread_t thread;
    struct gate gate;
    void *result = NULL;
    start_at_gate(&thread, &gate);
    open_gate(&gate);
    ck_assert_int_eq(join_until(_i, thread, &result, NULL), 0);
    ck_assert_ptr_eq(result, &gate);
}
END_TEST

START_TEST(clockjoin_with_another_clock_returns_EINVAL_and_changes_nothing)
{
    const clockid_t clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_BOOTTIME,
                                -1, 12345};
    pthread_t thread;
    struct gate gate;
    start_at_gate(&thread, &gate);
    struct timespec time = {INT_MAX, 0};
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pthread_clockjoin_np(thread, NULL, clocks[i], &time), EINVAL);
    open_gate(&gate);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(a_signal_does_not_end_a_join)
{
    if (_i == TRYJOIN)
        return;
    /* No SA_RESTART. */
    catch_signal(SIGUSR1, count_signal, 0);
    struct gate gate;
    struct unit_call call;
    struct joining joining = {.way = _i};
    start_at_gate(&joining.thread, &gate);
    unit_start(&call, join_elsewhere, &joining);
    for (int i = 1; i <= 20; i++) {
        unit_wait_until_blocked(&call);
        ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
        unit_wait_for(&handled, i);
    }
    unit_wait_until_blocked(&call);
    open_gate(&gate);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_ptr_eq(joining.result, &gate);
}
END_TEST

START_TEST(a_join_leaves_errno_alone)
{
    pthread_t thread;
    struct gate gate;
    start_at_gate(&thread, &gate);
    struct timespec past = unit_deadline(clock_of(_i), -1);
    errno = 4711;
    if (_i != JOIN)
        ck_assert_int_ne(join_until(_i, thread, NULL, &past), 0);
    ck_assert_int_eq(errno, 4711);
    open_gate(&gate);
    wait_until_gone(&gate.tid);
    errno = 4711;
    ck_assert_int_eq(join_in_way(_i, thread, NULL), 0);
    ck_assert_int_eq(errno, 4711);
}
END_TEST

START_TEST(a_thread_that_joins_itself_gets_EDEADLK)
{
    struct joining joining = {.way = _i, .thread = pthread_self()};
    /* libc defect: glibc's tryjoin sees only that the thread has not ended. */
    if (_i == TRYJOIN && !unit_on_furwock_threads())
        unit_skip("tryjoin of oneself is no deadlock here");
    ck_assert_int_eq(join_elsewhere(&joining), EDEADLK);
    ck_assert_ptr_null(joining.result);
}
END_TEST

START_TEST(of_two_threads_that_join_each_other_the_second_gets_EDEADLK)
{
    if (!unit_handlers_set_masks())
        unit_skip("a cancel may come again for ever");
    struct unit_call call;
    struct joining joining = {.way = _i == TRYJOIN ? JOIN : _i, .thread = pthread_self()};
    /* libc defect: glibc does not record who joins. */
    if (!unit_on_furwock_threads())
        unit_skip("joins do not see one another");
    unit_start(&call, join_elsewhere, &joining);
    unit_wait_until_blocked(&call);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(join_in_way(_i, call.thread, NULL), EDEADLK);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(pthread_join(call.thread, NULL), 0);
}
END_TEST

static int join_without_being_cancelled(void *arg)
{
    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL), 0);
    return join_elsewhere(arg);
}

/* The thread that it cancels will not be cancelled: there is nothing to wait for. */
START_TEST(who_joins_its_joiner_gets_EDEADLK_though_it_has_cancelled_it_in_vain)
{
    struct unit_call call;
    struct joining joining = {.way = CLOCKJOIN_MONOTONIC, .thread = pthread_self()};
    if (!unit_on_furwock_threads())
        unit_skip("joins do not see one another");
    unit_start(&call, join_without_being_cancelled, &joining);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_cancel(call.thread), 0);
    ck_assert_int_eq(join_in_way(_i, call.thread, NULL), EDEADLK);
}
END_TEST

static struct {
    pthread_t threads[2];
    pthread_barrier_t barrier;
    int errors[2];
    atomic_int done;
} each_other;

static void *join_the_other(void *arg)
{
    intptr_t i = (intptr_t)arg;
    pthread_barrier_wait(&each_other.barrier);
    each_other.errors[i] = pthread_join(each_other.threads[!i], NULL);
    atomic_fetch_add(&each_other.done, 1);
    return NULL;
}

START_TEST(two_threads_that_join_each_other_at_once_do_not_hang)
{
    /* libc defect: glibc's threads may both look before either says whom it waits for. */
    if (!unit_on_furwock_threads())
        unit_skip("both may wait for ever");
    for (int round = 0; round < 2000; round++) {
        atomic_store(&each_other.done, 0);
        ck_assert_int_eq(pthread_barrier_init(&each_other.barrier, NULL, 3), 0);
        for (intptr_t i = 0; i < 2; i++)
            ck_assert_int_eq(
                pthread_create(&each_other.threads[i], NULL, join_the_other, (void *)i), 0);
        pthread_barrier_wait(&each_other.barrier);
        unit_wait_for(&each_other.done, 2);
        const int *errors = each_other.errors;
        ck_assert(errors[0] == EDEADLK || errors[1] == EDEADLK);
        /* Whom the other has not joined, this joins. */
        for (int i = 0; i < 2; i++) {
            ck_assert(errors[i] == EDEADLK || errors[i] == 0);
            if (errors[!i] == EDEADLK)
                ck_assert_int_eq(pthread_join(each_other.threads[i], NULL), 0);
        }
        ck_assert_int_eq(pthread_barrier_destroy(&each_other.barrier), 0);
    }
}
END_TEST

START_TEST(a_second_joiner_gets_EINVAL_and_the_first_the_result)
{
    if (_i == TRYJOIN)
        return;
    /* libc defect: glibc does not record who joins. */
    if (!unit_on_furwock_threads())
        unit_skip("joins do not see one another");
    struct gate gate;
    struct unit_call call;
    struct joining joining = {.way = JOIN};
    start_at_gate(&joining.thread, &gate);
    unit_start(&call, join_elsewhere, &joining);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(join_in_way(_i, joining.thread, NULL), EINVAL);
    open_gate(&gate);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_ptr_eq(joining.result, &gate);
}
END_TEST

START_TEST(a_thread_can_be_joined_by_another_after_a_join_that_timed_out)
{
    if (!is_timed(_i))
        return;
    struct gate gate;
    struct unit_call call;
    struct joining joining = {.way = JOIN};
    start_at_gate(&joining.thread, &gate);
    struct timespec time = unit_deadline(clock_of(_i), 5);
    ck_assert_int_eq(join_until(_i, joining.thread, NULL, &time), ETIMEDOUT);
    unit_start(&call, join_elsewhere, &joining);
    unit_wait_until_blocked(&call);
    open_gate(&gate);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_ptr_eq(joining.result, &gate);
}
END_TEST

START_TEST(a_joined_thread_is_known_no_more)
{
    /* Undefined by POSIX; glibc says nothing of it. */
    if (!unit_on_furwock_threads())
        unit_skip("undefined here");
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, give_back, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(join_in_way(_i, thread, NULL), ESRCH);
    ck_assert_int_eq(pthread_detach(thread), ESRCH);
}
END_TEST

START_TEST(of_many_joiners_at_once_exactly_one_succeeds)
{
    enum { JOINERS = 4 };
    /* libc defect: glibc does not record who joins. */
    if (!unit_on_furwock_threads())
        unit_skip("joins do not see one another");
    for (int round = 0; round < 100; round++) {
        struct gate gate;
        struct unit_call calls[JOINERS];
        struct joining joinings[JOINERS];
        start_at_gate(&joinings[0].thread, &gate);
        for (int i = 0; i < JOINERS; i++) {
            static const int ways[] = {JOIN, TIMEDJOIN, CLOCKJOIN_REALTIME, CLOCKJOIN_MONOTONIC};
            joinings[i] = (struct joining){.way = ways[i], .thread = joinings[0].thread};
            unit_start(&calls[i], join_elsewhere, &joinings[i]);
        }
        /* All but one come back before the end. */
        int returned;
        do {
            sched_yield();
            returned = 0;
            for (int i = 0; i < JOINERS; i++)
                returned += atomic_load(&calls[i].returned);
        } while (returned < JOINERS - 1);
        open_gate(&gate);
        int successes = 0;
        for (int i = 0; i < JOINERS; i++) {
            int error = unit_finish(&calls[i]);
            ck_assert(error == 0 || error == EINVAL);
            successes += error == 0;
        }
        ck_assert_int_eq(successes, 1);
    }
}
END_TEST

struct joiners {
    pthread_t thread;
    pthread_barrier_t barrier;
    atomic_int may_end;
};

static void *end_when_told(void *arg)
{
    struct joiners *joiners = arg;
    while (!atomic_load(&joiners->may_end))
        ;
    return arg;
}

static int join_together(void *arg)
{
    struct joiners *joiners = arg;
    pthread_barrier_wait(&joiners->barrier);
    return pthread_join(joiners->thread, NULL);
}

START_TEST(of_two_joiners_at_any_moment_of_the_end_exactly_one_succeeds)
{
    /* libc defect: glibc does not record who joins. */
    if (!unit_on_furwock_threads())
        unit_skip("joins do not see one another");
    for (int round = 0; round < 1000; round++) {
        struct joiners joiners = {0};
        struct unit_call calls[2];
        ck_assert_int_eq(pthread_barrier_init(&joiners.barrier, NULL, 3), 0);
        ck_assert_int_eq(pthread_create(&joiners.thread, NULL, end_when_told, &joiners), 0);
        for (int i = 0; i < 2; i++)
            unit_start(&calls[i], join_together, &joiners);
        pthread_barrier_wait(&joiners.barrier);
        for (int volatile wait = round % 250 * 10; wait > 0; wait--)
            ;
        atomic_store(&joiners.may_end, 1);
        int errors[2] = {unit_finish(&calls[0]), unit_finish(&calls[1])};
        ck_assert_int_eq((errors[0] == 0) + (errors[1] == 0), 1);
        int other = errors[0] + errors[1];
        ck_assert(other == EINVAL || other == ESRCH);
        ck_assert_int_eq(pthread_barrier_destroy(&joiners.barrier), 0);
    }
}
END_TEST

static atomic_int stop_trying;

static int try_again_and_again(void *arg)
{
    while (!atomic_load(&stop_trying)) {
        int error = pthread_tryjoin_np(*(pthread_t *)arg, NULL);
        /* it may be being joined */
        if (error != EBUSY && error != EINVAL)
            return error;
    }
    return 0;
}

START_TEST(a_tryjoin_that_finds_a_living_thread_disturbs_no_other_join)
{
    pthread_t thread;
    struct gate gate;
    struct unit_call call;
    start_at_gate(&thread, &gate);
    unit_start(&call, try_again_and_again, &thread);
    unit_wait_for(&call.tid, 1);
    struct timespec past = unit_deadline(CLOCK_REALTIME, -1);
    for (int i = 0; i < 100000; i++)
        ck_assert_int_eq(pthread_timedjoin_np(thread, NULL, &past), ETIMEDOUT);
    atomic_store(&stop_trying, 1);
    ck_assert_int_eq(unit_finish(&call), 0);
    open_gate(&gate);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static void end_in_handler(int signal)
{
    (void)signal;
    pthread_exit(NULL);
}

START_TEST(a_thread_can_be_joined_by_another_after_a_joiner_that_a_handler_has_ended)
{
    if (!unit_on_furwock_threads())
        unit_skip("undefined here");
    catch_signal(SIGUSR1, end_in_handler, SA_NODEFER);
    struct gate gate;
    struct unit_call call;
    struct joining joining = {.way = _i};
    if (_i == TRYJOIN)
        return;
    start_at_gate(&joining.thread, &gate);
    unit_start(&call, join_elsewhere, &joining);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
    ck_assert_int_eq(pthread_join(call.thread, NULL), 0);
    ck_assert_int_eq(pthread_tryjoin_np(joining.thread, NULL), EBUSY);
    open_gate(&gate);
    ck_assert_int_eq(join_in_way(_i, joining.thread, NULL), 0);
}
END_TEST

START_TEST(a_thread_that_a_child_of_fork_lacks_is_known_to_be_none)
{
    if (!unit_on_furwock_threads())
        unit_skip("waits for ever");
    pthread_t thread;
    struct gate gate;
    start_at_gate(&thread, &gate);
    pid_t pid = unit_fork();
    if (pid == 0) {
        unit_child_assert(join_in_way(_i, thread, NULL) == ESRCH);
        unit_child_assert(pthread_detach(thread) == ESRCH);
        _exit(0);
    }
    unit_reap(pid);
    open_gate(&gate);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static atomic_int forked;

static void fork_in_handler(int signal)
{
    (void)signal;
    atomic_store(&forked, fork());
    if (atomic_load(&forked) == 0)
        alarm(30);
}

static int join_and_say(void *arg)
{
    int error = join_elsewhere(arg);
    if (atomic_load(&forked) == 0)
        _exit(error == ESRCH ? 0 : 1);
    return error;
}

START_TEST(a_join_in_which_a_handler_forks_ends_in_the_child)
{
    if (!unit_on_furwock_threads() || _i == TRYJOIN)
        unit_skip("waits for ever");
    catch_signal(SIGUSR1, fork_in_handler, 0);
    atomic_store(&forked, -1);
    struct gate gate;
    struct unit_call call;
    struct joining joining = {.way = _i};
    start_at_gate(&joining.thread, &gate);
    unit_start(&call, join_and_say, &joining);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_kill(call.thread, SIGUSR1), 0);
    unit_wait_for(&forked, 1);
    unit_reap(atomic_load(&forked));
    open_gate(&gate);
    ck_assert_int_eq(unit_finish(&call), 0);
}
END_TEST

/* Detachment. */

START_TEST(a_detached_thread_cannot_be_joined)
{
    pthread_t thread;
    struct gate gate;
    start_at_gate(&thread, &gate);
    ck_assert_int_eq(pthread_detach(thread), 0);
    /* glibc's tryjoin looks first whether the thread has ended. */
    ck_assert_int_eq(join_in_way(_i, thread, NULL),
                     _i == TRYJOIN && !unit_on_furwock_threads() ? EBUSY : EINVAL);
    open_gate(&gate);
    wait_until_gone(&gate.tid);
}
END_TEST

START_TEST(a_detached_thread_cannot_be_detached)
{
    pthread_t thread;
    struct gate gate;
    start_at_gate(&thread, &gate);
    ck_assert_int_eq(pthread_detach(thread), 0);
    ck_assert_int_eq(pthread_detach(thread), EINVAL);
    open_gate(&gate);
    wait_until_gone(&gate.tid);
}
END_TEST

START_TEST(detaching_a_thread_that_is_being_joined_changes_nothing)
{
    /* libc defect: glibc does not record who joins. */
    if (!unit_on_furwock_threads())
        unit_skip("joins do not see one another");
    struct gate gate;
    struct unit_call call;
    struct joining joining = {.way = JOIN};
    start_at_gate(&joining.thread, &gate);
    unit_start(&call, join_elsewhere, &joining);
    unit_wait_until_blocked(&call);
    ck_assert_int_eq(pthread_detach(joining.thread), EINVAL);
    unit_wait_until_blocked(&call);
    open_gate(&gate);
    ck_assert_int_eq(unit_finish(&call), 0);
    ck_assert_ptr_eq(joining.result, &gate);
}
END_TEST

START_TEST(an_ended_thread_can_be_detached)
{
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        struct gate gate;
        start_at_gate(&thread, &gate);
        open_gate(&gate);
        wait_until_gone(&gate.tid);
        ck_assert_int_eq(pthread_detach(thread), 0);
    }
}
END_TEST

static int detach_self(void *arg)
{
    int errors = pthread_detach(pthread_self()) != 0;
    errors += pthread_detach(pthread_self()) != EINVAL;
    atomic_store((atomic_int *)arg, errors == 0 ? unit_gettid() : -1);
    return 0;
}

static void *detach_self_thread(void *arg)
{
    detach_self(arg);
    return NULL;
}

START_TEST(a_thread_can_detach_itself)
{
    for (int i = 0; i < 200; i++) {
        atomic_int tid = 0;
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, detach_self_thread, &tid), 0);
        while (atomic_load(&tid) == 0)
            sched_yield();
        ck_assert_int_gt(atomic_load(&tid), 0);
        wait_until_gone(&tid);
    }
}
END_TEST

static void *count_and_end(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    return NULL;
}

START_TEST(detachment_at_any_moment_of_the_end_is_good)
{
    enum { THREADS = 3000 };
    static atomic_int ended;
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, count_and_end, &ended), 0);
        struct timespec now, until = unit_deadline(CLOCK_MONOTONIC, 0);
        until.tv_nsec += i % 300 * 200;
        do
            clock_gettime(CLOCK_MONOTONIC, &now);
        while ((now.tv_sec - until.tv_sec) * 1000000000L + now.tv_nsec < until.tv_nsec);
        ck_assert_int_eq(pthread_detach(thread), 0);
    }
    unit_wait_for(&ended, THREADS);
}
END_TEST

START_TEST(a_thread_created_detached_runs_and_cannot_be_joined)
{
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    pthread_t thread;
    struct gate gate;
    atomic_init(&gate.tid, 0);
    ck_assert_int_eq(sem_init(&gate.sem, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, wait_at_gate, &gate), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), EINVAL);
    ck_assert_int_eq(pthread_detach(thread), EINVAL);
    open_gate(&gate);
    wait_until_gone(&gate.tid);
}
END_TEST

/* The initial thread, in children of fork. */

static pthread_t initial;

static void *join_initial_and_exit(void *arg)
{
    void *result = NULL;
    unit_child_assert(join_in_way((int)(intptr_t)arg, initial, &result) == 0);
    unit_child_assert(result == &initial);
    _exit(42);
}

START_TEST(the_initial_thread_can_be_joined)
{
    if (_i == TRYJOIN)
        return;
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        initial = pthread_self();
        unit_child_assert(
            pthread_create(&thread, NULL, join_initial_and_exit, (void *)(intptr_t)_i) == 0);
        pthread_exit(&initial);
    }
    ck_assert_int_eq(exit_status(pid), 42);
}
END_TEST

static void *detach_initial(void *unused)
{
    (void)unused;
    unit_child_assert(pthread_detach(initial) == 0);
    unit_child_assert(pthread_detach(initial) == EINVAL);
    unit_child_assert(pthread_join(initial, NULL) == EINVAL);
    _exit(42);
}

START_TEST(the_initial_thread_can_be_detached)
{
    pid_t pid = unit_fork();
    if (pid == 0) {
        pthread_t thread;
        initial = pthread_self();
        unit_child_assert(pthread_create(&thread, NULL, detach_initial, NULL) == 0);
        for (;;)
            pause();
    }
    ck_assert_int_eq(exit_status(pid), 42);
}
END_TEST

static Suite *thread_join_suite(void)
{
    Suite *suite = suite_create("thread_join");
    TCase *tcase = tcase_create("thread_join");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, every_join_delivers_the_result_of_an_ended_thread, 0, WAYS);
    tcase_add_loop_test(tcase, every_join_does_without_a_place_for_the_result, 0, WAYS);
    tcase_add_loop_test(tcase, a_join_waits_for_the_end, 0, WAYS);
    tcase_add_test(tcase, a_joined_thread_has_left_user_space_for_good);
    tcase_add_test(tcase, tryjoin_of_a_living_thread_returns_EBUSY_and_changes_nothing);
    tcase_add_loop_test(
        tcase, a_timed_join_of_a_living_thread_returns_ETIMEDOUT_not_before_the_time, 0, WAYS);
    tcase_add_loop_test(tcase, a_timed_join_of_an_ended_thread_succeeds_whatever_the_time, 0, WAYS);
    tcase_add_loop_test(
        tcase, a_timed_join_with_nanoseconds_out_of_range_returns_EINVAL_and_changes_nothing, 0,
        WAYS);
    tcase_add_loop_test(tcase, a_timed_join_with_a_time_before_the_epoch_returns_ETIMEDOUT, 0,
                        WAYS);
    tcase_add_loop_test(tcase, a_timed_join_without_a_time_waits_for_ever, 0, WAYS);
    tcase_add_test(tcase, clockjoin_with_another_clock_returns_EINVAL_and_changes_nothing);
    tcase_add_loop_test(tcase, a_signal_does_not_end_a_join, 0, WAYS);
    tcase_add_loop_test(tcase, a_join_leaves_errno_alone, 0, WAYS);
    tcase_add_loop_test(tcase, a_thread_that_joins_itself_gets_EDEADLK, 0, WAYS);
    tcase_add_loop_test(tcase, of_two_threads_that_join_each_other_the_second_gets_EDEADLK, 0,
                        WAYS);
    tcase_add_loop_test(tcase, who_joins_its_joiner_gets_EDEADLK_though_it_has_cancelled_it_in_vain,
                        0, WAYS);
    tcase_add_test(tcase, two_threads_that_join_each_other_at_once_do_not_hang);
    tcase_add_loop_test(tcase, a_second_joiner_gets_EINVAL_and_the_first_the_result, 0, WAYS);
    tcase_add_loop_test(tcase, a_thread_can_be_joined_by_another_after_a_join_that_timed_out, 0,
                        WAYS);
    tcase_add_loop_test(tcase, a_joined_thread_is_known_no_more, 0, WAYS);
    tcase_add_test(tcase, of_many_joiners_at_once_exactly_one_succeeds);
    tcase_add_test(tcase, of_two_joiners_at_any_moment_of_the_end_exactly_one_succeeds);
    tcase_add_test(tcase, a_tryjoin_that_finds_a_living_thread_disturbs_no_other_join);
    tcase_add_loop_test(
        tcase, a_thread_can_be_joined_by_another_after_a_joiner_that_a_handler_has_ended, 0, WAYS);
    tcase_add_loop_test(tcase, a_join_in_which_a_handler_forks_ends_in_the_child, 0, WAYS);
    tcase_add_loop_test(tcase, a_thread_that_a_child_of_fork_lacks_is_known_to_be_none, 0, WAYS);
    tcase_add_loop_test(tcase, a_detached_thread_cannot_be_joined, 0, WAYS);
    tcase_add_test(tcase, a_detached_thread_cannot_be_detached);
    tcase_add_test(tcase, detaching_a_thread_that_is_being_joined_changes_nothing);
    tcase_add_test(tcase, an_ended_thread_can_be_detached);
    tcase_add_test(tcase, a_thread_can_detach_itself);
    tcase_add_test(tcase, detachment_at_any_moment_of_the_end_is_good);
    tcase_add_test(tcase, a_thread_created_detached_runs_and_cannot_be_joined);
    tcase_add_loop_test(tcase, the_initial_thread_can_be_joined, 0, WAYS);
    tcase_add_test(tcase, the_initial_thread_can_be_detached);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN(thread_join_suite)
