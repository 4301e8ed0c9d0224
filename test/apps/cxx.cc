// The C++ standard library's threads: each test claims what its class must do, and its name is
// printed with "right" or with the first claim that did not hold.

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <functional>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// Long enough for any machine; only a lost wake uses it up.
static constexpr auto patience = 20s;

struct Wrong : std::runtime_error {
    using std::runtime_error::runtime_error;
};

#define CLAIM(condition) claim(condition, #condition, __LINE__)

static void claim(bool holds, const char *text, int line)
{
    if (!holds)
        throw Wrong("line " + std::to_string(line) + ": " + text);
}

// Runs n threads to their end and passes on the first exception that one of them threw.
static void crowd(int n, const std::function<void(int)> &body)
{
    std::vector<std::future<void>> parts;
    for (int i = 0; i < n; i++)
        parts.push_back(std::async(std::launch::async, body, i));
    for (auto &part : parts)
        part.wait();
    for (auto &part : parts)
        part.get();
}

template <class Mutex> static long count_under(Mutex &mutex, int threads, int each)
{
    long counter = 0;
    crowd(threads, [&](int) {
        for (int i = 0; i < each; i++) {
            std::lock_guard lock(mutex);
            counter++;
        }
    });
    return counter;
}

static void test_mutex()
{
    std::mutex mutex;
    CLAIM(count_under(mutex, 4, 50000) == 200000);
    std::unique_lock lock(mutex);
    crowd(2, [&](int) { CLAIM(!mutex.try_lock()); });
    lock.unlock();
    CLAIM(mutex.try_lock());
    mutex.unlock();
}

static void test_recursive_mutex()
{
    std::recursive_mutex mutex;
    CLAIM(count_under(mutex, 4, 20000) == 80000);
    for (int i = 0; i < 100; i++)
        CLAIM(mutex.try_lock());
    crowd(1, [&](int) { CLAIM(!mutex.try_lock()); });
    for (int i = 0; i < 99; i++)
        mutex.unlock();
    crowd(1, [&](int) { CLAIM(!mutex.try_lock()); });
    mutex.unlock();
    crowd(1, [&](int) {
        CLAIM(mutex.try_lock());
        mutex.unlock();
    });
}

// Neither clock's wait may end early, nor fail when the mutex comes free in time.
static void test_timed_mutex()
{
    std::timed_mutex mutex;
    CLAIM(count_under(mutex, 4, 20000) == 80000);
    mutex.lock();
    crowd(1, [&](int) {
        auto steady = std::chrono::steady_clock::now() + 30ms;
        CLAIM(!mutex.try_lock_until(steady));
        CLAIM(std::chrono::steady_clock::now() >= steady);
        auto system = std::chrono::system_clock::now() + 30ms;
        CLAIM(!mutex.try_lock_until(system));
        CLAIM(std::chrono::system_clock::now() >= system);
        CLAIM(!mutex.try_lock_for(-1s));
    });
    auto waiter = std::async(std::launch::async, [&] {
        bool taken = mutex.try_lock_for(patience);
        if (taken)
            mutex.unlock();
        return taken;
    });
    CLAIM(waiter.wait_for(20ms) == std::future_status::timeout);
    mutex.unlock();
    CLAIM(waiter.get());

    std::recursive_timed_mutex recursive;
    CLAIM(count_under(recursive, 4, 20000) == 80000);
    std::unique_lock outer(recursive), inner(recursive, 10ms);
    CLAIM(inner.owns_lock());
}

// Accounts whose sum stays the same while each transfer holds two mutexes, in any order.
static void test_scoped_lock()
{
    struct Account {
        std::mutex mutex;
        long balance = 1000;
    } account[5];
    crowd(4, [&](int me) {
        for (int i = 0; i < 20000; i++) {
            Account &from = account[(me + i) % 5], &to = account[(me * 3 + i * 2 + 1) % 5];
            if (&from == &to)
                continue;
            std::scoped_lock both(from.mutex, to.mutex);
            from.balance -= i % 7;
            to.balance += i % 7;
        }
    });
    long sum = 0;
    for (auto &a : account)
        sum += a.balance;
    CLAIM(sum == 5000);
}

