/*
 * Once under C++: an exception that leaves the routine leaves std::call_once and pthread_once too,
 * with every frame's destructors, and the next caller runs the routine again. So does a thread that
 * is cancelled in a routine written in C++.
 *
 * (unit.h is C; this file needs little of it.)
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <check.h>
#include <pthread.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

namespace
{

/* What the routine does in its first calls; later ones return. */
constexpr int THROWING_CALLS = 3;
std::atomic<int> started, finished, destroyed, may_throw;

struct Guard {
    ~Guard()
    {
        destroyed++;
    }
};

struct Failure : std::runtime_error {
    int call;
    explicit Failure(int number)
        : std::runtime_error("call " + std::to_string(number)), call(number)
    {
    }
};

void wait_for(const std::atomic<int> &stage, int value)
{
    while (stage < value)
        std::this_thread::sleep_for(std::chrono::microseconds(100));
}

/* Wait until a thread sleeps in the kernel, as unit_wait_until_asleep() does. */
void wait_until_asleep(const std::atomic<int> &tid)
{
    wait_for(tid, 1);
    std::string path = "/proc/self/task/" + std::to_string(tid) + "/stat";
    for (;;) {
        char line[512] = "";
        FILE *file = fopen(path.c_str(), "r");
        ck_assert_msg(file != nullptr, "no such thread: %s", path.c_str());
        char *read = fgets(line, sizeof line, file);
        fclose(file);
        char *parenthesis = read ? strrchr(line, ')') : nullptr;
        ck_assert_msg(parenthesis != nullptr, "unreadable: %s", path.c_str());
        if (parenthesis[2] == 'S')
            return;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

pthread_once_t control = PTHREAD_ONCE_INIT;

void routine()
{
    Guard guard;
    int call = ++started;
    if (call <= THROWING_CALLS)
        throw Failure(call);
    finished++;
}

/* The same, but the first call throws only when it is told to. */
void patient_routine()
{
    Guard guard;
    int call = ++started;
    if (call == 1) {
        wait_for(may_throw, 1);
        throw Failure(call);
    }
    finished++;
}

START_TEST(an_exception_leaves_pthread_once_and_the_next_call_runs_again)
{
    int caught = 0;
    for (int call = 1; call <= THROWING_CALLS; call++) {
        try {
            Guard guard;
            pthread_once(&control, routine);
            ck_assert_msg(false, "call %d returned", call);
        } catch (const Failure &failure) {
            ck_assert_int_eq(failure.call, call);
            caught++;
        }
        ck_assert_int_eq(destroyed, 2 * call);
    }
    ck_assert_int_eq(caught, THROWING_CALLS);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_once(&control, routine), 0);
    ck_assert_int_eq(started, THROWING_CALLS + 1);
    ck_assert_int_eq(finished, 1);
}
END_TEST

START_TEST(an_exception_leaves_call_once_and_the_next_call_runs_again)
{
    std::once_flag flag;
    int caught = 0, ran = 0;
    for (int call = 1; call <= THROWING_CALLS + 3; call++) {
        try {
            std::call_once(
                flag,
                [&](int number) {
                    Guard guard;
                    ran++;
                    if (number <= THROWING_CALLS)
                        throw number;
                },
                call);
            ck_assert_int_gt(call, THROWING_CALLS);
        } catch (int number) {
            ck_assert_int_eq(number, call);
            caught++;
        }
    }
    ck_assert_int_eq(caught, THROWING_CALLS);
    ck_assert_int_eq(ran, THROWING_CALLS + 1);
    ck_assert_int_eq(destroyed, THROWING_CALLS + 1);
}
END_TEST

START_TEST(a_waiting_caller_runs_what_threw_in_another_thread)
{
    constexpr int WAITING = 3;
    std::atomic<int> caught{0}, tid[WAITING] = {};
    std::thread first([&] {
        try {
            pthread_once(&control, patient_routine);
        } catch (const Failure &) {
            caught++;
        }
    });
    wait_for(started, 1);
    std::thread waiting[WAITING];
    std::atomic<int> returned{0}, right{0};
    for (int i = 0; i < WAITING; i++) {
        waiting[i] = std::thread([&, i] {
            tid[i] = static_cast<int>(syscall(SYS_gettid));
            int error = pthread_once(&control, patient_routine);
            right += error == 0 && finished == 1;
            returned++;
        });
        wait_until_asleep(tid[i]);
    }
    ck_assert_int_eq(returned, 0);
    may_throw = 1;
    first.join();
    for (auto &thread : waiting)
        thread.join();
    ck_assert_int_eq(caught, 1);
    ck_assert_int_eq(right, WAITING);
    ck_assert_int_eq(started, 2);
    ck_assert_int_eq(destroyed, 2);
}
END_TEST

START_TEST(racing_callers_of_a_throwing_routine_succeed_once)
{
    constexpr int THREADS = 4, ROUNDS = 200;
    for (int round = 0; round < ROUNDS; round++) {
        std::once_flag flag;
        std::atomic<int> attempts{0}, caught{0}, done{0}, early{0};
        std::thread thread[THREADS];
        for (auto &one : thread)
            one = std::thread([&] {
                for (;;) {
                    try {
                        std::call_once(flag, [&] {
                            if (++attempts <= THREADS)
                                throw 1;
                            done++;
                        });
                        early += done != 1;
                        return;
                    } catch (int) {
                        caught++;
                    }
                }
            });
        for (auto &one : thread)
            one.join();
        ck_assert_int_eq(attempts, THREADS + 1);
        ck_assert_int_eq(caught, THREADS);
        ck_assert_int_eq(done, 1);
        ck_assert_int_eq(early, 0);
    }
}
END_TEST

pthread_once_t outer_control = PTHREAD_ONCE_INIT;
std::atomic<int> outer_started;

void outer_routine()
{
    Guard guard;
    outer_started++;
    pthread_once(&control, routine);
}

START_TEST(an_exception_of_an_inner_routine_undoes_the_outer_one_too)
{
    for (int call = 1; call <= THROWING_CALLS; call++) {
        try {
            pthread_once(&outer_control, outer_routine);
            ck_assert_msg(false, "call %d returned", call);
        } catch (const Failure &failure) {
            ck_assert_int_eq(failure.call, call);
        }
        ck_assert_int_eq(outer_started, call);
    }
    ck_assert_int_eq(pthread_once(&outer_control, outer_routine), 0);
    ck_assert_int_eq(pthread_once(&outer_control, outer_routine), 0);
    ck_assert_int_eq(outer_started, THROWING_CALLS + 1);
    ck_assert_int_eq(started, THROWING_CALLS + 1);
    ck_assert_int_eq(destroyed, 2 * (THROWING_CALLS + 1));
}
END_TEST

void outer_routine_that_catches()
{
    outer_started++;
    for (;;) {
        try {
            pthread_once(&control, routine);
            return;
        } catch (const Failure &) {
        }
    }
}

START_TEST(an_exception_caught_in_the_outer_routine_does_not_undo_it)
{
    ck_assert_int_eq(pthread_once(&outer_control, outer_routine_that_catches), 0);
    ck_assert_int_eq(pthread_once(&outer_control, outer_routine_that_catches), 0);
    ck_assert_int_eq(outer_started, 1);
    ck_assert_int_eq(started, THROWING_CALLS + 1);
    ck_assert_int_eq(finished, 1);
}
END_TEST

std::atomic<int> passed_by;

/* The first call sleeps for ever: a cancellation unwinds it like an exception. */
void endless_routine()
{
    Guard guard;
    if (++started > 1) {
        finished++;
        return;
    }
    try {
        for (;;)
            pause();
    } catch (...) {
        passed_by++;
        throw;
    }
}

START_TEST(a_cancelled_routine_runs_its_destructors_and_then_again)
{
    pthread_t first;
    ck_assert_int_eq(pthread_create(
                         &first, nullptr,
                         [](void *) -> void * {
                             Guard guard;
                             pthread_once(&control, endless_routine);
                             return nullptr;
                         },
                         nullptr),
                     0);
    wait_for(started, 1);
    std::atomic<int> tid{0}, error{-1};
    std::thread waiting([&] {
        tid = static_cast<int>(syscall(SYS_gettid));
        error = pthread_once(&control, endless_routine);
    });
    wait_until_asleep(tid);
    void *result;
    ck_assert_int_eq(pthread_cancel(first), 0);
    ck_assert_int_eq(pthread_join(first, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    waiting.join();
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(passed_by, 1);
    /* The guards of the cancelled routine, of its thread, and of the second call. */
    ck_assert_int_eq(destroyed, 3);
    ck_assert_int_eq(started, 2);
    ck_assert_int_eq(finished, 1);
}
END_TEST

/* What lay on the stack is written over. */
__attribute__((noinline)) void overwrite_stack()
{
    volatile char bytes[8192];
    for (volatile char &byte : bytes)
        byte = 0x5a;
}

START_TEST(an_exception_leaves_nothing_to_do_at_the_end_of_the_thread)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(
                         &thread, nullptr,
                         [](void *) -> void * {
                             try {
                                 pthread_once(&control, routine);
                             } catch (const Failure &) {
                                 overwrite_stack();
                             }
                             pthread_exit(&control);
                         },
                         nullptr),
                     0);
    void *result;
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &control);
    ck_assert_int_eq(started, 1);
}
END_TEST

Suite *once_cxx_suite()
{
    Suite *suite = suite_create("once_cxx");
    TCase *tcase = tcase_create("once_cxx");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, an_exception_leaves_pthread_once_and_the_next_call_runs_again);
    tcase_add_test(tcase, an_exception_leaves_call_once_and_the_next_call_runs_again);
    tcase_add_test(tcase, a_waiting_caller_runs_what_threw_in_another_thread);
    tcase_add_test(tcase, racing_callers_of_a_throwing_routine_succeed_once);
    tcase_add_test(tcase, an_exception_of_an_inner_routine_undoes_the_outer_one_too);
    tcase_add_test(tcase, an_exception_caught_in_the_outer_routine_does_not_undo_it);
    tcase_add_test(tcase, a_cancelled_routine_runs_its_destructors_and_then_again);
    tcase_add_test(tcase, an_exception_leaves_nothing_to_do_at_the_end_of_the_thread);
    suite_add_tcase(suite, tcase);
    return suite;
}

} // namespace

int main()
{
    SRunner *runner = srunner_create(once_cxx_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
