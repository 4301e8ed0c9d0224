/* Who is alive: alive.h has the contract. */
#include "alive.h"

#include <arch_syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

bool alive_recovers;

void alive_recover(void)
{
    alive_recovers = true;
}

/* Where the kernel cannot wipe pages nobody is named: a child would not know that it is one. */
void alive_learn(void)
{
    uint32_t generation = self_generation();
    self.process = (struct process){.generation = generation};
    if (generation == 0)
        return;
    struct stat namespace;
    long pid = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    long error = arch_syscall(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/ns/pid", (long)&namespace,
                              0, 0, 0);
    if (error || pid <= 0 || pid >> PROCESS_BITS)
        return;
    self.process.pid = pid;
    self.process.namespace = namespace.st_ino;
}

/*
 * 1 and 0 if the kernel says so, else -1. Of a number that no process has, but a thread, kernels say
 * EINVAL or ENOENT.
 */
static int has_ended(uint32_t pid)
{
    long fd = arch_syscall(SYS_pidfd_open, pid, 0, 0, 0, 0, 0);
    if (fd < 0)
        return fd == -ESRCH ? 1 : -1;
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    struct timespec none = {0};
    long ready = arch_syscall(SYS_ppoll, (long)&poll, 1, (long)&none, 0, 0, 0);
    arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    return ready < 0 ? -1 : ready > 0 && (poll.revents & POLLIN);
}

/* (kill(2) would take a thread of that number for its process.) */
bool alive_process_is_gone(uint32_t pid)
{
    int ended = has_ended(pid);
    return ended >= 0 ? ended : arch_syscall(SYS_tgkill, pid, pid, 0, 0, 0, 0) == -ESRCH;
}

/* An initial thread that is a zombie may be all that is left of its process. */
bool alive_thread_is_gone(uint32_t tid)
{
    return arch_syscall(SYS_tkill, tid, 0, 0, 0, 0, 0) == -ESRCH || has_ended(tid) == 1;
}

struct text {
    char letters[160];
    unsigned length;
};

static void add_text(struct text *text, const char *more)
{
    while (*more && text->length < sizeof text->letters)
        text->letters[text->length++] = *more++;
}

static void add_number(struct text *text, uint64_t number, unsigned base)
{
    char digits[24];
    unsigned at = sizeof digits;
    digits[--at] = 0;
    do
        digits[--at] = "0123456789abcdef"[number % base];
    while (number /= base);
    add_text(text, digits + at);
}

void alive_report(const char *what, const void *object, uint32_t tid)
{
    struct text text = {.length = 0};
    add_text(&text, "furwock: ");
    add_text(&text, what);
    add_text(&text, " at 0x");
    add_number(&text, (uintptr_t)object, 16);
    add_text(&text, tid ? ": thread " : ": a thread");
    if (tid)
        add_number(&text, tid, 10);
    add_text(&text, " has died holding it; it goes to the next\n");
    arch_syscall(SYS_write, 2, (long)text.letters, text.length, 0, 0, 0);
}