// Writers keep two numbers equal; readers together hold the lock and never see them differ.
static void test_shared_mutex()
{
    std::shared_mutex mutex;
    long first = 0, second = 0;
    std::atomic<long> reads = 0;
    crowd(4, [&](int me) {
        for (int i = 0; i < 20000; i++) {
            if (i % 10 == me) {
                std::unique_lock lock(mutex);
                first++;
                second++;
            } else {
                std::shared_lock lock(mutex);
                CLAIM(first == second);
                reads++;
            }
        }
    });
    CLAIM(first == 8000 && reads == 72000);

    std::latch together(3);
    crowd(3, [&](int) {
        std::shared_lock lock(mutex);
        // Reached by all three only when they may hold it at once.
        together.arrive_and_wait();
    });
    std::shared_lock lock(mutex);
    crowd(1, [&](int) {
        CLAIM(!mutex.try_lock());
        CLAIM(mutex.try_lock_shared());
        mutex.unlock_shared();
    });
}

static void test_shared_timed_mutex()
{
    std::shared_timed_mutex mutex;
    mutex.lock();
    crowd(2, [&](int) {
        auto steady = std::chrono::steady_clock::now() + 30ms;
        CLAIM(!mutex.try_lock_shared_until(steady));
        CLAIM(!mutex.try_lock_until(steady));
        CLAIM(std::chrono::steady_clock::now() >= steady);
        auto system = std::chrono::system_clock::now() + 30ms;
        CLAIM(!mutex.try_lock_shared_until(system));
        CLAIM(!mutex.try_lock_until(system));
        CLAIM(std::chrono::system_clock::now() >= system);
    });
    auto readers = std::async(std::launch::async, [&] {
        crowd(3, [&](int) {
            CLAIM(mutex.try_lock_shared_for(patience));
            mutex.unlock_shared();
        });
    });
    mutex.unlock();
    readers.get();
    CLAIM(mutex.try_lock_for(patience));
    mutex.unlock();
}

// A bounded queue between two producers and two consumers.
static void test_condition_variable()
{
    std::mutex mutex;
    std::condition_variable room, work;
    std::queue<int> queue;
    long sum = 0, taken = 0;
    crowd(4, [&](int me) {
        for (int i = 0; i < 20000; i++) {
            std::unique_lock lock(mutex);
            if (me < 2) {
                CLAIM(room.wait_for(lock, patience, [&] { return queue.size() < 4; }));
                queue.push(i);
                work.notify_one();
            } else {
                CLAIM(work.wait_for(lock, patience, [&] { return !queue.empty(); }));
                sum += queue.front();
                taken++;
                queue.pop();
                room.notify_one();
            }
        }
    });
    CLAIM(taken == 40000 && sum == 2 * 199990000L);

    std::unique_lock lock(mutex);
    auto steady = std::chrono::steady_clock::now() + 30ms;
    CLAIM(!work.wait_until(lock, steady, [] { return false; }));
    CLAIM(std::chrono::steady_clock::now() >= steady);
    auto system = std::chrono::system_clock::now() + 30ms;
    CLAIM(!work.wait_until(lock, system, [] { return false; }));
    CLAIM(std::chrono::system_clock::now() >= system);
    CLAIM(lock.owns_lock());
}

// Turns go round by broadcast, which wakes all of them for the one whose turn it is.
static void test_notify_all()
{
    std::mutex mutex;
    std::condition_variable turned;
    int turn = 0;
    crowd(6, [&](int me) {
        for (int i = 0; i < 500; i++) {
            std::unique_lock lock(mutex);
            turned.wait(lock, [&] { return turn % 6 == me; });
            turn++;
            turned.notify_all();
        }
    });
    CLAIM(turn == 3000);
}

// Waits with locks of any kind, here a reader's and a writer's.
static void test_condition_variable_any()
{
    std::shared_mutex mutex;
    std::condition_variable_any changed;
    int generation = 0, seen = 0;
    std::atomic<int> watching = 0;
    auto watchers = std::async(std::launch::async, [&] {
        crowd(3, [&](int) {
            for (int wanted = 1; wanted <= 200; wanted++) {
                std::shared_lock lock(mutex);
                CLAIM(changed.wait_for(lock, patience, [&] { return generation >= wanted; }));
            }
            watching++;
        });
    });
    for (int i = 0; i < 200; i++) {
        {
            std::unique_lock lock(mutex);
            generation++;
        }
        changed.notify_all();
    }
    watchers.get();
    CLAIM(watching == 3);

    std::recursive_mutex recursive;
    auto signaller = std::async(std::launch::async, [&] {
        std::lock_guard lock(recursive);
        seen = 1;
        changed.notify_one();
    });
    std::unique_lock lock(recursive);
    CLAIM(changed.wait_for(lock, patience, [&] { return seen == 1; }));
    lock.unlock();
    signaller.get();
}

