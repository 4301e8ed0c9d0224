// The C++ library's locks, conditions, once flags and threads.
#include <condition_variable>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <thread>

static std::mutex mutex;
static std::condition_variable condition;
static std::shared_mutex shared;
static std::once_flag once;
static int turn, destroyed;

struct counted {
    ~counted()
    {
        destroyed++;
    }
};
static thread_local counted local;

int main()
{
    std::thread other([] {
        (void)&local;
        std::unique_lock<std::mutex> lock(mutex);
        condition.wait(lock, [] { return turn == 1; });
        turn = 2;
        condition.notify_all();
    });
    {
        std::unique_lock<std::mutex> lock(mutex);
        turn = 1;
        condition.notify_all();
        condition.wait(lock, [] { return turn == 2; });
    }
    other.join();
    int runs = 0;
    try {
        std::call_once(once, [&] {
            runs++;
            throw 1;
        });
    } catch (int) {
    }
    std::call_once(once, [&] { runs++; });
    std::shared_lock<std::shared_mutex> reader(shared);
    bool refused = std::async(std::launch::async, [] { return !shared.try_lock(); }).get();
    return !(runs == 2 && refused && destroyed == 1);
}
