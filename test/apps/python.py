"""Python's threading, queue, concurrent.futures and multiprocessing, every sum printed."""

import concurrent.futures
import multiprocessing
import os
import queue
import subprocess
import sys
import threading
import time

# Many changes of the global lock's holder.
sys.setswitchinterval(0.0005)


def run(*targets):
    threads = [threading.Thread(target=t) for t in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_queue():
    q = queue.Queue(maxsize=16)
    each, sides = 20000, 4
    got = [[] for _ in range(sides)]

    def produce(me):
        for i in range(each):
            q.put(i)

    def consume(me):
        while (item := q.get()) is not None:
            got[me].append(item)
            q.task_done()
        q.task_done()

    producers = [threading.Thread(target=produce, args=(i,)) for i in range(sides)]
    consumers = [threading.Thread(target=consume, args=(i,)) for i in range(sides)]
    for thread in producers + consumers:
        thread.start()
    for thread in producers:
        thread.join()
    for _ in consumers:
        q.put(None)
    q.join()
    for thread in consumers:
        thread.join()
    items = [i for part in got for i in part]
    print(f"queue: {len(items)} items, sum {sum(items)}, {sides} producers and {sides} consumers"
          f" {'empty' if q.empty() else 'NOT EMPTY'}")

    p = queue.PriorityQueue()
    run(*(lambda k=k: [p.put(i * 3 + k) for i in range(1000)] for k in range(3)))
    order = [p.get(timeout=5) for _ in range(3000)]
    print(f"priority queue: {len(order)} items", "in order" if order == sorted(order) else "MIXED")


def test_condition():
    condition = threading.Condition()
    turns = []
    players, total = 4, 20000

    def play(me):
        while True:
            with condition:
                condition.wait_for(lambda: len(turns) % players == me or len(turns) >= total)
                if len(turns) >= total:
                    condition.notify_all()
                    return
                turns.append(me)
                condition.notify_all()

    run(*(lambda i=i: play(i) for i in range(players)))
    right = turns == [i % players for i in range(total)]
    print(f"condition: {len(turns)} turns taken", "in order" if right else "OUT OF ORDER")


def test_barrier():
    parties, generations = 5, 200
    barrier = threading.Barrier(parties)
    leaders, passed = [], []
    lock = threading.Lock()

    def meet():
        for generation in range(generations):
            index = barrier.wait(timeout=30)
            with lock:
                passed.append(generation)
            if index == 0:
                leaders.append(generation)

    run(*[meet] * parties)
    right = all(passed.count(g) == parties for g in range(generations))
    broken = 0

    def break_it():
        nonlocal broken
        try:
            barrier.wait(timeout=0.01)
        except threading.BrokenBarrierError:
            broken += 1

    run(break_it)
    barrier.reset()
    again = []
    run(*[lambda: again.append(barrier.wait(timeout=30))] * parties)
    print(f"barrier: {generations if right else 'NOT'} generations of {parties}, "
          f"{len(leaders)} leaders, broken {'once' if broken == 1 else 'NOT'} and "
          f"{'reset' if sorted(again) == list(range(parties)) else 'NOT RESET'}")


def test_semaphore():
    semaphore = threading.BoundedSemaphore(3)
    lock = threading.Lock()
    inside = most = entries = 0

    def enter():
        nonlocal inside, most, entries
        for _ in range(250):
            with semaphore:
                with lock:
                    inside += 1
                    entries += 1
                    most = max(most, inside)
                time.sleep(0)
                with lock:
                    inside -= 1

    run(*[enter] * 8)
    print(f"semaphore: {entries} entries,", "never more than 3 inside" if most <= 3 else most)


def test_executor():
    with concurrent.futures.ThreadPoolExecutor(max_workers=6) as pool:
        squares = list(pool.map(lambda i: i * i, range(3000)))
        bad = pool.submit(lambda: 1 // 0)
        errors = 0
        try:
            bad.result(timeout=30)
        except ZeroDivisionError:
            errors += 1
        futures = [pool.submit(pow, i, 2) for i in range(3000)]
        done = sum(f.result() for f in concurrent.futures.as_completed(futures, timeout=30))
    if done != sum(squares):
        print("executor: the two sums differ", done, sum(squares))
    print(f"executor: {len(squares)} squares, sum {sum(squares)}, {errors} error passed on")


def test_lock():
    lock, counter = threading.Lock(), 0

    def add():
        nonlocal counter
        for _ in range(10000):
            with lock:
                counter += 1

    run(*[add] * 6)
    with lock:
        start = time.monotonic()
        taken = lock.acquire(timeout=0.05)
        late = time.monotonic() - start >= 0.05
    recursive, owners = threading.RLock(), []

    def own():
        with recursive, recursive, recursive:
            owners.append(threading.get_ident())

    run(own, own)
    print(f"lock: {counter} increments, {'timed out' if late and not taken else 'NOT TIMED OUT'}, "
          f"{len(owners)} of 2 owners")


def test_event():
    ping, pong, pings, pongs = threading.Event(), threading.Event(), [], []

    def first():
        for i in range(100):
            pings.append(i)
            ping.set()
            if pong.wait(timeout=30):
                pong.clear()

    def second():
        for i in range(100):
            if ping.wait(timeout=30):
                ping.clear()
                pongs.append(i)
                pong.set()

    run(first, second)
    print(f"event: {len(pings)} pings, {len(pongs)} pongs")


def test_timer():
    fired, never = threading.Event(), threading.Event()
    timer = threading.Timer(0.02, fired.set)
    timer.daemon = True
    cancelled = threading.Timer(30, never.set)
    cancelled.start()
    cancelled.cancel()
    timer.start()
    cancelled.join()
    print("timer: daemon", "fired," if fired.wait(30) else "DID NOT FIRE,",
          "cancelled one", "FIRED" if never.is_set() else "did not")


def test_local():
    local, values = threading.local(), []
    barrier = threading.Barrier(50)

    def keep(value):
        local.value = value
        barrier.wait(timeout=30)
        values.append(local.value)

    run(*(lambda i=i: keep(i) for i in range(50)))
    print(f"thread locals: {len(values)} threads, {len(set(values))} values")


def test_fork():
    """Children of a process with running threads, which start threads in turn."""
    stop, good = threading.Event(), 0
    busy = [threading.Thread(target=lambda: [time.sleep(0) for _ in iter(stop.is_set, True)])
            for _ in range(2)]
    for thread in busy:
        thread.start()
    for _ in range(5):
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            got = queue.Queue()
            run(*[lambda: got.put(1)] * 3)
            os._exit(0 if sum(got.get(timeout=10) for _ in range(3)) == 3 else 1)
        good += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    stop.set()
    for thread in busy:
        thread.join()
    print(f"fork: {good} children with threads of their own")


def test_subprocess():
    answers = []

    def spawn():
        for _ in range(5):
            answers.append(subprocess.run(["echo", "hello"], capture_output=True, check=True,
                                          timeout=30).stdout)

    run(*[spawn] * 4)
    print(f"subprocess: {len(answers)} children, {answers.count(b'hello' + bytes([10]))} answers")


def add_shared(lock, value, times):
    for _ in range(times):
        with lock:
            value.value += 1


def identity(i):
    return i


def test_processes():
    context = multiprocessing.get_context("fork")
    lock, value = context.Lock(), context.Value("i", 0, lock=False)
    workers = [context.Process(target=add_shared, args=(lock, value, 1000)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with context.Pool(2) as pool:
        total = sum(pool.map(identity, range(100)))
    print(f"processes: {value.value} increments under a shared lock, pool sum {total}")


test_queue()
test_condition()
test_barrier()
test_semaphore()
test_executor()
test_lock()
test_event()
test_timer()
test_local()
test_fork()
test_subprocess()
test_processes()
# Left running: the interpreter ends while a daemon thread waits for a lock.
forever = threading.Lock()
forever.acquire()
threading.Thread(target=forever.acquire, daemon=True).start()