// A stop request must wake a wait that nothing else will wake, and run the callbacks.
static void test_jthread()
{
    std::mutex mutex;
    std::condition_variable_any never, called;
    std::atomic<int> stopped = 0;
    for (int i = 0; i < 100; i++) {
        std::jthread thread([&](std::stop_token token) {
            bool mine = false;
            // Kept until it has run: whoever asks runs the callbacks one after another, and the
            // one that ends the wait below need not be the last.
            std::stop_callback callback(token, [&] {
                std::lock_guard lock(mutex);
                mine = true;
                called.notify_one();
            });
            std::unique_lock lock(mutex);
            if (!never.wait(lock, token, [] { return false; }) && token.stop_requested() &&
                called.wait_for(lock, patience, [&] { return mine; }))
                stopped++;
        });
        // Asked from here in half of the rounds, by the destructor in the others.
        if (i % 2)
            thread.request_stop();
    }
    CLAIM(stopped == 100);

    // A deadline in the place of a stop request.
    std::jthread([&](std::stop_token token) {
        std::unique_lock lock(mutex);
        auto deadline = std::chrono::steady_clock::now() + 20ms;
        CLAIM(!never.wait_until(lock, token, deadline, [] { return false; }));
        CLAIM(std::chrono::steady_clock::now() >= deadline && !token.stop_requested());
    }).join();
}

// Threads crowd round flags whose first callers throw: each flag is done once, by one of the
// next, and whoever came back from call_once without an exception sees the work done.
static void test_call_once()
{
    for (int round = 0; round < 200; round++) {
        std::once_flag flag;
        std::atomic<int> entered = 0, thrown = 0;
        int done = 0;
        std::latch start(4);
        crowd(4, [&](int) {
            start.arrive_and_wait();
            for (;;) {
                try {
                    std::call_once(flag, [&] {
                        if (++entered < 3)
                            throw std::runtime_error("not yet");
                        done++;
                    });
                    break;
                } catch (const std::runtime_error &error) {
                    CLAIM(error.what() == std::string("not yet"));
                    thrown++;
                }
            }
            CLAIM(done == 1);
        });
        CLAIM(entered == 3 && thrown == 2 && done == 1);
    }
}

// An exception from an inner call_once passes through an outer one, and both can run again.
static void test_call_once_nested()
{
    std::once_flag outer, inner;
    int runs = 0, destroyed = 0;
    struct Count {
        int &n;
        ~Count()
        {
            n++;
        }
    };
    auto both = [&] {
        std::call_once(outer, [&] {
            Count guard{destroyed};
            std::call_once(inner, [&] {
                Count guard{destroyed};
                if (++runs == 1)
                    throw Wrong("first");
            });
        });
    };
    bool caught = false;
    try {
        both();
    } catch (const Wrong &) {
        caught = true;
    }
    CLAIM(caught && destroyed == 2);
    both();
    both();
    CLAIM(runs == 2 && destroyed == 4);
}

struct Slow {
    static inline std::atomic<int> made = 0;
    int value;
    Slow(int tries)
    {
        std::this_thread::sleep_for(1ms);
        if (++made < tries)
            throw Wrong("a static's constructor");
        value = made;
    }
};

// A function's static is made once though many come at once and the first try throws.
static void test_static_initialisation()
{
    std::latch start(6);
    std::atomic<int> caught = 0;
    crowd(6, [&](int) {
        start.arrive_and_wait();
        for (;;) {
            try {
                static Slow slow(3);
                CLAIM(slow.value == 3);
                return;
            } catch (const Wrong &error) {
                CLAIM(error.what() == std::string("a static's constructor"));
                caught++;
            }
        }
    });
    CLAIM(Slow::made == 3 && caught == 2);
}

static void test_latch_and_barrier()
{
    std::atomic<int> arrived = 0;
    int phases = 0;
    bool complete = true;
    auto on_phase = [&]() noexcept {
        complete = complete && arrived == 4 * (phases + 1);
        phases++;
    };
    std::barrier barrier(4, on_phase);
    std::latch all(4);
    crowd(4, [&](int) {
        all.arrive_and_wait();
        CLAIM(all.try_wait());
        for (int i = 0; i < 300; i++) {
            arrived++;
            barrier.arrive_and_wait();
        }
    });
    CLAIM(complete && phases == 300);
}

