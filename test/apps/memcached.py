"""A client load for memcached: eight connections, every reply checked.

Each connection writes, reads, counts and deletes keys of its own; all of them increment one
shared counter, and all of them change one shared value by compare-and-swap until each has
succeeded its share of times, so that a lost update shows in the sums.
"""

import socket
import sys
import threading
import time

CONNECTIONS = 8
ROUNDS = 100
BATCH = 100
CAS_EACH = 500


class Client:
    def __init__(self, port):
        # The server may still be starting.
        deadline = time.monotonic() + 10
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.file = self.socket.makefile("rb")

    def send(self, text):
        self.socket.sendall(text.encode())

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("the server closed the connection")
        return line[:-2].decode()

    def ask(self, text):
        self.send(text + "\r\n")
        return self.line()

    def value(self):
        """One answer to get or gets: the words of its first line and the data, or None."""
        words = self.line().split()
        if words == ["END"]:
            return None, None
        data = self.file.read(int(words[3]) + 2)[:-2].decode()
        if self.line() != "END":
            raise ValueError("no END")
        return words, data

    def stats(self):
        self.send("stats\r\n")
        result = {}
        while (words := self.line().split())[0] != "END":
            result[words[1]] = words[2]
        return result


class Tally:
    def __init__(self):
        self.wrong = self.sets = self.gets = self.cas = 0

    def check(self, right):
        self.wrong += not right


def load(port, me, tally):
    client = Client(port)
    for round_ in range(ROUNDS):
        keys = range(round_ * BATCH, (round_ + 1) * BATCH)
        text = {k: f"{me}:{k}:" + "x" * (k * 37 % 700) for k in keys}
        client.send("".join(f"set k{me}.{k} 0 0 {len(text[k])}\r\n{text[k]}\r\n" for k in keys))
        for k in keys:
            tally.check(client.line() == "STORED")
            tally.sets += 1
        client.send("".join(f"get k{me}.{k}\r\n" for k in keys))
        for k in keys:
            tally.check(client.value()[1] == text[k])
            tally.gets += 1
        client.send("".join("incr counter 1\r\n" for _ in range(50)))
        last = 0
        for _ in range(50):
            now = int(client.line())
            tally.check(now > last)
            last = now
        client.send("".join(f"delete k{me}.{k}\r\n" for k in keys if k % 3 == 0))
        for k in keys:
            if k % 3 == 0:
                tally.check(client.line() == "DELETED")
        client.send("".join(f"get k{me}.{k}\r\n" for k in keys if k % 3 == 0))
        for k in keys:
            if k % 3 == 0:
                tally.check(client.value() == (None, None))
    while tally.cas < CAS_EACH:
        client.send("gets total\r\n")
        words, data = client.value()
        new = str(int(data) + 1)
        answer = client.ask(f"cas total 0 0 {len(new)} {words[4]}\r\n{new}")
        tally.check(answer in ("STORED", "EXISTS"))
        tally.cas += answer == "STORED"


def main():
    port = int(sys.argv[1])
    client = Client(port)
    print("threads", client.stats()["threads"])
    for key in ("counter", "total"):
        if client.ask(f"set {key} 0 0 1\r\n0") != "STORED":
            raise ValueError("the shared values could not be stored")

    tallies = [Tally() for _ in range(CONNECTIONS)]
    failures = []

    def guarded(me):
        try:
            load(port, me, tallies[me])
        except Exception as error:
            failures.append(f"connection {me}: {error!r}")

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        print(failure)

    for name in ("wrong", "sets", "gets"):
        print(name, sum(getattr(t, name) for t in tallies))
    client.send("get counter\r\n")
    print("counter", client.value()[1])
    client.send("get total\r\n")
    print("cas", client.value()[1])

    # More than the cache holds: the maintenance threads must make room while items arrive.
    big = "y" * 200_000
    for i in range(600):
        if client.ask(f"set big{i} 0 0 {len(big)}\r\n{big}") != "STORED":
            print("a big item was refused")
            break
    client.send("get big599\r\n")
    if client.value()[1] == big and int(client.stats()["evictions"]) > 0:
        print("evicted and refilled")


main()
