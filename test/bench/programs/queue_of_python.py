"""Two threads put items into a bounded queue and two take them: items a second, and their number."""
import queue
import threading
import time

ITEMS = 100000
items = queue.Queue(64)
taken = []


def put():
    for item in range(ITEMS):
        items.put(item)


def get():
    total = 0
    for _ in range(ITEMS):
        total += items.get()
    taken.append(total)


threads = [threading.Thread(target=body) for body in (put, put, get, get)]
start = time.monotonic()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
seconds = time.monotonic() - start
assert sum(taken) == ITEMS * (ITEMS - 1), "items are missing"
print(2 * ITEMS / seconds, 2 * ITEMS)