static void test_semaphore()
{
    std::counting_semaphore<3> places(3);
    std::atomic<int> inside = 0, entries = 0;
    crowd(6, [&](int) {
        for (int i = 0; i < 1000; i++) {
            places.acquire();
            CLAIM(++inside <= 3);
            entries++;
            inside--;
            places.release();
        }
    });
    CLAIM(entries == 6000);
    std::binary_semaphore none(0);
    CLAIM(!none.try_acquire() && !none.try_acquire_for(20ms));
    none.release();
    CLAIM(none.try_acquire_for(patience));
}

static void test_future()
{
    std::vector<std::future<long>> sums;
    for (long i = 0; i < 200; i++)
        sums.push_back(std::async(std::launch::async, [i] { return i * i; }));
    long sum = 0;
    for (auto &f : sums)
        sum += f.get();
    CLAIM(sum == 2646700);

    std::promise<std::string> promise;
    auto shared = promise.get_future().share();
    auto readers = std::async(std::launch::async,
                              [&] { crowd(3, [&](int) { CLAIM(shared.get() == "kept"); }); });
    promise.set_value("kept");
    readers.get();

    std::packaged_task<int()> failing([]() -> int { throw Wrong("in the task"); });
    auto result = failing.get_future();
    std::jthread(std::move(failing)).join();
    bool caught = false;
    try {
        result.get();
    } catch (const Wrong &error) {
        caught = error.what() == std::string("in the task");
    }
    CLAIM(caught);
    auto deferred = std::async(std::launch::deferred, [] { return 7; });
    CLAIM(deferred.wait_for(0s) == std::future_status::deferred && deferred.get() == 7);
}

static std::atomic<int> born, buried;

struct Mourned {
    int value = ++born;
    ~Mourned()
    {
        buried++;
    }
};

static thread_local Mourned mourned;

// Thread-locals die with their threads, and what is left to the thread's exit happens then,
// after them.
static void test_thread_exit()
{
    crowd(20, [&](int) { CLAIM(mourned.value > 0); });
    CLAIM(born == 20 && buried == 20);

    std::mutex mutex;
    std::condition_variable gone;
    bool leaving = false;
    std::thread thread([&] {
        std::unique_lock lock(mutex);
        CLAIM(mourned.value > 0);
        leaving = true;
        std::notify_all_at_thread_exit(gone, std::move(lock));
    });
    {
        std::unique_lock lock(mutex);
        CLAIM(gone.wait_for(lock, patience, [&] { return leaving; }));
        CLAIM(buried == 21);
    }
    thread.join();
}

// Exceptions unwind through frames that hold locks, and leave them free.
static void test_unwinding()
{
    std::mutex mutex;
    std::shared_mutex shared;
    std::atomic<int> caught = 0;
    crowd(4, [&](int me) {
        for (int i = 0; i < 2000; i++) {
            try {
                std::unique_lock lock(mutex);
                std::shared_lock reader(shared);
                throw me * 10000 + i;
            } catch (int number) {
                caught += number == me * 10000 + i;
            }
        }
    });
    CLAIM(caught == 8000 && mutex.try_lock() && shared.try_lock());
    mutex.unlock();
    shared.unlock();
}

static const struct {
    void (*run)();
    const char *name;
} tests[] = {
    {test_mutex, "mutex"},
    {test_recursive_mutex, "recursive_mutex"},
    {test_timed_mutex, "timed_mutex"},
    {test_scoped_lock, "scoped_lock"},
    {test_shared_mutex, "shared_mutex"},
    {test_shared_timed_mutex, "shared_timed_mutex"},
    {test_condition_variable, "condition_variable"},
    {test_notify_all, "notify_all"},
    {test_condition_variable_any, "condition_variable_any"},
    {test_jthread, "jthread"},
    {test_call_once, "call_once"},
    {test_call_once_nested, "call_once_nested"},
    {test_static_initialisation, "static_initialisation"},
    {test_latch_and_barrier, "latch_and_barrier"},
    {test_semaphore, "semaphore"},
    {test_future, "future"},
    {test_thread_exit, "thread_exit"},
    {test_unwinding, "unwinding"},
};

int main()
{
    int status = 0;
    for (auto &test : tests) {
        try {
            test.run();
            std::printf("%s right\n", test.name);
        } catch (const std::exception &error) {
            std::printf("%s WRONG: %s\n", test.name, error.what());
            status = 1;
        }
        std::fflush(stdout);
    }
    return status;
}
